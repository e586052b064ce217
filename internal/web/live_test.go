package web_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/live"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/web"
)

// following is a server with the limits of the real one, whose clock is the
// bubble's, and a browser that follows a stream of it.
type following struct {
	*testing.T
	d      *desk
	feed   *live.Feed
	stop   func() // the feed
	server *http.Server
	client *http.Client
}

func follow(t *testing.T) *following {
	t.Helper()
	d, net := &desk{role: access.Admin}, &providertest.Network{}
	f := &following{T: t, d: d, feed: live.New(live.Options{Clock: clock.Real()})}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.feed.Run(ctx) }()
	f.stop = func() { stop(); <-done }
	f.server = &http.Server{Handler: mount(faceWith(d, f.feed), d), ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	listener, served := net.Listen("deck.example.com:80"), make(chan error, 1)
	go func() { served <- f.server.Serve(listener) }()
	f.client = &http.Client{Transport: &http.Transport{DialContext: net.Dial}}
	t.Cleanup(func() {
		f.client.CloseIdleConnections()
		_ = f.server.Close()
		<-served
	})
	return f
}

// open begins a stream and answers what it says, line by line.
func (f *following) open(query string) (<-chan string, func()) {
	f.Helper()
	ctx, cancel := context.WithCancel(f.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://deck.example.com"+web.LivePath+query, http.NoBody)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := f.client.Do(r)
	if err != nil {
		f.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		f.Fatalf("%s %v", answer.Status, answer.Header)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		defer answer.Body.Close()
		for scan := bufio.NewScanner(answer.Body); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	return lines, cancel
}

// said is what has come by now, and whether the stream goes on.
func said(lines <-chan string) (string, bool) {
	synctest.Wait()
	var all []string
	for {
		select {
		case line, open := <-lines:
			if !open {
				return strings.Join(all, "\n"), false
			}
			all = append(all, line)
		default:
			return strings.Join(all, "\n"), true
		}
	}
}

func TestAStreamTellsThePageToLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t)
		mark := f.feed.Mark("second")
		lines, leave := f.open("?project=second&seen=" + mark)
		if text, on := said(lines); !on || strings.Contains(text, "event:") || !strings.HasPrefix(text, "retry: ") {
			t.Fatalf("at the start: %q", text)
		}
		f.feed.Changed("spike.land")
		if text, _ := said(lines); text != "" {
			t.Errorf("another project changed: %q", text)
		}
		f.feed.Changed("second")
		if text, on := said(lines); !on || text != "id: "+f.feed.Mark("second")+"\nevent: changed\ndata: look\n" {
			t.Errorf("a change: %q", text)
		}
		time.Sleep(10 * time.Minute) // far beyond what a request is given
		if text, on := said(lines); !on || strings.Count(text, ": still here") != 40 {
			t.Errorf("ten silent minutes: %q %v", text, on)
		}
		leave()
		if _, on := said(lines); on {
			t.Error("the browser has left")
		}
		late, leave := f.open("?project=second&seen=" + mark)
		defer leave()
		if text, _ := said(late); !strings.Contains(text, "event: changed") {
			t.Errorf("what was missed is not told: %q", text)
		}
	})
}

func TestAStreamEndsWithTheRightToIt(t *testing.T) {
	for name, change := range map[string]func(*desk){
		"signed out":   func(d *desk) { d.nobody = true },
		"another role": func(d *desk) { d.role = access.SuperAdmin },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := follow(t)
				lines, leave := f.open("")
				defer leave()
				time.Sleep(time.Minute)
				if _, on := said(lines); !on {
					t.Fatal("it ended early")
				}
				f.d.become(change)
				time.Sleep(15 * time.Second)
				if _, on := said(lines); on {
					t.Error("it goes on")
				}
			})
		})
	}
}

// A server that stops does not wait for pages that watch.
func TestStreamsDoNotHoldTheServerUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t)
		lines, leave := f.open("")
		defer leave()
		began := time.Now()
		f.stop()
		if err := f.server.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, on := said(lines); on || time.Since(began) > time.Second {
			t.Errorf("it took %s", time.Since(began))
		}
	})
}

// become changes who sits there while the server runs.
func (d *desk) become(change func(*desk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func TestWhoMayNotWatch(t *testing.T) {
	feed := live.New(live.Options{Clock: clock.Real()})
	for name, c := range map[string]struct {
		d     *desk
		news  web.Live
		query string
		want  int
	}{
		"nobody":                   {&desk{nobody: true}, feed, "", http.StatusSeeOther},
		"an unknown project":       {&desk{}, feed, "?project=other", http.StatusNotFound},
		"a server without news":    {&desk{}, nil, "", http.StatusNotImplemented},
		"an answer without limits": {&desk{}, feed, "", http.StatusNotImplemented}, // a stalled browser would hold it for ever
	} {
		w := httptest.NewRecorder()
		mount(faceWith(c.d, c.news), c.d).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, web.LivePath+c.query, http.NoBody))
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
}
