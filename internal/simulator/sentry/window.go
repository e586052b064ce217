package sentry

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// span adds the parameters that pick a time, projects and environments.
func span(params ...wire.Param) []wire.Param {
	return append(params,
		wire.Param{Name: "statsPeriod", Type: wire.String}, wire.Param{Name: "start", Type: wire.String}, wire.Param{Name: "end", Type: wire.String},
		wire.Param{Name: "project", Type: wire.String, Repeat: true}, wire.Param{Name: "environment", Type: wire.String, Repeat: true},
	)
}

var periodText = regexp.MustCompile(`^(\d+)([smhdw])$`)

// period reads "24h".
func period(text string) (time.Duration, bool) {
	m := periodText.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[m[2]]
	return time.Duration(n) * unit, err == nil && n > 0 && n < 100_000
}

// longest is how far back an answer reaches.
const longest = 90 * 24 * time.Hour

// window is the time asked for: statsPeriod wins over start and end.
func (i *in) window(fallback time.Duration) (from, to time.Time, err error) {
	if text := i.Str("statsPeriod"); text != "" {
		d, ok := period(text)
		if !ok || d > longest {
			return from, to, bad("Invalid statsPeriod: '%s'", text)
		}
		return i.s.Now().Add(-d), i.s.Now(), nil
	}
	if !i.Has("start") && !i.Has("end") {
		return i.s.Now().Add(-fallback), i.s.Now(), nil
	}
	from, okFrom := moment(i.Str("start"))
	to, okTo := moment(i.Str("end"))
	switch {
	case !i.Has("start") || !i.Has("end"):
		return from, to, bad("start and end are both required")
	case !okFrom || !okTo:
		return from, to, bad("start and end must be ISO-8601 dates")
	case !from.Before(to):
		return from, to, bad("start must be before end")
	}
	return from, to, nil
}

func moment(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(n, 0).UTC(), true
	}
	return time.Time{}, false
}

// picked are the projects asked for.
func (i *in) picked() ([]project, error) {
	names := i.List("project")
	if len(names) == 0 || slices.Contains(names, "-1") {
		return i.projects(), nil
	}
	var out []project
	for _, name := range names {
		p := i.projectNamed(name)
		if p == nil {
			return nil, wire.Refuse(wire.Forbidden, "You do not have permission to perform this action.")
		}
		out = append(out, *p)
	}
	return out, nil
}

// events are the errors that the parameters of the call pick.
func (i *in) events(from, to time.Time, query string) ([]world.ErrorEvent, error) {
	projects, err := i.picked()
	if err != nil {
		return nil, err
	}
	for _, e := range i.List("environment") {
		if e != "" && !slices.Contains(environments, e) {
			return nil, notFound()
		}
	}
	match, err := parseQuery(query)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(projects, func(p project) bool { return p.slug == i.s.Project.Name }) {
		return nil, nil
	}
	var out []world.ErrorEvent
	for _, e := range i.s.ErrorEvents(from, to) {
		if i.Has("environment") && !slices.Contains(i.List("environment"), environmentNames[e.Env]) {
			continue
		}
		if match(i, e) {
			out = append(out, e)
		}
	}
	return out, nil
}
