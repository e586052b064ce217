package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/envdeck/envdeck/internal/release"
)

// Leases are between processes, so their time is the one that all of them
// share: the server's on Postgres, the machine's on SQLite, whose processes are
// on one machine. clock_timestamp() and not now(), which stands still within a
// transaction.

// maxDue is how far ahead a wake-up can be meant to be. One that lies further
// ahead was written by a clock that has been set back since.
const maxDue = 15 * time.Minute

// leaseNow is the SQL of the present in microseconds; real is used where the
// database has no clock of its own. It consumes the parameter $1 either way.
func (db *DB) leaseNow() string {
	if db.dialect.name == postgresDialect.name {
		return `(CAST($1 AS BIGINT) * 0 + CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT))`
	}
	return `CAST($1 AS BIGINT)`
}

// The sorts of jobs; the names are in the rows.
const (
	jobRelease = "release"
	jobChange  = "change"
	jobFollow  = "follow"
)

// anyJob says whether there may be work of a sort. Most looks find nothing, and
// on SQLite they must not make writers wait.
func (db *DB) anyJob(ctx context.Context, kind string) (bool, error) {
	if db.path == "" {
		return true, nil
	}
	var n int
	err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM jobs WHERE kind = $1`, kind).Scan(&n)
	return n > 0, db.fault(err, "look for work")
}

// anyDue is anyJob for work that waits most of the time.
func (db *DB) anyDue(ctx context.Context, kind string, now time.Time) (bool, error) {
	if db.path == "" {
		return true, nil
	}
	var n int
	err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM jobs WHERE kind = $1 AND (due_at <= $2 OR due_at > $3)`, kind, now.UnixMicro(), now.Add(maxDue).UnixMicro()).Scan(&n)
	return n > 0, db.fault(err, "look for work")
}

// claimJob takes up one job of a sort that is due and that nobody holds; sql.ErrNoRows
// when there is none. A lease that lies further ahead than any can was written
// by a clock that has been set back since, and holds no more.
func (db *DB) claimJob(ctx context.Context, tx *sql.Tx, kind string, c release.Claim) (release.Lease, error) {
	var id string
	err := tx.QueryRowContext(ctx, `SELECT id FROM jobs
		WHERE kind = $5 AND (due_at <= $2 OR due_at > $3) AND (owner = '' OR lease_until <= `+db.leaseNow()+` OR lease_until > `+db.leaseNow()+` + $4)
		ORDER BY due_at LIMIT 1`+db.dialect.skipLocked,
		c.Real.UnixMicro(), c.Now.UnixMicro(), c.Now.Add(maxDue).UnixMicro(), c.TTL.Microseconds(), kind).Scan(&id)
	if err != nil {
		return release.Lease{}, err
	}
	l := release.Lease{Job: id, Owner: c.Owner}
	err = tx.QueryRowContext(ctx, `UPDATE jobs SET owner = $2, fence = fence + 1, lease_until = `+db.leaseNow()+` + $3 WHERE id = $4 RETURNING fence`,
		c.Real.UnixMicro(), c.Owner, c.TTL.Microseconds(), id).Scan(&l.Fence)
	return l, err
}

// renewJob keeps a lease; release.ErrLost when it is somebody else's.
func (db *DB) renewJob(ctx context.Context, tx *sql.Tx, l release.Lease, c release.Claim) error {
	//nolint:gosec // the added text is one of two constants of the dialect
	res, err := tx.ExecContext(ctx, `UPDATE jobs SET lease_until = `+db.leaseNow()+` + $2 WHERE id = $3 AND owner = $4 AND fence = $5`,
		c.Real.UnixMicro(), c.TTL.Microseconds(), l.Job, l.Owner, l.Fence)
	return held(res, err)
}

// heldJob makes sure that a lease is still ours, and keeps it so until the end
// of the transaction by writing the row.
func heldJob(ctx context.Context, tx *sql.Tx, l release.Lease, due time.Time) error {
	res, err := tx.ExecContext(ctx, `UPDATE jobs SET due_at = $1 WHERE id = $2 AND owner = $3 AND fence = $4`,
		due.UnixMicro(), l.Job, l.Owner, l.Fence)
	return held(res, err)
}

func held(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, release.ErrLost)
	}
	return nil
}

// Release gives a lease back before its time.
func (db *DB) Release(ctx context.Context, l release.Lease, due time.Time) error {
	return db.tx(ctx, "hand a release over", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE jobs SET owner = '', lease_until = 0, due_at = $1 WHERE id = $2 AND owner = $3 AND fence = $4`,
			due.UnixMicro(), l.Job, l.Owner, l.Fence)
		return held(res, err)
	})
}
