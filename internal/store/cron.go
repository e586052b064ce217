package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/cron/expr"
)

var _ cron.Store = (*DB)(nil)

const (
	jobColumns = `id, project, environment, path, variant, schedule, dialect, zone, period_us, source,
	grace_us, max_run_us, early_us, ping, active, since, created_at`
	runColumns = `job, at, seq, run_id, state, timing, slot, ended_at, duration_us, overran,
	status_code, exit_code, error, via, commit_sha, output, output_id, begun`
	sumColumns = `job, at, good, failed, late, missed, timed, total_us, max_us`
)

// CronsShared says that other processes write to the same database.
func (db *DB) CronsShared() bool { return db.path == "" }

// CronJobs lists every job.
func (db *DB) CronJobs(ctx context.Context) ([]cron.Job, error) {
	return list(ctx, db, "list the cron jobs", scanJob, `SELECT `+jobColumns+` FROM cron_jobs ORDER BY project, environment, path, variant`)
}

// CronKept is what has to be known of a job before anything can be decided.
func (db *DB) CronKept(ctx context.Context, job int64, recent int, since time.Time) (cron.Kept, error) {
	var kept cron.Kept
	err := db.covered(ctx, job, func(q rowsFrom, c cover) (err error) {
		if kept, err = keptRuns(ctx, q, job, recent, c); err != nil {
			return err
		}
		kept.Hours, err = sumsOf(ctx, q, job, "h", since, time.UnixMicro(1<<62), c)
		return err
	})
	return kept, db.fault(err, "read a cron job's runs")
}

type rowsFrom interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func keptRuns(ctx context.Context, q rowsFrom, job int64, recent int, c cover) (kept cron.Kept, err error) {
	if kept.Open, err = scanAll(ctx, q, scanRun, `SELECT `+runColumns+` FROM cron_runs WHERE job = $1 AND ended_at IS NULL ORDER BY at, seq`, job); err != nil {
		return kept, err
	}
	kept.Open = c.lay(kept.Open, func(r *runRow) bool { return r.EndedAt == 0 })
	if kept.Recent, err = scanAll(ctx, q, scanRun, `SELECT `+runColumns+` FROM
		(SELECT * FROM cron_runs WHERE job = $1 ORDER BY at DESC, seq DESC LIMIT $2) AS newest ORDER BY at, seq`, job, recent); err != nil {
		return kept, err
	}
	kept.Recent = c.lay(kept.Recent, func(*runRow) bool { return true })
	kept.Recent = kept.Recent[max(0, len(kept.Recent)-recent):]
	kept.Misses, err = scanAll(ctx, q, scanMiss, `SELECT job, slot, deadline, noticed_at, operation, quiet FROM
		(SELECT * FROM cron_misses WHERE job = $1 ORDER BY slot DESC LIMIT $2) AS newest ORDER BY slot`, job, recent)
	return kept, err
}

// CronWatches are the spans in which servers were there.
func (db *DB) CronWatches(ctx context.Context, since time.Time) ([]cron.Watch, error) {
	return list(ctx, db, "read when servers were there", func(r *sql.Rows) (cron.Watch, error) {
		var w cron.Watch
		var from, to int64
		err := r.Scan(&w.ID, &from, &to)
		w.From, w.To = moment(from), moment(to)
		return w, err
	}, `SELECT id, from_at, to_at FROM cron_watches WHERE to_at >= $1 ORDER BY from_at`, since.UnixMicro())
}

// CronRuns lists a job's runs that began in [from, to), newest first.
func (db *DB) CronRuns(ctx context.Context, job int64, from, to time.Time, limit int) ([]cron.Run, error) {
	var runs []cron.Run
	err := db.covered(ctx, job, func(q rowsFrom, c cover) (err error) {
		runs, err = scanAll(ctx, q, scanRun,
			`SELECT `+runColumns+` FROM cron_runs WHERE job = $1 AND at >= $2 AND at < $3 ORDER BY at DESC, seq DESC LIMIT $4`,
			job, from.UnixMicro(), to.UnixMicro(), limit)
		if err != nil || len(c.runs) == 0 {
			return err
		}
		slices.Reverse(runs)
		runs = c.lay(runs, func(r *runRow) bool { return r.At >= from.UnixMicro() && r.At < to.UnixMicro() })
		slices.Reverse(runs)
		runs = runs[:min(limit, len(runs))]
		return nil
	})
	return runs, db.fault(err, "read a cron job's runs")
}

// CronOutput is what a run printed, nil when nothing is kept.
func (db *DB) CronOutput(ctx context.Context, job int64, at time.Time, seq int) (body []byte, err error) {
	err = db.covered(ctx, job, func(q rowsFrom, c cover) error {
		if id, there := c.output(at.UnixMicro(), seq); there {
			return q.QueryRowContext(ctx, `SELECT body FROM cron_outputs WHERE id = $1`, id).Scan(&body)
		}
		return q.QueryRowContext(ctx, `SELECT body FROM cron_outputs WHERE id = (SELECT output_id FROM cron_runs WHERE job = $1 AND at = $2 AND seq = $3)`,
			job, at.UnixMicro(), seq).Scan(&body)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return body, db.fault(err, "read what a run printed")
}

// CronMisses lists the slots of a job in [from, to) that were missed.
func (db *DB) CronMisses(ctx context.Context, job int64, from, to time.Time) ([]cron.Miss, error) {
	return list(ctx, db, "read what a cron job missed", scanMiss,
		`SELECT job, slot, deadline, noticed_at, operation, quiet FROM cron_misses WHERE job = $1 AND slot >= $2 AND slot < $3 ORDER BY slot`,
		job, from.UnixMicro(), to.UnixMicro())
}

// CronSums are a job's sums in [from, to). Of days it is what the last sweep
// has summed up.
func (db *DB) CronSums(ctx context.Context, job int64, daily bool, from, to time.Time) (sums []cron.Sum, err error) {
	const what = "read a cron job's sums"
	if daily {
		sums, err = sumsOf(ctx, db.read, job, "d", from, to, cover{})
		return sums, db.fault(err, what)
	}
	err = db.covered(ctx, job, func(q rowsFrom, c cover) (err error) {
		sums, err = sumsOf(ctx, q, job, "h", from, to, c)
		return err
	})
	return sums, db.fault(err, what)
}

func sumsOf(ctx context.Context, q rowsFrom, job int64, span string, from, to time.Time, c cover) ([]cron.Sum, error) {
	sums, err := scanAll(ctx, q, scanSum,
		`SELECT `+sumColumns+` FROM cron_sums WHERE job = $1 AND span = $2 AND at >= $3 AND at < $4 ORDER BY at`,
		job, span, from.UnixMicro(), to.UnixMicro())
	return c.count(sums, from, to), err
}

// CronRunAsked records that somebody asked for a run now.
func (db *DB) CronRunAsked(ctx context.Context, r access.Receipt) error {
	return db.audited(ctx, "record that a run was asked for", r, func(*sql.Tx) error { return nil })
}

// sweepRows is how many rows one sweep deletes of each table, so that reports
// never wait long for it.
const sweepRows = 5000

// SweepCrons sums up a job's whole days and deletes what is older than it is
// kept. Both go along the clustered key, never through a table.
func (db *DB) SweepCrons(ctx context.Context, job int64, keep cron.Keep) (more bool, err error) {
	if err := db.settleBefore(ctx, job, keep.Raw); err != nil {
		return false, err
	}
	err = db.tx(ctx, "sweep old cron runs", func(tx *sql.Tx) error {
		more = false
		// Days are summed from their hours, which are kept for much longer than
		// the sweep can ever be late.
		_, err := tx.ExecContext(ctx, `INSERT INTO cron_sums (`+sumColumns+`, span)
			SELECT job, at - at % 86400000000, SUM(good), SUM(failed), SUM(late), SUM(missed), SUM(timed), SUM(total_us), MAX(max_us), 'd'
			FROM cron_sums WHERE job = $1 AND span = 'h' AND at >= $2 GROUP BY job, at - at % 86400000000
			ON CONFLICT (job, span, at) DO UPDATE SET good = excluded.good, failed = excluded.failed, late = excluded.late,
			  missed = excluded.missed, timed = excluded.timed, total_us = excluded.total_us, max_us = excluded.max_us`,
			job, keep.Raw.Truncate(24*time.Hour).UnixMicro())
		if err != nil {
			return err
		}
		for _, d := range []struct {
			query  string
			before time.Time
		}{
			{`DELETE FROM cron_outputs WHERE id IN (SELECT output_id FROM cron_runs WHERE job = $1 AND at < (` + oldest("cron_runs", "at", "") + `) AND output_id <> 0)`, keep.Raw},
			{`DELETE FROM cron_runs WHERE job = $1 AND at < (` + oldest("cron_runs", "at", "") + `)`, keep.Raw},
			{`DELETE FROM cron_misses WHERE job = $1 AND slot < (` + oldest("cron_misses", "slot", "") + `)`, keep.Hours},
			{`DELETE FROM cron_sums WHERE job = $1 AND span = 'h' AND at < (` + oldest("cron_sums", "at", "AND span = 'h'") + `)`, keep.Hours},
			{`DELETE FROM cron_sums WHERE job = $1 AND span = 'd' AND at < (` + oldest("cron_sums", "at", "AND span = 'd'") + `)`, keep.Days},
		} {
			res, err := tx.ExecContext(ctx, d.query, job, d.before.UnixMicro(), sweepRows)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err == nil && n >= sweepRows {
				more = true
			}
		}
		return nil
	})
	return more, err
}

// settleBefore makes sure that a job's runs from before a time are in the table.
func (db *DB) settleBefore(ctx context.Context, job int64, at time.Time) error {
	if db.journal == nil {
		return nil
	}
	if due, err := db.journal.before(ctx, job, at); err != nil || !due {
		return db.fault(err, "read what was reported of a cron job")
	}
	return db.journal.settleAll(ctx)
}

// oldest is where one sweep of a job stops: at the time, or after so many rows.
func oldest(table, column, also string) string {
	return `SELECT COALESCE(MAX(` + column + `) + 1, 0) FROM (SELECT ` + column + ` FROM ` + table +
		` WHERE job = $1 ` + also + ` AND ` + column + ` < $2 ORDER BY ` + column + ` LIMIT $3) AS due`
}

// SweepCronWatches forgets spans that ended before a time.
func (db *DB) SweepCronWatches(ctx context.Context, before time.Time) error {
	_, err := db.write.ExecContext(ctx, `DELETE FROM cron_watches WHERE to_at < $1`, before.UnixMicro())
	return db.fault(err, "forget when servers were there")
}

func scanAll[T any](ctx context.Context, q rowsFrom, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

func scanJob(r *sql.Rows) (j cron.Job, err error) {
	var dialect, source string
	var period, grace, maxRun, early, since, created int64
	err = r.Scan(&j.ID, &j.Project, &j.Environment, &j.Path, &j.Variant, &j.Schedule, &dialect, &j.Zone, &period, &source,
		&grace, &maxRun, &early, &j.Ping, &j.Active, &since, &created)
	j.Dialect, j.Source = expr.Dialect(dialect), cron.Source(source)
	j.Period, j.Grace, j.MaxRun, j.Early = microseconds(period), microseconds(grace), microseconds(maxRun), microseconds(early)
	j.Since, j.CreatedAt = moment(since), moment(created)
	return j, err
}

func scanRun(rows *sql.Rows) (r cron.Run, err error) {
	var at int64
	var slot, ended, duration sql.NullInt64
	err = rows.Scan(&r.Job, &at, &r.Seq, &r.ID, &r.State, &r.Timing, &slot, &ended, &duration, &r.Overran,
		&r.StatusCode, &r.ExitCode, &r.Error, &r.Via, &r.Commit, &r.Output, &r.OutputID, &r.Begun)
	r.At, r.Slot, r.EndedAt = moment(at), timeOf(slot), timeOf(ended)
	r.Duration, r.Timed = microseconds(duration.Int64), duration.Valid
	return r, err
}

func scanMiss(rows *sql.Rows) (m cron.Miss, err error) {
	var slot, deadline, noticed int64
	err = rows.Scan(&m.Job, &slot, &deadline, &noticed, &m.Operation, &m.Quiet)
	m.Slot, m.Deadline, m.NoticedAt = moment(slot), moment(deadline), moment(noticed)
	return m, err
}

func scanSum(rows *sql.Rows) (s cron.Sum, err error) {
	var at, total, longest int64
	err = rows.Scan(&s.Job, &at, &s.Good, &s.Failed, &s.Late, &s.Missed, &s.Timed, &total, &longest)
	s.At, s.Total, s.Max = moment(at), microseconds(total), microseconds(longest)
	return s, err
}
