package database

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// facts is everything known at one moment: what the answer is made of.
type facts struct {
	now        time.Time
	project    catalog.Project
	production string
	source     string
	changes    bool // branches can be made and deleted
	branches   *cache.Fact[provider.BranchList]
	migrations MigrationState
}

// NoEnvironment is what a branch belongs to that no environment names.
const NoEnvironment = "unknown"

// Limits of what is shown, in characters.
const (
	idLimit    = 100
	wordLimit  = 40
	nameLimit  = 256 // as long as providers let a name be
	notesLimit = 100
)

// assemble makes the answer of the facts. It is pure.
func assemble(f facts) Status {
	out := Status{
		Project: f.project.Name, Branches: []Branch{}, Suggestions: []string{}, Sources: []Source{}, Stale: []string{},
		Migrations: summarize(f.migrations, f.production),
	}
	if f.branches == nil {
		out.Suggestions = append(out.Suggestions, "No provider of this project keeps a database in branches. Add a neon block to see them here.")
	} else {
		out.Sources = append(out.Sources, sourceOf(f))
		out.Incomplete = f.branches.Value.Incomplete
		if f.branches.Known {
			out.Branches, out.Suggestions = f.list()
		}
	}
	for _, b := range out.Branches {
		if b.Stale != "" && b.Kept == "" {
			out.Stale = append(out.Stale, b.ID)
		}
	}
	out.Sources = append(out.Sources, f.migrations.Sources...)
	return out
}

func sourceOf(f facts) Source {
	src := Source{Name: f.source, FetchedAt: moment(f.branches.ChangedAt), Stale: f.branches.Stale(f.now)}
	if err := f.branches.Err; err != nil {
		src.Error = &SourceProblem{Kind: err.Kind.String(), Message: hostile.Line(err.Message, hostile.ErrorLimit), RetryAfter: moment(f.branches.RetryAt)}
	}
	return src
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// list is the branches as they are shown, and what the configuration could say.
func (f facts) list() (list []Branch, suggestions []string) {
	items := f.branches.Value.Items
	homes, suggestions := homesOf(f.project, items, f.branches.Value.Incomplete)
	children, names := map[string]int{}, map[string]string{}
	for _, b := range items {
		names[b.ID] = b.Name
		if b.ParentID != "" {
			children[b.ParentID]++
		}
	}
	rank := map[string]int{}
	for i, e := range f.project.Environments {
		rank[e.Name] = len(f.project.Environments) - i // production is the last one of a file, and the first here
		if e.Name == f.production {
			rank[e.Name] = len(f.project.Environments) + 1
		}
	}
	list = make([]Branch, 0, len(items))
	for _, b := range items {
		one := f.branch(b, homes[b.ID], names[b.ParentID], children[b.ID])
		list = append(list, one)
	}
	slices.SortStableFunc(list, func(a, b Branch) int {
		return cmp.Or(cmp.Compare(rank[b.Environment], rank[a.Environment]), b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, suggestions
}

func (f facts) branch(b provider.DatabaseBranch, home, parent string, children int) Branch {
	out := Branch{
		ID: hostile.Line(b.ID, idLimit), Name: hostile.Line(b.Name, nameLimit), CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt,
		CurrentState: hostile.Line(b.State, wordLimit), PendingState: hostile.Line(b.Pending, wordLimit), LogicalSize: b.Size, Environment: NoEnvironment,
		ParentName: hostile.Line(parent, nameLimit), Owner: hostile.Line(b.Owner, hostile.NameLimit), Origin: hostile.Line(b.Origin, wordLimit),
		Default: b.Default, Protected: b.Protected, ExpiresAt: moment(b.ExpiresAt), Children: children,
		Operation: hostile.Line(b.Notes[noteOperation], notesLimit),
	}
	if b.ParentID != "" {
		id := hostile.Line(b.ParentID, idLimit)
		out.ParentID = &id
	}
	if home != "" {
		out.Environment = home
	}
	out.Kept = keptBecause(b, home, f.production, children)
	out.Stale = staleBecause(b, home, f.now)
	return out
}

// keptBecause is the rule of what is never deleted, "" for what may be.
func keptBecause(b provider.DatabaseBranch, home, production string, children int) string {
	switch {
	case home != "" && home == production:
		return "It is production's database."
	case b.Default:
		return "It is the default branch."
	case b.Protected:
		return "It is protected."
	case b.ParentID == "":
		return "It is a root branch."
	case children > 0:
		return plural(children, "branch hangs", "branches hang") + " on it."
	}
	return ""
}

// idleAfter is how long nothing must have changed in a branch before it looks
// as if nobody needed it.
const idleAfter = 14 * 24 * time.Hour

// staleBecause says why it looks as if nobody needed a branch. It is a hint
// and never a reason for envdeck itself to delete one.
func staleBecause(b provider.DatabaseBranch, home string, now time.Time) string {
	if home != "" || b.Default || b.Protected || b.ParentID == "" || !b.ExpiresAt.IsZero() || b.Notes[noteOperation] != "" {
		return ""
	}
	last := b.CreatedAt
	if b.UpdatedAt.After(last) {
		last = b.UpdatedAt
	}
	idle := now.Sub(last)
	if idle < idleAfter {
		return ""
	}
	return fmt.Sprintf("No environment uses it, and nothing has changed in it for %d days.", int(idle.Hours()/24))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// sentence ends a text that is shown after another one.
func sentence(s string) string {
	if s = strings.TrimSpace(s); s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}
