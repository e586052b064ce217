package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"text/template"

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
// they take turns, and all but the first find the work done.
func (db *DB) migrate(ctx context.Context) error {
	done, err := db.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
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
	_, err = provider.Up(ctx)
	return db.fault(err, "update its database")
}

// copyBefore keeps the database as it was before the update beside it.
func (db *DB) copyBefore(ctx context.Context, version int64) error {
	to := fmt.Sprintf("%s.before-update-from-%d", db.path, version)
	if _, err := os.Stat(to); err == nil {
		return nil // a start that was cut off has made it
	}
	if err := db.Backup(ctx, to); err != nil {
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
