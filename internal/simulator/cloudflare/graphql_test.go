package cloudflare_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/cloudflare"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *fixture) graph(t *testing.T, token, query string, vars map[string]any) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		t.Fatal(err)
	}
	return f.call(t, token, "POST", "/graphql", string(body))
}

// day is a query over the 24 hours that ended five minutes ago.
func (f *fixture) day(fields string) (string, map[string]any) {
	to := f.clock.Now().Add(-5 * time.Minute).Truncate(time.Minute)
	return "query W($accountTag: string!, $from: Time!, $to: Time!) { viewer { accounts(filter: {accountTag: $accountTag}) { " + fields + " } } }",
		map[string]any{"accountTag": cloudflare.Account, "from": to.Add(-24 * time.Hour).Format(time.RFC3339), "to": to.Format(time.RFC3339)}
}

const inRange = `filter: {datetime_geq: $from, datetime_lt: $to}`

func rows(t *testing.T, a answer, alias string) []map[string]any {
	t.Helper()
	if a.status != 200 || a.body["errors"] != nil {
		t.Fatalf("%d %s", a.status, a.text)
	}
	accounts := a.body["data"].(map[string]any)["viewer"].(map[string]any)["accounts"].([]any)
	var list []map[string]any
	for _, row := range accounts[0].(map[string]any)[alias].([]any) {
		list = append(list, row.(map[string]any))
	}
	return list
}

func total(rows []map[string]any, field string) (sum float64) {
	for _, r := range rows {
		sum += r["sum"].(map[string]any)[field].(float64)
	}
	return sum
}

func TestGroupingFollowsTheDimensions(t *testing.T) {
	f := setup(t)
	query, vars := f.day(`
		totals: workersInvocationsAdaptive(limit: 1000, ` + inRange + `) {
			dimensions { scriptName }
			sum { requests errors subrequests cpuTimeUs wallTime clientDisconnects }
			quantiles { cpuTimeP50 cpuTimeP99 wallTimeP50 wallTimeP99 }
			avg { sampleInterval }
		}
		hours: workersInvocationsAdaptive(limit: 10000, orderBy: [datetimeHour_ASC], ` + inRange + `) {
			dimensions { datetimeHour scriptName } sum { requests errors }
		}
		byStatus: workersInvocationsAdaptive(limit: 1000, ` + inRange + `) { dimensions { scriptName status } sum { requests errors } }
		byColo: workersInvocationsAdaptive(limit: 1000, ` + inRange + `) { dimensions { coloCode } sum { requests } }
		bySecond: workersInvocationsAdaptive(limit: 10000, ` + inRange + `) { dimensions { scriptName datetime } sum { requests } }
		all: workersInvocationsAdaptive(limit: 1, ` + inRange + `) { sum { requests } }
		one: workersInvocationsAdaptive(limit: 10, filter: {datetime_geq: $from, datetime_lt: $to, scriptName_in: ["js-transpiler"]}) { dimensions { scriptName } sum { requests } }
		two: workersInvocationsAdaptive(limit: 2, orderBy: [sum_requests_DESC], ` + inRange + `) { dimensions { scriptName } sum { requests } }`)
	a := f.graph(t, full, query, vars)
	totals := rows(t, a, "totals")
	if len(totals) != 3 {
		t.Fatalf("%d rows for 3 scripts", len(totals))
	}
	requests := total(totals, "requests")
	if requests < 10_000 {
		t.Errorf("only %v requests in a day", requests)
	}
	for _, alias := range []string{"hours", "byStatus", "byColo", "all"} {
		if got := total(rows(t, a, alias), "requests"); got != requests {
			t.Errorf("%s sums up to %v requests, totals to %v", alias, got, requests)
		}
	}
	if n := len(rows(t, a, "hours")); n < 3*24 || n > 3*25 {
		t.Errorf("%d rows by the hour", n)
	}
	if n := len(rows(t, a, "bySecond")); n < 3*1300 {
		t.Errorf("%d rows by the second: the groups did not split", n)
	}
	if total(rows(t, a, "byStatus"), "errors") != total(totals, "errors") {
		t.Error("errors differ by status")
	}
	last := ""
	for _, r := range rows(t, a, "hours") {
		hour := r["dimensions"].(map[string]any)["datetimeHour"].(string)
		if hour < last {
			t.Fatal("not in the order asked for")
		}
		last = hour
	}
	if one := rows(t, a, "one"); len(one) != 1 || one[0]["dimensions"].(map[string]any)["scriptName"] != "js-transpiler" {
		t.Errorf("one: %v", one)
	}
	two := rows(t, a, "two")
	if len(two) != 2 || total(two[:1], "requests") < total(two[1:], "requests") {
		t.Errorf("two: %v", two)
	}
	for _, r := range totals {
		q := r["quantiles"].(map[string]any)
		if !(q["cpuTimeP50"].(float64) > 500 && q["cpuTimeP99"].(float64) > q["cpuTimeP50"].(float64) && q["wallTimeP99"].(float64) > q["wallTimeP50"].(float64)) {
			t.Errorf("quantiles are not microseconds in order: %v", q)
		}
	}
	if again := f.graph(t, full, query, vars); string(again.text) != string(a.text) {
		t.Error("the same question got another answer")
	}
}

func TestTheNewestMinutesAreIncomplete(t *testing.T) {
	f := setup(t)
	query, _ := f.day(`workersInvocationsAdaptive(limit: 10, ` + inRange + `) { sum { requests } }`)
	minute := f.clock.Now().Truncate(time.Minute).Add(-2 * time.Minute)
	vars := map[string]any{"accountTag": cloudflare.Account, "from": minute.Format(time.RFC3339), "to": minute.Add(time.Minute).Format(time.RFC3339)}
	early := total(rows(t, f.graph(t, full, query, vars), "workersInvocationsAdaptive"), "requests")
	f.clock.advance(10 * time.Minute)
	late := total(rows(t, f.graph(t, full, query, vars), "workersInvocationsAdaptive"), "requests")
	if early >= late*0.8 {
		t.Errorf("%v requests after two minutes, %v when settled", early, late)
	}
}

func TestNoTrafficIsNoRow(t *testing.T) {
	f := setup(t)
	query, vars := f.day(`workersInvocationsAdaptive(limit: 10, filter: {datetime_geq: $from, datetime_lt: $to, scriptName: "gone"}) { dimensions { scriptName } sum { requests } }`)
	if got := rows(t, f.graph(t, full, query, vars), "workersInvocationsAdaptive"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestErrorsFollowTheApp(t *testing.T) {
	f := setup(t)
	query, _ := f.day(`workersInvocationsAdaptive(limit: 10, filter: {datetime_geq: $from, datetime_lt: $to, scriptName: "spike-land-backend"}) { sum { errors } }`)
	count := func() float64 {
		f.clock.advance(40 * time.Minute)
		to := f.clock.Now().Add(-10 * time.Minute)
		vars := map[string]any{"accountTag": cloudflare.Account, "from": to.Add(-25 * time.Minute).Format(time.RFC3339), "to": to.Format(time.RFC3339)}
		return total(rows(t, f.graph(t, full, query, vars), "workersInvocationsAdaptive"), "errors")
	}
	calm := count()
	f.world.Change(func(s *world.State) { s.SetApp(world.Prod, world.AppKnob{Status: "down"}) })
	if ill := count(); ill < 5*calm+10 {
		t.Errorf("%v errors while the app was down, %v before", ill, calm)
	}
}

func TestGraphQLRefusals(t *testing.T) {
	f := setup(t)
	const ok = `workersInvocationsAdaptive(limit: 10, ` + inRange + `) { dimensions { scriptName } }`
	for name, tc := range map[string]struct {
		token, fields string
		change        func(map[string]any)
		status        int
		message       string
	}{
		"fine":              {full, ok, nil, 200, ""},
		"other account":     {full, ok, func(v map[string]any) { v["accountTag"] = strings.Repeat("a", 32) }, 200, "not authorized for that account"},
		"stranger":          {stranger, ok, nil, 200, "not authorized for that account"},
		"no analytics":      {routes, ok, nil, 403, "authorization denied"},
		"wrong token":       {"cf-wrong-token-012345678", ok, nil, 403, "Authentication error"},
		"unknown node":      {full, `workersInvocations(limit: 1) { sum { requests } }`, nil, 400, `unknown field "workersInvocations"`},
		"unknown group":     {full, `workersInvocationsAdaptive(limit: 10, ` + inRange + `) { count }`, nil, 400, `unknown field "count"`},
		"unknown field":     {full, `workersInvocationsAdaptive(limit: 10, ` + inRange + `) { sum { cpuTime } }`, nil, 400, `unknown field "cpuTime"`},
		"unknown filter":    {full, `workersInvocationsAdaptive(limit: 10, filter: {datetime_geq: $from, script: "a"}) { sum { requests } }`, nil, 400, `unknown arg "script"`},
		"unknown operator":  {full, `workersInvocationsAdaptive(limit: 10, filter: {datetime_ge: $from}) { sum { requests } }`, nil, 400, `unknown arg "datetime_ge"`},
		"unknown argument":  {full, `workersInvocationsAdaptive(limit: 10, offset: 1, ` + inRange + `) { sum { requests } }`, nil, 400, `unknown arg "offset"`},
		"unknown order":     {full, `workersInvocationsAdaptive(limit: 10, orderBy: [size_ASC], ` + inRange + `) { sum { requests } }`, nil, 400, "orderBy"},
		"limit 0":           {full, `workersInvocationsAdaptive(limit: 0, ` + inRange + `) { sum { requests } }`, nil, 400, "limit must be positive"},
		"limit 10001":       {full, `workersInvocationsAdaptive(limit: 10001, ` + inRange + `) { sum { requests } }`, nil, 400, "limit must be positive"},
		"no limit":          {full, `workersInvocationsAdaptive(` + inRange + `) { sum { requests } }`, nil, 400, "limit must be positive"},
		"no selection":      {full, `workersInvocationsAdaptive(limit: 10, ` + inRange + `)`, nil, 400, "selection"},
		"no range":          {full, `workersInvocationsAdaptive(limit: 10, filter: {scriptName: "a"}) { sum { requests } }`, nil, 400, "query time range is too large"},
		"range too large":   {full, ok, func(v map[string]any) { v["from"] = f.clock.Now().AddDate(0, 0, -40).Format(time.RFC3339) }, 400, "query time range is too large"},
		"too old":           {full, ok, func(v map[string]any) { v["from"], v["to"] = "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z" }, 400, "cannot request data older than"},
		"no time":           {full, ok, func(v map[string]any) { v["from"] = "yesterday" }, 400, "Time"},
		"variable missing":  {full, ok, func(v map[string]any) { delete(v, "from") }, 400, `variable "from"`},
		"number for text":   {full, ok, func(v map[string]any) { v["accountTag"] = 5 }, 400, "expected string"},
		"list without _in":  {full, `workersInvocationsAdaptive(limit: 10, filter: {datetime_geq: $from, scriptName: ["a"]}) { sum { requests } }`, nil, 400, "a list goes with"},
		"broken":            {full, `workersInvocationsAdaptive(limit: 10`, nil, 200, "error parsing query"},
		"fragment for ever": {full, `...A } } } fragment A on account { ...B } fragment B on account { ...A } query X { viewer { accounts { ` + ok, nil, 200, "unknown operation"},
	} {
		query, vars := f.day(tc.fields)
		if tc.change != nil {
			tc.change(vars)
		}
		a := f.graph(t, tc.token, query, vars)
		if tc.message == "" {
			if a.status != 200 || a.body["errors"] != nil {
				t.Errorf("%s: %d %s", name, a.status, a.text)
			}
			continue
		}
		list, _ := a.body["errors"].([]any)
		if a.status != tc.status || a.body["data"] != nil || len(list) != 1 || !strings.Contains(list[0].(map[string]any)["message"].(string), tc.message) {
			t.Errorf("%s: %d %s, want %d %q", name, a.status, a.text, tc.status, tc.message)
		}
	}
}

func TestFragmentsThatSpreadEachOther(t *testing.T) {
	f := setup(t)
	a := f.graph(t, full, `query { viewer { ...A } } fragment A on viewer { ...B } fragment B on viewer { ...A }`, nil)
	if a.status != 400 || !strings.Contains(string(a.text), "spreads itself") {
		t.Errorf("%d %s", a.status, a.text)
	}
	a = f.graph(t, full, `query { viewer { ...A } } fragment A on viewer { budget ... on viewer { again: budget } }`, nil)
	if a.status != 200 || !strings.Contains(string(a.text), `"again":100000`) {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestSettingsAndIntrospection(t *testing.T) {
	f := setup(t)
	query, vars := f.day(`settings { workersInvocationsAdaptive { enabled maxDuration maxNumberOfFields maxPageSize notOlderThan availableFields } }`)
	a := f.graph(t, full, query, vars)
	if a.status != 200 || !strings.Contains(string(a.text), `"maxPageSize":10000`) {
		t.Errorf("%d %s", a.status, a.text)
	}
	a = f.graph(t, full, `{ __type(name: "AccountWorkersInvocationsAdaptiveQuantiles") { name fields { name description type { name kind ofType { name } } } } }`, nil)
	if a.status != 200 || !strings.Contains(string(a.text), "CPU time 50th percentile - microseconds") {
		t.Errorf("%d %s", a.status, a.text)
	}
	if a = f.graph(t, full, `{ cost __type(name: "Nothing") { name } }`, nil); a.status != 200 || !strings.Contains(string(a.text), `"__type":null`) {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestGraphQLBudget(t *testing.T) {
	f := setup(t)
	for range 300 {
		f.graph(t, full, `{ cost }`, nil)
	}
	a := f.graph(t, full, `{ cost }`, nil)
	if a.status != 429 || !strings.Contains(string(a.text), "rate limiter budget depleted, try again after 5 minutes") {
		t.Errorf("%d %s", a.status, a.text)
	}
	if a := f.call(t, full, "GET", "/zones", ""); a.status != 200 {
		t.Errorf("the REST limit is another: %d", a.status)
	}
	f.clock.advance(301 * time.Second)
	if a = f.graph(t, full, `{ cost }`, nil); a.status != 200 {
		t.Errorf("%d", a.status)
	}
}
