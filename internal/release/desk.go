package release

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/lease"
)

// Options is what a Desk is made of. All but Point must be set.
type Options struct {
	Gate     *access.Gate
	Store    Store
	Clock    clock.Clock
	Log      *slog.Logger
	Projects []Project
	// Approvers answers the ids of the people who could approve a release at
	// this time; nil is nobody beside the one who asks.
	Approvers func(ctx context.Context) ([]string, error)
	// Owner names this process among the replicas; "" makes a name.
	Owner string
	// Point is told of every boundary between two steps, for tests that stop
	// the process there. nil in the product.
	Point func(boundary string)
}

// Desk is the door to releases: each use case names who asks and passes the
// Gate. Run drives what was accepted.
type Desk struct {
	gate  *access.Gate
	store Store
	clock clock.Clock
	log   *slog.Logger
	sites []*site
	m     *machine

	approvers func(ctx context.Context) ([]string, error)
}

// New makes a desk; Run starts the work.
func New(o Options) *Desk {
	if o.Owner == "" {
		o.Owner = "replica_" + strings.ToLower(rand.Text())
	}
	if o.Point == nil {
		o.Point = func(string) {}
	}
	if o.Approvers == nil {
		o.Approvers = func(context.Context) ([]string, error) { return nil, nil }
	}
	d := &Desk{gate: o.Gate, store: o.Store, clock: o.Clock, log: o.Log, approvers: o.Approvers}
	m := &machine{
		store: o.Store, gate: o.Gate, clock: o.Clock, real: clock.Real(), log: o.Log, owner: o.Owner, point: o.Point,
		sites: map[string]*site{}, running: map[string]*run{}, kick: make(chan struct{}, 1),
	}
	for _, p := range o.Projects {
		s := newSite(p)
		d.sites = append(d.sites, s)
		m.sites[p.Name] = s
	}
	m.follows = lease.NewWork(followStore{o.Store}, o.Clock, o.Log, o.Owner, m.follow)
	d.m = m
	return d
}

// Run drives operations and what follows them until the context ends; then they
// are handed over to whoever is alive.
func (d *Desk) Run(ctx context.Context) error {
	var follows sync.WaitGroup
	defer follows.Wait()
	follows.Go(func() { _ = d.m.follows.Run(ctx) }) // it ends with the context alone
	return d.m.work(ctx)
}

// OnChange calls fn after an operation that this process drives changed; the
// operation comes with its steps. fn must be quick. An operation that another
// replica drives is read from the store.
func (d *Desk) OnChange(fn func(Operation)) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.onChange = append(d.m.onChange, fn)
}

// PromoteRequest asks for a build to go live.
type PromoteRequest struct {
	Project         string
	DeploymentID    string
	Reason          string
	ExpectedCurrent string // deployment id or commit that the person saw live; "" for whatever is
	Rebuild         bool   // build it again for production first
	Sheet           string // hash of the comparison that was confirmed; "" for none
	// BreakGlass passes holds, freezes and a missing approval. It is the name of
	// the environment, typed; "" is the ordinary way.
	BreakGlass string
	// WithoutSnapshot waives the snapshot of the database and says why; "" is the
	// ordinary way.
	WithoutSnapshot string
}

// Promote accepts a promotion, or says why not. What is refused by a rule is in
// the audit log and has changed nothing. Invalid, NotFound, Conflict (with a
// *Busy or a *No inside) and Unavailable.
func (d *Desk) Promote(ctx context.Context, a access.Actor, q PromoteRequest) (Operation, error) {
	return d.begin(ctx, a, access.Promote, Promote, place{project: q.Project, glass: q.BreakGlass}, q.Reason, Ask{
		DeploymentID: q.DeploymentID, ExpectedCurrent: q.ExpectedCurrent, Rebuild: q.Rebuild, Sheet: q.Sheet, WithoutSnapshot: waiver(q.WithoutSnapshot),
	})
}

// RollbackRequest asks for production to go back.
type RollbackRequest struct {
	Project         string
	DeploymentID    string // "" for the last build that a release proved good
	Reason          string
	ExpectedCurrent string
	// BelowFloor says that the person knows that the build may not run on the
	// schema as it is. Without it such a rollback is answered with the reason.
	BelowFloor bool
}

// Rollback accepts a rollback. It is blocked by nothing but identity: no hold,
// freeze or approval. While a release is running that has switched, that
// release itself is told to go back, and its operation is the answer; one that
// has not is cancelled.
func (d *Desk) Rollback(ctx context.Context, a access.Actor, q RollbackRequest) (Operation, error) {
	return d.begin(ctx, a, access.Rollback, Rollback, place{project: q.Project}, q.Reason, Ask{DeploymentID: q.DeploymentID, ExpectedCurrent: q.ExpectedCurrent, BelowFloor: q.BelowFloor})
}

// DeployRequest asks for a deployment by hand.
type DeployRequest struct {
	Project         string
	Environment     string // name; "" is production
	Ref             string // branch, tag or commit; "" is the default branch
	Reason          string
	ExpectedCurrent string
	BreakGlass      string // as for a promotion
	WithoutSnapshot string // as for a promotion
}

// Deploy accepts a deployment: through the repository's deploy workflow where
// one is named, else as a build of the platform.
func (d *Desk) Deploy(ctx context.Context, a access.Actor, q DeployRequest) (Operation, error) {
	return d.begin(ctx, a, access.Deploy, Deploy, place{q.Project, q.Environment, q.BreakGlass}, q.Reason, Ask{Ref: q.Ref, ExpectedCurrent: q.ExpectedCurrent, WithoutSnapshot: waiver(q.WithoutSnapshot)})
}

// maxReason is how long a reason may be, in characters.
const maxReason = 1000

// place is where something is to happen, as it was asked for. glass is the
// name that was typed to pass the guards.
type place struct{ project, environment, glass string }

func (d *Desk) begin(ctx context.Context, a access.Actor, use access.UseCase, action Action, at place, reason string, ask Ask) (Operation, error) {
	on := access.On{Project: hostile.Line(at.project, hostile.NameLimit), Object: hostile.Line(ask.DeploymentID, 100)}
	s := d.site(at.project)
	var env catalog.Environment
	var refused *refusal
	if s != nil {
		on.Project = s.Name
		env, refused = s.target(action, at.environment)
		on.Environment = env.Name
	}
	permit, err := d.gate.Allow(ctx, a, use, on)
	switch {
	case err != nil:
		return Operation{}, err
	case s == nil:
		return Operation{}, fault.New(fault.NotFound, "There is no project %q in the configuration.", on.Project)
	}
	reason = strings.TrimSpace(hostile.Line(reason, maxReason))
	if refused == nil {
		refused = ask.check(action, reason)
	}
	if refused == nil {
		refused = checkGlass(at.glass, env.Name, reason)
		ask.Glass = at.glass != ""
	}
	if refused != nil {
		return Operation{}, d.refuse(ctx, permit, ask, reason, refused)
	}
	op := Operation{
		ID: "op_" + strings.ToLower(rand.Text()), Project: s.Name, Environment: env.Name, Action: action, Phase: Requested, Status: StatusPending,
		Message: "Accepted.", Reason: reason, By: Who{ID: a.ID, Name: a.Label(), Kind: string(a.Kind)}, CreatedAt: d.clock.Now(), Sheet: ask.Sheet,
		Work: Work{Ask: ask}, RecordEnvironment: recordName(env),
	}
	op.PhaseAt = op.CreatedAt
	displace, turned, err := d.clear(ctx, s, permit, op, reason)
	if err != nil || turned != nil {
		return answered(turned), err
	}
	if production(env) {
		refused, err := d.consider(ctx, s, env, &op)
		switch {
		case refused != nil:
			return Operation{}, d.refuse(ctx, permit, ask, reason, refused)
		case err != nil:
			return Operation{}, err
		}
	}
	receipt := permit.Receipt(access.Note{Act: "requested", Object: op.ID, Reason: reason, Result: access.Requested, Detail: op.requested()})
	err = d.store.Begin(ctx, op, displace, receipt)
	if _, busy := errors.AsType[*Busy](err); busy && displace != "" {
		// What was in the way has begun to switch since it was looked at: now it
		// has to turn back, and a rollback must not be sent away for that.
		if _, turned, err := d.clear(ctx, s, permit, op, reason); err != nil || turned != nil {
			return answered(turned), err
		}
		err = d.store.Begin(ctx, op, "", receipt) // it has ended meanwhile
	}
	if err != nil {
		if _, busy := errors.AsType[*Busy](err); busy {
			_ = d.record(ctx, permit, ask, reason, CauseOperationLive) // the refusal is what matters to the caller
		}
		return Operation{}, err
	}
	d.m.tell(op)
	d.m.wakeUp()
	return op, nil
}

// clear sees to the operation that is live where another one is to begin. A
// rollback cancels one that has not begun to switch, which it answers, or turns
// one that has, which then is the rollback; anything else is refused.
func (d *Desk) clear(ctx context.Context, s *site, permit access.Permit, op Operation, reason string) (displace string, turned *Operation, err error) {
	live, there, err := d.store.LiveOperation(ctx, s.Name, op.Environment)
	switch {
	case err != nil || !there:
		return "", nil, err
	case op.Action != Rollback || live.Action == Rollback || live.Phase == RollingBack:
		return "", nil, d.refuseBusy(ctx, permit, live, op.Work.Ask, reason)
	case live.Switched():
		back, err := d.turnBack(ctx, s, permit, live, op.Work.Ask, reason)
		return "", &back, err
	}
	return live.ID, nil, nil
}

func answered(op *Operation) Operation {
	if op == nil {
		return Operation{}
	}
	return *op
}

// requested is what the audit entry of its beginning says.
func (o *Operation) requested() access.Detail {
	ask := o.Work.Ask
	detail := access.Detail{Operation: o.ID, From: o.From.id(), To: cmpOr(o.To.id(), ask.DeploymentID, ask.Ref), Commit: o.To.commit(), Digest: o.Sheet}
	switch {
	case ask.Glass:
		detail.Rule, detail.Note = "break_glass", "guards passed: "+cmpOr(o.Glass.causes(), "none so far")
	case o.Approval != nil:
		detail.Rule = "approved:" + o.Approval.ID
	case ask.BelowFloor && o.Floor != nil && o.Floor.Stand == StandsBelow:
		detail.Rule, detail.Note = string(CauseBelowFloor), "confirmed: the build may not run on the schema"
	}
	if ask.WithoutSnapshot != "" {
		detail.Note = strings.TrimPrefix(detail.Note+"; the snapshot of the database is waived", "; ")
	}
	return detail
}

func cmpOr(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// deskLimit is how long a caller waits for the first look. When the providers
// take longer, the operation is accepted and looks by itself.
const deskLimit = 5 * time.Second

// consider looks and judges while the caller waits, so that a refusal is the
// answer. Providers that cannot be read are no refusal: the machine asks again.
func (d *Desk) consider(ctx context.Context, s *site, env catalog.Environment, op *Operation) (*refusal, error) {
	limit, cancel := context.WithTimeout(ctx, deskLimit)
	defer cancel()
	if op.Action == Deploy {
		glass, refused, err := d.m.deployGuards(limit, s, env, op.Work.Ask)
		op.Glass = glass
		return refused, err
	}
	p, refused, err := d.m.consider(limit, s, env, op)
	switch {
	case refused != nil:
		return refused, nil
	case err == nil:
		p.write(op)
	case op.Action == Promote && s.Rules.Approval != nil && !op.Work.Ask.Glass:
		// An approval is of a content, and the content cannot be read.
		return nil, err
	default:
		d.log.InfoContext(ctx, "a release is accepted before its providers could be read", "operation", op.ID, "error", err)
	}
	return nil, nil
}

// check says what is wrong with a request in itself.
func (ask Ask) check(action Action, reason string) *refusal {
	switch {
	case reason == "":
		return no(CauseNoReason, "A %s needs a reason: say why, in a few words.", action)
	case action == Promote && ask.DeploymentID == "":
		return no(CauseWrongInput, "Say which deployment to promote: deploymentId is missing.")
	case len(ask.DeploymentID) > 200 || len(ask.Ref) > 250 || len(ask.ExpectedCurrent) > 200 || len(ask.Sheet) > 128:
		return no(CauseWrongInput, "A name in the request is longer than any real one.")
	}
	return nil
}

// target is the environment that an action is on.
func (s *site) target(action Action, environment string) (catalog.Environment, *refusal) {
	if action != Deploy || environment == "" {
		return s.production()
	}
	env, ok := s.Environment(environment)
	switch {
	case !ok && environment == string(catalog.Production):
		return s.production()
	case !ok:
		return env, no(CauseWrongInput, "There is no environment %q in project %s.", hostile.Line(environment, hostile.NameLimit), s.Name)
	case env.Kind == catalog.Production:
		return s.production()
	case env.Kind == catalog.Local:
		return env, no(CauseUnsupported, "%s is somebody's own machine: nothing is deployed there.", env.Name)
	case !s.workflow(deployBy) && (s.builder == nil || env.From.Mode != catalog.FromStaged):
		return env, no(CauseUnsupported, "Nothing here can deploy to %s: name a deploy_workflow in the github block.", env.Name)
	case s.platform == nil:
		return env, no(CauseUnsupported, "None of the providers of project %s deploys.", s.Name)
	}
	return env, nil
}

// refuse records a rule's no and answers it.
func (d *Desk) refuse(ctx context.Context, p access.Permit, ask Ask, reason string, r *refusal) error {
	if err := d.record(ctx, p, ask, reason, r.cause); err != nil {
		return err
	}
	return r.fault()
}

func (d *Desk) record(ctx context.Context, p access.Permit, ask Ask, reason string, c Cause) error {
	_, err := d.store.AppendAudit(ctx, p.Receipt(access.Note{
		Act: "refused", Reason: reason, Result: access.Refused, Detail: access.Detail{To: cmpOr(ask.DeploymentID, ask.Ref), Rule: string(c), Digest: ask.Sheet},
	}))
	return err
}

func (d *Desk) refuseBusy(ctx context.Context, p access.Permit, live Operation, ask Ask, reason string) error {
	if err := d.record(ctx, p, ask, reason, CauseOperationLive); err != nil {
		return err
	}
	return BusyFault(live.ID, live.Environment)
}

// turnBack tells a release that has switched to go back.
func (d *Desk) turnBack(ctx context.Context, s *site, p access.Permit, live Operation, ask Ask, reason string) (Operation, error) {
	order := Order{Kind: OrderRollback, By: Who{ID: p.Actor().ID, Name: p.Actor().Label(), Kind: string(p.Actor().Kind)}, Why: reason}
	if ask.DeploymentID != "" && ask.DeploymentID != live.Back.id() {
		limit, cancel := context.WithTimeout(ctx, deskLimit)
		defer cancel()
		t, err := s.platform.Deployment(limit, ask.DeploymentID)
		if err != nil {
			return Operation{}, err
		}
		if r := canGoBack(t); r != nil {
			return Operation{}, d.refuse(ctx, p, ask, reason, r)
		}
		order.To = buildOf(t)
	}
	if r := s.floorOfTurn(ctx, live, order.To, ask); r != nil {
		return Operation{}, d.refuse(ctx, p, ask, reason, r)
	}
	to := live.Back.id()
	if order.To != nil {
		to = order.To.ID
	}
	receipt := p.Receipt(access.Note{
		Act: "requested", Object: live.ID, Reason: reason, Result: access.Requested,
		Detail: access.Detail{Operation: live.ID, From: live.To.id(), To: to, Phase: string(live.Phase)},
	})
	if err := d.store.Order(ctx, live.ID, order, d.clock.Now(), receipt); err != nil {
		return Operation{}, err
	}
	d.m.poke(ctx, live.ID)
	return d.store.Operation(ctx, live.ID)
}

// Cancel stops an operation before it changes anything. Conflict when it has
// ended, or has begun to switch: then it can be rolled back.
func (d *Desk) Cancel(ctx context.Context, a access.Actor, id, reason string) (Operation, error) {
	op, err := d.store.Operation(ctx, id)
	on := access.On{Object: hostile.Line(id, 100)}
	if err == nil {
		on.Project, on.Environment = op.Project, op.Environment
	}
	permit, gerr := d.gate.Allow(ctx, a, access.CancelOperation, on)
	switch {
	case gerr != nil:
		return Operation{}, gerr
	case err != nil:
		return Operation{}, err
	}
	by := Who{ID: a.ID, Name: a.Label(), Kind: string(a.Kind)}
	reason = hostile.Line(reason, maxReason)
	if op.Phase.Ended() || op.Switched() {
		r := no(CauseAlreadySwitched, "The switch of %s has begun, so it cannot be cancelled any more. Roll back instead.", id)
		if op.Phase.Ended() {
			r = no(CauseWrongInput, "%s has ended already: %s.", id, op.Phase)
		}
		if err := d.record(ctx, permit, op.Work.Ask, reason, r.cause); err != nil {
			return Operation{}, err
		}
		return Operation{}, fault.Wrap(fault.Conflict, &No{r.cause}, "%s", r.message)
	}
	receipt := permit.Receipt(access.Note{Object: id, Reason: reason, Result: access.Requested, Detail: access.Detail{Operation: id, Phase: string(op.Phase)}})
	if err := d.store.Order(ctx, id, Order{Kind: OrderCancel, By: by, Why: reason}, d.clock.Now(), receipt); err != nil {
		return Operation{}, err
	}
	d.m.poke(ctx, id)
	return d.Operation(ctx, a, id)
}

// Operation answers one with its steps. NotFound.
func (d *Desk) Operation(ctx context.Context, a access.Actor, id string) (Operation, error) {
	if _, err := d.gate.Allow(ctx, a, access.ViewOperations, access.On{}); err != nil {
		return Operation{}, err
	}
	return d.store.Operation(ctx, id)
}

// Sizes of a list.
const (
	DefaultList = 20
	MaxList     = 100
)

// Operations answers the newest operations without their steps.
func (d *Desk) Operations(ctx context.Context, a access.Actor, q Query) ([]Operation, error) {
	if _, err := d.gate.Allow(ctx, a, access.ViewOperations, access.On{}); err != nil {
		return nil, err
	}
	s := d.site(q.Project)
	if s == nil {
		return nil, fault.New(fault.NotFound, "There is no project %q in the configuration.", hostile.Line(q.Project, hostile.NameLimit))
	}
	q.Project = s.Name
	if q.Limit <= 0 {
		q.Limit = DefaultList
	}
	q.Limit = min(q.Limit, MaxList)
	return d.store.Operations(ctx, q)
}

// Await answers an operation when it is confirmed live or has ended, or as it
// stands when the time is over.
func (d *Desk) Await(ctx context.Context, a access.Actor, id string, most time.Duration) (Operation, error) {
	deadline := clock.Real().Now().Add(most)
	for {
		op, err := d.Operation(ctx, a, id)
		if err != nil || op.Phase.Confirmed() || !clock.Real().Now().Before(deadline) {
			return op, err
		}
		if err := clock.Real().Sleep(ctx, awaitPace); err != nil {
			return op, nil //nolint:nilerr // whoever waited has gone
		}
	}
}

const awaitPace = 200 * time.Millisecond

func (d *Desk) site(project string) *site {
	i := slices.IndexFunc(d.sites, func(s *site) bool { return project == "" || s.Name == project })
	if i < 0 {
		return nil
	}
	return d.sites[i]
}

// recordName is an environment in the deployment record, which outside
// programs read: production is called so whatever its name here.
func recordName(e catalog.Environment) string {
	if production(e) {
		return "production"
	}
	return e.Name
}
