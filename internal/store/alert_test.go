package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// Two that decide about the same thing at once: one decision stands, whole.
func TestOneDecisionStands(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
		key := alert.Key{Project: "app", Environment: "prod", Event: alert.CronMissed, Subject: "/job"}
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				id := "inc_" + string(rune('a'+i))
				err := db.Apply(ctx, alert.Change{
					Conditions: []alert.Condition{{Key: key, Bad: true, Incident: id, Flips: []time.Time{now}}},
					Incidents:  []alert.Incident{{ID: id, Project: "app", Environment: "prod", Event: alert.CronMissed, Title: "x", OpenedAt: now, RemindAt: now}},
					Entries:    []alert.Entry{{Incident: id, ID: "1", At: now, Kind: alert.Opened, Text: "x"}},
					Messages:   []alert.Message{{ID: "msg_" + id, Receiver: "r", Incident: id, Event: alert.CronMissed, Kind: alert.TellOpened, CreatedAt: now, DueAt: now}},
				})
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, alert.ErrMoved):
					t.Error(err)
				}
			})
		}
		all.Wait()
		open, err := db.Incidents(ctx, alert.Query{Open: true, Limit: 10})
		if err != nil || won.Load() != 1 || len(open) != 1 {
			t.Fatalf("%d won, %d are open, %v", won.Load(), len(open), err)
		}
		cond, err := db.Condition(ctx, key)
		if err != nil || cond.Rev != 1 || cond.Incident != open[0].ID || len(cond.Flips) != 1 {
			t.Errorf("%+v, %v", cond, err)
		}
		if due, err := db.Reminders(ctx, now); err != nil || len(due) != 1 {
			t.Errorf("reminders %d, %v", len(due), err)
		}
		if err := db.SweepAlerts(ctx, now.Add(time.Hour), now); err != nil {
			t.Error(err)
		}
		if n, err := db.OpenIncidents(ctx, "app"); err != nil || n != 1 {
			t.Errorf("the sweep left %d, %v", n, err)
		}
	})
}

func TestAMessageHasOneSender(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
		message := func(id string) alert.Message {
			return alert.Message{ID: id, Receiver: "r", Incident: "i", Event: alert.HealthDown, Kind: alert.TellOpened, CreatedAt: now, DueAt: now, Content: alert.Content{Title: id, At: now}}
		}
		if err := db.Apply(ctx, alert.Change{Messages: []alert.Message{message("1"), message("2")}}); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var claimed []alert.Message
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				m, ok, err := db.ClaimMessage(ctx, alert.MessageClaim{Receiver: "r", Owner: string(rune('a' + i)), Now: now, Real: now, TTL: time.Minute})
				if err != nil {
					t.Error(err)
				}
				if ok {
					mu.Lock()
					claimed = append(claimed, m)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		// The second waits for the first of its incident.
		if len(claimed) != 1 || claimed[0].ID != "1" || claimed[0].Title != "1" {
			t.Fatalf("claimed %+v", claimed)
		}
		m := claimed[0]
		m.Attempts++
		if err := db.EndMessage(ctx, m, alert.MessageClaim{Owner: "somebody else"}, nil); !errors.Is(err, alert.ErrMoved) {
			t.Errorf("a claim of somebody else's: %v", err)
		}
		if err := db.Forsaken(ctx, []string{"other"}, now); err != nil {
			t.Fatal(err)
		}
		if all, err := db.Messages(ctx, "i"); err != nil || len(all) != 2 || all[1].Outcome != alert.GivenUp {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// A call that is made again while it is judged stays; a link works once; a mark
// moves once.
func TestCallsMarksAndLinks(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
		sample := func(v health.Verdict, at time.Time) {
			t.Helper()
			if err := db.AppendSamples(ctx, []health.Record{{Project: "app", Environment: "prod", Sample: health.Sample{At: at, Verdict: v}}}); err != nil {
				t.Fatal(err)
			}
		}
		calls := func() []alert.Call {
			t.Helper()
			all, err := db.Calls(ctx, now.Add(time.Minute), 10)
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		sample(health.Healthy, now)
		if got := calls(); len(got) != 0 {
			t.Fatalf("a good sample calls: %+v", got)
		}
		sample(health.Down, now.Add(time.Second))
		first := calls()
		if len(first) != 1 || first[0].Kind != alert.EnvironmentCall || first[0].Subject != "app/prod" {
			t.Fatalf("%+v", first)
		}
		sample(health.Down, now.Add(2*time.Second))
		if err := db.Apply(ctx, alert.Change{Done: &first[0]}); err != nil || len(calls()) != 1 {
			t.Errorf("a call made again went away: %v", err)
		}
		again := calls()[0]
		if err := db.Apply(ctx, alert.Change{Later: &alert.Later{Call: again, Due: now.Add(time.Hour)}}); err != nil || len(calls()) != 0 {
			t.Errorf("a call for later is there: %v", err)
		}
		for i, want := range []error{nil, alert.ErrMoved} {
			if err := db.Apply(ctx, alert.Change{Mark: &alert.Mark{Name: "m", To: 5}}); !errors.Is(err, want) {
				t.Errorf("mark %d: %v", i, err)
			}
		}
		if err := db.Apply(ctx, alert.Change{Link: "l", LinkEnd: now}); err != nil {
			t.Error(err)
		}
		if err := db.Apply(ctx, alert.Change{Link: "l", LinkEnd: now}); !fault.Is(err, fault.Conflict) {
			t.Errorf("a link used twice: %v", err)
		}
	})
}
