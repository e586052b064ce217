package app_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/app"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/cli"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/all"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/usage"
)

var vendors = []string{"vercel", "github", "cloudflare", "sentry", "neon"}

// needle is one form of a secret.
type needle struct {
	secret, form string
	text         []byte
}

// hunt is a list of secrets and how often what was searched held none.
type hunt struct {
	mu       sync.Mutex
	needles  []needle
	searched map[string]int
	bytes    int
	found    []string
}

// hide adds a secret: in plain, in both base64 alphabets at each of the three
// alignments that surrounding text can give it, in hex, and URL-encoded.
func (h *hunt) hide(name, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(value) < 16 {
		panic("a secret that is short is found everywhere: " + name)
	}
	add := func(form, text string) { h.needles = append(h.needles, needle{name, form, []byte(text)}) }
	add("plain", value)
	add("hex", hex.EncodeToString([]byte(value)))
	add("HEX", strings.ToUpper(hex.EncodeToString([]byte(value))))
	for form, text := range map[string]string{"query": url.QueryEscape(value), "path": url.PathEscape(value), "JSON": strings.Trim(dump(value), `"`)} {
		if text != value {
			add(form, text)
		}
	}
	for shift := range 3 {
		padded := append(make([]byte, shift), value...)
		from, to := (shift*8+5)/6, len(padded)*8/6 // the characters that the secret alone decides
		add(fmt.Sprint("base64+", shift), base64.RawStdEncoding.EncodeToString(padded)[from:to])
		if u := base64.RawURLEncoding.EncodeToString(padded)[from:to]; strings.ContainsAny(u, "-_") {
			add(fmt.Sprint("base64url+", shift), u)
		}
	}
}

// search looks for every secret in every form but those named in except.
func (h *hunt) search(kind, where string, text []byte, except ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.searched == nil {
		h.searched = map[string]int{}
	}
	h.searched[kind]++
	h.bytes += len(text)
	for _, n := range h.needles {
		if !slices.Contains(except, n.secret) && bytes.Contains(text, n.text) {
			h.found = append(h.found, fmt.Sprintf("%s %s holds the %s (%s)", kind, where, n.secret, n.form))
		}
	}
}

// answer searches a response, and answers its body.
func (h *hunt) answer(t *testing.T, c *http.Client, r *http.Request, except ...string) (*http.Response, []byte) {
	t.Helper()
	answer, body := do(t, c, r)
	where := r.Method + " " + r.URL.Path + " " + answer.Status
	h.search("body", where, body, except...)
	var head bytes.Buffer
	if err := answer.Header.Write(&head); err != nil {
		t.Fatal(err)
	}
	if err := answer.Trailer.Write(&head); err != nil {
		t.Fatal(err)
	}
	h.search("header", where, head.Bytes(), except...)
	return answer, body
}

// random is a secret with characters that URLs and JSON write otherwise.
func random(t *testing.T) string {
	t.Helper()
	raw := make([]byte, 24)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	return "canary/+" + base64.RawURLEncoding.EncodeToString(raw) + "~="
}

// TestTheHuntFindsWhatIsThere: a search that finds nothing proves something
// only when it would have found it.
func TestTheHuntFindsWhatIsThere(t *testing.T) {
	secret := random(t)
	for form, text := range map[string]string{
		"plain": "x" + secret + "y", "hex": hex.EncodeToString([]byte("ab" + secret)), "query": url.QueryEscape(secret), "JSON": dump("\n" + secret),
		"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "base64 behind one": base64.StdEncoding.EncodeToString([]byte("u" + secret + "pw")),
		"base64 behind two": base64.URLEncoding.EncodeToString([]byte(":u" + secret)), "basic": base64.StdEncoding.EncodeToString([]byte("user:" + secret)),
	} {
		var h hunt
		h.hide("secret", secret)
		h.search("text", form, []byte(text))
		if len(h.found) == 0 {
			t.Errorf("%s is not found in %s", secret, text)
		}
		h.found = nil
		h.search("text", form, []byte(text), "secret")
		h.search("text", form, []byte(strings.Repeat("canary", 9)))
		if len(h.found) != 0 {
			t.Errorf("found what is not there: %v", h.found)
		}
	}
}

// usual are the faults of an ordinary run: those that could carry a secret out.
// "make canary" takes every fault there is.
var usual = []string{"none", "unauthorized", "error_500", "malformed", "html", "echo_token", "echo_token_200", "redirect_302"}

// T1, T3: no secret is in anything that leaves the process, whatever the
// providers do: each breaks in every way that the simulator knows, the whole
// server is used meanwhile, and everything that comes out is searched.
func TestT1T3NoSecretLeavesByAnyWay(t *testing.T) {
	faults := map[string]string{"none": ""}
	for preset := range wire.Presets() {
		faults[preset] = fmt.Sprintf(`"preset":%q`, preset)
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		faults[fmt.Sprint("redirect_", status)] = fmt.Sprintf(`"kind":"redirect","status":%d,"location":"TRAP"`, status)
	}
	for _, status := range []int{200, 400, 422, 500} {
		faults[fmt.Sprint("echo_token_", status)] = fmt.Sprintf(`"kind":"echo_token","status":%d`, status)
	}
	if os.Getenv("ENVDECK_CANARY") != "all" {
		maps.DeleteFunc(faults, func(name, _ string) bool { return !slices.Contains(usual, name) })
	}
	var total struct {
		sync.Mutex
		searched     map[string]int
		bytes, calls int
	}
	total.searched = map[string]int{}
	t.Cleanup(func() {
		t.Logf("%d faults x 5 providers: searched %v, %d MB; %d calls to the providers were spoiled", len(faults), total.searched, total.bytes>>20, total.calls)
	})
	for name, rule := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCanary(t, rule)
			c.run(t)
			total.Lock()
			defer total.Unlock()
			for kind, n := range c.searched {
				total.searched[kind] += n
			}
			total.bytes += c.bytes
			total.calls += c.spoiled
			for _, f := range c.found {
				t.Error(f)
			}
		})
	}
}

// canary is a server full of secrets that are looked for.
type canary struct {
	*deck
	hunt
	tokens  map[string]string
	rule    string
	trap    *trap
	spoiled int
}

func newCanary(t *testing.T, rule string) *canary {
	t.Helper()
	c := &canary{tokens: map[string]string{}, trap: setTrap(t)}
	c.rule = strings.ReplaceAll(rule, "TRAP", "http://"+c.trap.address+"/elsewhere")
	for _, vendor := range vendors {
		c.tokens[vendor] = random(t)
		c.hide(vendor+" token", c.tokens[vendor])
	}
	c.deck = start(t, func(o *app.DemoOptions) { o.ProviderTokens, o.MetricsListen = c.tokens, "127.0.0.1:0" })
	for who, token := range c.Tokens.Map() {
		c.hide(who+"'s token", token)
	}
	key, err := os.ReadFile(filepath.Join(c.data, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	c.hide("master key", strings.TrimSpace(string(key)))
	return c
}

// trap is a listener that nobody may ever connect to.
type trap struct {
	address string
	hits    atomic.Int64
}

func setTrap(t *testing.T) *trap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	tr := &trap{address: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			tr.hits.Add(1)
			_ = conn.Close()
		}
	}()
	return tr
}

func (c *canary) run(t *testing.T) {
	who := c.people(t)
	if c.rule != "" {
		c.sim(t, http.MethodPost, "/faults", "{"+c.rule+"}")
	}
	c.clients(t)
	c.Refresh(t.Context())
	c.everyRoute(t, who)
	c.commands(t)
	c.inside(t)
	for _, vendor := range vendors {
		var spoiled struct{ Calls []json.RawMessage }
		raw := c.sim(t, http.MethodGet, "/calls?faulted=true&limit=1000&provider="+vendor, "")
		if err := json.Unmarshal(raw, &spoiled); err != nil {
			t.Fatal(err)
		}
		if c.spoiled += len(spoiled.Calls); c.rule != "" && len(spoiled.Calls) == 0 {
			t.Errorf("no call to %s was spoiled: nothing is proved", vendor)
		}
	}
	if n := c.trap.hits.Load(); n != 0 {
		t.Errorf("%d connections were made to where a provider pointed", n)
	}
}

// callers are the sorts of people and programs that ask.
type caller struct {
	name   string
	client *http.Client
	token  string
}

// stay keeps a client from following redirects: each answer is looked at.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// people signs in and makes tokens of every scope, a password, and links.
func (c *canary) people(t *testing.T) []caller {
	t.Helper()
	operator := access.OperatorActor("test")
	super, err := c.Control().Authenticate(t.Context(), access.Credentials{Bearer: c.Tokens.SuperAdmin.Reveal(), Face: access.FaceAPI})
	if err != nil {
		t.Fatal(err)
	}
	program := &http.Client{CheckRedirect: stay}
	all := []caller{
		{"nobody", program, ""},
		{"ADMIN", program, c.Tokens.Admin.Reveal()},
		{"SUPER_ADMIN", program, c.Tokens.SuperAdmin.Reveal()},
		{"report", program, c.Tokens.Report.Reveal()},
		{"made up", program, "edk_api_" + strings.Repeat("A", 36)},
	}
	for _, scope := range []access.Scope{access.Ping, access.MCP} {
		_, text, err := c.Control().IssueToken(t.Context(), super, access.TokenRequest{Scope: scope, Name: "canary"})
		if err != nil {
			t.Fatal(err)
		}
		c.hide(string(scope)+" token", text.Reveal())
		all = append(all, caller{string(scope), program, text.Reveal()})
	}
	password := random(t)
	c.hide("password", password)
	if _, err := c.Control().CreateUser(t.Context(), super, access.NewUser{Login: "kim", Role: access.Admin, Password: password}); err != nil {
		t.Fatal(err)
	}
	browser := c.browser(t)
	browser.CheckRedirect = stay
	c.form(t, browser, "/sign-in", url.Values{"name": {"kim"}, "password": {password}})
	c.form(t, browser, "/sign-in", url.Values{"name": {"kim"}, "password": {password[:20] + "wrong" + password[20:]}})
	at, err := url.Parse(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range browser.Jar.Cookies(at) {
		c.hide("session cookie", cookie.Value)
	}
	link, err := c.Control().SignInLink(t.Context(), operator, c.Tokens.AdminID)
	if err != nil {
		t.Fatal(err)
	}
	c.hide("sign-in link", link.Reveal())
	r := c.request(t, http.MethodGet, "/sign-in/link?token="+link.Reveal(), "")
	c.answer(t, http.DefaultClient, r, "sign-in link") // the page hands it on
	return append(all, caller{"browser", browser, ""})
}

func (c *canary) request(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", c.URL())
	return r
}

func (c *canary) form(t *testing.T, client *http.Client, path string, values url.Values) {
	t.Helper()
	r := c.request(t, http.MethodPost, path, values.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	c.answer(t, client, r)
}

// clients asks every provider for everything directly: the board's own
// breakers would spare most of them most faults.
func (c *canary) clients(t *testing.T) {
	t.Helper()
	var blocks []config.BlockKind
	for _, k := range all.Kinds() {
		blocks = append(blocks, config.BlockKind{Name: k.Name, Block: k.Block, FromEnv: k.FromEnv})
	}
	cfg, err := config.Load("canary", []byte(c.Simulation().Config("http://"+c.Simulator())), func(string) string { return "" }, blocks)
	if err != nil {
		t.Fatal(err)
	}
	c.search("configuration", "printed", fmt.Appendf(nil, "%v %+v %#v %s", cfg, cfg, cfg, dump(cfg)))
	log := slog.New(slog.NewJSONHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var asking sync.WaitGroup
	for _, kind := range all.Kinds() {
		client, err := kind.Open(cfg.Projects[0].Providers[kind.Name], provider.Deps{Project: "canary", Clock: clock.Real(), Meter: usage.New("test"), Log: log, UserAgent: "test"})
		if err != nil {
			t.Fatal(err)
		}
		c.search("client", kind.Name, fmt.Appendf(nil, "%v %+v %s", client, client, kind.Name))
		for name, ask := range questions(t, client) {
			asking.Go(func() {
				err := ask()
				text := fmt.Appendf(nil, "%v\n%+v\n%#v\n%s", err, err, err, dump(fmt.Sprint(err)))
				c.search("error", kind.Name+" "+name, text)
				log.Error("canary", "error", err, "provider", kind.Name)
			})
		}
	}
	asking.Wait()
}

// questions is everything that a client can be asked.
func questions(t *testing.T, client any) map[string]func() error {
	ctx, head := t.Context(), strings.Repeat("ab", 20)
	out := map[string]func() error{}
	if p, ok := client.(provider.Checker); ok {
		out["Check"] = func() error { return p.Check(ctx) }
	}
	if p, ok := client.(provider.Deployer); ok {
		out["Live"] = func() error { _, err := p.Live(ctx); return err }
		out["Newest"] = func() error { _, err := p.Newest(ctx, catalog.Source{Mode: catalog.FromStaged}); return err }
		out["Deployments"] = func() error { _, err := p.Deployments(ctx, provider.DeploymentQuery{}); return err }
		out["Deployment"] = func() error { _, err := p.Deployment(ctx, "dpl_nosuch"); return err }
	}
	if p, ok := client.(provider.ErrorCounter); ok {
		out["ErrorCounts"] = func() error { _, err := p.ErrorCounts(ctx, 24*60*60*1e9); return err }
	}
	if p, ok := client.(provider.Comparer); ok {
		out["Compare"] = func() error { _, err := p.Compare(ctx, head, head[1:]+"c"); return err }
	}
	if p, ok := client.(provider.Brancher); ok {
		out["Branches"] = func() error { _, err := p.Branches(ctx); return err }
		out["Branch"] = func() error { _, err := p.Branch(ctx, "br-nosuch"); return err }
		out["CreateBranch"] = func() error { _, err := p.CreateBranch(ctx, provider.NewBranch{Name: "canary"}); return err }
		out["DeleteBranch"] = func() error { _, err := p.DeleteBranch(ctx, "br-nosuch"); return err }
		out["RestoreBranch"] = func() error {
			_, err := p.RestoreBranch(ctx, "br-nosuch", provider.BranchRestore{SourceID: "br-none"})
			return err
		}
		out["BranchWork"] = func() error { _, err := p.BranchWork(ctx, "nosuch"); return err }
	}
	if p, ok := client.(provider.WorkerDeployer); ok {
		out["WorkerDeployments"] = func() error { _, err := p.WorkerDeployments(ctx, "spike-land-code"); return err }
		out["WorkerVersions"] = func() error { _, err := p.WorkerVersions(ctx, "spike-land-code", []string{"x"}); return err }
		out["WorkerTriggers"] = func() error { _, err := p.WorkerTriggers(ctx, "spike-land-code"); return err }
		out["DeployWorker"] = func() error {
			_, err := p.DeployWorker(ctx, "spike-land-code", []provider.WorkerShare{{VersionID: "nosuch", Percent: 100}}, "x", false)
			return err
		}
	}
	if p, ok := client.(provider.WorkerCounter); ok {
		out["WorkerTraffic"] = func() error { _, err := p.WorkerTraffic(ctx); return err }
	}
	if p, ok := client.(provider.WorkerRouter); ok {
		out["WorkerRoutes"] = func() error { _, err := p.WorkerRoutes(ctx, []string{"spike-land-code"}); return err }
	}
	if p, ok := client.(provider.PullRequestFinder); ok {
		out["PullRequestOf"] = func() error { _, err := p.PullRequestOf(ctx, "main"); return err }
	}
	return out
}

// bodies are what is sent to routes that take something.
var bodies = []string{``, `{}`, `{"token":"x","role":7,"reason":"r"}`, `{"commit":"abcdef1","branch":"main","message":"m"}`}

// everyRoute asks every route of every face as every caller.
func (c *canary) everyRoute(t *testing.T, callers []caller) {
	t.Helper()
	// Who asks and how makes no difference to what a provider's fault leaves
	// behind: all of them ask everything where secrets come back, else those who
	// see most ask what is taken.
	sent := bodies
	if c.rule != "" && !strings.Contains(c.rule, "echo") {
		callers = slices.DeleteFunc(slices.Clone(callers), func(w caller) bool { return w.name != "SUPER_ADMIN" && w.name != "browser" })
		sent = bodies[2:]
	}
	fill := strings.NewReplacer("{id}", c.Tokens.AdminID, "{seq}", "1", "{file}", "none", "{$}", "")
	for _, route := range c.Routes() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		path = fill.Replace(path)
		if path == "/sign-out" || path == "/api/admin/environments/sessions" && method == http.MethodDelete {
			continue // they would end what the others need
		}
		for _, who := range callers {
			if route.Stream {
				who.client = withoutTheRest(who.client)
			}
			if method == http.MethodGet {
				for _, query := range c.queries(route) {
					c.ask(t, who, method, path+query, "")
				}
				continue
			}
			for _, body := range sent {
				c.ask(t, who, method, path, body)
			}
		}
	}
	for _, path := range []string{"/metrics", "/nothing", "/api/health?detailed=true", "/api/nothing", "/" + url.PathEscape(c.tokens["vercel"])} {
		c.ask(t, callers[len(callers)-1], http.MethodGet, path, "")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.Metrics()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, body := c.answer(t, http.DefaultClient, r); answer.StatusCode != 200 || !strings.Contains(string(body), "envdeck_") {
		t.Errorf("metrics: %s", answer.Status)
	}
}

// queries are what a route is asked with beside nothing.
func (c *canary) queries(route door.Route) []string {
	switch {
	case strings.HasSuffix(route.Pattern, "/audit"):
		return []string{"", "?format=csv", "?format=jsonl"}
	case route.Face == access.FaceWeb:
		return []string{"", "?fragment=lanes", "?token=" + url.QueryEscape(c.tokens["neon"][:12])}
	default:
		return []string{"", "?access_token=" + url.QueryEscape(c.Tokens.Admin.Reveal())}
	}
}

func (c *canary) ask(t *testing.T, who caller, method, path, body string) {
	t.Helper()
	r := c.request(t, method, path, body)
	if who.token != "" {
		r.Header.Set("Authorization", "Bearer "+who.token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "text/html, application/json")
	c.answer(t, who.client, r)
}

// commands runs the command line against the server, with a token that works
// and with one that does not.
func (c *canary) commands(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "envdeck.yaml")
	text := c.Simulation().Config("http://" + c.Simulator())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{c.Tokens.Admin.Reveal(), c.Tokens.Report.Reveal(), c.Tokens.Admin.Reveal() + "x"} {
		for _, args := range [][]string{
			{"status"},
			{"status", "-o", "json"},
			{"deployments"},
			{"deployments", "-o", "json"},
			{"config", "check", "--config", file},
			{"database"},
			{"database", "-o", "json"},
			{"token", "list"},
			{"audit", "list"},
			{"user", "list"},
			{"status", "--url", "http://" + c.trap.address[:len(c.trap.address)-1]},
		} {
			var out, errs bytes.Buffer
			code := cli.Run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(name string) string {
				return map[string]string{"ENVDECK_URL": c.URL(), "ENVDECK_TOKEN": token}[name]
			}})
			c.search("command", fmt.Sprint(args, code), append(out.Bytes(), errs.Bytes()...))
		}
	}
}

// inside searches what does not leave by HTTP: the log, the files, and what a
// dump of the process shows.
func (c *canary) inside(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(c.log.String()) {
		c.search("log record", strings.TrimSpace(line), []byte(line))
	}
	var files []string
	if err := filepath.WalkDir(c.data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var own []string
		if e.Name() == "master.key" {
			own = []string{"master key"}
		}
		c.search("file", e.Name(), raw, own...)
		files = append(files, e.Name())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(files) < 6 { // the product's and the simulated app's
		t.Errorf("the data folder has %v: is the database there?", files)
	}
	for _, level := range []int{1, 2} {
		var stacks bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&stacks, level); err != nil {
			t.Fatal(err)
		}
		c.search("goroutine dump", fmt.Sprint("debug=", level), stacks.Bytes())
	}
	stack := make([]byte, 8<<20)
	c.search("goroutine dump", "runtime.Stack", stack[:runtime.Stack(stack, true)])
	// What a careless log line would print.
	c.search("printed", "tokens", fmt.Appendf(nil, "%s %v %+v %#v", dump(c.Tokens), c.Tokens, c.Tokens, c.Tokens))
}
