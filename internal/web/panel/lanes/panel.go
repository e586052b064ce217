// Package lanes is the panel of the environments side by side, in the order a
// build travels, with what waits to be promoted between them.
//
// It keeps four things apart that are easily mixed: the lifecycle of a build,
// the health of what runs, the drift between the two, and the age of all of
// it. It decides nothing: what a state is comes from the status room, and this
// package only chooses word, icon and colour. Unknown is never green.
package lanes

import (
	"context"
	"embed"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

//go:embed panel.html panel.css
var own embed.FS

// Board says what runs where.
type Board interface {
	// Status answers the newest snapshot of a project ("" is the first one)
	// and how long ago each source was asked, without asking any.
	// fault.Denied: the actor may not see it. fault.NotFound: no such project.
	Status(ctx context.Context, actor access.Actor, project string) (status.Status, []panel.Age, error)
}

// Releases knows what changes an environment now, and did last.
type Releases interface {
	// Operations answers the newest without their steps.
	Operations(ctx context.Context, a access.Actor, q release.Query) ([]release.Operation, error)
	// Guards are what stands in front of production.
	Guards(ctx context.Context, a access.Actor, project string) (release.Guards, error)
}

// New makes the panel.
func New(board Board, releases Releases) *panel.Room[View] {
	return panel.New("lanes", "Environments", panel.More{}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		s, ages, err := board.Status(ctx, v.Actor, v.Project)
		if err != nil {
			return panel.Facts[View]{}, err
		}
		facts := Facts(s, ages)
		// The lanes are worth seeing also when the releases can not be read;
		// the button then leads to the page that says why.
		ops, err := releases.Operations(ctx, v.Actor, release.Query{Project: v.Project, Limit: 20})
		if err != nil {
			ops = nil
		}
		facts.View.released(ops, v)
		if g, err := releases.Guards(ctx, v.Actor, v.Project); err == nil {
			facts.View.guarded(g, ops, s, v)
		}
		for _, lane := range facts.View.Lanes {
			if lane.Release != nil && lane.Release.Running {
				facts.Pace = livePace
			}
		}
		return facts, nil
	})
}

// Facts makes the panel's facts of a status.
func Facts(s status.Status, ages []panel.Age) panel.Facts[View] {
	view := NewView(s)
	return panel.Facts[View]{
		View: view, Ages: ages, Notices: panel.Broken(s.Sources), Waiting: len(view.Lanes) == 0,
		Title: view.title(), Say: view.say(),
	}
}

// View is what the template draws.
type View struct {
	// Banners go across all lanes: what everybody has to know before they do
	// anything.
	Banners []Banner
	Lanes   []Lane
	// Promotion is what waits on the way to production, nil when the project
	// has nothing in front of it.
	Promotion *Promotion
}

// Lane is one environment.
type Lane struct {
	ID         string // of the element; made of the position, never of the name
	Name       ui.Text
	Kind       ui.Text
	Production bool
	Local      bool
	Offline    bool
	URL        ui.Link
	Host       ui.Text

	Health       ui.Badge
	HealthReason ui.Text
	Probed       *Probe
	CheckedAt    time.Time

	Lifecycle    ui.Badge
	LifecycleWhy ui.Text
	Build        Build
	Drift        *Drift
	Notes        []Note
	Report       *Report
	Release      *Release  // what changes it now, or did lately and is worth a word
	Guard        *ui.Badge // held or frozen; nil when it is free

	Errors ui.Fact
	// Uncounted says that nobody counts errors here, which is how it was set up
	// and nothing that is missing.
	Uncounted bool
	Spark     *ui.Spark // errors by the hour; nil when they are not known
	SparkWhy  ui.Text   // why not, "" when nobody counts them

	Uptime    *Uptime // nil when it is not known, or nobody's trouble
	UptimeWhy ui.Text

	Visitors ui.Fact
	Distance ui.Fact

	Changes    []Change
	ChangesWhy ui.Text
	ChangesOf  string // the heading: "1 pull request"
}

// Build is what the environment shows.
type Build struct {
	Nothing   bool // nothing at all is known of it, for one reason
	Commit    ui.Fact
	Message   ui.Fact
	Branch    ui.Text
	Author    ui.Text
	At        time.Time
	AtWhy     ui.Text
	URL       ui.Link
	Inspector ui.Link
}

// Drift is the difference between what was deployed and what answers.
type Drift struct {
	Tone     ui.Tone
	Served   ui.Text
	Deployed ui.Text
	Why      ui.Text // set when nobody could tell
}

// Note is a state a person must know of.
type Note struct {
	Icon string
	Tone ui.Tone
	Text ui.Text
}

// Change is one pull request in the build.
type Change struct {
	Number string
	Title  ui.Text
	Author ui.Text
	URL    ui.Link
}

// Report is what a developer's machine says of its working copy.
type Report struct {
	Host  ui.Text
	Dirty bool
	Ahead string
	Back  string
	Pull  string
	At    time.Time
}

// Probe is where the time of the last health check went.
type Probe struct {
	Total string
	Bars  []Bar
	Parts []Part
}

// Bar is one phase, drawn to scale on 100 units.
type Bar struct {
	Class string
	Label string
	Took  string
	X     float64
	Width float64
}

// Part is one component the app reports on.
type Part struct {
	Name   ui.Text
	Badge  ui.Badge
	Detail ui.Text
}

// Promotion is what lies between an environment and production.
type Promotion struct {
	From, To ui.Text
	Before   string // the ID of the lane it leads to
	Count    int
	Noun     string // "commit" or "commits"
	Commits  string // both
	Pulls    string
	Same     bool // nothing waits
	Why      ui.Text

	// Act is where promoting begins, "" when it can not: ActWhy says why.
	Act    string
	ActWhy ui.Text
	Watch  string // the page of the operation that runs, "" for none
	// Guard is what stands in the way and can be seen to: "Held by ana until…".
	Guard ui.Text
}

// Banner is one line across the page.
type Banner struct {
	Icon string
	Tone ui.Tone
	Head ui.Text
	Text ui.Text
	At   time.Time // zero: it has none
	// Path is where to see to it, and Do what is done there.
	Path, Do string
}

// Release is the newest operation on an environment.
type Release struct {
	Running bool
	Icon    string
	Tone    ui.Tone
	Text    ui.Text
	Path    string
}
