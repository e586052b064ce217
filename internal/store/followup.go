package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/lease"
	"github.com/envdeck/envdeck/internal/release"
)

// followUpState is a follow-up as its row keeps it.
type followUpState struct {
	Project     string             `json:"project"`
	Environment string             `json:"environment"`
	Since       time.Time          `json:"since"`
	Issues      *release.NewIssues `json:"issues,omitempty"`
	Told        bool               `json:"told,omitempty"`
	Reports     []reportState      `json:"reports,omitempty"`
	LookAt      time.Time          `json:"lookAt,omitzero"`
	TellAt      time.Time          `json:"tellAt,omitzero"`
}

// reportState keeps what an answer does not show.
type reportState struct {
	release.DeployReport
	SentAt time.Time `json:"sentAt,omitzero"`
	Before int64     `json:"before"`
	Tries  int       `json:"tries,omitempty"`
}

func followUpText(u release.FollowUp) (string, error) {
	s := followUpState{Project: u.Project, Environment: u.Environment, Since: u.Since, Issues: u.Issues, Told: u.Told, LookAt: u.LookAt, TellAt: u.TellAt}
	for _, r := range u.Reports {
		s.Reports = append(s.Reports, reportState{DeployReport: r, SentAt: r.SentAt, Before: r.Before, Tries: r.Tries})
	}
	text, err := json.Marshal(s)
	return string(text), err
}

// followUpOf reads the follow-up of an operation; sql.ErrNoRows when there is
// none.
func followUpOf(ctx context.Context, q reader, operation string) (release.FollowUp, error) {
	u := release.FollowUp{Operation: operation}
	var text string
	if err := q.QueryRowContext(ctx, `SELECT state FROM release_follow_ups WHERE operation_id = $1`, operation).Scan(&text); err != nil {
		return u, err
	}
	var s followUpState
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return u, fault.Wrap(fault.Internal, err, "What followed operation %s cannot be read.", operation)
	}
	u.Project, u.Environment, u.Since, u.Issues, u.Told, u.LookAt, u.TellAt = s.Project, s.Environment, s.Since, s.Issues, s.Told, s.LookAt, s.TellAt
	for _, r := range s.Reports {
		one := r.DeployReport
		one.SentAt, one.Before, one.Tries = r.SentAt, r.Before, r.Tries
		u.Reports = append(u.Reports, one)
	}
	return u, nil
}

// followJob names the job of an operation's follow-up.
func followJob(operation string) string { return "follow_" + operation }

// beginFollowUp commits a follow-up and its job with the intent that they are
// about.
func beginFollowUp(ctx context.Context, tx *sql.Tx, u release.FollowUp) error {
	text, err := followUpText(u)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO release_follow_ups (operation_id, state) VALUES ($1, $2) ON CONFLICT (operation_id) DO NOTHING`, u.Operation, text); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO jobs (id, kind, due_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`, followJob(u.Operation), jobFollow, u.Since.UnixMicro())
	return err
}

// ClaimFollowUp takes up one follow-up that is due and that nobody drives.
func (db *DB) ClaimFollowUp(ctx context.Context, c lease.Claim) (lease.Lease, release.FollowUp, bool, error) {
	var l lease.Lease
	var u release.FollowUp
	if some, err := db.anyDue(ctx, jobFollow, c.Now); err != nil || !some {
		return l, u, false, err
	}
	found := false
	err := db.tx(ctx, "take up what follows a release", func(tx *sql.Tx) error {
		found = false
		var err error
		if l, err = db.claimJob(ctx, tx, jobFollow, c); errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		u, err = followUpOf(ctx, tx, l.Job[len(followJob("")):])
		found = err == nil
		return err
	})
	return l, u, found && err == nil, err
}

// RenewFollowUp keeps a lease.
func (db *DB) RenewFollowUp(ctx context.Context, l lease.Lease, c lease.Claim) error {
	return db.tx(ctx, "go on with what follows a release", func(tx *sql.Tx) error { return db.renewJob(ctx, tx, l, c) })
}

// SaveFollowUp commits where a follow-up stands, and puts it down.
func (db *DB) SaveFollowUp(ctx context.Context, l lease.Lease, s release.SavedFollowUp) error {
	do := func(tx *sql.Tx) error {
		due := s.Wake
		if due.IsZero() {
			due = s.Now
		}
		if err := heldJob(ctx, tx, l, due); err != nil {
			return err
		}
		text, err := followUpText(s.FollowUp)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE release_follow_ups SET state = $1 WHERE operation_id = $2`, text, s.Operation); err != nil {
			return err
		}
		switch {
		case s.Keep:
		case s.Wake.IsZero():
			_, err = tx.ExecContext(ctx, `DELETE FROM jobs WHERE id = $1`, l.Job)
		default:
			_, err = tx.ExecContext(ctx, `UPDATE jobs SET owner = '', lease_until = 0 WHERE id = $1`, l.Job)
		}
		return err
	}
	if s.Receipt == nil {
		return db.tx(ctx, "write down what followed the release", do)
	}
	return db.audited(ctx, "write down what followed the release", *s.Receipt, do)
}
