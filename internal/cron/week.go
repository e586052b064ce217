package cron

import (
	"encoding/binary"
	"slices"
	"time"
)

// week is the hours that the statistics cover. Every job has up to 169 of them,
// most of small numbers: packed they take some 16 bytes, and 64 as they are.
// Only the newest, which nearly all reports are of, is not packed.
type week struct {
	packed []byte // the hours before the newest, oldest first
	newest hour
}

// hour is a Sum as it is kept in memory.
type hour struct {
	since                             int64 // hours since 1970; 0: none
	good, failed, late, missed, timed int64
	total, max                        time.Duration
}

func hourOf(s Sum) hour {
	return hour{sinceEpoch(s.At), s.Good, s.Failed, s.Late, s.Missed, s.Timed, s.Total, s.Max}
}

func sinceEpoch(t time.Time) int64 { return t.Unix() / 3600 }

func (h *hour) at() time.Time { return time.Unix(h.since*3600, 0).UTC() }

func (h *hour) add(o hour) {
	h.good += o.good
	h.failed += o.failed
	h.late += o.late
	h.missed += o.missed
	h.timed += o.timed
	h.total += o.total
	h.max = max(h.max, o.max)
}

func (h *hour) fields() [8]*int64 {
	return [...]*int64{&h.since, &h.good, &h.failed, &h.late, &h.missed, &h.timed, (*int64)(&h.total), (*int64)(&h.max)}
}

// pack writes which fields are not zero, a bit for each, and then those.
func (h *hour) pack(to []byte) []byte {
	head := len(to)
	to = append(to, 0)
	for i, n := range h.fields() {
		if *n != 0 {
			to[head] |= 1 << i
			to = binary.AppendVarint(to, *n)
		}
	}
	return to
}

// unpack reads one hour and answers what follows it.
func (h *hour) unpack(from []byte) []byte {
	there, from := from[0], from[1:]
	*h = hour{}
	for i, n := range h.fields() {
		if there&(1<<i) != 0 {
			size := 0
			*n, size = binary.Varint(from)
			from = from[size:]
		}
	}
	return from
}

// all are the hours, oldest first. What is yielded is one hour after the other
// in the same place.
func (w *week) all(yield func(*hour) bool) {
	var h hour
	for rest := w.packed; len(rest) > 0; {
		rest = h.unpack(rest)
		if !yield(&h) {
			return
		}
	}
	if h = w.newest; h.since != 0 {
		yield(&h)
	}
}

// add adds to an hour.
func (w *week) add(one hour) {
	switch {
	case one.since == w.newest.since:
		w.newest.add(one)
	case one.since > w.newest.since:
		if w.newest.since != 0 {
			w.packed = w.newest.pack(w.packed)
		}
		w.newest = one
	default:
		w.insert(one)
	}
}

// insert adds to an hour before the newest: a report came late.
func (w *week) insert(one hour) {
	packed := make([]byte, 0, len(w.packed)+32)
	var h hour
	for rest := w.packed; len(rest) > 0; {
		rest = h.unpack(rest)
		switch {
		case h.since == one.since:
			h.add(one)
			one.since = 0
		case h.since > one.since && one.since != 0:
			packed = one.pack(packed)
			one.since = 0
		}
		packed = h.pack(packed)
	}
	if one.since != 0 {
		packed = one.pack(packed)
	}
	w.packed = packed
}

// forget drops the hours before one.
func (w *week) forget(old int64) {
	var h hour
	rest := w.packed
	for len(rest) > 0 {
		after := h.unpack(rest)
		if h.since >= old {
			break
		}
		rest = after
	}
	w.packed = slices.Delete(w.packed, 0, len(w.packed)-len(rest))
	if w.newest.since < old {
		w.newest = hour{}
	}
}
