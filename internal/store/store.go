// Package store keeps what must not be lost: one SQL text for SQLite, the
// embedded default, and Postgres, for many replicas.
//
// DB has one file per feature and satisfies the Store interface that each
// feature declares. One method is one transaction; a method that changes
// anything on somebody's behalf takes the receipt of the Gate and commits its
// audit entry with the change.
//
// It must not know rules: it keeps, finds and counts. The habits that keep one
// text: TEXT ids made in Go, BIGINT microseconds of UTC, BOOLEAN, JSON in TEXT,
// $1 placeholders, RETURNING, ON CONFLICT. What differs is in dialect.go, in
// the {{if .SQLite}} parts of the migrations, and in the journal of cron jobs,
// which is SQLite's alone.
//
// After an error of a commit nobody knows whether it was written (a failed
// fsync may have reached the disk all the same): read the row again by its id
// before trying once more, and never take the error for a no.
package store

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/secret"
)

// Config says where the database is. Clock and Log are required.
type Config struct {
	// Dir is the folder of the embedded database; it is made (mode 0700) when
	// it is not there. Used when URL is not set.
	Dir string
	// URL is a Postgres address, postgres://…
	URL   secret.Text
	Clock clock.Clock
	Log   *slog.Logger
}

// DB is the open database. It is safe for concurrent use.
type DB struct {
	// write and read are one pool on Postgres. On SQLite, write has a single
	// connection, so that writers queue in Go instead of polling a lock.
	write, read *sql.DB
	dialect     dialect
	clock       clock.Clock
	log         *slog.Logger
	path        string // of the SQLite file, "" on Postgres
	crons       crons
	journal     *journal // of SQLite; nil on Postgres
	// What works beside the writer of SQLite; unset on Postgres.
	grown  chan struct{}
	stop   context.CancelFunc
	beside sync.WaitGroup
}

// Open opens the database and brings its tables up to date. Unsupported when
// the database is newer than this program, Unavailable when it can not be
// reached, Invalid when the address is wrong.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db := &DB{clock: cfg.Clock, log: cfg.Log}
	var err error
	if cfg.URL.Set() {
		err = db.openPostgres(ctx, cfg.URL)
	} else {
		err = db.openSQLite(ctx, cfg.Dir)
	}
	if err == nil {
		err = db.migrate(ctx)
	}
	if err != nil {
		_ = db.Close() // the first error is the one that helps
		return nil, err
	}
	return db, nil
}

// Close closes the database. Writes that were acknowledged are on the disk.
func (db *DB) Close() error {
	var err error
	if db.journal != nil {
		db.journal.leave()
	}
	if db.stop != nil {
		db.stop()
		db.beside.Wait()
	}
	if db.read != nil && db.read != db.write {
		err = db.read.Close()
	}
	if db.write != nil {
		if werr := db.write.Close(); werr != nil {
			err = werr
		}
	}
	return err
}

// Kind names the database: "sqlite" or "postgres".
func (db *DB) Kind() string { return db.dialect.name }

// Ping says whether the database answers. Unavailable when it does not.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	err := db.read.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	return db.fault(err, "reach the database")
}

// micros is how a time is stored; the zero time is NULL.
func micros(t time.Time) sql.NullInt64 {
	if t.IsZero() {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: true}
}

// timeOf is a stored time in UTC; NULL is the zero time.
func timeOf(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}
