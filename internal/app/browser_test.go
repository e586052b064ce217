package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/simulator"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// tab is a tab of a real browser.
type tab struct {
	*testing.T
	ctx context.Context

	mu      sync.Mutex
	dialogs []string
}

// collect runs before any script of a page and writes down what the page does
// wrong. __xss is what the payloads call.
const collect = `
window.__bad = [];
window.__xss = () => { __bad.push("A SCRIPT RAN"); };
document.addEventListener("securitypolicyviolation", (e) => __bad.push("policy: " + e.violatedDirective + " " + e.blockedURI + " " + e.sample));
addEventListener("error", (e) => __bad.push("error: " + (e.message || e.target.outerHTML)), true);
addEventListener("unhandledrejection", (e) => __bad.push("rejection: " + e.reason));
for (const level of ["error", "warn"]) { const old = console[level]; console[level] = (...a) => { __bad.push(level + ": " + a.join(" ")); old(...a); }; }
`

// inspect looks at everything on a page that could do something.
const inspect = `(() => {
	const wrong = [...__bad];
	const own = new URL(location.href).origin;
	for (const e of document.querySelectorAll("*")) {
		for (const a of e.attributes) if (/^on/i.test(a.name) || /^(srcdoc|style|ping|http-equiv)$/i.test(a.name) && !(a.name === "style" && e.closest(".uplot, .cron-plot ~ i, body > i[hidden]"))) wrong.push("attribute: " + e.outerHTML.slice(0, 200));
		for (const name of ["href", "src", "action", "formaction", "data", "poster", "xlink:href", "srcset", "background"]) {
			if (!e.hasAttribute(name)) continue;
			const u = URL.parse(e.getAttribute(name), location.href);
			if (!u) { wrong.push("address: " + e.outerHTML.slice(0, 200)); continue; }
			const leads = e.localName === "a" && (u.protocol === "https:" || u.protocol === "http:" && /^(127\.0\.0\.1|localhost|\[::1\])$/.test(u.hostname)) && !u.username;
			if (!leads && u.origin !== own) wrong.push("link: " + e.outerHTML.slice(0, 200));
		}
		if (/^(iframe|object|embed|base|style|frame|portal|applet|math|foreignobject|animate|set|marquee|video|audio|template)$/i.test(e.localName)) wrong.push("element: " + e.outerHTML.slice(0, 200));
	}
	for (const r of performance.getEntriesByType("resource")) if (new URL(r.name).origin !== own) wrong.push("loaded: " + r.name);
	return wrong;
})()`

func openTab(t *testing.T) *tab {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed: nothing was shown in a real browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
	)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 8*time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, shut := chromedp.NewContext(ctx)
	t.Cleanup(shut)
	tb := &tab{T: t, ctx: ctx}
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: collect}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, func(ev any) {
		if e, ok := ev.(*page.EventJavascriptDialogOpening); ok {
			tb.mu.Lock()
			defer tb.mu.Unlock()
			tb.dialogs = append(tb.dialogs, e.Message)
		}
	}); err != nil {
		t.Fatal(err)
	}
	return tb
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.Helper()
	if err := chromedp.Do(tb.ctx, steps...); err != nil {
		tb.Fatal(err)
	}
}

func eval[T any](tb *tab, expression string) T {
	tb.Helper()
	v, err := chromedp.Run(tb.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.Fatalf("%.80s: %v", expression, err)
	}
	return v
}

// clean checks the page that is shown, and answers how often the payloads'
// call is on it as text.
func (tb *tab) clean(where string) int {
	tb.Helper()
	for _, wrong := range eval[[]string](tb, inspect) {
		tb.Errorf("%s: %s", where, wrong)
	}
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.dialogs) != 0 {
		tb.Errorf("%s: dialogs %q", where, tb.dialogs)
	}
	return eval[int](tb, `document.documentElement.outerHTML.split(/__xss|evil\.example/).length - 1`)
}

// payloads reads the corpus.
func payloads(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("testdata/xss.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		text, err := strconv.Unquote(`"` + line + `"`)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, text)
	}
	if len(all) < 200 {
		t.Fatalf("%d payloads", len(all))
	}
	return all
}

// meaning are the fields that are kept when an answer is made hostile: they
// decide what a thing is, and without them it would not be shown at all.
var meaning = regexp.MustCompile(`^(id|uid|state|readyState|readySubstate|target|source|type|__typename|alias|projectId|ownerId|oid|sha|status|by|groups|environment|teamId|name)$`)

// poison replaces every text of an answer but those that meaning keeps: in the
// n-th item of a list by the n-th payload, elsewhere by the first.
func poison(v any, batch []string, round, n int, key string, inList bool) any {
	switch v := v.(type) {
	case map[string]any:
		for k, field := range v {
			v[k] = poison(field, batch, round, n, k, inList)
		}
	case []any:
		for i, item := range v {
			at := n
			if !inList {
				at = i
			}
			v[i] = poison(item, batch, round, at, key, true)
		}
	case string:
		if strings.HasSuffix(key, "CommitSha") {
			return fmt.Sprintf("%038x%02x", round+1, n) // new each time, as commits are asked about once
		}
		if !meaning.MatchString(key) {
			return batch[n%len(batch)]
		}
	}
	return v
}

// hostile makes the answers of the providers hostile from now on.
func (d *deck) hostile(t *testing.T, batch []string, round int) {
	t.Helper()
	d.sim(t, http.MethodDelete, "/faults", "")
	seen := map[string]bool{}
	for _, c := range d.Simulation().Exchange().Calls.List(wire.Filter{}) {
		query, err := url.ParseQuery(c.Query)
		if err != nil {
			t.Fatal(err)
		}
		for _, passing := range []string{"since", "until", "from", "to", "state"} {
			query.Del(passing)
		}
		key := c.Provider + c.Path + query.Encode()
		if c.Provider == "github" { // each commit is asked about at its own address
			key = c.Route
		}
		if c.Status != http.StatusOK || c.Fault != "" || c.Provider != "vercel" && c.Provider != "github" || seen[key] {
			continue
		}
		seen[key] = true
		rule := map[string]any{
			"provider": c.Provider, "method": c.Method, "path": c.Path, "kind": "status", "status": 200,
			"body": poison(d.answerOf(t, c), batch, round, 0, "", false),
		}
		if c.Provider == "github" {
			delete(rule, "path")
			rule["route"] = c.Route
		} else if len(query) > 0 {
			fixed := map[string]string{}
			for name := range query {
				fixed[name] = query.Get(name)
			}
			rule["query"] = fixed
		}
		d.sim(t, http.MethodPost, "/faults", dump(rule))
	}
	d.Simulation().World().Change(func(s *world.State) {
		for i, env := range []world.Env{world.Next, world.Prod} {
			p := func(n int) string { return batch[(i+n)%len(batch)] }
			s.SetApp(env, world.AppKnob{Status: p(0), Database: p(1), Redis: p(2)})
		}
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL()+"/api/dev/report", bytes.NewReader([]byte(dump(map[string]any{
		"commit": fmt.Sprintf("%040x", round), "branch": cutTo(batch[0], 300), "message": batch[1%len(batch)], "author": cutTo(batch[2%len(batch)], 300), "host": cutTo(batch[3%len(batch)], 300),
	}))))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+d.Tokens.Report.Reveal())
	r.Header.Set("Content-Type", "application/json")
	if answer, body := do(t, http.DefaultClient, r); answer.StatusCode != http.StatusNoContent {
		t.Fatalf("report: %s %s", answer.Status, body)
	}
	d.Refresh(t.Context())
}

// answerOf is what a provider really answers to a call.
func (d *deck) answerOf(t *testing.T, c wire.Entry) any {
	t.Helper()
	token := map[string]string{"vercel": simulator.VercelProjectToken, "github": simulator.GitHubToken}[c.Provider]
	r, err := http.NewRequestWithContext(t.Context(), c.Method, "http://"+d.Simulator()+"/"+c.Provider+c.Path+"?"+c.Query, bytes.NewReader(c.Body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	answer, text := do(t, http.DefaultClient, r)
	var body any
	if err := json.Unmarshal(text, &body); err != nil || answer.StatusCode != 200 {
		t.Fatalf("%s %s: %s %.200s", c.Method, c.Path, answer.Status, text)
	}
	return body
}

// people puts the payloads into everything that people name, and signs in with
// them as the browser's name.
func (d *deck) people(t *testing.T, corpus []string) {
	t.Helper()
	super, err := d.Control().Authenticate(t.Context(), access.Credentials{Bearer: d.Tokens.SuperAdmin.Reveal(), Face: access.FaceAPI})
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for i, payload := range corpus {
		// What a field refuses is no way in; what it takes is looked at.
		if u, err := d.Control().CreateUser(t.Context(), super, access.NewUser{
			Login: fmt.Sprint("user", i), Name: cutTo(payload, 60), Role: access.Admin, Reason: cutTo(payload, 900),
		}); err == nil {
			made++
			_, _, _ = d.Control().IssueToken(t.Context(), super, access.TokenRequest{Owner: u.ID, Scope: access.API, Name: cutTo(payload, 90), Reason: cutTo(payload, 900)})
			mail := payload
			_, _ = d.Control().ChangeUser(t.Context(), super, u.ID, access.UserChange{Email: &mail, Reason: cutTo(payload, 900)})
		}
		_, _, _ = d.Control().IssueToken(t.Context(), super, access.TokenRequest{Scope: access.API, Name: cutTo(payload, 90), Reason: cutTo(payload, 900)})
		link, err := d.Control().SignInLink(t.Context(), access.OperatorActor("test"), d.Tokens.SuperAdminID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Control().Redeem(t.Context(), link.Reveal(), access.Visit{Face: access.FaceWeb, Agent: payload, Address: "127.0.0.1"}); err != nil {
			t.Fatal(err)
		}
	}
	if made < 200 {
		t.Errorf("only %d people have a payload for a name", made)
	}
}

// T18: text that anybody may have written runs nothing in a real browser.
// Every payload is put into every text of what the providers answer, of the
// apps' health, of a developer's report, and of what people name; each page is
// drawn by the server, and brought up to date by the script that runs in it.
func TestT18StoredTextRunsNothingInABrowser(t *testing.T) {
	corpus := payloads(t)
	d := start(t)
	tb := openTab(t)
	// A page of the desk of the one who may see everything.
	tb.do(chromedp.Navigate(d.SignIn()), chromedp.Click("form button"), chromedp.WaitVisible(".lane"))
	before := tb.clean("before")
	if before != 0 {
		t.Fatalf("the payload's name is on the page %d times before there is one", before)
	}
	const batch = 20
	shown, pages := 0, 0
	for round := 0; round*batch < len(corpus); round++ {
		part := corpus[round*batch : min(len(corpus), (round+1)*batch)]
		d.hostile(t, part, round)
		eval[bool](tb, `new Promise((done) => {
			document.addEventListener("envdeck:round", () => requestAnimationFrame(() => done(true)), { once: true });
			dispatchEvent(new Event("online"));
		})`)
		live := tb.clean(fmt.Sprint("brought up to date, payloads from ", round*batch))
		if live == 0 {
			t.Errorf("round %d: no payload reached the page: nothing is proved", round)
		}
		shown += live
		for _, path := range []string{"/admin/environments/deployments", "/admin/environments"} {
			tb.do(chromedp.Navigate(d.URL() + path))
			shown += tb.clean(fmt.Sprint(path, ", payloads from ", round*batch))
		}
		pages += 3
	}
	d.people(t, corpus)
	for _, path := range d.jobs(t, corpus) {
		tb.do(chromedp.Navigate(d.URL() + path))
		n := tb.clean(path)
		if n == 0 {
			t.Errorf("%s: no payload reached the page: nothing is proved", path)
		}
		shown += n
		pages++
	}
	for _, route := range d.Routes() {
		path, get := strings.CutPrefix(route.Pattern, "GET /")
		if route.Stream { // not a page, and it has no words but its own
			continue
		}
		if !get || route.Face != access.FaceWeb || strings.Contains(path, "{file}") || path == "favicon.ico" {
			continue
		}
		for _, query := range []string{"", "?q=" + url.QueryEscape(corpus[0]) + "&next=" + url.QueryEscape(corpus[80]) + "&token=" + url.QueryEscape(corpus[50])} {
			tb.do(chromedp.Navigate(d.URL() + "/" + strings.NewReplacer("{$}", "", "{seq}", "9", "{id}", d.Tokens.AdminID).Replace(path) + query))
			shown += tb.clean(path + query)
			pages++
		}
	}
	t.Logf("%d payloads, %d pages, shown as text %d times: 0 ran, 0 reports", len(corpus), pages, shown)

	// The instruments work: what does run, or is stopped by the policy, is seen.
	tb.do(chromedp.Navigate(d.URL() + "/admin/environments"))
	eval[bool](tb, `(() => {
		const a = document.createElement("a"); a.setAttribute("href", "javascript:__xss()"); document.body.append(a); a.click();
		const p = document.createElement("p"); p.setAttribute("style", "color:red"); document.body.append(p);
		try { p.innerHTML = "<img src=x onerror=__xss()>"; } catch {}
		__xss(); return true;
	})()`)
	found := eval[[]string](tb, `new Promise((done) => setTimeout(() => done(`+inspect+`), 50))`)
	for _, want := range []string{"A SCRIPT RAN", "policy: script-src", "policy: style-src", "policy: require-trusted-types-for", "attribute: ", "link: "} {
		if !slices.ContainsFunc(found, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%q was provoked and not seen: %q", want, found)
		}
	}
}

// jobs reports a cron job for each payload, named and failing as it says, and
// answers the pages that show them.
func (d *deck) jobs(t *testing.T, corpus []string) (pages []string) {
	t.Helper()
	made := 0
	for i, payload := range corpus {
		name := "__xss " + cutTo(payload, 300)
		body := map[string]any{"path": name, "status": "failure", "errorMessage": payload, "output": name + "\n" + payload, "durationMs": i, "runId": fmt.Sprint("xss-", i)}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL()+"/api/cron/report", bytes.NewReader([]byte(dump(body))))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+d.Tokens.Report.Reveal())
		r.Header.Set("Content-Type", "application/json")
		answer, _ := do(t, http.DefaultClient, r)
		if answer.StatusCode != http.StatusOK {
			continue // a name that it refuses is no way in
		}
		made++
		if made%25 == 1 {
			pages = append(pages, "/admin/environments/crons/job?path="+url.QueryEscape(name))
		}
	}
	if made < 100 {
		t.Errorf("only %d jobs have a payload for a name", made)
	}
	return append(pages, "/admin/environments/crons?q=xss", "/admin/environments/crons?q=xss&page=2")
}

// T9: a page of ours does not open in anybody's frame.
func TestT9NoPageOpensInAFrame(t *testing.T) {
	d := start(t)
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><iframe id=f src=%q></iframe>`, d.URL()+"/sign-in")
	}))
	t.Cleanup(outer.Close)
	tb := openTab(t)
	tb.do(chromedp.Navigate(outer.URL))
	// A document that may not be shown is replaced by an error page of another
	// origin; one that is shown would be of ours. Neither can be read from
	// here, so the browser itself is asked.
	tree, err := chromedp.Call(tb.ctx, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.FrameTree.ChildFrames) != 1 || !strings.HasPrefix(tree.FrameTree.ChildFrames[0].Frame.URL, "chrome-error:") {
		t.Errorf("the frame shows %s", dump(tree.FrameTree.ChildFrames))
	}
}

func cutTo(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}
