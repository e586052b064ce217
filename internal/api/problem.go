package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// framework guards the framework's package variables: they are set once for
// the process, whoever mounts first.
var framework sync.Once

// setFramework makes the framework's own errors ours. Its own repeat the
// offending value, which may be a mistyped secret, and look different.
func setFramework() {
	framework.Do(func() {
		huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
			return newRefusal("", status, message, errs...)
		}
		huma.NewErrorWithContext = func(c huma.Context, status int, message string, errs ...error) huma.StatusError {
			return newRefusal(actor(c.Context()).RequestID, status, message, errs...)
		}
		// "Role" is not "role": the decoder would take either, and the last.
		huma.ValidateStrictCasing = true
	})
}

// refusal is our problem as the framework's error. Its name is the schema's in
// the document, where "Problem" is a source's.
type refusal struct{ door.Problem }

func (p *refusal) Error() string  { return p.Detail }
func (p *refusal) GetStatus() int { return p.Status }

// ContentType keeps the problem's own type.
func (p *refusal) ContentType(string) string { return "application/problem+json" }

// GetHeaders is what belongs to the problem beside its body.
func (p *refusal) GetHeaders() http.Header {
	h := http.Header{}
	p.Headers(h)
	return h
}

// newRefusal is what the framework itself finds wrong: the places and the
// rules that were broken, without the values.
func newRefusal(request string, status int, message string, errs ...error) *refusal {
	f := fault.New(kindOf(status), "%s", sentence(status, message))
	for _, err := range errs {
		if d, ok := err.(huma.ErrorDetailer); ok {
			detail := d.ErrorDetail()
			f.Places = append(f.Places, fault.Place{Where: hostile.Line(detail.Location, 200), Problem: rule(detail.Message)})
		}
	}
	p := door.ProblemOf(f, request)
	switch status {
	case http.StatusUnsupportedMediaType, http.StatusNotAcceptable, http.StatusRequestTimeout:
		p.Status, p.Title = status, http.StatusText(status)
	}
	return &refusal{p}
}

// rule is the framework's word on what is wrong, unless it is the decoder's,
// which repeats what it could not read.
func rule(message string) string {
	for _, decoder := range []string{"json: ", "invalid character ", "unexpected end of JSON", "unknown content type", "strconv.", "parsing time "} {
		if strings.Contains(message, decoder) {
			return "this is not JSON of the documented form; send it as application/json"
		}
	}
	return hostile.Line(message, 300)
}

func kindOf(status int) fault.Kind {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return fault.TooLarge
	case http.StatusNotFound:
		return fault.NotFound
	case http.StatusInternalServerError:
		return fault.Internal
	default:
		return fault.Invalid
	}
}

func sentence(status int, message string) string {
	switch {
	case status == http.StatusInternalServerError || message == "":
		return "Something went wrong inside envdeck. The log has the details under this request's id."
	case message == "validation failed":
		return "Some of the input is not as it has to be; errors names each place."
	default:
		return strings.ToUpper(message[:1]) + message[1:] + "."
	}
}

// failed turns a use case's error into the framework's, and logs our own
// defects.
func (a *API) failed(ctx context.Context, op huma.Operation, err error) error {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	return &refusal{a.Door.Explain(ctx, op.Method+" "+op.Path, actor(ctx).RequestID, err)}
}

// wrong is one wrong place of the input that only we can judge.
func wrong(where, problem string) error {
	f := fault.New(fault.Invalid, "Some of the input is not as it has to be; errors names each place.")
	f.Places = []fault.Place{{Where: where, Problem: problem}}
	return f
}
