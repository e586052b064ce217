package cloudflare

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// settling is how long the newest minutes stay incomplete.
const settling = 5 * time.Minute

// plan is one workersInvocationsAdaptive field, checked.
type plan struct {
	field    *ast.Field
	limit    int
	from, to time.Time // [from, to)
	filters  []condition
	order    []string
	// dims are the requested dimensions: they are what rows are grouped by.
	dims []string
}

// condition is one filter: every row must fulfil it.
type condition struct {
	field, op string
	value     any
	any       [][]condition // of an OR
}

// cell is the finest piece of traffic: one script, one minute, one outcome.
type cell struct {
	w        *worker
	at       time.Time
	status   string
	colo     string
	requests float64
	version  string
}

type row struct {
	dims     map[string]string
	requests float64
	errors   float64
	gone     float64
	w        *worker
	key      string
	pinned   *world.WorkerKnob // the script's whole traffic is this
}

func (e *execution) dataset(f *ast.Field, path []any) (any, *wire.Error) {
	p, err := e.plan(f, path)
	if err != nil {
		return nil, err
	}
	rows := e.rows(p)
	out := []any{}
	for _, r := range rows {
		one, err := e.each(f.SelectionSet, append(path, len(out)), func(f *ast.Field, path []any) (any, *wire.Error) {
			if f.Name == "__typename" {
				return nodeType, nil
			}
			return e.each(f.SelectionSet, path, func(leaf *ast.Field, _ []any) (any, *wire.Error) {
				return e.leaf(r, f.Name, leaf.Name), nil
			})
		})
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// plan checks arguments and fields before any row is made, so that a mistake
// shows without traffic too.
func (e *execution) plan(f *ast.Field, path []any) (*plan, *wire.Error) {
	args, err := e.arguments(f, path, "limit", "filter", "orderBy")
	if err != nil {
		return nil, err
	}
	p := &plan{field: f}
	limit, ok := number(args["limit"])
	if !ok || limit < 1 || limit > maxPageSize {
		return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "limit must be positive number and not greater than %d", maxPageSize)
	}
	p.limit = int(limit)
	if err := e.checkFields(p, path); err != nil {
		return nil, err
	}
	filter, _ := args["filter"].(map[string]any)
	if p.filters, err = conditions(filter, path); err != nil {
		return nil, err
	}
	if err := e.checkRange(p, path); err != nil {
		return nil, err
	}
	for _, o := range asList(args["orderBy"]) {
		name := fmt.Sprint(o)
		key, _, ok := cutDirection(name)
		if !ok || !orderable(key) {
			return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "error parsing args for %q: orderBy: unknown value %q", node, name)
		}
		p.order = append(p.order, name)
	}
	return p, nil
}

func (e *execution) checkFields(p *plan, path []any) *wire.Error {
	known := groups()
	count := 0
	_, err := e.each(p.field.SelectionSet, path, func(f *ast.Field, path []any) (any, *wire.Error) {
		if f.Name == "__typename" {
			return nil, nil
		}
		fields, ok := known[f.Name]
		if !ok {
			return nil, unknownField(f, path)
		}
		return e.each(f.SelectionSet, path, func(leaf *ast.Field, path []any) (any, *wire.Error) {
			if _, ok := fields[leaf.Name]; leaf.Name != "__typename" && (!ok || slices.Contains(e.s.Knobs.AnalyticsHide, leaf.Name)) {
				return nil, unknownField(leaf, path)
			}
			count++
			if f.Name == "dimensions" && leaf.Name != "__typename" && !slices.Contains(p.dims, leaf.Name) {
				p.dims = append(p.dims, leaf.Name)
			}
			return nil, nil
		})
	})
	if err == nil && count > maxFields {
		return graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "too many fields requested, the limit is %d", maxFields)
	}
	return err
}

// conditions reads a filter object.
func conditions(filter map[string]any, path []any) ([]condition, *wire.Error) {
	var list []condition
	for _, name := range sortedKeys(filter) {
		value := filter[name]
		if name == "AND" || name == "OR" {
			alternatives := [][]condition{}
			for _, item := range asList(value) {
				inner, _ := item.(map[string]any)
				conds, err := conditions(inner, path)
				if err != nil {
					return nil, err
				}
				if name == "AND" {
					list = append(list, conds...)
				} else {
					alternatives = append(alternatives, conds)
				}
			}
			if name == "OR" {
				list = append(list, condition{any: alternatives})
			}
			continue
		}
		field, op := splitOperator(name)
		kind, ok := dimensions[field]
		if !ok {
			return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "error parsing args for %q: filter: unknown arg %q", node, name)
		}
		for _, item := range asList(value) {
			if want := wrongOperand(item, kind); want != "" {
				return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "error parsing args for %q: filter: %s: expected %s", node, name, want)
			}
		}
		if _, isList := value.([]any); isList != (op == "_in" || op == "_notin") {
			return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "error parsing args for %q: filter: %s: a list goes with _in and _notin only", node, name)
		}
		list = append(list, condition{field: field, op: op, value: value})
	}
	return list, nil
}

func wrongOperand(v any, kind string) string {
	text, isText := v.(string)
	switch kind {
	case "Time":
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return "Time as RFC 3339"
		}
	case "Date":
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return "Date"
		}
	case "uint8":
		if _, ok := number(v); !ok {
			return "uint8"
		}
	default:
		if !isText {
			return "string"
		}
	}
	return ""
}

// checkRange finds the span of time that a filter asks for.
func (e *execution) checkRange(p *plan, path []any) *wire.Error {
	now := e.s.Now()
	p.to = now
	for _, c := range p.filters {
		if c.any != nil || buckets[c.field] == 0 {
			continue
		}
		at, err := time.Parse(time.RFC3339, fmt.Sprint(c.value))
		if err != nil {
			if at, err = time.Parse(time.DateOnly, fmt.Sprint(c.value)); err != nil {
				continue
			}
		}
		switch c.op {
		case "_geq", "_gt":
			p.from = later(p.from, at)
		case "_lt", "_leq":
			if end := at.Add(endOf(c)); end.Before(p.to) {
				p.to = end
			}
		case "":
			p.from = later(p.from, at)
			if end := at.Add(buckets[c.field]); end.Before(p.to) {
				p.to = end
			}
		}
	}
	p.from = p.from.UTC()
	switch {
	case p.from.IsZero() || p.to.Sub(p.from) > maxDuration:
		return graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "query time range is too large. Time range can't be wider than %ds", int(maxDuration.Seconds()))
	case p.from.Before(now.Add(-notOlderThan)):
		return graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "cannot request data older than %ds", int(notOlderThan.Seconds()))
	}
	return nil
}

// endOf is how far beyond its operand a condition reaches.
func endOf(c condition) time.Duration {
	if c.op == "_leq" {
		return max(buckets[c.field], time.Second)
	}
	return 0
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func cutDirection(name string) (key string, down, ok bool) {
	if key, ok := strings.CutSuffix(name, "_ASC"); ok {
		return key, false, true
	}
	key, ok = strings.CutSuffix(name, "_DESC")
	return key, true, ok
}

func orderable(key string) bool {
	if _, ok := dimensions[key]; ok {
		return true
	}
	group, field, _ := strings.Cut(key, "_")
	_, ok := groups()[group][field]
	return ok
}

// rows groups the traffic of the span by the requested dimensions.
func (e *execution) rows(p *plan) []*row {
	byKey := map[string]*row{}
	needed := p.needed()
	e.cells(p, func(c cell) {
		all := map[string]string{}
		for _, name := range needed {
			all[name] = c.dim(e.s, name)
		}
		if !matches(p.filters, all) {
			return
		}
		var key strings.Builder
		mine := map[string]string{}
		for _, d := range p.dims {
			mine[d] = all[d]
			key.WriteString(all[d])
			key.WriteByte('|')
		}
		r := byKey[key.String()]
		if r == nil {
			r = &row{dims: mine, w: c.w, key: key.String()}
			byKey[r.key] = r
		}
		r.requests += c.requests
		switch c.status {
		case "scriptThrewException", "exceededResources", "internalError":
			r.errors += c.requests
		case "clientDisconnected":
			r.gone += c.requests
		}
	})
	list := make([]*row, 0, len(byKey))
	for _, key := range sortedKeys(byKey) {
		list = append(list, byKey[key])
	}
	list = e.pin(list)
	slices.SortStableFunc(list, func(a, b *row) int { return e.compare(p.order, a, b) })
	return list[:min(len(list), p.limit)]
}

func (e *execution) compare(order []string, a, b *row) int {
	for _, name := range order {
		key, down, _ := cutDirection(name)
		n := cmp.Compare(a.dims[key], b.dims[key])
		if group, field, ok := strings.Cut(key, "_"); ok {
			x, _ := number(e.leaf(a, group, field))
			y, _ := number(e.leaf(b, group, field))
			n = cmp.Compare(x, y)
		}
		if down {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return 0
}

// cells walks through the span minute by minute.
func (e *execution) cells(p *plan, do func(cell)) {
	now := e.s.Now()
	byColo := slices.Contains(p.dims, "coloCode") || slices.ContainsFunc(p.filters, func(c condition) bool { return c.field == "coloCode" })
	for hour := p.from.Truncate(time.Hour); hour.Before(p.to); hour = hour.Add(time.Hour) {
		app := e.st.hour(e.s, hour)
		for i := range 60 {
			minute := hour.Add(time.Duration(i) * time.Minute)
			if minute.Before(p.from.Truncate(time.Minute)) || !minute.Before(p.to) || minute.Before(e.s.Born) || minute.After(now) {
				continue
			}
			// What was counted in the last minutes has not all arrived yet.
			part := min(1, float64(now.Sub(minute))/float64(settling+time.Minute))
			for _, w := range e.st.workers {
				w.minute(e.s, minute, app.perMinute*part, float64(app.failing[i]), byColo, do)
			}
		}
	}
}

// appHour is what the app got in an hour: the source of the Workers' traffic.
type appHour struct {
	perMinute float64
	failing   []int // by minute
}

// hour asks the world once for an hour that is over and settled.
func (st *state) hour(s *world.State, hour time.Time) appHour {
	if app, ok := st.hours[hour]; ok {
		return app
	}
	app := appHour{
		perMinute: float64(s.Requests(world.Prod, hour, hour.Add(time.Hour))) / minutesOf(s, hour),
		failing:   s.ErrorsBetween(world.Prod, hour, hour.Add(time.Hour), time.Minute),
	}
	if s.Now().Sub(hour) > 2*time.Hour {
		st.hours[hour] = app
	}
	return app
}

// minutesOf is how much of an hour the world has lived through, in minutes.
func minutesOf(s *world.State, hour time.Time) float64 {
	end := hour.Add(time.Hour)
	if s.Now().Before(end) {
		end = s.Now()
	}
	return max(1, end.Sub(later(hour, s.Born)).Minutes())
}

// minute cuts one script's minute into outcomes.
func (w *worker) minute(s *world.State, minute time.Time, perMinute, failing float64, byColo bool, do func(cell)) {
	draw := func(salt string) float64 { return noise(s.Seed, uint64(minute.Unix()), w.name+salt) }
	total := round(perMinute*w.load*(0.9+0.2*draw("load")), draw("requests"))
	if total == 0 {
		return
	}
	// The app's own failures come by the backend; the others fail rarely.
	errs := round(total*0.00012, draw("errors"))
	if w.name == Backend {
		errs += failing
	}
	errs = min(errs, total)
	gone := min(round(total*0.0009, draw("gone")), total-errs)
	version := ""
	if d := w.activeAt(minute); d != nil {
		version = d.shares[0].version.id
	}
	for _, part := range []struct {
		status string
		n      float64
	}{{"success", total - errs - gone}, {"scriptThrewException", errs}, {"clientDisconnected", gone}} {
		if part.n <= 0 {
			continue
		}
		c := cell{w: w, at: minute.Add(time.Duration(draw("second")*60) * time.Second), status: part.status, requests: part.n, version: version, colo: "FRA"}
		if !byColo {
			do(c)
			continue
		}
		for i, colo := range []string{"IAD", "FRA", "SIN"} {
			c.colo, c.requests = colo, math.Floor(part.n/3)
			if float64(i) < math.Mod(part.n, 3) {
				c.requests++
			}
			if c.requests > 0 {
				do(c)
			}
		}
	}
}

func (c cell) dim(s *world.State, name string) string {
	if d := buckets[name]; d != 0 {
		at := c.at.Add(s.Knobs.Skew)
		if name == "date" {
			return at.Format(time.DateOnly)
		}
		return at.Truncate(d).Format(time.RFC3339)
	}
	switch name {
	case "scriptName":
		return c.w.name
	case "scriptTag":
		return c.w.tag
	case "scriptVersion":
		return c.version
	case "environmentName":
		return "production"
	case "status":
		return c.status
	case "usageModel":
		return "standard"
	case "coloCode":
		return c.colo
	case "isDispatcher", "isPreview":
		return "0"
	}
	return "" // dispatchNamespaceName, previewSlug
}

// needed are the dimensions that rows or filters look at.
func (p *plan) needed() []string {
	all := slices.Clone(p.dims)
	var add func([]condition)
	add = func(conds []condition) {
		for _, c := range conds {
			for _, alternative := range c.any {
				add(alternative)
			}
			if c.field != "" && !slices.Contains(all, c.field) {
				all = append(all, c.field)
			}
		}
	}
	add(p.filters)
	return all
}

// matches compares as text: RFC 3339 in UTC sorts as time does.
func matches(filters []condition, dims map[string]string) bool {
	for _, c := range filters {
		if c.any != nil {
			if !slices.ContainsFunc(c.any, func(conds []condition) bool { return matches(conds, dims) }) {
				return false
			}
			continue
		}
		if !c.holds(dims[c.field]) {
			return false
		}
	}
	return true
}

func (c condition) holds(value string) bool {
	operand := operand(c.field, c.value)
	switch c.op {
	case "":
		return value == operand
	case "_neq":
		return value != operand
	case "_gt":
		return value > operand
	case "_lt":
		return value < operand
	case "_geq":
		return value >= operand
	case "_leq":
		return value <= operand
	case "_like", "_notlike":
		like, _ := path.Match(strings.ReplaceAll(operand, "%", "*"), value)
		return like == (c.op == "_like")
	}
	in := slices.ContainsFunc(asList(c.value), func(item any) bool { return value == operandText(c.field, item) })
	return in == (c.op == "_in")
}

func operand(field string, v any) string {
	if _, ok := v.([]any); ok {
		return ""
	}
	return operandText(field, v)
}

func operandText(field string, v any) string {
	text := fmt.Sprint(v)
	if t, err := time.Parse(time.RFC3339, text); err == nil && dimensions[field] == "Time" {
		return t.UTC().Format(time.RFC3339)
	}
	return text
}

// noise is a stable number in [0,1).
func noise(seed, n uint64, salt string) float64 {
	x := n*0x9E3779B97F4A7C15 ^ seed*0xD1B54A32D192ED03
	for _, c := range []byte(salt) {
		x = (x ^ uint64(c)) * 0x100000001B3
	}
	x ^= x >> 30
	x *= 0xBF58476D1CE4E5B9
	x ^= x >> 27
	x *= 0x94D049BB133111EB
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}

// round makes a whole number of an expected one: the fraction is the chance
// of one more.
func round(expected, draw float64) float64 {
	whole := math.Floor(expected)
	if draw < expected-whole {
		whole++
	}
	return whole
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case int:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func asList(v any) []any {
	switch list := v.(type) {
	case nil:
		return nil
	case []any:
		return list
	}
	return []any{v}
}
