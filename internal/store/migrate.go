package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/envdeck/envdeck/internal/fault"
)

// The migrations are templates of one field, .SQLite, because a handful of
// lines differ. They only go forward: the way back is the copy that is taken
// before.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the tables up to date. Several processes may start at once:
// on Postgres they queue for a session lock; on SQLite each migration is one
// transaction, and whoever loses the race finds its work done.
func (db *DB) migrate(ctx context.Context) error {
	provider, err := db.provider()
	if err != nil {
		return fault.Wrap(fault.Internal, err, "The migrations in this program are broken.")
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return db.fault(err, "read the version of its database")
	}
	if current > target {
		return fault.New(fault.Unsupported,
			"The database is newer than this envdeck: its version is %d, and this program knows versions up to %d. Install the newer envdeck again, or restore the copy from before the update.", current, target)
	}
	if current == target {
		return nil
	}
	if current > 0 && db.path != "" {
		if err := db.copyBefore(ctx, current); err != nil {
			return err
		}
	}
	return db.up(ctx, provider, target)
}

func (db *DB) up(ctx context.Context, provider *goose.Provider, target int64) error {
	deadline := db.clock.Now().Add(30 * time.Second)
	for {
		_, err := provider.Up(ctx)
		if err == nil {
			return nil
		}
		// Another process may have run the same migration a moment before.
		current, verr := provider.GetDBVersion(ctx)
		if verr == nil && current >= target {
			return nil
		}
		if db.path == "" || !db.clock.Now().Before(deadline) {
			return db.fault(err, "update its database")
		}
		if t := troubleOf(rootOf(err)); t != busy && t != unique && !strings.Contains(err.Error(), "already exists") {
			return db.fault(err, "update its database")
		}
		if serr := db.clock.Sleep(ctx, 20*time.Millisecond); serr != nil {
			return db.fault(serr, "update its database")
		}
	}
}

func rootOf(err error) error {
	if p, ok := errors.AsType[*goose.PartialError](err); ok {
		return p.Err
	}
	return err
}

// copyBefore keeps the database as it was before the update beside it.
func (db *DB) copyBefore(ctx context.Context, version int64) error {
	to := fmt.Sprintf("%s.before-update-from-%d", db.path, version)
	if _, err := os.Stat(to); err == nil {
		return nil // a start that was cut off has made it
	}
	if err := db.Backup(ctx, to); err != nil {
		if _, serr := os.Stat(to); serr == nil {
			return nil // another process that starts at the same time has
		}
		return err
	}
	db.log.InfoContext(ctx, "kept a copy of the database from before the update", "path", to, "version", version)
	return nil
}

func (db *DB) provider() (*goose.Provider, error) {
	list, err := db.migrationList()
	if err != nil {
		return nil, err
	}
	opts := []goose.ProviderOption{
		goose.WithGoMigrations(list...), goose.WithDisableGlobalRegistry(true), goose.WithSlog(db.log),
	}
	if db.dialect.goose == goose.DialectPostgres {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, err
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(db.dialect.goose, db.write, nil, opts...)
}

func (db *DB) migrationList() ([]*goose.Migration, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var list []*goose.Migration
	for _, name := range files {
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("store: migration %s has no number: %w", name, err)
		}
		text, err := db.render(name)
		if err != nil {
			return nil, err
		}
		list = append(list, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, text)
			return err
		}}, nil))
	}
	return list, nil
}

func (db *DB) render(name string) (string, error) {
	raw, err := migrations.ReadFile(name)
	if err != nil {
		return "", err
	}
	t, err := template.New(name).Parse(string(raw))
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct{ SQLite bool }{db.dialect.goose == goose.DialectSQLite3})
	return out.String(), err
}
