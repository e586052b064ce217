package cron

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// What is packed is what a plain list of hours would hold, in whatever order
// reports come, with numbers of any size and sign.
func TestAWeekOfHoursIsKeptAsItWas(t *testing.T) {
	const first = 495_000
	r := rand.New(rand.NewPCG(1, 2))
	var w week
	var want []hour
	for range 3000 {
		one := hour{since: first + r.Int64N(200), good: r.Int64N(3), failed: r.Int64N(100_000), late: 1, missed: r.Int64N(3) - 1}
		if r.IntN(2) == 0 {
			one.timed, one.total = 1, time.Duration(r.Int64N(int64(72*time.Hour)))
			one.max = one.total
		}
		w.add(one)
		i, found := slices.BinarySearchFunc(want, one.since, func(h hour, since int64) int { return cmp.Compare(h.since, since) })
		if !found {
			want = slices.Insert(want, i, hour{since: one.since})
		}
		want[i].add(one)
	}
	check := func(want []hour) {
		t.Helper()
		var got []hour
		for h := range w.all {
			got = append(got, *h)
		}
		if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(hour{})); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	check(want)
	w.forget(first + 50)
	check(want[50:])
	w.forget(first + 199)
	check(want[199:])
	w.forget(first + 200)
	check(nil)
	w.add(hour{since: first + 300, good: 1})
	check([]hour{{since: first + 300, good: 1}})
}

// What is remembered of a run is what is asked of it.
func TestARunIsRememberedAsItWas(t *testing.T) {
	at := time.Date(2026, 11, 28, 20, 15, 3, 123_456_000, time.UTC)
	for _, r := range []Run{
		{Job: 7, At: at, Seq: 3, ID: "run-1", State: Succeeded, Timing: Late, Slot: at.Truncate(time.Minute), Duration: 1234567, Timed: true, ExitCode: -1},
		{Job: 7, At: at, State: Lost, Begun: true, Overran: true, ExitCode: -1},
	} {
		p := pastOf(&r)
		if got := *p.run(7); got != r {
			t.Errorf("got %+v, want %+v", got, r)
		}
		if !p.answers(r.Slot.UnixMicro()) {
			t.Errorf("%+v does not answer its own slot", r)
		}
	}
}
