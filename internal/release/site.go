package release

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// site is a project with the abilities that its providers have.
type site struct {
	Project
	platform  Platform
	title     string // the platform's name
	moves     provider.MoveReader
	builder   provider.Builder
	workflows provider.WorkflowRunner
	commits   provider.Resolver
	comparer  provider.Comparer
	errors    provider.ErrorCounter
	linker    provider.CommitLinker
	assigner  provider.AutoAssigner
	files     provider.FileReader
	read      *readings
	brought   *brought

	issues       provider.IssueFinder
	issuesFrom   string                  // who knows them
	recorder     provider.DeployRecorder // nil where nobody is told of deploys
	recorderName string

	lister      provider.WorkerLister
	workers     provider.WorkerDeployer // nil where nobody deploys Workers
	workerTitle string                  // their platform's name
}

func newSite(p Project) *site {
	s := &site{Project: p, read: newReadings(), brought: new(brought)}
	s.platform, s.title, _ = provider.Find[Platform](p.Providers)
	s.moves, _, _ = provider.Find[provider.MoveReader](p.Providers)
	s.builder, _, _ = provider.Find[provider.Builder](p.Providers)
	s.workflows, _, _ = provider.Find[provider.WorkflowRunner](p.Providers)
	s.commits, _, _ = provider.Find[provider.Resolver](p.Providers)
	s.comparer, _, _ = provider.Find[provider.Comparer](p.Providers)
	s.errors, _, _ = provider.Find[provider.ErrorCounter](p.Providers)
	s.linker, _, _ = provider.Find[provider.CommitLinker](p.Providers)
	s.assigner, _, _ = provider.Find[provider.AutoAssigner](p.Providers)
	s.files, _, _ = provider.Find[provider.FileReader](p.Providers)
	s.issues, s.issuesFrom, _ = provider.Find[provider.IssueFinder](p.Providers)
	for _, one := range p.Providers {
		if r, ok := one.API.(provider.DeployRecorder); ok && one.Name == p.Rules.ReportTo {
			s.recorder, s.recorderName = r, one.Name
		}
	}
	s.findWorkers(p.Providers)
	return s
}

// production is the environment that releases go to.
func (s *site) production() (catalog.Environment, *refusal) {
	env, ok := s.OfKind(catalog.Production)
	switch {
	case !ok:
		return env, no(CauseUnsupported, "Project %s has no production environment in the configuration.", s.Name)
	case s.platform == nil:
		return env, no(CauseUnsupported, "None of the providers of project %s can move production. Add a vercel block.", s.Name)
	}
	return env, nil
}

// workflow says whether the project has a workflow for the purpose.
func (s *site) workflow(p provider.Purpose) bool { return s.workflows != nil && s.workflows.Runs(p) }

// How long one read may take while somebody waits for a decision.
const (
	readLimit  = 10 * time.Second
	probeLimit = 6 * time.Second
)

// seen is a look at production and when it began.
type seen struct {
	live provider.Live
	at   time.Time
}

// picture is everything that preflight reads.
type picture struct {
	facts
	before   Before
	sheet    *Sheet    // of a promotion: what it would change
	approval *Approved // of exactly that, when one is needed and there
	glass    *Glass    // what was passed
}

// look reads production, the target and the site's health, all at once. Only
// what a decision cannot do without makes it fail; a target that is not there
// is a refusal.
func (s *site) look(ctx context.Context, action Action, ask Ask, env catalog.Environment, history history, now func() time.Time) (picture, *refusal, error) {
	var (
		p         picture
		at        = now()
		target    = ask.DeploymentID
		all       sync.WaitGroup
		liveErr   error
		targetErr error
		list      provider.DeploymentList
		listErr   error
	)
	ctx, cancel := context.WithTimeout(ctx, 2*readLimit)
	defer cancel()
	all.Go(func() { p.live, liveErr = s.platform.Live(ctx) })
	if target != "" {
		all.Go(func() { p.target, targetErr = s.platform.Deployment(ctx, target) })
	} else if action == Rollback {
		all.Go(func() {
			list, listErr = s.platform.Deployments(ctx, provider.DeploymentQuery{Target: provider.TargetProduction, State: provider.Ready, RollbackCandidates: true, Limit: 20})
		})
	}
	if action != Rollback { // a rollback goes ahead whatever the site says
		all.Go(func() { p.before.Healthy, p.before.Health = s.wellBefore(ctx, env) })
	}
	all.Wait()
	switch {
	case fault.Is(targetErr, fault.NotFound), fault.Is(targetErr, fault.Invalid):
		return p, no(CauseNotFound, "There is no deployment %s in this project. %s", hostile.Line(target, 100), fault.From(targetErr).Message), nil
	case liveErr != nil && fault.Is(liveErr, fault.NotFound):
		return p, no(CauseUnsupported, "Nothing was ever deployed to %s, so there is nothing to compare with: make the first deployment on the platform.", env.Name), nil
	}
	if err := errors.Join(liveErr, targetErr, listErr); err != nil {
		return p, nil, firstFault(liveErr, targetErr, listErr)
	}
	if target == "" && action == Rollback {
		d, ok := pickBack(p.live, list.Items, history.verified, history.bad)
		if !ok {
			return p, no(CauseNoTarget, "There is no build that %s could go back to: none that is kept was live before.", env.Name), nil
		}
		p.target = d
	}
	p.before.At, p.before.LiveID = at, p.live.Deployment.ID
	p.before.Switch, p.before.Assigned = p.live.Switch, p.live.AutoAssign
	for _, d := range p.live.Domains {
		p.before.Domains = append(p.before.Domains, d.Name)
	}
	if p.live.Crons != nil {
		p.before.CronsOf = p.live.Crons.DeploymentID
	}
	return p, nil, nil
}

func firstFault(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// history is what earlier operations say of builds.
type history struct {
	verified []string        // builds that a release proved good, newest first
	bad      map[string]bool // builds that were rolled back from
}

func historyOf(ops []Operation) history {
	h := history{bad: map[string]bool{}}
	for _, o := range ops { // newest first
		switch {
		case o.To == nil:
		case o.Phase == Succeeded && !h.bad[o.To.ID] && !slices.Contains(h.verified, o.To.ID):
			h.verified = append(h.verified, o.To.ID)
		case o.Phase == RolledBack && !slices.Contains(h.verified, o.To.ID):
			h.bad[o.To.ID] = true
		}
		if o.Action == Rollback && o.Phase == Succeeded && o.From != nil && !slices.Contains(h.verified, o.From.ID) {
			h.bad[o.From.ID] = true // somebody went back from it on purpose
		}
	}
	return h
}

// wellBefore asks the site whether it is well. A single bad answer is asked
// twice more: it decides whether envdeck may roll back by itself later.
func (s *site) wellBefore(ctx context.Context, env catalog.Environment) (Verdict, string) {
	if env.HealthURL() == nil || s.Health == nil {
		return Inconclusive, "it has no health endpoint"
	}
	bad, reason := 0, ""
	for range badInWindow {
		ctx, cancel := context.WithTimeout(ctx, probeLimit)
		sample, err := s.Health.ProbeNow(ctx, s.Name, env.Name)
		cancel()
		switch {
		case err != nil:
			return Error, "it could not be asked"
		case sample.Verdict == health.Healthy:
			return Pass, "healthy"
		case sample.Verdict == health.Degraded:
			return Pass, "degraded: " + sample.Reason
		case sample.Verdict != health.Down:
			return Inconclusive, sample.Reason
		}
		reason = sample.Reason
		if bad++; bad == badInWindow {
			break
		}
	}
	return Fail, "down: " + reason
}

// baseline is how many errors the hour before had, nil when nobody can tell.
func (s *site) baseline(ctx context.Context, env catalog.Environment) *Rate {
	if s.errors == nil || env.Sentry == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readLimit/2)
	defer cancel()
	counts, err := s.errors.ErrorCounts(ctx, time.Hour)
	if err != nil {
		return nil
	}
	return &Rate{Count: counts[env.Sentry], Over: time.Hour}
}
