package incidents_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/incidents"
)

// story is what the alert room says.
type story []alert.Incident

func (s story) List(context.Context, access.Actor, alert.Query) ([]alert.Incident, error) {
	return s, nil
}

func (s story) Incident(_ context.Context, _ access.Actor, id string) (alert.Incident, error) {
	for _, i := range s {
		if i.ID == id {
			return i, nil
		}
	}
	return alert.Incident{}, fault.New(fault.NotFound, "There is no such incident.")
}

var now = time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)

func down() alert.Incident {
	return alert.Incident{
		ID: "inc_1", Project: "shop", Environment: "prod", Event: alert.HealthDown, Severity: alert.Critical, Title: "prod is down <script>", OpenedAt: now.Add(-time.Hour),
		Suspects: []alert.Suspect{{Operation: "op_1", Action: "promote", To: strings.Repeat("b", 40), Message: "Break it", At: now.Add(-2 * time.Hour)}},
		Timeline: []alert.Entry{{At: now.Add(-time.Hour), Kind: alert.Opened, Text: "prod is down"}, {At: now.Add(-59 * time.Minute), Kind: alert.Undelivered, Text: "slack could not be told"}},
		Remains:  []string{"The database stays as it is."},
	}
}

func draw(t *testing.T, p panel.Panel, role access.Role) string {
	t.Helper()
	v := panel.Viewer{Now: now, Actor: access.Actor{Kind: access.Person, ID: "u", SessionID: "s", Role: role}, Query: map[string][]string{"id": {"inc_1"}}}
	ready, err := p.Prepare(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := ready.Draw(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOneIncident(t *testing.T) {
	page := draw(t, incidents.One(story{down()}), access.SuperAdmin)
	for _, want := range []string{"Critical", "&lt;script&gt;", "09:00:00", "Not told", "Break it", "bbbbbbb", "The database stays as it is.", `value="close"`, "I am on it"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if page := draw(t, incidents.One(story{down()}), access.Admin); strings.Contains(page, "<form") || !strings.Contains(page, "Only a SUPER_ADMIN") {
		t.Error("an ADMIN is offered what they may not do, or not told why")
	}
	over := down()
	over.ClosedAt = &now
	if page := draw(t, incidents.One(story{over}), access.SuperAdmin); strings.Contains(page, "<form") || !strings.Contains(page, "Over") {
		t.Error("something can be done about what is over")
	}
}

// A job's silence names the operation that it began with.
func TestSilenceNamesItsOperation(t *testing.T) {
	silent := down()
	silent.Event, silent.Operation = alert.CronMissed, "op_1"
	if page := draw(t, incidents.One(story{silent}), access.Admin); !strings.Contains(page, `silent since <a href="/admin/environments/operations/op_1">op_1</a>`) {
		t.Error("the page does not name the operation")
	}
}

func TestTheStripIsQuietWhenNothingIsOpen(t *testing.T) {
	if page := draw(t, incidents.Strip(story{}), access.Admin); !strings.Contains(page, "inc-none") {
		t.Error("the strip has something to say about nothing")
	}
	many := story{down(), down(), down(), down()}
	page := draw(t, incidents.Strip(many), access.Admin)
	if strings.Count(page, "<li") != 3 || !strings.Contains(page, "4 incidents open") {
		t.Errorf("the strip shows %d", strings.Count(page, "<li"))
	}
	if page := draw(t, incidents.All(story{}), access.Admin); !strings.Contains(page, "Nothing went wrong yet") {
		t.Error("the empty list is blank")
	}
}
