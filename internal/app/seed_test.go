//go:build seed

package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/config"
)

// The wrapper that an app was given for its cron routes, as it stands in the
// text that ENVDECK_SEED names, runs in Node with Upstash's own client, writes
// to a real Redis, and is on the page of cron jobs: nothing of it is changed.
func TestTheSeedsOwnWrapperIsOnThePage(t *testing.T) {
	tools := os.Getenv("ENVDECK_SEED_TOOLS")
	if os.Getenv("ENVDECK_SEED") == "" || tools == "" {
		t.Fatal("run make seed ENVDECK_SEED=/path/of/the/text: it installs the tools and says where they are")
	}
	address := startRedis(t)
	client := &redis.Pool{DialContext: func(ctx context.Context) (redis.Conn, error) { return redis.DialContext(ctx, "tcp", address) }}
	t.Cleanup(func() { _ = client.Close() })
	upstash := httptest.NewServer(upstash{client, "the-token"})
	defer upstash.Close()
	runApp(t, tools, wrapper(t), "UPSTASH_REDIS_REST_URL="+upstash.URL, "UPSTASH_REDIS_REST_TOKEN=the-token")

	cfg, err := config.Load("test", []byte("listen: 127.0.0.1:0\ndata: "+t.TempDir()+"\nredis_url: redis://"+address+"\nprojects:\n  - name: shop\n    environments:\n      prod: {kind: production, url: http://127.0.0.1:9}\n"), func(string) string { return "" }, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), Options{Config: cfg, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	people, err := a.Control.Bootstrap(t.Context(), access.OperatorActor("test"), false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	defer running.Wait()
	defer cancel()
	get := func(path string) string {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, a.URL()+path, nil)
		r.Header.Set("Authorization", "Bearer "+people.Admin.Reveal())
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	const api, page = "/api/admin/environments/crons", "/admin/environments/crons"
	var said struct {
		Crons []struct {
			Path    string
			LastRun *struct {
				Status, ErrorMessage string
				StatusCode           int
				DurationMs           *int64
			}
			Stats struct{ SuccessCount7d, FailureCount7d int }
		}
	}
	for runs, deadline := 0, time.Now().Add(20*time.Second); runs < 4; {
		if time.Now().After(deadline) || clock.Real().Sleep(ctx, 100*time.Millisecond) != nil {
			t.Fatalf("the runs are not there: %s", get(api))
		}
		if err := json.Unmarshal([]byte(get(api)), &said); err != nil {
			t.Fatal(err)
		}
		runs = 0
		for _, c := range said.Crons {
			runs += c.Stats.SuccessCount7d + c.Stats.FailureCount7d
		}
	}
	want := map[string][3]any{ // status, code, runs
		"/api/cron/good": {"success", 200, 2}, "/api/cron/refused": {"failure", 500, 1}, "/api/cron/thrown": {"failure", 500, 1},
	}
	for _, c := range said.Crons {
		w, ok := want[c.Path]
		if !ok {
			t.Errorf("a job that nobody runs: %s", c.Path)
			continue
		}
		delete(want, c.Path)
		if c.LastRun.Status != w[0] || c.LastRun.StatusCode != w[1] || c.Stats.SuccessCount7d+c.Stats.FailureCount7d != w[2] || c.LastRun.DurationMs == nil || *c.LastRun.DurationMs < 20 {
			t.Errorf("%s: %+v", c.Path, c)
		}
		if c.Path == "/api/cron/thrown" && c.LastRun.ErrorMessage != "no connection to <the> database" {
			t.Errorf("its error: %q", c.LastRun.ErrorMessage)
		}
	}
	if len(want) != 0 {
		t.Errorf("not there: %v", want)
	}
	shown := get(page)
	for _, text := range []string{"/api/cron/good", "/api/cron/refused", "/api/cron/thrown"} {
		if !strings.Contains(shown, text) {
			t.Errorf("the page does not show %s", text)
		}
	}
}

// wrapper takes the module out of the text: the one block of code that has it.
func wrapper(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(os.Getenv("ENVDECK_SEED"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, block := range regexp.MustCompile("(?ms)^```typescript\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(block[1], "export async function instrumentCron") {
			found = append(found, block[1])
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d blocks of %s have the wrapper", len(found), os.Getenv("ENVDECK_SEED"))
	}
	return found[0]
}

// runApp builds an app around the wrapper and runs its cron routes: a good one
// twice, one that answers an error, and one that throws.
func runApp(t *testing.T, tools, wrapper string, env ...string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tsconfig.json":              `{"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["src/*"]}}}`,
		"src/lib/cron/instrument.ts": wrapper,
		"src/lib/upstash/client.ts":  "import { Redis } from \"@upstash/redis\";\nexport const redis = Redis.fromEnv();\n",
		"src/main.ts": `import { instrumentCron } from "@/lib/cron/instrument";
const work = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
for (let i = 0; i < 2; i++) {
  const answer = await instrumentCron("/api/cron/good", async () => { await work(30); return Response.json({ ok: true }); });
  if (answer.status !== 200) throw new Error("the answer was changed");
}
const refused = await instrumentCron("/api/cron/refused", async () => { await work(30); return new Response("no", { status: 500 }); });
if (refused.status !== 500) throw new Error("the answer was changed");
let thrown = "";
try {
  await instrumentCron("/api/cron/thrown", async () => { await work(30); throw new Error("no connection to <the> database"); });
} catch (error) { thrown = String(error); }
if (!thrown.includes("no connection")) throw new Error("the error was swallowed");
`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(tools, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, args := range [][]string{
		{filepath.Join(tools, "node_modules", ".bin", "esbuild"), "src/main.ts", "--bundle", "--platform=node", "--format=esm", "--outfile=main.mjs", "--log-level=warning"},
		{"node", "main.mjs"}, // ends when what it did not wait for is through
	} {
		cmd := osexec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), append(env, "UPSTASH_DISABLE_TELEMETRY=1")...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
}

// startRedis is a real Redis of the test's own.
func startRedis(t *testing.T) (address string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = free.Addr().String()
	_ = free.Close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	server := osexec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	for range 500 {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return address
		}
		if clock.Real().Sleep(t.Context(), 20*time.Millisecond) != nil {
			break
		}
	}
	t.Fatal("redis-server did not start")
	return ""
}

// upstash is the address that Upstash gives a Redis: commands as JSON over
// HTTP (https://upstash.com/docs/redis/features/restapi). One command at /,
// several at /pipeline.
type upstash struct {
	redis *redis.Pool
	token string
}

func (u upstash) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.Header.Get("Authorization") != "Bearer "+u.token {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":"WRONGPASS invalid or missing auth token"}`)
		return
	}
	body, err := io.ReadAll(r.Body)
	if r.Method != http.MethodPost || err != nil {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	encode := r.Header.Get("Upstash-Encoding") == "base64"
	var answer any
	switch r.URL.Path {
	case "/":
		var command []any
		if !parse(body, &command) || len(command) == 0 {
			break
		}
		one := u.do(r.Context(), command, encode)
		if one["error"] != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		answer = one
	case "/pipeline":
		var commands [][]any
		if !parse(body, &commands) {
			break
		}
		all := []map[string]any{}
		for _, c := range commands {
			all = append(all, u.do(r.Context(), c, encode))
		}
		answer = all
	}
	if answer == nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"error": "ERR failed to parse command"}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (u upstash) do(ctx context.Context, command []any, encode bool) map[string]any {
	conn, err := u.redis.GetContext(ctx)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	defer func() { _ = conn.Close() }()
	for i, arg := range command {
		command[i] = fmt.Sprint(arg)
	}
	result, err := redis.DoContext(conn, ctx, fmt.Sprint(command[0]), command[1:]...)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{"result": encoded(result, encode)}
}

// encoded is a result as the client asked for it: strings in base64, all but OK.
func encoded(result any, encode bool) any {
	switch r := result.(type) {
	case []byte:
		if encode {
			return base64.StdEncoding.EncodeToString(r)
		}
		return string(r)
	case string: // PONG and the like
		if encode && r != "OK" {
			return base64.StdEncoding.EncodeToString([]byte(r))
		}
	case []any:
		for i := range r {
			r[i] = encoded(r[i], encode)
		}
	}
	return result
}

func parse(body []byte, into any) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // a number is sent on as it was written
	return d.Decode(into) == nil
}
