package release

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/lease"
)

// How operations are shared between replicas.
const (
	leaseTTL   = lease.TTL
	claimEvery = lease.ClaimEvery
	storeLimit = lease.StoreLimit
	handOver   = lease.HandOver
)

// machine drives operations: it claims those that are due, keeps their leases,
// and stops what it may not go on with.
type machine struct {
	store Store
	gate  *access.Gate
	clock clock.Clock // the product's time, which may run fast
	real  clock.Clock // leases are between processes, so theirs is not
	log   *slog.Logger
	owner string
	sites map[string]*site
	point func(string) // told of every boundary; tests die there

	mu       sync.Mutex
	running  map[string]*run
	onChange []func(Operation)
	kick     chan struct{}

	follows *lease.Work[FollowUp]
}

// work claims and drives until the context ends. What is under way then is
// handed over: the lease is given back, and whoever is alive goes on.
func (m *machine) work(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		claimed, err := m.claim(ctx, &all)
		if err != nil && ctx.Err() == nil {
			m.log.WarnContext(ctx, "no release can be taken up at the moment", "error", err)
		}
		if claimed {
			continue
		}
		timer, stop := m.real.Timer(claimEvery)
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-timer:
		case <-m.kick:
		}
		stop()
	}
}

// wakeUp makes work look at once.
func (m *machine) wakeUp() {
	select {
	case m.kick <- struct{}{}:
	default: // it has been told already
	}
}

func (m *machine) claim(ctx context.Context, all *sync.WaitGroup) (bool, error) {
	began := m.real.Now()
	limit, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	held, op, order, ok, err := m.store.Claim(limit, Claim{Owner: m.owner, Now: m.clock.Now(), Real: began, TTL: leaseTTL})
	if err != nil || !ok {
		return false, err
	}
	r := &run{m: m, lease: held, op: op, wake: make(chan struct{}, 1), changed: map[int]bool{}}
	r.putOrder(order)
	if r.site = m.sites[op.Project]; r.site != nil {
		r.env, _ = r.site.Environment(op.Environment)
	}
	m.mu.Lock()
	m.running[op.ID] = r
	m.mu.Unlock()
	all.Go(func() {
		m.hold(ctx, r, began)
		m.mu.Lock()
		if m.running[op.ID] == r {
			delete(m.running, op.ID)
		}
		m.mu.Unlock()
	})
	return true, nil
}

// hold drives an operation for as long as its lease holds.
func (m *machine) hold(parent context.Context, r *run, began time.Time) {
	ctx, lose := context.WithCancelCause(parent)
	defer lose(nil)
	beats := make(chan struct{})
	go func() {
		defer close(beats)
		lease.Keep(ctx, m.real, began, func(ctx context.Context) error { return m.renew(ctx, r) }, lose)
	}()
	err := m.driveKnown(ctx, r)
	lose(err)
	<-beats
	r.asking.Wait()
	switch {
	case err == nil:
		if r.op.Phase.Ended() {
			m.finished(parent, r)
		}
	case errors.Is(err, ErrLost), errors.Is(context.Cause(ctx), ErrLost):
		r.log().InfoContext(parent, "another replica drives this release now")
	default:
		if parent.Err() == nil {
			r.log().WarnContext(parent, "a release is put down for a moment", "error", err)
		}
		// Whoever is alive goes on; a short wait keeps a database that is full
		// from being asked all the time.
		after, cancel := context.WithTimeout(context.WithoutCancel(parent), handOver)
		defer cancel()
		due := m.clock.Now()
		if parent.Err() == nil {
			due = due.Add(time.Second)
		}
		if err := m.store.Release(after, r.lease, due); err != nil && !errors.Is(err, ErrLost) {
			r.log().WarnContext(after, "the lease of a release could not be given back; it runs out by itself", "error", err)
		}
	}
}

// driveKnown ends operations of projects that the configuration has no more.
func (m *machine) driveKnown(ctx context.Context, r *run) error {
	switch {
	case r.site == nil:
	case r.op.Worker != nil && r.site.workers != nil, r.op.Worker == nil && r.site.platform != nil && r.env.Name != "":
		return r.drive(ctx)
	}
	t := r.giveUp(CauseUnsupported, "The configuration has no project %s with an environment %s and a platform any more, so nobody can go on with this operation.", r.op.Project, r.op.Environment)
	if r.op.Phase == Switching || r.op.Phase == Confirming || r.op.Phase == Baking {
		t.phase = NeedsHuman
	}
	r.since = m.clock.Now()
	r.saved = r.since
	return r.apply(ctx, t)
}

// renew keeps the lease and takes in the order that has come.
func (m *machine) renew(ctx context.Context, r *run) error {
	limit, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	o, err := m.store.Renew(limit, r.lease, Claim{Owner: m.owner, Now: m.clock.Now(), Real: m.real.Now(), TTL: leaseTTL})
	if err != nil {
		return err
	}
	r.putOrder(o)
	return nil
}

// poke makes the driver of an operation look at its orders now, if it is here.
func (m *machine) poke(ctx context.Context, id string) {
	m.mu.Lock()
	r := m.running[id]
	m.mu.Unlock()
	if r == nil {
		m.wakeUp()
		return
	}
	if err := m.renew(ctx, r); err != nil && !errors.Is(err, ErrLost) {
		m.log.DebugContext(ctx, "an order will be seen with the next heartbeat", "operation", id, "error", err)
	}
}

func (m *machine) finished(ctx context.Context, r *run) {
	level := slog.LevelInfo
	if r.op.Phase != Succeeded && r.op.Phase != Cancelled {
		level = slog.LevelWarn
	}
	r.log().Log(ctx, level, "a release has ended", "action", string(r.op.Action), "cause", string(r.op.Cause), "to", r.op.To.id())
	if r.site == nil {
		return
	}
	refresh := r.site.Refresh
	if r.op.Worker != nil {
		refresh = r.site.RefreshWorkers
	}
	if refresh != nil {
		ctx, cancel := context.WithTimeout(ctx, 2*readLimit)
		defer cancel()
		refresh(ctx)
	}
}

func (m *machine) tell(op Operation) {
	m.mu.Lock()
	listeners := m.onChange
	m.mu.Unlock()
	for _, fn := range listeners {
		fn(op)
	}
}

// actor is envdeck acting by itself.
func (m *machine) actor() access.Actor { return access.SystemActor("release") }

// receipt asks the Gate for the audit entry of an act of envdeck's own.
func (m *machine) receipt(use access.UseCase, op Operation, n access.Note) (access.Receipt, error) {
	permit, err := m.gate.Allow(context.Background(), m.actor(), use, access.On{Project: op.Project, Environment: op.Environment, Object: op.ID})
	if err != nil {
		return access.Receipt{}, err
	}
	return permit.Receipt(n), nil
}

// production says whether the operation's environment is the one that people
// see; others only get builds.
func production(e catalog.Environment) bool { return e.Kind == catalog.Production }
