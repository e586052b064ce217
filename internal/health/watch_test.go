package health_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
)

// pass lets time go by on a bubble's virtual clock; it waits for nothing real.
func pass(d time.Duration) { <-time.After(d) }

func discard() *log.Logger { return log.New(io.Discard, "", 0) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// fleet is n targets in one catalog of projects with three environments.
func fleet(n int) []health.Target {
	targets := make([]health.Target, n)
	for i := range targets {
		project, env := fmt.Sprintf("p%03d", i/3), []string{"dev", "next", "prod"}[i%3]
		targets[i] = health.Target{
			Project: project, Environment: env, Kind: catalog.Production,
			URL: &url.URL{Scheme: "http", Host: "app.example.com", Path: fmt.Sprintf("/%s/%s", project, env)},
		}
	}
	return targets
}

// inMemory serves a handler over pipes.
func inMemory(ctx context.Context, h http.Handler) func(context.Context, string, string) (net.Conn, error) {
	conns := make(chan net.Conn)
	server := &http.Server{Handler: h, BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: discard()}
	l := &pipes{conns: conns, done: ctx.Done()}
	go func() { _ = server.Serve(l) }()
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		here, there := net.Pipe()
		select {
		case conns <- there:
			return here, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

type pipes struct {
	conns <-chan net.Conn
	done  <-chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A tenth of 1,650 targets never answers, and no other probe is late for it:
// after the first sweep each starts at its own place in each interval, to the
// nanosecond.
func TestHangingTargetsDelayNobody(t *testing.T) {
	const n, interval = 1650, 10 * time.Second
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		hangs := func(i int) bool { return i%10 == 3 }
		targets := fleet(n)
		index := map[string]int{}
		for i, target := range targets {
			index[target.URL.Path] = i
		}
		dial := inMemory(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hangs(index[r.URL.Path]) {
				<-r.Context().Done()
				return
			}
			pass(150 * time.Millisecond) // how long the app takes
			_, _ = w.Write([]byte(`{"status":"ok"}`))
		}))
		prober := health.NewProber(targets, health.ProberConfig{Clock: clock.Real(), Dial: dial})
		var mu sync.Mutex
		starts := map[string][]time.Time{}
		w := health.NewWatch(health.WatchConfig{
			Targets: targets, Interval: interval, Clock: clock.Real(), Log: quiet(),
			Probe: func(ctx context.Context, target health.Target) health.Sample {
				mu.Lock()
				starts[target.URL.Path] = append(starts[target.URL.Path], time.Now())
				mu.Unlock()
				return prober.Probe(ctx, target)
			},
		})
		begin := time.Now()
		var run sync.WaitGroup
		run.Go(func() { _ = w.Run(ctx) })

		pass(interval + 5*time.Second) // one interval, and the longest a probe may take
		for i, target := range targets {
			want := health.Healthy
			if hangs(i) {
				want = health.Down
			}
			if s, ok := w.Latest(target.Project, target.Environment); !ok || s.Verdict != want {
				t.Errorf("after one interval %s is %+v, want %s", target.URL.Path, s, want)
			}
		}
		pass(2 * interval)
		cancel()
		run.Wait()
		pass(10 * time.Second) // the handlers of the last probes come to their ends

		for _, target := range targets {
			got := starts[target.URL.Path]
			if len(got) < 3 || got[0].Sub(begin) > interval {
				t.Fatalf("%s was probed at %v in 3 intervals from %v", target.URL.Path, got, begin)
			}
			for i, start := range got[1:] {
				if off := (time.Duration(start.UnixNano()) - health.Phase(target, interval)) % interval; off != 0 {
					t.Fatalf("probe %d of %s began %v off its schedule", i+1, target.URL.Path, off)
				}
			}
		}
	})
}

// The places in the interval are spread: no tenth of it holds much more or
// less than a tenth of the targets.
func TestPhasesAreSpread(t *testing.T) {
	const n, interval = 1650, time.Minute
	var tenths [10]int
	for _, target := range fleet(n) {
		tenths[health.Phase(target, interval)*10/interval]++
	}
	if slices.Min(tenths[:]) < n/10*7/10 || slices.Max(tenths[:]) > n/10*13/10 {
		t.Errorf("tenths of the interval hold %v targets of %d", tenths, n)
	}
}

func TestFirstSweepDoesNotWaitForTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		targets := fleet(50)
		w := health.NewWatch(health.WatchConfig{Targets: targets, Interval: time.Hour, Clock: clock.Real(), Log: quiet(), Probe: well(0)})
		var run sync.WaitGroup
		run.Go(func() { _ = w.Run(ctx) })
		pass(10 * time.Second)
		synctest.Wait()
		for _, target := range targets {
			if _, ok := w.Latest(target.Project, target.Environment); !ok {
				t.Errorf("%s has no sample after 10 s", target.URL.Path)
			}
		}
		cancel()
		run.Wait()
	})
}

// well is a probe that takes a while and finds nothing wrong.
func well(takes time.Duration) func(context.Context, health.Target) health.Sample {
	return func(ctx context.Context, _ health.Target) health.Sample {
		s := health.Sample{At: time.Now().UTC(), Verdict: health.Healthy}
		_ = clock.Real().Sleep(ctx, takes)
		return s
	}
}

func TestHurryProbesFasterForAWhile(t *testing.T) {
	for _, c := range []struct {
		name        string
		takes       time.Duration
		want        []time.Duration // after the call
		cancelAfter time.Duration
	}{
		{"quick", 0, seconds(0, 2, 4, 6, 8, 60, 120), 0},
		{"slower than the pace", 5 * time.Second, seconds(0, 5, 60, 120), 0}, // the last is under way at the end
		{"called off", 0, seconds(0, 2, 60, 120), 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				target := fleet(1)[0]
				var mu sync.Mutex
				var starts []time.Time
				slow := well(c.takes)
				w := health.NewWatch(health.WatchConfig{
					Targets: []health.Target{target}, Interval: time.Minute, Clock: clock.Real(), Log: quiet(),
					Probe: func(ctx context.Context, target health.Target) health.Sample {
						mu.Lock()
						starts = append(starts, time.Now())
						mu.Unlock()
						return slow(ctx, target)
					},
				})
				var run sync.WaitGroup
				run.Go(func() { _ = w.Run(ctx) })
				// To the moment after a probe of the schedule, so that the next is a
				// minute away.
				grid := health.Phase(target, time.Minute)
				now := time.Duration(time.Now().UnixNano())
				pass((grid-now%time.Minute+time.Minute)%time.Minute + time.Minute)
				offset := c.takes + time.Second // how far the call is from the schedule
				pass(offset)
				synctest.Wait()
				mu.Lock()
				starts = nil
				mu.Unlock()
				called := time.Now()
				w.Hurry(target.Project, target.Environment, 2*time.Second, called.Add(9*time.Second))
				if c.cancelAfter > 0 {
					pass(c.cancelAfter)
					w.Hurry(target.Project, target.Environment, 2*time.Second, time.Now())
				}
				pass(time.Until(called.Add(125 * time.Second)))
				cancel()
				run.Wait()
				var got []time.Duration
				for _, s := range starts {
					d := s.Sub(called)
					if d > 10*time.Second {
						d += offset // back on the schedule
					}
					got = append(got, d)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func seconds(n ...int) []time.Duration {
	all := make([]time.Duration, len(n))
	for i, s := range n {
		all[i] = time.Duration(s) * time.Second
	}
	return all
}

func TestProbeNowIsFreshAndAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		target := fleet(1)[0]
		var mu sync.Mutex
		flying, most, probes := 0, 0, 0
		slow := well(time.Second)
		w := health.NewWatch(health.WatchConfig{
			Targets: []health.Target{target}, Interval: time.Hour, Clock: clock.Real(), Log: quiet(),
			Probe: func(ctx context.Context, target health.Target) health.Sample {
				mu.Lock()
				flying++
				probes++
				most = max(most, flying)
				mu.Unlock()
				s := slow(ctx, target)
				mu.Lock()
				flying--
				mu.Unlock()
				return s
			},
		})
		var run, asking sync.WaitGroup
		run.Go(func() { _ = w.Run(ctx) })
		pass(11 * time.Second) // past the first sweep
		for i := range 10 {
			asking.Go(func() {
				pass(time.Duration(i) * 300 * time.Millisecond)
				called := time.Now()
				s, err := w.ProbeNow(ctx, target.Project, target.Environment)
				if err != nil || s.At.Before(called) {
					t.Errorf("asked at %v, got a sample of %v, %v", called, s.At, err)
				}
			})
		}
		asking.Wait()
		// The first sweep, and what ten callers within 2.7 s need when each may
		// join only a probe that has not begun.
		if most != 1 || probes > 6 {
			t.Errorf("%d probes at once, %d in all", most, probes)
		}
		if _, err := w.ProbeNow(ctx, "nobody", "prod"); !fault.Is(err, fault.NotFound) {
			t.Errorf("unknown environment: %v", err)
		}
		cancel()
		run.Wait()
		if _, err := w.ProbeNow(t.Context(), target.Project, target.Environment); !fault.Is(err, fault.Unavailable) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// memory is a store that can be made to fail or to hang.
type memory struct {
	mu      sync.Mutex
	rows    []health.Record
	calls   int
	fail    bool
	pruned  []time.Time
	hanging bool
}

func (m *memory) AppendSamples(ctx context.Context, batch []health.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.hanging {
		m.mu.Unlock()
		<-ctx.Done()
		m.mu.Lock()
		return ctx.Err()
	}
	if m.fail {
		return errors.New("disk full")
	}
	m.rows = append(m.rows, batch...)
	return nil
}

func (m *memory) SamplesSince(context.Context, string, string, time.Time) ([]health.Sample, error) {
	return nil, nil
}

func (m *memory) VerdictsSince(_ context.Context, _, _ string, since time.Time) ([]health.Sample, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail {
		return nil, errors.New("disk full")
	}
	var all []health.Sample
	for _, r := range m.rows {
		if !r.Sample.At.Before(since) {
			all = append(all, r.Sample)
		}
	}
	return all, nil
}

func (m *memory) PruneSamples(_ context.Context, before time.Time) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pruned = append(m.pruned, before)
	return 0, nil
}

func TestHistoryIsWrittenInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		const n = 30
		store := &memory{}
		w := health.NewWatch(health.WatchConfig{Targets: fleet(n), Interval: 10 * time.Second, Clock: clock.Real(), Log: quiet(), Probe: well(0), Store: store})
		var run sync.WaitGroup
		run.Go(func() { _ = w.Run(ctx) })
		pass(2*time.Hour + time.Second)
		cancel()
		run.Wait()
		if want := n * 720; len(store.rows) < want || len(store.rows) > want+2*n || w.Dropped() != 0 {
			t.Errorf("%d rows, %d dropped, want %d and none", len(store.rows), w.Dropped(), want)
		}
		if most := 2 * 3600 / 2; store.calls > most+2 {
			t.Errorf("%d transactions, want one every 2 s", store.calls)
		}
		if n := len(store.pruned); n < 2 || n > 3 {
			t.Errorf("pruned %d times in two hours", n)
		}
		for _, before := range store.pruned {
			if age := time.Since(before); age < health.Keep || age > health.Keep+2*time.Hour+time.Second {
				t.Errorf("pruned before %v ago", age)
			}
		}
	})
}

// A store that fails or hangs costs history and no probe, and what it missed
// lately is written once it is back.
func TestProbesDoNotWaitForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store := &memory{hanging: true}
		const n, interval = 30, 10 * time.Second
		probes := make(chan struct{}, 1_000_000)
		w := health.NewWatch(health.WatchConfig{
			Targets: fleet(n), Interval: interval, Clock: clock.Real(), Log: quiet(), Store: store,
			Probe: func(ctx context.Context, target health.Target) health.Sample {
				probes <- struct{}{}
				return well(0)(ctx, target)
			},
		})
		var run sync.WaitGroup
		run.Go(func() { _ = w.Run(ctx) })
		pass(time.Hour)
		if got := len(probes); got < n*359 {
			t.Errorf("%d probes in an hour, want %d", got, n*360)
		}
		if w.Dropped() == 0 || len(store.rows) != 0 {
			t.Errorf("%d dropped, %d written while the store hangs", w.Dropped(), len(store.rows))
		}
		store.mu.Lock()
		store.hanging, store.fail = false, true
		store.mu.Unlock()
		pass(time.Minute)
		store.mu.Lock()
		store.fail = false
		store.mu.Unlock()
		pass(time.Minute)
		cancel()
		run.Wait()
		if got := int64(len(store.rows)) + w.Dropped(); got != int64(len(probes)) {
			t.Errorf("%d probes, but %d written and %d dropped", len(probes), len(store.rows), w.Dropped())
		}
		if len(store.rows) < 4096 {
			t.Errorf("%d rows written after the store came back, want what the queue held", len(store.rows))
		}
	})
}
