package web_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	databases "github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/activity"
	"github.com/envdeck/envdeck/internal/web/panel/all"
	"github.com/envdeck/envdeck/internal/web/panel/crons"
	"github.com/envdeck/envdeck/internal/web/panel/deployments"
	"github.com/envdeck/envdeck/internal/web/panel/incidents"
	"github.com/envdeck/envdeck/internal/web/panel/lanes"
	"github.com/envdeck/envdeck/internal/web/panel/workers"
	"github.com/envdeck/envdeck/internal/web/stories"
	"github.com/envdeck/envdeck/internal/worker"
)

// desk plays the rooms behind the face: a story told, and one person known.
type desk struct {
	mu     sync.Mutex
	story  stories.Story
	nobody bool
	role   access.Role // SUPER_ADMIN when empty
	spent  []string    // tokens of links

	promoted []release.PromoteRequest
	back     []release.RollbackRequest
	workers  []release.WorkerRollbackRequest
	asked    []string // runs
	guarding []string // what was asked of the guards
	changed  []databases.Ask
}

func (d *desk) tell(change func(*stories.Story)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.story)
}

func (d *desk) now() stories.Story {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.story
}

func (d *desk) Status(context.Context, access.Actor, string) (status.Status, []panel.Age, error) {
	s := d.now()
	return s.Status, s.Ages, s.Err
}

func (d *desk) Deployments(context.Context, access.Actor, string) (status.Deployments, []panel.Age, error) {
	s := d.now()
	return s.Deployments, s.Ages[:min(1, len(s.Ages))], s.Err
}

func (d *desk) Database(context.Context, access.Actor, string) (databases.Status, []panel.Age, error) {
	s := d.now()
	return s.Database, []panel.Age{{Source: "neon", Age: 41 * time.Second}}, s.Err
}

func (d *desk) Changes(context.Context, access.Actor, string, int) ([]databases.Change, error) {
	s := d.now()
	return s.Changes, s.Err
}

func (d *desk) Plan(_ context.Context, _ access.Actor, ask databases.Ask) (databases.Plan, error) {
	for _, b := range d.now().Database.Branches {
		if b.ID == ask.BranchID && (ask.Kind != databases.Restore || ask.SourceID != "br-none") {
			return databases.Plan{Kind: ask.Kind, Branch: databases.BranchRef{ID: b.ID, Name: b.Name}, Confirm: b.Name, Losses: []string{"Everything that was written to " + b.Name + "."}}, nil
		}
	}
	return databases.Plan{}, fault.New(fault.NotFound, "There is no such branch.")
}

// Change takes what the room would take, and remembers it.
func (d *desk) Change(_ context.Context, _ access.Actor, ask databases.Ask) (databases.Change, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.story.Database.Branches {
		if b.ID == ask.BranchID && ask.Confirm != b.Name {
			return databases.Change{}, &fault.Error{Kind: fault.Invalid, Message: "Confirm it.", Places: []fault.Place{{Where: "confirm", Problem: "must be the name of the branch"}}}
		}
	}
	d.changed = append(d.changed, ask)
	return databases.Change{ID: "chg_new"}, nil
}

func (d *desk) Actor(*http.Request) (access.Actor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.nobody {
		return access.Actor{}, fault.New(fault.Unauthenticated, "Sign in to see this.")
	}
	return access.Actor{Kind: access.Person, ID: "u1", Name: "zoltan", SessionID: "ses_1", Role: cmp.Or(d.role, access.SuperAdmin)}, nil
}

func (d *desk) Ways(*http.Request) (web.Ways, error) {
	return web.Ways{Password: true, OIDC: "Okta", OIDCPath: "/sign-in/oidc"}, nil
}

func (d *desk) SignIn(_ http.ResponseWriter, _ *http.Request, name, password string) error {
	if name != "zoltan" || password != "correct horse battery" {
		return fault.New(fault.Unauthenticated, "The name or the password is wrong.")
	}
	return nil
}

func (d *desk) SignInByProxy(http.ResponseWriter, *http.Request) error {
	return fault.New(fault.Unauthenticated, "No proxy says who you are.")
}

func (d *desk) UseLink(_ http.ResponseWriter, _ *http.Request, token string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if token != "good" {
		return fault.New(fault.Unauthenticated, "This link was used already, or has run out. Make a new one.")
	}
	d.spent = append(d.spent, token)
	return nil
}

func (d *desk) SetUp(_ http.ResponseWriter, _ *http.Request, _, _, password string) error {
	if password == "password1234567" {
		return &fault.Error{Kind: fault.Invalid, Message: "This account can not be made.", Places: []fault.Place{{Where: "password", Problem: "it is on the list of common ones"}}}
	}
	return nil
}

func (d *desk) SignOut(http.ResponseWriter, *http.Request) error { return nil }

// still is a clock that stands at the stories' time.
type still struct{ clock.Clock }

func (still) Now() time.Time { return stories.Now() }

func (d *desk) Activity(context.Context, access.Actor, access.AuditFilter) (access.Page, error) {
	s := d.now()
	return s.Activity, s.Err
}

func (d *desk) Operation(_ context.Context, _ access.Actor, id string) (release.Operation, error) {
	for _, op := range d.now().Operations {
		if op.ID == id {
			return op, nil
		}
	}
	return release.Operation{}, fault.New(fault.NotFound, "There is no such operation.")
}

func (d *desk) Operations(context.Context, access.Actor, release.Query) ([]release.Operation, error) {
	s := d.now()
	return s.Operations, s.Err
}

func (d *desk) Compare(context.Context, access.Actor, string, string, string) (release.Sheet, error) {
	s := d.now()
	return s.Sheet, s.Err
}

func (d *desk) Targets(context.Context, access.Actor, string) ([]release.Candidate, error) {
	s := d.now()
	return s.Targets, s.Err
}

func (d *desk) WorkerTargets(context.Context, access.Actor, string, string) ([]release.WorkerCandidate, error) {
	s := d.now()
	return s.Versions, s.Err
}

func (d *desk) RollbackWorker(_ context.Context, _ access.Actor, q release.WorkerRollbackRequest) (release.Operation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.Reason == "" {
		return release.Operation{}, fault.New(fault.Invalid, "A rollback needs a reason.")
	}
	d.workers = append(d.workers, q)
	return release.Operation{ID: "op_worker"}, nil
}

func (d *desk) Guards(context.Context, access.Actor, string) (release.Guards, error) {
	s := d.now()
	return s.Guards, s.Err
}

func (d *desk) Approvals(context.Context, access.Actor, string) ([]release.Approval, error) {
	s := d.now()
	return s.Approvals, s.Err
}

func (d *desk) Approval(_ context.Context, _ access.Actor, id string) (release.Approval, error) {
	for _, ap := range d.now().Approvals {
		if ap.ID == id {
			return ap, nil
		}
	}
	return release.Approval{}, fault.New(fault.NotFound, "There is no such request.")
}

func (d *desk) Sheet(_ context.Context, _ access.Actor, hash string) (release.Sheet, error) {
	if s := d.now().Sheet; s.Hash == hash {
		return s, nil
	}
	return release.Sheet{}, fault.New(fault.NotFound, "There is no such comparison on record.")
}

func (d *desk) told(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.guarding = append(d.guarding, fmt.Sprintf(format, args...))
}

func (d *desk) Hold(_ context.Context, _ access.Actor, q release.HoldRequest) (release.Hold, error) {
	if q.Reason == "" {
		return release.Hold{}, fault.New(fault.Conflict, "A hold needs a reason.")
	}
	d.told("hold for %s: %s", q.For, q.Reason)
	return release.Hold{ID: "hold_1"}, nil
}

func (d *desk) Lift(_ context.Context, _ access.Actor, _, id, _ string) error {
	d.told("lift %s", id)
	return nil
}

func (d *desk) Resume(_ context.Context, _ access.Actor, _, reason string) error {
	d.told("resume: %s", reason)
	return nil
}

func (d *desk) AskApproval(_ context.Context, _ access.Actor, q release.ApprovalRequest) (release.Approval, error) {
	if q.Reason == "" {
		return release.Approval{}, fault.New(fault.Invalid, "A promote needs a reason.")
	}
	d.told("ask for %s as %s: %s", q.DeploymentID, q.Sheet, q.Reason)
	return release.Approval{ID: "apr_new"}, nil
}

func (d *desk) Approve(_ context.Context, _ access.Actor, id, _ string) (release.Approval, error) {
	if id == "apr_own" {
		return release.Approval{}, fault.Wrap(fault.Denied, access.ErrPresence, "Show that it is you.")
	}
	if id == "apr_old" {
		return release.Approval{}, fault.New(fault.Conflict, "What would change is not what was asked about.")
	}
	d.told("approve %s", id)
	return release.Approval{ID: id}, nil
}

func (d *desk) Decline(_ context.Context, _ access.Actor, id, _ string) (release.Approval, error) {
	d.told("decline %s", id)
	return release.Approval{ID: id}, nil
}

func (d *desk) Workers(context.Context, access.Actor, string) (worker.Workers, []panel.Age, error) {
	s := d.now()
	return s.Fleet.Workers, s.Fleet.Ages, s.Err
}

func (d *desk) Worker(_ context.Context, _ access.Actor, _, name string) (worker.History, []panel.Age, error) {
	s := d.now()
	if name != s.Fleet.History.Name {
		return worker.History{}, nil, fault.New(fault.NotFound, "There is no such Worker.")
	}
	return s.Fleet.History, s.Fleet.Ages, s.Err
}

// Promote takes what the desk would take, and remembers it.
func (d *desk) Promote(_ context.Context, _ access.Actor, q release.PromoteRequest) (release.Operation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.promoted = append(d.promoted, q)
	if q.Sheet != d.story.Sheet.Hash {
		return release.Operation{}, fault.New(fault.Conflict, "What would be released is not what you confirmed.")
	}
	if q.Reason == "" {
		return release.Operation{}, fault.New(fault.Invalid, "A promote needs a reason.")
	}
	return release.Operation{ID: "op_new"}, nil
}

func (d *desk) Rollback(_ context.Context, _ access.Actor, q release.RollbackRequest) (release.Operation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.Reason == "" {
		return release.Operation{}, fault.New(fault.Invalid, "A rollback needs a reason.")
	}
	d.back = append(d.back, q)
	return release.Operation{ID: "op_back"}, nil
}

func (d *desk) Cancel(_ context.Context, _ access.Actor, id, _ string) (release.Operation, error) {
	return release.Operation{ID: id}, nil
}

func (d *desk) Lanes(_ context.Context, _ access.Actor, q cron.LaneQuery) (cron.Board, error) {
	s := d.now()
	if q.Limit > 0 && s.Crons.Board.Rows != nil {
		s.Crons.Board.Rows = s.Crons.Board.Rows[:min(q.Limit, len(s.Crons.Board.Rows))]
	}
	return s.Crons.Board, s.Err
}

func (d *desk) Page(context.Context, access.Actor, cron.Ask) (cron.Page, error) {
	s := d.now()
	if s.Crons.Page.View == nil {
		return cron.Page{}, fault.New(fault.NotFound, "There is no such cron job.")
	}
	return s.Crons.Page, s.Err
}

func (d *desk) Output(context.Context, access.Actor, cron.Ask, time.Time, int) ([]byte, error) {
	return d.now().Crons.Output, nil
}

func (d *desk) After(context.Context, access.Actor, string) ([]cron.AfterJob, cron.Switch, bool, error) {
	s := d.now()
	return s.Crons.After, cron.Switch{At: stories.Now()}, len(s.Crons.After) > 0, nil
}

// RunNow asks for a run, and remembers it.
func (d *desk) RunNow(_ context.Context, _ access.Actor, _, path, schedule, reason string) (time.Time, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if path == "/nosuch" {
		return time.Time{}, fault.New(fault.NotFound, "There is no such scheduled job in prod.")
	}
	d.asked = append(d.asked, path+" "+schedule+" "+reason)
	return stories.Now(), nil
}

func (d *desk) List(_ context.Context, _ access.Actor, q alert.Query) ([]alert.Incident, error) {
	s := d.now()
	var all []alert.Incident
	for i := range s.Incidents {
		if !q.Open || s.Incidents[i].Open() {
			all = append(all, s.Incidents[i])
		}
	}
	return all, s.Err
}

func (d *desk) Open(ctx context.Context, a access.Actor, _ string) (int, error) {
	all, err := d.List(ctx, a, alert.Query{Open: true})
	return len(all), err
}

func (d *desk) Incident(_ context.Context, _ access.Actor, id string) (alert.Incident, error) {
	s := d.now()
	for _, inc := range s.Incidents {
		if inc.ID == id {
			return inc, s.Err
		}
	}
	return alert.Incident{}, fault.New(fault.NotFound, "There is no such incident.")
}

func face(d *desk) *web.Web { return faceOn(d) }

// rooms is everything the face asks.
type rooms interface {
	web.Access
	lanes.Board
	deployments.History
	activity.Log
	web.Releases
	crons.Book
	web.CronRunner
	web.Databases
	all.Desk
	workers.Fleet
	incidents.Desk
	web.Alarms
}

func faceOn(d rooms) *web.Web { return faceWith(d, nil) }

func faceWith(d rooms, news web.Live) *web.Web {
	return web.New(web.Deps{
		Live: news, Access: d, Releases: d, Board: d, Runner: d, Databases: d, Alarms: d, Projects: func(access.Actor) []string { return []string{"spike.land", "second"} },
		Pages: all.Pages(all.Rooms{Board: d, History: d, Log: d, Desk: d, Crons: d, Workers: d, Databases: d, Incidents: d, URL: func() string { return "https://deck.example.com" }}), Clock: still{clock.Real()}, Log: slog.New(slog.DiscardHandler), Version: "test",
	})
}

// mount opens the face's routes as the door does: with the headers of every
// answer, and a page for addresses that nobody opened.
func mount(face *web.Web, d web.Access) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		face.Problem(w, r, fault.New(fault.NotFound, "There is nothing at this address."))
	})
	for _, r := range slices.Concat(face.Routes(), face.Streams()) {
		mux.HandleFunc(r.Pattern, func(w http.ResponseWriter, req *http.Request) {
			a, err := d.Actor(req)
			if err != nil && !r.Use.Open() {
				face.Problem(w, req, err)
				return
			}
			r.Handler(w, req, a)
		})
	}
	return door.Headers(mux)
}

func serve(t *testing.T, d *desk) *httptest.Server {
	t.Helper()
	mux := mount(face(d), d)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// halfBroken is a desk whose board fails by a defect.
type halfBroken struct{ desk }

func (h *halfBroken) Status(context.Context, access.Actor, string) (status.Status, []panel.Age, error) {
	return status.Status{}, nil, errors.New("disk on fire")
}

func serveOn(t *testing.T, d rooms, target string) *http.Response {
	t.Helper()
	mux := mount(faceOn(d), d)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody))
	return w.Result()
}
