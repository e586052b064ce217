package wire

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Handler answers one call. An [*Error] is rendered by the face's dialect; any
// other error is the simulator's own mistake and answers the vendor's 500.
type Handler func(c *Call) (*Answer, error)

// Route declares one endpoint. What is not declared is refused.
type Route struct {
	// Pattern is a ServeMux pattern with a method: "GET /v6/deployments/{id}".
	Pattern string
	// Doc says in a few words what the endpoint is.
	Doc string
	// Query are the parameters it knows.
	Query []Param
	// Body is the body it reads; nil is an endpoint without one.
	Body *Body
	// Need is the permission, handed to the face's Auth.
	Need string
	// Open routes are not authenticated.
	Open bool
	// Handle answers.
	Handle Handler
	// Pretend answers as Handle would on success but changes nothing, for the
	// fault not_applied_but_ok. Without it that fault answers PretendStatus
	// and an empty JSON object.
	Pretend       Handler
	PretendStatus int
}

func (r *Route) prepare() error {
	method, path, ok := strings.Cut(r.Pattern, " ")
	switch {
	case !ok || method == "" || !strings.HasPrefix(path, "/"):
		return errors.New("the pattern wants a method and a path")
	case r.Handle == nil:
		return errors.New("no handler")
	}
	for _, p := range r.Query {
		if p.Name == "" || p.Type == "" {
			return errors.New("a query parameter without a name or a type")
		}
	}
	return nil
}

// RouteInfo describes a route to a reader.
type RouteInfo struct {
	Provider string   `json:"provider"`
	Method   string   `json:"method"`
	Path     string   `json:"path"`
	Doc      string   `json:"doc,omitempty"`
	Need     string   `json:"need,omitempty"`
	Query    []string `json:"query"`
	Body     string   `json:"body,omitempty"`
}

func (r *Route) info(provider string) RouteInfo {
	method, path, _ := strings.Cut(r.Pattern, " ")
	info := RouteInfo{Provider: provider, Method: method, Path: path, Doc: r.Doc, Need: r.Need, Query: []string{}}
	for _, p := range r.Query {
		text := p.Name + ": " + p.describe()
		if p.Required {
			text += " (required)"
		}
		info.Query = append(info.Query, text)
	}
	if r.Body != nil {
		info.Body = r.Body.name
	}
	return info
}

// ParamType is the type of a query parameter.
type ParamType string

// The types of query parameters.
const (
	String ParamType = "string"
	Int    ParamType = "int"
	Bool   ParamType = "bool"
	Enum   ParamType = "enum"
	// Time is RFC 3339 (or a bare date).
	Time ParamType = "time"
	// Millis is a time as milliseconds since 1970.
	Millis ParamType = "millis"
	// CSV is a comma-separated list, each item one of OneOf when that is set.
	CSV ParamType = "csv"
)

// Param declares one query parameter.
type Param struct {
	// Name of the parameter; a name that ends in "*" declares every name with
	// that prefix.
	Name     string
	Type     ParamType
	Required bool
	// Repeat allows more than one value.
	Repeat bool
	// Min and Max bound an Int; both 0 is unbounded.
	Min, Max int64
	// OneOf are the values of an Enum or the items of a CSV.
	OneOf []string
	// Check refuses a value with the words of what it should be; "" is fine.
	Check func(value string) (want string)
}

func (p Param) describe() string {
	text := string(p.Type)
	if len(p.OneOf) > 0 {
		text += " of " + strings.Join(p.OneOf, "|")
	}
	if p.Min != 0 || p.Max != 0 {
		text += fmt.Sprintf(" %d..%d", p.Min, p.Max)
	}
	if p.Repeat {
		text += ", repeatable"
	}
	return text
}

// parse says what the value should have been, or "".
func (p Param) parse(value string) (want string) {
	switch p.Type {
	case Int:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return "an integer"
		}
		if (p.Min != 0 || p.Max != 0) && (n < p.Min || n > p.Max) {
			return fmt.Sprintf("between %d and %d", p.Min, p.Max)
		}
	case Bool:
		if value != "true" && value != "false" {
			return "true or false"
		}
	case Enum:
		if !slices.Contains(p.OneOf, value) {
			return "one of " + strings.Join(p.OneOf, ", ")
		}
	case Time:
		if _, err := parseTime(value); err != nil {
			return "an RFC 3339 time"
		}
	case Millis:
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			return "milliseconds since 1970"
		}
	case CSV:
		for item := range strings.SplitSeq(value, ",") {
			if len(p.OneOf) > 0 && !slices.Contains(p.OneOf, item) {
				return "a list of " + strings.Join(p.OneOf, ", ")
			}
		}
	}
	if p.Check != nil {
		return p.Check(value)
	}
	return ""
}

func parseTime(value string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", value)
}

func (r *Route) param(name string) (Param, bool) {
	for _, p := range r.Query {
		if prefix, ok := strings.CutSuffix(p.Name, "*"); ok && strings.HasPrefix(name, prefix) && name != prefix {
			return p, true
		}
		if p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

// checkQuery finds the first thing wrong with a query. notes are parameters
// that a loose face ignored.
func (r *Route) checkQuery(raw string, loose bool) (url.Values, []string, *Error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, nil, &Error{Kind: InvalidQuery, Message: "the query cannot be read", Want: "a URL-encoded query", Got: raw}
	}
	var notes []string
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := query[name]
		p, ok := r.param(name)
		switch {
		case !ok && loose:
			notes = append(notes, "ignored query parameter "+name)
			delete(query, name)
			continue
		case !ok:
			return nil, nil, &Error{Kind: UnknownQuery, Field: name, Got: values[0]}
		case len(values) > 1 && !p.Repeat:
			return nil, nil, &Error{Kind: InvalidQuery, Field: name, Want: "one value", Got: strings.Join(values, ", ")}
		}
		for _, value := range values {
			if want := p.parse(value); want != "" {
				return nil, nil, &Error{Kind: InvalidQuery, Field: name, Want: want, Got: value}
			}
		}
	}
	for _, p := range r.Query {
		if p.Required && !query.Has(p.Name) {
			return nil, nil, &Error{Kind: MissingQuery, Field: p.Name, Want: p.describe()}
		}
	}
	return query, notes, nil
}

// Bearer is the token of an "Authorization: Bearer" header, or false.
func Bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "bearer") || strings.TrimSpace(token) == "" {
		return "", false
	}
	return strings.TrimSpace(token), true
}
