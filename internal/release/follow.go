package release

import (
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// FollowUp is what is looked at and told outside after an operation has begun
// to move an environment: which issues are new since, and where each version
// went. It is a job of its own, so that nothing in it can delay or fail the
// release, and it goes on after the release has ended.
type FollowUp struct {
	Operation   string
	Project     string
	Environment string
	// Since is when the first call that moves the environment was intended.
	Since  time.Time
	Issues *NewIssues // nil: nobody here knows issues
	// Reports are made when the operation has ended; Told says that they were.
	Told    bool
	Reports []DeployReport
	// LookAt and TellAt are when to go on; zero is never.
	LookAt, TellAt time.Time
}

// NewIssues is the issues that were first seen in the environment since an
// operation moved it. They inform: nothing is rolled back because of them.
type NewIssues struct {
	Source string     `json:"source" doc:"Who knows them."`
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until" doc:"When something else was live again. null: not yet."`
	// CheckedAt is the last good answer.
	CheckedAt *time.Time `json:"checkedAt" doc:"When the list was last had. null: never, and issues is null then."`
	Issues    []Issue    `json:"issues" doc:"The most frequent of them, at most five. null: not known, and problem says why."`
	Total     int        `json:"total" doc:"How many there are."`
	AtLeast   bool       `json:"atLeast,omitempty" doc:"There may be more than total."`
	Problem   string     `json:"problem,omitempty" doc:"Why the last look failed. What stands here is older then."`
	Settled   bool       `json:"settled" doc:"It is not looked at any more."`
}

// Issue is one cause of errors.
type Issue struct {
	ID        string     `json:"id"`
	ShortID   string     `json:"shortId"`
	Title     string     `json:"title"`
	Culprit   string     `json:"culprit"`
	Level     string     `json:"level"`
	Count     int64      `json:"count" doc:"Events since the switch."`
	Users     int64      `json:"users"`
	FirstSeen time.Time  `json:"firstSeen"`
	LastSeen  *time.Time `json:"lastSeen"`
	URL       string     `json:"url" doc:"Its page; empty when the source's answer led elsewhere."`
}

// DeployReport is one move of the environment, to be told to a recorder of deploys.
type DeployReport struct {
	To          string    `json:"to" doc:"Who is told."`
	Version     string    `json:"version" doc:"Full hash of the commit."`
	Environment string    `json:"environment" doc:"By the recorder's own name."`
	Name        string    `json:"name" doc:"The deploy's name there, by which it is found again."`
	URL         string    `json:"url"`
	StartedAt   time.Time `json:"startedAt"`
	FinishedAt  time.Time `json:"finishedAt"`

	State    ReportState `json:"state" enum:"waiting,sending,reported,given_up" doc:"sending: the call was made and its answer is not known (yet)."`
	Message  string      `json:"message" doc:"Where it stands, for people."`
	Attempts int         `json:"attempts" doc:"How often it was sent."`
	DoneAt   *time.Time  `json:"doneAt"`

	// SentAt is when the last sending was intended, Before how many deploys of
	// the version were on record then. Tries counts what failed in a row.
	SentAt time.Time `json:"-"`
	Before int64     `json:"-"`
	Tries  int       `json:"-"`
}

// ReportState is where a report stands.
type ReportState string

// The states.
const (
	ReportWaiting ReportState = "waiting"
	ReportSending ReportState = "sending"
	Reported      ReportState = "reported"
	ReportGivenUp ReportState = "given_up"
)

func (r *DeployReport) over() bool { return r.State == Reported || r.State == ReportGivenUp }

// How issues are looked at.
const (
	mostIssues  = 5
	lookLive    = 30 * time.Second // while the operation runs
	lookSoon    = time.Minute      // after it, for soonFor
	lookLater   = 10 * time.Minute
	soonFor     = 10 * time.Minute
	lookFor     = 24 * time.Hour // after the operation's end
	arrivesLate = 2 * time.Minute
)

// How deploys are told.
const (
	// lostReport is how long the effect of a call whose answer was lost may
	// take; the record says nothing certain before.
	lostReport   = time.Minute
	firstRetry   = time.Minute
	longestRetry = 10 * time.Minute
	tellFor      = 24 * time.Hour
)

// followed is the span in which an issue counts as the operation's: from its
// first move until something else was live, be it by its own rollback or by a
// later operation. ops are the newest operations on the environment.
func followed(u *FollowUp, op *Operation, ops []Operation) (until time.Time) {
	earlier := func(at time.Time) {
		if !at.IsZero() && at.After(u.Since) && (until.IsZero() || at.Before(until)) {
			until = at
		}
	}
	for i, m := range op.Work.Moves {
		if i > 0 && m.Back {
			earlier(m.At)
		}
	}
	if op.Phase == Superseded && op.EndedAt != nil {
		earlier(*op.EndedAt)
	}
	for i := range ops {
		if o := &ops[i]; o.ID != op.ID && o.Environment == op.Environment && len(o.Work.Moves) > 0 && o.CreatedAt.After(op.CreatedAt) {
			earlier(o.Work.Moves[0].At)
		}
	}
	return until
}

// nextLook is when to look at issues again; zero when it was the last time.
func nextLook(op *Operation, until, now time.Time) time.Time {
	switch {
	case !until.IsZero() && now.Sub(until) >= arrivesLate:
		return time.Time{}
	case op.EndedAt == nil:
		return now.Add(lookLive)
	case len(op.Work.Moves) == 0, now.Sub(*op.EndedAt) >= lookFor:
		return time.Time{}
	case now.Sub(*op.EndedAt) < soonFor, !until.IsZero():
		return now.Add(lookSoon)
	default:
		return now.Add(lookLater)
	}
}

func issuesOf(list provider.IssueList) []Issue {
	all := []Issue{}
	for _, i := range list.Issues[:min(len(list.Issues), mostIssues)] {
		one := Issue{
			ID: hostile.Line(i.ID, hostile.NameLimit), ShortID: hostile.Line(i.ShortID, hostile.NameLimit), Title: hostile.FirstLine(i.Title, hostile.TitleLimit),
			Culprit: hostile.Line(i.Culprit, hostile.NameLimit), Level: hostile.Line(i.Level, 20), Count: i.Count, Users: i.Users, FirstSeen: i.FirstSeen, URL: hostile.Link(i.URL),
		}
		if !i.LastSeen.IsZero() {
			one.LastSeen = &i.LastSeen
		}
		all = append(all, one)
	}
	return all
}

// reportsOf is what there is to tell of an operation that has ended: each move
// that was seen, also the one back, because the recorder shows the newest
// deploy of an environment as what is live there.
func reportsOf(op *Operation, to, environment string, since time.Time) []DeployReport {
	var all []DeployReport
	for i, m := range op.Work.Moves {
		r := DeployReport{To: to, Version: m.Commit, Environment: environment, Name: op.ID, StartedAt: since, FinishedAt: m.At, State: ReportWaiting, Message: "It is told next."}
		if i > 0 {
			r.Name += "-" + string('a'+rune(min(i-1, 25)))
			r.StartedAt = op.Work.Moves[i-1].At
			if s := slices.IndexFunc(op.Steps, func(s Step) bool {
				return s.Name == string(VerbRollback) && !s.StartedAt.Before(r.StartedAt) && !s.StartedAt.After(m.At)
			}); s >= 0 {
				r.StartedAt = op.Steps[s].StartedAt
			}
		}
		for _, b := range []*Build{op.To, op.Back, op.Work.BackTo, op.From, op.Work.Built} {
			if b.id() == m.Build && b.id() != "" && strings.HasPrefix(b.URL, "https://") {
				r.URL = hostile.Link(b.URL)
			}
		}
		if m.Commit == "" {
			r.State, r.Message = ReportGivenUp, "The platform does not say which commit "+m.Build+" was built from, so there is no version to name."
			r.DoneAt = op.EndedAt
		}
		all = append(all, r)
	}
	return all
}

// retryAfter is when something that failed is tried again.
func retryAfter(tries int, asked time.Duration) time.Duration {
	wait := longestRetry
	if tries < 5 {
		wait = min(firstRetry<<max(tries-1, 0), longestRetry)
	}
	return min(max(wait, asked), longestRetry)
}
