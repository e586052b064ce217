package release

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// WorkerTarget is the program beside the app that an operation takes back. Its
// operation is a rollback of the environment "worker/<name>", which no
// environment of a configuration can be called, so that one at a time runs on
// each Worker as one does on each environment.
type WorkerTarget struct {
	Name   string `json:"name" doc:"As the configuration calls it."`
	Script string `json:"script"`
	// Deployment is what served when the operation looked; the switch is only
	// sent while it still does.
	Deployment string         `json:"deploymentId,omitempty" doc:"The deployment that served when it began."`
	Serving    []VersionShare `json:"serving" nullable:"false" doc:"The versions that had its traffic when it began; two while one went live gradually."`
}

// VersionShare is a version's part of a Worker's traffic.
type VersionShare struct {
	VersionID string  `json:"versionId"`
	Percent   float64 `json:"percent"`
}

// workerEnvironment is where an operation on a Worker happens.
func workerEnvironment(name string) string { return "worker/" + name }

// workerStages is the machine of an operation on a Worker. There is no site to
// ask and nothing to bake: what serves is what the platform says that it is.
var workerStages = map[Phase]stage{
	Requested:  {time.Minute, Failed, CauseStuck, []Phase{Preflight, Cancelled, Failed}},
	Preflight:  {preflightLimit, Failed, CauseUnreadable, []Phase{Switching, Refused, Cancelled, Failed}},
	Switching:  {switchLimit, NeedsHuman, CauseNotSwitched, []Phase{Confirming, Refused, Cancelled, Failed, Superseded, NeedsHuman}},
	Confirming: {confirmLimit, NeedsHuman, CauseNotProven, []Phase{Succeeded, Superseded, NeedsHuman}},
}

// stages is the table of the operation's phases.
func (o *Operation) stages() map[Phase]stage {
	if o.Worker != nil {
		return workerStages
	}
	return stages
}

// act is what the operation does, in the audit log.
func (o *Operation) act() string {
	if o.Worker != nil {
		return "worker_rollback"
	}
	return string(o.Action)
}

// WorkerCandidate is a version that a Worker could go back to, or why not.
type WorkerCandidate struct {
	Version  Build  `json:"version"`
	Possible bool   `json:"possible" doc:"A rollback to it would be accepted now."`
	Why      string `json:"why" doc:"Why it is possible, or why it is not."`
	// Default is the one that a rollback without a version goes to.
	Default bool `json:"default"`
	// Served is when it was last given traffic, nil when that is not listed.
	Served *time.Time `json:"served" doc:"When it was last given traffic. null: not among the deployments that the platform still lists."`
}

// workerFacts are what a decision about a Worker rests on, all read just now.
type workerFacts struct {
	deployments []provider.WorkerDeployment // newest first; the first one serves
	versions    []provider.WorkerVersion    // those that can be deployed, newest first
	bad         map[string]bool             // versions that were taken back
}

func (f workerFacts) live() provider.WorkerDeployment { return f.deployments[0] }

// whole is the version that has all of the traffic, "" while it is split.
func whole(d provider.WorkerDeployment) string {
	if len(d.Shares) == 1 {
		return d.Shares[0].VersionID
	}
	return ""
}

// candidates lists every version that it could go back to: first those that
// the platform still lists as having served, newest first, then the others.
func (f workerFacts) candidates() []WorkerCandidate {
	all := f.served()
	listed := map[string]bool{whole(f.live()): true}
	for _, c := range all {
		listed[c.Version.ID] = true
	}
	newest := f.newestServing()
	var newer []WorkerCandidate
	for _, v := range f.versions {
		c := WorkerCandidate{Version: *versionBuild(v)}
		switch {
		case listed[v.ID]:
		case v.CreatedAt.Before(newest):
			c.Possible, c.Why = true, "It is older than what serves. The platform does not list its deployment any more, so nobody can tell here whether it ever had traffic."
			all = append(all, c)
		default:
			c.Why = "It is not older than what serves and was never seen with all of the traffic: this only goes back. Deploy it with your own tools."
			newer = append(newer, c)
		}
	}
	if i := slices.IndexFunc(all, func(c WorkerCandidate) bool { return c.Possible && c.Served != nil && !f.bad[c.Version.ID] }); i >= 0 {
		all[i].Default = true
	}
	return append(all, newer...)
}

// served is the versions of the deployments before the one that serves.
func (f workerFacts) served() []WorkerCandidate {
	all := []WorkerCandidate{}
	seen := map[string]bool{whole(f.live()): true}
	for _, d := range f.deployments[1:] {
		// A part of the traffic is a trial and no proof: a version counts where
		// it had all of it.
		id := whole(d)
		if id == "" || seen[id] {
			continue
		}
		seen[id] = true
		c := WorkerCandidate{Version: f.version(id), Served: new(d.CreatedAt), Possible: true, Why: "It served before."}
		switch {
		case !f.deployable(id):
			c.Possible, c.Why = false, "It served before, and cannot be deployed any more: the platform keeps only the newest versions."
		case f.bad[id]:
			c.Why = "It served before, and was taken back: it may be as bad now."
		case len(all) == 0:
			c.Why = "It served just before."
		}
		if p := percentOf(f.live(), id); p > 0 && c.Possible {
			c.Why += " It has " + percent(p) + " of the traffic now."
		}
		all = append(all, c)
	}
	return all
}

// newestServing is when the newest of the versions that serve was uploaded. A
// version of which that is not known is taken to be as old as its deployment.
func (f workerFacts) newestServing() time.Time {
	var newest time.Time
	for _, s := range f.live().Shares {
		at := f.version(s.VersionID).CreatedAt
		if at.IsZero() {
			at = f.live().CreatedAt
		}
		if at.After(newest) {
			newest = at
		}
	}
	return newest
}

func (f workerFacts) deployable(id string) bool {
	return slices.ContainsFunc(f.versions, func(v provider.WorkerVersion) bool { return v.ID == id })
}

// version is a version with what is known of it.
func (f workerFacts) version(id string) Build {
	if i := slices.IndexFunc(f.versions, func(v provider.WorkerVersion) bool { return v.ID == id }); i >= 0 {
		return *versionBuild(f.versions[i])
	}
	return Build{ID: id}
}

func versionBuild(v provider.WorkerVersion) *Build {
	return &Build{ID: v.ID, Number: v.Number, Tag: v.Tag, Message: v.Message, Author: v.Author, CreatedAt: v.CreatedAt}
}

// judgeWorker picks the version that is asked for, or says why it may not be.
func judgeWorker(ask Ask, f workerFacts, worker string) (Build, *refusal) {
	live := f.live()
	if e := ask.ExpectedCurrent; e != "" && e != live.ID && e != whole(live) {
		return Build{}, no(CauseMoved, "Worker %s has changed since you looked: it serves %s now, and you expected %s. Look again, then decide.", worker, sharesText(live.Shares), hostile.Line(e, 100))
	}
	all := f.candidates()
	if ask.DeploymentID == "" {
		if i := slices.IndexFunc(all, func(c WorkerCandidate) bool { return c.Default }); i >= 0 {
			return all[i].Version, nil
		}
		return Build{}, no(CauseNoTarget, "There is no version that Worker %s could go back to by itself: none that can still be deployed had all of its traffic before, or all of those were taken back. Name one.", worker)
	}
	if ask.DeploymentID == whole(live) {
		return Build{}, no(CauseAlreadyLive, "Version %s is what Worker %s serves already.", ask.DeploymentID, worker)
	}
	i := slices.IndexFunc(all, func(c WorkerCandidate) bool { return c.Version.ID == ask.DeploymentID })
	switch {
	case i < 0:
		return Build{}, no(CauseNotFound, "Worker %s has no version %s that can be deployed.", worker, hostile.Line(ask.DeploymentID, 100))
	case !all[i].Possible && all[i].Served != nil:
		return Build{}, no(CauseNotKept, "Worker %s cannot go back to %s. %s", worker, ask.DeploymentID, all[i].Why)
	case !all[i].Possible:
		return Build{}, no(CauseNeverLive, "Worker %s cannot go back to %s. %s", worker, ask.DeploymentID, all[i].Why)
	}
	return all[i].Version, nil
}

// takenBack is the versions that were gone back from: by operations of this
// Worker, and by the platform's own rollback that is live now.
func takenBack(ops []Operation, deployments []provider.WorkerDeployment) map[string]bool {
	bad := historyOf(ops).bad
	if len(deployments) > 1 && deployments[0].Trigger == "rollback" {
		bad[whole(deployments[1])] = true
	}
	return bad
}

func percentOf(d provider.WorkerDeployment, version string) float64 {
	for _, s := range d.Shares {
		if s.VersionID == version {
			return s.Percent
		}
	}
	return 0
}

func percent(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) + " %" }

// sharesText is what serves, in words: one version, or each with its share.
func sharesText(shares []provider.WorkerShare) string {
	if len(shares) == 1 && shares[0].Percent == 100 {
		return shares[0].VersionID
	}
	var parts []string
	for _, s := range shares {
		parts = append(parts, percent(s.Percent)+" "+s.VersionID)
	}
	return strings.Join(parts, " and ")
}

func workerShares(shares []provider.WorkerShare) []VersionShare {
	all := make([]VersionShare, 0, len(shares))
	for _, s := range shares {
		all = append(all, VersionShare(s))
	}
	return all
}

func providerShares(shares []VersionShare) []provider.WorkerShare {
	all := make([]provider.WorkerShare, 0, len(shares))
	for _, s := range shares {
		all = append(all, provider.WorkerShare(s))
	}
	return all
}

// sameShares says that two deployments give the same versions the same parts.
func sameShares(a, b []provider.WorkerShare) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s provider.WorkerShare) bool { return !slices.Contains(b, s) })
}

// versionName is a version for people.
func versionName(b *Build) string {
	switch {
	case b == nil:
		return "not known"
	case b.Number > 0 && b.Tag != "":
		return fmt.Sprintf("version %d, %s (%s)", b.Number, hostile.Line(b.Tag, 40), b.ID)
	case b.Number > 0:
		return fmt.Sprintf("version %d (%s)", b.Number, b.ID)
	}
	return "version " + b.ID
}
