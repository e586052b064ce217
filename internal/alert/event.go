package alert

import (
	"path"
	"strings"
)

// Event is the name of what can go wrong, as the configuration and receivers
// write it.
type Event string

// The events. They are stored and written down by people: never rename one.
const (
	ReleaseSucceeded      Event = "release.succeeded"
	ReleaseFailed         Event = "release.failed"
	ReleaseRolledBack     Event = "release.rolled_back"
	ReleaseRollbackFailed Event = "release.rollback_failed"
	ReleaseNeedsHuman     Event = "release.needs_human"
	ReleaseSuperseded     Event = "release.superseded"
	// ReleaseBreakGlass is told when an operation begins that passes guards,
	// whatever becomes of it.
	ReleaseBreakGlass Event = "release.break_glass"

	CronMissed Event = "cron.missed"
	CronFailed Event = "cron.failed"
	CronLate   Event = "cron.late"
	CronSlow   Event = "cron.slow"
	CronFast   Event = "cron.fast"
	CronOften  Event = "cron.often"

	HealthDown     Event = "health.down"
	HealthDegraded Event = "health.degraded"

	SourceStale Event = "source.stale"

	// AuditHead is no incident: the end of the audit chain leaves the box.
	AuditHead Event = "audit.head"
	// Test is what a person sends to try a receiver.
	Test Event = "test"
)

// Events lists every event that a receiver can ask for.
func Events() []Event {
	return []Event{
		ReleaseSucceeded, ReleaseFailed, ReleaseRolledBack, ReleaseRollbackFailed, ReleaseNeedsHuman, ReleaseSuperseded, ReleaseBreakGlass,
		CronMissed, CronFailed, CronLate, CronSlow, CronFast, CronOften, HealthDown, HealthDegraded, SourceStale, AuditHead,
	}
}

// Matches says whether a pattern such as "release.*" names the event. A "*"
// alone is everything that goes wrong, and not the audit chain, which is for
// machines.
func (e Event) Matches(pattern string) bool {
	if pattern == "*" && e == AuditHead {
		return false
	}
	ok, err := path.Match(pattern, string(e))
	return err == nil && ok
}

// Named says whether a pattern names any event at all.
func Named(pattern string) bool {
	for _, e := range Events() {
		if e.Matches(pattern) {
			return true
		}
	}
	return false
}

// family is the part before the dot: cron, health, release.
func (e Event) family() string {
	family, _, _ := strings.Cut(string(e), ".")
	return family
}

// Severity says how bad an event is.
type Severity string

// The severities.
const (
	Critical Severity = "critical" // people who use the app notice
	Warning  Severity = "warning"
)

func (e Event) severity() Severity {
	switch e {
	case HealthDown, ReleaseRollbackFailed, ReleaseNeedsHuman:
		return Critical
	default:
		return Warning
	}
}
