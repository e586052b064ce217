package alert_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/release"
)

func (r *rig) lastAct() access.Entry {
	r.t.Helper()
	all, err := r.db.AuditSearch(r.t.Context(), access.AuditFilter{Limit: 1})
	if err != nil || len(all) != 1 {
		r.t.Fatal(all, err)
	}
	return all[0]
}

func TestPeopleActAndAreRecorded(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.probes("ddd")
		id := r.only().ID
		viewer := access.Actor{Kind: access.Person, ID: "v", Name: "viewer", Role: access.Admin, SessionID: "s"}
		if _, err := r.desk.Close(t.Context(), viewer, id, "because"); !fault.Is(err, fault.Denied) {
			t.Errorf("an ADMIN closed it: %v", err)
		}
		if _, err := r.desk.Close(t.Context(), r.boss, id, " "); !fault.Is(err, fault.Invalid) {
			t.Errorf("closed without a reason: %v", err)
		}
		if _, err := r.desk.Snooze(t.Context(), r.boss, id, 8*24*time.Hour, ""); !fault.Is(err, fault.Invalid) {
			t.Errorf("silenced for too long: %v", err)
		}
		inc, err := r.desk.Acknowledge(t.Context(), r.boss, id, "looking")
		if err != nil || inc.AcknowledgedBy != "boss" || !strings.HasSuffix(kinds(inc), "acknowledged") {
			t.Fatal(inc, err)
		}
		if e := r.lastAct(); e.Action != "incident.manage.acknowledged" || e.Object != id || e.Environment != "prod" || e.Reason != "looking" {
			t.Errorf("recorded is %+v", e)
		}
		if _, err := r.desk.Close(t.Context(), r.boss, id, "mended by hand"); err != nil {
			t.Fatal(err)
		}
		r.wait(3 * time.Second)
		r.hears("opened health.down", "closed health.down")
		// What went wrong before counts no more: it takes three new ones.
		r.probes("dd")
		r.hears()
		r.probes("d")
		r.hears("opened health.down")
	})
}

func TestRemindersAndSilence(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.begin("op_1")(release.NeedsHuman, "Nobody can tell.")
		r.wait(5 * time.Second)
		away := func(d time.Duration) {
			r.stop()
			r.wait(d)
			r.start()
			r.wait(time.Minute)
		}
		away(4 * time.Hour)
		r.hears("opened release.needs_human", "reminder release.needs_human")
		if _, err := r.desk.Snooze(t.Context(), r.boss, r.only().ID, 10*time.Hour, "at night"); err != nil {
			t.Fatal(err)
		}
		away(9 * time.Hour)
		r.hears()
		away(2 * time.Hour)
		r.hears("reminder release.needs_human")
	})
}

// The link of a message silences one incident once, and nothing else works.
func TestSnoozeLink(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.probe(health.Down)
		r.wait(10 * time.Second)
		r.probes("dd")
		got, _ := r.inbox.all()
		u, err := url.Parse(got[0].Snooze)
		if err != nil || u.Host != "deck.example.com" || u.Path != alert.SnoozePath {
			t.Fatal(got[0].Snooze, err)
		}
		link := u.Query().Get("link")
		nobody := access.Actor{}
		for range 3 { // a robot looks at it
			if inc, err := r.desk.LinkOf(t.Context(), nobody, link); err != nil || inc.Timeline != nil {
				t.Fatal(inc, err)
			}
		}
		if one := r.only(); one.SnoozedUntil != nil {
			t.Error("looking silenced it")
		}
		parts := strings.Split(link, ".")
		for name, bad := range map[string]string{
			"empty": "", "cut": link[:len(link)-1], "of another incident": "inc_other." + strings.Join(parts[1:], "."), "of another message": parts[0] + ".msg_x." + strings.Join(parts[2:], "."),
			"longer": parts[0] + "." + parts[1] + ".zzzzzzz." + parts[3], "not signed": strings.Join(parts[:3], "."), "more": link + ".x",
		} {
			if _, err := r.desk.SnoozeByLink(t.Context(), nobody, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("a link that is %s: %v", name, err)
			}
		}
		if inc, err := r.desk.SnoozeByLink(t.Context(), nobody, link); err != nil || !inc.Snoozed(time.Now()) {
			t.Fatal(inc, err)
		}
		if e := r.lastAct(); e.Action != "incident.link.snoozed" || e.Environment != "prod" {
			t.Errorf("recorded is %+v", e)
		}
		if _, err := r.desk.SnoozeByLink(t.Context(), nobody, link); !fault.Is(err, fault.Conflict) {
			t.Errorf("used twice: %v", err)
		}
		r.stop()
		r.wait(25 * time.Hour)
		r.start()
		if _, err := r.desk.LinkOf(t.Context(), nobody, link); !fault.Is(err, fault.Invalid) {
			t.Errorf("a day later: %v", err)
		}
	})
}
