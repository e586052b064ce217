package cloudflare_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator/cloudflare"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/wire/spectest"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// hand is a clock that only moves by hand.
type hand struct {
	clock.Clock
	mu  sync.Mutex
	now time.Time
}

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hand) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

const (
	full     = "cf-full-token-0123456789"
	reader   = "cf-read-token-0123456789"
	routes   = "cf-routes-token-01234567"
	owned    = "cf-owned-token-012345678"
	stranger = "cf-other-token-012345678"
	expired  = "cf-stale-token-012345678"
)

type fixture struct {
	clock    *hand
	exchange *wire.Exchange
	world    *world.World
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{clock: &hand{Clock: clock.Real(), now: time.Date(2026, 11, 22, 14, 30, 0, 0, time.UTC)}}
	f.exchange = wire.NewExchange(f.clock, 1)
	f.world = world.New(world.Options{Clock: f.clock})
	cloudflare.New(f.exchange, f.world, map[string]cloudflare.Token{
		full: {Name: "full"}, reader: {Name: "read", Scopes: cloudflare.ReadScopes()},
		routes: {Name: "routes", Scopes: []string{cloudflare.RoutesRead}},
		owned:  {Name: "owned", Owned: true}, stranger: {Name: "stranger", Outside: true}, expired: {Name: "expired", Expired: true},
	})
	return f
}

type answer struct {
	status int
	header map[string][]string
	text   []byte
	body   map[string]any
}

func (f *fixture) call(t *testing.T, token, method, path, body string) answer {
	t.Helper()
	r := httptest.NewRequest(method, "/cloudflare/client/v4"+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	f.exchange.Handler().ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), text: w.Body.Bytes()}
	if err := json.Unmarshal(a.text, &a.body); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, a.text)
	}
	return a
}

func (a answer) code() int {
	list, _ := a.body["errors"].([]any)
	if len(list) == 0 {
		return 0
	}
	code, _ := list[0].(map[string]any)["code"].(float64)
	return int(code)
}

func account(path string) string { return "/accounts/" + cloudflare.Account + path }

func script(name, path string) string { return account("/workers/scripts/" + name + path) }

func TestRefusals(t *testing.T) {
	f := setup(t)
	for name, tc := range map[string]struct {
		token, method, path, body string
		status, code              int
	}{
		"no token":               {"", "GET", account("/workers/scripts"), "", 400, 9106},
		"malformed token":        {"short", "GET", account("/workers/scripts"), "", 400, 6003},
		"unknown token":          {"cf-wrong-token-012345678", "GET", account("/workers/scripts"), "", 403, 10000},
		"expired token":          {expired, "GET", account("/workers/scripts"), "", 403, 10000},
		"unknown token, zones":   {"cf-wrong-token-012345678", "GET", "/zones", "", 403, 9109},
		"unknown token, verify":  {"cf-wrong-token-012345678", "GET", "/user/tokens/verify", "", 401, 1000},
		"account token, verify":  {owned, "GET", "/user/tokens/verify", "", 401, 1000},
		"account token, user":    {owned, "GET", "/user", "", 403, 9109},
		"account, memberships":   {owned, "GET", "/memberships", "", 400, 9106},
		"memberships missing":    {reader, "GET", "/memberships", "", 403, 10000},
		"scope missing":          {routes, "GET", account("/workers/scripts"), "", 403, 10000},
		"reader deploys":         {reader, "POST", script(cloudflare.Code, "/deployments"), `{}`, 403, 10000},
		"other account":          {full, "GET", "/accounts/" + strings.Repeat("a", 32) + "/workers/scripts", "", 403, 10000},
		"stranger":               {stranger, "GET", account("/workers/scripts"), "", 403, 10000},
		"malformed account":      {full, "GET", "/accounts/acme/workers/scripts", "", 404, 7003},
		"unknown path":           {full, "GET", "/nothing", "", 404, 7003},
		"unknown script":         {full, "GET", script("none", "/deployments"), "", 404, 10007},
		"unknown version":        {full, "GET", script(cloudflare.Code, "/versions/11111111-1111-4111-8111-111111111111"), "", 404, 10092},
		"wrong method":           {full, "PATCH", script(cloudflare.Code, "/deployments"), `{}`, 405, 10405},
		"page size":              {full, "GET", "/zones?per_page=1000", "", 400, 10001},
		"no page":                {full, "GET", script(cloudflare.Code, "/versions?page=0"), "", 400, 10001},
		"empty deployment":       {full, "POST", script(cloudflare.Code, "/deployments"), `{}`, 400, 10001},
		"other strategy":         {full, "POST", script(cloudflare.Code, "/deployments"), `{"strategy":"all","versions":[]}`, 400, 10001},
		"no versions":            {full, "POST", script(cloudflare.Code, "/deployments"), `{"strategy":"percentage","versions":[]}`, 400, 10001},
		"deployment of nothing":  {full, "POST", script(cloudflare.Code, "/deployments"), `{"strategy":"percentage","versions":[{"version_id":"x","percentage":100}]}`, 404, 10092},
		"cron that is no cron":   {full, "PUT", script(cloudflare.Backend, "/schedules"), `[{"cron":"soon"}]`, 400, 10100},
		"schedules as an object": {full, "PUT", script(cloudflare.Backend, "/schedules"), `{"schedules":[]}`, 400, 10001},
	} {
		a := f.call(t, tc.token, tc.method, tc.path, tc.body)
		if a.status != tc.status || a.code() != tc.code || a.body["success"] != false || a.body["result"] != nil {
			t.Errorf("%s: %d %s, want %d with code %d", name, a.status, a.text, tc.status, tc.code)
		}
	}
}

func TestEveryRouteAnswersInTheEnvelope(t *testing.T) {
	f := setup(t)
	for _, path := range []string{
		"/user/tokens/verify", "/user", "/memberships", "/accounts", account(""), "/zones", "/zones/" + cloudflare.Zone,
		"/zones/" + cloudflare.Zone + "/workers/routes", account("/workers/scripts"), account("/workers/scripts-search?name=land"),
		account("/workers/workers?order_by=deployed_on&order=desc"), account("/workers/domains?service=" + cloudflare.Code),
		account("/workers/subdomain"), script(cloudflare.Code, "/settings"), script(cloudflare.Code, "/script-settings"),
		script(cloudflare.Code, "/secrets"), script(cloudflare.Backend, "/schedules"), script(cloudflare.Code, "/subdomain"),
		script(cloudflare.Code, "/deployments"), script(cloudflare.Code, "/versions"), script(cloudflare.Code, "/versions?deployable=true"),
		account("/workers/services/" + cloudflare.Code),
	} {
		a := f.call(t, full, "GET", path, "")
		if a.status != 200 || a.body["success"] != true || a.body["result"] == nil {
			t.Errorf("%s: %d %.200s", path, a.status, a.text)
		}
		if len(a.header["Ratelimit"]) != 1 || len(a.header["Ratelimit-Policy"]) != 1 {
			t.Errorf("%s: no rate limit headers", path)
		}
	}
}

func TestAnswersAreAsDocumented(t *testing.T) {
	spec, ok := spectest.Load(t, "cloudflare.json")
	if !ok {
		return
	}
	f := setup(t)
	for _, path := range []string{
		"/user/tokens/verify", "/zones", "/zones/" + cloudflare.Zone + "/workers/routes", account("/workers/scripts"), account("/workers/domains"),
		account("/workers/subdomain"), script(cloudflare.Code, "/settings"), script(cloudflare.Backend, "/schedules"),
		script(cloudflare.Code, "/deployments"), script(cloudflare.Code, "/versions"),
	} {
		a := f.call(t, full, "GET", path, "")
		// The document is older than these: today's usage model, bindings of
		// other types, and routes that keep Workers away.
		text := strings.NewReplacer(
			`"usage_model":"standard"`, `"usage_model":"bundled"`,
			`"pattern":"spike.land/static/*"`, `"pattern":"spike.land/static/*","script":"none"`,
			`{"name":"ENVIRONMENT","text":"production","type":"plain_text"}`, "",
		).Replace(string(a.text))
		a.text = []byte(text)
		spec.Check(t, "GET", path, a.status, a.text)
	}
	latest := versionIDs(t, f, cloudflare.Code)[0]
	a := f.call(t, full, "POST", script(cloudflare.Code, "/deployments"), deploy(latest, 100))
	spec.Check(t, "POST", script(cloudflare.Code, "/deployments"), a.status, a.text)
	a = f.call(t, full, "PUT", script(cloudflare.Backend, "/schedules"), `[{"cron":"5 4 * * *"}]`)
	spec.Check(t, "PUT", script(cloudflare.Backend, "/schedules"), a.status, a.text)
}

func versionIDs(t *testing.T, f *fixture, name string) []string {
	t.Helper()
	var ids []string
	for _, v := range f.call(t, full, "GET", script(name, "/versions?deployable=true"), "").body["result"].(map[string]any)["items"].([]any) {
		ids = append(ids, v.(map[string]any)["id"].(string))
	}
	return ids
}

func deploy(pairs ...any) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, fmt.Sprintf(`{"version_id":%q,"percentage":%v}`, pairs[i], pairs[i+1]))
	}
	return `{"strategy":"percentage","versions":[` + strings.Join(list, ",") + `],"annotations":{"workers/message":"by hand"}}`
}

func TestRollbackAndGradualDeployment(t *testing.T) {
	f := setup(t)
	path := script(cloudflare.Backend, "/deployments")
	ids := versionIDs(t, f, cloudflare.Backend)
	if len(ids) < 8 {
		t.Fatalf("only %d versions", len(ids))
	}
	oldest := ids[len(ids)-1]
	if a := f.call(t, full, "POST", path, deploy(oldest, 100)); a.status != 400 || a.code() != 10220 || !strings.Contains(string(a.text), "The following secrets have changed: AUTH_SECRET") {
		t.Errorf("over a changed secret: %d %s", a.status, a.text)
	}
	if a := f.call(t, full, "POST", path+"?force=true", deploy(oldest, 100)); a.status != 200 {
		t.Errorf("forced: %d %s", a.status, a.text)
	}
	for name, body := range map[string]string{
		"not 100": deploy(ids[0], 60, ids[1], 30), "three": deploy(ids[0], 40, ids[1], 30, ids[2], 30), "twice": deploy(ids[0], 50, ids[0], 50), "none": deploy(ids[0], 0, ids[1], 100),
	} {
		if a := f.call(t, full, "POST", path, body); a.status != 400 || a.code() != 10001 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	a := f.call(t, full, "POST", path, deploy(ids[0], 25, ids[1], 75))
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.text)
	}
	list := f.call(t, full, "GET", path, "").body["result"].(map[string]any)["deployments"].([]any)
	if diff := cmp.Diff(a.body["result"], list[0]); diff != "" {
		t.Errorf("the first deployment is not the new one: %s", diff)
	}
	first, second := list[0].(map[string]any)["id"].(string), list[1].(map[string]any)["id"].(string)
	if a := f.call(t, full, "DELETE", path+"/"+first, ""); a.status != 400 {
		t.Errorf("the serving one was deleted: %s", a.text)
	}
	if a := f.call(t, full, "DELETE", path+"/"+second, ""); a.status != 200 {
		t.Errorf("%d %s", a.status, a.text)
	}
	if a := f.call(t, full, "GET", path+"/"+second, ""); a.status != 404 {
		t.Errorf("deleted and still there: %d", a.status)
	}
}

func TestAWorkerLeavesWorkersDev(t *testing.T) {
	f := setup(t)
	path := script(cloudflare.Code, "/subdomain")
	for body, want := range map[string]string{
		`{"enabled":false}`:                         `{"enabled":false,"previews_enabled":false}`,
		`{"enabled":true,"previews_enabled":false}`: `{"enabled":true,"previews_enabled":false}`,
		`{"enabled":true,"previews_enabled":true}`:  `{"enabled":true,"previews_enabled":true}`,
	} {
		if a := f.call(t, full, "POST", path, body); a.status != 200 || !strings.Contains(string(a.text), want) {
			t.Errorf("%s: %d %s", body, a.status, a.text)
		}
		if a := f.call(t, full, "GET", path, ""); !strings.Contains(string(a.text), want) {
			t.Errorf("read after %s: %s", body, a.text)
		}
	}
	if a := f.call(t, full, "POST", path, `{}`); a.status != 400 || a.code() != 10001 {
		t.Errorf("%d %s", a.status, a.text)
	}
	if a := f.call(t, reader, "POST", path, `{"enabled":false}`); a.status != 403 {
		t.Errorf("a reader took it away: %d", a.status)
	}
}

// wrangler sends code_update_strategy with every deployment since 2026.
func TestDurableObjectsMayWaitForTheirCode(t *testing.T) {
	f := setup(t)
	path := script(cloudflare.Code, "/deployments")
	with := func(strategy string) string {
		return strings.TrimSuffix(deploy(versionIDs(t, f, cloudflare.Code)[0], 100), "}") + `,"code_update_strategy":` + strategy + "}"
	}
	for _, good := range []string{`{"mode":"deferred","max_delay":300}`, `{"mode":"deferred"}`, `{"mode":"immediate"}`} {
		if a := f.call(t, full, "POST", path, with(good)); a.status != 200 {
			t.Errorf("%s: %d %s", good, a.status, a.text)
		}
	}
	for _, bad := range []string{`{}`, `{"mode":"later"}`, `{"mode":"deferred","max_delay":-1}`, `{"mode":"deferred","max_delay":86401}`, `{"mode":"deferred","delay":1}`, `"deferred"`} {
		if a := f.call(t, full, "POST", path, with(bad)); a.status != 400 || a.code() != 10001 {
			t.Errorf("%s: %d %s", bad, a.status, a.text)
		}
	}
}

func TestWorkersFollowTheCommits(t *testing.T) {
	f := setup(t)
	before := versionIDs(t, f, cloudflare.Code)
	var sha string
	for range 12 { // one commit in three deploys this script
		f.world.Change(func(s *world.State) {
			c, _ := s.PushCommit(world.Push{Message: "feat: a"})
			sha = c.SHA
		})
		f.clock.advance(5 * time.Minute)
	}
	after := versionIDs(t, f, cloudflare.Code)
	if slices.Contains(before, after[0]) {
		t.Fatal("no commit of twelve was deployed")
	}
	a := f.call(t, full, "GET", script(cloudflare.Code, "/versions/"+after[0]), "")
	tag := a.body["result"].(map[string]any)["annotations"].(map[string]any)["workers/tag"].(string)
	if len(tag) != 7 || sha == "" {
		t.Errorf("tag %q", tag)
	}
}

func TestSomeDeploymentsAreGradual(t *testing.T) {
	f := setup(t)
	gradual := 0
	for _, name := range []string{cloudflare.Code, cloudflare.Transpiler, cloudflare.Backend} {
		list := f.call(t, full, "GET", script(name, "/deployments"), "").body["result"].(map[string]any)["deployments"].([]any)
		last := ""
		for _, d := range list {
			d := d.(map[string]any)
			if created := d["created_on"].(string); last != "" && created > last {
				t.Errorf("%s: not newest first", name)
			}
			last = d["created_on"].(string)
			var sum float64
			for _, v := range d["versions"].([]any) {
				sum += v.(map[string]any)["percentage"].(float64)
			}
			if sum != 100 {
				t.Errorf("%s: percentages sum up to %v", name, sum)
			}
			if len(d["versions"].([]any)) == 2 {
				gradual++
			}
		}
	}
	if gradual == 0 {
		t.Error("no gradual deployment in all lists")
	}
}

func TestPassingTheLimitShutsAllOut(t *testing.T) {
	f := setup(t)
	for range 1200 {
		if a := f.call(t, reader, "GET", account("/workers/subdomain"), ""); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.text)
		}
	}
	a := f.call(t, reader, "GET", account("/workers/subdomain"), "")
	if a.status != 429 || a.header["Retry-After"][0] != "300" {
		t.Errorf("%d %v", a.status, a.header)
	}
	f.clock.advance(299 * time.Second)
	if a := f.call(t, reader, "GET", "/zones", ""); a.status != 429 {
		t.Errorf("let in early: %d", a.status)
	}
	if a := f.call(t, full, "GET", "/zones", ""); a.status != 200 {
		t.Errorf("another token was shut out: %d", a.status)
	}
	f.clock.advance(2 * time.Second)
	if a := f.call(t, reader, "GET", "/zones", ""); a.status != 200 {
		t.Errorf("still shut out: %d", a.status)
	}
}

func TestZonesArePaged(t *testing.T) {
	f := setup(t)
	a := f.call(t, full, "GET", "/zones?per_page=5&account.id="+cloudflare.Account, "")
	info := a.body["result_info"].(map[string]any)
	if info["total_count"] != 3.0 || info["total_pages"] != 1.0 || info["page"] != 1.0 {
		t.Errorf("%v", info)
	}
	if a = f.call(t, full, "GET", "/zones?name=spike.land", ""); len(a.body["result"].([]any)) != 1 {
		t.Errorf("%s", a.text)
	}
	if a = f.call(t, full, "GET", "/zones?page=2", ""); len(a.body["result"].([]any)) != 0 {
		t.Errorf("%s", a.text)
	}
}
