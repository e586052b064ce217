package stories

import (
	"time"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/release"
)

// Troubled is a day after a release that was taken back: one incident that
// nobody has touched, one that somebody is on, one silenced, one over.
func Troubled() Story {
	s := RolledBack()
	s.Name = "incidents"
	s.Incidents = incidents()
	return s
}

func incidents() []alert.Incident {
	back := alert.Incident{
		ID: "inc_open", Project: "spike.land", Environment: "prod", Event: alert.ReleaseRolledBack, Severity: alert.Warning, Subject: "op_back",
		Title: "prod was rolled back", Reason: "3 of the last 5 probes were bad: the database does not answer", OpenedAt: before(40 * time.Minute), Operation: "op_back", Folded: 1,
		Suspects: []alert.Suspect{{
			Operation: "op_back", Action: string(release.Promote), At: before(44 * time.Minute), From: "9d41c07c0ffee0b7e19f2c0ffee0b7e19f2c0ffe", To: "e02a9b1c0ffee0b7e19f2c0ffee0b7e19f2c0ffe",
			Message: "Merge gallery pagination and retry uploads that stall (#1479)",
		}},
		Remains: []string{"The database stays as it is: one migration ran and is not taken back."},
		Timeline: []alert.Entry{
			{At: before(44 * time.Minute), Kind: alert.StepTaken, Text: "Switched prod to e02a9b1."},
			{At: before(41 * time.Minute), Kind: alert.Evidence, Text: "HTTP 502 from https://spike.land/api/health"},
			{At: before(40 * time.Minute), Kind: alert.Opened, Text: "prod was rolled back"},
			{At: before(40 * time.Minute), Kind: alert.FoldedIn, Text: "/api/cron/reset-credits failed in prod"},
			{At: before(40 * time.Minute), Kind: alert.Sent, Text: "slack-4f1c02 was told."},
			{At: before(39 * time.Minute), Kind: alert.Undelivered, Text: "webhook-9d41c0 could not be told: The webhook answered HTTP 503."},
		},
	}
	down := alert.Incident{
		ID: "inc_down", Project: "spike.land", Environment: "prod", Event: alert.HealthDown, Severity: alert.Critical, Title: "prod is down", Reason: "HTTP 502", OpenedAt: before(6 * time.Minute),
		Timeline: []alert.Entry{{At: before(6 * time.Minute), Kind: alert.Opened, Text: "prod is down"}},
	}
	taken := alert.Incident{
		ID: "inc_taken", Project: "spike.land", Environment: "prod", Event: alert.CronMissed, Severity: alert.Warning, Subject: "/api/cron/reset-credits", Title: "/api/cron/reset-credits did not run in prod",
		OpenedAt: before(3 * time.Hour), AcknowledgedAt: at(2 * time.Hour), AcknowledgedBy: "ana-ruiz",
	}
	silent := taken
	until := Now().Add(time.Hour)
	silent.ID, silent.Event, silent.Title, silent.SnoozedUntil, silent.AcknowledgedAt = "inc_silent", alert.SourceStale, "Sentry has not answered for 20 min", &until, nil
	over := taken
	over.ID, over.Title, over.ClosedAt, over.ClosedBy = "inc_over", "/api/cron/cleanup failed in next", at(time.Hour), "a run that succeeded"
	return []alert.Incident{down, back, taken, silent, over}
}

// defaceIncidents is every kind of incident with the worst text.
func defaceIncidents(bad string) []alert.Incident {
	all := incidents()
	for i := range all {
		inc := &all[i]
		inc.Environment, inc.Event, inc.Title, inc.Reason, inc.AcknowledgedBy, inc.ClosedBy, inc.Operation, inc.Parent = bad, alert.Event(bad), bad, bad, bad, bad, bad, bad
		inc.Remains = []string{bad}
		inc.Suspects = []alert.Suspect{{Operation: bad, Action: bad, From: bad, To: bad, Message: bad, At: Now()}}
		inc.Timeline = []alert.Entry{{At: Now(), Kind: alert.EntryKind(bad), Text: bad, By: bad}}
	}
	return all
}
