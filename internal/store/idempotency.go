package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/envdeck/envdeck/internal/access"
)

// ClaimKey takes a key when it is new or over, else answers what is there.
func (db *DB) ClaimKey(ctx context.Context, k access.Claim) (there access.Claim, claimed bool, err error) {
	err = db.tx(ctx, "take the idempotency key", func(tx *sql.Tx) error {
		claimed = false
		res, err := tx.ExecContext(ctx, `INSERT INTO idempotency_keys (actor_id, key, body_hash, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (actor_id, key) DO UPDATE SET body_hash = excluded.body_hash, answer = NULL,
				created_at = excluded.created_at, expires_at = excluded.expires_at
			WHERE idempotency_keys.expires_at <= excluded.created_at`,
			k.ActorID, k.Key, k.BodyHash, micros(k.CreatedAt), micros(k.ExpiresAt))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if n == 1 {
			there, claimed = k, true
			return nil
		}
		there = access.Claim{ActorID: k.ActorID, Key: k.Key}
		var answer sql.NullString
		var created, expires sql.NullInt64
		err = tx.QueryRowContext(ctx, `SELECT body_hash, answer, created_at, expires_at FROM idempotency_keys WHERE actor_id = $1 AND key = $2`,
			k.ActorID, k.Key).Scan(&there.BodyHash, &answer, &created, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			// Released between the two statements: as good as under way, and
			// free at the next try.
			there = k
			return nil
		}
		there.Answer, there.CreatedAt, there.ExpiresAt = answer.String, timeOf(created), timeOf(expires)
		return err
	})
	return there, claimed, err
}

// AnswerKey keeps the answer of a claim.
func (db *DB) AnswerKey(ctx context.Context, k access.Claim) error {
	return db.tx(ctx, "keep the answer", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE idempotency_keys SET answer = $1 WHERE actor_id = $2 AND key = $3 AND body_hash = $4`,
			k.Answer, k.ActorID, k.Key, k.BodyHash)
		return err
	})
}

// ReleaseKey forgets a claim that has no answer.
func (db *DB) ReleaseKey(ctx context.Context, k access.Claim) error {
	return db.tx(ctx, "release the idempotency key", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM idempotency_keys WHERE actor_id = $1 AND key = $2 AND body_hash = $3 AND answer IS NULL`,
			k.ActorID, k.Key, k.BodyHash)
		return err
	})
}
