package release

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

const (
	deployBy   = provider.DeployWorkflow
	buildPace  = 3 * time.Second
	buildLook  = 30 * time.Second // how long a build whose answer was lost is looked for
	runLook    = time.Minute      // the same for a workflow run
	createTime = 30 * time.Second
)

// preflightDeploy resolves what is to be deployed.
func (r *run) preflightDeploy(ctx context.Context, step *Step) turn {
	ask := r.op.Work.Ask
	limit, cancel := context.WithTimeout(ctx, 2*readLimit)
	defer cancel()
	commit, branch, err := r.site.resolve(limit, ask.Ref)
	if err != nil {
		if fault.KindOf(err).Retryable() {
			r.note(step, Error, "%s", sentence(err))
			return stay(retryPace, "Waiting for the repository: %s", sentence(err))
		}
		r.finish(step, Fail, "%s", sentence(err))
		return to(Refused, CauseNotFound, "%s", sentence(err))
	}
	r.op.To = &Build{Commit: commit, Branch: branch}
	r.op.Work.Branch = branch
	if !production(r.env) {
		r.finish(step, Pass, "%s is %s.", ask.Ref, hostile.Short(commit))
		return to(Snapshot, "", "Building %s.", hostile.Short(commit))
	}
	live, err := r.observe(ctx)
	if err != nil {
		r.note(step, Error, "%s", sentence(err))
		return stay(retryPace, "Waiting for the platform: %s", sentence(err))
	}
	glass, refused, err := r.m.deployGuards(ctx, r.site, r.env, ask)
	if err != nil {
		r.note(step, Error, "%s", sentence(err))
		return stay(retryPace, "Waiting for the database: %s", sentence(err))
	}
	if glass != nil {
		r.op.Glass = glass
	}
	if refused == nil {
		refused = judgeQuiet(live, r.env.Name)
	}
	if refused == nil {
		refused = judgeCurrent(ask, live, r.env.Name)
	}
	if refused != nil {
		r.finish(step, Fail, "%s", refused.message)
		return to(Refused, refused.cause, "%s", refused.message)
	}
	p := picture{facts: facts{live: live}, before: Before{At: r.m.clock.Now(), LiveID: live.Deployment.ID, Switch: live.Switch, Assigned: live.AutoAssign}}
	for _, d := range live.Domains {
		p.before.Domains = append(p.before.Domains, d.Name)
	}
	p.before.Healthy, p.before.Health = r.site.wellBefore(ctx, r.env)
	p.before.Schema = r.site.after(ctx, live.Deployment.Commit, commit)
	r.op.From, r.op.Back, r.op.Work.Before, r.op.Floor = buildOf(live.Deployment), buildOf(live.Deployment), &p.before, p.before.Schema
	return r.cleared(ctx, step)
}

// resolve is the commit that a ref stands for, and the branch to build it on.
// "" is the head of the default branch.
func (s *site) resolve(ctx context.Context, ref string) (commit, branch string, err error) {
	if s.commits == nil {
		return "", "", fault.New(fault.Unsupported, "None of the providers of project %s knows the repository. Add a github block.", s.Name)
	}
	if branch, err = s.commits.DefaultBranch(ctx); err != nil {
		return "", "", err
	}
	if ref == "" {
		ref = branch
	}
	commit, err = s.commits.Resolve(ctx, ref)
	return commit, branch, err
}

// build has the platform build for production, and follows the new build.
func (r *run) build(ctx context.Context) (turn, error) {
	verb, target := VerbRebuild, r.op.Work.Ask.DeploymentID
	if r.op.Action == Deploy {
		verb, target = VerbBuild, r.op.To.commit()
	}
	if b := r.op.Work.Built; b != nil {
		return r.awaitBuild(ctx, b)
	}
	c := r.op.Work.Call
	switch {
	case c == nil || c.Verb != verb:
		return r.sendBuild(ctx, verb, target, 1)
	case c.Answer == NotSent:
		return r.sendBuild(ctx, verb, target, c.Attempt)
	case c.Answer == "":
		c.Answer = Lost
		r.note(r.step(c), Inconclusive, "The answer was lost: envdeck stopped in the middle. Looking for the build before anything else.")
	}
	return r.findBuild(ctx, c, target)
}

func (r *run) sendBuild(ctx context.Context, verb Verb, target string, attempt int) (turn, error) {
	if r.site.builder == nil {
		return to(Failed, CauseUnsupported, "The platform cannot build for production on demand. Nothing was changed."), nil
	}
	old := r.op.Work.Call
	c := &Call{Verb: verb, Target: target, Attempt: attempt, At: r.m.clock.Now()}
	step := r.begin(string(verb), attempt, "Build "+hostile.Line(target, 100)+" for production, without giving it production yet.")
	c.Step, r.op.Work.Call = step.Seq, c
	if err := r.save(ctx, Change{Unless: true}); err != nil {
		r.op.Work.Call = old
		r.op.Steps = r.op.Steps[:len(r.op.Steps)-1]
		delete(r.changed, c.Step)
		return turn{}, err
	}
	var made provider.Deployment
	_, err := r.callFor(ctx, createTime, verb, func(ctx context.Context) (_ provider.Accepted, err error) {
		if verb == VerbBuild {
			made, err = r.site.builder.Build(ctx, target, r.op.Work.Branch)
		} else {
			made, err = r.site.builder.Rebuild(ctx, target)
		}
		return provider.Accepted{}, err
	})
	kind := fault.KindOf(err)
	t := stay(buildPace, "The platform is building.")
	switch {
	case err == nil:
		c.Answer, r.op.Work.Built = Taken, buildOf(made)
		r.note(r.step(c), Inconclusive, "The platform builds %s.", made.ID)
		r.evidence(r.step(c), Evidence{Label: "build", Value: made.ID, URL: hostile.Link(made.InspectorURL)})
	case provider.OutcomeUnknown(err):
		c.Answer = Lost
		r.note(r.step(c), Error, "No certain answer: %s", sentence(err))
		t = stay(buildPace, "The platform's answer was lost. Looking for the build.")
	case kind.Retryable():
		c.Answer = NotSent
		r.finish(r.step(c), Error, "It was not taken: %s", sentence(err))
		t = stay(max(retryPace, min(fault.From(err).RetryAfter, time.Minute)), "%s Trying again.", sentence(err))
	default:
		c.Answer = Refusal
		r.finish(r.step(c), Fail, "%s", sentence(err))
		t = to(Failed, CauseProviderNo, "The platform does not build it: %s Production is as it was.", sentence(err))
	}
	t.commit = true
	return t, nil
}

// findBuild looks for a build whose answer was lost.
func (r *run) findBuild(ctx context.Context, c *Call, target string) (turn, error) {
	list, err := r.site.platform.Deployments(ctx, provider.DeploymentQuery{Target: provider.TargetProduction, Limit: 20})
	if err != nil {
		return stay(buildPace, "Looking for the build: %s", sentence(err)), nil
	}
	commit := r.op.To.commit()
	for _, d := range list.Items {
		// The platform's clock may be off, so builds from before are told apart
		// by what was live or listed then: a build that has not been live.
		if d.Commit != "" && d.Commit == commit && d.Stage != provider.Promoted && d.ID != r.op.Work.Ask.DeploymentID && d.CreatedAt.After(c.At.Add(-time.Minute)) {
			c.Answer, r.op.Work.Built = Taken, buildOf(d)
			r.note(r.step(c), Inconclusive, "Found: the platform builds %s.", d.ID)
			return turn{commit: true, message: "The platform is building."}, nil
		}
	}
	if c.Waited += buildPace; c.Waited < buildLook {
		return stay(buildPace, "Looking for the build whose answer was lost."), nil
	}
	if c.Attempt < mostSends {
		r.finish(r.step(c), Inconclusive, "It is not there, so the call was not carried out. Sending it once more.")
		return r.sendBuild(ctx, c.Verb, target, c.Attempt+1)
	}
	return to(Failed, CauseOutcome, "The platform's answer was lost twice, and no build is to be seen. Production is as it was."), nil
}

// awaitBuild follows a build until it can be promoted.
func (r *run) awaitBuild(ctx context.Context, b *Build) (turn, error) {
	d, err := r.site.platform.Deployment(ctx, b.ID)
	if err != nil {
		return stay(buildPace, "The platform cannot be asked about the build: %s", sentence(err)), nil
	}
	step := r.current("build")
	switch d.State {
	case provider.Ready:
	case provider.Failed, provider.Canceled, provider.Deleted, provider.Blocked:
		r.finish(step, Fail, "The build ended as %s. %s", hostile.Line(string(d.State), 40), d.Problem)
		return to(Failed, CauseBuildFailed, "The build %s ended as %s. Production is as it was.", d.ID, hostile.Line(string(d.State), 40)), nil
	default:
		r.note(step, Inconclusive, "%s", d.State)
		return stay(buildPace, "The platform is building %s: %s.", d.ID, hostile.Line(string(d.State), 40)), nil
	}
	if want := r.op.To.commit(); want != "" && d.Commit != want {
		r.finish(step, Fail, "It was built from %s.", hostile.Short(d.Commit))
		return to(Failed, CauseRefMoved, "The platform built %s and not %s. Production is as it was.", hostile.Short(d.Commit), hostile.Short(want)), nil
	}
	r.finish(step, Pass, "%s is ready.", d.ID)
	r.op.To, r.op.Work.Call = buildOf(d), nil
	r.op.Work.Built = r.op.To
	if !production(r.env) {
		return to(Succeeded, "", "%s is built: %s.", hostile.Short(d.Commit), d.ID), nil
	}
	return turn{message: "The build is ready. Switching.", commit: true}, nil
}

// byWorkflow has the repository's workflow deploy, pinned to the commit, and
// follows its run.
func (r *run) byWorkflow(ctx context.Context) (turn, error) {
	if r.op.Work.RunID != 0 {
		return r.followRun(ctx)
	}
	c := r.op.Work.Call
	switch {
	case c == nil || c.Verb != VerbDispatch || c.Answer == NotSent:
		return r.dispatch(ctx)
	case c.Answer == "":
		c.Answer = Lost
		r.note(r.step(c), Inconclusive, "The answer was lost: envdeck stopped in the middle. Looking for the run.")
	}
	found, err := r.site.workflows.FindRun(ctx, deployBy, r.op.ID, c.At)
	if err == nil {
		return r.ran(c, found), nil
	}
	if c.Waited += buildPace; c.Waited >= runLook && fault.Is(err, fault.NotFound) {
		// Not sent again: a second run would deploy a second time, and whether the
		// first shows its name in its title is up to the workflow.
		r.finish(r.step(c), Inconclusive, "No run of that name is to be seen.")
		return to(NeedsHuman, CauseOutcome, "The deploy workflow was asked for, and no run named %s is to be seen. Look at the repository's actions before you try again.", r.op.ID), nil
	}
	return stay(buildPace, "Looking for the workflow's run: %s", sentence(err)), nil
}

func (r *run) ran(c *Call, run provider.Run) turn {
	c.Answer, r.op.Work.RunID, r.op.Work.RunURL = Taken, run.ID, hostile.Link(run.URL)
	r.note(r.step(c), Inconclusive, "Run %d.", run.ID)
	r.evidence(r.step(c), Evidence{Label: "run", Value: strconv.FormatInt(run.ID, 10), URL: r.op.Work.RunURL})
	return turn{message: "The deploy workflow is running.", commit: true}
}

func (r *run) dispatch(ctx context.Context) (turn, error) {
	commit := r.op.To.commit()
	branch, head, err := r.head(ctx)
	if err != nil {
		return stay(buildPace, "The repository cannot be read: %s", sentence(err)), nil
	}
	if r.op.Work.Fallen && head != commit {
		return to(Failed, CauseRefMoved, "The platform could not (%s), and the deploy workflow would not deploy %s: %s is at %s by now. Nothing was changed.", r.op.Work.FellFor, hostile.Short(commit), branch, hostile.Short(head)), nil
	}
	if production(r.env) {
		live, err := r.observe(ctx)
		if err == nil && live.Deployment.ID != r.op.From.id() {
			return to(Refused, CauseMoved, "%s Nothing was changed by this operation.", somebody(r.env.Name, live)), nil
		}
	}
	c := &Call{Verb: VerbDispatch, Target: commit, Attempt: 1, At: r.m.clock.Now()}
	step := r.begin(string(VerbDispatch), 1, "Start the deploy workflow on "+branch+" for "+hostile.Short(commit)+".")
	old, intended := r.op.Work.Call, r.op.Work.Intended
	c.Step, r.op.Work.Call = step.Seq, c
	r.op.Work.Intended = r.op.Work.Intended || production(r.env)
	if err := r.save(ctx, Change{Unless: true}); err != nil {
		r.op.Work.Call, r.op.Work.Intended = old, intended
		r.op.Steps = r.op.Steps[:len(r.op.Steps)-1]
		delete(r.changed, c.Step)
		return turn{}, err
	}
	var started provider.Run
	_, err = r.callFor(ctx, createTime, VerbDispatch, func(ctx context.Context) (_ provider.Accepted, err error) {
		started, err = r.site.workflows.Dispatch(ctx, provider.Dispatch{
			Purpose: deployBy, Ref: branch, Correlation: r.op.ID,
			Inputs: map[string]string{"environment": target(r.env), "ref": commit, "reason": hostile.Line(r.op.Reason, 200)},
		})
		return provider.Accepted{}, err
	})
	kind := fault.KindOf(err)
	t := stay(buildPace, "The deploy workflow was asked for.")
	switch {
	case err == nil && started.ID > 0:
		t = r.ran(c, started)
	case err == nil:
		c.Answer = Queued // accepted; the run has to be found
	case provider.OutcomeUnknown(err):
		c.Answer = Lost
		r.note(r.step(c), Error, "No certain answer: %s", sentence(err))
	case kind.Retryable():
		c.Answer = NotSent
		r.finish(r.step(c), Error, "It was not taken: %s", sentence(err))
		t = stay(max(retryPace, min(fault.From(err).RetryAfter, time.Minute)), "%s Trying again.", sentence(err))
	default:
		c.Answer, r.op.Work.Intended = Refusal, intended
		r.finish(r.step(c), Fail, "%s", sentence(err))
		t = to(Failed, CauseProviderNo, "The deploy workflow could not be started: %s Production is as it was.", sentence(err))
	}
	t.commit = true
	return t, nil
}

// head is the default branch and its newest commit.
func (r *run) head(ctx context.Context) (branch, commit string, err error) {
	if r.site.commits == nil {
		return "", "", fault.New(fault.Unsupported, "no provider of this project knows the repository")
	}
	if branch, err = r.site.commits.DefaultBranch(ctx); err != nil {
		return "", "", err
	}
	commit, err = r.site.commits.Resolve(ctx, branch)
	return branch, commit, err
}

// target is the workflow's word for an environment.
func target(e catalog.Environment) string {
	if production(e) {
		return provider.TargetProduction
	}
	return provider.TargetPreview
}

// followRun waits for the run's end, and then believes what production shows
// and not what the run says of itself.
func (r *run) followRun(ctx context.Context) (turn, error) {
	run, err := r.site.workflows.Run(ctx, r.op.Work.RunID)
	if err != nil {
		return stay(buildPace, "The run cannot be read at the moment: %s", sentence(err)), nil
	}
	step := r.step(r.op.Work.Call)
	switch {
	case run.Status == "waiting":
		r.note(step, Inconclusive, "The run waits for somebody's approval.")
		return stay(buildPace, "The run of the deploy workflow waits for an approval in the repository."), nil
	case !run.Done():
		r.note(step, Inconclusive, "The run is %s.", run.Status)
		return stay(buildPace, "The deploy workflow is running: %s.", run.Status), nil
	}
	if !production(r.env) {
		if run.Conclusion == "success" {
			r.finish(step, Pass, "The run succeeded.")
			return to(Succeeded, "", "The deploy workflow has deployed %s.", hostile.Short(r.op.To.commit())), nil
		}
		r.finish(step, Fail, "The run ended as %s.", run.Conclusion)
		return to(Failed, CauseWorkflowFailed, "The run of the deploy workflow ended as %s.", run.Conclusion), nil
	}
	live, err := r.observe(ctx)
	if err != nil {
		return stay(buildPace, "%s cannot be read at the moment: %s", r.site.title, sentence(err)), nil
	}
	ended := fmt.Sprintf("The run of the deploy workflow ended as %s", run.Conclusion)
	switch {
	case live.Deployment.ID != r.op.From.id() && live.Deployment.Commit == r.op.To.commit() && !live.Split:
		r.finish(step, Pass, "%s, and production is at %s.", ended, live.Deployment.ID)
		r.op.To = buildOf(live.Deployment)
		r.changedProduction(ctx, r.op.To)
		return to(Confirming, "", "Production is at %s. Asking the site whether it serves it.", live.Deployment.ID), nil
	case live.Deployment.ID == r.op.From.id() && run.Conclusion != "success":
		r.finish(step, Fail, "%s.", ended)
		return to(Failed, CauseWorkflowFailed, "%s, and production is as it was. The run: %s", ended, r.op.Work.RunURL), nil
	case live.Deployment.ID == r.op.From.id():
		r.note(step, Inconclusive, "%s, and production has not moved.", ended)
		return stay(buildPace, "%s, and production has not moved yet.", ended), nil
	}
	r.finish(step, Inconclusive, "%s, and production is at %s.", ended, live.Deployment.ID)
	return to(Superseded, CauseSomebodyElse, "%s", somebody(r.env.Name, live)), nil
}
