package sentry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

// render puts a refusal into Sentry's words.
func (f *Face) render(r *http.Request, e *wire.Error) *wire.Answer {
	switch e.Kind {
	case wire.UnknownPath:
		return noRoute(r)
	case wire.TooMany:
		// The limiter answers before the API's own renderer: JSON, but sent as
		// a page, and without a Retry-After.
		message := e.Message
		if message == "" {
			message = "You are attempting to use this endpoint too frequently. Limit is 30 requests in 1 seconds"
		}
		text, err := json.Marshal(obj{"detail": message})
		if err != nil {
			text = []byte(message)
		}
		return wire.Raw(http.StatusTooManyRequests, "text/html; charset=utf-8", text)
	case wire.UnknownField, wire.WrongType, wire.MissingField, wire.InvalidField:
		return wire.JSON(http.StatusBadRequest, fields(e))
	}
	return wire.JSON(e.HTTPStatus(), obj{"detail": message(e)})
}

// noRoute is what Sentry's last route says. The API has no redirect for a
// forgotten trailing slash, only this hint (sentry/api/endpoints/catchall).
func noRoute(r *http.Request) *wire.Answer {
	if strings.HasSuffix(r.URL.Path, "/") {
		return wire.JSON(http.StatusNotFound, obj{"info": "Route not found"})
	}
	help := "Route not found, did you forget a trailing slash?"
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return wire.JSON(http.StatusNotFound, obj{"info": help})
	}
	suggestion := "try: " + r.URL.Path + "/"
	return wire.Raw(http.StatusNotFound, "text/plain", []byte(help+"\n\n"+suggestion+"\n"+strings.Repeat(" ", len(suggestion)-1)+"^"))
}

func message(e *wire.Error) string {
	switch e.Kind {
	case wire.WrongMethod:
		return fmt.Sprintf("Method %q not allowed.", e.Field)
	case wire.WrongContentType:
		return fmt.Sprintf("Unsupported media type %q in request.", e.Got)
	case wire.UnreadableBody:
		return "JSON parse error - " + e.Message
	case wire.MissingQuery:
		return fmt.Sprintf("%s is required", e.Field)
	case wire.InvalidQuery:
		if strings.HasSuffix(e.Want, ".") {
			return e.Want
		}
		return fmt.Sprintf("Invalid value for %s: %q, it should be %s.", e.Field, e.Got, e.Want)
	}
	if e.Message != "" {
		return e.Message
	}
	switch e.Kind {
	case wire.Unauthorized:
		return "Invalid token"
	case wire.Forbidden:
		return "You do not have permission to perform this action."
	case wire.NotFound:
		return "The requested resource does not exist"
	case wire.Internal:
		return "Internal Error"
	}
	return http.StatusText(e.HTTPStatus())
}

// fields is the serializer's answer: a list of complaints for each field.
func fields(e *wire.Error) obj {
	issues := e.Issues
	if len(issues) == 0 {
		issues = []*wire.Error{e}
	}
	out := obj{}
	for _, i := range issues {
		name := i.Field
		if name == "" {
			name = "nonFieldErrors"
		}
		text := "This field is required."
		switch i.Kind {
		case wire.WrongType:
			text = "Not a valid " + i.Want + "."
		case wire.InvalidField:
			text = i.Message
			if text == "" {
				text = "Invalid value, it should be " + i.Want + "."
			}
		}
		out[name] = []string{text}
	}
	return out
}
