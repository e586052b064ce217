package standing_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/database/migration"
	"github.com/envdeck/envdeck/internal/database/standing"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
)

const first, second = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"

// outside is a database and a repository that can be told to fail.
type outside struct {
	rows            []migration.Row
	refuses         error
	folders         map[string][]string // by commit
	gone            error
	commit, why     string
	looks, listings atomic.Int64
	neverRead       bool
}

func (o *outside) Folder(_ context.Context, _, commit string) (provider.Folder, error) {
	o.listings.Add(1)
	var out provider.Folder
	for _, name := range o.folders[commit] {
		out.Files = append(out.Files, provider.FolderFile{Path: name + "/migration.sql", ID: name, Size: 1})
	}
	return out, o.gone
}

func (o *outside) Texts(_ context.Context, files []provider.FolderFile) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, f := range files {
		if !o.neverRead {
			out[f.ID] = []byte(f.ID)
		}
	}
	return out, nil
}

func (o *outside) read(context.Context, migration.Tool, []string) (migration.Ledger, error) {
	o.looks.Add(1)
	return migration.Ledger{Tool: "prisma", Rows: o.rows}, o.refuses
}

// watch runs a test with a book over an outside world, in virtual time.
func watch(t *testing.T, o *outside, run func(b *standing.Book, stand func() database.MigrationStanding)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		memory := cache.NewMemory()
		defer memory.Close()
		keeper := cache.NewKeeper(memory, clock.Real(), slog.New(slog.DiscardHandler))
		b := standing.New(standing.Options{Keeper: keeper, Clock: clock.Real(), Projects: []standing.Project{{
			Catalog: catalog.Project{Name: "web", Environments: []catalog.Environment{{Name: "prod", Kind: catalog.Production}, {Name: "next"}}},
			Tool:    "prisma", Dir: "prisma/migrations", Providers: provider.Set{{Name: "github", API: o}},
			Databases: map[string]standing.Reader{"prod": o.read},
			Commit:    func(string) (string, string) { return o.commit, o.why },
		}}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- keeper.Run(ctx) }()
		b.Refresh(ctx)
		synctest.Wait()
		run(b, func() database.MigrationStanding {
			t.Helper()
			s := b.Migrations("web")
			if len(s.Environments) != 1 || len(s.Sources) != 1 || s.Environments[0].Environment != "prod" {
				t.Fatalf("%+v; want prod alone", s)
			}
			return s.Environments[0]
		})
		stop()
		<-done
	})
}

func applied(name string) migration.Row {
	return migration.Row{"migration_name": name, "checksum": "other", "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:00Z"}
}

func TestTheCommitThatRunsIsWhatADatabaseIsComparedWith(t *testing.T) {
	o := &outside{rows: []migration.Row{applied("1_a")}, folders: map[string][]string{first: {"1_a"}, second: {"1_a", "2_b"}}, commit: first}
	watch(t, o, func(b *standing.Book, stand func() database.MigrationStanding) {
		if got := stand(); got.PendingCount == nil || *got.PendingCount != 0 || *got.AppliedCount != 1 || *got.Latest != "1_a" || got.Commit != first || !cmp.Equal(got.Edited, []string{"1_a"}) || len(got.Unknown) != 0 {
			t.Errorf("%+v", got)
		}
		looks := o.looks.Load()
		o.commit = second
		// Until the other commit's files are known, those of the old one say nothing.
		if got := stand(); got.PendingCount != nil || got.Unknown["pendingCount"] == "" || len(got.Pending) != 0 {
			t.Errorf("compared with a commit that runs no more: %+v", got)
		}
		b.Moved("web")
		synctest.Wait()
		if got := stand(); got.PendingCount == nil || *got.PendingCount != 1 || !cmp.Equal(got.Pending, []string{"2_b"}) || got.Commit != second {
			t.Errorf("%+v", got)
		}
		if o.looks.Load() != looks+1 {
			t.Errorf("the database was read %d times for another commit, want once", o.looks.Load()-looks)
		}
		b.Moved("web") // nothing moved
		synctest.Wait()
		if o.looks.Load() != looks+1 {
			t.Error("the database was read although the same commit runs there")
		}
	})
}

func TestADatabaseIsReadRarely(t *testing.T) {
	o := &outside{rows: []migration.Row{applied("1_a")}, folders: map[string][]string{first: {"1_a"}}, commit: first}
	watch(t, o, func(b *standing.Book, _ func() database.MigrationStanding) {
		o.looks.Store(0)
		o.listings.Store(0)
		for range 60 { // an hour of somebody's looking
			b.Watch("web")
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if n := o.looks.Load(); n < 3 || n > 4 {
			t.Errorf("%d looks in an hour of watching, want one a quarter of an hour", n)
		}
		if n := o.listings.Load(); n != 0 {
			t.Errorf("the same commit was listed %d times more", n)
		}
		o.looks.Store(0)
		time.Sleep(6 * time.Hour)
		synctest.Wait()
		if n := o.looks.Load(); n > 6 {
			t.Errorf("%d looks in six hours without anybody watching", n)
		}
	})
}

func TestWhatCouldNotBeHadIsUnknownWithItsReason(t *testing.T) {
	folder := map[string][]string{first: {"1_a", "2_b"}}
	for _, c := range []struct {
		name  string
		o     *outside
		field string
		why   string
	}{
		{"the database refuses", &outside{refuses: fault.New(fault.Rejected, "The database refused the user or the password."), folders: folder, commit: first}, "appliedCount", "refused the user"},
		{"and what is pending hangs on it", &outside{refuses: fault.New(fault.Timeout, "The database did not answer in time."), folders: folder, commit: first}, "pendingCount", "in time"},
		{"an error that is no fault", &outside{refuses: errors.New("postgres://u:hunter2@h/db"), folders: folder, commit: first}, "latest", "Something went wrong"},
		{"the repository fails", &outside{rows: []migration.Row{applied("1_a")}, gone: fault.New(fault.Unavailable, "GitHub is failing (502)."), commit: first}, "pendingCount", "GitHub is failing"},
		{"nobody knows what runs", &outside{rows: []migration.Row{applied("1_a")}, why: "The working copy has changes that no commit has."}, "pendingCount", "no commit has"},
	} {
		t.Run(c.name, func(t *testing.T) {
			watch(t, c.o, func(_ *standing.Book, stand func() database.MigrationStanding) {
				got := stand()
				if !strings.Contains(got.Unknown[c.field], c.why) {
					t.Errorf("%s is unknown because of %q, want %q", c.field, got.Unknown[c.field], c.why)
				}
				if got.PendingCount != nil {
					t.Errorf("%d are said to be pending", *got.PendingCount)
				}
				if strings.Contains(fmt.Sprint(got), "hunter2") {
					t.Error("a password came through")
				}
				if c.o.refuses == nil && (got.AppliedCount == nil || *got.AppliedCount != 1) {
					t.Error("what the database says is right without the files")
				}
			})
		})
	}
}

func TestFilesThatCouldNotBeReadAreNotCalledUnchanged(t *testing.T) {
	o := &outside{rows: []migration.Row{applied("1_a")}, folders: map[string][]string{first: {"1_a"}}, commit: first, neverRead: true}
	watch(t, o, func(_ *standing.Book, stand func() database.MigrationStanding) {
		if got := stand(); got.Unknown["edited"] == "" || *got.PendingCount != 0 {
			t.Errorf("%+v", got)
		}
	})
}
