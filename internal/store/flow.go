package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/envdeck/envdeck/internal/access"
)

// CreateFlow keeps a sign-in that is under way elsewhere.
func (db *DB) CreateFlow(ctx context.Context, f access.Flow) error {
	return db.tx(ctx, "begin the sign-in", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO flows (hash, kind, state, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
			f.Hash, f.Kind, f.State, micros(f.CreatedAt), micros(f.ExpiresAt))
		return err
	})
}

// TakeFlow answers a flow and deletes it: it can be finished once.
func (db *DB) TakeFlow(ctx context.Context, hash, kind string, now time.Time) (access.Flow, error) {
	f := access.Flow{Hash: hash, Kind: kind}
	err := db.tx(ctx, "finish the sign-in", func(tx *sql.Tx) error {
		var created, expires sql.NullInt64
		err := tx.QueryRowContext(ctx, `DELETE FROM flows WHERE hash = $1 AND kind = $2 AND expires_at > $3 RETURNING state, created_at, expires_at`,
			hash, kind, now.UnixMicro()).Scan(&f.State, &created, &expires)
		f.CreatedAt, f.ExpiresAt = timeOf(created), timeOf(expires)
		return missing(err, "This sign-in is not under way (any more).")
	})
	return f, err
}
