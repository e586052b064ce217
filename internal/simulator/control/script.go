package control

import (
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// scene is a ready-made scenario: knobs, faults, and one act at most.
type scene struct {
	Does   string      `json:"does"`
	World  *change     `json:"world,omitempty"`
	Faults []wire.Rule `json:"faults,omitempty"`
	// Calm ends every fault and puts every knob back first.
	Calm bool `json:"calm,omitempty"`
	// Commit is pushed to the default branch last.
	Commit string `json:"commit,omitempty"`
	// Migration is the name of a migration that the commit brings.
	Migration string `json:"migration,omitempty"`
}

func scenes() map[string]scene {
	seconds := func(n int) wire.Duration { return wire.Duration(time.Duration(n) * time.Second) }
	illBuild := func(does string, list ...ill) scene {
		c := &change{}
		c.Spoil = &spoil{Deployment: "staged", Ills: list}
		return scene{Does: does, World: c}
	}
	aliasScene := func(does string, mode world.AliasMode, domains ...string) scene {
		c := &change{}
		c.Alias = &struct {
			Mode    world.AliasMode `json:"mode"`
			Domains []string        `json:"domains"`
			Delay   wire.Duration   `json:"delay"`
			Once    bool            `json:"once"`
		}{Mode: mode, Domains: domains, Once: true}
		return scene{Does: does, World: c}
	}
	lag := seconds(90)
	return map[string]scene{
		"calm":           {Does: "end every fault and put every knob back", Calm: true},
		"down-build":     illBuild("the staged build goes down 20 s after it began to serve", ill{Kind: world.IllDown, After: seconds(20)}),
		"erring-build":   illBuild("the staged build looks healthy but throws 50 times the errors", ill{Kind: world.IllErrors, Factor: 50}),
		"flapping-build": illBuild("the staged build is degraded now and then", ill{Kind: world.IllDegraded, After: seconds(10), For: seconds(4)}, ill{Kind: world.IllDegraded, After: seconds(30), For: seconds(4)}),
		"alias-stuck":    aliasScene("the next promotion is accepted and never moves a domain", world.AliasStuck),
		"alias-skipped":  aliasScene("the next promotion ends as skipped", world.AliasSkip),
		"alias-split":    aliasScene("the next promotion moves every domain but one", world.AliasFail, world.RedirectDomain),
		"edge-lag":       {Does: "production answers with the old commit for 90 s after its domain moved", World: &change{EdgeLag: &lag}},
		"prod-down":      {Does: "production is down whatever is deployed", World: &change{Apps: map[world.Env]app{world.Prod: {Status: "down"}}}},
		"prod-hangs":     {Does: "production accepts and never answers", World: &change{Apps: map[world.Env]app{world.Prod: {Mode: world.AppHang}}}},
		"lost-promote":   {Does: "the next promotion is done but its answer is lost", Faults: []wire.Rule{{Provider: "vercel", Method: "POST", Path: "*/promote/*", Preset: "lost_answer", Times: 1}}},
		"lost-rollback":  {Does: "the next rollback is done but its answer is lost", Faults: []wire.Rule{{Provider: "vercel", Method: "POST", Path: "*/rollback/*", Preset: "lost_answer", Times: 1}}},
		"outage":         {Does: "every provider answers 503", Faults: eachProvider("error_503")},
		"blackout":       {Does: "every provider hangs", Faults: eachProvider("hang")},
		"throttled":      {Does: "every provider says too many requests", Faults: eachProvider("rate_limited")},
		"new-commit":     {Does: "somebody pushes a commit to main", Commit: "feat: greet returning players by name"},
		"new-migration":  {Does: "somebody pushes a commit with a migration to main", Commit: "feat: store player preferences", Migration: "add_player_preferences"},
	}
}

func eachProvider(preset string) []wire.Rule {
	var rules []wire.Rule
	for _, name := range []string{"vercel", "github", "cloudflare", "sentry", "neon"} {
		rules = append(rules, wire.Rule{Provider: name, Preset: preset})
	}
	return rules
}

func (a *API) scripts(*http.Request) (any, error) {
	list := world.Scripts()
	for name, s := range scenes() {
		list[name] = s.Does
	}
	return map[string]any{"scripts": list}, nil
}

func find(name string) (scene, error) {
	s, ok := scenes()[name]
	if !ok {
		return scene{}, refuse(http.StatusNotFound, "GET /_sim/scripts lists them", "there is no script %q", name)
	}
	return s, nil
}

func (a *API) script(r *http.Request) (any, error) {
	name := r.PathValue("name")
	if does, ok := world.Scripts()[name]; ok {
		return scene{Does: does}, nil
	}
	return find(name)
}

func (a *API) play(r *http.Request) (any, error) {
	if err := a.Play(r.PathValue("name")); err != nil {
		return nil, err
	}
	return a.state(r)
}

// spoiler lets a script of the world spoil calls.
type spoiler struct{ faults *wire.Faults }

// Spoil adds a rule and returns what ends it.
func (s spoiler) Spoil(f world.Fault) (func(), error) {
	rule, err := s.faults.Add(wire.Rule{Provider: f.Provider, Method: f.Method, Path: f.Path, Preset: f.Preset, Times: f.Times})
	if err != nil {
		return nil, err
	}
	return func() { s.faults.Delete(rule.ID) }, nil
}

// Play starts a script by its name: one of the world's, which go on for a
// while, or a scene of this API, which is set at once.
func (a *API) Play(name string) error {
	if _, ok := world.Scripts()[name]; ok {
		return a.o.World.Play(name, spoiler{a.o.Exchange.Faults})
	}
	s, err := find(name)
	if err != nil {
		return err
	}
	if s.Calm {
		a.calm()
	}
	if s.World != nil {
		if err := a.apply(*s.World); err != nil {
			return err
		}
	}
	for _, rule := range s.Faults {
		if _, err := a.o.Exchange.Faults.Add(rule); err != nil {
			return err
		}
	}
	if s.Commit != "" {
		a.o.World.Change(func(st *world.State) { st.PushCommit(world.Push{Message: s.Commit, Changes: s.changes(st.Now())}) })
	}
	return nil
}

func (s scene) changes(now time.Time) []world.FileChange {
	changes := []world.FileChange{{Path: "src/app/page.tsx", Status: "modified", Additions: 12, Deletions: 3}}
	if s.Migration != "" {
		changes = append(changes, world.FileChange{
			Path:   "prisma/migrations/" + now.UTC().Format("20060102150405") + "_" + s.Migration + "/migration.sql",
			Status: "added", Additions: 6, Kept: true,
			Content: "CREATE TABLE \"player_preferences\" (\n  \"player_id\" TEXT PRIMARY KEY,\n  \"theme\" TEXT NOT NULL DEFAULT 'dark'\n);\n",
		})
	}
	return changes
}

// calm puts every knob back. A deployment that was spoiled stays so: that is
// its history, not a knob.
func (a *API) calm() {
	a.o.Exchange.Faults.Clear()
	a.o.World.Change(func(s *world.State) {
		s.Knobs.Alias, s.Knobs.Build, s.Knobs.Workflow = world.AliasKnob{}, world.BuildKnob{}, world.WorkflowKnob{}
		s.Knobs.EdgeLag, s.Knobs.Skew, s.Knobs.CronsStop, s.Knobs.CronsStay, s.Knobs.CronFails = 0, 0, false, false, 0
		s.Knobs.PromoteTurnsAutoAssignOn, s.Knobs.Rival, s.Knobs.WorkerFollows = false, false, 0
		for _, env := range []world.Env{world.Dev, world.Next, world.Prod} {
			s.SetApp(env, world.AppKnob{})
		}
	})
}
