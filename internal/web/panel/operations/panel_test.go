package operations_test

import (
	"bytes"
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/jba/templatecheck"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/operations"
	"github.com/envdeck/envdeck/internal/web/stories"
)

type desk []release.Operation

func (d desk) Operations(context.Context, access.Actor, release.Query) ([]release.Operation, error) {
	return d, nil
}

func (d desk) Operation(_ context.Context, _ access.Actor, id string) (release.Operation, error) {
	for _, op := range d {
		if op.ID == id {
			return op, nil
		}
	}
	return release.Operation{}, fault.New(fault.NotFound, "There is no such operation.")
}

func (d desk) Sheet(_ context.Context, _ access.Actor, hash string) (release.Sheet, error) {
	if s := stories.Normal().Sheet; s.Hash == hash {
		return s, nil
	}
	return release.Sheet{}, fault.New(fault.NotFound, "There is no such comparison on record.")
}

func super() access.Actor {
	return access.Actor{Kind: access.Person, ID: "u1", SessionID: "s", Role: access.SuperAdmin}
}

func draw(t *testing.T, room panel.Panel, a access.Actor, id string) *goquery.Document {
	t.Helper()
	ready, err := room.Prepare(t.Context(), panel.Viewer{Actor: a, Now: stories.Now(), Query: url.Values{"id": {id}}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := ready.Draw(&b); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTemplateFitsItsView(t *testing.T) {
	if err := templatecheck.CheckHTML(operations.One(desk{}).Template().Lookup("frame"), panel.Frame[operations.View]{}); err != nil {
		t.Error(err)
	}
}

func TestARunningOperation(t *testing.T) {
	all := desk(stories.Releasing().Operations)
	doc := draw(t, operations.One(all), super(), "op_running")
	for selector, want := range map[string]int{
		".op-steps > li": 4, ".op-chart": 2, ".op-chart .dot": 61, `.op-chart .dot[data-tone="bad"]`: 1, `.op-chart .dot[data-tone="unknown"]`: 1, ".op-limit": 2, `a[href="/admin/environments/sheets/sheet-1"]`: 1, "time[data-left]": 1,
		`form[action="/admin/environments/rollback"] [name=reason][required]`: 1, `.panel[data-pace="2"]`: 1, ".op-evidence a": 1, "button[disabled]": 0,
	} {
		if got := doc.Find(selector).Length(); got != want {
			t.Errorf("%s: %d, want %d", selector, got, want)
		}
	}
	if got := strings.Join(strings.Fields(doc.Find(".cron-changes").Text()), " "); !strings.Contains(got, "pulse-metrics Every 15 minutes") || !strings.Contains(got, "→ and then Every 30 minutes") {
		t.Errorf("of the crons it says %q", got)
	}
	admin := super()
	admin.Role = access.Admin
	if why := draw(t, operations.One(all), admin, "op_running").Find("button[disabled] + .why-not").Text(); !strings.Contains(why, "SUPER_ADMIN") {
		t.Errorf("an ADMIN's button says %q", why)
	}
	early := all[0]
	early.Work.Intended, early.Phase, early.Bake = false, release.Preflight, nil
	if got := draw(t, operations.One(desk{early}), super(), "op_running").Find(`form[action$="/op_running/cancel"] button`).Text(); got != "Cancel" {
		t.Errorf("before the switch the button says %q", got)
	}
}

func TestAnOperationThatHasEnded(t *testing.T) {
	doc := draw(t, operations.One(desk(stories.Releasing().Operations)), super(), "op_back")
	if doc.Find("form").Length() != 0 || doc.Find(".panel[data-pace]").Length() != 0 {
		t.Error("an operation that is over can still be acted on, or is asked for in haste")
	}
	if got := doc.Find(".notice li").Length(); got != 2 {
		t.Errorf("%d things did not go back, want 2", got)
	}
	if got := doc.Find(".op-head").Text(); !strings.Contains(got, "taken back by envdeck itself") || !strings.Contains(got, "Rolled back") {
		t.Errorf("the head says %q", got)
	}
}

// What followed is shown with its state, the most frequent issue first, and
// what is left out is counted.
func TestWhatFollowed(t *testing.T) {
	all := desk(stories.Releasing().Operations)
	for id, c := range map[string]struct {
		want map[string]int
		says string
	}{
		"op_running": {map[string]int{".op-issues li": 2, `.op-issues a[href="https://spike-land.sentry.io/issues/7001/"]`: 1, ".op-issues .notice": 0, ".op-reports": 0}, "Nothing is rolled back because of them."},
		"op_back":    {map[string]int{".op-issues li": 5, ".op-issues a": 2, ".op-reports li": 2, `.op-reports [data-tone="good"]`: 1, `.op-reports [data-tone="warn"]`: 1, `.op-issues .badge[data-tone="unknown"]`: 1}, "and 3 more"},
		"op_good":    {map[string]int{".op-issues li": 0, `.op-issues .notice[data-tone="unknown"]`: 1}, "lacks the scope event:read"},
	} {
		doc := draw(t, operations.One(all), super(), id)
		for selector, want := range c.want {
			if got := doc.Find(selector).Length(); got != want {
				t.Errorf("%s: %s: %d, want %d", id, selector, got, want)
			}
		}
		if got := doc.Find(".op-issues").Text(); !strings.Contains(got, c.says) {
			t.Errorf("%s says %q", id, got)
		}
	}
	none := release.Operation{ID: "x", Phase: release.Succeeded, NewIssues: &release.NewIssues{Source: "sentry", CheckedAt: new(stories.Now()), Issues: []release.Issue{}}}
	doc := draw(t, operations.One(desk{none}), super(), "x")
	if got := doc.Find(".op-issues").Text(); !strings.Contains(got, "None so far. Events take a minute or two to arrive.") || doc.Find(".panel[data-pace]").AttrOr("data-pace", "") != "30" {
		t.Errorf("no issue so far says %q", got)
	}
}

// What is not known is never green.
func TestUnknownIsNeverGreen(t *testing.T) {
	op := release.Operation{ID: "x", Phase: "something_new", Action: "new", Bake: &release.Watch{Dots: "?"}, Steps: []release.Step{{Verdict: "new"}, {Verdict: release.Inconclusive}, {Verdict: release.Error}}}
	doc := draw(t, operations.One(desk{op}), super(), "x")
	if n := doc.Find(`[data-tone="good"]`).Length(); n != 0 {
		t.Errorf("%d green signs", n)
	}
}

func TestList(t *testing.T) {
	doc := draw(t, operations.All(desk(stories.Releasing().Operations)), super(), "")
	if doc.Find("tbody tr").Length() != 3 || doc.Find(".panel[data-pace]").Length() != 1 {
		t.Error("the list is not whole, or not watched while one runs")
	}
	if got := draw(t, operations.All(desk{}), super(), "").Find(".blank").Text(); !strings.Contains(got, "No operation yet") {
		t.Errorf("the empty list says %q", got)
	}
}
