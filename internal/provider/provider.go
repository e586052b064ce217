// Package provider is the contract between envdeck and the outside services:
// what a service may be able to do, said as small interfaces, and the words
// its facts are translated into.
//
// A service says that it can do something by implementing an interface; who
// needs the ability asks for it with Find. Nothing here knows a vendor. The
// rooms below this one know one vendor each and nothing of each other.
//
// Every method may fail with a *fault.Error whose Provider is set and whose
// message is built from the status and the vendor's error code alone, never
// from the text of an answer.
package provider

import (
	"context"
	"errors"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
)

// Deployer is a platform that builds the app and serves it.
type Deployer interface {
	// Live says what the production domains point at right now.
	// fault.NotFound: nothing was ever deployed there.
	Live(ctx context.Context) (Live, error)
	// Newest is the newest build that can be shown for a source of the modes
	// staged, custom and branch. fault.NotFound: there is none.
	Newest(ctx context.Context, from catalog.Source) (Deployment, error)
	// Deployments lists builds, newest first.
	Deployments(ctx context.Context, q DeploymentQuery) (DeploymentList, error)
	// Deployment reads one build by its id or host name.
	Deployment(ctx context.Context, id string) (Deployment, error)
}

// VisitorCounter can say how many people were on the site.
type VisitorCounter interface {
	// Visitors counts distinct visitors of production between two times.
	// fault.Unsupported: the platform does not measure this project.
	Visitors(ctx context.Context, since, until time.Time) (int64, error)
}

// Comparer knows the history of the code.
type Comparer interface {
	// Compare says what lies between two commits, given as full hashes.
	// fault.NotFound: one of them is gone (a forced push).
	Compare(ctx context.Context, base, head string) (Comparison, error)
}

// PullRequestFinder finds the open pull request of a branch.
type PullRequestFinder interface {
	// PullRequestOf answers the newest open pull request whose head is the
	// branch. fault.NotFound: there is none.
	PullRequestOf(ctx context.Context, branch string) (PullRequest, error)
}

// Checker can say whether its credentials and names are right.
type Checker interface {
	// Check makes the cheapest call that proves token, scope and names. The
	// fault's message says what is missing and how to mend it.
	Check(ctx context.Context) error
}

// Provider is one service opened for one project.
type Provider struct {
	Name string // "vercel"; also the name of its facts in every answer
	API  any    // implements the interfaces of what it can do
}

// Set is the services of one project, in the order of the configuration.
type Set []Provider

// Find is the first service that can do T, and its name.
func Find[T any](set Set) (T, string, bool) {
	for _, p := range set {
		if api, ok := p.API.(T); ok {
			return api, p.Name, true
		}
	}
	var none T
	return none, "", false
}

// OutcomeUnknown says of a failed write that the vendor may have carried it
// out all the same: the answer was lost, or said nothing certain. Such a write
// is never sent again before the vendor's own state was read.
func OutcomeUnknown(err error) bool {
	w, ok := errors.AsType[interface {
		error
		OutcomeUnknown() bool
	}](err)
	return ok && w.OutcomeUnknown()
}
