package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/envdeck/envdeck/internal/fault"
)

// Failure is the cause of every fault of a call: what may be known about it,
// for the log and for whoever must decide what to do next. It holds no text of
// the vendor's but a code from the list and the cleaned request id.
type Failure struct {
	Method, Route string
	Status        int    // 0 when no whole answer came
	Code          string // the vendor's, from Config.Codes
	RequestID     string
	Why           string // what happened to the connection, in our words

	unknown bool          // a write that may have been carried out
	trouble bool          // counts against the vendor
	again   bool          // asking again may help
	wait    time.Duration // what the vendor asked for
	cause   error         // a context error, or nil
}

// Error names the call without anything that differs between two of a kind.
func (f *Failure) Error() string {
	s := f.Method + " " + f.Route
	if f.Why != "" {
		s += ": " + f.Why
	}
	return s
}

// OutcomeUnknown says that a write may have been carried out all the same.
func (f *Failure) OutcomeUnknown() bool { return f.unknown }

// Unwrap is the context's error where that was the reason.
func (f *Failure) Unwrap() error { return f.cause }

// attempt sends the request once and reads the answer to its end.
func (c *Client) attempt(ctx context.Context, k *call) (*Answer, error) {
	if until, held := c.gate.held(c.clock.Now()); held {
		return nil, c.throttled(k, until)
	}
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	req, err := k.request(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the request %s %s cannot be built", k.method, k.route)
	}
	if c.agent != "" {
		req.Header.Set("User-Agent", c.agent)
	}
	tag := c.etags.use(c.conf.ETags, req)
	req.Header.Set("Authorization", "Bearer "+c.conf.Token.Reveal())

	resp, err := c.transport.RoundTrip(req) //nolint:bodyclose // readAll closes it
	if err != nil {
		c.meter.Called(c.conf.Provider, k.route, 0)
		return nil, c.lost(ctx, k, err, k.write && sent.Load())
	}
	body, err := readAll(resp.Body, c.conf.Body)
	c.meter.Called(c.conf.Provider, k.route, resp.StatusCode)
	if c.conf.Budget != nil {
		if b, ok := c.conf.Budget(resp.Header, k.route); ok {
			if c.repeatsToken([]byte(b.Name)) {
				b.Name = k.route
			}
			c.meter.Budget(c.conf.Provider, b)
		}
	}
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, RequestID: c.requestID(resp.Header)}
	switch {
	case a.Status == http.StatusNotModified && tag.held():
		return tag.answer(a), nil
	case a.Status < 200 || a.Status > 299:
		// The status alone decides, even when the body was cut short.
		return a, c.refused(k, a)
	case errors.Is(err, errTooLarge):
		f := c.failure(k, a, "the answer is larger than the limit")
		f.unknown = k.write
		return a, c.wrap(fault.BadResponse, f, "%s answered with more than %d MiB, which envdeck does not read", c.conf.Title, c.conf.Body>>20)
	case err != nil:
		return a, c.lost(ctx, k, err, k.write)
	case c.repeatsToken(body):
		// Facts are shown to people, and this one would show them the token.
		f := c.failure(k, a, "the answer repeats the token")
		f.unknown = k.write
		return a, c.wrap(fault.BadResponse, f, "%s gave an answer of no use: it repeats the token, so envdeck does not read it", c.conf.Title)
	}
	c.etags.keep(c.conf.ETags, req, a)
	return a, nil
}

// errTooLarge is the end of readAll at its limit.
var errTooLarge = errors.New("body over the limit")

// readAll reads at most limit bytes of what the transport has unpacked: a
// small body that unpacks to a huge one ends here too.
func readAll(body io.ReadCloser, limit int64) ([]byte, error) {
	defer func() { _ = body.Close() }()
	text, err := io.ReadAll(io.LimitReader(body, limit+1))
	if int64(len(text)) > limit {
		return nil, errTooLarge
	}
	return text, err
}

// requestID is the vendor's id of the request, if it looks like one. It is a
// header and so hostile text: it may even be our token coming back.
func (c *Client) requestID(h http.Header) string {
	id := h.Get(c.conf.RequestID)
	if c.conf.RequestID == "" || !Plain(id, 100) || c.repeatsToken([]byte(id)) {
		return ""
	}
	return id
}

// shortToken is the length under which a token may well be a common word: the
// simulator's and a test's are, a vendor's never is.
const shortToken = 12

func (c *Client) repeatsToken(text []byte) bool {
	token := c.conf.Token.Reveal()
	return len(token) >= shortToken && bytes.Contains(text, []byte(token))
}

// Plain says whether s is a short name of letters, digits and ".:_-", such as
// the ids, codes and cursors that vendors make.
func Plain(s string, most int) bool {
	return s != "" && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return r >= utf8.RuneSelf || !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".:_-", r))
	})
}

// logFailure writes the one line of a failed call. Debug: whoever asked for the call
// gets the error and says it at the level that it has for them.
func (c *Client) logFailure(ctx context.Context, k *call, f *fault.Error, took time.Duration) {
	if !c.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("provider", c.conf.Provider), slog.String("project", c.project),
		slog.String("method", k.method), slog.String("route", k.route),
		slog.String("kind", f.Kind.String()), slog.Duration("took", took),
	}
	if w, ok := errors.AsType[*Failure](f); ok {
		attrs = append(attrs, slog.Int("status", w.Status), slog.String("code", w.Code),
			slog.String("request_id", w.RequestID), slog.String("why", w.Why), slog.Bool("outcome_unknown", w.unknown))
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, "provider call failed", attrs...)
}
