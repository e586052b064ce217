package neon_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/neon"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/secret"
	simulated "github.com/envdeck/envdeck/internal/simulator/neon"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// answers serves one scripted answer after the other, the last one for ever.
func answers(t *testing.T, test func(t *testing.T, b provider.Brancher, asked *[]string), script ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		b := providertest.Open(t, neon.Kind(), block, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Method+" "+r.URL.Path+" "+r.URL.Query().Get("cursor"))
			status, body, _ := strings.Cut(script[min(len(asked), len(script))-1], " ")
			code := 0
			_, _ = fmt.Sscan(status, &code)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}))
		test(t, b.API.(provider.Brancher), &asked)
	})
}

func page(next string, ids ...string) string {
	var list []string
	for _, id := range ids {
		list = append(list, `{"id":"`+id+`","name":"n-`+id+`","current_state":"ready","created_at":"2026-01-01T00:00:00Z"}`)
	}
	return `200 {"branches":[` + strings.Join(list, ",") + `],"annotations":{},"pagination":{"next":"` + next + `"}}`
}

func TestPages(t *testing.T) {
	for name, c := range map[string]struct {
		script     []string
		want       string
		incomplete bool
	}{
		"one":                {[]string{page("", "br-1", "br-2")}, "br-1 br-2", false},
		"three":              {[]string{page("a", "br-1"), page("b", "br-2"), page("", "br-3")}, "br-1 br-2 br-3", false},
		"a circle":           {[]string{page("a", "br-1"), page("b", "br-2"), page("a", "br-1")}, "br-1 br-2", true},
		"the same again":     {[]string{page("a", "br-1")}, "br-1", true},
		"the second fails":   {[]string{page("a", "br-1"), "404 {}"}, "br-1", true},
		"a monster cursor":   {[]string{page(strings.Repeat("x", 2000), "br-1")}, "br-1", true},
		"an unusable second": {[]string{page("a", "br-1"), `200 {"branches":[{"id":"br-2"}]}`}, "br-1", true},
	} {
		t.Run(name, func(t *testing.T) {
			answers(t, func(t *testing.T, b provider.Brancher, _ *[]string) {
				list, err := b.Branches(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var ids []string
				for _, one := range list.Items {
					ids = append(ids, one.ID)
				}
				if got := strings.Join(ids, " "); got != c.want || list.Incomplete != c.incomplete {
					t.Errorf("%s, incomplete %v; want %s, %v", got, list.Incomplete, c.want, c.incomplete)
				}
			}, c.script...)
		})
	}
}

func TestABusyProjectIsWaitedFor(t *testing.T) {
	const created = `201 {"branch":{"id":"br-9","name":"n","current_state":"init","pending_state":"ready","created_at":"2026-01-01T00:00:00Z"},"operations":[{"id":"o-1","action":"create_branch","status":"running"}]}`
	locked := `423 {"code":"","message":"project already has running conflicting operations"}`
	answers(t, func(t *testing.T, b provider.Brancher, asked *[]string) {
		start := time.Now()
		change, err := b.CreateBranch(t.Context(), provider.NewBranch{Name: "n"})
		if err != nil || change.Branch.ID != "br-9" || len(change.Work) != 1 || change.Work[0].Ended {
			t.Errorf("%+v, %v", change, err)
		}
		if took := time.Since(start); len(*asked) != 3 || took != 1500*time.Millisecond {
			t.Errorf("%d calls in %v, want 3 in 1.5 s", len(*asked), took)
		}
	}, locked, locked, created)
	answers(t, func(t *testing.T, b provider.Brancher, asked *[]string) {
		_, err := b.DeleteBranch(t.Context(), "br-1")
		if !fault.Is(err, fault.Unavailable) || provider.OutcomeUnknown(err) || len(*asked) != 6 {
			t.Errorf("%v after %d calls; want unavailable, certain, 6", err, len(*asked))
		}
	}, locked)
}

func TestRefusalsOfChanges(t *testing.T) {
	create := func(b provider.Brancher) error {
		_, err := b.CreateBranch(context.Background(), provider.NewBranch{Name: "n"})
		return err
	}
	remove := func(b provider.Brancher) error {
		_, err := b.DeleteBranch(context.Background(), "br-1")
		return err
	}
	for name, c := range map[string]struct {
		do      func(provider.Brancher) error
		answer  string
		kind    fault.Kind
		unknown bool
		says    string
	}{
		"taken":      {create, `409 {"code":"","message":"branch already exists"}`, fault.Conflict, false, "of this name"},
		"full":       {create, `422 {"code":"BRANCHES_LIMIT_EXCEEDED","message":"x"}`, fault.Unsupported, false, "plan"},
		"root":       {remove, `422 {"code":"","message":"x"}`, fault.Invalid, false, "root"},
		"no branch":  {create, `201 {"operations":[]}`, fault.BadResponse, true, ""},
		"not JSON":   {create, `201 oops`, fault.BadResponse, true, ""},
		"lost":       {create, `500 `, fault.Unavailable, true, ""},
		"overloaded": {create, `503 `, fault.Unavailable, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			answers(t, func(t *testing.T, b provider.Brancher, _ *[]string) {
				err := c.do(b)
				if !fault.Is(err, c.kind) || provider.OutcomeUnknown(err) != c.unknown || !strings.Contains(fault.From(err).Message, c.says) {
					t.Errorf("%v, outcome unknown %v; want %s %v saying %q", err, provider.OutcomeUnknown(err), c.kind, c.unknown, c.says)
				}
			}, c.answer)
		})
	}
}

// TestALifeOfABranch goes through every change on the simulator.
func TestALifeOfABranch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onTheSimulator(t)
		ctx := t.Context()
		main := named(t, b, "main")
		if !main.Default || !main.Protected || main.ParentID != "" || main.Size == nil {
			t.Errorf("main: %+v", main)
		}
		made, err := b.CreateBranch(ctx, provider.NewBranch{Name: "envdeck/test", ParentID: main.ID, Notes: map[string]string{"envdeck-operation": "op_1"}})
		if err != nil {
			t.Fatal(err)
		}
		end(t, b, made)
		mine := named(t, b, "envdeck/test")
		if mine.ID != made.Branch.ID || mine.State != provider.BranchReady || mine.ParentID != main.ID || mine.ParentLSN == "" || mine.Size != nil ||
			mine.Notes["envdeck-operation"] != "op_1" {
			t.Errorf("%+v", mine)
		}
		if _, err := b.CreateBranch(ctx, provider.NewBranch{Name: "envdeck/test"}); !fault.Is(err, fault.Conflict) {
			t.Errorf("the same name: %v, want conflict", err)
		}
		restored, err := b.RestoreBranch(ctx, main.ID, provider.BranchRestore{SourceID: mine.ID, KeepAs: "main-before"})
		if err != nil {
			t.Fatal(err)
		}
		end(t, b, restored)
		if kept := named(t, b, "main-before"); kept.ParentID != "" {
			t.Errorf("what main was: %+v, want a root branch", kept)
		}
		if again := named(t, b, "main"); again.ParentID != mine.ID || again.ResetAt.IsZero() {
			t.Errorf("main after the restore: %+v", again)
		}
		other, err := b.CreateBranch(ctx, provider.NewBranch{Name: "gone"})
		if err != nil {
			t.Fatal(err)
		}
		end(t, b, other)
		deleted, err := b.DeleteBranch(ctx, other.Branch.ID)
		if err != nil {
			t.Fatal(err)
		}
		end(t, b, deleted)
		if again, err := b.DeleteBranch(ctx, other.Branch.ID); err != nil || again.Branch.ID != "" {
			t.Errorf("deleting it again: %+v, %v; want nothing", again, err)
		}
		if _, err := b.Branch(ctx, other.Branch.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("reading it: %v, want not found", err)
		}
	})
}

func named(t *testing.T, b provider.Brancher, name string) provider.DatabaseBranch {
	t.Helper()
	list, err := b.Branches(t.Context())
	if err != nil || list.Incomplete {
		t.Fatal(err, list.Incomplete)
	}
	i := slices.IndexFunc(list.Items, func(one provider.DatabaseBranch) bool { return one.Name == name })
	if i < 0 {
		t.Fatalf("there is no branch %s", name)
	}
	return list.Items[i]
}

// end waits for the work of a change.
func end(t *testing.T, b provider.Brancher, c provider.BranchChange) {
	t.Helper()
	for _, w := range c.Work {
		for !w.Ended {
			if err := clock.Real().Sleep(t.Context(), time.Second); err != nil {
				t.Fatal(err)
			}
			var err error
			if w, err = b.BranchWork(t.Context(), w.ID); err != nil || w.Failed {
				t.Fatal(w, err)
			}
		}
	}
}

func onTheSimulator(t *testing.T) provider.Brancher {
	t.Helper()
	x, network := wire.NewExchange(clock.Real(), 3), new(providertest.Network)
	simulated.New(x, world.New(world.Options{Seed: 3, Clock: clock.Real()}), map[string]simulated.Token{"a-key-of-the-project": {Name: "project", Project: simulated.Project}})
	network.Serve(t, providertest.Host, x.Handler())
	t.Cleanup(x.Release)
	api, err := neon.Kind().Open(&neon.Block{Project: simulated.Project, Token: secret.New("a-key-of-the-project"), BaseURL: providertest.BaseURL + "/neon/api/v2"},
		provider.Deps{Clock: clock.Real(), Dial: network.Dial, UserAgent: "envdeck/test"})
	if err != nil {
		t.Fatal(err)
	}
	return api.(provider.Brancher)
}
