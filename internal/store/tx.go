package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
)

// retryFor is how long a transaction is tried again that found the database
// locked, deadlocked or not serializable: nothing of it was written.
const retryFor = 5 * time.Second

// tx runs do in a transaction that may write, and again when the database says
// that trying again will help; so do must not have effects outside of it. what
// completes "envdeck could not …". An error of the commit itself is tried again
// only when the database said that it did not happen.
func (db *DB) tx(ctx context.Context, what string, do func(*sql.Tx) error) error {
	return db.retry(ctx, what, retryFor, func() error { return db.once(ctx, do) })
}

// retry tries again for as long as the database is busy and there is time.
func (db *DB) retry(ctx context.Context, what string, limit time.Duration, try func() error) error {
	deadline := db.clock.Now().Add(limit)
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		err := try()
		if err == nil || troubleOf(err) != busy || !db.clock.Now().Before(deadline) {
			return db.fault(err, what)
		}
		if serr := db.clock.Sleep(ctx, wait); serr != nil {
			return db.fault(err, what)
		}
	}
}

func (db *DB) once(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		if rerr := tx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
			db.log.WarnContext(ctx, "a transaction could not be rolled back", "error", rerr)
		}
		return err
	}
	return tx.Commit()
}

// audited is tx for an act: it takes the lock on the head of the audit chain
// first, so that audited acts run one after the other and do may count and
// compare; then it appends the receipt's entry, in the same transaction.
func (db *DB) audited(ctx context.Context, what string, r access.Receipt, do func(*sql.Tx) error) error {
	_, err := db.auditedLate(ctx, what, func(tx *sql.Tx) (access.Receipt, error) { return r, do(tx) })
	return err
}

// auditedLate is audited for acts whose receipt depends on what do reads.
func (db *DB) auditedLate(ctx context.Context, what string, do func(*sql.Tx) (access.Receipt, error)) (access.Entry, error) {
	var sealed access.Entry
	var receipt access.Receipt
	err := db.tx(ctx, what, func(tx *sql.Tx) error {
		var seq int64
		var prev string
		err := tx.QueryRowContext(ctx, `UPDATE audit_heads SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash`).Scan(&seq, &prev)
		if err != nil {
			return err
		}
		if receipt, err = do(tx); err != nil {
			return err
		}
		if sealed, err = receipt.Seal(seq, prev); err != nil {
			return err
		}
		return insertEntry(ctx, tx, sealed)
	})
	if err != nil {
		return access.Entry{}, err
	}
	receipt.Landed(sealed)
	return sealed, nil
}

// one makes sure that a change hit its row: NotFound with the message when not.
func one(res sql.Result, err error, message string) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "%s", message)
	}
	return err
}
