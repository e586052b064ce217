package release_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// reschedule stages a build with other crons than the live one: one is new, one
// is gone and one runs half as often.
func (r *rig) reschedule() {
	r.t.Helper()
	r.change(func(s *world.State) {
		crons := append([]world.Cron{{Path: "/api/cron/new", Schedule: "0 5 * * *"}}, s.CronsAt(s.NewestStaged().SHA)...)
		var kept []world.Cron
		for _, c := range crons {
			switch c.Path {
			case "/api/cron/cleanup-bin":
				continue
			case "/api/cron/pulse-metrics":
				c.Schedule = "*/30 * * * *"
			}
			kept = append(kept, c)
		}
		_, d := s.PushCommit(world.Push{Branch: "main", Message: "feat: other crons", Author: s.People[1], Changes: []world.FileChange{{Path: "vercel.json", Status: "modified", Content: world.VercelJSON(kept), Kept: true}}})
		r.staged = *d
	})
	waitFor(r, 10*time.Minute)
	r.sim.World().View(func(s *world.State) { r.staged = *s.Deployment(r.staged.ID) })
}

// A schedule that becomes another one is told as that, in what a promotion
// confirms and in what a rollback offers, and equal builds keep their hash.
func TestSchedulesThatChangeAreToldAsChanged(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		r.reschedule()
		d, _ := r.desk()
		sheet, err := d.Compare(t.Context(), r.admin, "", "prod", "next")
		if err != nil {
			t.Fatal(err)
		}
		want := release.SheetCrons{
			Added:   []release.SheetCron{{Path: "/api/cron/new", Schedule: "0 5 * * *"}},
			Removed: []release.SheetCron{{Path: "/api/cron/cleanup-bin", Schedule: "0 2 * * *"}},
			Changed: []release.SheetCronChange{{Path: "/api/cron/pulse-metrics", From: "*/15 * * * *", To: "*/30 * * * *"}},
		}
		if diff := cmp.Diff(want, sheet.Crons); diff != "" {
			t.Errorf("promoting (-want +got):\n%s", diff)
		}
		before := r.live.ID
		if op := r.end(d, r.promote(d).ID); op.Phase != release.Succeeded {
			t.Fatalf("%s: %s", op.Phase, op.Message)
		}
		targets, err := d.Targets(t.Context(), r.admin, "")
		if err != nil {
			t.Fatal(err)
		}
		want = release.SheetCrons{
			Added: want.Removed, Removed: want.Added,
			Changed: []release.SheetCronChange{{Path: "/api/cron/pulse-metrics", From: "*/30 * * * *", To: "*/15 * * * *"}},
		}
		// Builds do not change: looking again asks nothing about them.
		asked := len(r.sim.Exchange().Calls.List(wire.Filter{}))
		if _, err := d.Targets(t.Context(), r.admin, ""); err != nil {
			t.Fatal(err)
		}
		for _, e := range r.sim.Exchange().Calls.List(wire.Filter{})[asked:] {
			if strings.Contains(e.Path, "/deployments/dpl_") {
				t.Errorf("looking again asked for %s", e.Path)
			}
		}
		seen := false
		for _, c := range targets {
			if c.Build.ID == before {
				seen = true
				if c.Crons == nil || c.CronsUnknown != "" || cmp.Diff(want, *c.Crons) != "" {
					t.Errorf("going back to it: %+v, %q", c.Crons, c.CronsUnknown)
				}
			}
			if (c.Crons == nil) == (c.CronsUnknown == "") {
				t.Errorf("%s: %+v and %q", c.Build.ID, c.Crons, c.CronsUnknown)
			}
		}
		if !seen {
			t.Error("the build before is not offered")
		}
	})
}
