package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver for the server's own housekeeping

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store"
)

// errNoPostgres is why the Postgres half of the tests can not run here.
var errNoPostgres = errors.New("no Postgres: set TEST_PG_DSN, or install the server's binaries (initdb, postgres)")

const templateName = "envdeck_template"

// server is the address of a Postgres with a migrated template database, once
// per test binary.
var server = sync.OnceValues(func() (*url.URL, error) {
	at, err := serverAddress()
	if err != nil {
		return nil, err
	}
	name := templateName + "_" + strings.ToLower(rand.Text())[:8]
	if err := create(at, name, ""); err != nil {
		return nil, err
	}
	made := *at
	made.Path = "/" + name
	db, err := store.Open(context.Background(), store.Config{
		URL: secret.New(made.String()), Clock: clock.Real(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	return &made, db.Close()
})

// postgresDatabase is the address of a database of the test's own, a clone of
// the template, dropped at the end of the test.
func postgresDatabase(t *testing.T) secret.Text {
	t.Helper()
	from, err := server()
	if errors.Is(err, errNoPostgres) && os.Getenv("CI") != "true" {
		t.Skipf("NOT TESTED ON POSTGRES: %v", err)
	}
	if err != nil {
		t.Fatalf("storetest: postgres: %v", err)
	}
	return database(t, from, strings.TrimPrefix(from.Path, "/"))
}

// database makes a database of the test's own, of a template or empty.
func database(t *testing.T, from *url.URL, template string) secret.Text {
	t.Helper()
	name := "envdeck_" + strings.ToLower(rand.Text())[:12]
	if err := create(from, name, template); err != nil {
		t.Fatalf("storetest: postgres: %v", err)
	}
	t.Cleanup(func() {
		if err := admin(from, `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Logf("storetest: postgres: %v", err)
		}
	})
	mine := *from
	mine.Path = "/" + name
	return secret.New(mine.String())
}

// One clone at a time: Postgres refuses to copy a template that another copy
// is reading from in some versions.
var cloning sync.Mutex

func create(at *url.URL, name, template string) error {
	cloning.Lock()
	defer cloning.Unlock()
	query := `CREATE DATABASE ` + name // names are made here, of letters and digits
	if template != "" {
		query += ` TEMPLATE ` + template
	}
	return admin(at, query)
}

func admin(at *url.URL, query string) error {
	u := *at
	u.Path = "/postgres"
	db, err := sql.Open("pgx", u.String())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err = db.ExecContext(ctx, query)
	return err
}

func serverAddress() (*url.URL, error) {
	if dsn := os.Getenv("TEST_PG_DSN"); dsn != "" {
		return url.Parse(dsn)
	}
	initdb, postgres := binary("initdb"), binary("postgres")
	if initdb == "" || postgres == "" {
		return nil, errNoPostgres
	}
	return start(initdb, postgres)
}

// binary finds a program of Postgres; Debian keeps them out of the PATH.
func binary(name string) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		return found[len(found)-1]
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// start runs a server on a unix socket in a new folder. It ends with the test
// binary: the keeper (see keep) stops it and removes the folder.
func start(initdb, postgres string) (*url.URL, error) {
	// Short on purpose: a socket's path may have some 100 bytes.
	dir, err := os.MkdirTemp("/tmp", "edpg-")
	if err != nil {
		return nil, err
	}
	if err := giveToServer(dir); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, initdb, "-D", data, "-U", "envdeck", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", &out, &out
	cmd.SysProcAttr = asServer()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out.String())
	}
	if err := keep(dir, postgres, "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=200",
		"-c", "shared_buffers=32MB", "-c", "logging_collector=off"); err != nil {
		return nil, err
	}
	at := &url.URL{Scheme: "postgres", User: url.User("envdeck"), Path: "/postgres", RawQuery: url.Values{"host": {dir}}.Encode()}
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := admin(at, `SELECT 1`)
		if err == nil {
			return at, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("postgres did not come up: %w", err)
		}
		// A socket that is not there yet gives no event to wait for.
		<-time.After(20 * time.Millisecond)
	}
}

// Postgres is the address of an empty database of the test's own, for tests of
// what other programs keep in one. It is dropped at the end of the test.
func Postgres(t *testing.T) secret.Text {
	t.Helper()
	from, err := server()
	if errors.Is(err, errNoPostgres) && os.Getenv("CI") != "true" {
		t.Skipf("NOT TESTED ON POSTGRES: %v", err)
	}
	if err != nil {
		t.Fatalf("storetest: postgres: %v", err)
	}
	return database(t, from, "")
}
