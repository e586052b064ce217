package provider

import (
	"context"
	"time"
)

// DeployRecorder keeps a record of which version went to which environment.
//
// Sentry: POST /api/0/organizations/{org}/releases/ and …/{version}/deploys/.
type DeployRecorder interface {
	// EnsureVersion makes sure that the version is known and has been released;
	// doing it twice is doing it once.
	EnsureVersion(ctx context.Context, version string, released time.Time) error
	// Deploys reads the record of a version. fault.NotFound: it is not known.
	Deploys(ctx context.Context, version string) (DeployRecord, error)
	// RecordDeploy records one, once: the recorder does not know a second call
	// from a second deploy. OutcomeUnknown(err): it may be there all the same.
	RecordDeploy(ctx context.Context, version string, d Deploy) error
	// CheckRecording proves, without recording anything, that the token may. The
	// fault's message says what is missing.
	CheckRecording(ctx context.Context) error
}

// DeployRecord is what a recorder knows of a version.
type DeployRecord struct {
	// Count is how many deploys were ever recorded.
	Count int64
	// Last are the newest of each environment; older ones are not shown.
	Last []Deploy
}

// Deploy is one version put into one environment.
type Deploy struct {
	Environment string // by the recorder's own name
	Name        string // at most 64 characters
	URL         string // https, or ""
	StartedAt   time.Time
	FinishedAt  time.Time
}
