// Package fault is the one set of error kinds. Every room speaks in them, and
// each face (HTTP, command line, MCP) translates them with the one table here,
// so the same mistake never means two things.
//
// A fault's Message is written for a person: what happened, where, and how to
// mend it. The wrapped cause is for the log. Nothing here may be built from
// the body of a provider's answer, which is hostile text and may repeat a
// token that was sent to it.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of thing went wrong, and so what a caller can do.
type Kind uint8

// The kinds, from our own defect to everybody else's.
const (
	Internal        Kind = iota // our defect, or the disk's
	Invalid                     // the input is wrong; the same input will never work
	Unauthenticated             // nobody we know is asking
	Denied                      // we know who asks, and they may not
	NotFound                    // there is no such thing
	Conflict                    // it is not the time: something else is in the way
	TooLarge                    // more than we take
	RateLimited                 // too often; RetryAfter says when again
	Unsupported                 // this provider or set-up cannot do it
	Unavailable                 // an outside service could not be reached or said it is down
	Timeout                     // an outside service did not answer in time
	BadResponse                 // an outside service answered something that makes no sense
	Rejected                    // an outside service refused our credentials
)

// kinds is the one table: name on the wire, title, HTTP status, exit code.
var kinds = [...]struct {
	name, title string
	status      int
	exit        int
}{
	Internal:        {"internal", "Internal error", 500, 1},
	Invalid:         {"invalid", "Invalid input", 400, 2},
	Unauthenticated: {"unauthenticated", "Sign in first", 401, 3},
	Denied:          {"denied", "Not allowed", 403, 4},
	NotFound:        {"not_found", "Not found", 404, 5},
	Conflict:        {"conflict", "In conflict", 409, 6},
	TooLarge:        {"too_large", "Too large", 413, 2},
	RateLimited:     {"rate_limited", "Too many requests", 429, 7},
	Unsupported:     {"unsupported", "Not supported", 501, 8},
	Unavailable:     {"unavailable", "Unavailable", 503, 9},
	Timeout:         {"timeout", "No answer in time", 504, 10},
	BadResponse:     {"bad_response", "Unusable answer", 502, 11},
	Rejected:        {"rejected", "Credentials refused", 502, 12},
}

// Kinds lists every kind, for tables that must cover them all.
func Kinds() []Kind {
	all := make([]Kind, len(kinds))
	for i := range kinds {
		all[i] = Kind(i)
	}
	return all
}

// String is the kind's name on the wire and in logs.
func (k Kind) String() string { return kinds[k].name }

// Title is a heading a person can read.
func (k Kind) Title() string { return kinds[k].title }

// Status is the HTTP status that stands for the kind.
func (k Kind) Status() int { return kinds[k].status }

// ExitCode is the command line's exit code for the kind.
func (k Kind) ExitCode() int { return kinds[k].exit }

// Retryable says whether the same request may work later without a change.
func (k Kind) Retryable() bool {
	switch k {
	case RateLimited, Unavailable, Timeout, BadResponse:
		return true
	default:
		return false
	}
}

// Place is one wrong spot of an input: where it is and what is wrong with it.
// The offending value is left out on purpose: it may be a mistyped secret.
type Place struct {
	Where   string // a JSON path or "line 3, column 7"
	Problem string
}

// Error is a fault with its kind and a message for a person.
type Error struct {
	Kind       Kind
	Message    string
	Provider   string        // the outside service at fault, "" when it is not one
	RetryAfter time.Duration // when to try again, 0 when unknown
	Places     []Place
	Err        error // the cause, for the log
}

// Error is the message with its cause, for logs. Faces show Message alone.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// New makes a fault with a formatted message and no cause.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes a fault of a cause. The message replaces the cause for people;
// the cause stays for logs and errors.Is.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Err: cause}
}

// From answers err as a fault. What is not one is a defect of ours: Internal,
// with a message that says nothing of the inside.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Message: "Something went wrong inside envdeck. The log has the details under this request's id.", Err: err}
}

// KindOf is the kind of err; Internal for anything that is not a fault.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Is says whether err is a fault of the kind.
func Is(err error, kind Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == kind
}
