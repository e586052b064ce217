package github_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gogithub "github.com/google/go-github/v92/github"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator/github"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// stopped is a clock that moves only when told.
type stopped struct {
	clock.Clock
	at atomic.Int64
}

func (c *stopped) Now() time.Time { return time.UnixMilli(c.at.Load()).UTC() }

const (
	owner = "zerdos"
	name  = "spike-land-nextjs"
	root  = "/github/repos/" + owner + "/" + name
)

type bench struct {
	*testing.T
	clock  *stopped
	world  *world.World
	face   *github.Face
	server *httptest.Server
}

func newBench(t *testing.T) *bench {
	t.Helper()
	c := &stopped{}
	c.at.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixMilli())
	b := &bench{T: t, clock: c}
	b.world = world.New(world.Options{Clock: c})
	x := wire.NewExchange(c, 1)
	b.face = github.New(x, b.world, map[string]github.Token{
		"full": {Name: "full"}, "read": {Name: "read", ReadOnly: true}, "other": {Name: "other", Outside: true},
		"old": {Name: "old", Classic: true}, "gone": {Name: "gone", Expired: true},
	})
	b.server = httptest.NewServer(x.Handler())
	t.Cleanup(b.server.Close)
	return b
}

// pass moves the world's time.
func (b *bench) pass(d time.Duration) { b.clock.at.Add(d.Milliseconds()) }

func (b *bench) client(token string, opts ...gogithub.ClientOptionsFunc) *gogithub.Client {
	b.Helper()
	base := b.server.URL + "/github/"
	c, err := gogithub.NewClient(append([]gogithub.ClientOptionsFunc{gogithub.WithAuthToken(token), gogithub.WithURLs(&base, &base)}, opts...)...)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// call makes one request and returns the answer with its body read.
func (b *bench) call(method, path, token, body string, headers ...string) (*http.Response, string) {
	b.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(b.Context(), method, b.server.URL+path, reader)
	if err != nil {
		b.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("User-Agent", "test")
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return resp, string(text)
}
