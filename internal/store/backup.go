package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/envdeck/envdeck/internal/fault"
)

// Backup writes a whole and consistent copy of the embedded database to path
// (mode 0600) while it is in use. Conflict when the file is there already;
// Unsupported on Postgres, which has better tools of its own.
func (db *DB) Backup(ctx context.Context, path string) error {
	if db.path == "" {
		return fault.New(fault.Unsupported, "This envdeck keeps its data in Postgres. Use pg_dump, or the backups of whoever runs it.")
	}
	if _, err := os.Stat(path); err == nil {
		return fault.New(fault.Conflict, "The file %s exists already. Name another one.", path)
	}
	// SQLite wants an empty file or none; ours comes first for its mode (0600).
	// The copy gets its name when it is whole.
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*")
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "The backup can not be written to %s.", path)
	}
	part := f.Name()
	defer func() { _ = os.Remove(part) }() // after the link its other name stays
	if err := f.Close(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "The backup can not be written to %s.", path)
	}
	// A connection of its own: readers may not write anything, and the one
	// writer would keep everybody waiting for as long as the copy takes.
	own, err := sql.Open("sqlite", sqliteDSN(db.path, "deferred"))
	if err != nil {
		return db.fault(err, "write the backup")
	}
	defer func() { _ = own.Close() }()
	if _, err := own.ExecContext(ctx, `VACUUM INTO $1`, part); err != nil {
		return db.fault(err, "write the backup")
	}
	// Link instead of rename: it refuses when the name was taken meanwhile.
	err = os.Link(part, path)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Conflict, "The file %s exists already. Name another one.", path)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "The backup can not be written to %s.", path)
	}
	return nil
}
