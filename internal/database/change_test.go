package database_test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/lease"
	"github.com/envdeck/envdeck/internal/simulator/wire"
)

func create(name string) database.Ask {
	return database.Ask{Kind: database.Create, Name: name, Reason: "to try it"}
}

func TestCreateRestoreDelete(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		b, _ := r.book()
		ctx := t.Context()
		c, err := b.Change(ctx, r.boss, create("try/one"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Change(ctx, r.boss, create("try/two")); !fault.Is(err, fault.Conflict) {
			t.Errorf("a second one at once: %v, want conflict", err)
		}
		if c = r.end(c.ID); c.Phase != database.Done || c.Branch.ID == "" || c.Source.Name != "main" {
			t.Fatalf("%+v", c)
		}
		if made, _ := r.named("try/one"); made.ID != c.Branch.ID || made.ParentID != r.id("main") {
			t.Errorf("%+v", made)
		}

		back := database.Ask{Kind: database.Restore, BranchID: r.id("main"), SourceID: c.Branch.ID, Reason: "it is broken"}
		plan, err := b.Plan(ctx, r.admin, back)
		if err != nil || plan.Confirm != "main" || plan.KeepAs == "" || len(plan.Losses) < 5 || plan.Environment != "prod" {
			t.Errorf("%+v, %v", plan, err)
		}
		for _, confirm := range []string{"", "next", "MAIN"} {
			back.Confirm = confirm
			if _, err := b.Change(ctx, r.boss, back); !fault.Is(err, fault.Invalid) {
				t.Errorf("confirmed by %q: %v, want invalid", confirm, err)
			}
		}
		back.Confirm = "main"
		c2, err := b.Change(ctx, r.boss, back)
		if err != nil {
			t.Fatal(err)
		}
		if c2 = r.end(c2.ID); c2.Phase != database.Done {
			t.Fatalf("%+v", c2)
		}
		main, _ := r.named("main")
		if kept, ok := r.named(c2.KeepAs); !ok || kept.ParentID != "" || main.ParentID != c.Branch.ID {
			t.Errorf("kept %+v %v, main %+v", kept, ok, main)
		}

		next := database.Ask{Kind: database.Delete, BranchID: r.id("next"), Confirm: "next", Reason: "gone"}
		c3, err := b.Change(ctx, r.boss, next)
		if err != nil {
			t.Fatal(err)
		}
		if c3 = r.end(c3.ID); c3.Phase != database.Done || c3.Environment != "next" {
			t.Fatalf("%+v", c3)
		}
		if _, ok := r.named("next"); ok {
			t.Error("next is still there")
		}
		want := []string{
			"database.branch.create.requested requested", "database.branch.create.done done",
			"database.branch.restore.refused refused", "database.branch.restore.refused refused", "database.branch.restore.refused refused",
			"database.branch.restore.requested requested", "database.branch.restore.done done",
			"database.branch.delete.requested requested", "database.branch.delete.done done",
		}
		if diff := cmp.Diff(want, slices.DeleteFunc(r.audit(), func(s string) bool { return !strings.HasPrefix(s, "database.") })); diff != "" {
			t.Errorf("the record (-want +got):\n%s", diff)
		}
	})
}

func TestRefusals(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		b, _ := r.book()
		main, next, old := r.id("main"), r.id("next"), r.id("archive/2025-black-friday")
		before := r.writes()
		for name, c := range map[string]struct {
			ask  database.Ask
			kind fault.Kind
			says string
		}{
			"delete production":      {database.Ask{Kind: database.Delete, BranchID: main, Confirm: "main", Reason: "r"}, fault.Conflict, "production's database"},
			"delete what is not":     {database.Ask{Kind: database.Delete, BranchID: "br-none", Confirm: "x", Reason: "r"}, fault.NotFound, "no branch"},
			"delete without reason":  {database.Ask{Kind: database.Delete, BranchID: next, Confirm: "next"}, fault.Invalid, "reason"},
			"restore to the future":  {database.Ask{Kind: database.Restore, BranchID: main, SourceID: main, At: time.Now().Add(time.Hour), Confirm: "main", Reason: "r"}, fault.Invalid, "past"},
			"restore from itself":    {database.Ask{Kind: database.Restore, BranchID: main, SourceID: main, Confirm: "main", Reason: "r"}, fault.Invalid, "moment"},
			"history of a child":     {database.Ask{Kind: database.Restore, BranchID: main, SourceID: next, At: time.Now().Add(-time.Hour), Confirm: "main", Reason: "r"}, fault.Invalid, "root branches"},
			"restore from archived":  {database.Ask{Kind: database.Restore, BranchID: next, SourceID: old, Confirm: "next", Reason: "r"}, fault.Conflict, "archived"},
			"restore from nothing":   {database.Ask{Kind: database.Restore, BranchID: next, Confirm: "next", Reason: "r"}, fault.Invalid, "sourceId"},
			"a taken name":           {create("next"), fault.Conflict, "already"},
			"a reserved name":        {create("envdeck/prod/op_x"), fault.Invalid, "envdeck/"},
			"a name that deceives":   {create("a\u202eb"), fault.Invalid, "printable"},
			"a parent that is not":   {database.Ask{Kind: database.Create, Name: "x", SourceID: "br-none", Reason: "r"}, fault.NotFound, "no branch"},
			"another kind of change": {database.Ask{Kind: "drop", Reason: "r"}, fault.Invalid, "kind"},
		} {
			_, err := b.Change(t.Context(), r.boss, c.ask)
			if !fault.Is(err, c.kind) || !strings.Contains(fault.From(err).Message+places(err), c.says) {
				t.Errorf("%s: %v, want %s saying %q", name, err, c.kind, c.says)
			}
		}
		if _, err := b.Change(t.Context(), r.admin, create("x")); !fault.Is(err, fault.Denied) {
			t.Errorf("an ADMIN: %v, want denied", err)
		}
		if got := r.writes(); got != before {
			t.Errorf("%d writes reached the provider", got-before)
		}
	})
}

func places(err error) string {
	var b strings.Builder
	for _, p := range fault.From(err).Places {
		b.WriteString(p.Where + " " + p.Problem + " ")
	}
	return b.String()
}

// TestEveryFaultOfTheProvider is one row a fault of the call that changes
// something: how the change ends, and how many branches of its name there are.
func TestEveryFaultOfTheProvider(t *testing.T) {
	post := func(preset string, times int) wire.Rule {
		return wire.Rule{Method: "POST", Path: "*/branches", Preset: preset, Times: times}
	}
	reads := func(preset string, times int) wire.Rule {
		return wire.Rule{Method: "GET", Preset: preset, Times: times, After: 1}
	}
	for name, c := range map[string]struct {
		rule   wire.Rule
		phase  database.ChangePhase
		there  bool
		writes int
	}{
		"answer lost, carried out":     {post("lost_answer", 1), database.Done, true, 1},
		"timeout, carried out":         {post("timeout_after", 1), database.Done, true, 1},
		"500, carried out":             {wire.Rule{Method: "POST", Path: "*/branches", Kind: wire.AppliedButFailed, Times: 1}, database.Done, true, 1},
		"500, not carried out":         {post("error_500", 1), database.Done, true, 2},
		"hang, not carried out":        {post("hang", 1), database.Done, true, 2},
		"reset for ever":               {post("reset", 0), database.NeedsHuman, false, 3},
		"accepted and never done":      {wire.Rule{Method: "POST", Path: "*/branches", Kind: wire.NotAppliedButOK}, database.NeedsHuman, false, 3},
		"forbidden":                    {post("forbidden", 0), database.Failed, false, 1},
		"too often first":              {post("rate_limited", 1), database.Done, true, 2},
		"busy for a while":             {wire.Rule{Method: "POST", Path: "*/branches", Kind: wire.Status, Status: 423, Times: 9}, database.Done, true, 10},
		"reads fail for a while":       {reads("bad_gateway", 20), database.Done, true, 1},
		"pages of the list go missing": {wire.Rule{Method: "GET", Path: "*/branches", Kind: wire.LoopingPage, After: 1, Times: 5}, database.Done, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				b, _ := r.book()
				if err := b.Filled(t.Context()); err != nil {
					t.Fatal(err)
				}
				r.spoil(c.rule)
				change, err := b.Change(t.Context(), r.boss, create("try/one"))
				if err != nil {
					t.Fatal(err)
				}
				got := r.end(change.ID)
				writes := r.writes()
				n := 0
				for _, one := range r.branches() {
					if one.Name == "try/one" {
						n++
					}
				}
				if got.Phase != c.phase || n > 1 || (n == 1) != c.there || writes != c.writes {
					t.Errorf("%s, %d branches, %d writes; want %s, %v, %d\n%s\n%+v", got.Phase, n, writes, c.phase, c.there, c.writes, got.Message, got.Log)
				}
			})
		})
	}
}

// TestRandomTroubleAndDeath draws faults and deaths of the process for every
// kind of change: whatever happens, it is done at most once, and what the
// record says is what Neon has. DATABASE_SEEDS is how many.
func TestRandomTroubleAndDeath(t *testing.T) {
	count := 8
	if n, err := strconv.Atoi(os.Getenv("DATABASE_SEEDS")); err == nil {
		count = n
	}
	for seed := range count {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) { r.trouble(uint64(seed)) })
		})
	}
}

var presets = []string{"lost_answer", "timeout_after", "error_500", "hang", "reset", "bad_gateway", "rate_limited"}

func (r *rig) trouble(seed uint64) {
	draw := rand.New(rand.NewPCG(seed, 7))
	target := r.id("next")
	asks := []database.Ask{
		create("try/one"),
		{Kind: database.Delete, BranchID: target, Confirm: "next", Reason: "r"},
		{Kind: database.Restore, BranchID: target, SourceID: r.id("main"), Confirm: "next", Reason: "r"},
	}
	ask := asks[draw.IntN(len(asks))]
	ctx := r.t.Context()
	// The process dies at a boundary that is drawn, as often as is drawn.
	deaths := draw.IntN(3)
	over := make(chan struct{})
	defer close(over)
	var change database.Change
	for life := 0; life <= deaths; life++ {
		until, last := 1+draw.IntN(7), life == deaths
		died, ready := make(chan struct{}), make(chan struct{})
		var cut func()
		b, _ := r.book(func(o *database.Options) {
			o.Owner = "life" + strconv.Itoa(life)
			o.Point = func(string) {
				<-ready
				if until--; last || until > 0 {
					return
				}
				if until == 0 {
					cut() // its heartbeat ends with it
					close(died)
				}
				<-over // it never goes on
			}
		})
		cut = r.cut
		close(ready)
		if life == 0 {
			var err error
			if change, err = b.Change(ctx, r.boss, ask); err != nil {
				r.t.Fatal(err)
			}
			for range draw.IntN(3) {
				r.spoil(wire.Rule{Preset: presets[draw.IntN(len(presets))], Times: 1 + draw.IntN(3), After: draw.IntN(3), Path: []string{"", "*/branches", "*/operations/*"}[draw.IntN(3)]})
			}
		}
		if !last {
			select {
			case <-died:
			case <-time.After(time.Hour): // it came to its end before
			}
		}
	}
	c := r.end(change.ID)
	r.agree(c)
}

// agree compares what the record says with what Neon has.
func (r *rig) agree(c database.Change) {
	r.t.Helper()
	count := func(name string) int {
		n := 0
		for _, b := range r.branches() {
			if b.Name == name {
				n++
			}
		}
		return n
	}
	switch c.Kind {
	case database.Create:
		if n := count("try/one"); n > 1 || c.Phase == database.Done && n != 1 || c.Phase == database.Failed && n != 0 {
			r.t.Errorf("%s, and there are %d: %+v", c.Phase, n, c)
		}
	case database.Delete:
		if n := count("next"); c.Phase == database.Done && n != 0 || c.Phase == database.Failed && n != 1 {
			r.t.Errorf("%s, and there are %d: %+v", c.Phase, n, c)
		}
	case database.Restore:
		if n := count(c.KeepAs); n > 1 || c.Phase == database.Done && n != 1 || c.Phase == database.Failed && n != 0 {
			r.t.Errorf("%s, and %d are kept: %+v", c.Phase, n, c)
		}
	}
}

// Two replicas, and one that was away too long: what it wants to write is
// refused.
func TestALeaseThatIsLostWritesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		b, stop := r.book()
		c, err := b.Change(t.Context(), r.boss, create("try/one"))
		if err != nil {
			t.Fatal(err)
		}
		stop()
		now := time.Now()
		claim := func(owner string, at time.Time) (lease.Lease, database.Change) {
			l, c, ok, err := r.db.ClaimChange(context.Background(), lease.Claim{Owner: owner, Now: at, Real: at, TTL: lease.TTL})
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			return l, c
		}
		first, mine := claim("one", now.Add(time.Minute))
		second, _ := claim("two", now.Add(time.Minute+2*lease.TTL))
		if err := r.db.SaveChange(context.Background(), first, mine, now, nil); err == nil {
			t.Error("a lost lease could write")
		}
		if err := r.db.ReleaseChange(context.Background(), second, now); err != nil {
			t.Error(err)
		}
		r.book()
		if c = r.end(c.ID); c.Phase != database.Done {
			t.Errorf("%+v", c)
		}
	})
}
