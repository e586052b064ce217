package world

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Deployment is one build and what became of it.
type Deployment struct {
	ID     string // dpl_…
	Name   string
	Host   string // its own host name, without scheme
	Target Target
	EnvID  string // custom environment, "" for none

	SHA       string
	Branch    string
	PR        int
	Dirty     bool   // uploaded from a changed working copy
	Source    Source // how it was asked for
	RebuildOf string // id of the deployment it was rebuilt from
	Creator   *Person
	Meta      map[string]string // sent by whoever created it

	State      BuildState
	Substate   Substate // of READY production builds
	AutoAssign bool     // production domains move by themselves when it is ready

	CreatedAt, BuildingAt, ReadyAt, CanceledAt time.Time
	FirstLiveAt                                time.Time // zero: never had production
	AliasedAt                                  time.Time // zero: no alias yet
	ErrorCode, ErrorMessage, ErrorStep         string
	AliasError                                 string

	Ills     []Ill // what goes wrong with it once it serves, wherever
	LiveIlls []Ill // what goes wrong with it only in production

	index int
	build time.Duration
	fails bool
}

// Target is the environment a deployment was built for.
type Target string

// Targets; a custom environment's builds have Preview and an EnvID.
const (
	Production Target = "production"
	Preview    Target = "preview"
)

// BuildState is the state of the build.
type BuildState string

// Build states.
const (
	Queued       BuildState = "QUEUED"
	Initializing BuildState = "INITIALIZING"
	Building     BuildState = "BUILDING"
	Ready        BuildState = "READY"
	Failed       BuildState = "ERROR"
	Canceled     BuildState = "CANCELED"
	Blocked      BuildState = "BLOCKED"
)

// Substate says whether a READY production build has seen traffic.
type Substate string

// Substates.
const (
	Staged   Substate = "STAGED"
	Rolling  Substate = "ROLLING"
	Promoted Substate = "PROMOTED"
)

// Source is how a deployment was asked for.
type Source string

// Sources.
const (
	FromGit      Source = "git"
	FromCLI      Source = "cli"
	FromRedeploy Source = "redeploy"
	FromAPI      Source = "api-trigger-git-deploy"
)

// Ended says whether the build will not change any more.
func (d *Deployment) Ended() bool {
	return d.State == Ready || d.State == Failed || d.State == Canceled
}

// Deployments lists all, newest first.
func (s *State) Deployments() []*Deployment {
	out := slices.Clone(s.deployments)
	slices.Reverse(out)
	return out
}

// Deployment finds one by id, by its own host or by any alias (with or
// without a scheme).
func (s *State) Deployment(idOrHost string) *Deployment {
	if d := s.byID[idOrHost]; d != nil {
		return d
	}
	host := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(idOrHost, "https://"), "http://"), "/")
	if a := s.aliases[host]; a != nil {
		return s.byID[a.DeploymentID]
	}
	for _, d := range s.deployments {
		if d.Host == host || strings.TrimPrefix(d.ID, "dpl_") == host {
			return d
		}
	}
	return nil
}

// BuildRequest is what CreateDeployment needs.
type BuildRequest struct {
	SHA        string // required
	Branch     string
	PR         int
	Target     Target // "" is Preview
	EnvID      string
	Source     Source // "" is FromGit
	Creator    *Person
	RebuildOf  string
	Meta       map[string]string
	Dirty      bool
	AutoAssign *bool // nil: as the project says
}

// CreateDeployment queues a build; it goes on by itself as time passes.
func (s *State) CreateDeployment(r BuildRequest) (*Deployment, error) {
	c := s.Commit(r.SHA)
	if c == nil {
		return nil, fmt.Errorf("%w: commit %q", ErrNotFound, r.SHA)
	}
	d := s.newDeployment(r, c)
	s.plan(d)
	s.emit(Event{At: s.now, Kind: DeploymentCreated, Deployment: d.ID})
	return d, nil
}

// newDeployment makes the record, created now and QUEUED.
func (s *State) newDeployment(r BuildRequest, c *Commit) *Deployment {
	n := s.serial("deployment")
	d := &Deployment{
		ID: "dpl_" + s.Token(28, "dpl", n), Name: s.Project.Name,
		Host:   fmt.Sprintf("%s-%s-%s.vercel.app", s.Project.Name, s.lower(9, "host", n), s.Team.Slug),
		Target: cmp.Or(r.Target, Preview), EnvID: r.EnvID,
		SHA: c.SHA, Branch: r.Branch, PR: r.PR, Dirty: r.Dirty, Source: cmp.Or(r.Source, FromGit),
		RebuildOf: r.RebuildOf, Creator: r.Creator, Meta: r.Meta,
		State: Queued, CreatedAt: s.now, AutoAssign: s.Project.AutoAssign,
		index: len(s.deployments),
		build: s.Between(48*time.Second, 130*time.Second, "build", n),
	}
	if d.Creator == nil {
		d.Creator = c.Author
	}
	if r.AutoAssign != nil {
		d.AutoAssign = *r.AutoAssign
	}
	s.deployments = append(s.deployments, d)
	s.byID[d.ID] = d
	return d
}

// plan walks a queued build through its states.
func (s *State) plan(d *Deployment) {
	if s.Knobs.Build.Duration > 0 {
		d.build = s.Knobs.Build.Duration
	}
	if s.Knobs.Build.Fail {
		d.fails = true
	}
	d.Ills = append(d.Ills, s.Knobs.Build.Ills...)
	if s.Knobs.Build.Once {
		s.Knobs.Build = BuildKnob{}
	}
	wait := s.Between(900*time.Millisecond, 4*time.Second, "queue", d.ID)
	s.After(wait, func(s *State) {
		if d.State == Queued {
			d.State = Initializing
			s.After(1200*time.Millisecond, func(s *State) { s.startBuilding(d) })
		}
	})
}

func (s *State) startBuilding(d *Deployment) {
	if d.State != Initializing {
		return
	}
	d.State, d.BuildingAt = Building, s.now
	s.After(d.build, func(s *State) { s.finishBuild(d) })
}

func (s *State) finishBuild(d *Deployment) {
	if d.State != Building {
		return
	}
	if d.fails {
		s.failBuild(d)
		s.emit(Event{At: s.now, Kind: DeploymentError, Deployment: d.ID})
		return
	}
	d.State, d.ReadyAt = Ready, s.now
	s.aliasReady(d)
	s.emit(Event{At: s.now, Kind: DeploymentReady, Deployment: d.ID})
	if d.Target == Production && d.AutoAssign {
		// A rollback may have pinned production while this was being built.
		if s.Project.AutoAssign && s.activeJob() == nil {
			_ = s.startJob(JobPromote, d, d.Creator, "")
		}
	}
}

func (s *State) failBuild(d *Deployment) {
	d.State, d.ReadyAt = Failed, time.Time{}
	d.ErrorCode, d.ErrorStep = "BUILD_UTILS_SPAWN_1", "buildStep"
	d.ErrorMessage = `Command "yarn build" exited with 1`
}

// aliasReady gives a finished build its automatic aliases.
func (s *State) aliasReady(d *Deployment) {
	if d.Branch != "" && d.Source != FromCLI {
		s.point(s.branchAlias(d.Branch), d)
	}
	if d.EnvID != "" {
		s.point(s.Project.CustomEnv.Domain, d)
	}
	if d.Target == Production {
		d.Substate = Staged
		s.stage(d)
		return
	}
	d.AliasedAt = s.now
}

// stage points the staging domain at a fresh production build and migrates the
// staging database, as the app's workflow does after every build of main.
func (s *State) stage(d *Deployment) {
	if newest := s.NewestStaged(); newest == d {
		s.point(StagingDomain, d)
		s.migrate(StagingBranch, d)
	}
}

// NewestStaged is the newest READY production build by creation, live or not:
// what the staging domain serves. Nil when there is none.
func (s *State) NewestStaged() *Deployment {
	for _, d := range slices.Backward(s.deployments) {
		if d.Target == Production && d.State == Ready {
			return d
		}
	}
	return nil
}

// slugWords are the runs of small letters and digits in a text.
func slugWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}

func (s *State) branchAlias(branch string) string {
	slug := strings.Join(slugWords(branch), "-")
	if len(slug) > 28 {
		slug = strings.Trim(slug[:28], "-")
	}
	return fmt.Sprintf("%s-git-%s-%s.vercel.app", s.Project.Name, slug, s.Team.Slug)
}

// CancelBuild stops a build that has not ended.
func (s *State) CancelBuild(id string) (*Deployment, error) {
	d := s.byID[id]
	switch {
	case d == nil:
		return nil, ErrNotFound
	case d.Ended():
		return d, ErrFinished
	}
	d.State, d.CanceledAt = Canceled, s.now
	s.emit(Event{At: s.now, Kind: DeploymentCanceled, Deployment: d.ID})
	return d, nil
}

// EverLive says whether a deployment ever had a production domain.
func (d *Deployment) EverLive() bool { return !d.FirstLiveAt.IsZero() }
