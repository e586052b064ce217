package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
)

// SQLiteFile is the name of the embedded database in its folder. Two more files
// with the endings -wal and -shm belong to it while it is open.
const SQLiteFile = "envdeck.db"

// sqliteReaders is how many reading connections there are: WAL lets them read
// while the writer writes.
const sqliteReaders = 4

func (db *DB) openSQLite(ctx context.Context, dir string) error {
	if dir == "" {
		return fault.New(fault.Invalid, "No folder is set for the database.")
	}
	db.dialect = sqliteDialect
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Wrap(fault.Unavailable, err, "The data folder %s can not be made.", dir)
	}
	db.path = filepath.Join(dir, SQLiteFile)
	if err := private(db.path); err != nil {
		return fault.Wrap(fault.Unavailable, err, "The database file %s can not be made or written.", db.path)
	}
	// synchronous=FULL: what was acknowledged survives a power cut. immediate:
	// a transaction that will write takes the lock when it begins, so that it
	// never fails in the middle because somebody else wrote first. Few pages are
	// kept in memory, 2 MiB here and half of one by each reader: eight times as
	// many made no report and no page faster, since the system keeps the file.
	// What is in the log is carried over beside the writer, see keepCheckpointed;
	// only when that does not keep up, the writer does it by itself.
	var err error
	if db.write, err = sql.Open("sqlite", sqliteDSN(db.path, "immediate", "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-2048)", "wal_autocheckpoint(4000)")); err != nil {
		return db.fault(err, "open its database")
	}
	db.write.SetMaxOpenConns(1)
	if db.read, err = sql.Open("sqlite", sqliteDSN(db.path, "deferred", "query_only(1)", "synchronous(FULL)", "cache_size(-512)")); err != nil {
		return db.fault(err, "open its database")
	}
	db.read.SetMaxOpenConns(sqliteReaders)
	db.read.SetMaxIdleConns(sqliteReaders)
	// The first connection turns WAL on, which readers can not.
	if err := db.retry(ctx, "open its database", retryFor, func() error { return db.write.PingContext(ctx) }); err != nil {
		return err
	}
	db.journal = newJournal(db)
	db.grown = make(chan struct{}, 1)
	ctx, db.stop = context.WithCancel(context.WithoutCancel(ctx))
	db.beside.Go(func() { db.keepCheckpointed(ctx) })
	return nil
}

// keepCheckpointed carries the log over into the database while the writer goes
// on writing, so that nobody waits for it. It never waits for anybody either.
func (db *DB) keepCheckpointed(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-db.grown:
		}
		var blocked, frames, done int
		err := db.read.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&blocked, &frames, &done)
		if err != nil && ctx.Err() == nil && troubleOf(err) != busy {
			db.log.Warn("the log of the database could not be carried over; the writer does it by itself", "error", err)
		}
	}
}

// grew says that the log has grown by a good deal.
func (db *DB) grew() {
	select {
	case db.grown <- struct{}{}:
	default: // it is known, or there is no log
	}
}

// turn waits until this process is the only one that looks at the version of
// the database and changes it. The lock is one of SQLite's own, on an empty
// file beside the database, so it works wherever SQLite does and ends with the
// process however that ends.
func (db *DB) turn(ctx context.Context) (done func(), err error) {
	if db.path == "" {
		return func() {}, nil // goose takes a session lock on Postgres
	}
	path := db.path + ".lock"
	if err := private(path); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "The file %s can not be made or written.", path)
	}
	handle, err := sql.Open("sqlite", sqliteDSN(path, "exclusive"))
	if err != nil {
		return nil, db.fault(err, "take its turn to update the database")
	}
	var tx *sql.Tx
	err = db.retry(ctx, "take its turn to update the database", turnFor, func() error {
		tx, err = handle.BeginTx(ctx, nil)
		return err
	})
	if err != nil {
		_ = handle.Close()
		return nil, err
	}
	return func() {
		_ = tx.Rollback() // nothing was written
		_ = handle.Close()
	}, nil
}

// turnFor is how long another process's update may take.
const turnFor = time.Minute

// private makes sure of the file with mode 0600 before SQLite does, which gives
// its side files the mode of the file.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // in the data folder, which the operator names
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Chmod(p, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// sqliteDSN is the address of a handle. The busy timeout covers another process
// that holds the lock for a moment; retry tries for longer, and gives way to
// the caller's context in between.
func sqliteDSN(path, lock string, pragmas ...string) string {
	q := url.Values{"_txlock": {lock}, "_pragma": append([]string{"busy_timeout(250)", "foreign_keys(1)"}, pragmas...)}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}
