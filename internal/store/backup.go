package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"

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
	// SQLite wants an empty file or none; ours comes first for its mode. The
	// copy gets its name when it is whole.
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Conflict, "Another backup to %s is under way or was cut off. Remove %s and try again.", path, part)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "The backup can not be written to %s.", path)
	}
	defer os.Remove(part) // after the rename there is none
	if err := f.Close(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "The backup can not be written to %s.", path)
	}
	// A connection of its own: readers may not write anything, and the one
	// writer would keep everybody waiting for as long as the copy takes.
	own, err := sql.Open("sqlite", sqliteDSN(db.path, "deferred"))
	if err != nil {
		return db.fault(err, "write the backup")
	}
	defer own.Close()
	if _, err := own.ExecContext(ctx, `VACUUM INTO $1`, part); err != nil {
		return db.fault(err, "write the backup")
	}
	// Link instead of rename: it refuses when the name was taken meanwhile.
	if err := os.Link(part, path); err != nil {
		return fault.Wrap(fault.Unavailable, err, "The backup can not be written to %s.", path)
	}
	return nil
}
