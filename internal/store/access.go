package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
)

var _ access.Store = (*DB)(nil)

// The words for what is not there.
const (
	noUser    = "There is no such user."
	noToken   = "There is no such token."
	noSession = "There is no such session; it may have ended."
	noLink    = "There is no such link; it may have been used."
)

// row is *sql.Row or *sql.Rows.
type row interface{ Scan(...any) error }

const userColumns = `u.id, u.issuer, u.subject, u.name, u.email, u.role, u.disabled, u.password, u.created_at, u.signed_in_at,
	EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = u.id)`

// userFields are where a row of userColumns goes; done puts the times in place.
func userFields(u *access.User) (fields []any, done func()) {
	var created, signedIn sql.NullInt64
	fields = []any{
		&u.ID, &u.Issuer, &u.Subject, &u.Name, &u.Email, &u.Role, &u.Disabled, &u.Password,
		&created, &signedIn, &u.SecondFactor,
	}
	return fields, func() { u.CreatedAt, u.SignedInAt = timeOf(created), timeOf(signedIn) }
}

func scanUser(r row) (access.User, error) {
	var u access.User
	fields, done := userFields(&u)
	if err := r.Scan(fields...); err != nil {
		return access.User{}, missing(err, noUser)
	}
	done()
	return u, nil
}

// CreateUser is one new user.
func (db *DB) CreateUser(ctx context.Context, u access.User, r access.Receipt) error {
	return db.audited(ctx, "create the user", r, func(tx *sql.Tx) error { return insertUser(ctx, tx, u) })
}

func insertUser(ctx context.Context, tx *sql.Tx, u access.User) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO users (id, issuer, subject, name, email, role, disabled, password, created_at, signed_in_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		u.ID, u.Issuer, u.Subject, u.Name, u.Email, u.Role, u.Disabled, u.Password, micros(u.CreatedAt), micros(u.SignedInAt))
	if troubleOf(err) == unique {
		return fault.Wrap(fault.Conflict, err, "A user %q exists already.", u.Subject)
	}
	return err
}

// UpdateUser reads, changes and writes a user while no other audited act runs.
func (db *DB) UpdateUser(ctx context.Context, id string, r access.Receipt, change func(access.User, int) (access.User, error)) (access.User, error) {
	var next access.User
	err := db.audited(ctx, "change the user", r, func(tx *sql.Tx) error {
		old, err := scanUser(tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id))
		if err != nil {
			return err
		}
		var others int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM users WHERE role = 'SUPER_ADMIN' AND NOT disabled AND id <> $1`, id).Scan(&others); err != nil {
			return err
		}
		if next, err = change(old, others); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE users SET name = $1, email = $2, role = $3, disabled = $4, password = $5 WHERE id = $6`,
			next.Name, next.Email, next.Role, next.Disabled, next.Password, id)
		if err != nil || next.Role == old.Role && next.Disabled == old.Disabled && next.Password == old.Password {
			return err
		}
		return endAllSessions(ctx, tx, id)
	})
	return next, err
}

// endAllSessions also takes back the sign-in links that are still out.
func endAllSessions(ctx context.Context, tx *sql.Tx, user string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE user_id = $1`, user); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM links WHERE user_id = $1`, user)
	return err
}

// UserByID answers one user.
func (db *DB) UserByID(ctx context.Context, id string) (access.User, error) {
	u, err := scanUser(db.read.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id))
	return u, db.fault(err, "read the user")
}

// UserBySubject answers one user.
func (db *DB) UserBySubject(ctx context.Context, issuer, subject string) (access.User, error) {
	u, err := scanUser(db.read.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE u.issuer = $1 AND u.subject = $2`, issuer, subject))
	return u, db.fault(err, "read the user")
}

// ListUsers is every user by name.
func (db *DB) ListUsers(ctx context.Context) ([]access.User, error) {
	return list(ctx, db, "list the users", func(r *sql.Rows) (access.User, error) { return scanUser(r) },
		`SELECT `+userColumns+` FROM users u ORDER BY u.name, u.id`)
}

// SuperAdmins is how many enabled ones there are.
func (db *DB) SuperAdmins(ctx context.Context) (int, error) {
	var n int
	err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM users WHERE role = 'SUPER_ADMIN' AND NOT disabled`).Scan(&n)
	return n, db.fault(err, "count the users")
}

// Bootstrap creates users and tokens that belong together.
func (db *DB) Bootstrap(ctx context.Context, users []access.User, tokens []access.Token, onlyEmpty bool, r access.Receipt) error {
	return db.audited(ctx, "set up the first users", r, func(tx *sql.Tx) error {
		var there int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM users`).Scan(&there); err != nil {
			return err
		}
		if onlyEmpty && there > 0 {
			return fault.New(fault.Conflict, "The database is not empty: it has %d users. First tokens are made for an empty database only; make further ones with: envdeck token create", there)
		}
		ids := map[string]string{} // the id that was to be, and the one that is
		for _, u := range users {
			err := tx.QueryRowContext(ctx, `SELECT id FROM users WHERE issuer = $1 AND subject = $2`, u.Issuer, u.Subject).Scan(new(string))
			if err := missing(err, noUser); err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if fault.Is(missing(err, noUser), fault.NotFound) {
				if err := insertUser(ctx, tx, u); err != nil {
					return err
				}
			}
			var id string
			if err := tx.QueryRowContext(ctx, `SELECT id FROM users WHERE issuer = $1 AND subject = $2`, u.Issuer, u.Subject).Scan(&id); err != nil {
				return err
			}
			ids[u.ID] = id
		}
		for _, t := range tokens {
			t.OwnerID = ids[t.OwnerID]
			if err := insertToken(ctx, tx, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// CreateLink is one new link.
func (db *DB) CreateLink(ctx context.Context, l access.Link, r access.Receipt) error {
	return db.audited(ctx, "make the link", r, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO links (hash, purpose, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
			l.Hash, l.Purpose, sql.NullString{String: l.UserID, Valid: l.UserID != ""}, micros(l.CreatedAt), micros(l.ExpiresAt))
		return err
	})
}

// useLink uses a link up; of two at once, one gets NotFound.
func useLink(ctx context.Context, tx *sql.Tx, hash string, p access.Purpose, now time.Time) (user string, err error) {
	var id sql.NullString
	err = tx.QueryRowContext(ctx, `UPDATE links SET used_at = $1
		WHERE hash = $2 AND purpose = $3 AND used_at IS NULL AND expires_at > $1 RETURNING user_id`,
		now.UnixMicro(), hash, p).Scan(&id)
	return id.String, missing(err, noLink)
}

// RedeemLink uses a sign-in link up and begins the session.
func (db *DB) RedeemLink(ctx context.Context, hash string, now time.Time, begin func(access.User) (access.Session, access.Receipt, error)) (access.User, error) {
	// A stranger's guess does not get to wait for the lock of the audit chain.
	if open, err := db.LinkOpen(ctx, hash, access.SignInLink, now); err != nil || !open {
		if err == nil {
			err = fault.New(fault.NotFound, noLink)
		}
		return access.User{}, err
	}
	var u access.User
	_, err := db.auditedLate(ctx, "use the link", func(tx *sql.Tx) (access.Receipt, error) {
		id, err := useLink(ctx, tx, hash, access.SignInLink, now)
		if err != nil {
			return access.Receipt{}, err
		}
		if u, err = scanUser(tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id)); err != nil {
			return access.Receipt{}, err
		}
		s, r, err := begin(u)
		if err != nil {
			return access.Receipt{}, err
		}
		return r, insertSession(ctx, tx, s)
	})
	return u, err
}

// LinkOpen says whether a link could be used.
func (db *DB) LinkOpen(ctx context.Context, hash string, p access.Purpose, now time.Time) (bool, error) {
	var open bool
	err := db.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM links WHERE hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3)`,
		hash, p, now.UnixMicro()).Scan(&open)
	return open, db.fault(err, "read the link")
}

// SetUp uses the set-up link up and creates the first SUPER_ADMIN.
func (db *DB) SetUp(ctx context.Context, hash string, now time.Time, u access.User, s access.Session, r access.Receipt) error {
	return db.audited(ctx, "set up the first user", r, func(tx *sql.Tx) error {
		if _, err := useLink(ctx, tx, hash, access.SetUpLink, now); err != nil {
			return err
		}
		var there int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM users WHERE role = 'SUPER_ADMIN'`).Scan(&there); err != nil {
			return err
		}
		if there > 0 {
			return fault.New(fault.Conflict, "This envdeck is set up already. Sign in instead.")
		}
		if err := insertUser(ctx, tx, u); err != nil {
			return err
		}
		return insertSession(ctx, tx, s)
	})
}

// KeyCheck remembers the first check that comes.
func (db *DB) KeyCheck(ctx context.Context, check string) (string, error) {
	var kept string
	err := db.tx(ctx, "compare the master key", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES ('key_check', $1) ON CONFLICT (name) DO NOTHING`, check)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = 'key_check'`).Scan(&kept)
	})
	return kept, err
}

// Prune deletes what ended before the time.
func (db *DB) Prune(ctx context.Context, before time.Time) error {
	return db.tx(ctx, "sweep what has ended", func(tx *sql.Tx) error {
		for _, table := range []string{
			`DELETE FROM sessions WHERE expires_at < $1`,
			`DELETE FROM links WHERE expires_at < $1`,
			`DELETE FROM flows WHERE expires_at < $1`,
			`DELETE FROM idempotency_keys WHERE expires_at < $1`,
		} {
			if _, err := tx.ExecContext(ctx, table, before.UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
}
