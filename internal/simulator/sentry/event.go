package sentry

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// fieldsMost is how many fields one request may select.
const fieldsMost = 20

var datasets = wire.Param{Name: "dataset", Type: wire.Enum, Required: true, OneOf: []string{"errors", "logs", "profile_functions", "spans", "tracemetrics", "uptime_results"}}

func (f *Face) eventRoutes() []wire.Route {
	series := span(
		datasets, wire.Param{Name: "query", Type: wire.String}, wire.Param{Name: "yAxis", Type: wire.String}, wire.Param{Name: "interval", Type: wire.String},
		wire.Param{Name: "topEvents", Type: wire.String}, wire.Param{Name: "groupBy", Type: wire.String, Repeat: true},
		wire.Param{Name: "sort", Type: wire.String}, wire.Param{Name: "excludeOther", Type: wire.Enum, OneOf: []string{"0", "1"}},
		wire.Param{Name: "comparisonDelta", Type: wire.Int}, wire.Param{Name: "disableAggregateExtrapolation", Type: wire.String},
		wire.Param{Name: "preventMetricAggregates", Type: wire.String},
	)
	old := slices.Clone(series)
	old[slices.IndexFunc(old, func(p wire.Param) bool { return p.Name == "dataset" })].Required = false
	return []wire.Route{
		{
			Pattern: "GET " + orgPath + "/events/{$}", Doc: "rows of errors, grouped by the fields", Need: needOrg,
			Query: span(
				datasets, wire.Param{Name: "field", Type: wire.String, Required: true, Repeat: true}, wire.Param{Name: "query", Type: wire.String},
				wire.Param{Name: "sort", Type: wire.String}, wire.Param{Name: "allowAggregateConditions", Type: wire.String}, perPage, cursorParam,
			),
			Handle: f.on(events),
		},
		{Pattern: "GET " + orgPath + "/events-timeseries/{$}", Doc: "errors over time", Need: needOrg, Query: series, Handle: f.on(timeseries)},
		{Pattern: "GET " + orgPath + "/events-stats/{$}", Doc: "errors over time, as older servers have it", Need: needOrg, Query: old, Handle: f.on(eventsStats)},
	}
}

// row is one line of an answer and the events in it.
type row struct {
	fields obj
	list   []world.ErrorEvent
}

// group gathers events by the plain fields, in order of first appearance.
func (i *in) group(list []world.ErrorEvent, by []string) []*row {
	var out []*row
	seen := map[string]*row{}
	for _, e := range list {
		fields, key := obj{}, ""
		for _, name := range by {
			fields[name] = columns[name](i, e)
			key += fmt.Sprintf("%v\x00", fields[name])
		}
		r := seen[key]
		if r == nil {
			r = &row{fields: fields}
			seen[key] = r
			out = append(out, r)
		}
		r.list = append(r.list, e)
	}
	return out
}

func events(i *in) (*wire.Answer, error) {
	selected := i.List("field")
	if len(selected) > fieldsMost {
		return nil, bad("You can view up to %d fields at a time. Please delete some and try again.", fieldsMost)
	}
	types, plain, functions := obj{}, []string{}, []string{}
	for _, name := range selected {
		kind, err := typeOf(name)
		if err != nil {
			return nil, err
		}
		types[name] = kind
		if _, ok := aggregates[name]; ok {
			functions = append(functions, name)
		} else {
			plain = append(plain, name)
		}
	}
	from, to, err := i.window(longest)
	if err != nil {
		return nil, err
	}
	found, err := i.ofDataset(from, to)
	if err != nil {
		return nil, err
	}
	rows := i.rows(found, plain, functions)
	if err := sortRows(rows, i.Str("sort"), types); err != nil {
		return nil, err
	}
	cut, links, err := page(i, rows, int(i.Int("per_page", 100)))
	if err != nil {
		return nil, err
	}
	data := []obj{}
	for _, r := range cut {
		data = append(data, r.fields)
	}
	units := obj{}
	for name := range types {
		units[name] = nil
	}
	return wire.OK(obj{"data": data, "meta": obj{
		"fields": types, "units": units, "dataset": i.Str("dataset"), "isMetricsData": false, "isMetricsExtractedData": false, "tips": obj{}, "datasetReason": "unchanged",
	}}).Set("Link", links), nil
}

// ofDataset are the picked events; only the errors dataset holds any here.
func (i *in) ofDataset(from, to time.Time) ([]world.ErrorEvent, error) {
	list, err := i.events(from, to, i.Str("query"))
	if i.StrOr("dataset", "errors") != "errors" {
		list = nil
	}
	return list, err
}

func (i *in) rows(found []world.ErrorEvent, plain, functions []string) []*row {
	var rows []*row
	switch {
	case len(functions) == 0: // without an aggregate, every event is a row
		for _, e := range slices.Backward(found) {
			r := i.group([]world.ErrorEvent{e}, plain)[0]
			r.fields["id"], r.fields["project.name"] = e.ID, i.projects()[0].slug
			rows = append(rows, r)
		}
	case len(plain) == 0: // without a field, there is always one row
		rows = []*row{{fields: obj{}, list: found}}
	default:
		rows = i.group(found, plain)
	}
	for _, r := range rows {
		for _, name := range functions {
			r.fields[name] = aggregates[name].of(i, r.list)
		}
	}
	return rows
}

// sortRows orders by a selected field; "-" is descending, and functions may be
// spelled count() or count.
func sortRows(rows []*row, by string, types obj) error {
	if by == "" {
		return nil
	}
	name, down := strings.CutPrefix(by, "-")
	if _, ok := types[name]; !ok {
		if _, ok := types[name+"()"]; !ok {
			return bad("Cannot sort by a field that is not selected")
		}
		name += "()"
	}
	slices.SortStableFunc(rows, func(a, b *row) int {
		order := compare(a.fields[name], b.fields[name])
		if down {
			return -order
		}
		return order
	})
	return nil
}

func compare(a, b any) int {
	switch x := a.(type) {
	case int:
		y, _ := b.(int)
		return cmp.Compare(x, y)
	case int64:
		y, _ := b.(int64)
		return cmp.Compare(x, y)
	}
	text := func(v any) string {
		if v == nil {
			return ""
		}
		return fmt.Sprint(v)
	}
	return strings.Compare(text(a), text(b))
}

// bucket is the width of a bar in a series: what was asked for, or what suits
// the window.
func (i *in) bucket(from, to time.Time) (time.Duration, error) {
	window := to.Sub(from)
	if text := i.Str("interval"); text != "" {
		d, ok := period(text)
		if n, err := strconv.Atoi(text); err == nil { // plain seconds
			d, ok = time.Duration(n)*time.Second, n > 0
		}
		switch {
		case !ok || d > window: // the default is taken instead
		case window/d > 10_000:
			return 0, bad("Your interval and date range would create too many results. Use a larger interval, or a smaller date range.")
		default:
			return max(d, time.Minute), nil
		}
	}
	switch {
	case window <= time.Hour:
		return time.Minute, nil
	case window <= 24*time.Hour:
		return 5 * time.Minute, nil
	case window <= 14*24*time.Hour:
		return time.Hour, nil
	}
	return 24 * time.Hour, nil
}

// bars counts events per bucket, whole buckets from the one that holds from.
func bars(i *in, list []world.ErrorEvent, from, to time.Time, width time.Duration, fn string) []obj {
	start := from.Truncate(width)
	parts := make([][]world.ErrorEvent, (to.Sub(start)+width-1)/width)
	for _, e := range list {
		if n := int(e.At.Sub(start) / width); n >= 0 && n < len(parts) {
			parts[n] = append(parts[n], e)
		}
	}
	out := make([]obj, len(parts))
	for n, part := range parts {
		at := start.Add(time.Duration(n) * width)
		out[n] = obj{"timestamp": at.UnixMilli(), "value": aggregates[fn].of(i, part), "incomplete": false}
		if at.Add(width).After(i.s.Now()) { // events of the last bucket are still coming in
			out[n]["incomplete"], out[n]["incompleteReason"] = true, "INCOMPLETE_BUCKET"
		}
	}
	return out
}

func timeseries(i *in) (*wire.Answer, error) {
	fn := i.StrOr("yAxis", "count()")
	if kind, err := typeOf(fn); err != nil || kind != "integer" {
		return nil, bad("%s is not a valid yAxis", fn)
	}
	from, to, err := i.window(longest)
	if err != nil {
		return nil, err
	}
	width, err := i.bucket(from, to)
	if err != nil {
		return nil, err
	}
	list, err := i.ofDataset(from.Truncate(width), to)
	if err != nil {
		return nil, err
	}
	groups, err := i.top(list, fn)
	if err != nil {
		return nil, err
	}
	series := []obj{}
	for n, g := range groups {
		meta := obj{"valueType": "integer", "valueUnit": nil, "interval": width.Milliseconds()}
		one := obj{"yAxis": fn, "values": bars(i, g.list, from, to, width, fn), "meta": meta}
		if i.Has("topEvents") && len(list) > 0 { // no events are one line of nobody
			meta["order"], meta["isOther"] = n, g.fields == nil
			by := []obj{}
			for _, name := range i.List("groupBy") {
				if g.fields != nil {
					by = append(by, obj{"key": name, "value": g.fields[name]})
				}
			}
			one["groupBy"] = by
			if g.fields == nil {
				one["groupBy"] = nil
				delete(one, "groupBy")
			}
		}
		series = append(series, one)
	}
	return wire.OK(obj{
		"meta":       obj{"dataset": i.StrOr("dataset", "errors"), "start": from.Truncate(width).UnixMilli(), "end": to.UnixMilli()},
		"timeSeries": series,
	}), nil
}

// top splits events into the largest groups and, last, the others; without
// topEvents there is one group.
func (i *in) top(list []world.ErrorEvent, fn string) ([]*row, error) {
	if !i.Has("topEvents") {
		return []*row{{fields: obj{}, list: list}}, nil
	}
	n, err := strconv.Atoi(i.Str("topEvents"))
	by := i.List("groupBy")
	switch {
	case err != nil:
		return nil, bad("topEvents must be an integer")
	case n < 1 || n > 10:
		return nil, bad("Can only get up to 10 top events")
	case len(by) == 0:
		return nil, bad("groupBy is a required parameter when doing topEvents")
	case i.Str("sort") == "":
		return nil, bad("sort is a required parameter when doing topEvents")
	}
	for _, name := range by {
		if _, ok := columns[name]; !ok {
			return nil, bad("Invalid field: %s", name)
		}
	}
	rows := i.group(list, by)
	types := obj{fn: "integer", "count()": "integer"}
	for _, r := range rows {
		r.fields[fn], r.fields["count()"] = aggregates[fn].of(i, r.list), len(r.list)
	}
	for _, name := range by {
		types[name] = "string"
	}
	if err := sortRows(rows, i.Str("sort"), types); err != nil {
		return nil, err
	}
	switch {
	case len(rows) == 0: // the server draws zeros, and says of nobody that they are theirs
		return []*row{{fields: obj{}}}, nil
	case len(rows) <= n:
		return rows, nil
	}
	other := &row{}
	for _, r := range rows[n:] {
		other.list = append(other.list, r.list...)
	}
	rows = rows[:n]
	if i.Str("excludeOther") != "1" {
		rows = append(rows, other)
	}
	return rows, nil
}

// eventsStats is not in the public document; the shape is that of older
// self-hosted servers.
func eventsStats(i *in) (*wire.Answer, error) {
	from, to, err := i.window(longest)
	if err != nil {
		return nil, err
	}
	width, err := i.bucket(from, to)
	if err != nil {
		return nil, err
	}
	list, err := i.ofDataset(from.Truncate(width), to)
	if err != nil {
		return nil, err
	}
	data := []any{}
	for _, b := range bars(i, list, from, to, width, "count()") {
		data = append(data, []any{b["timestamp"].(int64) / 1000, []obj{{"count": b["value"]}}})
	}
	return wire.OK(obj{"data": data, "start": from.Unix(), "end": to.Unix(), "isMetricsData": false}), nil
}
