package cron

import (
	"math"
	"slices"
	"time"
)

// Band is how long a job usually takes, worked out from its own runs.
type Band struct {
	Of     int // how many runs it was made of; below bandFrom it says nothing
	Median time.Duration
	// Low and High are the edges: a run outside of them is unusual.
	Low, High time.Duration
}

// bandFrom is how many runs make a band.
const bandFrom = 10

// BandOf makes the band of a job's durations. It is the median and its median
// deviation, taken of logarithms: durations have long tails to one side, and
// twice as long is as unusual as half as long. Five and a half deviations are
// what one run in several thousand of a steady job leaves; with few runs the
// deviation itself is uncertain, so the band is wider then. Never narrower
// than a fifth, since nobody cares about less.
func BandOf(durations []time.Duration) Band {
	b := Band{Of: len(durations)}
	if len(durations) == 0 {
		return b
	}
	logs := make([]float64, 0, len(durations))
	for _, d := range durations {
		logs = append(logs, math.Log(float64(max(d, time.Millisecond))))
	}
	middle := median(logs)
	b.Median = fromLog(middle)
	for i := range logs {
		logs[i] = math.Abs(logs[i] - middle)
	}
	width := max(5.5*median(logs)*(1+5/float64(len(logs))), math.Log(1.2))
	b.Low, b.High = fromLog(middle-width), fromLog(middle+width)
	return b
}

func fromLog(l float64) time.Duration {
	return time.Duration(math.Min(math.Exp(l), float64(MaxPatience))).Round(time.Millisecond)
}

// median sorts its argument.
func median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}

// Usable says that it was made of enough runs to judge by.
func (b Band) Usable() bool { return b.Of >= bandFrom }

// Pace says how a duration compares with what is usual.
type Pace string

// The paces.
const (
	Usual   Pace = "usual"
	TooFast Pace = "fast"
	TooSlow Pace = "slow"
)

// Judge says how a duration compares; Usual while too little is known.
func (b Band) Judge(d time.Duration) Pace {
	switch {
	case b.Of < bandFrom:
		return Usual
	case d < b.Low:
		return TooFast
	case d > b.High:
		return TooSlow
	default:
		return Usual
	}
}
