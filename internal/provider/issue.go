package provider

import (
	"context"
	"time"
)

// IssueFinder knows which errors are new: it gathers events of one cause into
// an issue, and remembers when it first saw one.
//
// Sentry: GET /api/0/organizations/{org}/issues/ with environment and
// firstSeen. Events take seconds to minutes to get there.
type IssueFinder interface {
	// NewIssues finds the issues whose first event in an environment came within
	// a span, the most frequent first. fault.NotFound: there is no such
	// environment there (yet).
	NewIssues(ctx context.Context, q IssueQuery) (IssueList, error)
}

// IssueQuery asks for new issues of an environment, by the finder's own name.
type IssueQuery struct {
	Environment string
	Since       time.Time
	Until       time.Time // zero is now
	Limit       int       // at most 100
}

// IssueList is the first of the new issues.
type IssueList struct {
	Issues []Issue
	// Total is how many there are; with AtLeast there may be more.
	Total   int
	AtLeast bool
}

// Issue is what events of one cause have in common.
type Issue struct {
	ID        string
	ShortID   string // as people call it, "" when nobody said
	Title     string
	Culprit   string // where in the app, "" when nobody said
	Level     string // fatal, error, warning, …
	Count     int64  // events in the span
	Users     int64
	FirstSeen time.Time
	LastSeen  time.Time
	URL       string // its page, "" when the finder's answer led elsewhere
}
