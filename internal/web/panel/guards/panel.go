// Package guards is the panel of what stands in front of production: requests
// that wait for somebody, holds, freezes, and the pin of a rollback.
//
// It shows what the release room says and decides nothing. It must not know
// the platform.
package guards

import (
	"context"
	"embed"
	"net/url"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

//go:embed panel.html panel.css
var own embed.FS

// Addresses.
const (
	Path          = "/admin/environments/guards"
	ApprovalsPath = "/admin/environments/approvals"

	operationPath = "/admin/environments/operations/"
	promotePath   = "/admin/environments/promote"
)

// Desk knows the guards.
type Desk interface {
	Guards(ctx context.Context, a access.Actor, project string) (release.Guards, error)
	// Approvals answers the newest requests, decided ones among them.
	Approvals(ctx context.Context, a access.Actor, project string) ([]release.Approval, error)
}

// pace is how often the page asks while somebody is waited for, in seconds.
const pace = 10

// New makes the panel.
func New(desk Desk) *panel.Room[View] {
	return panel.New("guards", "Guards", panel.More{}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		g, err := desk.Guards(ctx, v.Actor, v.Project)
		if err != nil {
			return panel.Facts[View]{}, err
		}
		all, err := desk.Approvals(ctx, v.Actor, v.Project)
		if err != nil {
			return panel.Facts[View]{}, err
		}
		return Facts(g, all, v), nil
	})
}

// Facts makes the panel's facts.
func Facts(g release.Guards, all []release.Approval, v panel.Viewer) panel.Facts[View] {
	view := View{Environment: ui.Name(g.Environment), Project: ui.Text(v.Project), Approval: g.Approval != nil, Why: whyNot(v.Actor)}
	for _, ap := range g.Waiting {
		view.Waiting = append(view.Waiting, newRequest(ap, v))
	}
	for _, ap := range all {
		if ap.State != release.ApprovalOpen && ap.State != release.ApprovalGiven {
			view.Decided = append(view.Decided, newRequest(ap, v))
		}
	}
	for _, h := range g.Holds {
		view.Holds = append(view.Holds, Hold{
			ID: ui.Name(h.ID), Lift: Path + "/holds/" + url.PathEscape(h.ID) + "/lift", Reason: ui.Reason(h.Reason), By: ui.Name(h.By.Name), At: h.CreatedAt, Until: h.ExpiresAt,
		})
	}
	view.Frozen, view.Freezing = newWindow(g.Frozen), newWindow(g.Freezing)
	view.Pin = NewPin(g.Pin)
	facts := panel.Facts[View]{View: view}
	if n := len(view.Waiting); n > 0 {
		facts.Pace = pace
		facts.Title = ui.Text(strconv.Itoa(n) + " waiting")
		facts.Say = ui.Text(ui.Plural(n, "request waits", "requests wait") + " for somebody.")
	}
	return facts
}

func whyNot(a access.Actor) ui.Text {
	if !access.Permits(a, access.ManageHolds) {
		return "Only a SUPER_ADMIN can do this."
	}
	return ""
}

// View is what the template draws.
type View struct {
	Environment ui.Text
	Project     ui.Text
	Why         ui.Text // why its buttons can not be used, "" when they can
	Approval    bool    // releases need one
	Waiting     []Request
	Decided     []Request
	Holds       []Hold
	Frozen      *Window
	Freezing    *Window
	Pin         *Pin
}

// Request is one request for an approval.
type Request struct {
	ID       ui.Text
	Path     string
	State    ui.Badge
	Commit   ui.Text
	Message  ui.Text
	Summary  ui.Text
	Reason   ui.Text
	By       ui.Text
	At       time.Time
	Until    time.Time
	Decided  ui.Text
	Promote  string // the page to use an approval on, "" when it is none
	Own      bool
	Waits    bool
	Solitary bool // approved by the one who asked
}

// Hold is one hold in force.
type Hold struct {
	ID, Reason, By ui.Text
	Lift           string
	At, Until      time.Time
}

// Window is a freeze, now or soon.
type Window struct {
	Reason      ui.Text
	From, Until time.Time
}

// Pin is the rollback that production rests on.
type Pin struct {
	From, To  ui.Text
	By        ui.Text
	Reason    ui.Text
	At        time.Time
	Operation string
	// Resume says that pushes went live by themselves before, so that they can
	// be let again. Unknown counts as yes: the platform is asked.
	Resume bool
}

// State is a request's state for the eye.
func State(s release.ApprovalState) ui.Badge {
	switch s {
	case release.ApprovalOpen:
		return ui.Badge{Icon: "queued", Word: "Waits", Tone: ui.Busy}
	case release.ApprovalGiven:
		return ui.Badge{Icon: "ok", Word: "Approved", Tone: ui.Good}
	case release.ApprovalUsed:
		return ui.Badge{Icon: "check", Word: "Used", Tone: ui.Quiet}
	case release.ApprovalDeclined:
		return ui.Badge{Icon: "failed", Word: "Declined", Tone: ui.Bad}
	case release.ApprovalWithdrawn:
		return ui.Badge{Icon: "canceled", Word: "Withdrawn", Tone: ui.Quiet}
	case release.ApprovalOutdated:
		return ui.Badge{Icon: "drift", Word: "Outdated", Tone: ui.Warn}
	case release.ApprovalExpired:
		return ui.Badge{Icon: "stale", Word: "Expired", Tone: ui.Quiet}
	default:
		return ui.Badge{Icon: "unknown", Word: string(ui.Name(string(s))), Tone: ui.Unknown}
	}
}

func newRequest(ap release.Approval, v panel.Viewer) Request {
	r := Request{
		ID: ui.Name(ap.ID), Path: ApprovalsPath + "/" + url.PathEscape(ap.ID), State: State(ap.State), Summary: ui.Reason(ap.Summary), Reason: ui.Reason(ap.Reason),
		By: ui.Name(ap.By.Name), At: ap.CreatedAt, Until: ap.ExpiresAt, Own: ap.By.ID == v.Actor.ID, Waits: ap.State == release.ApprovalOpen,
	}
	if ap.To != nil {
		r.Commit, r.Message = ui.Name(ap.To.Commit[:min(7, len(ap.To.Commit))]), ui.Title(ap.To.Message)
	}
	if d := ap.Decision; d != nil {
		r.Decided, r.Solitary = ui.Name(d.By.Name), d.Solo
	}
	if ap.State == release.ApprovalGiven && ap.To != nil {
		r.Promote = PromoteAt(v.Project, ap.To.ID)
	}
	return r
}

// PromoteAt is the page to promote one build on.
func PromoteAt(project, deployment string) string {
	q := url.Values{"deploymentId": {deployment}}
	if project != "" {
		q.Set("project", project)
	}
	return promotePath + "?" + q.Encode()
}

func newWindow(w *release.Window) *Window {
	if w == nil {
		return nil
	}
	return &Window{Reason: ui.Reason(w.Reason), From: w.From, Until: w.Until}
}

// NewPin makes the view of a pin, nil of none.
func NewPin(p *release.Pin) *Pin {
	if p == nil {
		return nil
	}
	out := &Pin{
		From: buildName(p.From), To: buildName(p.To), By: ui.Name(p.By.Name), Reason: ui.Reason(p.Reason), At: p.At,
		Operation: operationPath + url.PathEscape(p.Operation), Resume: p.Assigned == nil || *p.Assigned,
	}
	if p.Automatic {
		out.By = "envdeck itself"
	}
	return out
}

func buildName(b *release.Build) ui.Text {
	switch {
	case b == nil:
		return "an unknown build"
	case b.Commit != "":
		return ui.Name(b.Commit[:min(7, len(b.Commit))])
	default:
		return ui.Name(b.ID)
	}
}
