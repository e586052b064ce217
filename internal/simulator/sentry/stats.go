package sentry

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) statsRoutes() []wire.Route {
	v2 := span(
		wire.Param{Name: "groupBy", Type: wire.Enum, OneOf: []string{"outcome", "category", "reason", "project"}, Required: true, Repeat: true},
		wire.Param{Name: "field", Type: wire.Enum, OneOf: []string{"sum(quantity)", "sum(times_seen)"}, Required: true},
		wire.Param{Name: "interval", Type: wire.String}, wire.Param{Name: "category", Type: wire.String},
		wire.Param{Name: "outcome", Type: wire.String, Repeat: true}, wire.Param{Name: "reason", Type: wire.String},
	)
	return []wire.Route{
		{
			Pattern: "GET /api/0/projects/{org}/{project}/stats/{$}", Doc: "counters of a project", Need: needProject,
			Query: []wire.Param{
				{Name: "stat", Type: wire.Enum, OneOf: []string{"blacklisted", "generated", "received", "rejected"}},
				{Name: "since", Type: wire.String},
				{Name: "until", Type: wire.String},
				{Name: "environment", Type: wire.String},
				{Name: "resolution", Type: wire.Enum, OneOf: []string{"10s", "1h", "1d"}},
			},
			Handle: f.on(projectStats),
		},
		{Pattern: "GET " + orgPath + "/stats_v2/{$}", Doc: "what was taken and what was dropped", Need: needOrg, Query: v2, Handle: f.on(statsV2)},
		{Pattern: "GET " + orgPath + "/stats-summary/{$}", Doc: "the same per project", Need: needOrg, Query: span(wire.Param{Name: "field", Type: wire.String}), Handle: f.on(statsSummary)},
		{
			Pattern: "GET " + orgPath + "/sessions/{$}", Doc: "release health", Need: needOrg,
			Query: span(
				wire.Param{Name: "field", Type: wire.String, Required: true, Repeat: true}, wire.Param{Name: "groupBy", Type: wire.String, Repeat: true},
				wire.Param{Name: "interval", Type: wire.String}, wire.Param{Name: "orderBy", Type: wire.String}, wire.Param{Name: "query", Type: wire.String},
				wire.Param{Name: "includeTotals", Type: wire.String}, wire.Param{Name: "includeSeries", Type: wire.String}, wire.Param{Name: "per_page", Type: wire.String},
			),
			Handle: f.on(sessions),
		},
	}
}

func projectStats(i *in) (*wire.Answer, error) {
	width := map[string]time.Duration{"": time.Hour, "10s": 10 * time.Second, "1h": time.Hour, "1d": 24 * time.Hour}[i.Str("resolution")]
	to := i.s.Now()
	if n, err := strconv.ParseFloat(i.Str("until"), 64); err == nil {
		to = time.Unix(int64(n), 0).UTC()
	}
	from := to.Add(-24 * time.Hour)
	if n, err := strconv.ParseFloat(i.Str("since"), 64); err == nil {
		from = time.Unix(int64(n), 0).UTC()
	}
	if to.Sub(from)/width > 10_000 {
		return nil, bad("Too many data points")
	}
	// Only "generated" looks at an environment, and only there is one unknown.
	env, stat := i.Str("environment"), i.StrOr("stat", "received")
	if stat == "generated" && env != "" && !slices.Contains(environments, env) {
		return nil, notFound()
	}
	start := from.Truncate(width)
	counts := make([]int, max(0, int((to.Sub(start)+width-1)/width)))
	if (stat == "received" || stat == "generated") && i.projectNamed(i.Path("project")).slug == i.s.Project.Name {
		for _, e := range i.s.ErrorEvents(start, to) {
			if stat == "generated" && env != "" && environmentNames[e.Env] != env {
				continue
			}
			if n := int(e.At.Sub(start) / width); n < len(counts) {
				counts[n]++
			}
		}
	}
	out := [][]int64{}
	for n, c := range counts {
		out = append(out, []int64{start.Add(time.Duration(n) * width).Unix(), int64(c)})
	}
	return wire.OK(out), nil
}

// hours are the starts of the buckets of a window, and the window's whole ends.
func (i *in) hours() (starts []time.Time, width time.Duration, to time.Time, err error) {
	from, to, err := i.window(90 * 24 * time.Hour)
	if err != nil {
		return nil, 0, to, err
	}
	width, ok := period(i.StrOr("interval", "1h"))
	switch {
	case !ok:
		return nil, 0, to, bad("Invalid interval: %s", i.Str("interval"))
	case width < time.Hour || width%time.Hour != 0:
		return nil, 0, to, bad("The interval has to be a multiple of the minimum interval of one hour.")
	case to.Sub(from)/width > 10_000:
		return nil, 0, to, bad("Your interval and date range would create too many results. Use a larger interval, or a smaller date range.")
	}
	for at := from.Truncate(width); at.Before(to); at = at.Add(width) {
		starts = append(starts, at)
	}
	return starts, width, to, nil
}

func texts(starts []time.Time) []string {
	out := []string{}
	for _, t := range starts {
		out = append(out, second(t))
	}
	return out
}

// statsV2 cannot tell environments apart, as the real one.
func statsV2(i *in) (*wire.Answer, error) {
	starts, width, to, err := i.hours()
	if err != nil {
		return nil, err
	}
	projects, err := i.picked()
	if err != nil {
		return nil, err
	}
	by := i.List("groupBy")
	taken := make([]int, len(starts))
	if c := i.StrOr("category", "error"); c == "error" && len(projects) > 0 && projects[0].slug == i.s.Project.Name {
		for _, e := range i.s.ErrorEvents(starts[0], to) {
			taken[int(e.At.Sub(starts[0])/width)]++
		}
	}
	groups := []obj{}
	for _, outcome := range []string{"accepted", "filtered", "rate_limited"} {
		if i.Has("outcome") && !slices.Contains(i.List("outcome"), outcome) {
			continue
		}
		counts, sum := outcomes(taken, outcome), 0
		for _, n := range counts {
			sum += n
		}
		id, _ := strconv.ParseInt(i.projects()[0].id, 10, 64) // it was made from digits
		all := obj{"outcome": outcome, "category": "error", "reason": map[string]string{"accepted": "none", "filtered": "browser-extensions", "rate_limited": "spike_protection"}[outcome], "project": id}
		key := obj{}
		for _, name := range by {
			key[name] = all[name]
		}
		g := obj{"by": key, "totals": obj{i.Str("field"): sum}}
		if !slices.Contains(by, "project") { // grouping by project gives no series
			g["series"] = obj{i.Str("field"): counts}
		} else {
			g["series"] = obj{}
		}
		groups = append(groups, g)
	}
	if !slices.Contains(by, "outcome") {
		groups = summed(groups, i.Str("field"))
	}
	return wire.OK(obj{"start": second(starts[0]), "end": second(to), "intervals": texts(starts), "groups": groups}), nil
}

// outcomes derives what was dropped: a share of noise, and what came over 40
// in an hour.
func outcomes(taken []int, outcome string) []int {
	out := make([]int, len(taken))
	for n, all := range taken {
		switch outcome {
		case "accepted":
			out[n] = all
		case "filtered":
			out[n] = all / 9
		case "rate_limited":
			out[n] = max(0, all-40) / 3
		}
	}
	return out
}

// summed adds up groups that differ in nothing any more.
func summed(groups []obj, field string) []obj {
	if len(groups) < 2 {
		return groups
	}
	first := groups[0]
	for _, g := range groups[1:] {
		totals := first["totals"].(obj)
		totals[field] = totals[field].(int) + g["totals"].(obj)[field].(int)
		a, okA := first["series"].(obj)[field].([]int)
		b, okB := g["series"].(obj)[field].([]int)
		for n := range a {
			if okA && okB {
				a[n] += b[n]
			}
		}
	}
	return groups[:1]
}

func statsSummary(i *in) (*wire.Answer, error) {
	from, to, err := i.window(90 * 24 * time.Hour)
	if err != nil {
		return nil, err
	}
	projects, err := i.picked()
	if err != nil {
		return nil, err
	}
	out := []obj{}
	for _, p := range projects {
		n := 0
		if p.slug == i.s.Project.Name {
			n = len(i.s.ErrorEvents(from, to))
		}
		out = append(out, obj{"id": p.id, "slug": p.slug, "stats": []obj{{
			"category": "error", "outcomes": obj{"accepted": n, "filtered": n / 9, "rate_limited": 0, "invalid": 0, "abuse": 0, "client_discard": 0, "cardinality_limited": 0},
			"totals": obj{"dropped": n / 9, "sum(quantity)": n + n/9},
		}}})
	}
	return wire.OK(obj{"start": second(from), "end": second(to), "projects": out}), nil
}

// health is what release health counts in one bucket of one group.
type health struct {
	by                obj
	sessions, crashed []int
}

func sessions(i *in) (*wire.Answer, error) {
	known := []string{"sum(session)", "count_unique(user)", "crash_rate(session)", "crash_free_rate(session)", "crash_rate(user)", "crash_free_rate(user)", "errored_rate(session)"}
	for _, name := range i.List("field") {
		if !slices.Contains(known, name) {
			return nil, bad("Invalid field: %q", name)
		}
	}
	by := i.List("groupBy")
	for _, name := range by {
		if !slices.Contains([]string{"project", "release", "environment", "session.status"}, name) {
			return nil, bad("Invalid groupBy: %q", name)
		}
	}
	for _, e := range i.List("environment") {
		if !slices.Contains(environments, e) {
			return nil, notFound()
		}
	}
	starts, width, to, err := i.hours()
	if err != nil {
		return nil, err
	}
	if _, err := i.picked(); err != nil {
		return nil, err
	}
	groups := i.healthGroups(starts, width, to, by)
	out := []obj{}
	for _, h := range groups {
		g := obj{"by": h.by}
		totals, series := obj{}, obj{}
		for _, name := range i.List("field") {
			values := make([]any, len(starts))
			all, crashed := 0, 0
			for n := range starts {
				values[n] = healthValue(name, h.sessions[n], h.crashed[n])
				all, crashed = all+h.sessions[n], crashed+h.crashed[n]
			}
			series[name], totals[name] = values, healthValue(name, all, crashed)
		}
		if i.Str("includeTotals") != "0" {
			g["totals"] = totals
		}
		if i.Str("includeSeries") != "0" {
			g["series"] = series
		}
		out = append(out, g)
	}
	return wire.OK(obj{"start": second(starts[0]), "end": second(to), "intervals": texts(starts), "groups": out, "query": i.Str("query")}), nil
}

func healthValue(field string, all, crashed int) any {
	switch {
	case field == "sum(session)":
		return all
	case field == "count_unique(user)":
		return all * 7 / 10
	case all == 0:
		return nil // a rate of nothing is unknown
	case strings.HasPrefix(field, "crash_free"):
		return 1 - float64(crashed)/float64(all)
	}
	return float64(crashed) / float64(all)
}

// healthGroups counts sessions by environment and release: one for every
// visitor, and one crash for every four errors.
func (i *in) healthGroups(starts []time.Time, width time.Duration, to time.Time, by []string) []*health {
	var out []*health
	found := map[string]*health{}
	id, _ := strconv.ParseInt(i.projects()[0].id, 10, 64) // it was made from digits
	for _, e := range []world.Env{world.Prod, world.Next} {
		name := environmentNames[e]
		if i.Has("environment") && !slices.Contains(i.List("environment"), name) {
			continue
		}
		for n, at := range starts {
			end := at.Add(width)
			if end.After(to) {
				end = to
			}
			all := obj{"environment": name, "project": id, "release": i.releaseAt(e, at), "session.status": "healthy"}
			key := obj{}
			for _, b := range by {
				key[b] = all[b]
			}
			text := fmt.Sprint(key)
			h := found[text]
			if h == nil {
				h = &health{by: key, sessions: make([]int, len(starts)), crashed: make([]int, len(starts))}
				found[text] = h
				out = append(out, h)
			}
			visits := i.s.Traffic(e, at, end).Visitors
			h.sessions[n] += visits
			h.crashed[n] += min(visits, i.s.Errors(e, at, end)/4)
		}
	}
	return out
}

// releaseAt is what an environment mostly ran in an hour.
func (i *in) releaseAt(e world.Env, at time.Time) string {
	d := i.s.LiveAt(at)
	if e == world.Next {
		d = nil
		for _, one := range i.s.Deployments() {
			if one.Target == world.Production && one.State == world.Ready && !one.ReadyAt.After(at) {
				d = one
				break
			}
		}
	}
	if d == nil {
		return ""
	}
	return d.SHA
}
