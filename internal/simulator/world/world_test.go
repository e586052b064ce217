package world_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/simulator/world"
)

// hand is a clock that a test moves.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hand) move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *hand) Sleep(context.Context, time.Duration) error { panic("the world never sleeps") }

func (h *hand) Timer(time.Duration) (<-chan time.Time, func()) { panic("the world never waits") }

func newHand() *hand { return &hand{now: time.Date(2026, 11, 19, 14, 7, 31, 250e6, time.UTC)} }

func start(t *testing.T) (*world.World, *hand) {
	t.Helper()
	h := newHand()
	return world.New(world.Options{Seed: 7, Clock: h}), h
}

func TestHistoryIsTheOneDescribed(t *testing.T) {
	w, h := start(t)
	w.View(func(s *world.State) {
		live, next := s.Live(), s.NewestStaged()
		if live == nil || next == nil {
			t.Fatal("no live or no staged deployment")
		}
		if age := h.Now().Sub(s.Commit(live.SHA).At); age < 40*time.Hour || age > 60*time.Hour {
			t.Errorf("production's commit is %v old, want about two days", age)
		}
		if next.Substate != world.Staged || next.State != world.Ready {
			t.Errorf("next is %s/%s, want READY/STAGED", next.State, next.Substate)
		}
		c, ok := s.Compare(live.SHA, next.SHA)
		prs, files := map[int]bool{}, 0
		for _, commit := range c.Ahead {
			for _, pr := range s.PullsOf(commit.SHA) {
				if pr.Merged {
					prs[pr.Number] = true
				}
			}
		}
		for _, f := range c.Files {
			if strings.HasSuffix(f.Path, "migration.sql") {
				files++
			}
		}
		if !ok || c.Status != "ahead" || len(c.Ahead) != 7 || len(prs) != 3 || files != 1 {
			t.Errorf("next is %s by %d commits, %d PRs, %d migrations; want ahead by 7, 3, 1", c.Status, len(c.Ahead), len(prs), files)
		}
		if pending := len(s.Migrations(next.SHA)) - len(s.Applied(world.ProductionBranch)); pending != 1 {
			t.Errorf("%d migrations pending on production, want 1", pending)
		}
		merged, states := 0, map[world.BuildState]int{}
		for _, p := range s.Pulls("all") {
			if p.Merged {
				merged++
			}
		}
		for _, d := range s.Deployments() {
			states[d.State]++
		}
		for _, want := range []world.BuildState{world.Ready, world.Failed, world.Canceled, world.Queued, world.Building} {
			if states[want] == 0 {
				t.Errorf("no deployment is %s: %v", want, states)
			}
		}
		log := s.Log("main")
		t.Logf("%d commits on main, %d merged PRs, %d open, builds %v, live spans %d", len(log), merged, len(s.Pulls("open")), states, len(s.LiveHistory()))
		if len(log) < 250 || merged < 90 || merged > 160 {
			t.Errorf("%d commits and %d merged pull requests", len(log), merged)
		}
	})
}

// sketch is a text of nearly everything, to compare two worlds by.
func sketch(w *world.World) string {
	var b strings.Builder
	w.View(func(s *world.State) {
		for _, c := range s.Commits() {
			fmt.Fprintln(&b, c.SHA, c.At, c.Message, c.Author.Name, c.Parents, c.Changes)
		}
		for _, d := range s.Deployments() {
			fmt.Fprintln(&b, d.ID, d.Host, d.State, d.Substate, d.CreatedAt, d.ReadyAt, d.SHA, d.Target)
		}
		for _, p := range s.Pulls("all") {
			fmt.Fprintln(&b, p.Number, p.Title, p.State, p.Head, p.MergedAt)
		}
		for _, a := range s.Aliases() {
			fmt.Fprintln(&b, *a)
		}
		for _, r := range s.Runs() {
			fmt.Fprintln(&b, r.ID, r.Title, r.Status, r.Conclusion, r.UpdatedAt)
		}
		fmt.Fprintln(&b, s.ErrorsBetween(world.Prod, s.Epoch.AddDate(0, 0, -20), s.Now(), time.Hour))
		fmt.Fprintln(&b, s.Traffic(world.Prod, s.Epoch.AddDate(0, 0, -1), s.Now()))
		fmt.Fprintln(&b, s.CronRuns("/api/cron/pulse-metrics", s.Epoch.AddDate(0, 0, -1), s.Now()))
		for _, e := range []world.Env{world.Dev, world.Next, world.Prod} {
			fmt.Fprintln(&b, s.Serving(e))
		}
	})
	return b.String()
}

func TestSameSeedSameCallsSameWorld(t *testing.T) {
	play := func(steps int) string {
		w, h := start(t)
		w.Change(func(s *world.State) {
			if _, err := s.Promote(s.NewestStaged().ID, s.People[0]); err != nil {
				t.Error(err)
			}
			s.PushCommit(world.Push{Message: "fix: one more", Author: s.People[1]})
		})
		for range steps {
			h.move(10 * time.Minute / time.Duration(steps))
			w.Advance()
		}
		return sketch(w)
	}
	// However often somebody looks in between, the outcome is the same.
	if diff := cmp.Diff(play(1), play(600)); diff != "" {
		t.Errorf("looking changed the world: %.2000s", diff)
	}
	other := world.New(world.Options{Seed: 8, Clock: newHand()})
	if sketch(other) == sketch(world.New(world.Options{Seed: 7, Clock: newHand()})) {
		t.Error("another seed made the same world")
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		world.New(world.Options{Clock: newHand()})
	}
}
