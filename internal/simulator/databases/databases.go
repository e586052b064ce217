// Package databases keeps the databases of the simulated app as SQLite files,
// for those who read them from the inside: what Prisma keeps in a database
// about its migrations, and nothing else of the app.
//
// What was applied where and when is the world's business. The room must not
// know who reads the files, nor what the reader makes of them.
package databases

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver

	"github.com/envdeck/envdeck/internal/simulator/world"
)

// files are the databases by the world's name for them, in the order that a
// configuration names them.
var files = []struct{ environment, branch string }{
	{"dev", world.DevDatabase}, {"next", world.StagingBranch}, {"prod", world.ProductionBranch},
}

// Databases are the files in one folder. Safe for one goroutine.
type Databases struct {
	dir     string
	written map[string]int // rows, by environment
}

// New makes the files as the world is now.
func New(ctx context.Context, dir string, w *world.World) (*Databases, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d := &Databases{dir: dir, written: map[string]int{}}
	for _, f := range files {
		// An earlier world's database is not this one's.
		if err := os.Remove(d.path(f.environment)); err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	return d, d.Follow(ctx, w)
}

// Addresses are what an app would be configured with, by environment.
func (d *Databases) Addresses() map[string]string {
	out := map[string]string{}
	for _, f := range files {
		out[f.environment] = (&url.URL{Scheme: "sqlite", Path: d.path(f.environment)}).String()
	}
	return out
}

func (d *Databases) path(environment string) string { return filepath.Join(d.dir, environment+".db") }

// Follow writes what was applied since the last time. Nothing is ever taken
// back in a database, so more rows are all that can happen; after fewer, which
// is another world, the file is made anew.
func (d *Databases) Follow(ctx context.Context, w *world.World) error {
	for _, f := range files {
		var rows []world.AppliedMigration
		w.View(func(s *world.State) { rows = s.Applied(f.branch) })
		if n, there := d.written[f.environment]; there && n == len(rows) {
			continue
		}
		if err := d.write(ctx, f.environment, rows); err != nil {
			return fmt.Errorf("the simulated database of %s: %w", f.environment, err)
		}
		d.written[f.environment] = len(rows)
	}
	return nil
}

// prismaTable is as Prisma makes it in SQLite.
const prismaTable = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
	"id" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "finished_at" DATETIME, "migration_name" TEXT NOT NULL, "logs" TEXT,
	"rolled_back_at" DATETIME, "started_at" DATETIME NOT NULL DEFAULT current_timestamp, "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0)`

func (d *Databases) write(ctx context.Context, environment string, rows []world.AppliedMigration) (err error) {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: d.path(environment)}).EscapedPath(), RawQuery: "_pragma=busy_timeout(2000)&_pragma=synchronous(0)"}).String())
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if _, err := tx.ExecContext(ctx, prismaTable); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM "_prisma_migrations"`); err != nil {
		return err
	}
	for _, m := range rows {
		sum := sha256.Sum256([]byte(m.SQL))
		at := m.At.UnixMilli() // so Prisma writes times in SQLite
		_, err := tx.ExecContext(ctx, `INSERT INTO "_prisma_migrations" (id, checksum, finished_at, migration_name, started_at, applied_steps_count) VALUES (?, ?, ?, ?, ?, 1)`,
			uuid.NewSHA1(uuid.NameSpaceOID, []byte(environment+m.Name)).String(), hex.EncodeToString(sum[:]), at+40, m.Name, at)
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
