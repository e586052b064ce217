package vercel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/simulator/vercel"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// hand is a clock that a test moves.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hand) Sleep(context.Context, time.Duration) error     { panic("nothing here sleeps") }
func (h *hand) Timer(time.Duration) (<-chan time.Time, func()) { panic("nothing here waits") }

// rig is one face on one world.
type rig struct {
	t     *testing.T
	clock *hand
	world *world.World
	serve http.Handler
	face  *vercel.Face

	project, team, live, staged, old, preview string
}

func start(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, clock: &hand{now: time.Date(2026, 11, 19, 14, 7, 31, 250e6, time.UTC)}}
	r.world = world.New(world.Options{Seed: 3, Clock: r.clock})
	r.world.View(func(s *world.State) {
		r.project, r.team, r.live, r.staged = s.Project.ID, s.Team.ID, s.Live().ID, s.NewestStaged().ID
		for _, d := range s.Deployments() {
			switch {
			case r.old == "" && s.RollbackCandidate(d):
				r.old = d.ID
			case r.preview == "" && d.Target == world.Preview && d.State == world.Ready:
				r.preview = d.ID
			}
		}
	})
	x := wire.NewExchange(r.clock, 3)
	r.face = vercel.New(x, r.world, map[string]vercel.Token{
		"full": {Name: "full"}, "team": {Name: "team", Team: true}, "project": {Name: "project", Project: r.project},
		"elsewhere": {Name: "elsewhere", Project: "prj_other"}, "viewer": {Name: "viewer", Role: "VIEWER"},
		"developer": {Name: "developer", User: "anjali-rao"}, "outside": {Name: "outside", User: "tobias-ek", Outside: true}, "expired": {Name: "expired", Expired: true},
	})
	r.serve = x.Handler()
	return r
}

func (r *rig) pass(d time.Duration) {
	r.clock.mu.Lock()
	defer r.clock.mu.Unlock()
	r.clock.now = r.clock.now.Add(d)
}

// expand puts the rig's ids into a path or body.
func (r *rig) expand(text string) string {
	return strings.NewReplacer("PROJECT", r.project, "TEAM", r.team, "LIVE", r.live, "STAGED", r.staged, "OLD", r.old, "PREVIEW", r.preview).Replace(text)
}

type reply struct {
	*httptest.ResponseRecorder
	body map[string]any
}

func (a reply) code() string {
	e, _ := a.body["error"].(map[string]any)
	code, _ := e["code"].(string)
	return code
}

// call sends one request, in the team's scope unless the path names another.
func (r *rig) call(token, method, path, body string) reply {
	r.t.Helper()
	path = r.expand(path)
	if !strings.Contains(path, "teamId=") && !strings.Contains(path, "slug=") && !strings.Contains(path, "scope=none") {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		path += sep + "teamId=" + r.team
	}
	path = strings.NewReplacer("?scope=none&", "?", "&scope=none", "", "?scope=none", "").Replace(path)
	req := httptest.NewRequestWithContext(r.t.Context(), method, "/vercel"+path, strings.NewReader(r.expand(body)))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	out := reply{ResponseRecorder: httptest.NewRecorder()}
	r.serve.ServeHTTP(out, req)
	_ = json.Unmarshal(out.Body.Bytes(), &out.body) // lists and empty bodies have no fields to look at
	return out
}

func (r *rig) get(path string) map[string]any {
	r.t.Helper()
	got := r.call("full", "GET", path, "")
	if got.Code != 200 {
		r.t.Fatalf("GET %s: %d %s", path, got.Code, got.Body)
	}
	return got.body
}

func TestWhatIsAcceptedAndWhatIsRefused(t *testing.T) {
	r := start(t)
	promote := "/v10/projects/PROJECT/promote/STAGED"
	for name, tc := range map[string]struct {
		token, method, path, body string
		status                    int
		code                      string
	}{
		"no token":               {"", "GET", "/v9/projects/PROJECT", "", 401, "forbidden"},
		"unknown token":          {"nobody", "GET", "/v9/projects/PROJECT", "", 403, "forbidden"},
		"expired token":          {"expired", "GET", "/v9/projects/PROJECT", "", 403, "forbidden"},
		"personal scope":         {"full", "GET", "/v9/projects/PROJECT?scope=none", "", 404, "not_found"},
		"team by slug":           {"full", "GET", "/v9/projects/spike-land-nextjs?slug=spike-land", "", 200, ""},
		"wrong team":             {"full", "GET", "/v9/projects/PROJECT?teamId=team_x", "", 403, "forbidden"},
		"outsider in the team":   {"outside", "GET", "/v9/projects/PROJECT", "", 403, "forbidden"},
		"team token, no scope":   {"team", "GET", "/v9/projects/PROJECT?scope=none", "", 200, ""},
		"project token":          {"project", "GET", "/v9/projects/PROJECT?scope=none", "", 200, ""},
		"project token, user":    {"project", "GET", "/v2/user?scope=none", "", 403, "forbidden"},
		"project token, teams":   {"project", "GET", "/v2/teams?scope=none", "", 403, "forbidden"},
		"another project's":      {"elsewhere", "GET", "/v9/projects/PROJECT?scope=none", "", 403, "forbidden"},
		"viewer reads":           {"viewer", "GET", "/v9/projects/PROJECT", "", 200, ""},
		"viewer promotes":        {"viewer", "POST", promote, "{}", 403, "forbidden"},
		"developer promotes":     {"developer", "POST", promote, "{}", 403, "forbidden"},
		"unknown path":           {"full", "GET", "/v99/projects", "", 404, "not_found"},
		"v13 promote":            {"full", "POST", "/v13/deployments/STAGED/promote", "{}", 404, "not_found"},
		"wrong method":           {"full", "PUT", "/v9/projects/PROJECT", "{}", 405, "method_unknown"},
		"unknown project":        {"full", "GET", "/v9/projects/prj_x", "", 404, "not_found"},
		"unknown deployment":     {"full", "GET", "/v13/deployments/dpl_x", "", 404, "not_found"},
		"unknown parameter":      {"full", "GET", "/v6/deployments?page=2", "", 400, "bad_request"},
		"unknown state":          {"full", "GET", "/v6/deployments?state=LIVE", "", 400, "bad_request"},
		"limit too high":         {"full", "GET", "/v6/deployments?limit=101", "", 400, "bad_request"},
		"limit no number":        {"full", "GET", "/v6/deployments?limit=ten", "", 400, "bad_request"},
		"until no number":        {"full", "GET", "/v6/deployments?until=yesterday", "", 400, "bad_request"},
		"both project filters":   {"full", "GET", "/v6/deployments?projectId=a&projectIds=b", "", 400, "bad_request"},
		"create without body":    {"full", "POST", "/v13/deployments", "", 400, "bad_request"},
		"unknown domain":         {"full", "GET", "/v5/domains/example.com", "", 404, "not_found"},
		"project token, domains": {"project", "GET", "/v5/domains?scope=none", "", 403, "forbidden"},
		"promote, broken body":   {"full", "POST", promote, "{", 400, "invalid_json"},
		"promote, unknown field": {"full", "POST", promote, `{"reason":"x"}`, 400, "bad_request"},
		"long description":       {"full", "POST", "/v1/projects/PROJECT/rollback/OLD?description=" + strings.Repeat("x", 251), "", 400, "bad_request"},
		"create, no name":        {"full", "POST", "/v13/deployments", `{"deploymentId":"STAGED"}`, 400, "bad_request"},
		"create, nothing":        {"full", "POST", "/v13/deployments", `{"name":"x"}`, 400, "missing_files"},
		"create, bad target":     {"full", "POST", "/v13/deployments", `{"name":"x","deploymentId":"STAGED","target":"prod"}`, 400, "bad_request"},
		"create, lost id":        {"full", "POST", "/v13/deployments", `{"name":"x","deploymentId":"dpl_x"}`, 404, "not_found"},
		"create, unknown ref":    {"full", "POST", "/v13/deployments", `{"name":"x","gitSource":{"type":"github","org":"zerdos","repo":"spike-land-nextjs","ref":"nope"}}`, 400, "incorrect_git_source_info"},
		"create, other repo":     {"full", "POST", "/v13/deployments", `{"name":"x","gitSource":{"type":"github","repoId":1,"ref":"main"}}`, 400, "incorrect_git_source_info"},
		"cancel what is ready":   {"full", "PATCH", "/v12/deployments/LIVE/cancel", "", 400, "bad_request"},
		"unknown cron":           {"full", "POST", "/v1/projects/PROJECT/crons/run", `{"path":"/api/cron/x","schedule":"* * * * *"}`, 404, "not_found"},
		"three dimensions":       {"full", "GET", "/v1/query/web-analytics/visits/aggregate?projectId=PROJECT&since=1&until=2&by=hour&by=country&by=route", "", 400, "bad_request"},
		"odd filter":             {"full", "GET", "/v1/query/web-analytics/visits/count?projectId=PROJECT&filter=environment", "", 400, "bad_request"},
		"no span":                {"full", "GET", "/v1/query/web-analytics/visits/aggregate?projectId=PROJECT&by=hour", "", 400, "bad_request"},
		"stages that fall":       {"full", "PATCH", "/v1/projects/PROJECT/rolling-release/config", `{"stages":[{"targetPercentage":50},{"targetPercentage":10}]}`, 400, "bad_request"},
	} {
		t.Run(name, func(t *testing.T) {
			got := r.call(tc.token, tc.method, tc.path, tc.body)
			if got.Code != tc.status || got.code() != tc.code {
				t.Errorf("%s %s = %d %.300s, want %d %s", tc.method, tc.path, got.Code, got.Body, tc.status, tc.code)
			}
			if got.Header().Get("x-vercel-id") == "" {
				t.Error("no x-vercel-id")
			}
		})
	}
	if r.get("/v9/projects/PROJECT")["lastAliasRequest"].(map[string]any)["toDeploymentId"] != r.live {
		t.Error("a refused call changed what is live")
	}
}

// step is one call of a story about promotions.
type step struct {
	knob   func(*world.State)
	method string
	path   string
	body   string
	wait   time.Duration
	status int
}

func TestPromotionAndRollback(t *testing.T) {
	promote := func(id string, status int) step {
		return step{method: "POST", path: "/v10/projects/PROJECT/promote/" + id, body: "{}", wait: 10 * time.Second, status: status}
	}
	rollback := func(id string, status int) step {
		return step{method: "POST", path: "/v9/projects/PROJECT/rollback/" + id, body: "{}", wait: 10 * time.Second, status: status}
	}
	now := func(s step) step { s.wait = 0; return s }
	with := func(s step, knob func(*world.State)) step { s.knob = knob; return s }
	rolling := step{method: "PATCH", path: "/v1/projects/PROJECT/rolling-release/config", body: `{"stages":[{"targetPercentage":10,"requireApproval":true},{"targetPercentage":100}]}`, status: 200}
	for name, tc := range map[string]struct {
		steps      []step
		live       string
		job        string
		autoAssign bool
	}{
		"staged":                  {[]step{promote("STAGED", 201)}, "STAGED", "succeeded", false},
		"staged, without a body":  {[]step{{method: "POST", path: "/v10/projects/PROJECT/promote/STAGED", wait: 10 * time.Second, status: 201}}, "STAGED", "succeeded", false},
		"what is live":            {[]step{promote("LIVE", 409)}, "LIVE", "succeeded", false},
		"what was live":           {[]step{promote("OLD", 422)}, "LIVE", "succeeded", false},
		"a preview":               {[]step{promote("PREVIEW", 400)}, "LIVE", "succeeded", false},
		"while another runs":      {[]step{now(promote("STAGED", 201)), promote("STAGED", 409)}, "STAGED", "succeeded", false},
		"rollback":                {[]step{rollback("OLD", 201)}, "OLD", "succeeded", false},
		"rollback to what is":     {[]step{rollback("LIVE", 409)}, "LIVE", "succeeded", false},
		"rollback, never live":    {[]step{rollback("STAGED", 422)}, "LIVE", "succeeded", false},
		"rollback of a preview":   {[]step{rollback("PREVIEW", 422)}, "LIVE", "succeeded", false},
		"rollback while one runs": {[]step{now(promote("STAGED", 201)), rollback("OLD", 409)}, "STAGED", "succeeded", false},
		"there and back":          {[]step{promote("STAGED", 201), rollback("LIVE", 201)}, "LIVE", "succeeded", false},
		"undo of a rollback":      {[]step{rollback("OLD", 201), promote("LIVE", 201)}, "LIVE", "succeeded", false},
		"auto-assign comes back": {[]step{
			with(rollback("OLD", 201), func(s *world.State) { s.SetAutoAssign(true, nil) }), promote("LIVE", 201),
		}, "LIVE", "succeeded", true},
		"hobby, too far": {[]step{
			with(promote("STAGED", 201), func(s *world.State) { s.Team.Plan = world.Hobby }), rollback("OLD", 402),
		}, "STAGED", "succeeded", false},
		"hobby, one back": {[]step{
			with(promote("STAGED", 201), func(s *world.State) { s.Team.Plan = world.Hobby }), rollback("LIVE", 201),
		}, "LIVE", "succeeded", false},
		"stuck":   {[]step{with(promote("STAGED", 201), func(s *world.State) { s.Knobs.Alias.Mode = world.AliasStuck })}, "LIVE", "in-progress", false},
		"skipped": {[]step{with(promote("STAGED", 201), func(s *world.State) { s.Knobs.Alias.Mode = world.AliasSkip })}, "LIVE", "skipped", false},
		"split": {[]step{with(promote("STAGED", 201), func(s *world.State) {
			s.Knobs.Alias = world.AliasKnob{Mode: world.AliasFail, Domains: []string{world.RedirectDomain}}
		})}, "STAGED", "failed", false},
		"behind a rolling release": {[]step{rolling, promote("STAGED", 201), promote("STAGED", 202)}, "LIVE", "succeeded", false},
		"abort a rolling release":  {[]step{rolling, promote("STAGED", 201), rollback("LIVE", 201)}, "LIVE", "succeeded", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			for i, s := range tc.steps {
				if s.knob != nil {
					r.world.Change(s.knob)
				}
				got := r.call("full", s.method, s.path, s.body)
				if got.Code != s.status || (s.status < 300 && s.method == "POST" && got.Body.Len() != 0) {
					t.Fatalf("step %d: %s %s = %d %s, want %d", i, s.method, s.path, got.Code, got.Body, s.status)
				}
				r.pass(s.wait)
			}
			p := r.get("/v9/projects/PROJECT")
			if live := p["targets"].(map[string]any)["production"].(map[string]any)["id"]; live != r.expand(tc.live) {
				t.Errorf("live is %v, want %s", live, r.expand(tc.live))
			}
			if job := p["lastAliasRequest"].(map[string]any)["jobStatus"]; job != tc.job {
				t.Errorf("the job is %v, want %s", job, tc.job)
			}
			if p["autoAssignCustomDomains"] != tc.autoAssign {
				t.Errorf("auto-assign is %v, want %v", p["autoAssignCustomDomains"], tc.autoAssign)
			}
		})
	}
}

func TestAnAliasJobTakesItsTime(t *testing.T) {
	r := start(t)
	if got := r.call("full", "POST", "/v10/projects/PROJECT/promote/STAGED", "{}"); got.Code != 201 {
		t.Fatal(got.Code)
	}
	var seen []string
	for range 100 {
		p := r.get("/v9/projects/PROJECT")
		job := p["lastAliasRequest"].(map[string]any)
		moved := 0
		for _, a := range p["alias"].([]any) {
			if d, ok := a.(map[string]any)["deployment"].(map[string]any); ok && d["id"] == r.staged {
				moved++
			}
		}
		if now := fmt.Sprint(job["jobStatus"], " ", moved); len(seen) == 0 || seen[len(seen)-1] != now {
			seen = append(seen, now)
		}
		r.pass(50 * time.Millisecond)
	}
	want := []string{"pending 0", "in-progress 0", "in-progress 1", "in-progress 2", "in-progress 3", "succeeded 3"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

func TestFailedAliasesAreListed(t *testing.T) {
	r := start(t)
	r.world.Change(func(s *world.State) {
		s.Knobs.Alias = world.AliasKnob{Mode: world.AliasFail, Domains: []string{world.ProductionDomain}, Once: true}
	})
	r.call("full", "POST", "/v10/projects/PROJECT/promote/STAGED", "{}")
	r.pass(time.Minute)
	list := r.get("/v9/projects/PROJECT/promote/aliases?failedOnly=true&limit=20")["aliases"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["alias"] != world.ProductionDomain || list[0].(map[string]any)["status"] != "failed" {
		t.Errorf("failed aliases: %v", list)
	}
}

func TestARollbackSaysWhy(t *testing.T) {
	r := start(t)
	r.call("full", "POST", "/v1/projects/PROJECT/rollback/OLD?description=checkout+is+broken", "")
	r.pass(time.Minute)
	note := r.get("/v9/projects/PROJECT")["rollbackDescription"].(map[string]any)
	if note["description"] != "checkout is broken" || note["username"] != "zerdos" {
		t.Errorf("note: %v", note)
	}
	if got := r.call("full", "PATCH", "/v1/projects/PROJECT/rollback/OLD/update-description", `{"description":"sign-in is broken"}`); got.Code != 200 {
		t.Fatal(got.Code, got.Body)
	}
	if note := r.get("/v9/projects/PROJECT")["rollbackDescription"].(map[string]any); note["description"] != "sign-in is broken" {
		t.Errorf("note: %v", note)
	}
}

func TestPagingVisitsEveryDeploymentOnce(t *testing.T) {
	r := start(t)
	var all int
	r.world.View(func(s *world.State) { all = len(s.Deployments()) })
	seen := map[any]bool{}
	path := "/v7/deployments?projectId=PROJECT&limit=37"
	for range 50 {
		body := r.get(path)
		for _, d := range body["deployments"].([]any) {
			seen[d.(map[string]any)["uid"]] = true
		}
		next, ok := body["pagination"].(map[string]any)["next"].(float64)
		if !ok {
			break
		}
		path = fmt.Sprintf("/v7/deployments?projectId=PROJECT&limit=37&until=%d", int64(next))
	}
	if len(seen) != all {
		t.Errorf("saw %d of %d deployments", len(seen), all)
	}
}

func TestFiltersOfTheList(t *testing.T) {
	r := start(t)
	is := func(field, want string) func(map[string]any) bool {
		return func(d map[string]any) bool { return fmt.Sprint(d[field]) == want }
	}
	for query, ok := range map[string]func(map[string]any) bool{
		"target=production":             is("target", "production"),
		"target=preview":                func(d map[string]any) bool { return d["target"] == nil && d["customEnvironment"] == nil },
		"target=qa":                     func(d map[string]any) bool { return d["customEnvironment"] != nil },
		"state=ERROR,CANCELED":          func(d map[string]any) bool { return d["state"] == "ERROR" || d["state"] == "CANCELED" },
		"state=BUILDING":                is("readyState", "BUILDING"),
		"rollbackCandidate=true":        func(d map[string]any) bool { return d["readySubstate"] == "PROMOTED" && d["uid"] != r.live },
		"branch=main&target=production": is("target", "production"),
		"meta-githubCommitRef=main":     func(d map[string]any) bool { return d["meta"].(map[string]any)["githubCommitRef"] == "main" },
		"meta-gitDirty=1":               func(d map[string]any) bool { return d["source"] == "cli" },
	} {
		list := r.get("/v6/deployments?limit=100&projectId=spike-land-nextjs&" + query)["deployments"].([]any)
		if len(list) == 0 {
			t.Errorf("%s: nothing found", query)
		}
		for _, d := range list {
			if !ok(d.(map[string]any)) {
				t.Errorf("%s: found %v", query, d)
			}
		}
	}
}

// What the vendor's own tools ask beside the documented paths.
func TestDomainsAndEnvironmentsAsTheToolsAsk(t *testing.T) {
	r := start(t)
	names := func(path, list, key string) string {
		var out []string
		for _, item := range r.get(path)[list].([]any) {
			out = append(out, item.(map[string]any)[key].(string))
		}
		return strings.Join(out, " ")
	}
	for path, want := range map[string]string{
		"/v9/projects/PROJECT/domains":                                   "spike.land www.spike.land spike-land-nextjs.vercel.app qa.spike.land",
		"/v9/projects/PROJECT/domains?production=false":                  "spike.land www.spike.land spike-land-nextjs.vercel.app qa.spike.land",
		"/v9/projects/PROJECT/domains?production=true":                   "spike.land www.spike.land spike-land-nextjs.vercel.app",
		"/v9/projects/PROJECT/domains?production=true&redirects=false":   "spike.land spike-land-nextjs.vercel.app",
		"/v9/projects/PROJECT/domains?verified=true&redirect=spike.land": "www.spike.land",
		"/v9/projects/PROJECT/domains?verified=false":                    "",
		"/v5/domains":         "spike.land",
		"/v5/domains?until=1": "",
	} {
		if got := names(path, "domains", "name"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := names("/v1/domains/spike.land/project-domains", "projectDomains", "name"); got != "spike.land www.spike.land qa.spike.land" {
		t.Errorf("what the domain serves: %q", got)
	}
	if got := names("/projects/PROJECT/custom-environments", "environments", "slug"); got != "qa" {
		t.Errorf("the tool's path to the environments: %q", got)
	}
	if d := r.get("/v5/domains/spike.land")["domain"].(map[string]any); d["serviceType"] != "external" || d["verified"] != true {
		t.Errorf("%v", d)
	}
	if got := r.call("full", "GET", "/v5/domains?scope=none", ""); got.Code != 200 || len(got.body["domains"].([]any)) != 0 {
		t.Errorf("a personal account has the team's domains: %d %s", got.Code, got.Body)
	}
}

func TestTheCountedLimits(t *testing.T) {
	r := start(t)
	r.clock.now = r.clock.now.Truncate(time.Minute)
	for i := range 100 {
		if got := r.call("full", "GET", "/v1/webhooks", ""); got.Code != 200 || got.Header().Get("X-RateLimit-Remaining") != fmt.Sprint(99-i) {
			t.Fatalf("call %d: %d, %s left", i, got.Code, got.Header().Get("X-RateLimit-Remaining"))
		}
	}
	got := r.call("full", "GET", "/v1/webhooks", "")
	limit, _ := got.body["error"].(map[string]any)["limit"].(map[string]any)
	reset := r.clock.Now().Add(time.Minute).Unix()
	if got.Code != 429 || got.code() != "rate_limited" || got.Header().Get("Retry-After") != "60" ||
		got.Header().Get("X-RateLimit-Reset") != fmt.Sprint(reset) || limit["reset"] != float64(reset) || limit["total"] != 100.0 {
		t.Errorf("%d %v %s", got.Code, got.Header(), got.Body)
	}
	if other := r.call("full", "GET", "/v9/projects/PROJECT", ""); other.Code != 200 {
		t.Errorf("another endpoint is limited too: %d", other.Code)
	}
	if other := r.call("viewer", "GET", "/v1/webhooks", ""); other.Code != 429 {
		t.Errorf("the limit is the user's, not the token's: %d", other.Code)
	}
	r.pass(time.Minute)
	if got := r.call("full", "GET", "/v1/webhooks", ""); got.Code != 200 {
		t.Errorf("the next minute: %d", got.Code)
	}
}

func TestABuildGoesItsWay(t *testing.T) {
	r := start(t)
	got := r.call("full", "POST", "/v13/deployments?forceNew=1", `{"name":"spike-land-nextjs","deploymentId":"PREVIEW","target":"production","meta":{"action":"promote"}}`)
	id, _ := got.body["id"].(string)
	if got.Code != 200 || id == "" || id == r.preview {
		t.Fatal(got.Code, got.Body)
	}
	var states []string
	for range 200 {
		d := r.get("/v13/deployments/" + id)
		if s := d["readyState"].(string); len(states) == 0 || states[len(states)-1] != s {
			states = append(states, s)
		}
		r.pass(time.Second)
	}
	d := r.get("/v13/deployments/" + id)
	if diff := cmp.Diff([]string{"QUEUED", "INITIALIZING", "BUILDING", "READY"}, states); diff != "" {
		t.Error(diff)
	}
	if d["target"] != "production" || d["readySubstate"] != "STAGED" || d["meta"].(map[string]any)["action"] != "promote" {
		t.Errorf("target %v, substate %v, meta %v", d["target"], d["readySubstate"], d["meta"])
	}
}

func TestStrangersSeeThePublicPart(t *testing.T) {
	r := start(t)
	got := r.call("outside", "GET", "/v13/deployments/spike.land?scope=none", "")
	if got.Code != 200 || got.body["id"] != r.live || got.body["env"] != nil || got.body["inspectorUrl"] != nil {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
