// Package database is the panel of the database: the branches that the
// environments are on with their migrations on the first page, and every
// branch on its own page.
//
// It shows what the room says and decides nothing: which branch belongs to
// which environment, which looks unneeded and which may not go is told to it.
package database

import (
	"context"
	"embed"
	"net/url"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

//go:embed panel.html panel.css
var own embed.FS

// Path is the page of every branch. What changes one is below it.
const Path = "/admin/environments/database"

// Databases knows how a project's database stands.
type Databases interface {
	// Database answers the newest snapshot ("" is the first project) and how
	// long ago each source was asked. fault.Denied, fault.NotFound.
	Database(ctx context.Context, actor access.Actor, project string) (database.Status, []panel.Age, error)
	// Changes answers the newest changes of branches.
	Changes(ctx context.Context, actor access.Actor, project string, limit int) ([]database.Change, error)
}

// Brief makes the panel of the first page: what the environments are on.
func Brief(d Databases) *panel.Room[View] {
	return panel.New("database", "Database", panel.More{Path: Path, Text: "All branches"}, own, load(d, false))
}

// All makes the panel with every branch.
func All(d Databases) *panel.Room[View] {
	return panel.New("branches", "Branches", panel.More{}, own, load(d, true))
}

func load(d Databases, full bool) func(context.Context, panel.Viewer) (panel.Facts[View], error) {
	return func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		s, ages, err := d.Database(ctx, v.Actor, v.Project)
		if err != nil {
			return panel.Facts[View]{}, err
		}
		made := facts(s, ages, full, v)
		if full {
			changes, err := d.Changes(ctx, v.Actor, v.Project, shownChanges)
			if err != nil {
				return panel.Facts[View]{}, err
			}
			for _, c := range changes {
				made.View.Changes = append(made.View.Changes, newChange(c))
				if !c.Phase.Ended() {
					made.Pace = livePace
				}
			}
		}
		return made, nil
	}
}

func facts(s database.Status, ages []panel.Age, full bool, v panel.Viewer) panel.Facts[View] {
	view := View{Full: full, Project: v.Project, Incomplete: s.Incomplete, Total: len(s.Branches), Stale: len(s.Stale), Migrations: migrations(s.Migrations)}
	answered, failed := len(s.Sources) == 0, false
	sources := make([]status.Source, 0, len(s.Sources))
	for _, src := range s.Sources {
		answered = answered || src.FetchedAt != nil || src.Error != nil
		one := status.Source{Name: src.Name, FetchedAt: src.FetchedAt, Stale: src.Stale}
		if src.Error != nil {
			failed = true
			one.Error = &status.Problem{Kind: src.Error.Kind, Message: src.Error.Message, RetryAfter: src.Error.RetryAfter}
		}
		sources = append(sources, one)
	}
	may := access.Permits(v.Actor, access.ManageBranches)
	for _, b := range s.Branches {
		if !full && b.Environment == database.NoEnvironment {
			continue
		}
		view.Rows = append(view.Rows, newRow(b, v.Project, may))
	}
	for _, text := range s.Suggestions {
		view.Suggestions = append(view.Suggestions, ui.Reason(text))
	}
	view.None = len(s.Sources) == 0
	view.Unknown = len(s.Branches) == 0 && failed
	view.New, view.Denied = at(Path+"/new", v.Project), !may
	return panel.Facts[View]{View: view, Ages: ages, Notices: panel.Broken(sources), Waiting: !answered}
}

// View is what the template draws.
type View struct {
	Full        bool
	Project     string
	None        bool // nobody keeps a database in branches
	Unknown     bool // no branches are known because the source is broken
	Incomplete  bool
	Rows        []Row
	Total       int
	Stale       int
	Suggestions []ui.Text
	Migrations  []Migration
	Changes     []Change
	New         string
	Denied      bool // the viewer may not change branches
}

// Row is one branch.
type Row struct {
	ID          ui.Text
	Name        ui.Text
	State       ui.Badge
	Pending     ui.Text
	Environment ui.Text // "" when it is nobody's
	Parent      ui.Text
	Root        bool
	Default     bool
	Protected   bool
	Size        ui.Fact
	CreatedAt   time.Time
	UpdatedAt   time.Time
	ExpiresAt   string
	Owner       ui.Text
	Children    string
	Operation   ui.Text
	OpPath      string
	Stale       ui.Text
	Kept        ui.Text
	Restore     string // where it is restored, "" when the viewer may not
	Delete      string // where it is deleted, "" when nobody may
}

func newRow(b database.Branch, project string, may bool) Row {
	r := Row{
		ID: ui.Name(b.ID), Name: ui.Name(b.Name), State: State(b.CurrentState), Parent: ui.Name(b.ParentName), Root: b.ParentID == nil,
		Default: b.Default, Protected: b.Protected, CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt, Owner: ui.Name(b.Owner),
		Stale: ui.Reason(b.Stale), Kept: ui.Reason(b.Kept), Size: ui.NotKnown("The provider has not measured it yet."),
	}
	if b.PendingState != "" && b.PendingState != b.CurrentState {
		r.Pending = ui.Name(b.PendingState)
	}
	if b.Environment != database.NoEnvironment {
		r.Environment = ui.Name(b.Environment)
	}
	if b.LogicalSize != nil {
		r.Size = ui.Known(ui.Text(ui.Bytes(*b.LogicalSize)))
	}
	if b.ExpiresAt != nil {
		r.ExpiresAt = b.ExpiresAt.UTC().Format("2 Jan 2006")
	}
	if b.Children > 0 {
		r.Children = ui.Plural(b.Children, "child", "children")
	}
	if op := hostile.Line(b.Operation, 100); op != "" {
		r.Operation, r.OpPath = ui.Name(op), "/admin/environments/operations/"+url.PathEscape(op)
	}
	if may {
		r.Restore = at(Path+"/"+url.PathEscape(b.ID)+"/restore", project)
		if b.Kept == "" {
			r.Delete = at(Path+"/"+url.PathEscape(b.ID)+"/delete", project)
		}
	}
	return r
}

// at is an address of the same project.
func at(path, project string) string {
	if project == "" {
		return path
	}
	return path + "?" + url.Values{"project": {project}}.Encode()
}

// State translates the provider's word. One that is not known is shown as it
// is, never green.
func State(s string) ui.Badge {
	switch s {
	case "ready":
		return ui.Badge{Icon: "check", Word: "Ready", Tone: ui.Good}
	case "init":
		return ui.Badge{Icon: "building", Word: "Being made", Tone: ui.Busy}
	case "resetting":
		return ui.Badge{Icon: "building", Word: "Being restored", Tone: ui.Busy}
	case "archived":
		return ui.Badge{Icon: "offline", Word: "Archived", Tone: ui.Quiet}
	case "":
		return ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}
	default:
		return ui.Badge{Icon: "unknown", Word: string(ui.Name(strings.ToLower(s))), Tone: ui.Unknown}
	}
}

// Migration is how the schema of one environment stands.
type Migration struct {
	Environment ui.Text
	Tool        ui.Text
	State       ui.Badge
	Latest      ui.Fact
	Applied     ui.Fact
	Pending     ui.Fact
	Trouble     []ui.Text
	Names       []ui.Text // of the pending ones
	ReadAt      time.Time
}

// shownNames is how many pending migrations are named; the rest is counted.
const shownNames = 5

func migrations(s database.MigrationSummary) []Migration {
	if len(s.Environments) == 0 {
		return []Migration{{
			State: ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}, Latest: ui.NotKnown(s.Unknown["latest"]),
			Applied: ui.NotKnown(s.Unknown["appliedCount"]), Pending: ui.NotKnown(s.Unknown["pendingCount"]),
		}}
	}
	var all []Migration
	for _, e := range s.Environments {
		m := Migration{
			Environment: ui.Name(e.Environment), Tool: ui.Name(e.Tool), Latest: text(e.Latest, e.Unknown["latest"]),
			Applied: number(e.AppliedCount, e.Unknown["appliedCount"]), Pending: number(e.PendingCount, e.Unknown["pendingCount"]),
		}
		for _, one := range []struct {
			names []string
			what  string
		}{
			{e.Failed, "failed"}, {e.Skipped, "will never be applied"}, {e.Edited, "edited after it was applied"},
		} {
			for _, name := range one.names[:min(len(one.names), shownNames)] {
				m.Trouble = append(m.Trouble, ui.Name(name)+" "+ui.Text(one.what))
			}
		}
		for _, name := range e.Pending[:min(len(e.Pending), shownNames)] {
			m.Names = append(m.Names, ui.Name(name))
		}
		if e.ReadAt != nil {
			m.ReadAt = *e.ReadAt
		}
		m.State = migrationState(e)
		all = append(all, m)
	}
	return all
}

// migrationState is green only when everything that makes it so is known.
func migrationState(e database.MigrationStanding) ui.Badge {
	switch {
	case e.FailedCount != nil && *e.FailedCount > 0 || len(e.Failed) > 0:
		return ui.Badge{Icon: "failed", Word: "Failed", Tone: ui.Bad}
	case len(e.Skipped) > 0:
		return ui.Badge{Icon: "degraded", Word: "Skipped", Tone: ui.Bad}
	case e.PendingCount == nil || e.AppliedCount == nil:
		return ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}
	case *e.PendingCount > 0:
		return ui.Badge{Icon: "degraded", Word: "Pending", Tone: ui.Warn}
	case len(e.Edited) > 0:
		return ui.Badge{Icon: "degraded", Word: "Edited", Tone: ui.Warn}
	default:
		return ui.Badge{Icon: "ok", Word: "Up to date", Tone: ui.Good}
	}
}

func text(s *string, why string) ui.Fact {
	if s == nil {
		if why == "" {
			return ui.Known("none")
		}
		return ui.NotKnown(why)
	}
	return ui.Known(ui.Name(*s))
}

func number(n *int, why string) ui.Fact {
	if n == nil {
		return ui.NotKnown(why)
	}
	return ui.Known(ui.Text(ui.Count(int64(*n))))
}

// shownChanges is how many changes are listed, and livePace how many seconds
// lie between two looks while one is under way.
const (
	shownChanges = 10
	livePace     = 3
)

// Change is one change of a branch.
type Change struct {
	ID      ui.Text
	State   ui.Badge
	What    string
	Branch  ui.Text
	Message ui.Text
	Reason  ui.Text
	By      ui.Text
	At      time.Time
	Log     []Note
}

// Note is one thing that was done or seen.
type Note struct {
	At   time.Time
	Text ui.Text
}

func newChange(c database.Change) Change {
	out := Change{
		ID: ui.Name(c.ID), State: changeState(c.Phase), What: verbs[c.Kind], Branch: ui.Name(c.Branch.Name), Message: ui.Reason(c.Message),
		Reason: ui.Reason(c.Reason), By: ui.Name(c.By.Name), At: c.CreatedAt,
	}
	for _, n := range c.Log {
		out.Log = append(out.Log, Note{n.At, ui.Reason(n.Text)})
	}
	return out
}

var verbs = map[database.ChangeKind]string{database.Create: "Make", database.Delete: "Delete", database.Restore: "Restore"}

func changeState(p database.ChangePhase) ui.Badge {
	switch p {
	case database.Done:
		return ui.Badge{Icon: "check", Word: "Done", Tone: ui.Good}
	case database.Failed:
		return ui.Badge{Icon: "failed", Word: "Failed", Tone: ui.Bad}
	case database.NeedsHuman:
		return ui.Badge{Icon: "degraded", Word: "Look at it", Tone: ui.Warn}
	case database.Requested:
		return ui.Badge{Icon: "queued", Word: "Accepted", Tone: ui.Busy}
	case database.Sending, database.Working:
		return ui.Badge{Icon: "building", Word: "Under way", Tone: ui.Busy}
	}
	return ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}
}
