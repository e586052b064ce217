package release

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
)

// turn is what a phase's work answers: stay or go on, and when to look again.
type turn struct {
	phase   Phase // "" stays
	cause   Cause
	message string // "" keeps the last
	wait    time.Duration
	commit  bool // write it down now, though it stays
}

func stay(wait time.Duration, format string, args ...any) turn {
	return turn{wait: wait, message: fmt.Sprintf(format, args...)}
}

func to(p Phase, c Cause, format string, args ...any) turn {
	return turn{phase: p, cause: c, message: fmt.Sprintf(format, args...)}
}

// run is one operation being driven under a lease.
type run struct {
	m     *machine
	site  *site
	env   catalog.Environment
	lease Lease
	op    Operation
	wake  chan struct{}

	changed map[int]bool // steps to be written
	since   time.Time    // from when the phase's time is not counted yet
	saved   time.Time
	stay    bool // a turn was made in this phase since it was taken up

	look   *seen          // the last look at production
	asking sync.WaitGroup // what is asked beside the turns
	looks  async[seen]
	counts async[count]
	nextAt struct{ look, errors time.Time }

	obeyed bool // an order was read; the next commit takes it off the row

	mu    sync.Mutex
	order Order
}

// count is a number of errors since a time, or why there is none.
type count struct {
	rate Rate
	err  error
}

// async is a question that must not hold up the turn: at most one is under way.
type async[T any] struct {
	mu    sync.Mutex
	busy  bool
	value *T
}

func (a *async[T]) ask(all *sync.WaitGroup, fn func() (T, bool)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy {
		return
	}
	a.busy = true
	all.Go(func() {
		v, ok := fn()
		a.mu.Lock()
		defer a.mu.Unlock()
		a.busy = false
		if ok {
			a.value = &v
		}
	})
}

// take answers what has come since the last take, nil for nothing.
func (a *async[T]) take() *T {
	a.mu.Lock()
	defer a.mu.Unlock()
	v := a.value
	a.value = nil
	return v
}

// drive works on the operation until it has ended, the lease is lost or the
// context ends. ctx ends with the lease.
func (r *run) drive(ctx context.Context) error {
	r.since, r.saved = r.m.clock.Now(), r.m.clock.Now()
	r.op.Work.Claims++
	for !r.op.Phase.Ended() {
		t, err := r.turn(ctx)
		if errors.Is(err, ErrOrdered) { // read it before anything else
			if err = r.m.renew(ctx, r); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := r.apply(ctx, t); err != nil {
			return err
		}
		if t.wait > 0 && !r.op.Phase.Ended() {
			r.sleep(ctx, t.wait)
		}
	}
	return nil
}

// turn does the phase's work once. A defect in it must not take the operation
// up again for ever.
func (r *run) turn(ctx context.Context) (t turn, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.m.log.ErrorContext(ctx, "a release stopped on a defect", "operation", r.op.ID, "phase", r.op.Phase, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			t, err = r.giveUp(CauseDefect, "A defect inside envdeck stopped this operation in phase %s. The log has the details.", r.op.Phase), nil
		}
	}()
	if t, handled := r.obey(); handled {
		return t, nil
	}
	switch {
	case r.op.Worker != nil:
		return r.workerTurn(ctx)
	case r.op.Work.Ending != nil:
		return r.ending(ctx)
	}
	switch r.op.Phase {
	case Requested:
		t = to(Preflight, "", "Checking what is live and whether this build may go there.")
	case Preflight:
		t = r.preflight(ctx)
	case Snapshot:
		if t = r.snapshot(ctx); t.phase == Switching {
			r.recordWorkers(ctx) // committed with the phase, before any call
		}
	case Switching:
		t, err = r.switching(ctx)
	case Confirming:
		t, err = r.confirming(ctx)
	case Baking:
		t, err = r.baking(ctx)
	case RollingBack:
		t, err = r.rollingBack(ctx)
	default:
		t = r.giveUp(CauseDefect, "This envdeck does not know the phase %q. A newer one made the operation; start that again.", r.op.Phase)
	}
	return t, err
}

// giveUp is the end that says least: before a switch it failed, after it a
// person has to look.
func (r *run) giveUp(c Cause, format string, args ...any) turn {
	end := NeedsHuman
	switch r.op.Phase {
	case Requested, Preflight, Snapshot:
		end = Failed
	case RollingBack:
		end = RollbackFailed
	}
	return to(end, c, format, args...)
}

// obey does what somebody has ordered.
func (r *run) obey() (turn, bool) {
	o := r.takeOrder()
	r.obeyed = r.obeyed || o.Kind != ""
	switch {
	case o.Kind == OrderCancel && !r.op.Switched():
		return to(Cancelled, CauseAsked, "Cancelled by %s before anything was changed.", o.By.Name), true
	case o.Kind == OrderRollback && r.op.Switched() && r.op.Phase != RollingBack && r.op.Action != Rollback:
		if o.To != nil {
			r.op.Work.BackTo = o.To
		}
		r.op.Work.BackCause, r.op.Work.BackMessage = CauseAsked, o.By.Name+": "+o.Why
		return to(RollingBack, CauseAsked, "%s asked to roll back: %s", o.By.Name, o.Why), true
	case o.Kind == OrderRollback && r.op.Phase == RollingBack && r.op.Work.Call == nil && o.To != nil:
		r.op.Work.BackTo = o.To
	}
	return turn{}, false
}

func (r *run) takeOrder() Order {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.order
	r.order = Order{}
	return o
}

func (r *run) putOrder(o Order) {
	if o.Kind == "" {
		return
	}
	r.mu.Lock()
	r.order = o
	r.mu.Unlock()
	r.nudge()
}

func (r *run) nudge() {
	select {
	case r.wake <- struct{}{}:
	default: // it has been told already
	}
}

// sleep waits, or less when something happens.
func (r *run) sleep(ctx context.Context, d time.Duration) {
	timer, stop := r.m.clock.Timer(d)
	defer stop()
	select {
	case <-timer:
	case <-r.wake:
	case <-ctx.Done():
	}
}

// keepEvery is how often a phase that stays is written down all the same, so
// that a restart knows how much of its time is spent.
const keepEvery = 2 * time.Second

// apply takes a turn's answer: deadlines, the next phase, and the commit.
func (r *run) apply(ctx context.Context, t turn) error {
	now := r.m.clock.Now()
	r.op.Work.Spent += max(now.Sub(r.since), 0)
	r.since = now
	if t.phase == "" {
		// Whoever takes an operation up looks once before its time is over.
		if limit := r.deadline(); r.stay && limit > 0 && r.op.Work.Spent >= limit {
			t = r.late(t)
		}
		r.stay = true
	}
	if t.message != "" && t.message != r.op.Message {
		r.op.Message, t.commit = t.message, true
	}
	if t.phase != "" {
		if err := r.enter(t.phase, t.cause); err != nil {
			return err
		}
		t.commit = true
	}
	if !t.commit && !r.obeyed && now.Sub(r.saved) < keepEvery {
		return nil
	}
	return r.save(ctx, Change{})
}

// enter goes to a phase in memory; the next commit makes it true.
func (r *run) enter(p Phase, c Cause) error {
	if !may(r.op.stages(), r.op.Phase, p) {
		return fault.New(fault.Internal, "A release tried to go from %s to %s.", r.op.Phase, p)
	}
	now := r.m.clock.Now()
	r.op.Phase, r.op.Cause, r.op.PhaseAt = p, c, now
	r.op.Status = p.Status()
	r.op.Work.Spent, r.since, r.stay = 0, now, false
	switch p {
	case RollingBack:
		r.op.Work.Call, r.op.Work.Confirm = nil, Confirm{}
	case Confirming:
		r.op.Work.Confirm = Confirm{}
	}
	if p.Ended() {
		r.op.EndedAt = &now
		for i := range r.op.Steps {
			if s := &r.op.Steps[i]; s.EndedAt == nil {
				s.EndedAt = &now
				r.changed[s.Seq] = true
			}
		}
	}
	return nil
}

// deadline is how long the present phase may take.
func (r *run) deadline() time.Duration {
	switch {
	case r.op.Work.Ending != nil:
		return workersLimit
	case r.op.Phase == Baking:
		return 2*r.site.Rules.Bake + bakeSlack
	case r.op.Worker == nil && r.op.Phase == Switching && r.builds():
		return buildLimit
	}
	return r.op.stages()[r.op.Phase].deadline
}

// builds says that the switch has something built first.
func (r *run) builds() bool {
	if r.op.Work.Built != nil && r.op.Work.Call != nil && r.op.Work.Call.Verb == VerbPromote {
		return false
	}
	return r.op.Action == Deploy || r.op.Work.Ask.Rebuild || r.op.Work.Fallen
}

// late is the exit of a phase whose time is over.
func (r *run) late(t turn) turn {
	s := r.op.stages()[r.op.Phase]
	switch {
	case r.op.Worker != nil:
		return r.workerLate(s, t)
	case r.op.Work.Ending != nil:
		return r.endingLate(t)
	}
	out := turn{phase: s.late, cause: s.cause, message: t.message}
	switch r.op.Phase {
	case Switching:
		if !r.op.Switched() {
			out.phase, out.cause = Failed, CauseStuck
			out.message = "It did not come to a switch in time, and nothing was changed. Last: " + t.message
			break
		}
		if c := r.op.Work.Call; c != nil && c.Answer == Queued {
			out.cause = CauseQueued
		}
		out.message = fmt.Sprintf("The switch did not end within %s. Look at the platform; production may have moved or not. Last: %s", r.deadline(), t.message)
	case RollingBack:
		out.message = fmt.Sprintf("The rollback did not end within %s. %s Last: %s", r.deadline(), r.nextCommands(), t.message)
	case Confirming:
		out.message = fmt.Sprintf("The domains point at %s, but the site did not prove within %s that it serves it. Last: %s", r.op.To.id(), r.deadline(), t.message)
	case Baking:
		out.message = "The watch is over and proves neither good nor bad. Last: " + t.message
	case Snapshot:
		out.phase, out.cause = Refused, CauseNoSnapshot
		out.message = fmt.Sprintf("No snapshot of the database could be made within %s, so nothing was changed. To release all the same, promote again with a waiver that says why. Last: %s", r.deadline(), t.message)
	default:
		out.message = "It took too long, and nothing was changed. Last: " + t.message
	}
	return out
}

// begin starts a step; finish ends it. Both are written with the next commit.
func (r *run) begin(name string, attempt int, intent string) *Step {
	seq := len(r.op.Steps) + 1
	r.op.Steps = append(r.op.Steps, Step{Seq: seq, Phase: r.op.Phase, Name: name, Attempt: attempt, Intent: intent, StartedAt: r.m.clock.Now()})
	r.changed[seq] = true
	return &r.op.Steps[seq-1]
}

// current is the open step of a name in this phase, begun when there is none.
func (r *run) current(name string) *Step {
	for i := range r.op.Steps {
		s := &r.op.Steps[i]
		if s.Name == name && s.Phase == r.op.Phase && s.EndedAt == nil {
			return s
		}
	}
	return r.begin(name, 0, "")
}

func (r *run) note(s *Step, v Verdict, format string, args ...any) {
	s.Verdict, s.Observation = v, fmt.Sprintf(format, args...)
	r.changed[s.Seq] = true
}

func (r *run) finish(s *Step, v Verdict, format string, args ...any) {
	r.note(s, v, format, args...)
	s.EndedAt = new(r.m.clock.Now())
}

// evidence replaces a step's evidence.
func (r *run) evidence(s *Step, all ...Evidence) {
	s.Evidence = all
	r.changed[s.Seq] = true
}

// save commits everything that was changed in memory. It is refused when the
// lease is gone.
func (r *run) save(ctx context.Context, c Change) error {
	now := r.m.clock.Now()
	r.op.Work.Spent += max(now.Sub(r.since), 0)
	r.since = now
	if r.op.Work.Intended && !r.op.Work.Followed && r.site != nil {
		c.Follow = r.site.follows(&r.op, r.env.Sentry, now)
		r.op.Work.Followed = c.Follow != nil
	}
	c.Operation = r.op // with a comparison that is not kept yet
	c.Operation.Steps = nil
	for _, s := range r.op.Steps {
		if r.changed[s.Seq] {
			c.Steps = append(c.Steps, s)
		}
	}
	c.WakeAt, c.Obeyed = now, r.obeyed
	if r.obeyed {
		// The order on the row is the one that was read: there is room for one.
		// Waiting for it to go away would wait for this very commit.
		c.Unless = false
	}
	if r.op.Phase.Ended() {
		r.close(&c, now)
	}
	r.m.point("save." + string(r.op.Phase) + ".before")
	if err := r.m.store.Save(ctx, r.lease, c); err != nil {
		r.op.Work.Followed = r.op.Work.Followed && c.Follow == nil
		return err
	}
	r.m.point("save." + string(r.op.Phase) + ".after")
	clear(r.changed)
	r.saved, r.obeyed, r.op.Compared = now, false, nil
	r.m.tell(r.op)
	return nil
}

// close adds to the last change of an operation what ends with it.
func (r *run) close(c *Change, now time.Time) {
	c.Closed = append(c.Closed, Closed{ID: r.op.ID, Status: r.op.Phase.Status(), From: r.op.From.id(), To: r.op.To.id(), At: now})
	if r.op.Automatic {
		status := StatusFailed
		if r.op.Phase == RolledBack {
			status = StatusSuccess
		}
		c.Closed = append(c.Closed, Closed{ID: backRecord(r.op.ID), Status: status, From: r.op.To.id(), To: r.back().id(), At: now})
	}
	result := access.Failed
	switch r.op.Phase {
	case Succeeded, RolledBack, Cancelled:
		result = access.Done
	case Refused:
		result = access.Refused
	}
	receipt, err := r.m.receipt(access.Automate, r.op, access.Note{
		Act: r.op.act() + "." + string(r.op.Phase), Object: r.op.ID, Result: result,
		Detail: access.Detail{
			Operation: r.op.ID, From: r.op.From.id(), To: r.op.To.id(), Commit: r.op.To.commit(), Phase: string(r.op.Phase),
			Rule: string(r.op.Cause), Verdict: string(verdictOf(r.op.Phase)), Digest: r.op.Sheet,
		},
	})
	if err != nil { // the policy lets the system act; without a receipt the end is still the end
		r.m.log.Error("the end of a release could not be put into the audit log", "operation", r.op.ID, "error", err)
		return
	}
	c.Receipt = &receipt
}

func verdictOf(p Phase) Verdict {
	switch p {
	case Succeeded:
		return Pass
	case NeedsHuman, Superseded, Cancelled:
		return Inconclusive
	default:
		return Fail
	}
}

// backRecord names the row of the deployment record of a rollback by rule.
func backRecord(id string) string { return id + "-rollback" }

// back is what production goes back to.
func (r *run) back() *Build {
	if r.op.Work.BackTo != nil {
		return r.op.Work.BackTo
	}
	return r.op.Back
}

func (r *run) log() *slog.Logger {
	return r.m.log.With("operation", r.op.ID, "project", r.op.Project, "phase", string(r.op.Phase))
}
