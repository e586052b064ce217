package wire

import (
	"fmt"
	"net/http"
	"time"
)

// Kind says what is wrong with a request, for a dialect to put into the
// vendor's words.
type Kind string

// The kinds of refusal. Those up to [InvalidField] come from the declared
// strictness, the others from auth, limits, handlers and faults.
const (
	UnknownPath      Kind = "unknown_path"
	WrongMethod      Kind = "wrong_method"
	UnknownQuery     Kind = "unknown_query"
	MissingQuery     Kind = "missing_query"
	InvalidQuery     Kind = "invalid_query"
	WrongContentType Kind = "wrong_content_type"
	UnreadableBody   Kind = "unreadable_body"
	MissingBody      Kind = "missing_body"
	TooLargeBody     Kind = "too_large_body"
	UnknownField     Kind = "unknown_field"
	WrongType        Kind = "wrong_type"
	MissingField     Kind = "missing_field"
	InvalidField     Kind = "invalid_field"
	BadRequest       Kind = "bad_request"
	Unauthorized     Kind = "unauthorized"
	Forbidden        Kind = "forbidden"
	NotFound         Kind = "not_found"
	Conflict         Kind = "conflict"
	Gone             Kind = "gone"
	Unprocessable    Kind = "unprocessable"
	Locked           Kind = "locked"
	TooMany          Kind = "too_many"
	Internal         Kind = "internal"
	BadGateway       Kind = "bad_gateway"
	Unavailable      Kind = "unavailable"
	GatewayTimeout   Kind = "gateway_timeout"
	// OtherStatus is any status a fault asked for that has no kind of its own.
	OtherStatus Kind = "other_status"
)

var statusOf = map[Kind]int{
	UnknownPath: 404, WrongMethod: 405, UnknownQuery: 400, MissingQuery: 400, InvalidQuery: 400,
	WrongContentType: 415, UnreadableBody: 400, MissingBody: 400, TooLargeBody: 413,
	UnknownField: 400, WrongType: 400, MissingField: 400, InvalidField: 400, BadRequest: 400,
	Unauthorized: 401, Forbidden: 403, NotFound: 404, Conflict: 409, Gone: 410, Unprocessable: 422,
	Locked: 423, TooMany: 429, Internal: 500, BadGateway: 502, Unavailable: 503, GatewayTimeout: 504,
	OtherStatus: 500,
}

// Error is a refusal before it is put into a vendor's words.
type Error struct {
	Kind Kind
	// Status is the HTTP status; 0 leaves it to the kind (and the dialect).
	Status int
	// Code is the vendor's code where the handler knows it.
	Code string
	// Message is the vendor's message where the handler knows it.
	Message string
	// Field is the query parameter or the path of the body field that is wrong.
	Field string
	// Want is what the field should have been, in plain words.
	Want string
	// Got is the JSON type or the value that came, in plain words.
	Got string
	// Issues are all findings in a body, when the strict reader made more than one.
	Issues []*Error
	// Variant picks one of several shapes that a vendor has for the same kind,
	// such as a primary and a secondary rate limit.
	Variant string
	// Retry is how long to wait, for [TooMany] and [Unavailable].
	Retry time.Duration
	// Extra is for what only the face's own dialect understands.
	Extra any
}

// Error is for logs of the simulator itself.
func (e *Error) Error() string {
	return fmt.Sprintf("%s %s: %s", e.Kind, e.Field, e.Message)
}

// HTTPStatus is the status of the refusal unless the dialect knows better.
func (e *Error) HTTPStatus() int {
	if e.Status != 0 {
		return e.Status
	}
	if s, ok := statusOf[e.Kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Refuse makes an error with the vendor's message.
func Refuse(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// RefuseCode makes an error with the vendor's code and message.
func RefuseCode(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// kindOfStatus finds the kind that a fault's bare status stands for.
func kindOfStatus(status int) Kind {
	switch status {
	case 400:
		return BadRequest
	case 404:
		return NotFound
	}
	for kind, s := range statusOf {
		if s == status && kind != OtherStatus && kind != UnknownPath {
			return kind
		}
	}
	return OtherStatus
}
