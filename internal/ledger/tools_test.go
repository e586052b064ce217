package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/golang-migrate/migrate/v4"
	migratedriver "github.com/golang-migrate/migrate/v4/database"
	migratepostgres "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	migratesqlite "github.com/golang-migrate/migrate/v4/database/sqlite"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/envdeck/envdeck/internal/database/migration"
	"github.com/envdeck/envdeck/internal/ledger"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// app is an app's database: its address for us, and a handle for its tools.
type app struct {
	address  secret.Text
	db       *sql.DB
	postgres bool
}

// onBoth runs a test on a new SQLite file and on a new Postgres database.
func onBoth(t *testing.T, run func(*testing.T, app)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.db")
		run(t, app{secret.New("sqlite://" + path), handle(t, "sqlite", path), false})
	})
	t.Run("postgres", func(t *testing.T) {
		address := storetest.Postgres(t)
		run(t, app{address, handle(t, "pgx", address.Reveal()), true})
	})
}

func handle(t *testing.T, driver, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// files are a folder of SQL, by name.
func files(texts map[string]string) fstest.MapFS {
	folder := fstest.MapFS{}
	for name, text := range texts {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return folder
}

// standing is what we say of a database and a folder.
func standing(t *testing.T, tool string, address secret.Text, folder fs.FS) migration.Standing {
	t.Helper()
	var all migration.Folder
	err := fs.WalkDir(folder, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(folder, path)
		all.Files = append(all.Files, migration.File{Path: path, Text: text})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := ledger.Read(t.Context(), address, ledger.Ask{Tool: migration.Named(tool)})
	if err != nil {
		t.Fatal(err)
	}
	list, err := migration.Named(tool).List(all)
	if err != nil {
		t.Fatal(err)
	}
	return migration.Named(tool).Judge(got.Rows, migration.List{Known: true, Migrations: list})
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s differ from the tool's own (-tool +ours):\n%s", what, diff)
	}
}

func TestGooseItselfAgrees(t *testing.T) {
	onBoth(t, func(t *testing.T, a app) {
		dialect := goose.DialectSQLite3
		if a.postgres {
			dialect = goose.DialectPostgres
		}
		const up, down = "-- +goose Up\nCREATE TABLE ", ";\n-- +goose Down\nDROP TABLE "
		folder := files(map[string]string{"00001_a.sql": up + "a(id int)" + down + "a;", "00002_b.sql": up + "b(id int)" + down + "b;", "00003_c.sql": up + "c(id int)" + down + "c;"})
		compare := func(when string) {
			t.Helper()
			p, err := goose.NewProvider(dialect, a.db, folder)
			if err != nil {
				t.Fatal(err)
			}
			status, err := p.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var pending, applied []string
			for _, s := range status {
				if s.State == goose.StatePending {
					pending = append(pending, s.Source.Path)
				} else {
					applied = append(applied, s.Source.Path)
				}
			}
			got := standing(t, "goose", a.address, folder)
			expect(t, when+": pending", got.Pending, pending)
			expect(t, when+": applied", got.Applied, applied)
		}
		p, err := goose.NewProvider(dialect, a.db, folder)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.UpTo(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		compare("up to 2")
		if _, err := p.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
		compare("one down")
		if _, err := p.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		compare("all up")
		folder["00004_bad.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nnonsense;\n")}
		if p, err = goose.NewProvider(dialect, a.db, folder); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Up(t.Context()); err == nil {
			t.Fatal("goose applied nonsense")
		}
		compare("one failed")
		if got := standing(t, "goose", a.address, folder); got.Failed != nil || got.Unknown["failed"] == "" {
			t.Errorf("failed is %v because of %q; goose does not say", got.Failed, got.Unknown["failed"])
		}
	})
}

func TestGolangMigrateItselfAgrees(t *testing.T) {
	onBoth(t, func(t *testing.T, a app) {
		folder := files(map[string]string{
			"1_a.up.sql": "CREATE TABLE a(id int);", "1_a.down.sql": "DROP TABLE a;", "2_b.up.sql": "CREATE TABLE b(id int);", "2_b.down.sql": "DROP TABLE b;",
			"3_nothing.down.sql": "DROP TABLE IF EXISTS c;", "10_bad.up.sql": "nonsense;", "11_d.up.sql": "CREATE TABLE d(id int);",
		})
		m := migrator(t, a, folder)
		check := func(when string, applied, pending, failed []string) {
			t.Helper()
			got := standing(t, "golang-migrate", a.address, folder)
			expect(t, when+": applied", got.Applied, applied)
			expect(t, when+": pending", got.Pending, pending)
			expect(t, when+": failed", got.Failed, failed)
			version, dirty, err := m.Version()
			if errors.Is(err, migrate.ErrNilVersion) {
				if len(got.Applied)+len(got.Failed) > 0 {
					t.Errorf("%s: golang-migrate stands nowhere", when)
				}
				return
			}
			if err != nil || dirty != (len(failed) > 0) || version == 0 {
				t.Errorf("%s: golang-migrate stands at %d, dirty %v, %v", when, version, dirty, err)
			}
		}
		check("at first", nil, []string{"1_a", "2_b", "3_nothing", "10_bad", "11_d"}, nil)
		for range 3 {
			if err := m.Steps(1); err != nil {
				t.Fatal(err)
			}
		}
		check("three steps", []string{"1_a", "2_b", "3_nothing"}, []string{"10_bad", "11_d"}, nil)
		if err := m.Steps(-2); err != nil {
			t.Fatal(err)
		}
		check("two back", []string{"1_a"}, []string{"2_b", "3_nothing", "10_bad", "11_d"}, nil)
		if err := m.Up(); err == nil {
			t.Fatal("golang-migrate applied nonsense")
		}
		check("failed", []string{"1_a", "2_b", "3_nothing"}, []string{"11_d"}, []string{"10_bad"})
		if err := m.Up(); !errors.As(err, new(migrate.ErrDirty)) {
			t.Errorf("golang-migrate goes on after a failure: %v", err)
		}
	})
}

func migrator(t *testing.T, a app, folder fs.FS) *migrate.Migrate {
	t.Helper()
	source, err := iofs.New(folder, ".")
	if err != nil {
		t.Fatal(err)
	}
	var driver migratedriver.Driver
	if a.postgres {
		driver, err = migratepostgres.WithInstance(a.db, &migratepostgres.Config{})
	} else {
		driver, err = migratesqlite.WithInstance(a.db, &migratesqlite.Config{})
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := migrate.NewWithInstance("iofs", source, "app", driver)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = m.Close() })
	return m
}

func TestALookChangesNothingAndFindsTheTable(t *testing.T) {
	onBoth(t, func(t *testing.T, a app) {
		read := func(tool string) (migration.Ledger, error) {
			return ledger.Read(t.Context(), a.address, ledger.Ask{Tool: migration.Named(tool)})
		}
		if got, err := read("knex"); err != nil || !got.Empty || got.Tool != "knex" {
			t.Errorf("a database without tables: %+v, %v", got, err)
		}
		exec(t, a.db, `CREATE TABLE users(id int)`)
		if got, err := read("knex"); err == nil {
			t.Errorf("a database with other tables alone: %+v; want unknown", got)
		}
		exec(t, a.db, `CREATE TABLE knex_migrations(id int, name text, batch int, migration_time timestamp)`)
		exec(t, a.db, `INSERT INTO knex_migrations VALUES (1, 'a.js', 1, '2026-01-02 03:04:05'), (2, NULL, 1, NULL)`)
		got, err := read("")
		want := []migration.Row{{"id": "1", "name": "a.js", "batch": "1", "migration_time": "2026-01-02T03:04:05Z"}, {"id": "2", "batch": "1"}}
		if err != nil || got.Tool != "knex" || !cmp.Equal(got.Rows, want) {
			t.Errorf("%+v, %v; want %v", got, err, want)
		}
		exec(t, a.db, `CREATE TABLE kysely_migration(name text, timestamp text)`)
		if _, err := read(""); err == nil || !strings.Contains(err.Error(), "migrations.tool") {
			t.Errorf("two tools: %v", err)
		}
	})
}

func exec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.ExecContext(context.WithoutCancel(t.Context()), query); err != nil {
		t.Fatal(err)
	}
}
