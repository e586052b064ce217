package vercel

import (
	"cmp"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// dimensions are what visits can be grouped by; times and everything else.
var (
	timeDimensions = []string{"hour", "day", "week", "month", "year"}
	dimensions     = append([]string{
		"country", "deviceType", "environment", "requestPath", "route", "referrerHostname", "osName", "browserName",
		"utmSource", "utmMedium", "utmCampaign", "utmContent", "utmTerm",
	}, timeDimensions...)
)

func (f *Face) analyticsRoutes() []wire.Route {
	moment := wire.Param{Name: "since", Type: wire.String, Check: checkMoment}
	until := moment
	until.Name = "until"
	base := []wire.Param{{Name: "projectId", Type: wire.String, Required: true}, {Name: "filter", Type: wire.String}}
	needed, neededUntil := moment, until
	needed.Required, neededUntil.Required = true, true
	by := wire.Param{Name: "by", Type: wire.CSV, Repeat: true, OneOf: dimensions}
	byList := by
	byList.Name = "by[]"
	return []wire.Route{
		{Pattern: "GET /v1/query/web-analytics/visits/count", Doc: "visitors and page views", Query: scoped(append(base, moment, until)...), Need: needRead, Handle: f.countVisits},
		{Pattern: "GET /v1/query/web-analytics/visits/aggregate", Doc: "visits by something", Query: scoped(append(base, needed, neededUntil, by, byList, wire.Param{Name: "limit", Type: wire.Int, Min: 1, Max: 1000})...), Need: needRead, Handle: f.aggregateVisits},
	}
}

// checkMoment takes milliseconds or any of the usual ways to write a date.
func checkMoment(text string) string {
	if _, ok := momentOf(text); !ok {
		return "a timestamp in milliseconds or a date"
	}
	return ""
}

func momentOf(text string) (time.Time, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(n).UTC(), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// visitQuery is what both calls have in common.
type visitQuery struct {
	env          world.Env
	since, until time.Time
	filter       string
}

var simpleFilter = regexp.MustCompile(`^\s*(\w+)\s+(eq|ne)\s+'([^']*)'\s*$`)

// readVisits checks scope, plan and filter. Only the simplest filters are
// understood: one comparison of environment.
func (f *Face) readVisits(c *wire.Call, s *world.State) (visitQuery, error) {
	q := visitQuery{env: world.Prod, filter: c.Str("filter"), since: s.Project.WebAnalyticsSince, until: s.Now()}
	g := granted(c)
	if !g.project(s, c.Str("projectId")) {
		return q, noProject(g)
	}
	if !s.Project.WebAnalytics {
		return q, &wire.Error{Kind: wire.OtherStatus, Status: http.StatusPaymentRequired, Code: "web_analytics_not_enabled", Message: "Web Analytics is not enabled for this project."}
	}
	if t, ok := momentOf(c.Str("since")); ok {
		q.since = t
	}
	if t, ok := momentOf(c.Str("until")); ok {
		q.until = t
	}
	if q.until.Before(q.since) {
		return q, wire.Refuse(wire.BadRequest, "Invalid request: `since` should be before `until`.")
	}
	if q.filter == "" {
		return q, nil
	}
	m := simpleFilter.FindStringSubmatch(q.filter)
	if m == nil || !slices.Contains(dimensions, m[1]) {
		return q, wire.Refuse(wire.BadRequest, "Invalid request: `filter` is not a valid OData filter.")
	}
	if m[1] != "environment" {
		return q, wire.Refuse(wire.BadRequest, "Invalid request: the simulator only filters by environment.")
	}
	if (m[3] == "production") != (m[2] == "eq") {
		q.env = world.Next
	}
	return q, nil
}

func (q visitQuery) echo() obj {
	out := obj{"since": stamp(q.since), "until": stamp(q.until)}
	if q.filter != "" {
		out["filter"] = q.filter
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (f *Face) countVisits(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.View(func(s *world.State) {
		var q visitQuery
		if q, err = f.readVisits(c, s); err != nil {
			return
		}
		v := s.Traffic(q.env, q.since, q.until)
		answer = wire.OK(obj{"data": obj{"pageviews": v.PageViews, "visitors": v.Visitors}, "query": q.echo(), "version": 1})
	})
	return answer, err
}

func (f *Face) aggregateVisits(c *wire.Call) (*wire.Answer, error) {
	by := append(c.List("by"), c.List("by[]")...)
	if len(by) > 2 {
		return nil, wire.Refuse(wire.BadRequest, "Invalid request: `by` should NOT have more than 2 items.")
	}
	if count(by, timeDimensions) > 1 {
		return nil, wire.Refuse(wire.BadRequest, "Invalid request: `by` should NOT have more than one unit of time.")
	}
	limit := int(c.Int("limit", 100))
	var answer *wire.Answer
	var err error
	f.world.View(func(s *world.State) {
		var q visitQuery
		if q, err = f.readVisits(c, s); err != nil {
			return
		}
		rows := []obj{}
		for _, slot := range slots(by, q) {
			v := s.Traffic(q.env, slot.from, slot.to)
			rows = append(rows, split(v, by, slot, q.env)...)
		}
		query := q.echo()
		query["limit"], query["groupBy"] = limit, by
		answer = wire.OK(obj{"data": rows[:min(limit, len(rows))], "query": query, "version": 1})
	})
	return answer, err
}

func count(list, of []string) int {
	n := 0
	for _, item := range list {
		if slices.Contains(of, item) {
			n++
		}
	}
	return n
}

// slot is one unit of time of an answer.
type slot struct {
	unit     string
	from, to time.Time
}

// slots cuts the asked-for span along the clock; one slot when by names no
// unit of time.
func slots(by []string, q visitQuery) []slot {
	unit := ""
	for _, name := range by {
		if slices.Contains(timeDimensions, name) {
			unit = name
		}
	}
	if unit == "" {
		return []slot{{from: q.since, to: q.until}}
	}
	var out []slot
	for at := floor(unit, q.since); at.Before(q.until) && len(out) < 10_000; at = next(unit, at) {
		out = append(out, slot{unit, at, next(unit, at)})
	}
	return out
}

func floor(unit string, t time.Time) time.Time {
	t = t.UTC()
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	switch unit {
	case "hour":
		return t.Truncate(time.Hour)
	case "week":
		return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	case "month":
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	case "year":
		return time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return day
}

func next(unit string, t time.Time) time.Time {
	switch unit {
	case "hour":
		return t.Add(time.Hour)
	case "week":
		return t.AddDate(0, 0, 7)
	case "month":
		return t.AddDate(0, 1, 0)
	case "year":
		return t.AddDate(1, 0, 0)
	}
	return t.AddDate(0, 0, 1)
}

// part is a share of the visits that some value of a dimension has.
type part struct {
	value string
	share float64
}

// parts are invented: what matters is that they sum up.
var parts = map[string][]part{
	"country":          {{"US", .34}, {"GB", .17}, {"DE", .14}, {"HU", .11}, {"IN", .09}, {"BR", .08}, {"JP", .07}},
	"deviceType":       {{"desktop", .58}, {"mobile", .37}, {"tablet", .05}},
	"osName":           {{"Mac", .31}, {"Windows", .29}, {"iOS", .2}, {"Android", .17}, {"GNU/Linux", .03}},
	"browserName":      {{"Chrome", .61}, {"Safari", .24}, {"Firefox", .09}, {"Edge", .06}},
	"requestPath":      {{"/", .38}, {"/create", .22}, {"/pulse", .16}, {"/pricing", .13}, {"/blog", .11}},
	"route":            {{"/", .38}, {"/create", .22}, {"/pulse", .16}, {"/pricing", .13}, {"/blog/[slug]", .11}},
	"referrerHostname": {{"", .52}, {"www.google.com", .27}, {"x.com", .12}, {"github.com", .09}},
}

func partsOf(dimension string, env world.Env) []part {
	if dimension == "environment" {
		if env == world.Prod {
			return []part{{"production", 1}}
		}
		return []part{{"preview", 1}}
	}
	if list, ok := parts[dimension]; ok {
		return list
	}
	return []part{{"", 1}}
}

// split makes the rows of one slot: every combination of the dimensions that
// are not the slot's own unit of time.
func split(v world.Visits, by []string, at slot, env world.Env) []obj {
	rows := []obj{{}}
	shares := []float64{1}
	for _, name := range by {
		if name == at.unit {
			for _, row := range rows {
				row["timestamp"], row[name] = stamp(at.from), stamp(at.from)
			}
			continue
		}
		var more []obj
		var moreShares []float64
		for i, row := range rows {
			for _, p := range partsOf(name, env) {
				with := obj{name: p.value}
				maps.Copy(with, row)
				more, moreShares = append(more, with), append(moreShares, shares[i]*p.share)
			}
		}
		rows, shares = more, moreShares
	}
	for i, row := range rows {
		row["pageviews"] = int(math.Round(float64(v.PageViews) * shares[i]))
		row["visitors"] = int(math.Round(float64(v.Visitors) * shares[i]))
	}
	if at.unit == "" {
		slices.SortStableFunc(rows, func(a, b obj) int { return cmp.Compare(b["pageviews"].(int), a["pageviews"].(int)) })
	}
	return rows
}
