package database

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func project(dev, next, prod string) catalog.Project {
	return catalog.Project{Name: "web", Environments: []catalog.Environment{
		{Name: "dev", Kind: catalog.Local, Neon: dev}, {Name: "next", Kind: catalog.Staging, Neon: next}, {Name: "prod", Kind: catalog.Production, Neon: prod},
	}}
}

func known(list ...provider.DatabaseBranch) *cache.Fact[provider.BranchList] {
	return &cache.Fact[provider.BranchList]{Known: true, FetchedAt: now, ChangedAt: now, Value: provider.BranchList{Items: list}}
}

func one(id, name, parent string, age time.Duration) provider.DatabaseBranch {
	return provider.DatabaseBranch{ID: id, Name: name, ParentID: parent, State: "ready", CreatedAt: now.Add(-age), UpdatedAt: now.Add(-age)}
}

func TestEnvironments(t *testing.T) {
	main, next, pr := one("br-1", "main", "", 9*time.Hour), one("br-2", "next", "br-1", 8*time.Hour), one("br-3", "preview/fix/login", "br-1", time.Hour)
	main.Default = true
	for name, c := range map[string]struct {
		p    catalog.Project
		want map[string]string
		says string
	}{
		"by name and id":          {project("", "br-2", "main"), map[string]string{"br-1": "prod", "br-2": "next"}, ""},
		"a glob over slashes":     {project("preview/*", "next", "main"), map[string]string{"br-1": "prod", "br-2": "next", "br-3": "dev"}, ""},
		"a name before a glob":    {project("*", "next", "main"), map[string]string{"br-1": "prod", "br-2": "next", "br-3": "dev"}, ""},
		"a bad glob is no match":  {project("[", "next", "main"), map[string]string{"br-1": "prod", "br-2": "next"}, "environments.dev.neon"},
		"not there":               {project("", "staging", "main"), map[string]string{"br-1": "prod"}, "environments.next.neon"},
		"default only suggests":   {project("", "next", ""), map[string]string{"br-2": "next"}, "environments.prod.neon: main"},
		"nothing without a claim": {project("", "", ""), map[string]string{}, "default branch is main"},
	} {
		t.Run(name, func(t *testing.T) {
			homes, suggestions := homesOf(c.p, []provider.DatabaseBranch{main, next, pr}, false)
			if diff := cmp.Diff(c.want, homes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := strings.Join(suggestions, " "); !strings.Contains(got, c.says) || c.says == "" && got != "" {
				t.Errorf("suggestions %q, want %q in them", got, c.says)
			}
		})
	}
}

func TestBranchOf(t *testing.T) {
	main, other := one("br-1", "main", "", time.Hour), one("br-2", "main-2", "", time.Hour)
	for name, c := range map[string]struct {
		neon       string
		list       []provider.DatabaseBranch
		incomplete bool
		id         string
		kind       fault.Kind
	}{
		"there":      {"main", []provider.DatabaseBranch{main, other}, false, "br-1", 0},
		"unsaid":     {"", []provider.DatabaseBranch{main}, false, "", fault.Invalid},
		"several":    {"main*", []provider.DatabaseBranch{main, other}, false, "", fault.Invalid},
		"gone":       {"prod", []provider.DatabaseBranch{main}, false, "", fault.NotFound},
		"incomplete": {"prod", []provider.DatabaseBranch{main}, true, "", fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := branchOf(project("", "", c.neon), "prod", provider.BranchList{Items: c.list, Incomplete: c.incomplete})
			if b.ID != c.id || c.id == "" && !fault.Is(err, c.kind) || c.id != "" && err != nil {
				t.Errorf("%q, %v; want %q, %s", b.ID, err, c.id, c.kind)
			}
		})
	}
}

func TestHints(t *testing.T) {
	const day = 24 * time.Hour
	with := func(b provider.DatabaseBranch, change func(*provider.DatabaseBranch)) provider.DatabaseBranch {
		change(&b)
		return b
	}
	old := one("br-9", "preview/x", "br-1", 40*day)
	for name, c := range map[string]struct {
		b           provider.DatabaseBranch
		home        string
		children    int
		stale, kept bool
	}{
		"old":             {old, "", 0, true, false},
		"young":           {one("br-9", "x", "br-1", 13*day), "", 0, false, false},
		"old and in use":  {with(old, func(b *provider.DatabaseBranch) { b.UpdatedAt = now.Add(-day) }), "", 0, false, false},
		"an environment":  {old, "next", 0, false, false},
		"production":      {old, "prod", 0, false, true},
		"default":         {with(old, func(b *provider.DatabaseBranch) { b.Default = true }), "", 0, false, true},
		"protected":       {with(old, func(b *provider.DatabaseBranch) { b.Protected = true }), "", 0, false, true},
		"root":            {one("br-9", "x", "", 40*day), "", 0, false, true},
		"with children":   {old, "", 2, true, true},
		"goes by itself":  {with(old, func(b *provider.DatabaseBranch) { b.ExpiresAt = now.Add(day) }), "", 0, false, false},
		"of some release": {with(old, func(b *provider.DatabaseBranch) { b.Notes = map[string]string{noteOperation: "op_1"} }), "", 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if stale, kept := staleBecause(c.b, c.home, now) != "", keptBecause(c.b, c.home, "prod", c.children) != ""; stale != c.stale || kept != c.kept {
				t.Errorf("stale %v, kept %v; want %v, %v", stale, kept, c.stale, c.kept)
			}
		})
	}
}

// What is not known is null with its reason, whatever is missing.
func TestAssembleSaysWhatIsNotKnown(t *testing.T) {
	f := facts{now: now, project: project("", "next", "main"), production: "prod", source: "neon", migrations: MigrationState{Unknown: "Nobody reads them."}}
	f.branches = &cache.Fact[provider.BranchList]{AskedAt: now, Err: &fault.Error{Kind: fault.Unavailable, Message: "Neon is failing (503)", Provider: "neon"}}
	s := assemble(f)
	if len(s.Branches) != 0 || len(s.Sources) != 1 || s.Sources[0].FetchedAt != nil || s.Sources[0].Error == nil || s.Sources[0].Error.Message != "Neon is failing (503)" {
		t.Errorf("%+v", s)
	}
	if m := s.Migrations; m.PendingCount != nil || m.AppliedCount != nil || m.Latest != nil || m.Unknown["pendingCount"] != "Nobody reads them." {
		t.Errorf("%+v", m)
	}
	main := one("br-1", "main\u202e\x00", "", time.Hour)
	main.State, main.Owner = "melting", "A\nB"
	f.branches, f.project = known(main), project("", "", "br-1")
	applied, pending := 3, 0
	f.migrations = MigrationState{Environments: []MigrationStanding{
		{Environment: "next", AppliedCount: &applied, PendingCount: &applied},
		{Environment: "prod", AppliedCount: &applied, PendingCount: &pending, Unknown: map[string]string{"latest": "It does not say."}},
	}}
	s = assemble(f)
	b := s.Branches[0]
	if b.CurrentState != "melting" || b.LogicalSize != nil || b.ParentID != nil || b.Environment != "prod" || strings.ContainsAny(b.Name+b.Owner, "\x00\n\u202e") {
		t.Errorf("%+v", b)
	}
	if m := s.Migrations; *m.PendingCount != 0 || *m.AppliedCount != 3 || m.Latest != nil || m.Unknown["latest"] == "" || len(m.Environments) != 2 {
		t.Errorf("%+v", m)
	}
}
