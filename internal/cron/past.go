package cron

import (
	"cmp"
	"slices"
	"time"
)

// past is a run as it is remembered: what deciding about the next report asks
// of it, in a fifth of a Run's space. Every job has recentRuns of them.
type past struct {
	at, slot int64 // microseconds since 1970
	took     time.Duration
	id       string // the caller's
	seq      int32
	state    State
	timing   Timing
	timed    bool
	begun    bool
	overran  bool
}

func pastOf(r *Run) past {
	return past{
		at: r.At.UnixMicro(), slot: r.Slot.UnixMicro(), took: r.Duration, id: r.ID, seq: int32(r.Seq),
		state: r.State, timing: r.Timing, timed: r.Timed, begun: r.Begun, overran: r.Overran,
	}
}

// run is what is remembered of it.
func (p *past) run(job int64) *Run {
	return &Run{
		Job: job, At: p.start(), Seq: int(p.seq), ID: p.id, State: p.state, Timing: p.timing, Slot: instant(p.slot),
		Duration: p.took, Timed: p.timed, Begun: p.begun, Overran: p.overran, ExitCode: -1,
	}
}

func (p *past) start() time.Time { return instant(p.at) }

// instant is a time again, also the zero one.
func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// answers says that the run is what its slot waited for.
func (p *past) answers(slot int64) bool { return p.slot == slot && p.timing != Duplicate }

// placeOf is where a run is among others in the order of their starts, or would be.
func placeOf(runs []past, p *past) (int, bool) {
	return slices.BinarySearchFunc(runs, p, func(a past, b *past) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
}
