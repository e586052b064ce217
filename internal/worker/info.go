package worker

import (
	"time"

	"github.com/envdeck/envdeck/internal/status"
)

// Workers answers how the workers stand: the body of GET workers.
type Workers struct {
	Project string   `json:"project"`
	Workers []Worker `json:"workers" nullable:"false"`
	// Incomplete says why there may be more workers than these.
	Incomplete string `json:"incomplete,omitempty" doc:"Why there may be more Workers than these."`
	// LastUpdated is when anything in here last changed.
	LastUpdated time.Time       `json:"lastUpdated"`
	Sources     []status.Source `json:"sources" nullable:"false"`
}

// Stamp answers a copy that says when it last changed.
func (w Workers) Stamp(at time.Time) Workers { w.LastUpdated = at; return w }

// Worker is one program. A pointer or list that is nil is a fact that could not
// be had: Unknown says why, under the field's name.
type Worker struct {
	Name         string     `json:"name" doc:"As the configuration calls it."`
	ScriptName   string     `json:"scriptName"`
	LastDeployed *time.Time `json:"lastDeployed"`
	Routes       []string   `json:"routes" doc:"Where it can be reached; null: not known."`
	Stats        Traffic    `json:"stats"`

	DeploymentID *string `json:"deploymentId"`
	DeployedBy   *string `json:"deployedBy"`
	DeployedWith *string `json:"deployedWith" doc:"The client that made the deployment."`
	Trigger      *string `json:"trigger" doc:"What the deployment came from, in the platform's word: upload, rollback, …"`
	Message      *string `json:"message" doc:"What whoever deployed it wrote."`
	// Serving is the versions that have traffic: two while one goes live
	// gradually.
	Serving []Share `json:"serving" doc:"The versions that have traffic; two while one goes live gradually. null: not known."`
	// Hours are the whole hours of the last day and the one under way, oldest
	// first; an hour without traffic is there with zeros.
	Hours []Hour `json:"hours" doc:"Traffic by the hour, oldest first; the last hour is not over. null: not known."`

	Notes   []status.Note     `json:"notes" nullable:"false"`
	Unknown map[string]string `json:"unknown" doc:"Why a field is null, by its name."`
}

// Traffic is a day of a worker.
type Traffic struct {
	Requests24h *int64   `json:"requests24h"`
	Errors24h   *int64   `json:"errors24h" doc:"Invocations that ended in an exception, at a limit or in an error of the platform. A 500 that the Worker itself answered is not one."`
	ErrorRate   *float64 `json:"errorRate" doc:"Percent of the requests; null without any."`
	P50Latency  *float64 `json:"p50Latency" doc:"Milliseconds from start to end; null without traffic."`
	P99Latency  *float64 `json:"p99Latency"`
	CPUTimeAvg  *float64 `json:"cpuTimeAvg" doc:"Milliseconds of processor time per request."`
	// Flow says at a glance what the numbers mean.
	Flow Flow `json:"flow" enum:"some,none,unknown" doc:"none: counted, and there was nothing."`
	// Sampled says that the numbers are estimates from a sample.
	Sampled bool `json:"sampled" doc:"The counts are estimates from a sample."`
}

// Flow is whether a worker had traffic.
type Flow string

// The flows.
const (
	FlowSome    Flow = "some"
	FlowNone    Flow = "none"
	FlowUnknown Flow = "unknown"
)

// Share is a version with its part of the traffic.
type Share struct {
	VersionID string     `json:"versionId"`
	Percent   float64    `json:"percent"`
	Number    *int       `json:"number" doc:"null: not known."`
	Tag       *string    `json:"tag" doc:"What whoever uploaded it called it, often a commit."`
	Message   *string    `json:"message"`
	Author    *string    `json:"author"`
	CreatedAt *time.Time `json:"createdAt" doc:"When it was uploaded."`
}

// Hour is one hour of traffic.
type Hour struct {
	At       time.Time `json:"at"`
	Requests int64     `json:"requests"`
	Errors   int64     `json:"errors"`
}

// History is one worker with what it was before: the body of GET
// workers/{name}.
type History struct {
	Worker
	Rollouts []Rollout       `json:"deployments" doc:"The last deployments, newest first; null: not known."`
	Versions []Version       `json:"versions" doc:"The versions that can be deployed, newest first; null: not known."`
	Triggers []Trigger       `json:"triggers" doc:"When the platform starts it by itself; null: not known."`
	Sources  []status.Source `json:"sources" nullable:"false"`
}

// Rollout is one deployment.
type Rollout struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	By        string    `json:"by"`
	With      string    `json:"with"`
	Trigger   string    `json:"trigger"`
	Message   string    `json:"message"`
	Versions  []Share   `json:"versions" nullable:"false"`
	Live      bool      `json:"live"`
}

// Version is one upload.
type Version struct {
	ID        string    `json:"id"`
	Number    int       `json:"number"`
	Tag       string    `json:"tag"`
	Message   string    `json:"message"`
	Author    string    `json:"author"`
	With      string    `json:"with"`
	CreatedAt time.Time `json:"createdAt"`
	Percent   float64   `json:"percent" doc:"Of the traffic, now."`
}

// Trigger is one time at which it starts by itself.
type Trigger struct {
	Schedule string     `json:"schedule"`
	Human    string     `json:"scheduleHuman" doc:"In words; empty where the expression cannot be read."`
	NextRun  *time.Time `json:"nextRun"`
	Problem  string     `json:"problem,omitempty" doc:"Why the expression cannot be read."`
}
