package release

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// WorkerRollbackRequest asks for a Worker to go back to an earlier version.
type WorkerRollbackRequest struct {
	Project   string
	Worker    string // as the configuration calls it
	VersionID string // "" for the one that served before
	Reason    string
	// ExpectedCurrent is the deployment, or the version, that the person saw
	// serving; "" for whatever does.
	ExpectedCurrent string
	// Force goes back although a secret has changed since that version.
	Force bool
}

// RollbackWorker accepts a Worker's rollback, or says why not. Like every
// rollback it is blocked by nothing but identity, and by another one of the
// same Worker. Invalid, NotFound, Conflict, Unsupported.
func (d *Desk) RollbackWorker(ctx context.Context, a access.Actor, q WorkerRollbackRequest) (Operation, error) {
	s := d.site(q.Project)
	name := hostile.Line(q.Worker, hostile.NameLimit)
	on := access.On{Project: hostile.Line(q.Project, hostile.NameLimit), Environment: workerEnvironment(name), Object: hostile.Line(q.VersionID, 100)}
	if s != nil {
		on.Project = s.Name
	}
	permit, err := d.gate.Allow(ctx, a, access.RollbackWorker, on)
	switch {
	case err != nil:
		return Operation{}, err
	case s == nil:
		return Operation{}, fault.New(fault.NotFound, "There is no project %q in the configuration.", on.Project)
	}
	ask := Ask{DeploymentID: q.VersionID, ExpectedCurrent: q.ExpectedCurrent, Force: q.Force}
	reason := strings.TrimSpace(hostile.Line(q.Reason, maxReason))
	script, refused := s.script(q.Worker)
	if refused == nil {
		refused = ask.check(Rollback, reason)
	}
	if refused != nil {
		return Operation{}, d.refuse(ctx, permit, ask, reason, refused)
	}
	op := Operation{
		ID: "op_" + strings.ToLower(rand.Text()), Project: s.Name, Environment: on.Environment, Action: Rollback, Phase: Requested, Status: StatusPending,
		Worker: &WorkerTarget{Name: name, Script: script, Serving: []VersionShare{}}, Message: "Accepted.", Reason: reason,
		By: Who{ID: a.ID, Name: a.Label(), Kind: string(a.Kind)}, CreatedAt: d.clock.Now(), Work: Work{Ask: ask}, RecordEnvironment: on.Environment,
	}
	op.PhaseAt = op.CreatedAt
	if live, there, err := d.store.LiveOperation(ctx, s.Name, op.Environment); err != nil {
		return Operation{}, err
	} else if there {
		return Operation{}, d.refuseBusy(ctx, permit, live, ask, reason)
	}
	limit, cancel := context.WithTimeout(ctx, deskLimit)
	defer cancel()
	switch refused, err := d.m.considerWorker(limit, s, &op); {
	case refused != nil:
		return Operation{}, d.refuse(ctx, permit, ask, reason, refused)
	case err != nil:
		d.log.InfoContext(ctx, "a Worker's rollback is accepted before its platform could be read", "operation", op.ID, "error", err)
	}
	receipt := permit.Receipt(access.Note{Act: "requested", Object: op.ID, Reason: reason, Result: access.Requested, Detail: op.requested()})
	if err := d.store.Begin(ctx, op, "", receipt); err != nil {
		if _, busy := errors.AsType[*Busy](err); busy {
			_ = d.record(ctx, permit, ask, reason, CauseOperationLive) // the refusal is what matters to the caller
		}
		return Operation{}, err
	}
	d.m.tell(op)
	d.m.wakeUp()
	return op, nil
}

// WorkerTargets answers the versions that a Worker could go back to, each with
// the reason why it can or cannot.
func (d *Desk) WorkerTargets(ctx context.Context, a access.Actor, project, worker string) ([]WorkerCandidate, error) {
	s, err := d.view(ctx, a, access.ViewWorkers, project)
	if err != nil {
		return nil, err
	}
	script, refused := s.script(worker)
	if refused != nil {
		return nil, refused.fault()
	}
	f, refused, err := d.m.lookWorker(ctx, s, hostile.Line(worker, hostile.NameLimit), script)
	switch {
	case err != nil:
		return nil, err
	case refused != nil:
		return nil, refused.fault()
	}
	all := f.candidates()
	return all[:min(len(all), candidates)], nil
}

// script is the script of a Worker, which the configuration names or which is
// the Worker's own name where it names none.
func (s *site) script(worker string) (string, *refusal) {
	if s.workers == nil {
		return "", no(CauseUnsupported, "None of the providers of project %s can give a Worker's traffic to another version. Add a cloudflare block.", s.Name)
	}
	named := s.lister.NamedWorkers()
	script, there := named[worker]
	switch {
	case there:
		return script, nil
	case len(named) > 0 || worker == "" || worker != hostile.Line(worker, hostile.NameLimit):
		return "", no(CauseNotFound, "There is no Worker %q in project %s.", hostile.Line(worker, hostile.NameLimit), s.Name)
	}
	return worker, nil
}

// lookWorker reads what a decision about a Worker rests on.
func (m *machine) lookWorker(ctx context.Context, s *site, worker, script string) (workerFacts, *refusal, error) {
	var f workerFacts
	var all sync.WaitGroup
	var deployErr, versionErr error
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	all.Go(func() { f.deployments, deployErr = s.workers.WorkerDeployments(ctx, script) })
	all.Go(func() { f.versions, versionErr = s.workers.WorkerVersions(ctx, script, nil) })
	ops, err := m.store.Operations(ctx, Query{Project: s.Name, Environment: workerEnvironment(worker), Limit: 50})
	all.Wait()
	switch {
	case err != nil:
		return f, nil, err
	case fault.Is(deployErr, fault.NotFound):
		return f, no(CauseNotFound, "There is no Worker %q on the platform. %s", worker, sentence(deployErr)), nil
	case deployErr != nil || versionErr != nil:
		return f, nil, firstFault(deployErr, versionErr)
	case len(f.deployments) == 0:
		return f, no(CauseNoTarget, "Nothing was deployed of Worker %s yet.", worker), nil
	}
	f.bad = takenBack(ops, f.deployments)
	return f, nil, nil
}

// considerWorker reads and judges, and writes what it found into the
// operation: the one way to a yes or a no, for the Desk and for the machine.
func (m *machine) considerWorker(ctx context.Context, s *site, op *Operation) (*refusal, error) {
	w := op.Worker
	f, refused, err := m.lookWorker(ctx, s, w.Name, w.Script)
	if refused != nil || err != nil {
		return refused, err
	}
	target, refused := judgeWorker(op.Work.Ask, f, w.Name)
	if refused != nil {
		return refused, nil
	}
	live := f.live()
	most := live.Shares[0]
	for _, share := range live.Shares {
		if share.Percent > most.Percent {
			most = share
		}
	}
	w.Deployment, w.Serving = live.ID, workerShares(live.Shares)
	op.From, op.To = new(f.version(most.VersionID)), &target
	return nil, nil
}

// findWorkers finds who can give Workers' traffic to other versions.
func (s *site) findWorkers(set provider.Set) {
	lister, _, listed := provider.Find[provider.WorkerLister](set)
	deployer, title, ok := provider.Find[provider.WorkerDeployer](set)
	if listed && ok {
		s.lister, s.workers, s.workerTitle = lister, deployer, title
	}
}
