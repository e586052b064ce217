package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/release"
)

var _ release.Store = (*DB)(nil)

const noOperation = "There is no such operation."

// operationState is what of an operation no query looks at.
type operationState struct {
	Message   string                `json:"message"`
	By        release.Who           `json:"by"`
	PhaseAt   time.Time             `json:"phaseAt"`
	From      *release.Build        `json:"from,omitempty"`
	To        *release.Build        `json:"to,omitempty"`
	Back      *release.Build        `json:"back,omitempty"`
	Stayed    []string              `json:"stayed,omitempty"`
	Bake      *release.Watch        `json:"bake,omitempty"`
	Fails     int                   `json:"errorFails,omitempty"`
	Automatic bool                  `json:"automatic,omitempty"`
	Sheet     string                `json:"sheet,omitempty"`
	Approval  *release.Approved     `json:"approval,omitempty"`
	Glass     *release.Glass        `json:"glass,omitempty"`
	Snapshot  *release.Kept         `json:"snapshot,omitempty"`
	Worker    *release.WorkerTarget `json:"worker,omitempty"`
	Work      release.Work          `json:"work"`
}

func stateOf(o *release.Operation) (string, error) {
	s := operationState{
		Message: o.Message, By: o.By, PhaseAt: o.PhaseAt, From: o.From, To: o.To, Back: o.Back, Stayed: o.Stayed,
		Bake: o.Bake, Automatic: o.Automatic, Sheet: o.Sheet, Approval: o.Approval, Glass: o.Glass, Snapshot: o.Snapshot, Worker: o.Worker, Work: o.Work,
	}
	if o.Bake != nil {
		s.Fails = o.Bake.ErrorFails
	}
	text, err := json.Marshal(s)
	return string(text), err
}

const operationColumns = `id, project, environment, action, phase, cause, reason, created_at, ended_at, state`

func scanOperation(r row) (release.Operation, error) {
	var o release.Operation
	var created int64
	var ended sql.NullInt64
	var text string
	if err := r.Scan(&o.ID, &o.Project, &o.Environment, &o.Action, &o.Phase, &o.Cause, &o.Reason, &created, &ended, &text); err != nil {
		return o, missing(err, noOperation)
	}
	var s operationState
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return o, fault.Wrap(fault.Internal, err, "Operation %s cannot be read.", o.ID)
	}
	o.CreatedAt = time.UnixMicro(created).UTC()
	if ended.Valid {
		o.EndedAt = new(timeOf(ended))
	}
	o.Status = o.Phase.Status()
	o.Message, o.By, o.PhaseAt, o.From, o.To, o.Back, o.Stayed = s.Message, s.By, s.PhaseAt, s.From, s.To, s.Back, s.Stayed
	o.Bake, o.Automatic, o.Sheet, o.Approval, o.Glass, o.Snapshot, o.Worker, o.Work = s.Bake, s.Automatic, s.Sheet, s.Approval, s.Glass, s.Snapshot, s.Worker, s.Work
	if o.Work.Before != nil {
		o.Floor = o.Work.Before.Schema
	}
	if o.Bake != nil {
		o.Bake.ErrorFails = s.Fails
	}
	return o, nil
}

// Begin commits an operation with everything that belongs to its beginning.
func (db *DB) Begin(ctx context.Context, op release.Operation, displace string, r access.Receipt) error {
	err := db.audited(ctx, "begin the operation", r, func(tx *sql.Tx) error {
		if displace != "" {
			if err := displaceOperation(ctx, tx, displace, op); err != nil {
				return err
			}
		}
		if err := errors.Join(keepSheet(ctx, tx, op.Compared, op.CreatedAt), useApproval(ctx, tx, &op)); err != nil {
			return err
		}
		state, err := stateOf(&op)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO operations (id, project, environment, action, phase, cause, reason, switched, created_at, updated_at, state)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)`,
			op.ID, op.Project, op.Environment, op.Action, op.Phase, op.Cause, op.Reason, op.Work.Intended, op.CreatedAt.UnixMicro(), state)
		if err != nil {
			return err
		}
		if err := insertRecord(ctx, tx, release.Record{
			ID: op.ID, Action: string(op.Action), Environment: op.RecordEnvironment, From: buildID(op.From), To: buildID(op.To), By: op.By.ID, Reason: op.Reason, At: op.CreatedAt,
		}); err != nil {
			return err
		}
		if op.Work.Ask.Glass { // told at once, and not only at the end
			if err := call(ctx, tx, alert.OperationCall, op.ID, op.CreatedAt); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO jobs (id, due_at) VALUES ($1, $2)`, op.ID, op.CreatedAt.UnixMicro())
		return err
	})
	if troubleOf(err) == unique {
		if live, there, lerr := db.LiveOperation(ctx, op.Project, op.Environment); lerr == nil && there {
			return release.BusyFault(live.ID, op.Environment)
		}
	}
	return err
}

func buildID(b *release.Build) string {
	if b == nil {
		return ""
	}
	return b.ID
}

// displaceOperation cancels an operation that has not begun to switch. Its
// driver finds its lease gone before it can write an intent.
func displaceOperation(ctx context.Context, tx *sql.Tx, id string, by release.Operation) error {
	o, err := scanOperation(tx.QueryRowContext(ctx, `SELECT `+operationColumns+` FROM operations WHERE id = $1`, id))
	if err != nil {
		return err
	}
	o.Phase, o.Cause, o.Message = release.Cancelled, release.CauseDisplaced, "Cancelled before anything was changed, because "+by.By.Name+" asked for a rollback: "+by.ID+"."
	o.PhaseAt = by.CreatedAt
	state, err := stateOf(&o)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `UPDATE operations SET phase = $1, cause = $2, state = $3, updated_at = $4, ended_at = $4 WHERE id = $5 AND ended_at IS NULL AND NOT switched`,
		o.Phase, o.Cause, state, by.CreatedAt.UnixMicro(), id)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, release.BusyFault(id, by.Environment))
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM jobs WHERE id = $1`, id); err != nil {
		return err
	}
	if err := giveBackApproval(ctx, tx, id, o.Phase); err != nil {
		return err
	}
	return closeRecord(ctx, tx, release.Closed{ID: id, Status: release.StatusFailed, At: by.CreatedAt})
}

func insertRecord(ctx context.Context, tx *sql.Tx, r release.Record) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO deployment_audits (id, action, environment, from_deployment_id, to_deployment_id, triggered_by, reason, status, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8) ON CONFLICT (id) DO NOTHING`,
		r.ID, r.Action, r.Environment, orNull(r.From), orNull(r.To), r.By, r.Reason, r.At.UnixMicro())
	return err
}

func closeRecord(ctx context.Context, tx *sql.Tx, c release.Closed) error {
	_, err := tx.ExecContext(ctx, `UPDATE deployment_audits SET status = $1, completed_at = $2,
		from_deployment_id = COALESCE($3, from_deployment_id), to_deployment_id = COALESCE($4, to_deployment_id) WHERE id = $5`,
		c.Status, c.At.UnixMicro(), orNull(c.From), orNull(c.To), c.ID)
	return err
}

func orNull(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// Order leaves an order for a live operation.
func (db *DB) Order(ctx context.Context, id string, o release.Order, now time.Time, r access.Receipt) error {
	text, err := json.Marshal(o)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "The order cannot be written.")
	}
	return db.audited(ctx, "tell the operation", r, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE operations SET orders = $1 WHERE id = $2 AND ended_at IS NULL AND orders = '' AND (NOT switched OR $3)`,
			string(text), id, o.Kind != release.OrderCancel)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			if err == nil {
				err = fault.New(fault.Conflict, "Operation %s has ended, has begun to switch, or has been told something else already. Look at it again.", id)
			}
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE jobs SET due_at = $1 WHERE id = $2 AND due_at > $1`, now.UnixMicro(), id)
		return err
	})
}

// Operation reads one with its steps and what followed it.
func (db *DB) Operation(ctx context.Context, id string) (release.Operation, error) {
	o, err := db.operation(ctx, db.read, id)
	if err != nil {
		return o, err
	}
	switch u, err := followUpOf(ctx, db.read, id); {
	case err == nil:
		o.NewIssues, o.Reports = u.Issues, u.Reports
	case !errors.Is(err, sql.ErrNoRows):
		return o, db.fault(err, "read the operation")
	}
	return o, nil
}

type reader interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (db *DB) operation(ctx context.Context, q reader, id string) (release.Operation, error) {
	o, err := scanOperation(q.QueryRowContext(ctx, `SELECT `+operationColumns+` FROM operations WHERE id = $1`, id))
	if err != nil {
		return o, db.fault(err, "read the operation")
	}
	rows, err := q.QueryContext(ctx, `SELECT step FROM operation_steps WHERE operation_id = $1 ORDER BY seq`, id)
	if err != nil {
		return o, db.fault(err, "read the operation")
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		var s release.Step
		err := rows.Scan(&text)
		if err == nil {
			err = json.Unmarshal([]byte(text), &s)
		}
		if err != nil {
			return o, db.fault(err, "read the operation")
		}
		o.Steps = append(o.Steps, s)
	}
	return o, db.fault(rows.Err(), "read the operation")
}

// Operations answers operations without their steps, newest first.
func (db *DB) Operations(ctx context.Context, q release.Query) ([]release.Operation, error) {
	before := q.Before
	if before.IsZero() {
		before = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return list(ctx, db, "read the operations", func(r *sql.Rows) (release.Operation, error) { return scanOperation(r) },
		`SELECT `+operationColumns+` FROM operations WHERE project = $1 AND created_at < $2 AND ($3 = '' OR environment = $3) ORDER BY created_at DESC LIMIT $4`,
		q.Project, before.UnixMicro(), q.Environment, q.Limit)
}

// LiveOperation is the one that has not ended.
func (db *DB) LiveOperation(ctx context.Context, project, environment string) (release.Operation, bool, error) {
	o, err := scanOperation(db.read.QueryRowContext(ctx, `SELECT `+operationColumns+` FROM operations WHERE project = $1 AND environment = $2 AND ended_at IS NULL`, project, environment))
	if fault.Is(err, fault.NotFound) {
		return o, false, nil
	}
	return o, err == nil, db.fault(err, "read the operations")
}

// OperationMarks answers a text for each project that has operations under way:
// another one after any of them was saved, began or ended.
func (db *DB) OperationMarks(ctx context.Context) (map[string]string, error) {
	type mark struct{ project, text string }
	all, err := list(ctx, db, "read the operations", func(r *sql.Rows) (mark, error) {
		var project string
		var count, last int64
		err := r.Scan(&project, &count, &last)
		return mark{project, strconv.FormatInt(count, 10) + " " + strconv.FormatInt(last, 10)}, err
	}, `SELECT project, COUNT(*), MAX(updated_at) FROM operations WHERE ended_at IS NULL GROUP BY project`)
	if err != nil {
		return nil, err
	}
	marks := make(map[string]string, len(all))
	for _, m := range all {
		marks[m.project] = m.text
	}
	return marks, nil
}

// Claim takes up one operation that nobody drives.
func (db *DB) Claim(ctx context.Context, c release.Claim) (release.Lease, release.Operation, release.Order, bool, error) {
	var l release.Lease
	var o release.Operation
	var order release.Order
	if some, err := db.anyJob(ctx, jobRelease); err != nil || !some {
		return l, o, order, false, err
	}
	found := false
	err := db.tx(ctx, "take up a release", func(tx *sql.Tx) error {
		found = false
		var err error
		if l, err = db.claimJob(ctx, tx, jobRelease, c); errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if o, err = db.operation(ctx, tx, l.Job); err != nil {
			return err
		}
		if order, err = readOrder(ctx, tx, l.Job); err != nil {
			return err
		}
		found = true
		return nil
	})
	return l, o, order, found && err == nil, err
}

func readOrder(ctx context.Context, tx *sql.Tx, id string) (release.Order, error) {
	var o release.Order
	var text string
	if err := tx.QueryRowContext(ctx, `SELECT orders FROM operations WHERE id = $1`, id).Scan(&text); err != nil || text == "" {
		return o, err
	}
	return o, json.Unmarshal([]byte(text), &o)
}

// Renew keeps a lease and answers the order that has come.
func (db *DB) Renew(ctx context.Context, l release.Lease, c release.Claim) (release.Order, error) {
	var order release.Order
	err := db.tx(ctx, "go on with the release", func(tx *sql.Tx) error {
		if err := db.renewJob(ctx, tx, l, c); err != nil {
			return err
		}
		var err error
		order, err = readOrder(ctx, tx, l.Job)
		return err
	})
	return order, err
}

// Save commits what one turn of the machine has done.
func (db *DB) Save(ctx context.Context, l release.Lease, c release.Change) error {
	do := func(tx *sql.Tx) error { return saveChange(ctx, tx, l, c) }
	if c.Receipt == nil {
		return db.tx(ctx, "write down what the release did", do)
	}
	return db.audited(ctx, "write down what the release did", *c.Receipt, do)
}

func saveChange(ctx context.Context, tx *sql.Tx, l release.Lease, c release.Change) error {
	if err := heldJob(ctx, tx, l, c.WakeAt); err != nil {
		return err
	}
	o := c.Operation
	state, err := stateOf(&o)
	if err != nil {
		return err
	}
	var ended time.Time
	if o.EndedAt != nil {
		ended = *o.EndedAt
	}
	res, err := tx.ExecContext(ctx, `UPDATE operations SET phase = $1, cause = $2, switched = $3, updated_at = $4, ended_at = $5, state = $6,
		orders = CASE WHEN $7 THEN '' ELSE orders END
		WHERE id = $8 AND ended_at IS NULL AND (orders = '' OR NOT $9)`,
		o.Phase, o.Cause, o.Work.Intended, c.WakeAt.UnixMicro(), micros(ended), state, c.Obeyed, o.ID, c.Unless)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		if c.Unless {
			return errors.Join(err, release.ErrOrdered)
		}
		return errors.Join(err, release.ErrLost)
	}
	for _, s := range c.Steps {
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO operation_steps (operation_id, seq, step) VALUES ($1, $2, $3)
			ON CONFLICT (operation_id, seq) DO UPDATE SET step = excluded.step`, o.ID, s.Seq, string(text)); err != nil {
			return err
		}
	}
	if err := keepSheet(ctx, tx, o.Compared, c.WakeAt); err != nil {
		return err
	}
	if c.Follow != nil {
		if err := beginFollowUp(ctx, tx, *c.Follow); err != nil {
			return err
		}
	}
	if c.Record != nil {
		if err := insertRecord(ctx, tx, *c.Record); err != nil {
			return err
		}
	}
	for _, closed := range c.Closed {
		if err := closeRecord(ctx, tx, closed); err != nil {
			return err
		}
	}
	if o.EndedAt == nil {
		return nil
	}
	if err := giveBackApproval(ctx, tx, o.ID, o.Phase); err != nil {
		return err
	}
	if err := call(ctx, tx, alert.OperationCall, o.ID, *o.EndedAt); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE jobs SET due_at = $1 WHERE id = $2 AND due_at > $1`, o.EndedAt.UnixMicro(), followJob(o.ID)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM jobs WHERE id = $1`, o.ID)
	return err
}

// Holds are those in force at a time.
func (db *DB) Holds(ctx context.Context, project, environment string, at time.Time) ([]release.Hold, error) {
	return list(ctx, db, "read the holds", func(r *sql.Rows) (release.Hold, error) {
		var h release.Hold
		var created, expires int64
		err := r.Scan(&h.ID, &h.Project, &h.Environment, &h.Reason, &h.By.ID, &h.By.Name, &h.By.Kind, &created, &expires)
		h.CreatedAt, h.ExpiresAt = time.UnixMicro(created).UTC(), time.UnixMicro(expires).UTC()
		return h, err
	}, `SELECT id, project, environment, reason, by_id, by_name, by_kind, created_at, expires_at FROM release_holds
		WHERE project = $1 AND environment = $2 AND expires_at > $3 AND lifted_at IS NULL ORDER BY created_at`, project, environment, at.UnixMicro())
}

// PlaceHold keeps an environment from being promoted to.
func (db *DB) PlaceHold(ctx context.Context, h release.Hold, r access.Receipt) error {
	return db.audited(ctx, "hold the environment", r, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO release_holds (id, project, environment, reason, by_id, by_name, by_kind, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			h.ID, h.Project, h.Environment, h.Reason, h.By.ID, h.By.Name, h.By.Kind, h.CreatedAt.UnixMicro(), h.ExpiresAt.UnixMicro())
		return err
	})
}

// LiftHold ends a hold that is in force.
func (db *DB) LiftHold(ctx context.Context, id string, at time.Time, r access.Receipt) error {
	return db.audited(ctx, "lift the hold", r, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE release_holds SET lifted_at = $1 WHERE id = $2 AND lifted_at IS NULL AND expires_at > $1`, at.UnixMicro(), id)
		return one(res, err, "There is no such hold in force.")
	})
}
