package provider

import (
	"context"
	"time"
)

// WorkerLister knows which programs run beside the app at the edge.
//
// Cloudflare: GET /accounts/{account}/workers/scripts.
type WorkerLister interface {
	// NamedWorkers are the scripts that the configuration names, by the name
	// that people see; empty when it names none, which stands for all of them.
	NamedWorkers() map[string]string
	// WorkerScripts lists every script that the token may see.
	WorkerScripts(ctx context.Context) ([]WorkerScript, error)
}

// WorkerScript is one program.
type WorkerScript struct {
	Name       string
	ModifiedAt time.Time // settings and secrets move it too: no deployment's time
}

// WorkerReader knows what of a script serves, and what there is beside it.
//
// Cloudflare: GET …/scripts/{script}/deployments, …/versions and …/schedules.
type WorkerReader interface {
	// WorkerDeployments lists a script's deployments, newest first: the first
	// one serves. fault.NotFound: there is no such script.
	WorkerDeployments(ctx context.Context, script string) ([]WorkerDeployment, error)
	// WorkerVersions lists the versions that can still be deployed, newest
	// first, and those of serving too, however old they are.
	WorkerVersions(ctx context.Context, script string, serving []string) ([]WorkerVersion, error)
	// WorkerTriggers are the times at which the platform starts a script by
	// itself, in its own dialect of cron.
	WorkerTriggers(ctx context.Context, script string) ([]WorkerTrigger, error)
}

// WorkerDeployment says which versions get which share of a script's traffic.
type WorkerDeployment struct {
	ID        string
	CreatedAt time.Time
	Author    string // an address or a name, "" when nobody said
	Source    string // the client that made it: wrangler, dash, api
	Trigger   string // upload, rollback, promotion, secret, …; "" when nobody said
	Message   string
	// Shares are never empty: one of 100 %, or two while it goes live gradually.
	Shares []WorkerShare
}

// WorkerShare is a version's part of the traffic.
type WorkerShare struct {
	VersionID string
	Percent   float64
}

// WorkerVersion is one upload of a script.
type WorkerVersion struct {
	ID        string
	Number    int // 0 when nobody said
	CreatedAt time.Time
	Author    string
	Source    string
	Tag       string // what whoever uploaded it called it, often a commit
	Message   string
}

// WorkerTrigger is one time at which a script is started.
type WorkerTrigger struct {
	Schedule   string
	ModifiedAt time.Time
}

// WorkerRouter knows where scripts can be reached.
//
// Cloudflare: the routes of the zones, the custom domains, and workers.dev.
type WorkerRouter interface {
	// WorkerRoutes gathers where the scripts can be reached.
	WorkerRoutes(ctx context.Context, scripts []string) (WorkerRoutes, error)
}

// WorkerRoutes is where scripts can be reached. Addresses come as https://…,
// patterns of routes as they are written.
type WorkerRoutes struct {
	ByScript map[string][]string
	// Incomplete says why there may be more, "" when this is all.
	Incomplete string
}

// WorkerCounter knows how much traffic scripts had.
//
// Cloudflare: POST /graphql, workersInvocationsAdaptive.
type WorkerCounter interface {
	// WorkerTraffic counts the last day of every script in one question.
	WorkerTraffic(ctx context.Context) (WorkerTraffic, error)
}

// WorkerTraffic is the traffic of a day. The newest minutes are left out: they
// are not counted to the end yet.
type WorkerTraffic struct {
	From, To time.Time
	// ByScript has no entry for a script without traffic.
	ByScript map[string]WorkerDay
	// Truncated says that there were more scripts than fit: a script without an
	// entry may have had traffic all the same.
	Truncated bool
	// HoursUnknown says why there are no hours, "" when there are.
	HoursUnknown string
}

// WorkerDay is a script's day. What the platform did not say is nil.
type WorkerDay struct {
	Requests int64
	// Errors are invocations that ended badly: an exception, a limit, the
	// platform's own error. A 500 that the script itself answered is none.
	Errors   int64
	WallP50  *time.Duration // time from start to end, waiting included
	WallP99  *time.Duration
	CPU      *time.Duration // processor time per request, on average
	Sampled  bool           // the counts are estimates from a sample
	Canceled int64          // requests whose caller went away
	Hours    []WorkerHour   // oldest first; an hour without traffic is missing
}

// WorkerHour is one hour of a script's day.
type WorkerHour struct {
	At               time.Time
	Requests, Errors int64
}

// WorkerDeployer gives a script's traffic to versions that were uploaded.
//
// Cloudflare: POST …/scripts/{script}/deployments.
type WorkerDeployer interface {
	WorkerReader
	// DeployWorker asks once; message is kept by the platform. force carries it
	// out although a secret has changed since a version was uploaded.
	// OutcomeUnknown(err): it may have been taken all the same. fault.Conflict:
	// it needs force. fault.NotFound: the script or a version is gone.
	DeployWorker(ctx context.Context, script string, shares []WorkerShare, message string, force bool) (WorkerDeployment, error)
}
