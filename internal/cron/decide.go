package cron

import (
	"time"
)

// decision is one job's part of a transaction: what is decided about its
// reports and deadlines, written as it is decided.
type decision struct {
	*state
	ledger Ledger
	now    time.Time
	sums   *sums
	seen   func(from, to time.Time) bool // nobody was away then
	moves  []Switch                      // of the job's environment, oldest first
}

// sums gathers what a transaction adds to hours, so that each is written once.
type sums struct {
	order []sumKey
	by    map[sumKey]*Sum
}

type sumKey struct {
	job int64
	at  int64
}

func (s *sums) add(a Sum) {
	key := sumKey{a.Job, a.At.Unix()}
	if s.by == nil {
		s.by = map[sumKey]*Sum{}
	}
	if there := s.by[key]; there != nil {
		there.Add(a)
		return
	}
	s.by[key], s.order = &a, append(s.order, key)
}

func (s *sums) list() []Sum {
	out := make([]Sum, 0, len(s.order))
	for _, key := range s.order {
		out = append(out, *s.by[key])
	}
	return out
}

func (d *decision) count(at time.Time, add Sum) { d.sums.add(d.sum(at, add)) }

// report decides what a report means.
func (d *decision) report(r *Report) (a Accepted, err error) {
	a.Job = d.job
	switch r.Signal {
	case Start:
		a.Run, a.Known, err = d.begin(r)
	case Log:
		a.Run, err = d.note(r)
	default:
		a.Run, a.Known, err = d.end(r)
	}
	d.advance()
	d.forget(d.now)
	return a, err
}

// moment is when a report's news happened, by our clock. A reporter's clock is
// believed about the past, since reports may be delivered late; a time in the
// future is a clock that is wrong. A reporter that says when it sent the report
// tells us how wrong its clock is.
func (r *Report) moment() time.Time {
	at := r.Ended
	if at.IsZero() {
		return r.Received
	}
	if !r.SentAt.IsZero() {
		if off := r.Received.Sub(r.SentAt); off.Abs() > clockSkew {
			at = at.Add(off)
		}
	}
	if at.After(r.Received.Add(clockSkew)) {
		return r.Received
	}
	return at
}

// clockSkew is how far apart clocks may be without anybody caring.
const clockSkew = 5 * time.Second

// begin opens a run.
func (d *decision) begin(r *Report) (Run, bool, error) {
	if known := d.find(r.RunID); known != nil {
		return *known, true, nil
	}
	run := Run{
		Job: d.job.ID, At: r.moment(), ID: r.RunID, State: Running, ExitCode: -1, Via: r.Via, Commit: r.Commit, Begun: true,
	}
	return d.add(run, r, false)
}

// add inserts a run at its slot. exact says that its start is known to the
// millisecond from the reporter, so that the same start is the same run.
func (d *decision) add(run Run, r *Report, exact bool) (Run, bool, error) {
	run.At = run.At.UTC().Truncate(time.Microsecond)
	run.EndedAt = run.EndedAt.UTC().Truncate(time.Microsecond)
	run.Slot, run.Timing = d.match(run.At)
	if err := d.print(&run, r); err != nil {
		return run, false, err
	}
	for i := len(d.recent) - 1; i >= 0 && !exact; i-- {
		if d.recent[i].start().Equal(run.At) {
			run.Seq = int(d.recent[i].seq) + 1
			break
		}
	}
	for {
		added, err := d.ledger.AddRun(run)
		if err != nil {
			return run, false, err
		}
		if added {
			break
		}
		// Its id or its time is taken. Without either to go by it is another
		// run of the same moment.
		if exact || run.ID != "" || run.Seq > recentRuns {
			return run, true, d.ledger.DropOutput(run.OutputID)
		}
		run.Seq++
	}
	d.remember(run)
	if run.State == Running {
		d.open = append(d.open, run)
	}
	if run.Timing == Late {
		d.count(run.At, Sum{Late: 1})
	}
	if run.State.Ended() {
		d.tally(run)
	}
	return run, false, d.answer(run)
}

// print keeps what a report says the run printed.
func (d *decision) print(run *Run, r *Report) (err error) {
	if len(r.Output) == 0 {
		return nil
	}
	run.Output = len(r.Output)
	run.OutputID, err = d.ledger.PutOutput(run.OutputID, r.Output)
	return err
}

// answer takes back that a run's slot was missed.
func (d *decision) answer(run Run) error {
	if run.Slot.IsZero() {
		return nil
	}
	for i, m := range d.missed {
		if m.Slot.Equal(run.Slot) {
			d.missed = append(d.missed[:i], d.missed[i+1:]...)
			d.count(m.Slot, Sum{Missed: -1})
			return d.ledger.DropMiss(m.Job, m.Slot)
		}
	}
	return nil
}

// tally counts a run that has ended.
func (d *decision) tally(run Run) {
	add := Sum{Good: 1}
	if run.State == Failed {
		add = Sum{Failed: 1}
	}
	if run.Timed {
		add.Timed, add.Total, add.Max = 1, run.Duration, run.Duration
	}
	d.count(run.At, add)
	d.ended(run)
}

// find is the run of a caller's id among those remembered.
func (d *decision) find(id string) *Run {
	if id == "" {
		return nil
	}
	for i := range d.open {
		if d.open[i].ID == id {
			return &d.open[i]
		}
	}
	for i := len(d.recent) - 1; i >= 0; i-- {
		if d.recent[i].id == id {
			return d.recent[i].run(d.job.ID)
		}
	}
	return nil
}

// opened is the open run that a report is about: of its id; or, when it names
// none, the newest that has no id either, else the newest at all. A report
// that brings its own start and end is only about a run that began just then.
func (d *decision) opened(r *Report) int {
	newest := -1
	for i := len(d.open) - 1; i >= 0; i-- {
		run := &d.open[i]
		switch {
		case r.RunID != "":
			if run.ID == r.RunID {
				return i
			}
		case r.Timed && r.moment().Add(-r.Duration).Sub(run.At).Abs() > 2*clockSkew:
		case run.ID == "":
			return i
		case newest < 0:
			newest = i
		}
	}
	return newest
}

// end closes a run, or takes one that is only heard of at its end.
func (d *decision) end(r *Report) (Run, bool, error) {
	i := d.opened(r)
	if i < 0 {
		if known := d.find(r.RunID); known != nil {
			return *known, true, nil
		}
		return d.whole(r)
	}
	run := d.open[i]
	d.open = append(d.open[:i], d.open[i+1:]...)
	run.EndedAt = r.moment().UTC().Truncate(time.Microsecond)
	if run.EndedAt.Before(run.At) {
		run.EndedAt = run.At // two clocks
	}
	run.Duration, run.Timed = run.EndedAt.Sub(run.At), true
	if r.Timed {
		run.Duration = r.Duration // its own watch knows better than two messages
	}
	d.outcome(&run, r)
	if err := d.print(&run, r); err != nil {
		return run, false, err
	}
	if err := d.ledger.ChangeRun(run); err != nil {
		return run, false, err
	}
	d.changed(run)
	d.tally(run)
	return run, false, nil
}

// whole takes a run that is only heard of at its end.
func (d *decision) whole(r *Report) (Run, bool, error) {
	end := r.moment()
	run := Run{Job: d.job.ID, At: end, EndedAt: end, ID: r.RunID, ExitCode: -1, Via: r.Via}
	if r.Timed {
		run.At, run.Duration, run.Timed = end.Add(-r.Duration), r.Duration, true
	}
	d.outcome(&run, r)
	return d.add(run, r, r.Timed && r.RunID == "" && end.Equal(r.Ended))
}

func (d *decision) outcome(run *Run, r *Report) {
	run.State = Succeeded
	if r.Signal == Failure {
		run.State = Failed
	}
	run.StatusCode, run.ExitCode, run.Error = r.StatusCode, r.ExitCode, r.Error
	if r.Commit != "" {
		run.Commit = r.Commit
	}
	run.Overran = run.Overran || run.Timed && run.Duration > d.table.maxRun()
}

// note adds to what an open run printed, and shows that it is alive; without
// one it is a line of its own.
func (d *decision) note(r *Report) (Run, error) {
	i := d.opened(r)
	if i < 0 {
		run := Run{Job: d.job.ID, At: r.moment().UTC().Truncate(time.Microsecond), State: Noted, ExitCode: -1, Via: r.Via}
		run.EndedAt = run.At
		if err := d.print(&run, r); err != nil {
			return run, err
		}
		for {
			added, err := d.ledger.AddRun(run)
			if err != nil || run.Seq > recentRuns {
				return run, err
			}
			if added {
				break
			}
			run.Seq++
		}
		return run, nil
	}
	run := d.open[i]
	if run.State == Lost {
		run.State = Running // it was only quiet
	}
	run.heard = r.Received
	if err := d.print(&run, r); err != nil {
		return run, err
	}
	d.open[i] = run
	d.changed(run)
	return run, d.ledger.ChangeRun(run)
}

// judge looks at every deadline that has passed.
func (d *decision) judge() error {
	if err := d.overdue(); err != nil {
		return err
	}
	for d.advance(); !d.next.IsZero(); d.advance() {
		slot := d.next
		deadline := d.deadline(slot)
		if deadline.After(d.now) {
			return nil
		}
		if d.seen(slot.Add(-d.earliest(slot)), deadline) {
			if err := d.miss(d.blame(Miss{Job: d.job.ID, Slot: slot, Deadline: deadline, NoticedAt: d.now})); err != nil {
				return err
			}
		}
		d.step()
	}
	return nil
}

func (d *decision) earliest(slot time.Time) time.Duration {
	if d.table.Schedule == "" {
		return 0
	}
	return d.table.early(slot)
}

func (d *decision) miss(m Miss) error {
	added, err := d.ledger.AddMiss(m)
	if err != nil || !added {
		return err
	}
	if len(d.missed) >= recentRuns {
		d.missed = d.missed[1:]
	}
	d.missed = append(d.missed, m)
	d.count(m.Slot, Sum{Missed: 1})
	return nil
}

// overdue looks at open runs: the first time they have overrun, the last time
// they are given up.
func (d *decision) overdue() error {
	for i := 0; i < len(d.open); i++ {
		run := d.open[i]
		if d.limit(&run).After(d.now) {
			continue
		}
		if run.State == Running {
			run.State, run.Overran = Lost, true
			d.open[i] = run
		} else {
			run.EndedAt = d.now.Truncate(time.Microsecond)
			d.open = append(d.open[:i], d.open[i+1:]...)
			i--
		}
		d.changed(run)
		if err := d.ledger.ChangeRun(run); err != nil {
			return err
		}
	}
	return nil
}
