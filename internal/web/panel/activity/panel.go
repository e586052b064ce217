// Package activity is the panel of what was done here: the audit log, newest
// first, narrowed by person, action, environment, result and time.
//
// It shows entries and decides nothing: who may see the record is the Gate's
// affair. It must not know how the record is kept or checked.
package activity

import (
	"context"
	"embed"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

//go:embed panel.html panel.css
var own embed.FS

// Path is the page of the record; one entry is below it.
const Path = "/admin/environments/activity"

// Log knows what was done.
type Log interface {
	// Activity answers what the filter lets through, newest first.
	// fault.Denied: the actor may not see it. fault.Invalid: the filter makes
	// no sense.
	Activity(ctx context.Context, a access.Actor, f access.AuditFilter) (access.Page, error)
}

// New makes the panel.
func New(log Log) *panel.Room[View] {
	return panel.New("activity", "Activity", panel.More{}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		f := FilterOf(v.Query)
		page, err := log.Activity(ctx, v.Actor, f.audit)
		if err != nil {
			return panel.Facts[View]{}, err
		}
		return panel.Facts[View]{View: newView(page, f, v.Project)}, nil
	})
}

// Filter is a filter as it was typed, and as it is understood.
type Filter struct {
	Person, Environment, Action, Result, From, To ui.Text
	Unclear                                       []ui.Text // what of it was not understood, in words
	audit                                         access.AuditFilter
}

// Audit is the filter for the record.
func (f Filter) Audit() access.AuditFilter { return f.audit }

// dateForms are what browsers send for a date and time, and what people type.
var dateForms = [...]string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02"}

// FilterOf reads a filter from an address or a form. What it does not
// understand is said and left out.
func FilterOf(q url.Values) Filter {
	f := Filter{
		Person: ui.Name(strings.TrimSpace(q.Get("person"))), Environment: ui.Name(strings.TrimSpace(q.Get("environment"))),
		Action: ui.Name(q.Get("action")), Result: ui.Name(q.Get("result")), From: ui.Name(q.Get("from")), To: ui.Name(q.Get("to")),
	}
	f.audit = access.AuditFilter{Actor: string(f.Person), Environment: string(f.Environment), Action: string(f.Action), Result: access.Result(f.Result)}
	day := func(text ui.Text, name string) time.Time {
		for _, form := range dateForms {
			if at, err := time.Parse(form, string(text)); err == nil {
				return at
			}
		}
		if text != "" {
			f.Unclear = append(f.Unclear, ui.Text("“"+name+"” is not a time such as 2026-11-22T14:30 and was left out."))
		}
		return time.Time{}
	}
	f.audit.From, f.audit.To = day(f.From, "From"), day(f.To, "Until")
	if !f.audit.From.IsZero() && !f.audit.To.IsZero() && !f.audit.From.Before(f.audit.To) {
		f.Unclear = append(f.Unclear, "The time span ends before it begins: its end was left out.")
		f.audit.To = time.Time{}
	}
	if n, err := strconv.ParseInt(q.Get("before"), 10, 64); err == nil && n > 0 {
		f.audit.Before = n
	}
	return f
}

// Query is the filter for an address, without the cursor.
func (f Filter) Query() url.Values {
	q := url.Values{}
	for name, value := range map[string]ui.Text{"person": f.Person, "environment": f.Environment, "action": f.Action, "result": f.Result, "from": f.From, "to": f.To} {
		if value != "" {
			q.Set(name, string(value))
		}
	}
	return q
}

// Empty says whether the filter lets everything through.
func (f Filter) Empty() bool { return len(f.Query()) == 0 }

// View is what the template draws.
type View struct {
	Filter  Filter
	Rows    []Row
	Older   string // the query of the following page, "" when there is none
	Newest  string // the query of the first page, "" when this is it
	Export  string // the addresses of the downloads
	Actions []Option
	Results []Option
	All     string // the query without a filter
}

// Option is one choice of a list.
type Option struct {
	Value, Text string
	Chosen      bool
}

// Row is one entry.
type Row struct {
	Seq         int64
	Path        string
	At          time.Time
	Actor       ui.Text
	Machine     string // what the actor is when it is no person
	Action      ui.Text
	Object      ui.Text
	Environment ui.Text
	Reason      ui.Text
	Result      ui.Badge
}

func newView(page access.Page, f Filter, project string) View {
	v := View{Filter: f, All: "?"}
	with := func(extra ...string) string {
		q := f.Query()
		if project != "" {
			q.Set("project", project)
		}
		for i := 0; i+1 < len(extra); i += 2 {
			q.Set(extra[i], extra[i+1])
		}
		return "?" + q.Encode()
	}
	if project != "" {
		v.All += url.Values{"project": {project}}.Encode()
	}
	for i := range page.Entries {
		v.Rows = append(v.Rows, NewRow(&page.Entries[i]))
	}
	if page.Next > 0 {
		v.Older = with("before", strconv.FormatInt(page.Next, 10))
	}
	if f.audit.Before > 0 {
		v.Newest = with()
	}
	v.Export = Path + "/export?" + f.Query().Encode()
	for _, family := range families() {
		v.Actions = append(v.Actions, Option{family, family, family == string(f.Action)})
	}
	if f.Action != "" && !slices.ContainsFunc(v.Actions, func(o Option) bool { return o.Chosen }) {
		v.Actions = append(v.Actions, Option{string(f.Action), string(f.Action), true})
	}
	for _, r := range []access.Result{access.Done, access.Requested, access.Refused, access.Denied, access.Failed} {
		v.Results = append(v.Results, Option{string(r), string(r), string(r) == string(f.Result)})
	}
	return v
}

// families are the fronts of the actions' names, which find all below them.
func families() []string {
	var all []string
	for _, u := range access.UseCases() {
		if !u.Writes() {
			continue
		}
		if family, _, _ := strings.Cut(u.String(), "."); !slices.Contains(all, family) {
			all = append(all, family)
		}
	}
	slices.Sort(all)
	return all
}

// NewRow makes the row of an entry.
func NewRow(e *access.Entry) Row {
	row := Row{
		Seq: e.Seq, Path: Path + "/" + strconv.FormatInt(e.Seq, 10), At: e.At, Actor: ui.Name(e.ActorName), Action: ui.Name(e.Action),
		Object: ui.Name(e.Object), Environment: ui.Name(e.Environment), Reason: ui.Reason(e.Reason), Result: Result(e.Result),
	}
	switch e.ActorKind {
	case access.Person:
	case access.Machine:
		row.Machine = "by token"
	case access.System:
		row.Machine = "by itself"
	case access.Operator:
		row.Machine = "command line"
	default:
		row.Machine = "not signed in"
	}
	return row
}

// Result is how an act ended, for the eye.
func Result(r access.Result) ui.Badge {
	switch r {
	case access.Done:
		return ui.Badge{Icon: "check", Word: "Done", Tone: ui.Quiet}
	case access.Requested:
		return ui.Badge{Icon: "queued", Word: "Requested", Tone: ui.Busy}
	case access.Refused:
		return ui.Badge{Icon: "canceled", Word: "Refused", Tone: ui.Warn}
	case access.Denied:
		return ui.Badge{Icon: "lock", Word: "Denied", Tone: ui.Warn}
	case access.Failed:
		return ui.Badge{Icon: "failed", Word: "Failed", Tone: ui.Bad}
	default:
		return ui.Badge{Icon: "unknown", Word: string(ui.Name(string(r))), Tone: ui.Unknown}
	}
}
