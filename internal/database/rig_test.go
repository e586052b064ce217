package database_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/neon"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/secret"
	simulated "github.com/envdeck/envdeck/internal/simulator/neon"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// rig is the room on the simulated Neon: the real client and a real database,
// in virtual time.
type rig struct {
	t       *testing.T
	x       *wire.Exchange
	network *providertest.Network
	db      *store.DB
	control *access.Control
	api     provider.Brancher
	set     provider.Set

	boss, admin access.Actor
	// cut ends the last book's context and waits for nothing.
	cut func()
}

const keyText = "a-key-of-the-project"

// inBubble runs a test in virtual time on a fresh world.
func inBubble(t *testing.T, test func(*testing.T, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newRig(t)) })
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, x: wire.NewExchange(clock.Real(), 3), network: new(providertest.Network)}
	simulated.New(r.x, world.New(world.Options{Seed: 3, Clock: clock.Real()}), map[string]simulated.Token{keyText: {Name: "project", Project: simulated.Project}})
	r.network.Serve(t, providertest.Host, r.x.Handler())
	t.Cleanup(r.x.Release)
	api, err := neon.Kind().Open(&neon.Block{Project: simulated.Project, Token: secret.New(keyText), BaseURL: providertest.BaseURL + "/neon/api/v2"},
		provider.Deps{Clock: clock.Real(), Dial: r.network.Dial, UserAgent: "envdeck/test"})
	if err != nil {
		t.Fatal(err)
	}
	r.api, r.set = api.(provider.Brancher), provider.Set{{Name: "neon", API: api}}
	r.db = storetest.Open(t)
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	if r.control, err = access.New(t.Context(), access.Config{Store: r.db, Keys: keys, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	person := func(name string, role access.Role) access.Actor {
		return access.Actor{Kind: access.Person, ID: "user_" + name, Name: name, Role: role, SessionID: "session_" + name, Face: access.FaceAPI}
	}
	r.boss, r.admin = person("boss", access.SuperAdmin), person("ada", access.Admin)
	return r
}

// book is one replica; it runs until the answered func is called, or the test
// ends.
func (r *rig) book(change ...func(*database.Options)) (*database.Book, func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	memory := cache.NewMemory()
	keeper := cache.NewKeeper(memory, clock.Real(), slog.New(slog.DiscardHandler))
	o := database.Options{
		Store: r.db, Migrations: database.NoMigrations("nobody reads them"), Gate: r.control.Gate, Keeper: keeper, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler),
		Projects: []database.Project{{
			Providers: r.set, Keep: database.KeepPolicy{Count: 2, Age: 14 * 24 * time.Hour},
			Catalog: catalog.Project{Name: "web", Environments: []catalog.Environment{
				{Name: "next", Kind: catalog.Staging, Neon: "next"}, {Name: "prod", Kind: catalog.Production, Neon: "main"},
			}},
		}},
	}
	for _, fn := range change {
		fn(&o)
	}
	b := database.New(o)
	var running sync.WaitGroup
	running.Go(func() { _ = keeper.Run(ctx) })
	running.Go(func() { _ = b.Run(ctx) })
	r.cut = cancel
	stop := sync.OnceFunc(func() { cancel(); running.Wait(); memory.Close() })
	r.t.Cleanup(stop)
	return b, stop
}

func (r *rig) spoil(rule wire.Rule) {
	r.t.Helper()
	rule.Provider = "neon"
	if _, err := r.x.Faults.Add(rule); err != nil {
		r.t.Fatal(err)
	}
}

// branches are those of the simulated Neon, asked without any fault.
func (r *rig) branches() []provider.DatabaseBranch {
	r.t.Helper()
	r.x.Faults.Clear()
	list, err := r.api.Branches(context.Background())
	for try := 0; err != nil && try < 20; try++ { // the breaker may be open
		_ = clock.Real().Sleep(context.Background(), 10*time.Second)
		list, err = r.api.Branches(context.Background())
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return list.Items
}

func (r *rig) named(name string) (provider.DatabaseBranch, bool) {
	r.t.Helper()
	all := r.branches()
	i := slices.IndexFunc(all, func(b provider.DatabaseBranch) bool { return b.Name == name })
	if i < 0 {
		return provider.DatabaseBranch{}, false
	}
	return all[i], true
}

func (r *rig) id(name string) string {
	r.t.Helper()
	b, ok := r.named(name)
	if !ok {
		r.t.Fatalf("there is no branch %s", name)
	}
	return b.ID
}

// end waits until the change has ended, in virtual time, and answers it.
func (r *rig) end(id string) database.Change {
	r.t.Helper()
	deadline := time.Now().Add(2 * time.Hour)
	for {
		c, err := r.db.Change(r.t.Context(), id)
		if err != nil {
			r.t.Fatal(err)
		}
		if c.Phase.Ended() {
			return c
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("the change did not end: %+v", c)
		}
		if clock.Real().Sleep(r.t.Context(), time.Second) != nil {
			r.t.Fatal("the test ends")
		}
	}
}

// audit is the audit log's actions with their results.
func (r *rig) audit() []string {
	r.t.Helper()
	entries, err := r.db.AuditEntries(context.Background(), 0, 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Action+" "+string(e.Result))
	}
	return out
}

// writes are the calls that reached Neon and were meant to change something.
func (r *rig) writes() int {
	n := 0
	for _, e := range r.x.Calls.List(wire.Filter{}) {
		if e.Method != "GET" {
			n++
		}
	}
	return n
}
