package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/fault"
)

var _ alert.Store = (*DB)(nil)

// call leaves word, in the transaction of a fact, that somebody has to judge
// it. Asked for again before that, it is one call.
func call(ctx context.Context, tx *sql.Tx, kind alert.CallKind, subject string, at time.Time) error {
	_, err := tx.ExecContext(ctx, callSQL, string(kind), subject, at.UnixMicro())
	return err
}

const callSQL = `INSERT INTO alert_calls (kind, subject, rev, called_at, due_at) VALUES ($1, $2, 1, $3, $3)
	ON CONFLICT (kind, subject) DO UPDATE SET rev = alert_calls.rev + 1,
	  due_at = CASE WHEN excluded.due_at < alert_calls.due_at THEN excluded.due_at ELSE alert_calls.due_at END`

// Calls are those due at a time, the longest due first.
func (db *DB) Calls(ctx context.Context, now time.Time, limit int) ([]alert.Call, error) {
	return list(ctx, db, "read what has to be judged", func(r *sql.Rows) (alert.Call, error) {
		var c alert.Call
		var at int64
		err := r.Scan(&c.Kind, &c.Subject, &c.Rev, &at)
		c.At = moment(at)
		return c, err
	}, `SELECT kind, subject, rev, called_at FROM alert_calls WHERE due_at <= $1 OR due_at > $2 ORDER BY due_at LIMIT $3`,
		now.UnixMicro(), now.Add(24*time.Hour).UnixMicro(), limit) // further ahead than anybody waits: a clock was set back
}

// CronJob reads one job. NotFound.
func (db *DB) CronJob(ctx context.Context, id int64) (cron.Job, error) {
	all, err := list(ctx, db, "read a cron job", scanJob, `SELECT `+jobColumns+` FROM cron_jobs WHERE id = $1`, id)
	if err != nil {
		return cron.Job{}, err
	}
	if len(all) == 0 {
		return cron.Job{}, fault.New(fault.NotFound, "There is no such job.")
	}
	return all[0], nil
}

// conditionState is what of a condition no query looks at.
type conditionState struct {
	Folded bool        `json:"folded,omitempty"`
	Since  time.Time   `json:"since,omitzero"`
	Seen   time.Time   `json:"seen,omitzero"`
	Flips  []time.Time `json:"flips,omitempty"`
}

const conditionColumns = `project, environment, event, subject, rev, bad, incident, state`

func scanCondition(r row) (c alert.Condition, err error) {
	var text string
	if err = r.Scan(&c.Project, &c.Environment, &c.Event, &c.Subject, &c.Rev, &c.Bad, &c.Incident, &text); err != nil {
		return c, err
	}
	var s conditionState
	err = json.Unmarshal([]byte(text), &s)
	c.Folded, c.Since, c.Seen, c.Flips = s.Folded, s.Since, s.Seen, s.Flips
	return c, err
}

// Condition reads one; the zero value with its key when there is none.
func (db *DB) Condition(ctx context.Context, k alert.Key) (alert.Condition, error) {
	c, err := scanCondition(db.read.QueryRowContext(ctx, `SELECT `+conditionColumns+` FROM alert_conditions
		WHERE project = $1 AND environment = $2 AND event = $3 AND subject = $4`, k.Project, k.Environment, k.Event, k.Subject))
	if errors.Is(err, sql.ErrNoRows) {
		return alert.Condition{Key: k}, nil
	}
	return c, db.fault(err, "read what is known of an alarm")
}

// ConditionsOf are those that belong to an incident.
func (db *DB) ConditionsOf(ctx context.Context, incident string) ([]alert.Condition, error) {
	return list(ctx, db, "read what belongs to an incident", func(r *sql.Rows) (alert.Condition, error) { return scanCondition(r) },
		`SELECT `+conditionColumns+` FROM alert_conditions WHERE incident = $1 ORDER BY project, environment, event, subject`, incident)
}

// incidentState is what of an incident no query looks at.
type incidentState struct {
	Severity       alert.Severity  `json:"severity"`
	Title          string          `json:"title"`
	Reason         string          `json:"reason,omitempty"`
	ClosedBy       string          `json:"closedBy,omitempty"`
	AcknowledgedAt *time.Time      `json:"acknowledgedAt,omitempty"`
	AcknowledgedBy string          `json:"acknowledgedBy,omitempty"`
	SnoozedUntil   *time.Time      `json:"snoozedUntil,omitempty"`
	Flapping       bool            `json:"flapping,omitempty"`
	Operation      string          `json:"operation,omitempty"`
	Suspects       []alert.Suspect `json:"suspects,omitempty"`
	Remains        []string        `json:"remains,omitempty"`
	Folded         int             `json:"folded,omitempty"`
	Parent         string          `json:"parent,omitempty"`
	Reminded       int             `json:"reminded,omitempty"`
}

const incidentColumns = `id, project, environment, event, subject, rev, opened_at, closed_at, remind_at, state`

func scanIncident(r row) (i alert.Incident, err error) {
	var opened int64
	var closed, remind sql.NullInt64
	var text string
	if err = r.Scan(&i.ID, &i.Project, &i.Environment, &i.Event, &i.Subject, &i.Rev, &opened, &closed, &remind, &text); err != nil {
		return i, err
	}
	var s incidentState
	err = json.Unmarshal([]byte(text), &s)
	i.OpenedAt, i.RemindAt = moment(opened), timeOf(remind)
	if closed.Valid {
		i.ClosedAt = new(timeOf(closed))
	}
	i.Severity, i.Title, i.Reason, i.ClosedBy = s.Severity, s.Title, s.Reason, s.ClosedBy
	i.AcknowledgedAt, i.AcknowledgedBy, i.SnoozedUntil, i.Flapping = s.AcknowledgedAt, s.AcknowledgedBy, s.SnoozedUntil, s.Flapping
	i.Operation, i.Folded, i.Parent, i.Reminded = s.Operation, s.Folded, s.Parent, s.Reminded
	i.Suspects, i.Remains = append([]alert.Suspect{}, s.Suspects...), append([]string{}, s.Remains...)
	return i, err
}

func incidentText(i *alert.Incident) (string, error) {
	text, err := json.Marshal(incidentState{
		Severity: i.Severity, Title: i.Title, Reason: i.Reason, ClosedBy: i.ClosedBy, AcknowledgedAt: i.AcknowledgedAt, AcknowledgedBy: i.AcknowledgedBy,
		SnoozedUntil: i.SnoozedUntil, Flapping: i.Flapping, Operation: i.Operation, Suspects: i.Suspects, Remains: i.Remains, Folded: i.Folded,
		Parent: i.Parent, Reminded: i.Reminded,
	})
	return string(text), err
}

// Incidents answers incidents without their timelines, newest first.
func (db *DB) Incidents(ctx context.Context, q alert.Query) ([]alert.Incident, error) {
	before := q.Before
	if before.IsZero() {
		before = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	where := ""
	if q.Open {
		where = " AND closed_at IS NULL"
	}
	return list(ctx, db, "read the incidents", func(r *sql.Rows) (alert.Incident, error) { return scanIncident(r) },
		`SELECT `+incidentColumns+` FROM alert_incidents WHERE ($1 = '' OR project = $1) AND opened_at < $2`+where+` ORDER BY opened_at DESC, id LIMIT $3`,
		q.Project, before.UnixMicro(), q.Limit)
}

// Incident reads one with its timeline.
func (db *DB) Incident(ctx context.Context, id string) (alert.Incident, error) {
	i, err := scanIncident(db.read.QueryRowContext(ctx, `SELECT `+incidentColumns+` FROM alert_incidents WHERE id = $1`, id))
	if err != nil {
		return i, db.fault(missing(err, "There is no such incident."), "read the incident")
	}
	i.Timeline, err = list(ctx, db, "read the incident", func(r *sql.Rows) (alert.Entry, error) {
		var e alert.Entry
		var at int64
		err := r.Scan(&e.Incident, &at, &e.ID, &e.Kind, &e.Text, &e.By)
		e.At = moment(at)
		return e, err
	}, `SELECT incident, at, id, kind, text, by_name FROM alert_entries WHERE incident = $1 ORDER BY at, id`, id)
	return i, err
}

// OpenIncidents counts those that last.
func (db *DB) OpenIncidents(ctx context.Context, project string) (int, error) {
	var n int
	err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM alert_incidents WHERE closed_at IS NULL AND project = $1`, project).Scan(&n)
	return n, db.fault(err, "count the incidents")
}

// Reminders are the open incidents whose time to remind has come.
func (db *DB) Reminders(ctx context.Context, now time.Time) ([]alert.Incident, error) {
	return list(ctx, db, "read the incidents", func(r *sql.Rows) (alert.Incident, error) { return scanIncident(r) },
		`SELECT `+incidentColumns+` FROM alert_incidents WHERE closed_at IS NULL AND remind_at <= $1 ORDER BY opened_at LIMIT 100`, now.UnixMicro())
}

// Mark reads how far something was told.
func (db *DB) Mark(ctx context.Context, name string) (int64, error) {
	var n int64
	err := db.read.QueryRowContext(ctx, `SELECT value FROM alert_marks WHERE name = $1`, name).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, db.fault(err, "read how far something was told")
}

// Apply commits a change, or nothing.
func (db *DB) Apply(ctx context.Context, c alert.Change) error {
	do := func(tx *sql.Tx) error { return applyAlert(ctx, tx, &c) }
	var err error
	if c.Receipt == nil {
		err = db.tx(ctx, "write down what goes wrong", do)
	} else {
		err = db.audited(ctx, "change the incident", *c.Receipt, do)
	}
	// Two that were first at once: the loser looks again.
	if err != nil && troubleOf(err) == unique {
		return alert.ErrMoved
	}
	if errors.Is(err, alert.ErrMoved) {
		return alert.ErrMoved
	}
	return err
}

func applyAlert(ctx context.Context, tx *sql.Tx, c *alert.Change) error {
	if c.Link != "" {
		res, err := tx.ExecContext(ctx, `INSERT INTO alert_links (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, c.Link, c.LinkEnd.UnixMicro())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "This link was used already."))
		}
	}
	if m := c.Mark; m != nil {
		res, err := tx.ExecContext(ctx, `INSERT INTO alert_marks (name, value) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE alert_marks.value = $3`, m.Name, m.To, m.From)
		if err := moved(res, err); err != nil {
			return err
		}
	}
	// In one order, so that two processes never wait for each other.
	incidents := slices.Clone(c.Incidents)
	slices.SortFunc(incidents, func(a, b alert.Incident) int { return strings.Compare(a.ID, b.ID) })
	for i := range incidents {
		if err := putIncident(ctx, tx, &incidents[i]); err != nil {
			return err
		}
	}
	conditions := slices.Clone(c.Conditions)
	slices.SortFunc(conditions, func(a, b alert.Condition) int {
		return strings.Compare(a.Project+"\x00"+a.Environment+"\x00"+string(a.Event)+"\x00"+a.Subject, b.Project+"\x00"+b.Environment+"\x00"+string(b.Event)+"\x00"+b.Subject)
	})
	for i := range conditions {
		if err := putCondition(ctx, tx, &conditions[i]); err != nil {
			return err
		}
	}
	for i := range c.Entries {
		if err := putEntry(ctx, tx, &c.Entries[i]); err != nil {
			return err
		}
	}
	for _, id := range c.Silence {
		if _, err := tx.ExecContext(ctx, `UPDATE alert_messages SET done_at = due_at, outcome = 'dropped' WHERE incident = $1 AND done_at IS NULL AND owner = ''`, id); err != nil {
			return err
		}
	}
	for i := range c.Messages {
		if err := putMessage(ctx, tx, &c.Messages[i], i); err != nil {
			return err
		}
	}
	return endCall(ctx, tx, c)
}

// moved makes sure that a conditional write hit its row.
func moved(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = alert.ErrMoved
	}
	return err
}

func putIncident(ctx context.Context, tx *sql.Tx, i *alert.Incident) error {
	text, err := incidentText(i)
	if err != nil {
		return err
	}
	var closed time.Time
	if i.ClosedAt != nil {
		closed = *i.ClosedAt
	}
	if i.Rev == 0 {
		_, err := tx.ExecContext(ctx, `INSERT INTO alert_incidents (`+incidentColumns+`) VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9)`,
			i.ID, i.Project, i.Environment, i.Event, i.Subject, i.OpenedAt.UnixMicro(), micros(closed), micros(i.RemindAt), text)
		return err
	}
	return moved(tx.ExecContext(ctx, `UPDATE alert_incidents SET rev = rev + 1, closed_at = $1, remind_at = $2, state = $3 WHERE id = $4 AND rev = $5`,
		micros(closed), micros(i.RemindAt), text, i.ID, i.Rev))
}

func putCondition(ctx context.Context, tx *sql.Tx, c *alert.Condition) error {
	raw, err := json.Marshal(conditionState{Folded: c.Folded, Since: c.Since, Seen: c.Seen, Flips: c.Flips})
	if err != nil {
		return err
	}
	if c.Rev == 0 {
		return moved(tx.ExecContext(ctx, `INSERT INTO alert_conditions (`+conditionColumns+`) VALUES ($1, $2, $3, $4, 1, $5, $6, $7) ON CONFLICT DO NOTHING`,
			c.Project, c.Environment, c.Event, c.Subject, c.Bad, c.Incident, string(raw)))
	}
	return moved(tx.ExecContext(ctx, `UPDATE alert_conditions SET rev = rev + 1, bad = $1, incident = $2, state = $3
		WHERE project = $4 AND environment = $5 AND event = $6 AND subject = $7 AND rev = $8`,
		c.Bad, c.Incident, string(raw), c.Project, c.Environment, c.Event, c.Subject, c.Rev))
}

func putEntry(ctx context.Context, tx *sql.Tx, e *alert.Entry) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO alert_entries (incident, at, id, kind, text, by_name) VALUES ($1, $2, $3, $4, $5, $6)`,
		e.Incident, e.At.UnixMicro(), e.ID, e.Kind, e.Text, e.By)
	return err
}

// endCall takes a call away, or puts it off, unless it was made again meanwhile.
func endCall(ctx context.Context, tx *sql.Tx, c *alert.Change) error {
	if d := c.Done; d != nil {
		if _, err := tx.ExecContext(ctx, `DELETE FROM alert_calls WHERE kind = $1 AND subject = $2 AND rev = $3`, d.Kind, d.Subject, d.Rev); err != nil {
			return err
		}
	}
	if l := c.Later; l != nil {
		_, err := tx.ExecContext(ctx, `UPDATE alert_calls SET due_at = $1 WHERE kind = $2 AND subject = $3 AND rev = $4`, l.Due.UnixMicro(), l.Kind, l.Subject, l.Rev)
		return err
	}
	return nil
}

// SweepAlerts deletes incidents that ended before a time, with what belongs to
// them, messages that are no incident's, and links that do not work any more.
func (db *DB) SweepAlerts(ctx context.Context, before, now time.Time) error {
	const old = `SELECT id FROM alert_incidents WHERE closed_at < $1`
	return db.tx(ctx, "sweep old incidents", func(tx *sql.Tx) error {
		for _, q := range []string{
			`DELETE FROM alert_entries WHERE incident IN (` + old + `)`,
			`DELETE FROM alert_messages WHERE done_at IS NOT NULL AND incident IN (` + old + `)`,
			`DELETE FROM alert_incidents WHERE closed_at < $1`,
			`DELETE FROM alert_conditions WHERE NOT bad AND event LIKE 'release.%' AND NOT EXISTS (SELECT 1 FROM alert_incidents i WHERE i.event = alert_conditions.event AND i.subject = alert_conditions.subject) AND CAST($1 AS BIGINT) > 0`,
		} {
			if _, err := tx.ExecContext(ctx, q, before.UnixMicro()); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM alert_messages WHERE incident = '' AND done_at < $1`, now.AddDate(0, 0, -30).UnixMicro()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM alert_links WHERE expires_at < $1`, now.UnixMicro())
		return err
	})
}
