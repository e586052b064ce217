package ping_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/ping"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// server is the ping face on real rooms.
type server struct {
	*door.Door
	book *cron.Book
	db   *store.DB
	key  string // a ping token
	job  cron.Job
	stop func() // ends what runs
}

func open(t testing.TB) *server {
	t.Helper()
	return openDir(t, t.TempDir())
}

// openDir is the server on the database of a folder.
func openDir(t testing.TB, dir string) *server {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	db := storetest.OpenDir(t, dir)
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 40)))
	if err != nil {
		t.Fatal(err)
	}
	control, err := access.New(t.Context(), access.Config{Store: db, Keys: keys, Clock: clock.Real(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	operator := access.OperatorActor("test")
	people, err := control.Bootstrap(t.Context(), operator, false)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := control.IssueToken(t.Context(), operator, access.TokenRequest{Owner: people.AdminID, Scope: access.Ping, Name: "jobs"})
	if err != nil {
		t.Fatal(err)
	}
	memory := cache.NewMemory()
	book, err := cron.New(t.Context(), cron.Options{
		Projects: []cron.Project{{Catalog: catalog.Project{Name: "shop", Environments: []catalog.Environment{
			{Name: "next", Kind: catalog.Staging}, {Name: "prod", Kind: catalog.Production},
		}}}},
		Store: db, Gate: control.Gate, Keeper: cache.NewKeeper(memory, clock.Real(), log), Clock: clock.Real(), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := book.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	s := &server{Door: door.New(door.Options{Control: control, Log: log}), book: book, db: db, key: key.Reveal()}
	s.stop = sync.OnceFunc(func() { cancel(); running.Wait(); memory.Close() })
	t.Cleanup(s.stop)
	ping.Mount(ping.Options{Door: s.Door, Control: control, Crons: book, Clock: clock.Real()})
	if err := book.Plan(t.Context(), "shop", "prod", cron.FromConfig, []cron.Planned{
		{Path: "/api/cron/pulse", Timetable: cron.Timetable{Schedule: "*/15 * * * *"}},
		{Path: "/a/same"},
		{Path: "/b/same"},
	}); err != nil {
		t.Fatal(err)
	}
	s.job = s.find(t, "/api/cron/pulse")
	return s
}

func (s *server) find(t testing.TB, path string) cron.Job {
	t.Helper()
	jobs, err := s.db.CronJobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if j.Path == path {
			return j
		}
	}
	t.Fatalf("there is no job %s among %d", path, len(jobs))
	return cron.Job{}
}

func (s *server) ask(method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:4280"+target, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func (s *server) runs(t testing.TB, job cron.Job) []cron.Run {
	t.Helper()
	runs, err := s.db.CronRuns(t.Context(), job.ID, time.Unix(0, 0), time.Now().Add(time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// What Healthchecks.io answers, from its source: status and body to the byte.
func TestHealthchecksPings(t *testing.T) {
	const rid = "1f8f5b5e-2c5c-4d7b-9a55-0d7f1f2b6a11"
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		answer                   string
		state                    cron.State
		exit                     int
	}{
		{"success", "GET", "/ping/UUID", "", 200, "OK", cron.Succeeded, -1},
		{"success by POST with a body", "POST", "/ping/UUID", "done", 200, "OK", cron.Succeeded, -1},
		{"start", "GET", "/ping/UUID/start", "", 200, "OK", cron.Running, -1},
		{"start with an id", "GET", "/ping/UUID/start?rid=" + rid, "", 200, "OK", cron.Running, -1},
		{"id in capitals", "GET", "/ping/UUID?rid=" + strings.ToUpper(rid), "", 200, "OK", cron.Succeeded, -1},
		{"fail", "GET", "/ping/UUID/fail", "", 200, "OK", cron.Failed, -1},
		{"log", "POST", "/ping/UUID/log", "hello", 200, "OK", cron.Noted, -1},
		{"exit 0", "GET", "/ping/UUID/0", "", 200, "OK", cron.Succeeded, 0},
		{"exit 3", "GET", "/ping/UUID/3", "", 200, "OK", cron.Failed, 3},
		{"exit 255", "GET", "/ping/UUID/255", "", 200, "OK", cron.Failed, 255},
		{"exit 256", "GET", "/ping/UUID/256", "", 400, "invalid url format", -1, 0},
		{"bad id", "GET", "/ping/UUID?rid=nope", "", 400, "invalid uuid format", -1, 0},
		{"id without dashes", "GET", "/ping/UUID?rid=" + strings.ReplaceAll(rid, "-", ""), "", 400, "invalid uuid format", -1, 0},
		{"no such action", "GET", "/ping/UUID/stop", "", 404, "not found", -1, 0},
		{"no such job", "GET", "/ping/" + rid, "", 404, "not found", -1, 0},
		{"trailing slash", "GET", "/ping/UUID/", "", 404, "not found", -1, 0},
		{"slug", "GET", "/ping/KEY/pulse", "", 200, "OK", cron.Succeeded, -1},
		{"whole slug", "GET", "/ping/KEY/api-cron-pulse", "", 200, "OK", cron.Succeeded, -1},
		{"slug fails", "POST", "/ping/KEY/pulse/fail", "boom", 200, "OK", cron.Failed, -1},
		{"slug exits", "GET", "/ping/KEY/pulse/7", "", 200, "OK", cron.Failed, 7},
		{"slug in capitals", "GET", "/ping/KEY/Pulse", "", 400, "invalid url format", -1, 0},
		{"no such slug", "GET", "/ping/KEY/nothing", "", 404, "not found", -1, 0},
		{"no such key", "GET", "/ping/edk_ping_" + strings.Repeat("a", 36) + "/pulse", "", 404, "not found", -1, 0},
		{"ambiguous slug", "GET", "/ping/KEY/same", "", 409, "ambiguous slug", -1, 0},
		{"another environment", "GET", "/ping/KEY/pulse?env=next", "", 404, "not found", -1, 0},
		{"environment by its kind", "GET", "/ping/KEY/pulse?env=production", "", 200, "OK", cron.Succeeded, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			w := s.ask(c.method, strings.NewReplacer("UUID", s.job.Ping, "KEY", s.key).Replace(c.path), c.body)
			if w.Code != c.status || w.Body.String() != c.answer {
				t.Errorf("answered %d %q, want %d %q", w.Code, w.Body, c.status, c.answer)
			}
			h := w.Header()
			if h.Get("Ping-Body-Limit") != "100000" || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Cache-Control"), "no-store") {
				t.Errorf("headers: %v", h)
			}
			runs := s.runs(t, s.job)
			if c.state < 0 {
				if len(runs) != 0 {
					t.Errorf("a refused ping left %+v", runs)
				}
				return
			}
			if len(runs) != 1 || runs[0].State != c.state || runs[0].ExitCode != c.exit || runs[0].Output != len(c.body) {
				t.Errorf("runs: %+v", runs)
			}
		})
	}
}

func TestHeadAndCreate(t *testing.T) {
	s := open(t)
	if w := s.ask("HEAD", "/ping/"+s.job.Ping, ""); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
	made := "/ping/" + s.key + "/nightly-backup?create=1&schedule=0+3+*+*+*&tz=Europe/Budapest&grace=600&max=2h"
	if w := s.ask("GET", made, ""); w.Code != 201 || w.Body.String() != "Created" {
		t.Errorf("create: %d %s", w.Code, w.Body)
	}
	if w := s.ask("GET", made, ""); w.Code != 200 || w.Body.String() != "OK" {
		t.Errorf("again: %d %s", w.Code, w.Body)
	}
	j := s.find(t, "nightly-backup")
	if j.Schedule != "0 3 * * *" || j.Zone != "Europe/Budapest" || j.Grace != 10*time.Minute || j.MaxRun != 2*time.Hour || j.Environment != "prod" {
		t.Errorf("made: %+v", j)
	}
	if w := s.ask("GET", "/ping/"+s.key+"/plain?create=1", ""); w.Code != 201 {
		t.Errorf("create without a schedule: %d %s", w.Code, w.Body)
	}
	if j := s.find(t, "plain"); j.Period != 24*time.Hour || j.Grace != time.Hour {
		t.Errorf("made without a schedule: %+v", j)
	}
	if w := s.ask("GET", "/ping/"+s.key+"/bad?create=1&schedule=99+*+*+*+*", ""); w.Code != 400 {
		t.Errorf("a schedule that is none: %d %s", w.Code, w.Body)
	}
	if w := s.ask("GET", "/ping/"+s.key+"/fired?create=1", "", "X-Vercel-Cron-Schedule", "*/5 * * * *"); w.Code != 201 {
		t.Errorf("the platform's header: %d %s", w.Code, w.Body)
	}
	if j := s.find(t, "fired"); j.Schedule != "*/5 * * * *" {
		t.Errorf("made by the platform's header: %+v", j)
	}
}

func TestOverlappingRunsByTheirIds(t *testing.T) {
	s := open(t)
	const a, b = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	base := "/ping/" + s.job.Ping
	for _, target := range []string{base + "/start?rid=" + a, base + "/start?rid=" + b, base + "?rid=" + a} {
		if w := s.ask("GET", target, ""); w.Code != 200 {
			t.Fatalf("%s: %d", target, w.Code)
		}
	}
	states := map[string]cron.State{}
	for _, r := range s.runs(t, s.job) {
		states[r.ID] = r.State
	}
	if states[a] != cron.Succeeded || states[b] != cron.Running || len(states) != 2 {
		t.Errorf("a success of one run ended another: %v", states)
	}
	s.ask("GET", base+"/fail", "") // without an id: ends what runs
	for _, r := range s.runs(t, s.job) {
		states[r.ID] = r.State
	}
	if states[b] != cron.Failed || len(states) != 2 {
		t.Errorf("a failure without an id left it running: %v", states)
	}
}

func TestLongBodiesKeepTheirEnd(t *testing.T) {
	s := open(t)
	body := strings.Repeat("x", 300_000) + "the end"
	if w := s.ask("POST", "/ping/"+s.job.Ping, body); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	run := s.runs(t, s.job)[0]
	kept, err := s.db.CronOutput(t.Context(), s.job.ID, run.At, run.Seq)
	if err != nil || len(kept) != cron.OutputLimit || !strings.HasSuffix(string(kept), "the end") {
		t.Errorf("kept %d bytes, %v", len(kept), err)
	}
}

func TestCronitor(t *testing.T) {
	s := open(t)
	for _, q := range []string{
		"state=run&series=42&host=web1&env=production",
		"state=complete&series=42&metric=duration:2.5&metric=count:7&message=done",
	} {
		if w := s.ask("GET", "/ping/"+s.key+"/Nightly-Report?"+q, ""); w.Code != 200 || w.Body.String() != "OK" {
			t.Fatalf("%s: %d %s", q, w.Code, w.Body)
		}
	}
	runs := s.runs(t, s.find(t, "Nightly-Report"))
	if len(runs) != 1 || runs[0].State != cron.Succeeded || runs[0].Duration != 2500*time.Millisecond || runs[0].ID != "42" || runs[0].Output != 4 {
		t.Errorf("runs: %+v", runs)
	}
	if w := s.ask("GET", "/ping/"+s.key+"/x?state=nonsense", ""); w.Code != 400 {
		t.Errorf("a state that is none: %d", w.Code)
	}
}

func TestUptimeKuma(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		token, query string
		status       int
		body         string
	}{
		{s.job.Ping, "?status=up&msg=OK&ping=120", 200, `{"ok":true}`},
		{strings.ReplaceAll(s.job.Ping, "-", ""), "", 200, `{"ok":true}`},
		{s.job.Ping, "?status=down&msg=broken&ping=", 200, `{"ok":true}`},
		{"nonsense", "", 404, `{"ok":false,"msg":"Monitor not found or not active."}`},
		{s.key, "", 404, `{"ok":false,"msg":"Monitor not found or not active."}`},
	} {
		w := s.ask("GET", "/api/push/"+c.token+c.query, "")
		if w.Code != c.status || w.Body.String() != c.body || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			t.Errorf("%s: %d %s", c.query, w.Code, w.Body)
		}
	}
	runs := s.runs(t, s.job)
	if len(runs) != 3 || runs[0].State != cron.Failed || runs[0].Error != "broken" || runs[2].Duration != 120*time.Millisecond {
		t.Errorf("runs: %+v", runs)
	}
}

func TestSentryCheckIns(t *testing.T) {
	s := open(t)
	const id = "0123456789abcdef0123456789abcdef"
	body := `{"status":"in_progress","check_in_id":"` + id + `","monitor_config":{"schedule":{"type":"crontab","value":"0 * * * *"},"checkin_margin":5,"max_runtime":30,"timezone":"Europe/Vienna"}}`
	if w := s.ask("POST", "/api/42/cron/My_Job/"+s.key+"/", body, "Content-Type", "application/json"); w.Code != 202 || w.Body.Len() != 0 {
		t.Fatalf("upsert: %d %q", w.Code, w.Body)
	}
	if w := s.ask("GET", "/api/42/cron/my_job/"+s.key+"?status=ok&duration=1.5&check_in_id="+id, ""); w.Code != 202 || w.Body.Len() != 0 {
		t.Fatalf("ok: %d %q", w.Code, w.Body)
	}
	j := s.find(t, "my_job")
	runs := s.runs(t, j)
	if j.Schedule != "0 * * * *" || j.Zone != "Europe/Vienna" || j.Grace != 5*time.Minute || j.MaxRun != 30*time.Minute {
		t.Errorf("job: %+v", j)
	}
	if len(runs) != 1 || runs[0].State != cron.Succeeded || runs[0].Duration != 1500*time.Millisecond {
		t.Errorf("runs: %+v", runs)
	}
	for target, want := range map[string]int{
		"/api/42/cron/my_job/" + s.key:                     400, // no status
		"/api/42/cron/nothing/" + s.key + "?status=ok":     404,
		"/api/42/cron/my_job/nonsense?status=ok":           404,
		"/api/42/cron/my_job/" + s.job.Ping + "?status=ok": 202, // a job's own address will do
	} {
		if w := s.ask("GET", target, ""); w.Code != want {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
	}
}

// T22: one credential that floods is told to wait, and nobody else notices:
// neither from a job's own address, nor from a token, on one job or on many.
func TestT22AFloodTakesNothingFromOthers(t *testing.T) {
	for _, c := range []struct {
		name  string
		flood func(s *server, i int) string
		most  int // that is taken, when it goes on for a second
	}{
		{"address", func(s *server, _ int) string { return "/ping/" + s.job.Ping }, 100},
		{"token", func(s *server, _ int) string { return "/ping/" + s.key + "/pulse" }, 100},
		{"token on many jobs", func(s *server, i int) string { return fmt.Sprintf("/ping/%s/flood-%d?env=next", s.key, i%40) }, 1000},
	} {
		t.Run(c.name, func(t *testing.T) { floodWith(t, c.flood, c.most) })
	}
}

func floodWith(t *testing.T, target func(s *server, i int) string, most int) {
	t.Helper()
	s := open(t)
	var others []cron.Planned
	for name := range strings.FieldsSeq("a b c d e f g h") {
		others = append(others, cron.Planned{Path: "/job/" + name})
	}
	for i := range 40 {
		others = append(others, cron.Planned{Path: fmt.Sprintf("/flood/%d", i)})
	}
	if err := s.book.Plan(t.Context(), "shop", "next", cron.FromConfig, others); err != nil {
		t.Fatal(err)
	}
	var flood sync.WaitGroup
	var refused, taken int
	flood.Go(func() {
		for i := range 3000 {
			w := s.ask("GET", target(s, i), "")
			switch w.Code {
			case 200:
				taken++
			case 429:
				refused++
				if w.Header().Get("Retry-After") == "" {
					t.Error("429 without Retry-After")
				}
			default:
				t.Errorf("flood: %d", w.Code)
			}
		}
	})
	for _, o := range others[:8] {
		for range 3 {
			if w := s.ask("GET", "/ping/"+s.find(t, o.Path).Ping, ""); w.Code != 200 {
				t.Errorf("%s: %d", o.Path, w.Code)
			}
		}
	}
	flood.Wait()
	if taken < 10 || taken > most || refused < 2000 {
		t.Errorf("of the flood %d were taken and %d refused", taken, refused)
	}
	runs := 0
	for _, o := range append(others[8:], cron.Planned{Path: s.job.Path}) {
		runs += len(s.runs(t, s.find(t, o.Path)))
	}
	if runs != taken {
		t.Errorf("%d were taken, and %d runs are there", taken, runs)
	}
}

// T24: guessing is slowed down by address, and a made-up token never reaches
// the database.
func TestT24Guessing(t *testing.T) {
	s := open(t)
	codes := map[int]int{}
	for range 200 {
		codes[s.ask("GET", "/ping/"+strings.Repeat("0", 8)+"-0000-4000-8000-000000000000", "").Code]++
	}
	if codes[404] < 50 || codes[429] < 100 {
		t.Errorf("answers to 200 guesses: %v", codes)
	}
	// Whoever has a working address is not punished for the guesser beside them.
	if w := s.ask("GET", "/ping/"+s.job.Ping, ""); w.Code != 200 {
		t.Errorf("a working address: %d", w.Code)
	}
}
