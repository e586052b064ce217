package neon_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator/neon"
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
	key      = "neon-personal-key"
	scoped   = "neon-project-key"
	other    = "neon-other-project-key"
	stranger = "neon-stranger-key"
)

type fixture struct {
	t        *testing.T
	clock    *hand
	exchange *wire.Exchange
	world    *world.World
	spec     *spectest.Spec
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: &hand{Clock: clock.Real(), now: time.Date(2026, 11, 22, 14, 30, 0, 0, time.UTC)}}
	f.exchange = wire.NewExchange(f.clock, 1)
	f.world = world.New(world.Options{Clock: f.clock})
	neon.New(f.exchange, f.world, map[string]neon.Token{
		key: {Name: "personal"}, scoped: {Name: "project", Project: neon.Project}, other: {Name: "other", Project: "other-project-1"},
		stranger: {Name: "stranger", Outside: true},
	})
	return f
}

type answer struct {
	status int
	header map[string][]string
	text   []byte
	body   map[string]any
}

func (f *fixture) as(token, method, path, body string, header ...string) answer {
	f.t.Helper()
	r := httptest.NewRequest(method, "/neon/api/v2"+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.exchange.Handler().ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), text: w.Body.Bytes()}
	if len(a.text) > 0 {
		if err := json.Unmarshal(a.text, &a.body); err != nil {
			f.t.Fatalf("%s %s: %v: %s", method, path, err, a.text)
		}
	}
	if f.spec != nil && w.Code != 204 {
		f.spec.Check(f.t, method, path, w.Code, a.text)
	}
	return a
}

// call is as the personal key and wants a status.
func (f *fixture) call(status int, method, path, body string) answer {
	f.t.Helper()
	a := f.as(key, method, project+path, body)
	if a.status != status {
		f.t.Fatalf("%s %s %s = %d %s, want %d", method, path, body, a.status, a.text, status)
	}
	return a
}

// wait lets running operations finish.
func (f *fixture) wait() { f.clock.advance(20 * time.Second) }

const project = "/projects/" + neon.Project

// id finds a branch by its exact name.
func (f *fixture) id(name string) string {
	f.t.Helper()
	for _, b := range f.call(200, "GET", "/branches?search="+name, "").body["branches"].([]any) {
		if b := b.(map[string]any); b["name"] == name {
			return b["id"].(string)
		}
	}
	f.t.Fatalf("no branch %q", name)
	return ""
}

func (f *fixture) get(id string) map[string]any {
	f.t.Helper()
	return f.call(200, "GET", "/branches/"+id, "").body["branch"].(map[string]any)
}

func (f *fixture) make(body string) map[string]any {
	f.t.Helper()
	a := f.call(201, "POST", "/branches", body)
	f.wait()
	return a.body["branch"].(map[string]any)
}

func names(a answer) []string {
	var list []string
	for _, b := range a.body["branches"].([]any) {
		list = append(list, b.(map[string]any)["name"].(string))
	}
	return list
}

func TestTheSeededBranches(t *testing.T) {
	f := setup(t)
	a := f.call(200, "GET", "/branches?sort_by=created_at&sort_order=asc", "")
	list := names(a)
	previews := 0
	for _, name := range list {
		if strings.HasPrefix(name, "preview/") {
			previews++
		}
	}
	if list[0] != "main" || previews != 12 || len(list) != 17 {
		t.Errorf("%d branches, %d previews: %v", len(list), previews, list)
	}
	main := a.body["branches"].([]any)[0].(map[string]any)
	if main["default"] != true || main["protected"] != true || main["parent_id"] != nil {
		t.Errorf("main: %v", main)
	}
	if b := f.get(f.id("archive/2025-black-friday")); b["current_state"] != "archived" {
		t.Errorf("archived: %v", b["current_state"])
	}
	if n := f.call(200, "GET", "/branches/count?search=preview", "").body["count"]; n != 12.0 {
		t.Errorf("counted %v", n)
	}
}

func TestPaging(t *testing.T) {
	f := setup(t)
	all := names(f.call(200, "GET", "/branches", ""))
	var got []string
	next := ""
	for range len(all) + 1 {
		a := f.call(200, "GET", "/branches?limit=5&cursor="+next, "")
		got = append(got, names(a)...)
		text, more := a.body["pagination"].(map[string]any)["next"].(string)
		if !more {
			break
		}
		next = text
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Error(diff)
	}
	if a := f.as(key, "GET", project+"/branches?cursor=nonsense", ""); a.status != 400 {
		t.Errorf("%d", a.status)
	}
}

func TestRefusals(t *testing.T) {
	f := setup(t)
	main, next := f.id("main"), f.id("next")
	for name, tc := range map[string]struct {
		token, method, path, body string
		status                    int
	}{
		"no key":                {"", "GET", project, "", 401},
		"wrong key":             {"nonsense", "GET", project, "", 401},
		"wrong key, no path":    {"nonsense", "GET", "/nothing", "", 401},
		"unknown path":          {key, "GET", "/nothing", "", 404},
		"wrong method":          {key, "PUT", project + "/branches", "", 405},
		"other project":         {key, "GET", "/projects/other-project-1", "", 404},
		"key of another":        {other, "GET", project + "/branches", "", 404},
		"stranger":              {stranger, "GET", project + "/branches", "", 404},
		"scoped key, user":      {scoped, "GET", "/users/me", "", 403},
		"limit":                 {key, "GET", project + "/branches?limit=0", "", 400},
		"sort":                  {key, "GET", project + "/branches?sort_by=size", "", 400},
		"unknown branch":        {key, "GET", project + "/branches/br-none", "", 404},
		"unknown field":         {key, "POST", project + "/branches", `{"branch":{"title":"x"}}`, 400},
		"wrong type":            {key, "POST", project + "/branches", `{"branch":{"name":5}}`, 400},
		"broken body":           {key, "POST", project + "/branches", `{"branch"`, 400},
		"empty name":            {key, "POST", project + "/branches", `{"branch":{"name":""}}`, 400},
		"name taken":            {key, "POST", project + "/branches", `{"branch":{"name":"next"}}`, 409},
		"unknown parent":        {key, "POST", project + "/branches", `{"branch":{"parent_id":"br-none"}}`, 404},
		"lsn and time":          {key, "POST", project + "/branches", `{"branch":{"parent_lsn":"0/1","parent_timestamp":"2026-11-22T00:00:00Z"}}`, 400},
		"future":                {key, "POST", project + "/branches", `{"branch":{"parent_timestamp":"2027-01-01T00:00:00Z"}}`, 400},
		"too long ago":          {key, "POST", project + "/branches", `{"branch":{"parent_timestamp":"2026-11-01T00:00:00Z"}}`, 400},
		"two writers":           {key, "POST", project + "/branches", `{"endpoints":[{"type":"read_write"},{"type":"read_write"}]}`, 400},
		"odd endpoint":          {key, "POST", project + "/branches", `{"endpoints":[{"type":"large"}]}`, 400},
		"expires long ago":      {key, "POST", project + "/branches", `{"branch":{"expires_at":"2026-01-01T00:00:00Z"}}`, 400},
		"rename to taken":       {key, "PATCH", project + "/branches/" + next, `{"branch":{"name":"main"}}`, 409},
		"default that expires":  {key, "PATCH", project + "/branches/" + main, `{"branch":{"expires_at":"2026-11-25T00:00:00Z"}}`, 422},
		"delete root":           {key, "DELETE", project + "/branches/" + main, "", 422},
		"delete nothing":        {key, "DELETE", project + "/branches/br-none", "", 204},
		"recover what is there": {key, "POST", project + "/branches/" + next + "/recover", "", 422},
		"restore without":       {key, "POST", project + "/branches/" + next + "/restore", `{}`, 400},
		"restore from nowhere":  {key, "POST", project + "/branches/" + next + "/restore", `{"source_branch_id":"br-none"}`, 404},
		"restore self":          {key, "POST", project + "/branches/" + main + "/restore", `{"source_branch_id":"` + main + `"}`, 400},
		"restore self unkept":   {key, "POST", project + "/branches/" + main + "/restore", `{"source_branch_id":"` + main + `","source_timestamp":"2026-11-22T10:00:00Z"}`, 400},
		"restore with children": {key, "POST", project + "/branches/" + main + "/restore", `{"source_branch_id":"` + next + `"}`, 400},
		"child's past":          {key, "POST", project + "/branches/" + next + "/restore", `{"source_branch_id":"` + next + `","source_timestamp":"2026-11-22T10:00:00Z","preserve_under_name":"x"}`, 400},
		"keep under taken name": {key, "POST", project + "/branches/" + main + "/restore", `{"source_branch_id":"` + next + `","preserve_under_name":"next"}`, 409},
		"finalize nothing":      {key, "POST", project + "/branches/" + next + "/finalize_restore", "", 422},
		"no such database":      {key, "GET", project + "/branches/" + next + "/compare_schema?db_name=x", "", 404},
		"which database":        {key, "GET", project + "/branches/" + next + "/compare_schema", "", 400},
		"which role":            {key, "GET", project + "/connection_uri?database_name=neondb", "", 400},
		"snapshot of a child":   {key, "POST", project + "/branches/" + next + "/snapshot", "", 422},
		"unknown snapshot":      {key, "DELETE", project + "/snapshots/snap-none", "", 404},
		"unknown operation":     {key, "GET", project + "/operations/11111111-1111-4111-8111-111111111111", "", 404},
	} {
		before := len(f.exchange.Calls.List(wire.Filter{Changed: true}))
		a := f.as(tc.token, tc.method, tc.path, tc.body, "X-Request-ID", "req-"+tc.method)
		if a.status != tc.status {
			t.Errorf("%s: %d %s, want %d", name, a.status, a.text, tc.status)
		}
		if a.status >= 400 && (a.body["request_id"] != "req-"+tc.method || a.body["message"] == "" || a.body["code"] == nil) {
			t.Errorf("%s: the body is not Neon's: %s", name, a.text)
		}
		if a.header["X-Request-Id"][0] != "req-"+tc.method {
			t.Errorf("%s: request id %v", name, a.header["X-Request-Id"])
		}
		if len(f.exchange.Calls.List(wire.Filter{Changed: true})) != before {
			t.Errorf("%s: a refusal changed something", name)
		}
	}
}

func TestCreateAndItsOperations(t *testing.T) {
	f := setup(t)
	a := f.call(201, "POST", "/branches", `{"branch":{"name":"backup/1"},"endpoints":[{"type":"read_write"}],"annotation_value":{"audit":"7"}}`)
	b := a.body["branch"].(map[string]any)
	if b["current_state"] != "init" || b["pending_state"] != "ready" {
		t.Errorf("new branch: %v %v", b["current_state"], b["pending_state"])
	}
	uris := a.body["connection_uris"].([]any)
	if uri := uris[0].(map[string]any)["connection_uri"].(string); !strings.HasPrefix(uri, "postgresql://neondb_owner:npg_") {
		t.Errorf("uri %s", uri)
	}
	if a := f.as(key, "POST", project+"/branches", `{"branch":{"name":"backup/2"}}`); a.status != 423 || !strings.Contains(string(a.text), "conflicting operations") {
		t.Errorf("while work is under way: %d %s", a.status, a.text)
	}
	ops := a.body["operations"].([]any)
	if len(ops) != 2 {
		t.Fatalf("%d operations", len(ops))
	}
	first := "/operations/" + ops[0].(map[string]any)["id"].(string)
	var seen []string
	for range 40 {
		status := f.call(200, "GET", first, "").body["operation"].(map[string]any)["status"].(string)
		if len(seen) == 0 || seen[len(seen)-1] != status {
			seen = append(seen, status)
		}
		f.clock.advance(100 * time.Millisecond)
	}
	if diff := cmp.Diff([]string{"scheduling", "running", "finished"}, seen); diff != "" {
		t.Error(diff)
	}
	f.wait()
	if b := f.get(b["id"].(string)); b["current_state"] != "ready" || b["pending_state"] != nil {
		t.Errorf("when all is done: %v %v", b["current_state"], b["pending_state"])
	}
	if note := f.call(200, "GET", "/branches?search=backup", "").body["annotations"].(map[string]any); len(note) != 1 {
		t.Errorf("annotations: %v", note)
	}
	plain := f.make("")
	if !strings.HasPrefix(plain["name"].(string), "br-") || plain["parent_id"] != f.id("main") {
		t.Errorf("a branch of nothing: %v", plain)
	}
	if ends := f.call(200, "GET", "/branches/"+plain["id"].(string)+"/endpoints", "").body["endpoints"].([]any); len(ends) != 0 {
		t.Errorf("%d endpoints nobody asked for", len(ends))
	}
}

func TestSnapshotSchedules(t *testing.T) {
	f := setup(t)
	path := "/branches/" + f.id("main") + "/backup_schedule"
	if a := f.call(200, "GET", path, ""); len(a.body["schedule"].([]any)) != 0 {
		t.Errorf("%s", a.text)
	}
	f.call(200, "PUT", path, `{"schedule":[{"frequency":"daily","hour":3,"retention_seconds":604800}]}`)
	if a := f.call(200, "GET", path, ""); !strings.Contains(string(a.text), `{"frequency":"daily","hour":3,"retention_seconds":604800}`) {
		t.Errorf("%s", a.text)
	}
	for _, bad := range []string{`{}`, `{"schedule":[{}]}`, `{"schedule":[{"frequency":"sometimes"}]}`, `{"schedule":[{"frequency":"daily","hour":24}]}`, `{"schedule":[{"frequency":"daily","retention_seconds":60}]}`} {
		f.call(400, "PUT", path, bad)
	}
	f.call(404, "GET", "/branches/br-none/backup_schedule", "")
}

func TestDeleteAndRecover(t *testing.T) {
	f := setup(t)
	b := f.make(`{"branch":{"name":"short-lived"}}`)
	child := f.make(fmt.Sprintf(`{"branch":{"name":"child","parent_id":%q}}`, b["id"]))
	path := "/branches/" + b["id"].(string)
	f.call(422, "DELETE", path, "")
	f.call(200, "DELETE", "/branches/"+child["id"].(string)+"?hard_delete=true", "")
	f.call(423, "DELETE", path, "")
	f.wait()
	if gone := f.call(200, "DELETE", path, "").body["branch"].(map[string]any); gone["current_state"] != "ready" {
		t.Errorf("what is deleted is shown as %v", gone["current_state"])
	}
	f.call(204, "DELETE", path, "")
	f.call(404, "GET", path, "")
	deleted := f.call(200, "GET", "/branches?include_deleted=true&search=short", "").body["branches"].([]any)
	if len(deleted) != 1 || deleted[0].(map[string]any)["recovery"] == nil {
		t.Fatalf("%v", deleted)
	}
	f.wait()
	f.call(200, "POST", path+"/recover", "")
	f.call(200, "GET", path, "")
	f.wait()
	f.call(200, "DELETE", path, "")
	f.clock.advance(8 * 24 * time.Hour)
	f.call(404, "POST", path+"/recover", "")
}

func TestBranchesExpire(t *testing.T) {
	f := setup(t)
	b := f.make(`{"branch":{"name":"for-an-hour","expires_at":"2026-11-22T15:30:00Z"}}`)
	f.clock.advance(61 * time.Minute)
	f.call(404, "GET", "/branches/"+b["id"].(string), "")
	gone := f.call(200, "GET", "/branches?include_deleted=true&search=for-an-hour", "").body["branches"].([]any)[0].(map[string]any)
	if gone["recovery"].(map[string]any)["deletion_method"] != "ttl" {
		t.Errorf("%v", gone["recovery"])
	}
}

func (f *fixture) migrate(branch, name string) {
	f.world.Change(func(s *world.State) {
		row := world.AppliedMigration{Migration: world.Migration{Name: name, SQL: "CREATE TABLE \"" + name + "\" (id int);\n"}, At: s.Now()}
		s.SetApplied(branch, append(s.Applied(branch), row))
	})
}

func (f *fixture) applied(branch string) (n int) {
	f.world.View(func(s *world.State) { n = len(s.Applied(branch)) })
	return n
}

func TestRestoreFromABackupTakesMigrationsBack(t *testing.T) {
	f := setup(t)
	main := f.id("main")
	had := f.applied(world.ProductionBranch)
	backup := f.make(`{"branch":{"name":"backup"}}`)
	f.migrate(world.ProductionBranch, "20261122150000_bad")
	diff := f.call(200, "GET", "/branches/"+main+"/compare_schema?db_name=neondb&base_branch_id="+backup["id"].(string), "").body["diff"].(string)
	if !strings.Contains(diff, `+CREATE TABLE "20261122150000_bad"`) {
		t.Errorf("diff %q", diff)
	}
	a := f.call(200, "POST", "/branches/"+main+"/restore", fmt.Sprintf(`{"source_branch_id":%q,"preserve_under_name":"main_old"}`, backup["id"]))
	if a.body["branch"].(map[string]any)["current_state"] != "resetting" {
		t.Errorf("%v", a.body["branch"])
	}
	if got := f.applied(world.ProductionBranch); got != had {
		t.Errorf("%d migrations after the restore, %d before", got, had)
	}
	f.call(423, "POST", "/branches", "")
	f.wait()
	old := f.id("main_old")
	if parent := f.get(f.id("next"))["parent_id"]; parent != old {
		t.Errorf("next hangs on %v, not on what was kept (%s)", parent, old)
	}
	if b := f.get(main); b["parent_id"] != backup["id"] || b["default"] != true || b["last_reset_at"] == nil || b["current_state"] != "ready" {
		t.Errorf("main: %v", b)
	}
}

func TestRestoreToAPointInTime(t *testing.T) {
	f := setup(t)
	main := f.id("main")
	had := f.applied(world.ProductionBranch)
	at := f.clock.Now().Add(time.Minute).Format(time.RFC3339)
	f.clock.advance(5 * time.Minute)
	f.migrate(world.ProductionBranch, "20261122150000_bad")
	f.clock.advance(time.Minute)
	a := f.call(200, "POST", "/branches/"+main+"/restore", fmt.Sprintf(`{"source_branch_id":%q,"source_timestamp":%q,"preserve_under_name":"kept"}`, main, at))
	if got := f.applied(world.ProductionBranch); got != had {
		t.Errorf("%d migrations, want %d", got, had)
	}
	f.wait()
	if parent := a.body["branch"].(map[string]any)["parent_id"]; parent != f.id("kept") {
		t.Errorf("parent %v", parent)
	}
}

func TestSnapshots(t *testing.T) {
	f := setup(t)
	main := f.id("main")
	had := f.applied(world.ProductionBranch)
	sn := f.call(200, "POST", "/branches/"+main+"/snapshot?name=before", "").body["snapshot"].(map[string]any)
	f.wait()
	for range 9 {
		f.call(200, "POST", "/branches/"+main+"/snapshot", "")
		f.wait()
	}
	f.call(422, "POST", "/branches/"+main+"/snapshot", "")
	if list := f.call(200, "GET", "/snapshots", "").body["snapshots"].([]any); len(list) != 10 {
		t.Errorf("%d snapshots", len(list))
	}
	path := "/snapshots/" + sn["id"].(string)
	f.call(200, "PATCH", path, `{"snapshot":{"name":"renamed"}}`)
	f.migrate(world.ProductionBranch, "20261122150000_bad")
	b := f.call(200, "POST", path+"/restore", `{"name":"tried"}`).body["branch"].(map[string]any)
	if b["restore_status"] != "restored" || b["restored_as"] != main {
		t.Errorf("%v", b)
	}
	if got := f.applied(world.ProductionBranch); got != had+1 {
		t.Errorf("a preview of a restore changed production: %d", got)
	}
	f.wait()
	f.call(200, "POST", "/branches/"+b["id"].(string)+"/finalize_restore", `{"name":"main_before"}`)
	f.wait()
	if now := f.get(f.id("main")); now["id"] != b["id"] || now["default"] != true || now["restore_status"] != "finalized" {
		t.Errorf("main: %v", now)
	}
	if got := f.applied(world.ProductionBranch); got != had {
		t.Errorf("%d migrations after the restore, want %d", got, had)
	}
	if kept := f.get(f.id("main_before")); kept["id"] != main || kept["default"] != false {
		t.Errorf("kept: %v", kept)
	}
	f.call(202, "DELETE", path, "")
}

func TestLimits(t *testing.T) {
	f := setup(t)
	for range 40 {
		f.call(200, "GET", "/branches/count", "")
	}
	if a := f.as(key, "GET", project+"/branches/count", ""); a.status != 429 {
		t.Errorf("41st call of a second: %d", a.status)
	}
	if a := f.as(key, "GET", project+"/snapshots", ""); a.status != 200 {
		t.Errorf("another route: %d", a.status)
	}
	f.clock.advance(time.Second)
	f.call(200, "GET", "/branches/count", "")
	calls := 43
	for ; calls < 700; calls++ {
		if calls%30 == 0 {
			f.clock.advance(time.Second)
		}
		f.call(200, "GET", "/branches/count", "")
	}
	if a := f.as(key, "GET", project+"/snapshots", ""); a.status != 429 {
		t.Errorf("701st call of a minute: %d", a.status)
	}
	f.clock.advance(time.Minute)
	f.call(200, "GET", "/snapshots", "")
}

func TestAnswersAreAsDocumented(t *testing.T) {
	spec, ok := spectest.Load(t, "neon.json")
	if !ok {
		return
	}
	f := setup(t)
	f.spec = spec
	main, next := f.id("main"), f.id("next")
	f.call(200, "GET", "", "")
	f.call(404, "GET", "/branches/br-none", "")
	b := f.make(`{"branch":{"name":"x"},"endpoints":[{"type":"read_write"}]}`)
	path := "/branches/" + b["id"].(string)
	f.call(200, "GET", path+"/endpoints", "")
	f.call(200, "GET", path+"/databases", "")
	f.call(200, "GET", path+"/compare_schema?db_name=neondb", "")
	f.call(200, "PATCH", path, `{"branch":{"name":"y","expires_at":"2026-11-30T00:00:00Z"}}`)
	f.call(200, "GET", "/operations", "")
	f.call(200, "GET", "/operations?limit=1", "")
	f.call(200, "GET", "/connection_uri?database_name=neondb&role_name=neondb_owner&pooled=true", "")
	f.call(200, "POST", "/branches/"+next+"/restore", fmt.Sprintf(`{"source_branch_id":%q}`, main))
	f.wait()
	sn := f.call(200, "POST", "/branches/"+main+"/snapshot?name=s", "").body["snapshot"].(map[string]any)["id"].(string)
	f.wait()
	f.call(200, "GET", "/snapshots", "")
	f.call(200, "PATCH", "/snapshots/"+sn, `{"snapshot":{"name":"t"}}`)
	f.call(200, "POST", "/snapshots/"+sn+"/restore", `{"name":"r"}`)
	f.wait()
	f.call(202, "DELETE", "/snapshots/"+sn, "")
	f.wait()
	f.call(200, "DELETE", path, "")
	f.call(200, "GET", "/branches?include_deleted=true", "")
}
