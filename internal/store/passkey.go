package store

import (
	"context"
	"database/sql"

	"github.com/envdeck/envdeck/internal/access"
)

const noPasskey = "There is no such passkey."

// CreatePasskey registers a passkey.
func (db *DB) CreatePasskey(ctx context.Context, p access.Passkey, r access.Receipt) error {
	return db.audited(ctx, "register the passkey", r, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO passkeys (id, user_id, name, credential, created_at) VALUES ($1, $2, $3, $4, $5)`,
			p.ID, p.UserID, p.Name, p.Credential, micros(p.CreatedAt))
		return err
	})
}

// ListPasskeys is the user's passkeys, oldest first.
func (db *DB) ListPasskeys(ctx context.Context, user string) ([]access.Passkey, error) {
	return list(ctx, db, "list the passkeys", func(r *sql.Rows) (access.Passkey, error) {
		p := access.Passkey{UserID: user}
		var created, used sql.NullInt64
		err := r.Scan(&p.ID, &p.Name, &p.Credential, &created, &used)
		p.CreatedAt, p.UsedAt = timeOf(created), timeOf(used)
		return p, err
	}, `SELECT id, name, credential, created_at, used_at FROM passkeys WHERE user_id = $1 ORDER BY created_at, id`, user)
}

// TouchPasskey keeps the credential as it is after a use.
func (db *DB) TouchPasskey(ctx context.Context, p access.Passkey) error {
	return db.tx(ctx, "note the use of a passkey", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE passkeys SET credential = $1, used_at = $2 WHERE id = $3 AND user_id = $4`,
			p.Credential, micros(p.UsedAt), p.ID, p.UserID)
		return one(res, err, noPasskey)
	})
}

// DeletePasskey forgets a passkey.
func (db *DB) DeletePasskey(ctx context.Context, id, user string, r access.Receipt) error {
	return db.audited(ctx, "remove the passkey", r, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM passkeys WHERE id = $1 AND user_id = $2`, id, user)
		return one(res, err, noPasskey)
	})
}
