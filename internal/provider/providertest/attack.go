package providertest

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// hang answers nothing until the caller is gone, which a server only sees once
// it has read the request to its end.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func hangs(t *testing.T, s Suite, c Call) {
	limit := outbound.DefaultRead
	if c.Write {
		limit = outbound.DefaultWrite
	}
	for name, vendor := range map[string]http.HandlerFunc{
		"before headers": hang,
		"in mid-body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = w.Write([]byte(`{"id":"`))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"a byte a second": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			for clock.Real().Sleep(r.Context(), time.Second) == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
			}
		},
	} {
		s.each(t, name, vendor, func(t *testing.T, b *Bench) {
			start := time.Now()
			err := c.Do(t.Context(), b.API)
			if f := b.Fault(t, err); f.Kind != fault.Timeout {
				t.Errorf("%s, want timeout: %v", f.Kind, f)
			}
			if took := time.Since(start); took != limit { // virtual time
				t.Errorf("ended after %v, want %v", took, limit)
			}
			if provider.OutcomeUnknown(err) != c.Write {
				t.Errorf("outcome unknown = %v, want %v", !c.Write, c.Write)
			}
		})
	}
}

func floods(t *testing.T, s Suite, c Call) {
	const much = 256 << 20
	chunk := []byte(strings.Repeat(" ", 64<<10))
	for name, pack := range map[string]bool{"huge body": false, "small body that unpacks to a huge one": true} {
		var written atomic.Int64
		s.each(t, name, func(w http.ResponseWriter, _ *http.Request) {
			write := w.Write
			if pack {
				w.Header().Set("Content-Encoding", "gzip")
				z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
				if err != nil {
					t.Error(err)
					return
				}
				defer func() { _ = z.Close() }()
				write = z.Write
			}
			for written.Load() < much {
				n, err := write(chunk)
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		}, func(t *testing.T, b *Bench) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f := b.Fault(t, c.Do(t.Context(), b.API))
			runtime.ReadMemStats(&after)
			if f.Kind != fault.BadResponse {
				t.Errorf("%s, want bad_response: %v", f.Kind, f)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
				t.Errorf("%d MiB allocated for an answer that must be refused", grown>>20)
			}
			if n := b.Requests.Load(); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// bodies are answers with status 200 that are no answer to anything.
func bodies(list bool) map[string]string {
	open, other := "{", "[]"
	if list {
		open, other = "[", "{}"
	}
	all := map[string]string{
		"empty": "", "space": " \n", "null": "null", "true": "true", "number": "12", "string": `"ok"`,
		"other root": other, "cut": open, "cut string": open + `"id`, "trailing": open + strings.Map(closing, open) + "x",
		"two values": open + strings.Map(closing, open) + open + strings.Map(closing, open),
		"html":       "<!doctype html><html><body>Sign in</body></html>",
		"bom":        "\xef\xbb\xbf" + open + strings.Map(closing, open),
		"nested":     strings.Repeat(open, 1) + strings.Repeat("[", 200_000),
		"deep":       strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000),
		"nan":        open + `"a":NaN}`, "utf16": "\xff\xfe{\x00}\x00", "binary": "\x00\x01\x02\x03",
		"single quotes": "{'a':1}", "comment": open + "/* */" + strings.Map(closing, open),
	}
	if !list {
		all["no fields"] = "{}"
		for _, field := range []string{"id", "deployments", "data", "status", "uid", "commits", "alias", "project", "result"} {
			for name, value := range map[string]string{"null": "null", "number": "7", "list": `[[1]]`, "string": `"x"`, "objects": `{"a":{"b":1}}`} {
				all[field+" "+name] = fmt.Sprintf("{%q:%s}", field, value)
			}
		}
	} else {
		all["list of null"], all["list of numbers"], all["list of lists"] = "[null]", "[1,2]", "[[]]"
		all["list of empty"] = "[{}]"
	}
	return all
}

func closing(r rune) rune {
	if r == '{' {
		return '}'
	}
	return ']'
}

func malformed(t *testing.T, s Suite, c Call) {
	for name, body := range bodies(c.List) {
		s.each(t, name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}, func(t *testing.T, b *Bench) {
			if f := b.Fault(t, c.Do(t.Context(), b.API)); f.Kind != fault.BadResponse {
				t.Errorf("%s, want bad_response: %v", f.Kind, f)
			}
		})
	}
}

func askedAgain(t *testing.T, s Suite, c Call) {
	want := int64(3)
	if c.Write || c.Once {
		want = 1
	}
	for name, vendor := range map[string]http.HandlerFunc{
		"502": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) },
		"503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"504": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(504) },
		"429 with a short wait": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(429)
		},
		"connection lost": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"body cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"id":`))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		s.each(t, name, vendor, func(t *testing.T, b *Bench) {
			err := c.Do(t.Context(), b.API)
			if f := b.Fault(t, err); !f.Kind.Retryable() {
				t.Errorf("%s: the same call may work later", f.Kind)
			}
			if n := b.Requests.Load(); n != want {
				t.Errorf("%d requests, want %d", n, want)
			}
			if unknown := c.Write && !strings.HasPrefix(name, "429"); provider.OutcomeUnknown(err) != unknown {
				t.Errorf("outcome unknown = %v, want %v", !unknown, unknown)
			}
		})
	}
	s.each(t, "never for 500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, func(t *testing.T, b *Bench) {
		_ = b.Fault(t, c.Do(t.Context(), b.API))
		if n := b.Requests.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
	s.each(t, "the breaker opens", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, func(t *testing.T, b *Bench) {
		for range 8 {
			_ = b.Fault(t, c.Do(t.Context(), b.API))
		}
		if n := b.Requests.Load(); c.Write && n != 8 || !c.Write && n != 5 {
			t.Errorf("%d of 8 calls left", n)
		}
	})
}

// routes proves that no id becomes a label: braces stand for whatever varies.
func (s Suite) routes(t *testing.T) {
	for _, c := range s.Calls {
		s.each(t, c.Name, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, func(t *testing.T, b *Bench) {
			_ = b.Fault(t, c.Do(t.Context(), b.API))
			calls := b.Meter.Calls()
			if len(calls) == 0 {
				t.Fatal("the attempt was not counted")
			}
			for _, got := range calls {
				if got.Provider != s.Kind.Name || !strings.HasPrefix(got.Route, "/") || got.Status != 404 {
					t.Errorf("counted as %+v", got)
				}
				for segment := range strings.SplitSeq(got.Route, "/") {
					if strings.ContainsAny(segment, "0123456789") && !isVersion(segment) {
						t.Errorf("the route %s holds an id", got.Route)
					}
				}
			}
		})
	}
}

// isVersion says whether a path segment is "v13", or the "0" that one vendor
// counts from.
func isVersion(s string) bool {
	return s == "0" || (s[0] == 'v' && strings.Trim(s[1:], "0123456789") == "")
}
