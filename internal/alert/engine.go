package alert

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/release"
)

// Path is the page of the incidents; one is below it.
const Path = "/admin/environments/incidents"

// How often things are looked at, and how long they wait.
const (
	lookEvery   = time.Second
	rareEvery   = 5 * time.Second // for what nobody waits for
	callBatch   = 64
	sourceEvery = 30 * time.Second
	remindEvery = 4 * time.Hour
	// remindKnown is for incidents that somebody is on.
	remindKnown = 24 * time.Hour
	// settle is how long after a release what happens is still put down to it.
	settle = 2 * time.Minute
	// patience is how long an alarm waits for a release at most.
	patience = 15 * time.Minute
	// quietPatience is the same for a job that was found silent while a release
	// ran: the release's own watch decides first, and its jobs may come back with
	// it.
	quietPatience = 30 * time.Minute
	// doubt is how long a job's alarm waits while its environment looks sick,
	// since the two would be one incident.
	doubt     = 5 * time.Minute
	lookAgain = 5 * time.Second
	// suspectSpan is how far back a release may be the cause.
	suspectSpan = 6 * time.Hour
	// staleAfter is how long a source may be silent.
	staleAfter = 15 * time.Minute
	sweepEvery = time.Hour
	keep       = 400 * 24 * time.Hour
)

// Options is what an Engine is made of.
type Options struct {
	Catalog   catalog.Catalog
	Store     Store
	Receivers []Receiver
	Clock     clock.Clock
	Log       *slog.Logger
	// Interval is how often environments are probed: it says which samples
	// belong together.
	Interval time.Duration
	// Sources answers how the outside sources stand; nil for none.
	Sources func() []Source
	// HeadEvery is after how many audit entries the chain's head leaves the box.
	HeadEvery int64
	Links     Links
	// URL is the address that people use, "" when it is not known.
	URL string
}

// Receiver is somebody who is told.
type Receiver struct {
	Name string
	On   []string
	Send func(ctx context.Context, d Delivery) error
}

func (r *Receiver) wants(e Event) bool {
	return slices.ContainsFunc(r.On, e.Matches)
}

// Engine decides what is an incident, and delivers.
type Engine struct {
	store     Store
	catalog   catalog.Catalog
	receivers []Receiver
	clock     clock.Clock
	real      clock.Clock // leases are between processes
	log       *slog.Logger
	interval  time.Duration
	sources   func() []Source
	headEvery int64
	links     Links
	url       string
	owner     string

	wake chan struct{}
	sent []chan struct{} // wakes each receiver's sender

	// Only the loop's goroutine touches what follows.
	rarely, sourced, swept time.Time
	failing                bool
}

// NewEngine makes an engine; Run starts it.
func NewEngine(o Options) *Engine {
	e := &Engine{
		store: o.Store, catalog: o.Catalog, receivers: o.Receivers, clock: o.Clock, real: clock.Real(), log: o.Log, interval: o.Interval,
		sources: o.Sources, headEvery: o.HeadEvery, links: o.Links, url: o.URL, owner: uuid.NewString(), wake: make(chan struct{}, 1),
	}
	if e.interval <= 0 {
		e.interval = time.Minute
	}
	if e.headEvery <= 0 {
		e.headEvery = 100
	}
	for range e.receivers {
		e.sent = append(e.sent, make(chan struct{}, 1))
	}
	return e
}

// Wake makes the engine look now. It is only a hint: what there is to see is
// in the store.
func (e *Engine) Wake() { nudge(e.wake) }

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has been told already
	}
}

// Run judges and delivers until the context ends.
func (e *Engine) Run(ctx context.Context) error {
	var senders sync.WaitGroup
	defer senders.Wait()
	for i := range e.receivers {
		senders.Go(func() { e.deliver(ctx, &e.receivers[i], e.sent[i]) })
	}
	e.sourced = e.clock.Now() // sources get time to answer after a start
	for {
		more := e.turn(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if more {
			continue
		}
		timer, stop := e.clock.Timer(lookEvery)
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-timer:
		case <-e.wake:
		}
		stop()
	}
}

// turn looks once at everything; more says that there is more to look at.
func (e *Engine) turn(ctx context.Context) (more bool) {
	now := e.clock.Now()
	calls, err := e.store.Calls(ctx, now, callBatch)
	if err == nil {
		for i := range calls {
			if err = e.judge(ctx, calls[i]); err != nil {
				break
			}
		}
	}
	if err == nil && now.Sub(e.rarely) >= rareEvery {
		for _, look := range []func(context.Context, time.Time) error{e.remind, e.head, e.lookAtSources, e.sweep} {
			if err == nil {
				err = look(ctx, now)
			}
		}
		if err == nil {
			e.rarely = now
		}
	}
	switch {
	case ctx.Err() != nil:
	case err != nil && !e.failing: // once, not every second for as long as it lasts
		e.failing = true
		e.log.ErrorContext(ctx, "what may have gone wrong cannot be judged at the moment; nothing is lost, trying again", "error", err)
	case err == nil && e.failing:
		e.failing = false
		e.log.InfoContext(ctx, "what goes wrong is judged again")
	}
	return err == nil && len(calls) == callBatch
}

// judge looks at the facts behind a call.
func (e *Engine) judge(ctx context.Context, c Call) error {
	var err error
	switch c.Kind {
	case JobCall:
		err = e.judgeJob(ctx, c)
	case EnvironmentCall:
		err = e.judgeEnvironment(ctx, c)
	case OperationCall:
		err = e.judgeOperation(ctx, c)
	default:
		err = e.store.Apply(ctx, Change{Done: &c})
	}
	if errors.Is(err, ErrMoved) {
		return nil // another replica is at it, or a person: the call is still there
	}
	return err
}

// apply commits a change and wakes who has something to send.
func (e *Engine) apply(ctx context.Context, c Change) error {
	if err := e.store.Apply(ctx, c); err != nil {
		return err
	}
	for _, m := range c.Messages {
		for i := range e.receivers {
			if e.receivers[i].Name == m.Receiver {
				nudge(e.sent[i])
			}
		}
	}
	return nil
}

// remind tells again of incidents that last.
func (e *Engine) remind(ctx context.Context, now time.Time) error {
	due, err := e.store.Reminders(ctx, now)
	if err != nil {
		return err
	}
	for i := range due {
		inc := &due[i]
		if inc.Snoozed(now) {
			inc.RemindAt = *inc.SnoozedUntil
			if err := e.apply(ctx, Change{Incidents: []Incident{*inc}}); err != nil && !errors.Is(err, ErrMoved) {
				return err
			}
			continue
		}
		inc.SnoozedUntil = nil
		inc.Reminded++
		inc.RemindAt = now.Add(nextReminder(inc))
		lasts := spoken(now.Sub(inc.OpenedAt))
		c := Change{
			Incidents: []Incident{*inc}, Entries: []Entry{entry(inc.ID, now, Reminded, "It has lasted for "+lasts+".")},
			Messages: e.tell(inc, TellReminder, "Still open after "+lasts+": "+inc.Title, inc.Reason),
		}
		if err := e.apply(ctx, c); err != nil && !errors.Is(err, ErrMoved) {
			return err
		}
	}
	return nil
}

// nextReminder waits longer each time, a day at most.
func nextReminder(i *Incident) time.Duration {
	if i.AcknowledgedAt != nil {
		return remindKnown
	}
	return min(remindEvery<<min(i.Reminded, 3), remindKnown)
}

// headMark names how far the audit chain was told.
const headMark = "audit.head"

// head sends the end of the audit chain off the box every so many entries.
func (e *Engine) head(ctx context.Context, now time.Time) error {
	head, err := e.store.AuditHead(ctx)
	if err != nil {
		return err
	}
	told, err := e.store.Mark(ctx, headMark)
	if err != nil || head.Seq/e.headEvery <= told/e.headEvery {
		return err
	}
	return e.tellHead(ctx, head.Seq, head.Hash, head.At, told, nil)
}

// tellHead commits that the head is told, and with what.
func (e *Engine) tellHead(ctx context.Context, seq int64, hash string, at time.Time, told int64, c *Change) error {
	if c == nil {
		c = &Change{}
	}
	c.Mark = &Mark{Name: headMark, From: told, To: seq}
	c.Messages = append(c.Messages, e.headMessages(seq, hash, at)...)
	err := e.apply(ctx, *c)
	if errors.Is(err, ErrMoved) {
		return nil
	}
	if err == nil {
		e.log.InfoContext(ctx, "audit head", "seq", seq, "hash", hash, "at", at)
	}
	return err
}

func (e *Engine) headMessages(seq int64, hash string, at time.Time) []Message {
	return e.tellAll(Message{Event: AuditHead, Kind: TellNews, Content: Content{
		Title: "The audit chain ends at " + number(seq) + ":" + hash, Seq: seq, Hash: hash, At: at,
		Text: "Keep it: \"envdeck audit verify --head SEQ:HASH\" finds a record that was cut behind it.",
	}})
}

// sweep forgets incidents, used links and conditions that are old.
func (e *Engine) sweep(ctx context.Context, now time.Time) error {
	if now.Sub(e.swept) < sweepEvery {
		return nil
	}
	e.swept = now
	var names []string
	for i := range e.receivers {
		names = append(names, e.receivers[i].Name)
	}
	if err := e.store.Forsaken(ctx, names, now); err != nil {
		return err
	}
	return e.store.SweepAlerts(ctx, now.Add(-keep), now)
}

// operationsOf are an environment's newest operations.
func (e *Engine) operationsOf(ctx context.Context, k Key) ([]release.Operation, error) {
	return e.store.Operations(ctx, release.Query{Project: k.Project, Environment: k.Environment, Limit: 8})
}
