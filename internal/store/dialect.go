package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/envdeck/envdeck/internal/fault"
)

// dialect is everything that differs between the two databases.
type dialect struct {
	name  string
	goose goose.Dialect
	// skipLocked is the tail of a query that claims rows other replicas are not
	// working on; SQLite has one writer and needs none.
	skipLocked string
}

var (
	sqliteDialect   = dialect{name: "sqlite", goose: goose.DialectSQLite3}
	postgresDialect = dialect{name: "postgres", goose: goose.DialectPostgres, skipLocked: " FOR UPDATE SKIP LOCKED"}
)

// trouble is what kind of database error it is, whichever database said it.
type trouble uint8

const (
	unknownTrouble trouble = iota
	unique                 // the row is there already
	reference              // the row it points at is not there
	guarded                // a trigger or check of ours said no
	busy                   // try again: locked, deadlock, serialization
	full                   // no space left
	away                   // can not be reached, or is going away
	corrupt                // not a database, or a damaged one
)

func troubleOf(err error) trouble {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteTrouble(e.Code())
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresTrouble(e.Code)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return away
	}
	if pgconn.SafeToRetry(err) || errors.Is(err, sql.ErrConnDone) {
		return away
	}
	return unknownTrouble
}

func sqliteTrouble(code int) trouble {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return unique
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return reference
	case sqlite3.SQLITE_CONSTRAINT_TRIGGER, sqlite3.SQLITE_CONSTRAINT_CHECK:
		return guarded
	}
	switch code & 0xff { // the primary code is the low byte of an extended one
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return busy
	case sqlite3.SQLITE_FULL:
		return full
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return corrupt
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR:
		return away
	}
	return unknownTrouble
}

// postgresTrouble reads an SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html
func postgresTrouble(code string) trouble {
	switch code {
	case "23505":
		return unique
	case "23503":
		return reference
	case "23514", "P0001":
		return guarded
	case "40001", "40P01", "55P03":
		return busy
	case "53100":
		return full
	}
	if len(code) == 5 {
		switch code[:2] {
		case "08", "53", "57", "28", "3D":
			return away
		}
	}
	return unknownTrouble
}

// fault turns an error of the database into one that says what to do about it.
// what completes "envdeck could not …". Faults and nil pass unchanged.
func (db *DB) fault(err error, what string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(fault.Unavailable, err, "The database did not answer in time, so envdeck could not %s. Try again.", what)
	}
	switch troubleOf(err) {
	case unique:
		return fault.Wrap(fault.Conflict, err, "It exists already, so envdeck could not %s.", what)
	case reference:
		return fault.Wrap(fault.NotFound, err, "What it belongs to does not exist (any more), so envdeck could not %s.", what)
	case guarded:
		return fault.Wrap(fault.Conflict, err, "A guard of the database refused it, so envdeck could not %s.", what)
	case busy:
		return fault.Wrap(fault.Unavailable, err, "The database is busy, so envdeck could not %s. Try again in a moment.", what)
	case full:
		return fault.Wrap(fault.Unavailable, err, "The disk of the database is full, so envdeck could not %s. Nothing was changed; make space and try again.", what)
	case away:
		return fault.Wrap(fault.Unavailable, err, "The database can not be reached or written, so envdeck could not %s.", what)
	case corrupt:
		return fault.Wrap(fault.Internal, err, "The database file is damaged or is not a database, so envdeck could not %s. Restore it from a backup.", what)
	default:
		return fault.Wrap(fault.Internal, err, "Something went wrong in the database, so envdeck could not %s. The log has the details.", what)
	}
}

// missing turns "no rows" into NotFound with the message.
func missing(err error, message string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "%s", message)
	}
	return err
}

// like escapes text for a LIKE pattern with ESCAPE '\'.
func like(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}
