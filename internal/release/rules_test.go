package release

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/provider"
)

func TestTheTableOfPhasesIsWhole(t *testing.T) {
	known := map[Phase]bool{}
	for _, p := range Ends() {
		known[p] = true
		if !p.Ended() {
			t.Errorf("%s is an end with a row in the table", p)
		}
	}
	for _, p := range Phases() {
		known[p] = true
		if p.Ended() {
			t.Errorf("%s has no row in the table", p)
		}
	}
	for p, s := range workerStages {
		if _, is := stages[p]; !is || s.deadline <= 0 || s.cause == "" || !may(workerStages, p, s.late) {
			t.Errorf("of a Worker, %s: %+v", p, s)
		}
		for _, e := range s.exits {
			if _, live := workerStages[e]; !live && !e.Ended() {
				t.Errorf("of a Worker, %s may go to %s, which has no row", p, e)
			}
		}
	}
	for p, s := range stages {
		if !known[p] || len(s.exits) == 0 || !known[s.late] || s.cause == "" {
			t.Errorf("%s: %+v", p, s)
		}
		if s.deadline <= 0 && p != Baking { // whose deadline is the configuration's
			t.Errorf("%s has no deadline", p)
		}
		if !may(stages, p, s.late) {
			t.Errorf("%s may not go to %s when it is late", p, s.late)
		}
		for _, e := range s.exits {
			if !known[e] {
				t.Errorf("%s may go to %s, which is no phase", p, e)
			}
		}
	}
}

func TestSick(t *testing.T) {
	for dots, want := range map[string]bool{
		"": false, "b": false, "bb": false, "bbb": true, "bhbhb": true, "bhhbb": true, "bbhhhb": false,
		"bbhhh": false, "bbbhh": true, "bbbhhh": false, "dddd": false, "uuuuu": false, "bubub": true, "ooooo": false,
	} {
		if got := sick(dots); got != want {
			t.Errorf("%q: %v", dots, got)
		}
	}
}

// TestFlappingUnderTheLimitIsNeverSick draws 10,000 watches of three minutes
// that flap as much as they may, and then says at which probe each becomes one
// too many.
func TestFlappingUnderTheLimitIsNeverSick(t *testing.T) {
	for seed := range uint64(10_000) {
		draw := rand.New(rand.NewPCG(seed, 7))
		var w Watch
		var bad []int // the probes that were bad
		within := func(i int) int {
			n := 0
			for _, b := range bad {
				if i-b < 5 {
					n++
				}
			}
			return n
		}
		for i := range 90 {
			d := "hdu"[draw.IntN(3)]
			if draw.IntN(2) == 0 && within(i) < 2 {
				d = 'b'
				bad = append(bad, i)
			}
			w.add(d, "because")
			if sick(w.Dots) {
				t.Fatalf("seed %d: %q is sick", seed, w.Dots)
			}
		}
		for i := 90; !sick(w.Dots); i++ {
			if within(i-1) >= 3 {
				t.Fatalf("seed %d: %q is not sick", seed, w.Dots)
			}
			w.add('b', "because")
			bad = append(bad, i)
		}
	}
}

func TestTheWatchPassesOnEvidenceAlone(t *testing.T) {
	for dots, want := range map[string]Verdict{
		"": Inconclusive, "hhhhhhhhhh": Pass, "uuuuuuuuuh": Inconclusive, "hhhhhhhhbh": Inconclusive, "hhhhbhhhhh": Pass,
		"ddddddddhh": Inconclusive, "hhhhhhhbbb": Fail, "oooooooooo": Inconclusive, "hhhhhhhddd": Pass,
	} {
		var w Watch
		for _, d := range dots {
			w.add(byte(d), "because")
		}
		if got, why := w.health(); got != want {
			t.Errorf("%q: %s (%s), want %s", dots, got, why, want)
		}
	}
	w := Watch{Unproven: true}
	for range 20 {
		w.add('h', "")
	}
	if got, _ := w.health(); got != Inconclusive {
		t.Errorf("a build that nothing proves to be served gives %s", got)
	}
}

func TestErrorsAreComparedWithTheHourBefore(t *testing.T) {
	hour := func(n int64) *Rate { return &Rate{n, time.Hour} }
	for name, c := range map[string]struct {
		before *Rate
		now    Rate
		want   Verdict
	}{
		"nothing known":         {nil, Rate{500, 5 * time.Minute}, Inconclusive},
		"no errors":             {hour(0), Rate{0, 5 * time.Minute}, Inconclusive},
		"too few to tell":       {hour(0), Rate{19, 5 * time.Minute}, Inconclusive},
		"many out of nothing":   {hour(0), Rate{60, 5 * time.Minute}, Fail},
		"as many as before":     {hour(1200), Rate{100, 5 * time.Minute}, Pass},
		"twice as many":         {hour(1200), Rate{200, 5 * time.Minute}, Pass},
		"five times as many":    {hour(1200), Rate{500, 5 * time.Minute}, Fail},
		"many over a long time": {hour(1), Rate{30, 5 * time.Hour}, Pass},
	} {
		if got, why := judgeErrors(c.before, c.now); got != c.want {
			t.Errorf("%s: %s (%s), want %s", name, got, why, c.want)
		}
	}
}

func TestWhatProductionShowsOfACall(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	before := &provider.Switch{From: "x", To: "old", Kind: "promote", Status: "succeeded", RequestedAt: at}
	sw := func(to, status string) *provider.Switch {
		return &provider.Switch{From: "old", To: to, Kind: "promote", Status: status, RequestedAt: at.Add(time.Minute)}
	}
	live := func(id string, split bool, s *provider.Switch) provider.Live {
		l := provider.Live{Deployment: provider.Deployment{ID: id}, Split: split, Switch: s, Domains: []provider.Domain{{Name: "a", DeploymentID: id}}}
		if split {
			l.Domains = append(l.Domains, provider.Domain{Name: "b", DeploymentID: "new"})
		}
		return l
	}
	for name, c := range map[string]struct {
		live provider.Live
		want sign
	}{
		"as before":                  {live("old", false, before), noSign},
		"no switch ever":             {live("old", false, nil), noSign},
		"pending":                    {live("old", false, sw("new", "pending")), moving},
		"a word nobody knows":        {live("old", false, sw("new", "reticulating")), moving},
		"succeeded, domains not yet": {live("old", false, sw("new", "succeeded")), moving},
		"half way":                   {live("old", true, sw("new", "in-progress")), moving},
		"there":                      {live("new", false, sw("new", "succeeded")), arrived},
		"there, without a job":       {live("new", false, before), arrived},
		"failed, nothing moved":      {live("old", false, sw("new", "failed")), nothing},
		"failed half way":            {live("old", true, sw("new", "failed")), partly},
		"skipped":                    {live("old", false, sw("new", "skipped")), skipped},
		"somebody else's":            {live("old", false, sw("other", "pending")), others},
		"somebody was quicker":       {live("other", false, before), others},
	} {
		call := &Call{Verb: VerbPromote, Target: "new", Seen: before}
		if got := call.read(c.live, "old"); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestWhereARollbackGoes(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	build := func(id string, hours int) provider.Deployment {
		return provider.Deployment{ID: id, State: provider.Ready, Target: provider.TargetProduction, Stage: provider.Promoted, CreatedAt: at.Add(time.Duration(hours) * time.Hour)}
	}
	all := []provider.Deployment{build("e", 5), build("d", 4), build("c", 3), build("b", 2), build("a", 1)}
	live := provider.Live{Deployment: all[1], Switch: &provider.Switch{From: "b", To: "d", Kind: "promote", Status: "succeeded"}}
	back := live
	back.RolledBack, back.Switch = true, &provider.Switch{From: "e", To: "d", Kind: "rollback", Status: "succeeded"}
	for name, c := range map[string]struct {
		live     provider.Live
		verified []string
		bad      string
		want     string
	}{
		"the newest that was proven":          {live, []string{"d", "c", "a"}, "", "c"},
		"what was live before":                {live, nil, "", "b"},
		"not the one that was taken back":     {live, nil, "b", "c"},
		"after a rollback, not the bad build": {back, nil, "", "c"},
		"proven, and taken back since":        {live, []string{"c"}, "c", "b"},
	} {
		got, _ := pickBack(c.live, all, c.verified, map[string]bool{c.bad: true})
		if got.ID != c.want {
			t.Errorf("%s: %q, want %q", name, got.ID, c.want)
		}
	}
	if _, ok := pickBack(live, nil, []string{"c"}, nil); ok {
		t.Error("it went to a build that is not kept")
	}
}

func TestReverts(t *testing.T) {
	for message, want := range map[string]bool{
		`Revert "feat: x"`: true, "revert: feat x": true, "revert(api): x": true, "feat: revert the colour": false, "": false,
	} {
		if reverts(message) != want {
			t.Errorf("%q", message)
		}
	}
	if !migration("prisma/migrations", "prisma/migrations/1/migration.sql") || migration("prisma/migrations", "prisma/migrations2/x.sql") || migration("", "a") {
		t.Error("migrations are those under the folder")
	}
	if !strings.Contains(intent(VerbRollback, &Build{ID: "dpl_1"}, "prod"), "back") {
		t.Error("the intent of a rollback says so")
	}
}
