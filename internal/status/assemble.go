package status

import (
	"cmp"
	"fmt"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// assembleStatus makes the answer of the facts. It is pure: the same facts give
// the same answer.
func assembleStatus(f facts) Status {
	s := Status{Project: f.project.Name, Environments: map[string]*Info{}, Sources: f.sources()}
	for _, e := range f.project.Environments {
		s.Order = append(s.Order, e.Name)
		s.Environments[e.Name] = f.info(e)
	}
	return s
}

// info is one environment; nil for a local one that neither runs nor reports.
func (f facts) info(e catalog.Environment) *Info {
	info := &Info{
		Name: e.Name, Kind: string(e.Kind), Lifecycle: LifecycleUnknown, Health: health.Unknown, Drift: DriftUnknown,
		ActiveUsersWindow: "1h", Notes: []Note{}, PullRequests: []PullRequest{}, HealthParts: []health.Part{}, Unknown: map[string]string{},
	}
	if e.URL != nil {
		info.URL = e.URL.String()
	}
	sample, probed := f.health[e.Name]
	if e.From.Mode == catalog.FromReport {
		if f.report == nil && (!probed || sample.Offline) {
			return nil
		}
		f.local(info, sample)
	} else {
		f.deployed(info, e)
	}
	f.healthOf(info, e, sample, probed)
	f.changesOf(info, e)
	f.countersOf(info, e)
	return info
}

// deployed fills in the build that the platform shows for the environment.
func (f facts) deployed(info *Info, e catalog.Environment) {
	if f.names.deployer == "" {
		info.unknownBuild("No deployment platform is configured for this project.")
		return
	}
	if e.From.Mode == catalog.FromLive {
		if !f.live.Known {
			info.unknownBuild(reason(f.names.deployer, *f.live))
			return
		}
		live := f.live.Value
		info.build(live.Deployment, f.linker)
		info.Lifecycle = LifecycleLive
		f.liveNotes(info, live)
		return
	}
	build := f.builds[e.Name]
	if !build.Known {
		info.unknownBuild(reason(f.names.deployer, build))
		return
	}
	d := build.Value
	info.build(d, f.linker)
	switch {
	case d.State != provider.Ready:
		info.Lifecycle = lifecycleOf(d.State)
	case e.From.Mode == catalog.FromStaged && d.Stage == provider.Staged:
		info.Lifecycle = LifecycleStaged
	default:
		info.Lifecycle = LifecycleLive // it is what the environment serves
	}
	f.newerBuild(info, e, d)
}

func lifecycleOf(s provider.State) Lifecycle {
	switch s {
	case provider.Queued, provider.Initializing, provider.Building:
		return LifecycleBuilding
	case provider.Failed, provider.Canceled, provider.Blocked:
		return LifecycleFailed
	default:
		return LifecycleUnknown
	}
}

// liveNotes says what a person must know of production's state.
func (f facts) liveNotes(info *Info, live provider.Live) {
	if live.Split {
		info.note("split", "The production domains do not all point at the same build: a switch is under way, or got stuck half way.")
		info.Lifecycle = LifecycleDeploying
	}
	if s := live.Switch; s != nil && (s.Status == "pending" || s.Status == "in-progress") {
		info.note("switching", "The platform is moving the production domains to another build.")
		info.Lifecycle = LifecycleDeploying
	}
	if live.RolledBack {
		info.note("rolled_back", "Production is pinned to an older build after a rollback: pushes to "+
			cmp.Or(live.ProductionBranch, "the production branch")+" do not go live until somebody promotes.")
	}
	if live.Rolling {
		info.note("rolling", "A gradual release is configured or under way: part of the traffic may see another build.")
	}
}

// newerBuild says that the environment's next build is on its way, or failed.
func (f facts) newerBuild(info *Info, e catalog.Environment, shown provider.Deployment) {
	if e.From.Mode != catalog.FromStaged || f.production == nil {
		return
	}
	for _, d := range f.production.Value.Items { // newest first
		if !d.CreatedAt.After(shown.CreatedAt) {
			return
		}
		switch lifecycleOf(d.State) {
		case LifecycleBuilding:
			info.note("building", "A newer build of "+short(d)+" is on its way.")
			return
		case LifecycleFailed:
			info.note("build_failed", "The newest build, of "+short(d)+", did not succeed.")
			return
		}
	}
}

func short(d provider.Deployment) string {
	return cmp.Or(hostile.Short(d.Commit), "an upload")
}

// local fills in a working copy from its report and what it answers.
func (f facts) local(info *Info, sample health.Sample) {
	info.Lifecycle = LifecycleOffline
	if sample.Verdict != "" && !sample.Offline {
		info.Lifecycle = LifecycleRunning
	}
	const why = "A working copy is not deployed."
	info.unknown(why, "deployedAt", "deployedBy", "deploymentId", "deploymentUrl", "inspectorUrl")
	if r := f.report; r != nil {
		info.Report = r
		info.commit(r.Commit, f.linker)
		info.Branch, info.CommitMessage = known(r.Branch), known(r.Message)
	} else {
		info.commit(sample.Commit, nil)
		info.Branch = known(sample.Branch)
	}
	const silent = "The working copy has not said. Run \"envdeck dev\" beside it."
	info.because("commit", info.Commit == nil, silent)
	info.because("commitMessage", info.CommitMessage == nil, silent)
	info.because("branch", info.Branch == nil, silent)
}

func (f facts) healthOf(info *Info, e catalog.Environment, sample health.Sample, probed bool) {
	switch {
	case e.HealthURL() == nil:
		info.unknown("No health endpoint is configured for this environment.", "health", "healthCheckedAt", "uptime")
		return
	case !probed:
		info.unknown("It has not been probed yet.", "health", "healthCheckedAt", "uptime")
		return
	}
	day, known24h := f.days[e.Name]
	info.Uptime = uptimeOf(day, known24h, f.now)
	info.because("uptime", info.Uptime == nil, "What was found before envdeck started is being read.")
	info.Health, info.HealthReason = sample.Verdict, known(sample.Reason)
	info.HealthCheckedAt, info.HealthPhases = &sample.At, &sample.Phases
	if sample.Parts != nil {
		info.HealthParts = sample.Parts
	}
	if sample.Verdict == health.Unknown {
		info.because("health", true, cmp.Or(sample.Reason, "The probe could not tell."))
	}
	served := hostile.Commit(sample.Commit)
	if served == "" {
		info.unknown("The app does not say which commit it serves.", "servedCommit")
		return
	}
	info.ServedCommit = known(served)
	switch {
	case info.CommitSHA == nil:
		return
	case samePrefix(served, *info.CommitSHA):
		info.Drift = DriftNone
	default:
		info.Drift = DriftServed
	}
}

// samePrefix compares two hashes of which one may be abbreviated.
func samePrefix(a, b string) bool {
	n := min(len(a), len(b))
	return n >= 7 && a[:n] == b[:n]
}

func (f facts) changesOf(info *Info, e catalog.Environment) {
	fields := []string{"prsIncluded", "commitsAhead", "commitsBehind"}
	if e.From.Mode == catalog.FromReport {
		info.unknown("A working copy is not compared with production.", fields...)
		if f.report != nil && f.report.PullRequest > 0 {
			info.PRsIncluded = &[]string{fmt.Sprintf("#%d", f.report.PullRequest)}
			delete(info.Unknown, "prsIncluded")
		}
		return
	}
	if f.names.comparer == "" {
		info.unknown("No code host is configured for this project.", fields...)
		return
	}
	c := f.changes[e.Name]
	if !c.Known || c.Value.Head != deref(info.CommitSHA) {
		why := "The commits are being compared."
		if c.Err != nil {
			why = reason(f.names.comparer, c)
		}
		info.unknown(why, fields...)
		return
	}
	if e.From.Mode == catalog.FromLive {
		zero := 0 // production stands level with itself
		info.CommitsAhead, info.CommitsBehind = &zero, &zero
	} else {
		info.CommitsAhead, info.CommitsBehind = &c.Value.Ahead, &c.Value.Behind
	}
	if c.Value.PullRequestsUnknown != "" {
		info.unknown(c.Value.PullRequestsUnknown, "prsIncluded")
		return
	}
	prs := []string{}
	for _, p := range c.Value.PullRequests {
		title := hostile.FirstLine(p.Title, hostile.TitleLimit)
		prs = append(prs, fmt.Sprintf("#%d %s", p.Number, title))
		info.PullRequests = append(info.PullRequests, PullRequest{
			Number: p.Number, Title: title, URL: hostile.Link(p.URL), Author: hostile.Line(p.Author, hostile.NameLimit),
		})
	}
	info.PRsIncluded = &prs
}

func (f facts) countersOf(info *Info, e catalog.Environment) {
	f.errorsOf(info, e)
	switch {
	case e.Kind != catalog.Production:
		info.unknown("Visitors are counted in production only.", "activeUsers")
	case f.visitors == nil:
		info.unknown("Nothing that counts visitors is configured for this project.", "activeUsers")
	case !f.visitors.Known:
		info.unknown(reason(f.names.visitors, *f.visitors), "activeUsers")
	default:
		info.ActiveUsers = &f.visitors.Value
	}
}

// reason says why a fact is not there.
func reason[T any](source string, f cache.Fact[T]) string {
	if f.Err != nil {
		return f.Err.Message
	}
	return "Waiting for the first answer of " + source + "."
}

// unknownBuild says that nothing is known of the build, and why.
func (i *Info) unknownBuild(why string) {
	i.unknown(why, "commit", "commitMessage", "branch", "deployedAt", "deployedBy", "deploymentId")
}

// build fills in what is known of a build.
func (i *Info) build(d provider.Deployment, linker provider.CommitLinker) {
	i.commit(d.Commit, linker)
	i.CommitMessage = known(hostile.FirstLine(d.Message, hostile.TitleLimit))
	i.Branch = known(hostile.Line(d.Branch, hostile.NameLimit))
	i.DeployedAt = moment(d.CreatedAt)
	i.DeployedBy = known(hostile.Line(cmp.Or(d.Creator, d.Author), hostile.NameLimit))
	i.DeploymentID = known(d.ID)
	i.DeploymentURL, i.InspectorURL = known(hostile.Link(d.URL)), known(hostile.Link(d.InspectorURL))
	const upload = "This build was not made from a commit."
	i.because("commit", i.Commit == nil, upload)
	i.because("commitMessage", i.CommitMessage == nil, upload)
	i.because("branch", i.Branch == nil, upload)
	i.because("deployedBy", i.DeployedBy == nil, "The platform does not say who made this build.")
}

func (i *Info) commit(sha string, linker provider.CommitLinker) {
	sha = hostile.Commit(sha)
	if sha == "" {
		return
	}
	i.Commit, i.CommitSHA = known(hostile.Short(sha)), known(sha)
	if linker != nil {
		i.CommitURL = known(hostile.Link(linker.CommitURL(sha)))
	}
}

func (i *Info) note(code, text string) { i.Notes = append(i.Notes, Note{Code: code, Text: text}) }

func (i *Info) unknown(why string, fields ...string) {
	for _, f := range fields {
		i.Unknown[f] = why
	}
}

func (i *Info) because(field string, missing bool, why string) {
	if missing {
		i.Unknown[field] = why
	}
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
