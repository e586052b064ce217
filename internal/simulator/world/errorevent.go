package world

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrorEvent is one error that an environment reported.
type ErrorEvent struct {
	ID      string
	At      time.Time
	Env     Env // "" for a script that names none
	Issue   ErrorIssue
	Release string // SHA of the build that ran, "" for a script
	User    string // who met it
}

// ErrorIssue is what errors of one cause have in common.
type ErrorIssue struct {
	Key     string
	Type    string // TypeError
	Value   string // the message
	Culprit string
	Level   string // error, fatal, warning
}

// Title is the issue's headline.
func (i ErrorIssue) Title() string { return i.Type + ": " + i.Value }

// everyday are the issues that every build has, the most frequent first.
var everyday = []ErrorIssue{
	{"timeout", "TimeoutError", "The operation was aborted due to timeout", "GET /api/pulse", "error"},
	{"fetch", "TypeError", "Failed to fetch", "/create/[slug]", "error"},
	{"hydration", "Error", "Hydration failed because the server rendered HTML didn't match the client", "/apps/[id]", "error"},
	{"prisma", "PrismaClientKnownRequestError", "Timed out fetching a new connection from the connection pool", "POST /api/tracking", "error"},
	{"credits", "InsufficientCreditsError", "The workspace has no credits left", "POST /api/images", "warning"},
	{"stream", "AbortError", "The user aborted a request", "POST /api/chat", "warning"},
	{"memory", "RangeError", "Array buffer allocation failed", "POST /api/audio/mix", "fatal"},
}

var scriptIssue = ErrorIssue{"script", "Error", "ECONNRESET while syncing the marketplace", "scripts/sync-bazaar", "error"}

// ErrorEvents lists what was reported in [from, to), oldest first. Per
// environment there are exactly as many as Errors counts; those without an
// environment come on top.
func (s *State) ErrorEvents(from, to time.Time) []ErrorEvent {
	if from.Before(s.Born) {
		from = s.Born
	}
	if to.After(s.now) {
		to = s.now
	}
	var out []ErrorEvent
	for at := from.Truncate(time.Minute); at.Before(to); at = at.Add(time.Minute) {
		for _, e := range []Env{Prod, Next, Dev} {
			for _, b := range s.bursts(e, at) {
				out = s.eventsOf(out, e, b)
			}
		}
		if at.Minute() == 17 && s.quick(uint64(at.Unix()), "script") < 1.0/6 {
			out = append(out, ErrorEvent{ID: s.Hex(32, "event", "", at.Unix()), At: at, Issue: scriptIssue})
		}
	}
	return out
}

// IssueBegin is a time before which an issue can not have been seen: what a
// build brought with it is not older than the build.
func (s *State) IssueBegin(key string) time.Time {
	_, id, _ := strings.Cut(key, " ")
	if d := s.byID[id]; d != nil {
		return d.CreatedAt
	}
	return s.Born
}

// eventsOf adds the events of one burst. Each takes its issue from what ran.
func (s *State) eventsOf(out []ErrorEvent, e Env, b burst) []ErrorEvent {
	at := b.at
	var d *Deployment
	var since time.Time
	release := s.dev
	if e != Dev {
		d, since = s.serving(e, at)
		release = nil
	}
	var own *ErrorIssue
	share := 0.0
	sha := ""
	if d != nil {
		sha = d.SHA
		own, share = s.ownIssue(d, e, since, at)
	} else if release != nil {
		sha = release.SHA
	}
	for k := range b.n {
		salt := fmt.Sprint("issue", e, k)
		var issue ErrorIssue
		draw := s.quick(uint64(at.Unix()), salt)
		if own != nil && draw < share {
			issue = *own
		} else {
			// The first issues are met the most.
			draw = s.quick(uint64(at.Unix()), salt+"which")
			issue = everyday[min(len(everyday)-1, int(draw*draw*float64(len(everyday))))]
		}
		out = append(out, ErrorEvent{
			ID: s.Hex(32, "event", e, at.Unix(), k), At: at.Add(time.Duration(k%60) * time.Second), Env: e, Issue: issue, Release: sha,
			User: fmt.Sprintf("user-%04d", int(s.quick(uint64(at.Unix()), salt+"user")*900)),
		})
	}
	return out
}

// ownIssue is an issue that a build brought with it: nearly all of the errors
// of an ill one, a few of those of some others. share is how many are its.
func (s *State) ownIssue(d *Deployment, e Env, since, at time.Time) (issue *ErrorIssue, share float64) {
	ills := illsAt(d, e, since, at)
	switch {
	case len(ills) > 0:
		i := ErrorIssue{"ill " + d.ID, "TypeError", "Cannot read properties of undefined (reading 'perMegapixel')", "POST /api/images", "error"}
		if slices.ContainsFunc(ills, func(i Ill) bool { return i.Kind == IllDatabase }) {
			i.Key = "database " + d.ID
			i.Type, i.Value, i.Culprit, i.Level = "PrismaClientInitializationError", "Can't reach database server", "/api/health", "fatal"
		}
		return &i, 0.92
	case s.quick(uint64(d.index), "brought") < 0.3:
		return &ErrorIssue{"own " + d.ID, "ReferenceError", "window is not defined", "/apps/[id]/" + d.SHA[:4], "error"}, 0.15
	}
	return nil, 0
}
