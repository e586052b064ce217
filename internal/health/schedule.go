package health

import (
	"hash/fnv"
	"time"
)

// phase is a target's own place in the interval: the same in every run and on
// every replica, and spread evenly over the targets, so that they never all
// start at once.
func phase(k key, interval time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(k.project + "\x00" + k.environment))
	// FNV leaves names that differ in their last letter close together; the
	// finalizer of MurmurHash3 spreads them.
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return time.Duration(x % uint64(interval))
}

// next is the first time after now on the grid of the interval at the phase.
// The grid hangs on the epoch and not on the last probe, so nothing drifts,
// and a slot that was missed while the machine slept is skipped.
func next(now time.Time, phase, interval time.Duration) time.Time {
	since := time.Duration(now.UnixNano()) - phase
	return now.Add(interval - since%interval)
}
