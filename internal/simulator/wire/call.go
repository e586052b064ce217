package wire

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Call is one request that passed the declared checks, as a handler sees it.
type Call struct {
	// Request is the vendor's request: its path has no mount prefix.
	Request *http.Request
	// Route is nil for a path or method that is not declared.
	Route *Route
	// Caller is who the face's Auth recognised.
	Caller Caller
	// Query holds the checked parameters.
	Query url.Values
	// Now is the world's time when the call came.
	Now time.Time

	raw     []byte
	body    any
	changed bool
	notes   []string
}

// BodyOf is the decoded body of a route declared with [JSONBody] of the same
// type; the zero value when an optional body was absent.
func BodyOf[T any](c *Call) T {
	body, _ := c.body.(T)
	return body
}

// HasBody says whether a body came.
func (c *Call) HasBody() bool { return len(c.raw) > 0 }

// RawBody is the body as it came.
func (c *Call) RawBody() []byte { return c.raw }

// Changed notes that the call changed the world, for the call log.
func (c *Call) Changed() { c.changed = true }

// Note adds a remark to the call's entry in the log.
func (c *Call) Note(text string) { c.notes = append(c.notes, text) }

// Path is the value of a wildcard of the route's pattern.
func (c *Call) Path(name string) string { return c.Request.PathValue(name) }

// Has says whether a query parameter came.
func (c *Call) Has(name string) bool { return c.Query.Has(name) }

// Str is a query parameter, or "".
func (c *Call) Str(name string) string { return c.Query.Get(name) }

// StrOr is a query parameter, or the fallback when it did not come.
func (c *Call) StrOr(name, fallback string) string {
	if !c.Query.Has(name) {
		return fallback
	}
	return c.Query.Get(name)
}

// Int is an Int or Millis parameter, or the fallback when it did not come.
func (c *Call) Int(name string, fallback int64) int64 {
	n, err := strconv.ParseInt(c.Query.Get(name), 10, 64)
	if err != nil {
		return fallback
	}
	return n
}

// Bool is a Bool parameter, or the fallback when it did not come.
func (c *Call) Bool(name string, fallback bool) bool {
	switch c.Query.Get(name) {
	case "true":
		return true
	case "false":
		return false
	}
	return fallback
}

// Time is a Time or Millis parameter; false when it did not come.
func (c *Call) Time(name string) (time.Time, bool) {
	value := c.Query.Get(name)
	if value == "" {
		return time.Time{}, false
	}
	if ms, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), true
	}
	t, err := parseTime(value)
	return t, err == nil
}

// List is all values of a parameter, those of a CSV taken apart.
func (c *Call) List(name string) []string {
	var list []string
	p, _ := c.Route.param(name)
	for _, value := range c.Query[name] {
		if p.Type == CSV {
			list = append(list, strings.Split(value, ",")...)
		} else {
			list = append(list, value)
		}
	}
	return list
}

// Prefixed is the parameters whose names have a prefix, keyed without it.
func (c *Call) Prefixed(prefix string) map[string]string {
	found := map[string]string{}
	for name := range c.Query {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			found[rest] = c.Query.Get(name)
		}
	}
	return found
}
