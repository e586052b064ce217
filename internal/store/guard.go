package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/release"
)

// keepSheet keeps a comparison under its hash; one that is there stays.
func keepSheet(ctx context.Context, tx *sql.Tx, s *release.Sheet, at time.Time) error {
	if s == nil || s.Hash == "" {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO release_sheets (hash, created_at, sheet) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING`, s.Hash, at.UnixMicro(), string(text))
	return err
}

// Sheet is a comparison that was kept.
func (db *DB) Sheet(ctx context.Context, hash string) (release.Sheet, error) {
	var s release.Sheet
	var text string
	err := db.read.QueryRowContext(ctx, `SELECT sheet FROM release_sheets WHERE hash = $1`, hash).Scan(&text)
	if err != nil {
		return s, db.fault(missing(err, "There is no such comparison on record."), "read the comparison")
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fault.Wrap(fault.Internal, err, "The comparison cannot be read.")
	}
	return s, nil
}

// AskApproval keeps a request and what it is about.
func (db *DB) AskApproval(ctx context.Context, ap release.Approval, sheet release.Sheet, r access.Receipt) error {
	text, err := json.Marshal(ap)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "The request cannot be written.")
	}
	return db.audited(ctx, "ask for an approval", r, func(tx *sql.Tx) error {
		if err := keepSheet(ctx, tx, &sheet, ap.CreatedAt); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO release_approvals (id, project, environment, state, sheet, created_at, expires_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			ap.ID, ap.Project, ap.Environment, ap.State, ap.Sheet, ap.CreatedAt.UnixMicro(), ap.ExpiresAt.UnixMicro(), string(text))
		return err
	})
}

const approvalColumns = `state, operation, body`

// scanApproval reads what happens to a request from its columns and the rest
// from its body.
func scanApproval(r row) (release.Approval, error) {
	var ap release.Approval
	var state release.ApprovalState
	var operation, text string
	if err := r.Scan(&state, &operation, &text); err != nil {
		return ap, missing(err, "There is no such request for an approval.")
	}
	if err := json.Unmarshal([]byte(text), &ap); err != nil {
		return ap, fault.Wrap(fault.Internal, err, "A request for an approval cannot be read.")
	}
	ap.State, ap.Operation = state, operation
	return ap, nil
}

// Approval reads one.
func (db *DB) Approval(ctx context.Context, id string) (release.Approval, error) {
	ap, err := scanApproval(db.read.QueryRowContext(ctx, `SELECT `+approvalColumns+` FROM release_approvals WHERE id = $1`, id))
	return ap, db.fault(err, "read the request")
}

// Approvals are the newest.
func (db *DB) Approvals(ctx context.Context, project, environment string, limit int) ([]release.Approval, error) {
	return list(ctx, db, "read the requests", func(r *sql.Rows) (release.Approval, error) { return scanApproval(r) },
		`SELECT `+approvalColumns+` FROM release_approvals WHERE project = $1 AND environment = $2 ORDER BY created_at DESC LIMIT $3`, project, environment, limit)
}

// DecideApproval moves a request on.
func (db *DB) DecideApproval(ctx context.Context, ap release.Approval, from release.ApprovalState, at time.Time, r access.Receipt) error {
	text, err := json.Marshal(ap)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "The decision cannot be written.")
	}
	return db.audited(ctx, "decide about the approval", r, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE release_approvals SET state = $1, expires_at = $2, body = $3 WHERE id = $4 AND state = $5 AND expires_at > $6`,
			ap.State, ap.ExpiresAt.UnixMicro(), string(text), ap.ID, from, at.UnixMicro())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "Somebody else has decided about this request, or its time is over. Look at it again."))
		}
		return nil
	})
}

// useApproval takes the approval that an operation rests on: each is good for
// one.
func useApproval(ctx context.Context, tx *sql.Tx, op *release.Operation) error {
	if op.Approval == nil {
		return nil
	}
	res, err := tx.ExecContext(ctx, `UPDATE release_approvals SET state = $1, operation = $2 WHERE id = $3 AND state = $4 AND expires_at > $5`,
		release.ApprovalUsed, op.ID, op.Approval.ID, release.ApprovalGiven, op.CreatedAt.UnixMicro())
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.Conflict, "The approval was used or taken back at this moment. Look at it again."))
	}
	return nil
}

// giveBackApproval frees the approval of an operation that ended before it
// changed anything.
func giveBackApproval(ctx context.Context, tx *sql.Tx, id string, phase release.Phase) error {
	if phase != release.Refused && phase != release.Cancelled && phase != release.Failed {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE release_approvals SET state = $1, operation = '' WHERE operation = $2 AND state = $3`, release.ApprovalGiven, id, release.ApprovalUsed)
	return err
}
