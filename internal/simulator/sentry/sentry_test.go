package sentry_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator/sentry"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// stopped is a clock that moves only when told.
type stopped struct {
	clock.Clock
	at atomic.Int64
}

func (c *stopped) Now() time.Time { return time.UnixMilli(c.at.Load()).UTC() }

const org = "/sentry/api/0/organizations/spike-land"

type bench struct {
	*testing.T
	clock  *stopped
	world  *world.World
	server *httptest.Server
}

func newBench(t *testing.T) *bench {
	t.Helper()
	c := &stopped{}
	c.at.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixMilli())
	b := &bench{T: t, clock: c, world: world.New(world.Options{Clock: c})}
	x := wire.NewExchange(c, 1)
	sentry.New(x, b.world, map[string]sentry.Token{
		"full": {Name: "full"}, "poor": {Name: "poor", Scopes: []string{"project:read"}}, "sntrys_ci": {Name: "ci", Organization: true}, "gone": {Name: "gone", Expired: true},
	})
	b.server = httptest.NewServer(x.Handler())
	t.Cleanup(b.server.Close)
	return b
}

func (b *bench) pass(d time.Duration) { b.clock.at.Add(d.Milliseconds()) }

func (b *bench) call(method, path, token, body string) (*http.Response, string) {
	b.Helper()
	b.pass(time.Second) // a new window of every limit
	return b.callNow(method, path, token, body)
}

func (b *bench) callNow(method, path, token, body string) (*http.Response, string) {
	b.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(b.Context(), method, b.server.URL+path, reader)
	if err != nil {
		b.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return resp, string(text)
}

func read[T any](b *bench, path string) (out T) {
	b.Helper()
	resp, text := b.call("GET", path, "full", "")
	if resp.StatusCode != 200 {
		b.Fatalf("%s: %d %s", path, resp.StatusCode, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		b.Fatalf("%s: %v", path, err)
	}
	return out
}

type table struct {
	Data []map[string]any
	Meta struct{ Fields map[string]string }
}

// Counts by environment are those of the world, and a bad build shows in them.
func TestCountsFollowTheWorld(t *testing.T) {
	b := newBench(t)
	b.clock.at.Add(-1000) // the call itself takes the second
	path := org + "/events/?dataset=errors&field=project&field=environment&field=count()&statsPeriod=24h&sort=-count()"
	got := read[table](b, path)
	counts := map[any]float64{}
	for _, row := range got.Data {
		counts[row["environment"]] = row["count()"].(float64)
	}
	want := map[any]float64{}
	b.world.View(func(s *world.State) {
		for name, e := range map[string]world.Env{"production": world.Prod, "preview": world.Next, "development": world.Dev} {
			if n := s.Errors(e, s.Now().Add(-24*time.Hour), s.Now()); n > 0 {
				want[name] = float64(n)
			}
		}
	})
	none := counts[nil]
	delete(counts, nil)
	if diff := cmp.Diff(want, counts); diff != "" || none == 0 {
		t.Errorf("errors by environment (-world +sentry), %v without one:\n%s", none, diff)
	}
	b.world.Change(func(s *world.State) {
		if err := s.Spoil(s.Live().ID, world.Ill{Kind: world.IllErrors, After: s.Now().Sub(s.Live().FirstLiveAt), Factor: 60}); err != nil {
			t.Error(err)
		}
	})
	b.pass(10 * time.Minute)
	quarter := read[table](b, org+"/events/?dataset=errors&field=title&field=count()&statsPeriod=10m&environment=production&sort=-count()")
	if len(quarter.Data) == 0 || quarter.Data[0]["count()"].(float64) < 5 || !strings.Contains(quarter.Data[0]["title"].(string), "perMegapixel") {
		t.Errorf("a burst is not visible: %v", quarter.Data)
	}
	var live string
	b.world.View(func(s *world.State) { live = s.Live().SHA })
	fresh := read[[]map[string]any](b, org+"/issues/?environment=production&statsPeriod=24h&query="+url.QueryEscape("is:unresolved firstRelease:"+live))
	if len(fresh) == 0 {
		t.Fatal("the live release brought no new issue")
	}
	if _, ok := fresh[0]["count"].(string); !ok {
		t.Errorf("count is %T, Sentry sends a string", fresh[0]["count"])
	}
	one := read[struct{ FirstRelease struct{ Version string } }](b, org+"/issues/"+fresh[0]["id"].(string)+"/")
	if one.FirstRelease.Version != live {
		t.Errorf("first release is %q, want %q", one.FirstRelease.Version, live)
	}
}

// The sum of a series is the count of the same window; the last bar is said to
// be unfinished.
func TestSeries(t *testing.T) {
	b := newBench(t)
	window := "&start=2026-11-21T12:00:00&end=2026-11-22T12:00:00&environment=production"
	type series struct {
		TimeSeries []struct {
			GroupBy []struct{ Key, Value string }
			Meta    struct{ Interval int64 }
			Values  []struct {
				Timestamp  int64
				Value      float64
				Incomplete bool
			}
		}
	}
	got := read[series](b, org+"/events-timeseries/?dataset=errors&interval=3600"+window)
	total := 0.0
	for _, v := range got.TimeSeries[0].Values {
		total += v.Value
	}
	count := read[table](b, org+"/events/?dataset=errors&field=count()"+window).Data[0]["count()"]
	if total != count || len(got.TimeSeries[0].Values) != 24 || got.TimeSeries[0].Meta.Interval != 3_600_000 {
		t.Errorf("%d bars of %d ms sum up to %v, counted are %v", len(got.TimeSeries[0].Values), got.TimeSeries[0].Meta.Interval, total, count)
	}
	b.pass(20 * time.Minute)
	now := read[series](b, org+"/events-timeseries/?dataset=errors&statsPeriod=24h&interval=1h").TimeSeries[0].Values
	for n, v := range now {
		if v.Incomplete != (n == len(now)-1) {
			t.Errorf("bar %d of %d: incomplete is %t", n, len(now), v.Incomplete)
		}
	}
	top := read[series](b, org+"/events-timeseries/?dataset=errors&statsPeriod=24h&interval=1h&topEvents=2&groupBy=environment&sort=-count()&excludeOther=1")
	if len(top.TimeSeries) != 2 || top.TimeSeries[0].GroupBy[0].Value != "production" {
		t.Errorf("top series: %+v", top.TimeSeries)
	}
}

var next = regexp.MustCompile(`<[^>]*[?&]cursor=([^&>]+)[^>]*>; rel="next"; results="(true|false)"`)

// A cursor loop sees every item once and ends.
func TestCursorLoop(t *testing.T) {
	b := newBench(t)
	seen, cursor, pages := map[string]bool{}, "", 0
	for {
		resp, text := b.call("GET", org+"/events/?dataset=errors&field=id&field=title&statsPeriod=24h&per_page=10"+cursor, "full", "")
		var got table
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		for _, row := range got.Data {
			if seen[row["id"].(string)] {
				t.Fatal("an event came twice")
			}
			seen[row["id"].(string)] = true
		}
		m := next.FindStringSubmatch(resp.Header.Get("Link"))
		if m == nil {
			t.Fatalf("no next link in %q", resp.Header.Get("Link"))
		}
		if pages++; m[2] == "false" {
			break
		}
		cursor = "&cursor=" + m[1]
	}
	if pages < 3 || len(seen) <= (pages-1)*10 {
		t.Errorf("%d events on %d pages", len(seen), pages)
	}
}

// Every refusal has Sentry's status and body.
func TestRefusals(t *testing.T) {
	b := newBench(t)
	events := org + "/events/?dataset=errors&field=count()"
	many := strings.Repeat("&field=title", 20)
	for _, c := range []struct {
		name, method, path, token, body string
		status                          int
		want                            string
	}{
		{"no token", "GET", org + "/projects/", "", "", 401, `{"detail":"Authentication credentials were not provided."}`},
		{"unknown token", "GET", org + "/projects/", "nope", "", 401, `{"detail":"Invalid token"}`},
		{"expired token", "GET", org + "/projects/", "gone", "", 401, `{"detail":"Invalid token"}`},
		{"missing scope", "GET", events, "poor", "", 403, `{"detail":"You do not have permission to perform this action."}`},
		{"organization token", "GET", events, "sntrys_ci", "", 403, `{"detail":"You do not have permission to perform this action."}`},
		{"unknown organization", "GET", "/sentry/api/0/organizations/other/projects/", "full", "", 404, `{"detail":"The requested resource does not exist"}`},
		{"no slash", "GET", org + "/projects", "full", "", 404, "did you forget a trailing slash?"},
		{"no route", "GET", org + "/nothing/at/all/", "full", "", 404, `{"info":"Route not found"}`},
		{"method", "DELETE", org + "/events/", "full", "", 405, `{"detail":"Method \"DELETE\" not allowed."}`},
		{"no dataset", "GET", org + "/events/?field=count()", "full", "", 400, "dataset"},
		{"no field", "GET", org + "/events/?dataset=errors", "full", "", 400, "field"},
		{"too many fields", "GET", events + many, "full", "", 400, "up to 20 fields"},
		{"unknown function", "GET", events + "&field=p42(x)", "full", "", 400, "p42 is not a valid function"},
		{"unknown field", "GET", events + "&field=nope", "full", "", 400, "Invalid field: nope"},
		{"sort by what is not selected", "GET", events + "&sort=title", "full", "", 400, "Cannot sort by a field that is not selected"},
		{"is: in events", "GET", events + "&query=is:unresolved", "full", "", 400, "not supported in this search"},
		{"period", "GET", events + "&statsPeriod=1x", "full", "", 400, "Invalid statsPeriod"},
		{"page size", "GET", events + "&per_page=101", "full", "", 400, "Invalid per_page value. Must be between 1 and 100."},
		{"unknown environment", "GET", events + "&environment=prod", "full", "", 404, `{"detail":"The requested resource does not exist"}`},
		{"somebody else's project", "GET", events + "&project=42", "full", "", 403, "permission"},
		{"cursor", "GET", events + "&cursor=x", "full", "", 400, "Invalid cursor parameter."},
		{"topEvents alone", "GET", org + "/events-timeseries/?dataset=errors&topEvents=3", "full", "", 400, "groupBy"},
		{"first seen at no time", "GET", org + "/issues/?query=firstSeen:yesterday", "full", "", 400, "Invalid date"},
		{"deploy to an odd environment", "POST", org + "/releases/{live}/deploys/", "full", `{"environment":"a/b"}`, 400, "Invalid value for environment"},
		{"deploy at no time", "POST", org + "/releases/{live}/deploys/", "full", `{"environment":"production","dateFinished":"now"}`, 400, "Datetime has wrong format"},
		{"deploy of another project", "POST", org + "/releases/{live}/deploys/", "full", `{"environment":"production","projects":["spike-land-edge"]}`, 400, "Invalid projects"},
		{"status of an issue", "GET", org + "/issues/?query=is:broken", "full", "", 400, "valid values are"},
		{"deploy without environment", "POST", org + "/releases/{live}/deploys/", "full", `{}`, 400, `{"environment":["This field is required."]}`},
		{"deploy of an unknown release", "POST", org + "/releases/nope/deploys/", "full", `{"environment":"production"}`, 404, "does not exist"},
		{"delete of a release that served people", "DELETE", org + "/releases/{live}/", "full", "", 400, "has health data"},
		{"release that is no JSON", "POST", org + "/releases/", "full", `{`, 400, "JSON parse error"},
		{"check-in without status", "GET", "/sentry/api/{project}/cron/x/key/", "", "", 400, "status"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, text := b.call(c.method, b.fill(c.path), c.token, c.body)
			if resp.StatusCode != c.status || !strings.Contains(text, c.want) {
				t.Errorf("%d %s, want %d %s", resp.StatusCode, text, c.status, c.want)
			}
		})
	}
}

// fill puts ids of the world into a path.
func (b *bench) fill(path string) string {
	var live string
	b.world.View(func(s *world.State) { live = s.Live().SHA })
	if strings.Contains(path, "{project}") {
		projects := read[[]struct{ ID string }](b, org+"/projects/")
		path = strings.ReplaceAll(path, "{project}", projects[0].ID)
	}
	return strings.ReplaceAll(path, "{live}", live)
}

// The 31st call of one second is refused with a page, not with JSON's type.
func TestLimit(t *testing.T) {
	b := newBench(t)
	for n := range 31 {
		resp, text := b.callNow("GET", org+"/events/?dataset=errors&field=count()&statsPeriod=1h", "full", "")
		if n < 30 {
			if resp.StatusCode != 200 || resp.Header.Get("X-Sentry-Rate-Limit-Limit") != "30" {
				t.Fatalf("call %d: %d %s", n, resp.StatusCode, text)
			}
			continue
		}
		if resp.StatusCode != 429 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || resp.Header.Get("Retry-After") != "" || !strings.Contains(text, "Limit is 30 requests in 1 seconds") {
			t.Errorf("%d %v %s", resp.StatusCode, resp.Header, text)
		}
	}
}

// What is written can be read again: a release, its deploy, check-ins.
func TestWrites(t *testing.T) {
	b := newBench(t)
	project := read[[]struct{ ID, Slug string }](b, org+"/projects/")[0]
	for _, c := range []struct {
		method, path, token, body string
		status                    int
	}{
		{"POST", org + "/releases/", "sntrys_ci", `{"version":"v9","projects":["` + project.Slug + `"]}`, 201},
		{"POST", org + "/releases/", "full", `{"version":"v9","projects":["` + project.Slug + `"]}`, 208},
		{"POST", org + "/releases/v9/deploys/", "sntrys_ci", `{"environment":"production","name":"promote"}`, 201},
		{"GET", "/sentry/api/" + project.ID + "/cron/nightly/abc/?status=in_progress&check_in_id=00000000-0000-4000-8000-000000000001", "", "", 202},
		{"POST", "/sentry/api/" + project.ID + "/cron/nightly/abc/", "", `{"status":"ok","check_in_id":"00000000-0000-4000-8000-000000000001","duration":2.5,"monitor_config":{"schedule":{"type":"crontab","value":"0 3 * * *"}}}`, 202},
	} {
		if resp, text := b.call(c.method, c.path, c.token, c.body); resp.StatusCode != c.status {
			t.Fatalf("%s %s: %d %s, want %d", c.method, c.path, resp.StatusCode, text, c.status)
		}
	}
	deploys := read[[]struct{ Environment, Name string }](b, org+"/releases/v9/deploys/")
	if len(deploys) != 1 || deploys[0].Name != "promote" {
		t.Errorf("deploys: %v", deploys)
	}
	if resp, text := b.call("DELETE", org+"/releases/v9/", "sntrys_ci", ""); resp.StatusCode != 204 {
		t.Errorf("delete: %d %s", resp.StatusCode, text)
	}
	if resp, _ := b.call("GET", org+"/releases/v9/", "full", ""); resp.StatusCode != 404 {
		t.Errorf("deleted and still there: %d", resp.StatusCode)
	}
	checkins := read[[]struct {
		Status   string
		Duration float64
	}](b, org+"/monitors/nightly/checkins/")
	if len(checkins) != 1 || checkins[0].Status != "ok" || checkins[0].Duration != 2500 {
		t.Errorf("check-ins: %v", checkins)
	}
	if app := read[[]map[string]any](b, org+"/monitors/"); len(app) != 12 {
		t.Errorf("%d monitors, want the app's 11 and the new one", len(app))
	}
}

// Sentry's own tool sends its check-ins in envelopes.
func TestEnvelopes(t *testing.T) {
	b := newBench(t)
	path := "/sentry/api/" + read[[]struct{ ID string }](b, org+"/projects/")[0].ID + "/envelope/"
	item := func(header, payload string) string { return header + "\n" + payload + "\n" }
	const id = `"check_in_id":"0b8799223464415faa6e57fa96f605f9","monitor_slug":"nightly",`
	begun := `{` + id + `"status":"in_progress","environment":"production","monitor_config":{"schedule":{"type":"crontab","value":"0 3 * * *"},"checkin_margin":5}}`
	ended := `{` + id + `"status":"ok","environment":"production","duration":0.25}`
	for _, c := range []struct {
		body, query string
		status      int
	}{
		{"{}\n" + item(`{"type":"check_in"}`, begun), "", 401},
		{"", "?sentry_key=abc", 400},
		{"no envelope", "?sentry_key=abc", 400},
		{"{}\n" + item(`{}`, begun), "?sentry_key=abc", 400},
		{"{}\n" + item(`{"type":"check_in","length":9999}`, begun), "?sentry_key=abc", 400},
		{"{}\n" + item(fmt.Sprintf(`{"type":"check_in","length":%d}`, len(begun)), begun), "?sentry_key=abc", 200},
		{`{"dsn":"https://abc@o1.ingest.sentry.io/1","event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}` + "\n" + item(`{"type":"event"}`, `{}`) + item(`{"type":"check_in"}`, ended), "", 200},
	} {
		if resp, text := b.call("POST", path+c.query, "", c.body); resp.StatusCode != c.status {
			t.Errorf("%q: %d %s, want %d", c.body, resp.StatusCode, text, c.status)
		}
	}
	checkins := read[[]struct {
		Status   string
		Duration float64
	}](b, org+"/monitors/nightly/checkins/")
	if len(checkins) != 1 || checkins[0].Status != "ok" || checkins[0].Duration != 250 {
		t.Errorf("check-ins: %v", checkins)
	}
	if m := read[map[string]any](b, org+"/monitors/nightly/"); m["config"].(map[string]any)["checkin_margin"] != 5.0 {
		t.Errorf("monitor: %v", m["config"])
	}
}

// Two worlds of one seed give the same answers, byte for byte.
func TestDeterminism(t *testing.T) {
	a, b := newBench(t), newBench(t)
	for _, path := range []string{
		org + "/events/?dataset=errors&field=release&field=environment&field=count()&field=count_unique(user)&field=last_seen()&statsPeriod=14d",
		org + "/stats_v2/?groupBy=outcome&field=sum(quantity)&statsPeriod=24h", org + "/monitors/",
		org + "/sessions/?field=sum(session)&field=crash_free_rate(session)&groupBy=environment&groupBy=release&statsPeriod=24h",
	} {
		ra, ta := a.call("GET", path, "full", "")
		_, tb := b.call("GET", path, "full", "")
		ta, tb = strings.ReplaceAll(ta, a.server.URL, ""), strings.ReplaceAll(tb, b.server.URL, "")
		if ra.StatusCode != 200 || ta != tb {
			t.Errorf("%s: %d, the same: %t\n%s", path, ra.StatusCode, ta == tb, ta)
		}
	}
}

// The list of deploys has the last of each environment alone; the release
// counts them all.
func TestTheListHasTheLastDeploys(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"first", "second", "third"} {
		if resp, text := b.call("POST", b.fill(org+"/releases/{live}/deploys/"), "full", `{"environment":"qa","name":"`+name+`"}`); resp.StatusCode != 201 {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
	}
	names := ""
	for _, d := range read[[]struct{ Environment, Name string }](b, b.fill(org+"/releases/{live}/deploys/")) {
		if d.Environment == "qa" {
			names += d.Name
		}
	}
	count := read[struct{ DeployCount int }](b, b.fill(org+"/releases/{live}/")).DeployCount
	if names != "third" || count < 3 {
		t.Errorf("the list has %q, the release counts %d", names, count)
	}
}
