package outbound

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
)

// Refusal is an answer that says no, reduced to what may be shown.
type Refusal struct {
	Status int
	Code   string // one of Config.Codes, or ""
	Route  string
	Write  bool
}

// Meaning is what a refusal means.
type Meaning struct {
	Kind fault.Kind // the zero kind keeps the kit's
	// Text ends the sentence "Vercel refused the token (401): …": what it
	// means here and how to mend it. "" takes the kit's.
	Text string
}

// refused makes the fault of an answer outside 2xx.
func (c *Client) refused(k *call, a *Answer) *fault.Error {
	why := c.failure(k, a, "refused")
	if c.conf.Code != nil {
		if code := c.conf.Code(a.Body); slices.Contains(c.conf.Codes, code) {
			why.Code = code
		}
	}
	if c.tooOften(a, k.route) || why.Code != "" && why.Code == c.conf.ThrottleCode {
		wait := c.howLong(a.Header, k.route)
		until := c.clock.Now().Add(wait)
		c.gate.closeUntil(until)
		f := c.throttled(k, until)
		seen := failureOf(f)
		seen.Status, seen.Code, seen.RequestID = a.Status, why.Code, a.RequestID
		seen.wait, seen.again = wait, wait <= longestPause
		return f
	}
	meaning := Meaning{}
	if c.conf.Explain != nil {
		meaning = c.conf.Explain(Refusal{Status: a.Status, Code: why.Code, Route: k.route, Write: k.write})
	}
	own := plain(a.Status)
	if meaning.Kind == fault.Internal {
		meaning.Kind = own.Kind
	}
	if meaning.Text == "" {
		meaning.Text = own.Text
	}
	why.trouble = a.Status >= 500 && a.Status != http.StatusNotImplemented
	// A write that the vendor failed on may have been carried out first.
	why.unknown = k.write && (why.trouble || a.Status == http.StatusRequestTimeout)
	switch a.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		why.again = true
	}
	status := strconv.Itoa(a.Status)
	if why.Code != "" {
		status += " " + why.Code
	}
	f := c.wrap(meaning.Kind, why, "%s %s (%s): %s", c.conf.Title, verb(meaning.Kind), status, meaning.Text)
	if wait, ok := retryAfter(a.Header, c.clock.Now()); ok && meaning.Kind.Retryable() {
		f.RetryAfter, why.wait, why.again = wait, wait, why.again && wait <= longestPause
	}
	return f
}

// tooOften says whether an answer is the vendor's "too often".
func (c *Client) tooOften(a *Answer, route string) bool {
	if a.Status == http.StatusTooManyRequests {
		return true
	}
	if a.Status != http.StatusForbidden || !c.conf.ThrottlesWith403 || c.conf.Budget == nil {
		return false
	}
	if _, ok := retryAfter(a.Header, c.clock.Now()); ok {
		return true
	}
	b, ok := c.conf.Budget(a.Header, route)
	return ok && b.Remaining == 0
}

// throttled is the fault of a call that must wait for the vendor's sake.
func (c *Client) throttled(k *call, until time.Time) *fault.Error {
	wait := max(until.Sub(c.clock.Now()), 0)
	f := c.wrap(fault.RateLimited, c.failure(k, nil, "the vendor asked to wait"),
		"%s asks for fewer calls: envdeck waits until %s", c.conf.Title, until.Format("15:04:05 UTC"))
	f.RetryAfter = wait
	return f
}

// plain is the meaning of a status where the vendor's room has no better one.
func plain(status int) Meaning {
	switch {
	case status >= 300 && status <= 399:
		return Meaning{fault.BadResponse, "it wants to be asked elsewhere, and envdeck follows no redirect; check base_url"}
	case status == http.StatusUnauthorized:
		return Meaning{fault.Rejected, "the token is unknown or has expired; make a new one"}
	case status == http.StatusPaymentRequired:
		return Meaning{fault.Unsupported, "its plan does not include this"}
	case status == http.StatusForbidden:
		return Meaning{fault.Denied, "the token may not do this; check its scope"}
	case status == http.StatusNotFound, status == http.StatusGone:
		return Meaning{fault.NotFound, "there is no such thing, or the token may not see it; check the names in the configuration"}
	case status == http.StatusConflict, status == http.StatusLocked:
		return Meaning{fault.Conflict, "something else is under way; look at its state before trying again"}
	case status == http.StatusRequestTimeout:
		return Meaning{fault.Timeout, "the request did not reach it in time"}
	case status == http.StatusRequestEntityTooLarge:
		return Meaning{fault.TooLarge, "the request is larger than it takes"}
	case status == http.StatusNotImplemented:
		return Meaning{fault.Unsupported, "it cannot do this"}
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity, status == http.StatusMethodNotAllowed:
		return Meaning{fault.Invalid, "it does not take the request as it is; check the names in the configuration"}
	case status >= 500:
		return Meaning{fault.Unavailable, "the fault is on its side; envdeck asks again later"}
	default:
		return Meaning{fault.BadResponse, "envdeck does not know what that means here"}
	}
}

// verb is what the vendor did, for the start of the sentence.
func verb(kind fault.Kind) string {
	switch kind {
	case fault.Rejected:
		return "refused the token"
	case fault.Denied:
		return "did not allow it"
	case fault.NotFound:
		return "did not find it"
	case fault.Conflict:
		return "is not ready for it"
	case fault.Unsupported:
		return "does not offer it"
	case fault.Invalid, fault.TooLarge:
		return "did not accept the request"
	case fault.Timeout:
		return "gave up waiting"
	case fault.Unavailable:
		return "is failing"
	default:
		return "gave an answer of no use"
	}
}

// Unusable is the fault of an answer that makes no sense; the room above
// calls it where a field that must be there is not.
func (c *Client) Unusable(route string, cause error) error {
	why := &Failure{Route: route, Why: "a value has another form than it should", Status: http.StatusOK}
	if f, ok := errors.AsType[*misfit](cause); ok {
		why.Why = f.Error()
	}
	return c.wrap(fault.BadResponse, why, "%s gave an answer of no use: %s", c.conf.Title, why.Why)
}

// UnusableWrite is Unusable for a write: it was answered, so it may well have
// been carried out.
func (c *Client) UnusableWrite(route string, cause error) error {
	err := c.Unusable(route, cause)
	failureOf(err).unknown = true
	return err
}

// Fault is a fault of this vendor in the room's own words.
func (c *Client) Fault(kind fault.Kind, format string, args ...any) *fault.Error {
	return c.fault(kind, format, args...)
}

func (c *Client) fault(kind fault.Kind, format string, args ...any) *fault.Error {
	f := fault.New(kind, format, args...)
	f.Provider = c.conf.Provider
	return f
}

func (c *Client) wrap(kind fault.Kind, why *Failure, format string, args ...any) *fault.Error {
	f := fault.Wrap(kind, why, format, args...)
	f.Provider = c.conf.Provider
	return f
}

func (c *Client) failure(k *call, a *Answer, why string) *Failure {
	f := &Failure{Method: k.method, Route: k.route, Why: why}
	if a != nil {
		f.Status, f.RequestID = a.Status, a.RequestID
	}
	return f
}
