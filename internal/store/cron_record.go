package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/cron"
)

// The statements of an ordinary report. They are prepared once and for all:
// making one takes longer than running it.
const (
	addRunSQL = `INSERT INTO cron_runs (` + runColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT DO NOTHING`
	changeRunSQL = `UPDATE cron_runs SET state = $1, timing = $2, slot = $3, ended_at = $4, duration_us = $5, overran = $6,
		status_code = $7, exit_code = $8, error = $9, commit_sha = $10, output = $11, output_id = $12 WHERE job = $13 AND at = $14 AND seq = $15`
)

var (
	addOutputs = &many{head: `INSERT INTO cron_outputs (id, body) VALUES`, columns: 2}
	addSums    = &many{head: `INSERT INTO cron_sums (job, span, at, good, failed, late, missed, timed, total_us, max_us) VALUES`, columns: 10, tail: `
		ON CONFLICT (job, span, at) DO UPDATE SET good = cron_sums.good + excluded.good, failed = cron_sums.failed + excluded.failed,
		  late = cron_sums.late + excluded.late, missed = cron_sums.missed + excluded.missed, timed = cron_sums.timed + excluded.timed,
		  total_us = cron_sums.total_us + excluded.total_us,
		  max_us = CASE WHEN excluded.max_us > cron_sums.max_us THEN excluded.max_us ELSE cron_sums.max_us END`}
)

// crons is what lasts from one transaction of reports to the next.
type crons struct {
	mu         sync.Mutex
	statements map[string]*sql.Stmt
	places     places
	written    int // statements since the log was carried over
}

// logFull is after how many statements of reports the log is carried over: some
// megabytes.
const logFull = 2000

// places are those of outputs that this process may fill: [next, end).
type places struct{ next, end int64 }

const (
	placesAtOnce = 8192
	placesEnough = 512 // for any transaction
)

// ready prepares what is not prepared yet, and takes out the places: a
// transaction that fails must not give them back, since nobody knows whether
// it was written.
func (c *crons) ready(ctx context.Context, db *DB) (map[string]*sql.Stmt, places, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.statements == nil {
		made := map[string]*sql.Stmt{}
		for _, query := range db.cronStatements() {
			s, err := db.write.PrepareContext(ctx, query)
			if err != nil {
				for _, s := range made {
					_ = s.Close() // the first error is the one that helps
				}
				return nil, places{}, err
			}
			made[query] = s
		}
		c.statements = made
	}
	p := c.places
	c.places = places{}
	return c.statements, p, nil
}

// cronStatements are those of an ordinary report.
func (db *DB) cronStatements() []string {
	texts := []string{addRunSQL, changeRunSQL, callSQL}
	all := []*many{addOutputs, addSums}
	if db.journal != nil {
		texts = []string{addEntrySQL, callSQL}
		all = append(all, settleRuns)
	}
	for _, m := range all {
		for size := range atOnce {
			texts = append(texts, m.text(size, db.journal != nil))
		}
	}
	return texts
}

// keep takes the places that are left, and answers whether the log is full.
func (c *crons) keep(l *cronLedger) (full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.places = l.places
	c.written += l.written
	if full = c.written >= logFull; full {
		c.written = 0
	}
	return full
}

// RecordCrons runs do in one transaction.
func (db *DB) RecordCrons(ctx context.Context, do func(cron.Ledger) error) (err error) {
	const what = "keep the reports of cron jobs"
	statements, from, err := db.crons.ready(ctx, db)
	if err != nil {
		return db.fault(err, what)
	}
	write := func(l *cronLedger) error {
		if err := do(l); err != nil {
			return err
		}
		return l.flush()
	}
	if db.journal != nil {
		w, failed := db.journal.open(ctx)
		if failed != nil {
			return db.fault(failed, what)
		}
		defer func() { w.close(err) }()
		write = func(l *cronLedger) error { return w.record(l, do) }
	}
	var last *cronLedger
	err = db.tx(ctx, what, func(tx *sql.Tx) error {
		l := &cronLedger{ctx: ctx, tx: tx, lasting: statements, statements: map[string]*sql.Stmt{}, places: from, lite: db.journal != nil}
		defer l.close()
		if l.places.end-l.places.next < placesEnough {
			// Before anything of a job is locked, so that replicas never wait for
			// each other crosswise.
			if err := l.reserve(); err != nil {
				return err
			}
		}
		last = l
		return write(l)
	})
	if err == nil && db.crons.keep(last) {
		db.grew()
	}
	return err
}

// cronLedger is one transaction.
type cronLedger struct {
	ctx        context.Context //nolint:containedctx // a ledger lives as long as its transaction
	tx         *sql.Tx
	lasting    map[string]*sql.Stmt // prepared before
	statements map[string]*sql.Stmt // of this transaction
	places     places
	outputs    []output // that are not written yet
	args       []any    // of the statement before
	lite       bool     // on SQLite
	written    int
}

// output is what a run printed.
type output struct {
	id   int64
	body []byte
}

func (l *cronLedger) close() {
	for _, s := range l.statements {
		_ = s.Close() // the transaction is over
	}
}

// prepared is a statement of this transaction: a busy one runs each many times.
func (l *cronLedger) prepared(query string) (*sql.Stmt, error) {
	if s := l.statements[query]; s != nil {
		return s, nil
	}
	if lasting := l.lasting[query]; lasting != nil {
		s := l.tx.StmtContext(l.ctx, lasting)
		l.statements[query] = s
		return s, nil
	}
	s, err := l.tx.PrepareContext(l.ctx, query)
	if err != nil {
		return nil, err
	}
	l.statements[query] = s
	return s, nil
}

// reserve takes the next places for outputs. What is left of the ones before
// stays empty.
func (l *cronLedger) reserve() error {
	err := l.tx.QueryRowContext(l.ctx, `UPDATE cron_places SET next = next + $1 WHERE id = 1 RETURNING next`, placesAtOnce).Scan(&l.places.end)
	l.places.next = l.places.end - placesAtOnce
	return err
}

func (l *cronLedger) exec(query string, args ...any) (bool, error) {
	s, err := l.prepared(query)
	if err != nil {
		return false, err
	}
	l.written++
	res, err := s.ExecContext(l.ctx, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func (l *cronLedger) PutJob(j cron.Job) (cron.Job, error) {
	values := []any{
		j.Project, j.Environment, j.Path, j.Variant, j.Schedule, string(j.Dialect), j.Zone, j.Period.Microseconds(), string(j.Source),
		j.Grace.Microseconds(), j.MaxRun.Microseconds(), j.Early.Microseconds(), j.Ping, j.Active, j.Since.UnixMicro(), j.CreatedAt.UnixMicro(),
	}
	if j.ID != 0 {
		_, err := l.exec(`UPDATE cron_jobs SET project = $1, environment = $2, path = $3, variant = $4, schedule = $5, dialect = $6, zone = $7,
			period_us = $8, source = $9, grace_us = $10, max_run_us = $11, early_us = $12, ping = $13, active = $14, since = $15, created_at = $16
			WHERE id = $17`, append(values, j.ID)...)
		return j, err
	}
	_, err := l.exec(`INSERT INTO cron_jobs (project, environment, path, variant, schedule, dialect, zone, period_us, source,
			grace_us, max_run_us, early_us, ping, active, since, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		ON CONFLICT (project, environment, path, variant) DO NOTHING`, values...)
	if err != nil {
		return j, err
	}
	there, _, err := l.Job(j.Project, j.Environment, j.Path, j.Variant)
	return there, err
}

func (l *cronLedger) Job(project, environment, path, variant string) (cron.Job, bool, error) {
	all, err := scanAll(l.ctx, l.tx, scanJob, `SELECT `+jobColumns+` FROM cron_jobs
		WHERE project = $1 AND environment = $2 AND path = $3 AND variant = $4`, project, environment, path, variant)
	if err != nil || len(all) == 0 {
		return cron.Job{}, false, err
	}
	return all[0], true, nil
}

func (l *cronLedger) AddRun(r cron.Run) (bool, error) {
	row := rowOf(&r)
	return l.exec(addRunSQL, row.values(nil)...)
}

func (l *cronLedger) ChangeRun(r cron.Run) error {
	row := rowOf(&r)
	_, err := l.exec(changeRunSQL,
		int(row.State), int(row.Timing), some(row.Slot), some(row.EndedAt), row.duration(), row.Overran,
		row.Status, row.Exit, row.Error, row.Commit, row.Output, row.OutputID, row.Job, row.At, row.Seq)
	return err
}

// PutOutput keeps what a run printed, in the place of what is kept of it.
func (l *cronLedger) PutOutput(id int64, body []byte) (int64, error) {
	if id != 0 {
		if i := l.waiting(id); i >= 0 {
			l.outputs[i].body = body
			return id, nil
		}
		_, err := l.exec(`UPDATE cron_outputs SET body = $1 WHERE id = $2`, body, id)
		return id, err
	}
	if l.places.next == l.places.end {
		if err := l.reserve(); err != nil {
			return 0, err
		}
	}
	id = l.places.next
	l.places.next++
	l.outputs = append(l.outputs, output{id, body})
	return id, nil
}

func (l *cronLedger) DropOutput(id int64) error {
	if i := l.waiting(id); i >= 0 {
		l.outputs = slices.Delete(l.outputs, i, i+1)
		return nil
	}
	_, err := l.exec(`DELETE FROM cron_outputs WHERE id = $1`, id)
	return err
}

// waiting finds an output that is not written yet; -1 when it is.
func (l *cronLedger) waiting(id int64) int {
	return slices.IndexFunc(l.outputs, func(o output) bool { return o.id == id })
}

// flush writes what waits for the end of the transaction.
func (l *cronLedger) flush() error {
	return l.insert(addOutputs, len(l.outputs), func(args []any, i int) []any {
		return append(args, l.outputs[i].id, l.outputs[i].body)
	})
}

func (l *cronLedger) AddMiss(m cron.Miss) (bool, error) {
	return l.exec(`INSERT INTO cron_misses (job, slot, deadline, noticed_at, operation, quiet) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (job, slot) DO NOTHING`,
		m.Job, m.Slot.UnixMicro(), m.Deadline.UnixMicro(), m.NoticedAt.UnixMicro(), m.Operation, m.Quiet)
}

func (l *cronLedger) DropMiss(job int64, slot time.Time) error {
	_, err := l.exec(`DELETE FROM cron_misses WHERE job = $1 AND slot = $2`, job, slot.UnixMicro())
	return err
}

func (l *cronLedger) AddSums(hours []cron.Sum) error {
	return l.insert(addSums, len(hours), func(args []any, i int) []any {
		s := &hours[i]
		return append(args, s.Job, "h", s.At.UnixMicro(), s.Good, s.Failed, s.Late, s.Missed, s.Timed, s.Total.Microseconds(), s.Max.Microseconds())
	})
}

// Call asks to judge a job, in the transaction of what it did.
func (l *cronLedger) Call(job int64, at time.Time) error {
	_, err := l.exec(callSQL, string(alert.JobCall), strconv.FormatInt(job, 10), at.UnixMicro())
	return err
}

func (l *cronLedger) PutWatch(w cron.Watch) error {
	_, err := l.exec(`INSERT INTO cron_watches (id, from_at, to_at) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET to_at = excluded.to_at`, w.ID, w.From.UnixMicro(), w.To.UnixMicro())
	return err
}

// Kept takes the job's row first, so that processes which share the database
// decide about a job one after the other.
func (l *cronLedger) Kept(job int64, recent int) (cron.Kept, error) {
	if _, err := l.exec(`UPDATE cron_jobs SET id = id WHERE id = $1`, job); err != nil {
		return cron.Kept{}, err
	}
	return keptRuns(l.ctx, l.tx, job, recent, cover{})
}
