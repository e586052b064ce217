package cron

import (
	"container/heap"
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
)

const (
	queueLength = 4096
	// queueBytes bounds what the queue holds of output, which is the big part.
	queueBytes = 64 << 20
	// batchLimit is how much is decided in one transaction: enough to share
	// the cost of the disk, little enough not to keep anybody waiting.
	batchLimit = 256
	answerIn   = 2 * time.Second
	beatEvery  = 10 * time.Second
	// absence is how long nobody may show up before it counts as away.
	absence = 3 * beatEvery
)

// recorder is the one goroutine that decides and writes.
type recorder struct {
	store Store
	clock clock.Clock
	log   *slog.Logger
	beat  time.Duration

	queue chan *pending
	bytes atomic.Int64
	calls chan *call

	jobs    *directory
	moves   moves
	states  map[int64]*state
	present *attendance
	session Watch
	beaten  time.Time // the last that is on disk
	alarms  alarms
	shared  bool

	landed func(changed []*state, now time.Time) // publishes; the states are only lent
}

// pending is a report that waits to be decided.
type pending struct {
	report *Report
	taken  atomic.Bool // by the recorder, or by a reporter that gave up
	done   chan struct{}
	out    Accepted
	err    error
}

// call is work from elsewhere that changes jobs: a plan that changed.
type call struct {
	do   func(t *turn, l Ledger) error
	done chan error
}

// overload is the answer when there is no room or no time.
func overload(why string) error {
	return &fault.Error{Kind: fault.Unavailable, RetryAfter: 2 * time.Second, Message: "This report was not taken: " + why + ". Send it again in a moment."}
}

// submit waits until a report is on disk. fault.Unavailable with a time to try
// again when there is no room, at once, or when it takes too long.
func (rec *recorder) submit(ctx context.Context, r *Report) (Accepted, error) {
	size := int64(len(r.Output))
	if rec.bytes.Add(size) > queueBytes {
		rec.bytes.Add(-size)
		return Accepted{}, overload("too many reports are waiting to be written")
	}
	defer rec.bytes.Add(-size)
	p := &pending{report: r, done: make(chan struct{})}
	select {
	case rec.queue <- p:
	default:
		return Accepted{}, overload("too many reports are waiting to be written")
	}
	late, stop := rec.clock.Timer(answerIn)
	defer stop()
	select {
	case <-p.done:
		return p.out, p.err
	case <-late:
	case <-ctx.Done():
	}
	if p.taken.CompareAndSwap(false, true) {
		return Accepted{}, overload("the disk is slow")
	}
	// It is being written right now. Nobody may be told yes before that is
	// certain, and no is the safe answer: a report may come twice.
	select {
	case <-p.done:
		return p.out, p.err
	default:
		return Accepted{}, overload("the disk is slow")
	}
}

// run decides until the context ends, then says goodbye.
func (rec *recorder) run(ctx context.Context) error {
	if err := rec.arrive(ctx); err != nil {
		return err
	}
	for {
		wait := rec.wait()
		timer, stop := rec.clock.Timer(wait)
		var batch []*pending
		var c *call
		select {
		case <-ctx.Done():
			stop()
			rec.leave(ctx)
			return nil
		case p := <-rec.queue:
			batch = rec.gather(p)
		case c = <-rec.calls:
		case <-timer:
		}
		stop()
		rec.turn(ctx, batch, c)
	}
}

// wait is how long nothing has to be done without a report.
func (rec *recorder) wait() time.Duration {
	next := rec.beaten.Add(rec.beat)
	if at, ok := rec.alarms.first(); ok && at.Before(next) {
		next = at
	}
	return max(next.Sub(rec.clock.Now()), time.Millisecond)
}

// gather takes what else has arrived. It lets the reporters run once more, whom
// the transaction before has just answered: many that go together cost little
// more than one.
func (rec *recorder) gather(first *pending) []*pending {
	batch := make([]*pending, 0, 64)
	waited := false
	for p := first; ; {
		if p.taken.CompareAndSwap(false, true) {
			batch = append(batch, p)
		}
		if len(batch) >= batchLimit {
			return batch
		}
		select {
		case p = <-rec.queue:
			continue
		default:
		}
		if waited {
			return batch
		}
		waited = true
		runtime.Gosched()
		select {
		case p = <-rec.queue:
		default:
			return batch
		}
	}
}

// turn is one transaction: what was reported, what has become due, and that we
// were there.
func (rec *recorder) turn(ctx context.Context, batch []*pending, c *call) {
	now := rec.clock.Now()
	rec.attend(now)
	due := rec.alarms.due(now)
	beat := !now.Before(rec.beaten.Add(rec.beat))
	if len(batch) == 0 && c == nil && len(due) == 0 && !beat {
		return
	}
	t := &turn{rec: rec, now: now}
	// What has begun to be written is written whether or not somebody waits.
	err := rec.store.RecordCrons(context.WithoutCancel(ctx), func(l Ledger) error {
		return t.decide(l, batch, c, due, beat || len(due) > 0)
	})
	if err != nil {
		t.failed(err, batch, c, due)
		return
	}
	rec.present.still(now)
	if t.beat {
		rec.beaten = now
	}
	for _, s := range t.made {
		rec.states[s.job.ID] = s
	}
	for _, s := range t.order {
		rec.jobs.put(s.job)
		rec.schedule(s)
	}
	for _, p := range batch {
		close(p.done)
	}
	if c != nil {
		c.done <- nil
	}
	rec.landed(t.order, now)
}

// turn is what one transaction touches.
type turn struct {
	rec     *recorder
	now     time.Time
	attempt int
	beat    bool
	touched map[int64]*state
	order   []*state
	fresh   map[int64]bool // read in this attempt
	made    []*state       // jobs that exist once the transaction does
	undos   []func()
}

// undo takes back what was changed in memory by an attempt that failed.
func (t *turn) undo() {
	for _, undo := range slices.Backward(t.undos) {
		undo()
	}
	t.undos, t.made = nil, nil
}

func (t *turn) decide(l Ledger, batch []*pending, c *call, due []int64, beat bool) error {
	t.undo()
	t.attempt++
	t.touched, t.order, t.fresh, t.beat = map[int64]*state{}, nil, map[int64]bool{}, beat
	hours := &sums{}
	on := func(s *state) (*decision, error) {
		if err := t.touch(l, s); err != nil {
			return nil, err
		}
		return &decision{state: s, ledger: l, now: t.now, sums: hours, seen: t.rec.present.covers, moves: t.rec.moves.of(s.job.Project, s.job.Environment)}, nil
	}
	for _, p := range batch {
		s, created, err := t.resolve(l, &p.report.To)
		if err != nil && fault.KindOf(err) != fault.Internal && fault.KindOf(err) != fault.Unavailable {
			p.err = err // the report's own fault: the others go on
			continue
		}
		if err != nil {
			return err
		}
		d, err := on(s)
		if err != nil {
			return err
		}
		if p.out, err = d.report(p.report); err != nil {
			return err
		}
		p.out.Created = created
	}
	if c != nil {
		if err := c.do(t, l); err != nil {
			return err
		}
	}
	for _, id := range due {
		s := t.rec.states[id]
		if s == nil {
			continue
		}
		d, err := on(s)
		if err == nil {
			err = d.judge()
		}
		if err != nil {
			return err
		}
	}
	if err := l.AddSums(hours.list()); err != nil {
		return err
	}
	for _, s := range t.order {
		if s.newsworthy() {
			if err := l.Call(s.job.ID, t.now); err != nil {
				return err
			}
		}
	}
	if beat {
		t.rec.session.To = t.now
		return l.PutWatch(t.rec.session)
	}
	return nil
}

// touch makes sure that a state is what the store says before it is used.
func (t *turn) touch(l Ledger, s *state) error {
	if t.touched[s.job.ID] == nil {
		t.touched[s.job.ID] = s
		t.order = append(t.order, s)
	}
	if (!s.stale && !t.rec.shared && t.attempt == 1) || t.fresh[s.job.ID] {
		return nil
	}
	kept, err := l.Kept(s.job.ID, recentRuns)
	if err != nil {
		return err
	}
	s.keep(kept)
	s.advance()
	t.fresh[s.job.ID] = true
	return nil
}

// failed tells everybody that nothing was written.
func (t *turn) failed(err error, batch []*pending, c *call, due []int64) {
	t.rec.log.Error("reports of cron jobs could not be written", "reports", len(batch), "error", err)
	for _, s := range t.order {
		s.stale = true
	}
	t.undo()
	answer := overload("the database could not be written")
	for _, p := range batch {
		if p.err == nil {
			p.err = answer
		}
		close(p.done)
	}
	if c != nil {
		c.done <- err
	}
	again := t.now.Add(time.Second)
	for _, id := range due {
		t.rec.alarms.set(id, again)
	}
	t.rec.beaten = latest(t.rec.beaten, again.Add(-t.rec.beat))
}

// attend notices when nobody was there for a while: the machine slept, or the
// disk stood still. What was due then was not observed.
func (rec *recorder) attend(now time.Time) {
	if now.Sub(rec.present.until()) > max(absence, 3*rec.beat) {
		rec.log.Warn("nobody took reports of cron jobs for a while", "from", rec.present.until(), "to", now)
		rec.session = Watch{ID: uuid.NewString(), From: now, To: now}
		rec.present.begin(now)
	}
}

// arrive begins a span of presence and catches up with what was decided before
// the last one ended.
func (rec *recorder) arrive(ctx context.Context) error {
	now := rec.clock.Now()
	rec.session = Watch{ID: uuid.NewString(), From: now, To: now}
	rec.present.begin(now)
	for _, s := range rec.states {
		rec.schedule(s)
	}
	rec.beaten = time.Time{}
	rec.turn(ctx, nil, nil)
	return ctx.Err()
}

// leave says that we were there until now.
func (rec *recorder) leave(ctx context.Context) {
	now := rec.clock.Now()
	rec.session.To = now
	err := rec.store.RecordCrons(context.WithoutCancel(ctx), func(l Ledger) error { return l.PutWatch(rec.session) })
	if err != nil {
		rec.log.Warn("the end of the watch could not be written; the last seconds count as not observed", "error", err)
	}
	for {
		select {
		case p := <-rec.queue:
			if p.taken.CompareAndSwap(false, true) {
				p.err = overload("the server is stopping")
				close(p.done)
			}
		default:
			return
		}
	}
}

// schedule sets a job's alarm.
func (rec *recorder) schedule(s *state) {
	s.alarm()
	rec.alarms.set(s.job.ID, s.wake)
}

// alarms is when each job has to be looked at: a heap, and the valid time of
// each job. Entries that are no longer valid are passed over.
type alarms struct {
	heap  alarmHeap
	valid map[int64]time.Time
}

type alarm struct {
	at  time.Time
	job int64
}

type alarmHeap []alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h alarmHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *alarmHeap) Push(v any)        { *h = append(*h, v.(alarm)) }
func (h *alarmHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

func (a *alarms) set(job int64, at time.Time) {
	if a.valid == nil {
		a.valid = map[int64]time.Time{}
	}
	if at.IsZero() {
		delete(a.valid, job)
		return
	}
	if a.valid[job].Equal(at) {
		return
	}
	a.valid[job] = at
	heap.Push(&a.heap, alarm{at, job})
	if len(a.heap) > 4*len(a.valid)+1024 { // mostly entries that are no longer valid
		a.heap = a.heap[:0]
		for job, at := range a.valid {
			a.heap = append(a.heap, alarm{at, job})
		}
		heap.Init(&a.heap)
	}
}

func (a *alarms) first() (time.Time, bool) {
	for len(a.heap) > 0 {
		if top := a.heap[0]; a.valid[top.job].Equal(top.at) {
			return top.at, true
		}
		heap.Pop(&a.heap)
	}
	return time.Time{}, false
}

// due takes out the jobs whose time has come.
func (a *alarms) due(now time.Time) []int64 {
	var jobs []int64
	for {
		at, ok := a.first()
		if !ok || at.After(now) {
			return jobs
		}
		top := heap.Pop(&a.heap).(alarm)
		delete(a.valid, top.job)
		jobs = append(jobs, top.job)
	}
}
