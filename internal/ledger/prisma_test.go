//go:build prisma

package ledger_test

import (
	"context"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// project is an app that uses Prisma itself, installed by "make prisma".
type project struct {
	*testing.T
	dir     string
	address secret.Text
}

func newProject(t *testing.T) project {
	t.Helper()
	installed := os.Getenv("ENVDECK_PRISMA")
	if installed == "" {
		t.Fatal("run make prisma: it installs Prisma and says where it is")
	}
	p := project{t, t.TempDir(), storetest.Postgres(t)}
	if err := os.Symlink(filepath.Join(installed, "node_modules"), filepath.Join(p.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", "prisma.config.ts"} {
		text, err := os.ReadFile(filepath.Join("testdata", "prisma", name))
		if err != nil {
			t.Fatal(err)
		}
		p.write(name, string(text))
	}
	// "resolve" still asks the engine that is downloaded whether the database can
	// be reached, and only that; everything else is done by the one in the package.
	p.write("engine", "#!/bin/sh\n[ \"$4\" = can-connect-to-database ]\n")
	if err := os.Chmod(filepath.Join(p.dir, "engine"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.write("prisma/schema.prisma", "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n")
	p.write("prisma/migrations/migration_lock.toml", "provider = \"postgresql\"\n")
	return p
}

func (p project) write(name, text string) {
	p.Helper()
	path := filepath.Join(p.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
}

func (p project) migration(name, sql string) {
	p.write("prisma/migrations/"+name+"/migration.sql", sql)
}

// migrate runs "prisma migrate" and answers what it printed and whether it was
// content.
func (p project) migrate(args ...string) (string, bool) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), 2*time.Minute)
	defer cancel()
	engine := filepath.Join(p.dir, "engine") // without one, Prisma looks for it on the network
	cmd := osexec.CommandContext(ctx, "node", append([]string{"node_modules/prisma/build/index.js", "migrate"}, args...)...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "DATABASE_URL="+p.address.Reveal(), "CHECKPOINT_DISABLE=1", "PRISMA_HIDE_UPDATE_MESSAGE=1", "NO_COLOR=1",
		"PRISMA_QUERY_ENGINE_LIBRARY="+engine, "PRISMA_SCHEMA_ENGINE_BINARY="+engine)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		p.Fatalf("prisma migrate %s did not end: %s", strings.Join(args, " "), out)
	}
	return string(out), err == nil
}

func (p project) must(args ...string) string {
	p.Helper()
	out, ok := p.migrate(args...)
	if !ok {
		p.Fatalf("prisma migrate %s: %s", strings.Join(args, " "), out)
	}
	return out
}

var named = regexp.MustCompile(`\b\d+_[a-z]+\b`)

// names are the migrations that an output names, each once.
func names(out string) []string {
	all := named.FindAllString(out, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// TestPrismaItselfAgrees: migrations applied by Prisma's own command, one of
// them edited afterwards, one that failed, one that was rolled back, one that
// nobody applied yet. What we say is pending is what Prisma then applies, and
// what we say has failed is what it refuses to go on because of.
func TestPrismaItselfAgrees(t *testing.T) {
	p := newProject(t)
	p.migration("1_users", `CREATE TABLE "User" (id int PRIMARY KEY);`)
	p.migration("2_posts", `CREATE TABLE "Post" (id int PRIMARY KEY);`)
	p.migration("4_tags", `ALTER TABLE "NoSuch" ADD COLUMN tag text;`)
	if out, ok := p.migrate("deploy"); ok || !strings.Contains(out, "4_tags") {
		t.Fatalf("a migration of a table that is not there was applied: %s", out)
	}
	p.must("resolve", "--rolled-back", "4_tags")
	p.migration("3_likes", `ALTER TABLE "NoSuch" ADD COLUMN likes int;`)
	if out, ok := p.migrate("deploy"); ok || !strings.Contains(out, "3_likes") {
		t.Fatalf("a migration of a table that is not there was applied: %s", out)
	}
	p.migration("2_posts", `CREATE TABLE "Post" (id int PRIMARY KEY, title text);`)
	p.migration("5_pages", `CREATE TABLE "Page" (id int PRIMARY KEY);`)

	folder := os.DirFS(filepath.Join(p.dir, "prisma", "migrations"))
	before := standing(t, "prisma", p.address, folder)
	expect(t, "applied", before.Applied, []string{"1_users", "2_posts"})
	expect(t, "edited", before.Edited, []string{"2_posts"})
	expect(t, "rolled back", before.RolledBack, []string{"4_tags"})

	refusal, ok := p.migrate("deploy")
	if ok || !strings.Contains(refusal, "P3009") {
		t.Fatalf("it went on behind a migration that failed: %s", refusal)
	}
	_, why, _ := strings.Cut(refusal, "P3009")
	expect(t, "failed", before.Failed, names(why))

	// Somebody mends both, and Prisma applies what was pending.
	p.must("resolve", "--applied", "3_likes")
	p.migration("4_tags", `CREATE TABLE "Tag" (id int PRIMARY KEY);`)
	_, applied, _ := strings.Cut(p.must("deploy"), "have been applied:")
	expect(t, "pending", before.Pending, names(applied))

	after := standing(t, "prisma", p.address, folder)
	expect(t, "pending at last", after.Pending, nil)
	expect(t, "failed at last", after.Failed, nil)
	expect(t, "applied at last", slices.Sorted(slices.Values(after.Applied)), []string{"1_users", "2_posts", "3_likes", "4_tags", "5_pages"})
	if out := p.must("status"); !strings.Contains(out, "up to date") {
		t.Errorf("Prisma says otherwise: %s", out)
	}
}
