package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

func config(dir string) store.Config {
	return store.Config{Dir: dir, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler)}
}

// quick is a clock on which each wait takes no time and counts as a second, for
// what is tried again until a deadline.
type quick struct {
	clock.Clock
	mu     sync.Mutex
	waited time.Duration
}

func (q *quick) Now() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return time.Unix(0, 0).Add(q.waited)
}

func (q *quick) Sleep(ctx context.Context, _ time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waited += time.Second
	return ctx.Err()
}

func TestOpenMakesAPrivateFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder with ? and # and %20 in its name", "data")
	db, err := store.Open(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	seen := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		seen++
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || seen < 4 { // the folder, the file and its two side files
		t.Fatalf("%d files, %v", seen, err)
	}
}

// Several processes may start at once on a new database.
func TestOpenTogether(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := store.Open(context.WithoutCancel(t.Context()), config(dir))
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			if err := db.Ping(t.Context()); err != nil {
				t.Errorf("ping: %v", err)
			}
			_ = db.Close()
		})
	}
	wg.Wait()
	if copies, _ := filepath.Glob(filepath.Join(dir, "*before*")); len(copies) > 0 {
		t.Errorf("a database that is being made was copied: %v", copies)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	db := storetest.OpenDir(t, dir)
	if _, err := storetest.Raw(t, db).ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), config(dir))
	f := fault.From(err)
	if f == nil || f.Kind != fault.Unsupported || !strings.Contains(f.Message, "9999") || strings.Contains(f.Message, "\n") {
		t.Fatalf("got %v, want one line that names the version", err)
	}
}

// dropsSince are the statements that take away the tables which these
// migrations did not make.
func dropsSince(t *testing.T, raw *sql.DB, files ...string) (drops []string) {
	t.Helper()
	var made strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		made.Write(text)
	}
	rows, err := raw.QueryContext(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(made.String(), "CREATE TABLE "+name+" (") {
			drops = append(drops, `DROP TABLE `+name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return drops
}

func TestCopyBeforeAnUpdate(t *testing.T) {
	dir := t.TempDir()
	db := storetest.OpenDir(t, dir)
	raw := storetest.Raw(t, db)
	// As the program of two migrations ago left it.
	for _, q := range append(dropsSince(t, raw, "migrations/00001_access.sql", "migrations/00002_audit.sql"), `DELETE FROM goose_db_version WHERE version_id > 2`) {
		if _, err := raw.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	again, err := store.Open(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.AppendSamples(t.Context(), []health.Record{{Project: "p", Environment: "e", Sample: health.Sample{At: time.Now(), Verdict: health.Healthy}}}); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, store.SQLiteFile+".before-update-from-2")
	info, err := os.Stat(copied)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
}

func TestBackup(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		dir := t.TempDir()
		to := filepath.Join(dir, "it's a backup.db")
		err := db.Backup(t.Context(), to)
		if db.Kind() == "postgres" {
			if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "pg_dump") {
				t.Fatal(err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Backup(t.Context(), to); !fault.Is(err, fault.Conflict) {
			t.Fatalf("it was written over: %v", err)
		}
		if err := os.Rename(to, filepath.Join(dir, store.SQLiteFile)); err != nil {
			t.Fatal(err)
		}
		if err := storetest.OpenDir(t, dir).Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*.part*")); len(left) > 0 {
			t.Errorf("%v was left behind", left)
		}
	})
}

// Somebody else holds the lock: the write is tried for a while, and then it is
// Unavailable and nothing is written.
func TestLockedDatabase(t *testing.T) {
	dir := t.TempDir()
	db := storetest.OpenDir(t, dir)
	raw := storetest.Raw(t, db)
	conn, err := raw.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cfg := config(dir)
	q := &quick{Clock: clock.Real()}
	cfg.Clock = q
	mine, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	if _, err := mine.KeyCheck(t.Context(), "x"); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "busy") {
		t.Fatalf("a locked database gives %v", err)
	}
	if q.waited < 5*time.Second {
		t.Errorf("it gave up after %v", q.waited)
	}
	if err := mine.Ping(t.Context()); err != nil {
		t.Errorf("reading waits for the writer: %v", err)
	}
	if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if _, err := mine.KeyCheck(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
}

// A disk that is full says so, changes nothing, and is well again afterwards.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	db := storetest.OpenDir(t, dir)
	raw := storetest.Raw(t, db)
	var pages int
	if err := raw.QueryRowContext(t.Context(), `PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	// A limit on the pages gives the same error as a disk without space.
	if err := store.LimitPages(t.Context(), db, pages+2); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 10_000)
	batch := make([]health.Record, 100)
	for i := range batch {
		batch[i] = health.Record{Project: "p", Environment: "e", Sample: health.Sample{At: time.Unix(int64(i), 0), Verdict: health.Down, Reason: big}}
	}
	err := db.AppendSamples(t.Context(), batch)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "full") {
		t.Fatalf("a full disk gives %v", err)
	}
	if got, err := db.SamplesSince(t.Context(), "p", "e", time.Unix(0, 0)); err != nil || len(got) != 0 {
		t.Fatalf("%d samples of a refused batch are there, %v", len(got), err)
	}
	if err := store.LimitPages(t.Context(), db, 1<<30); err != nil {
		t.Fatal(err)
	}
	if err := db.AppendSamples(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func TestBadAddresses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	garbage := t.TempDir()
	if err := os.WriteFile(filepath.Join(garbage, store.SQLiteFile), []byte(strings.Repeat("not a database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	const password = "hunter2-very-secret"
	for name, test := range map[string]struct {
		cfg  store.Config
		kind fault.Kind
	}{
		"no folder":     {store.Config{}, fault.Invalid},
		"a file":        {store.Config{Dir: filepath.Join(file, "data")}, fault.Unavailable},
		"no database":   {store.Config{Dir: garbage}, fault.Internal},
		"not an URL":    {store.Config{URL: secret.New("postgres://u:" + password + "@host:port/x")}, fault.Invalid},
		"nobody there":  {store.Config{URL: secret.New("postgres://u:" + password + "@127.0.0.1:1/x?sslmode=disable")}, fault.Unavailable},
		"no such host":  {store.Config{URL: secret.New("postgres://u:" + password + "@no-such-host.invalid/x")}, fault.Unavailable},
		"not a setting": {store.Config{URL: secret.New("postgres://u:" + password + "@127.0.0.1/x?sslmode=" + password)}, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			test.cfg.Clock, test.cfg.Log = clock.Real(), slog.New(slog.DiscardHandler)
			_, err := store.Open(t.Context(), test.cfg)
			if !fault.Is(err, test.kind) {
				t.Fatalf("got %v (%s), want %s", err, fault.KindOf(err), test.kind)
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(fmt.Sprintf("%v %+v", e, e), password) {
					t.Errorf("the password is in %v", e)
				}
			}
		})
	}
}
