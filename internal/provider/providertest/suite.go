// Package providertest is the suite that every provider's room passes: a
// vendor that lies, hangs, floods, redirects and repeats the token, against
// each call that the room can make. It runs on a network in memory and in
// virtual time, so the real deadlines and pauses are what is tested.
//
// It must not know any vendor: what an answer looks like when it is right is
// the room's own test.
package providertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/secret"
)

// Suite is one vendor's room.
type Suite struct {
	Kind provider.Kind
	// Block fills the vendor's block.
	Block func(base string, token secret.Text) any
	Calls []Call
}

// Call is one thing that the room can do. Its first request is the one that
// the suite attacks.
type Call struct {
	Name string
	Do   func(ctx context.Context, api any) error
	// Write says that the call changes something: it is never sent twice.
	Write bool
	// Once says that the question is no GET (a query in a POST), so that a lost
	// answer is not asked for again.
	Once bool
	// List says that the answer is a JSON list and not an object.
	List bool
	// Kinds are the statuses that mean something else for this call.
	Kinds map[int]fault.Kind
}

// Run attacks every call.
func (s Suite) Run(t *testing.T) {
	attacks := []struct {
		name string
		run  func(*testing.T, Suite, Call)
	}{
		{"given up", givenUp},
		{"redirects", redirects},
		{"repeated token", repeatedToken},
		{"statuses", statuses},
		{"too often", tooOften},
		{"hangs", hangs},
		{"floods", floods},
		{"malformed", malformed},
		{"asked again", askedAgain},
	}
	for _, c := range s.Calls {
		for _, a := range attacks {
			t.Run(c.Name+"/"+a.name, func(t *testing.T) { a.run(t, s, c) })
		}
	}
	t.Run("route names", s.routes)
}

// each runs one case in a bubble of its own on a fresh client.
func (s Suite) each(t *testing.T, name string, vendor http.HandlerFunc, check func(t *testing.T, b *Bench)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { check(t, Open(t, s.Kind, s.Block, vendor)) })
	})
}

func givenUp(t *testing.T, s Suite, c Call) {
	s.each(t, "while it hangs", hang, func(t *testing.T, b *Bench) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Do(ctx, b.API) }()
		synctest.Wait()
		start := time.Now()
		cancel()
		err := <-done
		_ = b.Fault(t, err)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v, want the context's", err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("giving up took %v", took)
		}
		if n := b.Requests.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func redirects(t *testing.T, s Suite, c Call) {
	for _, status := range []int{300, 301, 302, 303, 304, 305, 307, 308} {
		for _, to := range []string{"http://127.0.0.2/steal", "//127.0.0.2/steal", "/elsewhere", ""} {
			s.each(t, fmt.Sprintf("%d to %q", status, to), func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			}, func(t *testing.T, b *Bench) {
				if f := b.Fault(t, c.Do(t.Context(), b.API)); f.Kind != fault.BadResponse {
					t.Errorf("%s, want bad_response: %v", f.Kind, f)
				}
				if n := b.Requests.Load(); n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
				for _, address := range b.Network.Dialed() {
					if address != Host {
						t.Errorf("dialled %s", address)
					}
				}
			})
		}
	}
}

func repeatedToken(t *testing.T, s Suite, c Call) {
	body := fmt.Sprintf(`{"error":{"code":%[1]q,"message":%[1]q},"err":{"code":%[1]q},"message":%[1]q,"detail":%[1]q,`+
		`"documentation_url":%[1]q,"errors":[{"code":%[1]q,"message":%[1]q,"resource":%[1]q}],"code":%[1]q}`, canary)
	for _, status := range []int{200, 400, 401, 402, 403, 404, 409, 410, 418, 422, 423, 429, 500, 503} {
		s.each(t, fmt.Sprint(status), func(w http.ResponseWriter, r *http.Request) {
			for _, name := range []string{
				"X-Vercel-Id", "X-Github-Request-Id", "Cf-Ray", "X-Request-Id", "X-Sentry-Request-Id",
				"X-Ratelimit-Resource", "Retry-After", "Link", "Etag", "Content-Type", "Www-Authenticate",
			} {
				w.Header().Set(name, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			}
			for _, prefix := range []string{"X-Ratelimit-", "X-Sentry-Rate-Limit-"} {
				w.Header().Set(prefix+"Limit", "9")
				w.Header().Set(prefix+"Remaining", "8")
			}
			w.Header().Set("Ratelimit", `"`+canary+`";r=8;t=9`)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}, func(t *testing.T, b *Bench) {
			_ = b.Fault(t, c.Do(t.Context(), b.API)) // leaks are looked for at the end
		})
	}
	for name, raw := range map[string]string{
		"status line": canary + "\r\n\r\n",
		"version":     "HTTP/1.1 " + canary + "\r\n\r\n",
		"header":      "HTTP/1.1 200 OK\r\n" + canary + "\r\n\r\n",
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: " + canary + "\r\n\r\n",
		"encoding":    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + canary,
		"chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + canary + "\r\n",
	} {
		s.each(t, name, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(raw))
			_ = conn.Close()
		}, func(t *testing.T, b *Bench) {
			if f := b.Fault(t, c.Do(t.Context(), b.API)); !f.Kind.Retryable() {
				t.Errorf("%s: the same call may work later", f.Kind)
			}
		})
	}
}

func statuses(t *testing.T, s Suite, c Call) {
	want := map[int][]fault.Kind{
		400: {fault.Invalid, fault.BadResponse},
		401: {fault.Rejected},
		403: {fault.Denied, fault.Rejected},
		404: {fault.NotFound},
		409: {fault.Conflict},
		410: {fault.NotFound},
		418: {fault.BadResponse},
		422: {fault.Invalid, fault.BadResponse},
		423: {fault.Conflict},
		429: {fault.RateLimited},
		500: {fault.Unavailable},
		502: {fault.Unavailable},
		503: {fault.Unavailable},
		504: {fault.Unavailable},
	}
	for status, kind := range c.Kinds {
		want[status] = []fault.Kind{kind}
	}
	for status, kinds := range want {
		for _, body := range []string{"", `{"error":{}}`, `[]`, `"x"`, "<html>", `{"error":[{"code":1}]}`} {
			s.each(t, fmt.Sprintf("%d %s", status, body), func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}, func(t *testing.T, b *Bench) {
				f := b.Fault(t, c.Do(t.Context(), b.API))
				if slices.Contains(kinds, f.Kind) {
					return
				}
				t.Errorf("%s, want one of %v: %v", f.Kind, kinds, f)
			})
		}
	}
}

func tooOften(t *testing.T, s Suite, c Call) {
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when every bubble begins
	for header, wait := range map[string]time.Duration{
		"7":   7 * time.Second,
		"120": 2 * time.Minute,
		epoch.Add(30 * time.Second).Format(http.TimeFormat): 30 * time.Second,
		epoch.Add(time.Hour).Format(time.RFC850):            15 * time.Minute,
		"864000":                                            15 * time.Minute,
		"99999999999999999999":                              15 * time.Minute,
		"":                                                  time.Minute,
		"-5":                                                time.Minute,
		"1.5":                                               time.Minute,
		"soon":                                              time.Minute,
	} {
		s.each(t, fmt.Sprintf("%q", header), func(w http.ResponseWriter, _ *http.Request) {
			if header != "" {
				w.Header().Set("Retry-After", header)
			}
			w.WriteHeader(http.StatusTooManyRequests)
		}, func(t *testing.T, b *Bench) {
			for range 3 { // the second and third must not leave
				f := b.Fault(t, c.Do(t.Context(), b.API))
				if f.Kind != fault.RateLimited || f.RetryAfter != wait {
					t.Errorf("%s, again after %v; want rate_limited, %v", f.Kind, f.RetryAfter, wait)
				}
			}
			if n := b.Requests.Load(); n != 1 {
				t.Errorf("%d requests while the vendor wants none, want 1", n)
			}
			if err := clock.Real().Sleep(t.Context(), wait); err != nil {
				t.Fatal(err)
			}
			_ = b.Fault(t, c.Do(t.Context(), b.API))
			// A date that has passed by now lets the retries through as well.
			if n := b.Requests.Load(); n < 2 || n > 4 {
				t.Errorf("%d requests after the wait, want 2 to 4", n)
			}
		})
	}
}
