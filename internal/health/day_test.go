package health_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/health"
)

// site is an environment whose state a test sets; what an earlier process found
// of it lies in the store.
type site struct {
	memory
	state atomic.Value // health.Verdict
}

// watch probes the site each minute until the test ends.
func (s *site) watch(t *testing.T) *health.Watch {
	t.Helper()
	w := health.NewWatch(health.WatchConfig{
		Targets: []health.Target{{Project: "app", Environment: "prod"}}, Interval: time.Minute, Clock: clock.Real(), Log: quiet(), Store: s,
		Probe: func(context.Context, health.Target) health.Sample {
			return health.Sample{At: time.Now(), Verdict: s.state.Load().(health.Verdict)}
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = w.Run(ctx) })
	t.Cleanup(func() { cancel(); run.Wait() })
	return w
}

// letters is a history in one letter a bar.
func letters(h health.History, now time.Time) string {
	text := ""
	for _, b := range h.Bars {
		text += map[health.State]string{
			health.StateHealthy: "h", health.StateDegraded: "d", health.StateDown: "x",
			health.StateUnknown: "u", health.StateOffline: "o", health.StateUnobserved: "-",
		}[b.State(now)]
	}
	return text
}

func TestADayOfHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now() // midnight in a bubble
		s := &site{}
		s.state.Store(health.Healthy)
		// An earlier process looked from 5 hours ago to 2 hours ago.
		for at := began.Add(-5 * time.Hour); at.Before(began.Add(-2 * time.Hour)); at = at.Add(time.Minute) {
			v := health.Healthy
			if d := at.Sub(began.Add(-4 * time.Hour)); d >= 0 && d < 3*time.Minute {
				v = health.Down
			}
			s.rows = append(s.rows, health.Record{Sample: health.Sample{At: at, Verdict: v}})
		}
		w := s.watch(t)
		time.Sleep(40 * time.Minute)
		day, known := w.Day("app", "prod")
		if want := "------------------------------------hhxhhh----hh"; !known || letters(day, time.Now()) != want {
			t.Errorf("%v\n%s, want\n%s", known, letters(day, time.Now()), want)
		}
		if got := day.Bars[38].Down; got != 3*time.Minute {
			t.Errorf("down for %s", got)
		}
		s.state.Store(health.Down)
		time.Sleep(10 * time.Minute)
		day, _ = w.Day("app", "prod")
		if got := day.Bars[47].State(time.Now()); got != health.StateDown {
			t.Errorf("the half hour that runs is %s", got)
		}
		s.state.Store(health.Healthy)
		time.Sleep(24 * time.Hour)
		day, _ = w.Day("app", "prod")
		if share, ok := day.Total.Uptime(); !ok || share != 1 || len(day.Bars) != 48 {
			t.Errorf("a healthy day is %v %v: %s", share, ok, letters(day, time.Now()))
		}
		if _, known := w.Day("app", "other"); known {
			t.Error("an environment that nobody probes has a day")
		}
	})
}

// What can not be read is not known, and is read when it can be.
func TestADayThatCannotBeReadIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{}
		s.state.Store(health.Healthy)
		s.fail = true
		w := s.watch(t)
		time.Sleep(3 * time.Minute)
		if _, known := w.Day("app", "prod"); known {
			t.Fatal("it is known without the store")
		}
		s.mu.Lock()
		s.fail = false
		s.mu.Unlock()
		time.Sleep(2 * time.Minute)
		if _, known := w.Day("app", "prod"); !known {
			t.Fatal("it is not read again")
		}
	})
}

// A half hour of which little was seen is not called healthy.
func TestAHalfHourNobodySawIsNotGreen(t *testing.T) {
	from := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	bar := func(b health.Bar) health.State {
		b.From, b.To = from, from.Add(30*time.Minute)
		return b.State(from.Add(time.Hour))
	}
	for want, b := range map[health.State]health.Bar{
		health.StateHealthy:    {Healthy: 20 * time.Minute},
		health.StateUnobserved: {Healthy: 10 * time.Minute},
		health.StateDown:       {Down: time.Second},
		health.StateDegraded:   {Healthy: 20 * time.Minute, Degraded: time.Second},
		health.StateUnknown:    {Unknown: 30 * time.Minute},
		health.StateOffline:    {Offline: 30 * time.Minute},
	} {
		if got := bar(b); got != want {
			t.Errorf("%+v is %s, want %s", b, got, want)
		}
	}
}
