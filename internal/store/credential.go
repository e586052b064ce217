package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/envdeck/envdeck/internal/access"
)

const tokenColumns = `t.id, t.hash, t.owner_id, t.scope, t.name, t.last_four, t.created_at, t.expires_at, t.used_at, t.revoked_at` //nolint:gosec // columns, no credential

func tokenFields(t *access.Token) (fields []any, done func()) {
	var created, expires, used, revoked sql.NullInt64
	return []any{&t.ID, &t.Hash, &t.OwnerID, &t.Scope, &t.Name, &t.LastFour, &created, &expires, &used, &revoked}, func() {
		t.CreatedAt, t.ExpiresAt, t.UsedAt, t.RevokedAt = timeOf(created), timeOf(expires), timeOf(used), timeOf(revoked)
	}
}

func insertToken(ctx context.Context, tx *sql.Tx, t access.Token) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO tokens (id, hash, owner_id, scope, name, last_four, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		t.ID, t.Hash, t.OwnerID, t.Scope, t.Name, t.LastFour, micros(t.CreatedAt), micros(t.ExpiresAt))
	return err
}

// CreateToken is one new token.
func (db *DB) CreateToken(ctx context.Context, t access.Token, r access.Receipt) error {
	return db.audited(ctx, "create the token", r, func(tx *sql.Tx) error { return insertToken(ctx, tx, t) })
}

// TokenByHash answers a token with its owner.
func (db *DB) TokenByHash(ctx context.Context, hash string) (access.Token, access.User, error) {
	return db.token(ctx, `SELECT `+tokenColumns+`, `+userColumns+` FROM tokens t JOIN users u ON u.id = t.owner_id WHERE t.hash = $1`, hash)
}

// TokenByID answers a token with its owner.
func (db *DB) TokenByID(ctx context.Context, id string) (access.Token, access.User, error) {
	return db.token(ctx, `SELECT `+tokenColumns+`, `+userColumns+` FROM tokens t JOIN users u ON u.id = t.owner_id WHERE t.id = $1`, id)
}

func (db *DB) token(ctx context.Context, query, by string) (access.Token, access.User, error) {
	var t access.Token
	var u access.User
	mine, done := tokenFields(&t)
	owner, ownerDone := userFields(&u)
	if err := db.read.QueryRowContext(ctx, query, by).Scan(append(mine, owner...)...); err != nil {
		return access.Token{}, access.User{}, db.fault(missing(err, noToken), "read the token")
	}
	done()
	ownerDone()
	return t, u, nil
}

// ListTokens is the owner's tokens, or everybody's when owner is "".
func (db *DB) ListTokens(ctx context.Context, owner string) ([]access.Token, error) {
	return list(ctx, db, "list the tokens", func(r *sql.Rows) (access.Token, error) {
		var t access.Token
		fields, done := tokenFields(&t)
		if err := r.Scan(fields...); err != nil {
			return access.Token{}, err
		}
		done()
		return t, nil
	}, `SELECT `+tokenColumns+` FROM tokens t WHERE t.owner_id = $1 OR $1 = '' ORDER BY t.created_at DESC, t.id`, owner)
}

// RevokeToken ends a token; the first revocation is the one that is kept.
func (db *DB) RevokeToken(ctx context.Context, id, owner string, at time.Time, r access.Receipt) error {
	return db.audited(ctx, "revoke the token", r, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE tokens SET revoked_at = COALESCE(revoked_at, $1) WHERE id = $2 AND (owner_id = $3 OR $3 = '')`,
			at.UnixMicro(), id, owner)
		return one(res, err, noToken)
	})
}

// TouchToken notes a use.
func (db *DB) TouchToken(ctx context.Context, id string, at time.Time) error {
	return db.tx(ctx, "note the use of a token", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE tokens SET used_at = $1 WHERE id = $2 AND (used_at IS NULL OR used_at < $1)`, at.UnixMicro(), id)
		return err
	})
}

const sessionColumns = `s.id, s.hash, s.user_id, s.method, s.created_at, s.seen_at, s.expires_at, s.proven_at, s.address, s.agent`

func sessionFields(s *access.Session) (fields []any, done func()) {
	var created, seen, expires, proven sql.NullInt64
	return []any{&s.ID, &s.Hash, &s.UserID, &s.Method, &created, &seen, &expires, &proven, &s.Address, &s.Agent}, func() {
		s.CreatedAt, s.SeenAt, s.ExpiresAt, s.ProvenAt = timeOf(created), timeOf(seen), timeOf(expires), timeOf(proven)
	}
}

// insertSession also notes the sign-in on the user.
func insertSession(ctx context.Context, tx *sql.Tx, s access.Session) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO sessions (id, hash, user_id, method, created_at, seen_at, expires_at, proven_at, address, agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		s.ID, s.Hash, s.UserID, s.Method, micros(s.CreatedAt), micros(s.SeenAt), micros(s.ExpiresAt), micros(s.ProvenAt), s.Address, s.Agent)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE users SET signed_in_at = $1 WHERE id = $2`, micros(s.SeenAt), s.UserID)
	return err
}

// CreateSession is one new session.
func (db *DB) CreateSession(ctx context.Context, s access.Session, r access.Receipt) error {
	return db.audited(ctx, "begin the session", r, func(tx *sql.Tx) error { return insertSession(ctx, tx, s) })
}

// RotateSession puts next in the place of a session.
func (db *DB) RotateSession(ctx context.Context, id string, next access.Session, r access.Receipt) error {
	return db.audited(ctx, "renew the session", r, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE id = $1 AND user_id = $2`, id, next.UserID)
		if err := one(res, err, noSession); err != nil {
			return err
		}
		return insertSession(ctx, tx, next)
	})
}

// SessionByHash answers a session with its user.
func (db *DB) SessionByHash(ctx context.Context, hash string) (access.Session, access.User, error) {
	return db.session(ctx, `SELECT `+sessionColumns+`, `+userColumns+` FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.hash = $1`, hash)
}

// SessionByID answers a session with its user.
func (db *DB) SessionByID(ctx context.Context, id string) (access.Session, access.User, error) {
	return db.session(ctx, `SELECT `+sessionColumns+`, `+userColumns+` FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1`, id)
}

func (db *DB) session(ctx context.Context, query, by string) (access.Session, access.User, error) {
	var s access.Session
	var u access.User
	mine, done := sessionFields(&s)
	user, userDone := userFields(&u)
	if err := db.read.QueryRowContext(ctx, query, by).Scan(append(mine, user...)...); err != nil {
		return access.Session{}, access.User{}, db.fault(missing(err, noSession), "read the session")
	}
	done()
	userDone()
	return s, u, nil
}

// ListSessions is the user's sessions that have not ended.
func (db *DB) ListSessions(ctx context.Context, user string, now time.Time) ([]access.Session, error) {
	return list(ctx, db, "list the sessions", func(r *sql.Rows) (access.Session, error) {
		var s access.Session
		fields, done := sessionFields(&s)
		if err := r.Scan(fields...); err != nil {
			return access.Session{}, err
		}
		done()
		return s, nil
	}, `SELECT `+sessionColumns+` FROM sessions s WHERE s.user_id = $1 AND s.expires_at > $2 ORDER BY s.created_at DESC, s.id`, user, now.UnixMicro())
}

// TouchSession notes a use by a person.
func (db *DB) TouchSession(ctx context.Context, id string, at time.Time) error {
	return db.tx(ctx, "note the use of a session", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET seen_at = $1 WHERE id = $2 AND seen_at < $1`, at.UnixMicro(), id)
		return err
	})
}

// EndSession ends one session.
func (db *DB) EndSession(ctx context.Context, id, user string, r access.Receipt) error {
	return db.audited(ctx, "end the session", r, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE id = $1 AND (user_id = $2 OR $2 = '')`, id, user)
		return one(res, err, noSession)
	})
}

// EndSessions ends every session of the user but the one to keep.
func (db *DB) EndSessions(ctx context.Context, user, keep string, r access.Receipt) (int64, error) {
	var n int64
	err := db.audited(ctx, "end the sessions", r, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE user_id = $1 AND id <> $2`, user, keep)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}
