package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/lease"
)

var _ database.Store = (*DB)(nil)

const noChange = "There is no such change of a database."

// changeState is what of a change no query looks at.
type changeState struct {
	Environment string                `json:"environment"`
	Message     string                `json:"message"`
	Reason      string                `json:"reason"`
	By          database.Who          `json:"by"`
	Branch      database.BranchRef    `json:"branch"`
	Source      *database.BranchRef   `json:"source,omitempty"`
	At          *time.Time            `json:"at,omitempty"`
	KeepAs      string                `json:"keepAs,omitempty"`
	Losses      []string              `json:"losses"`
	Log         []database.ChangeNote `json:"log"`
	Work        database.ChangeWork   `json:"work"`
}

func changeText(c *database.Change) (string, error) {
	text, err := json.Marshal(changeState{
		Environment: c.Environment, Message: c.Message, Reason: c.Reason, By: c.By, Branch: c.Branch, Source: c.Source, At: c.At,
		KeepAs: c.KeepAs, Losses: c.Losses, Log: c.Log, Work: c.Work,
	})
	return string(text), err
}

const changeColumns = `id, project, kind, phase, created_at, ended_at, state`

func scanChange(r row) (database.Change, error) {
	var c database.Change
	var created int64
	var ended sql.NullInt64
	var text string
	if err := r.Scan(&c.ID, &c.Project, &c.Kind, &c.Phase, &created, &ended, &text); err != nil {
		return c, missing(err, noChange)
	}
	var s changeState
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return c, fault.Wrap(fault.Internal, err, "Change %s cannot be read.", c.ID)
	}
	c.CreatedAt = time.UnixMicro(created).UTC()
	if ended.Valid {
		c.EndedAt = new(timeOf(ended))
	}
	c.Environment, c.Message, c.Reason, c.By, c.Branch, c.Source, c.At = s.Environment, s.Message, s.Reason, s.By, s.Branch, s.Source, s.At
	c.KeepAs, c.Losses, c.Log, c.Work = s.KeepAs, s.Losses, s.Log, s.Work
	return c, nil
}

// BeginChange commits a change with everything that belongs to its beginning.
func (db *DB) BeginChange(ctx context.Context, c database.Change, r access.Receipt) error {
	err := db.audited(ctx, "begin the change", r, func(tx *sql.Tx) error {
		state, err := changeText(&c)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO database_changes (id, project, kind, phase, created_at, updated_at, state) VALUES ($1, $2, $3, $4, $5, $5, $6)`,
			c.ID, c.Project, c.Kind, c.Phase, c.CreatedAt.UnixMicro(), state); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO jobs (id, kind, due_at) VALUES ($1, $2, $3)`, c.ID, jobChange, c.CreatedAt.UnixMicro())
		return err
	})
	if troubleOf(err) == unique {
		live, lerr := scanChange(db.read.QueryRowContext(ctx, `SELECT `+changeColumns+` FROM database_changes WHERE project = $1 AND ended_at IS NULL`, c.Project))
		if lerr == nil {
			return database.BusyFault(live.ID)
		}
	}
	return err
}

// Change reads one.
func (db *DB) Change(ctx context.Context, id string) (database.Change, error) {
	c, err := scanChange(db.read.QueryRowContext(ctx, `SELECT `+changeColumns+` FROM database_changes WHERE id = $1`, id))
	return c, db.fault(err, "read the change")
}

// Changes are a project's, newest first.
func (db *DB) Changes(ctx context.Context, project string, limit int) ([]database.Change, error) {
	return list(ctx, db, "read the changes", func(r *sql.Rows) (database.Change, error) { return scanChange(r) },
		`SELECT `+changeColumns+` FROM database_changes WHERE project = $1 ORDER BY created_at DESC LIMIT $2`, project, limit)
}

// ClaimChange takes up one change that nobody drives.
func (db *DB) ClaimChange(ctx context.Context, c lease.Claim) (lease.Lease, database.Change, bool, error) {
	var l lease.Lease
	var change database.Change
	if some, err := db.anyJob(ctx, jobChange); err != nil || !some {
		return l, change, false, err
	}
	found := false
	err := db.tx(ctx, "take up a change", func(tx *sql.Tx) error {
		found = false
		var err error
		if l, err = db.claimJob(ctx, tx, jobChange, c); errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		change, err = scanChange(tx.QueryRowContext(ctx, `SELECT `+changeColumns+` FROM database_changes WHERE id = $1`, l.Job))
		found = err == nil
		return err
	})
	return l, change, found && err == nil, err
}

// RenewChange keeps a lease.
func (db *DB) RenewChange(ctx context.Context, l lease.Lease, c lease.Claim) error {
	return db.tx(ctx, "go on with the change", func(tx *sql.Tx) error { return db.renewJob(ctx, tx, l, c) })
}

// ReleaseChange gives a lease back before its time.
func (db *DB) ReleaseChange(ctx context.Context, l lease.Lease, due time.Time) error {
	return db.Release(ctx, l, due)
}

// SaveChange commits what was done.
func (db *DB) SaveChange(ctx context.Context, l lease.Lease, c database.Change, now time.Time, r *access.Receipt) error {
	do := func(tx *sql.Tx) error {
		if err := heldJob(ctx, tx, l, now); err != nil {
			return err
		}
		state, err := changeText(&c)
		if err != nil {
			return err
		}
		var ended time.Time
		if c.EndedAt != nil {
			ended = *c.EndedAt
		}
		res, err := tx.ExecContext(ctx, `UPDATE database_changes SET phase = $1, updated_at = $2, ended_at = $3, state = $4 WHERE id = $5 AND ended_at IS NULL`,
			c.Phase, now.UnixMicro(), micros(ended), state, c.ID)
		if err := held(res, err); err != nil {
			return err
		}
		if c.EndedAt != nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM jobs WHERE id = $1`, c.ID)
		}
		return err
	}
	if r == nil {
		return db.tx(ctx, "write down what the change did", do)
	}
	return db.audited(ctx, "write down what the change did", *r, do)
}

// The two statements are whole each: SQL is never put together.
const (
	askSnapshot = `INSERT INTO database_snapshots (operation_id, project, environment, name, branch_id, source_id, source_name, lsn, at, asked_at, kept_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (operation_id) DO NOTHING`
	keepSnapshot = `INSERT INTO database_snapshots (operation_id, project, environment, name, branch_id, source_id, source_name, lsn, at, asked_at, kept_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (operation_id) DO UPDATE SET
		branch_id = excluded.branch_id, source_id = excluded.source_id, source_name = excluded.source_name,
		lsn = excluded.lsn, at = excluded.at, kept_at = COALESCE(database_snapshots.kept_at, excluded.kept_at)`
)

// AskSnapshot writes down that a snapshot is about to be made.
func (db *DB) AskSnapshot(ctx context.Context, s database.Snapshot) error {
	return db.putSnapshot(ctx, askSnapshot, s)
}

// KeepSnapshot writes down that a snapshot is there.
func (db *DB) KeepSnapshot(ctx context.Context, s database.Snapshot) error {
	return db.putSnapshot(ctx, keepSnapshot, s)
}

func (db *DB) putSnapshot(ctx context.Context, statement string, s database.Snapshot) error {
	return db.tx(ctx, "write down the snapshot", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement,
			s.Operation, s.Project, s.Environment, s.Name, s.BranchID, s.SourceID, s.SourceName, s.LSN, s.At.UnixMicro(), s.AskedAt.UnixMicro(), micros(s.KeptAt))
		return err
	})
}

// DropSnapshot writes down that a snapshot is gone.
func (db *DB) DropSnapshot(ctx context.Context, operation string, at time.Time) error {
	return db.tx(ctx, "write down the snapshot", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE database_snapshots SET gone_at = $1 WHERE operation_id = $2 AND gone_at IS NULL`, at.UnixMicro(), operation)
		return err
	})
}

// Snapshots are those of a project that are not gone, newest first.
func (db *DB) Snapshots(ctx context.Context, project string) ([]database.Snapshot, error) {
	return list(ctx, db, "read the snapshots", func(r *sql.Rows) (database.Snapshot, error) {
		var s database.Snapshot
		var at, asked int64
		var kept sql.NullInt64
		err := r.Scan(&s.Operation, &s.Project, &s.Environment, &s.Name, &s.BranchID, &s.SourceID, &s.SourceName, &s.LSN, &at, &asked, &kept)
		s.At, s.AskedAt = time.UnixMicro(at).UTC(), time.UnixMicro(asked).UTC()
		if kept.Valid {
			s.KeptAt = timeOf(kept)
		}
		return s, err
	}, `SELECT operation_id, project, environment, name, branch_id, source_id, source_name, lsn, at, asked_at, kept_at FROM database_snapshots
		WHERE project = $1 AND gone_at IS NULL ORDER BY asked_at DESC`, project)
}
