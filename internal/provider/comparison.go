package provider

import "time"

// Comparison is what lies between two commits.
type Comparison struct {
	Base, Head string // full hashes
	Relation   Relation
	Ahead      int // commits in head and not in base
	Behind     int // commits in base and not in head: what a switch would drop

	Commits []Commit // of head and not of base, oldest first
	// PullRequests are the merged ones that brought those commits, each once,
	// by number.
	PullRequests []PullRequest
	Files        []string // paths that differ

	// Truncated says that not every commit or file could be listed, with the
	// counts above still right.
	Truncated bool
	// PullRequestsUnknown says why the pull requests could not be had, ""
	// when they could: the commits are still right.
	PullRequestsUnknown string
}

// Relation is how head stands to base.
type Relation string

// The relations, in Git's words.
const (
	Identical Relation = "identical"
	AheadOf   Relation = "ahead"
	BehindOf  Relation = "behind"
	Diverged  Relation = "diverged"
)

// Commit is one commit of the history.
type Commit struct {
	SHA     string
	Message string // first line
	Author  string // login where it is known, else the name
	At      time.Time
	URL     string
	// PullRequest that brought it, 0 for a direct commit.
	PullRequest int
}

// PullRequest is one change that was, or will be, reviewed.
type PullRequest struct {
	Number   int
	Title    string
	URL      string
	Author   string
	Base     string
	Labels   []string
	MergedAt time.Time // zero while it is open
}

// CommitLinker knows where a commit can be looked at.
type CommitLinker interface {
	// CommitURL is the page of a commit, "" when there is none.
	CommitURL(sha string) string
}
