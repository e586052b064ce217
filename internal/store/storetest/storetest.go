// Package storetest gives tests the real databases.
//
//	storetest.Run(t, func(t *testing.T, db *store.DB) { … })
//
// runs a test on SQLite always, and on a real Postgres: the one that
// TEST_PG_DSN names, else one started from local binaries. Without either the
// Postgres half is skipped with a note, and where CI=true it fails instead.
//
// It must not know what the tables mean.
package storetest

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/store"
)

// Open is a new SQLite database in a folder of the test's own, closed at its
// end. It works inside a synctest bubble, too.
func Open(t testing.TB) *store.DB {
	t.Helper()
	return OpenDir(t, t.TempDir())
}

// OpenDir is the SQLite database in dir: a new one, or the one that is there.
func OpenDir(t testing.TB, dir string) *store.DB {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, store.SQLiteFile)); err != nil {
		copyTemplate(t, dir)
	}
	return open(t, store.Config{Dir: dir})
}

func open(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	cfg.Clock, cfg.Log = clock.Real(), slog.New(slog.DiscardHandler)
	db, err := store.Open(context.WithoutCancel(t.Context()), cfg)
	if err != nil {
		t.Fatalf("storetest: open: %v", err)
	}
	opened.Store(db, cfg)
	t.Cleanup(func() {
		opened.Delete(db)
		if err := db.Close(); err != nil {
			t.Errorf("storetest: close: %v", err)
		}
	})
	return db
}

// opened is where the databases of the running tests are, for Raw.
var opened sync.Map

// Raw is a connection of its own to the test's database, for tests that do
// what nobody should: tamper with rows, hold locks. It is closed at the end.
func Raw(t testing.TB, db *store.DB) *sql.DB {
	t.Helper()
	v, ok := opened.Load(db)
	if !ok {
		t.Fatal("storetest: the database was not opened here")
	}
	cfg := v.(store.Config)
	driver, address := "sqlite", "file:"+filepath.Join(cfg.Dir, store.SQLiteFile)+"?_pragma=busy_timeout(5000)"
	if cfg.URL.Set() {
		driver, address = "pgx", cfg.URL.Reveal()
	}
	raw, err := sql.Open(driver, address)
	if err != nil {
		t.Fatalf("storetest: raw: %v", err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

// Run runs the test on every database there is.
func Run(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, Open(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, store.Config{URL: postgresDatabase(t)})) })
}

// template is one migrated file per test binary: copying it is twenty times as
// fast as migrating anew.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "envdeck-store-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{Dir: dir, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	whole := filepath.Join(dir, "template")
	err = db.Backup(ctx, whole)
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(whole) //nolint:gosec // written above
})

func copyTemplate(t testing.TB, dir string) {
	t.Helper()
	raw, err := template()
	if err != nil {
		t.Fatalf("storetest: template: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, store.SQLiteFile), raw, 0o600); err != nil {
		t.Fatalf("storetest: template: %v", err)
	}
}
