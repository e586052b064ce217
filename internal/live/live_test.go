package live_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/live"
)

// told says whether there is news, and takes it.
func told(news <-chan struct{}) bool {
	select {
	case _, open := <-news:
		return open
	default:
		return false
	}
}

func watch(t *testing.T, f *live.Feed, project, viewer string) <-chan struct{} {
	t.Helper()
	news, stop, err := f.Watch(project, viewer, f.Mark(project))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return news
}

func TestWhoeverWatchesIsToldOnce(t *testing.T) {
	f := live.New(live.Options{Clock: clock.Real()})
	one, two, other := watch(t, f, "shop", "ann"), watch(t, f, "shop", "bob"), watch(t, f, "blog", "ann")
	if told(one) || told(two) || told(other) {
		t.Fatal("there was no news yet")
	}
	for range 3 { // nobody takes any meanwhile, and Changed waits for nobody
		f.Changed("shop")
	}
	if !told(one) || !told(two) || told(other) {
		t.Fatal("those who watch the shop should have been told, and nobody else")
	}
	if told(one) {
		t.Fatal("three changes that nobody looked at between are one word")
	}
}

// A change between the drawing of a page and the start of its stream, or while
// the stream was broken, is told at once; so is one that another process told.
func TestNothingIsMissedBetweenLookingAndWatching(t *testing.T) {
	f := live.New(live.Options{Clock: clock.Real()})
	seen := f.Mark("shop")
	f.Changed("shop")
	for mark, want := range map[string]bool{seen: true, f.Mark("shop"): false, live.New(live.Options{}).Mark("shop"): true, "": true} {
		news, stop, err := f.Watch("shop", "ann", mark)
		if err != nil {
			t.Fatal(err)
		}
		if told(news) != want {
			t.Errorf("who had seen %q: told at once is not %v", mark, want)
		}
		stop()
	}
}

func TestStreamsAreBounded(t *testing.T) {
	f := live.New(live.Options{Clock: clock.Real()})
	var stops []func()
	var err error
	for len(stops) < 100 && err == nil {
		var stop func()
		if _, stop, err = f.Watch("shop", "ann", ""); err == nil {
			stops = append(stops, stop)
		}
	}
	if !fault.Is(err, fault.RateLimited) || len(stops) != 16 {
		t.Fatalf("%d streams of one viewer, then %v", len(stops), err)
	}
	watch(t, f, "shop", "bob") // whom it costs nothing
	stops[0]()
	stops[0]() // a second time changes nothing
	watch(t, f, "shop", "ann")
	if _, _, err := f.Watch("shop", "ann", ""); !fault.Is(err, fault.RateLimited) {
		t.Fatalf("one was given back, and two could be had: %v", err)
	}
}

// replicas is what other processes have written, or why it can not be read.
type replicas struct {
	mu    sync.Mutex
	marks map[string]string
	err   error
	asked int
}

func (r *replicas) set(marks map[string]string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks, r.err = marks, err
}

func (r *replicas) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

func (r *replicas) look(context.Context) (map[string]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	return r.marks, r.err
}

func TestWhatOtherReplicasChangeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := &replicas{marks: map[string]string{"shop": "1"}}, &bytes.Buffer{}
		f := live.New(live.Options{Clock: clock.Real(), Log: slog.New(slog.NewTextHandler(log, nil)), Marks: r.look})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		time.Sleep(time.Hour)
		if n := r.count(); n > 1 {
			t.Errorf("nobody watches, and the others were asked about %d times", n)
		}
		news, blog := watch(t, f, "shop", "ann"), watch(t, f, "blog", "ann")
		look := func(marks map[string]string, err error) bool {
			r.set(marks, err)
			time.Sleep(1100 * time.Millisecond)
			synctest.Wait()
			return told(news)
		}
		if look(map[string]string{"shop": "1"}, nil) {
			t.Error("told without a change")
		}
		if !look(map[string]string{"shop": "2"}, nil) || !look(nil, nil) || !look(map[string]string{"shop": "2"}, nil) {
			t.Error("a step, the end and a new beginning are news")
		}
		if look(nil, errors.New("gone")) || look(nil, errors.New("still gone")) || look(map[string]string{"shop": "2"}, nil) {
			t.Error("that nobody can tell is no news")
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("said %d times that the others can not be read:\n%s", n, log)
		}
		if told(blog) {
			t.Error("nothing changed in the other project")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, open := <-news; open {
			t.Error("the stream should have ended with the server")
		}
		if _, _, err := f.Watch("shop", "ann", ""); !fault.Is(err, fault.Unavailable) {
			t.Errorf("watching a server that has stopped: %v", err)
		}
		f.Changed("shop") // finds nobody
	})
}
