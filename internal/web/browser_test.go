package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/live"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/stories"
)

// tab is a browser's tab with a page of ours in it. Before any script of the
// page runs it starts to collect what the page does wrong.
type tab struct {
	*testing.T
	ctx context.Context
}

const collect = `
window.__bad = [];
document.addEventListener("securitypolicyviolation", (e) => __bad.push("policy: " + e.violatedDirective + " " + e.blockedURI + " " + e.sample));
addEventListener("error", (e) => __bad.push("error: " + e.message));
addEventListener("unhandledrejection", (e) => __bad.push("rejection: " + e.reason));
for (const level of ["error", "warn"]) { const old = console[level]; console[level] = (...a) => { __bad.push(level + ": " + a.join(" ")); old(...a); }; }
window.alert = (text) => __bad.push("alert: " + text);
window.__cls = 0; window.__moved = [];
new PerformanceObserver((list) => { for (const e of list.getEntries()) { __cls += e.value; for (const s of e.sources || []) __moved.push((s.node?.outerHTML || s.node?.textContent || "?").slice(0, 90) + [s.previousRect, s.currentRect].map((r) => " [" + [r.x, r.y, r.width, r.height] + "]").join("")); } }).observe({ type: "layout-shift", buffered: true });
`

func open(t *testing.T, address string) tab {
	t.Helper()
	ctx := browser(t)
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: collect}); err != nil {
		t.Fatal(err)
	}
	tb := tab{t, ctx}
	tb.do(chromedp.EmulateViewport(1440, 900), chromedp.Navigate(address))
	return tb
}

func (tb tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.Helper()
	if err := chromedp.Do(tb.ctx, steps...); err != nil {
		tb.Fatal(err)
	}
}

// run evaluates an expression, waiting for it when it is a promise.
func run[T any](tb tab, expression string) T {
	tb.Helper()
	v, err := chromedp.Run(tb.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.Fatalf("%s: %v", expression, err)
	}
	return v
}

// refresh makes the page ask now, and waits until it has drawn the answer and
// the browser has laid it out.
func (tb tab) refresh() {
	tb.Helper()
	run[bool](tb, `new Promise((done) => {
		document.addEventListener("envdeck:round", () => requestAnimationFrame(() => requestAnimationFrame(() => done(true))), { once: true });
		dispatchEvent(new Event("online"));
	})`)
}

func (tb tab) clean() {
	tb.Helper()
	if bad := run[[]string](tb, "__bad"); len(bad) != 0 {
		tb.Errorf("the page did wrong:\n%s", strings.Join(bad, "\n"))
	}
}

// shifts is how much the layout has shifted up to now.
func (tb tab) shifts() float64 {
	tb.Helper()
	return run[float64](tb, `new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(__cls), 50)))`)
}

// A refresh with new facts moves nothing and keeps what the reader did.
func TestBrowserRefresh(t *testing.T) {
	d := &desk{story: stories.Normal()}
	tb := open(t, serve(t, d).URL+home)
	tb.clean()
	if cls := tb.shifts(); cls != 0 {
		t.Errorf("loading the page shifts its layout by %v: %v", cls, run[[]string](tb, "__moved"))
	}
	run[bool](tb, `document.querySelector("#lane-1-changes").open = true`)
	run[bool](tb, `(document.querySelector("#lane-1-changes li:nth-child(2) a").focus(), scrollTo(0, 0), true)`)
	before := tb.shifts()
	moved := run[int](tb, `__moved.length`)

	d.tell(func(s *stories.Story) {
		fresh := stories.Normal()
		e := fresh.Status.Environments["prod"]
		*e.ErrorCount24h, *e.CommitMessage, *e.Commit = 1044, "Another title that is longer than a line of the lane can hold, so that it takes two", "abcdef1"
		for i := range fresh.Operations { // a release brought it, or the lane would say that somebody else did
			if o := &fresh.Operations[i]; o.To != nil {
				o.To.Commit = "abcdef1"
			}
		}
		fresh.Status.Environments["dev"].Report.Ahead = 11
		fresh.Deployments.Deployments[0].State = "READY"
		fresh.Ages[2] = panel.Age{Source: "sentry", Age: 240e9, Stale: true}
		*s = fresh
	})
	tb.refresh()
	if got := run[string](tb, `document.querySelector("#lane-2 .sha").textContent`); got != "abcdef1" {
		t.Errorf("the new commit is not there: %q", got)
	}
	if got := run[string](tb, `document.querySelector('.age[data-source="sentry"]').dataset.state + ": " + document.querySelector('.age[data-source="sentry"] [data-text]').textContent`); got != "stale: stale 4 min" {
		t.Errorf("the age is %q", got)
	}
	if got := run[string](tb, `document.activeElement.textContent`); !strings.Contains(got, "Paginate the gallery") {
		t.Errorf("the focus went to %q", got)
	}
	if !run[bool](tb, `document.querySelector("#lane-1-changes").open`) {
		t.Error("the open list was closed")
	}
	if cls := tb.shifts() - before; cls != 0 {
		t.Errorf("a refresh shifts the layout by %v: %v", cls, run[[]string](tb, "__moved")[moved:])
	}

	// A source that breaks and a site that recovers move nothing either.
	d.tell(func(s *stories.Story) { s.Status.Sources = stories.PartialError().Status.Sources })
	before, moved = tb.shifts(), run[int](tb, `__moved.length`)
	tb.refresh()
	if run[int](tb, `document.querySelectorAll(".trouble .notice").length`) != 2 {
		t.Error("the trouble with the sources is not said")
	}
	if cls := tb.shifts() - before; cls != 0 {
		t.Errorf("a broken source shifts the layout by %v: %v", cls, run[[]string](tb, "__moved")[moved:])
	}

	run[bool](tb, `(scrollTo(0, 120), true)`)
	d.tell(func(s *stories.Story) { *s = stories.Split() })
	tb.refresh()
	if got := run[float64](tb, `scrollY`); got != 120 {
		t.Errorf("the page scrolled to %v", got)
	}

	// The measure itself works: something that does push the page is seen.
	run[bool](tb, `(scrollTo(0, 0), true)`)
	before = tb.shifts()
	run[bool](tb, `(document.querySelector("main").prepend(Object.assign(document.createElement("p"), { textContent: "pushed" })), true)`)
	if tb.shifts() == before {
		t.Error("a shift of the whole page was not measured: the figures above mean nothing")
	}
	tb.clean()
}

// The announcement speaks when a state changes and is silent when numbers do.
func TestBrowserAnnouncesStatesOnly(t *testing.T) {
	d := &desk{story: stories.Normal()}
	tb := open(t, serve(t, d).URL+home)
	d.tell(func(s *stories.Story) { *s = stories.Normal(); *s.Status.Environments["prod"].ErrorCount24h = 5 })
	tb.refresh()
	if got := run[string](tb, `document.querySelector("#say").textContent`); got != "" {
		t.Errorf("a number was announced: %q", got)
	}
	d.tell(func(s *stories.Story) { *s = stories.Normal(); s.Status.Environments["prod"].Health = "down" })
	tb.refresh()
	if got := run[string](tb, `document.querySelector("#say").textContent`); !strings.Contains(got, "prod: Live, Down") {
		t.Errorf("a site that is down was announced as %q", got)
	}
	if got := run[string](tb, `document.title`); got != "prod down · Environments · envdeck" {
		t.Errorf("the tab says %q", got)
	}
	tb.clean()
}

func TestBrowserFilter(t *testing.T) {
	d := &desk{story: stories.Normal()}
	tb := open(t, serve(t, d).URL+home+"/deployments")
	// One event that is key and text at once, as a keyboard makes it.
	if _, err := chromedp.Call(tb.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyDown", Key: "/", Code: "Slash", Text: "/"}); err != nil {
		t.Fatal(err)
	}
	if got := run[string](tb, `document.activeElement.id`); got != "q" {
		t.Fatalf("the key / leads to %q", got)
	}
	tb.do(chromedp.KeyEvent("zerdos main"))
	shown := `[...document.querySelectorAll("tbody tr")].filter((r) => !r.hidden).length`
	if got := run[int](tb, shown); got != 3 {
		t.Errorf("%d rows are shown, want 3", got)
	}
	d.tell(func(s *stories.Story) { *s = stories.Normal(); s.Deployments.Deployments[0].State = "READY" })
	tb.refresh()
	if got := run[int](tb, shown); got != 3 {
		t.Errorf("after a refresh %d rows are shown, want 3", got)
	}
	if got := run[string](tb, `document.activeElement.value + "|" + document.querySelector("#filter-count").textContent`); got != "zerdos main|3 of 9" {
		t.Errorf("after a refresh the field and the count are %q", got)
	}
	tb.clean()
}

// The page says calmly that the server is gone, and recovers by itself.
func TestBrowserConnectionLost(t *testing.T) {
	d := &desk{story: stories.Normal()}
	mux := mount(face(d), d)
	var broken, asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("fragment") {
			asked.Add(1)
			if broken.Load() == 1 {
				http.Error(w, "down for a moment", http.StatusBadGateway)
				return
			}
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	tb := open(t, server.URL+home)
	broken.Store(1)
	tb.refresh()
	if got := run[string](tb, `document.querySelector("#link:not([hidden]) [data-text]").textContent`); !strings.HasPrefix(got, "Connection lost. Showing what was known ") {
		t.Errorf("the page says %q", got)
	}
	if run[int](tb, `document.querySelectorAll(".lane").length`) != 3 {
		t.Error("what was known is gone")
	}
	if cls := tb.shifts(); cls != 0 {
		t.Errorf("the notice shifts the layout by %v: %v", cls, run[[]string](tb, "__moved"))
	}
	broken.Store(0)
	tb.refresh()
	if !run[bool](tb, `document.querySelector("#link").hidden`) {
		t.Error("the notice stays after the server is back")
	}

	// A hidden tab asks nothing; a shown one asks at once.
	count := asked.Load()
	run[bool](tb, `(Object.defineProperty(document, "hidden", { value: true, configurable: true }), document.dispatchEvent(new Event("visibilitychange")), dispatchEvent(new Event("online")), true)`)
	if got := asked.Load(); got != count {
		t.Errorf("a hidden tab asked %d times", got-count)
	}
	run[bool](tb, `new Promise((done) => {
		document.addEventListener("envdeck:round", () => done(true), { once: true });
		delete document.hidden; document.dispatchEvent(new Event("visibilitychange"));
	})`)
	if asked.Load() == count {
		t.Error("a tab that is shown again did not ask")
	}
}

// The server says that something changed, and the page looks at once. By itself
// it would ask each 30 seconds: eight times would take longer than this test may.
func TestBrowserIsToldOfChanges(t *testing.T) {
	d, feed := &desk{story: stories.Normal()}, live.New(live.Options{Clock: clock.Real()})
	server := httptest.NewServer(mount(faceWith(d, feed), d))
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- feed.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	tb := open(t, server.URL+home)
	for i := range 8 {
		commit := fmt.Sprintf("abcde%02d", i)
		d.tell(func(s *stories.Story) { *s = stories.Normal(); *s.Status.Environments["prod"].Commit = commit })
		feed.Changed("spike.land")
		run[bool](tb, `new Promise((done) => {
			const look = () => document.querySelector("#lane-2 .sha").textContent === "`+commit+`" ? done(true) : requestAnimationFrame(look);
			look();
		})`)
		if i == 3 { // hidden, the page holds no stream; shown again, it does
			run[bool](tb, `(Object.defineProperty(document, "hidden", { value: true, configurable: true }), document.dispatchEvent(new Event("visibilitychange")), true)`)
			run[bool](tb, `(delete document.hidden, document.dispatchEvent(new Event("visibilitychange")), true)`)
		}
	}
	tb.clean()
}

// Hostile text in every field runs nothing, at any width, and makes no page
// wider than its window.
func TestBrowserStoriesAreHarmlessAndFit(t *testing.T) {
	d := &desk{}
	server := serve(t, d)
	d.tell(func(s *stories.Story) { *s = stories.Normal() })
	tb := open(t, server.URL+home)
	for _, story := range stories.All() {
		d.tell(func(s *stories.Story) { *s = story })
		for _, path := range []string{home, home + "/deployments"} {
			tb.do(chromedp.Navigate(server.URL + path))
			for _, width := range []int64{320, 390, 900, 1440} {
				tb.do(chromedp.EmulateViewport(width, 900))
				if over := run[float64](tb, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
					t.Errorf("%s at %s is %v px wider than %d", story.Name, path, over, width)
				}
			}
			tb.clean()
		}
	}
}

func TestBrowserTheme(t *testing.T) {
	tb := open(t, serve(t, &desk{story: stories.Normal()}).URL+home)
	for _, want := range []string{"light", "dark", "auto"} {
		tb.do(chromedp.Click("#theme"))
		if got := run[string](tb, `document.querySelector("#theme [data-word]").textContent + " " + (document.cookie.match(/theme=(\w+)/) || [])[1]`); got != want+" "+want {
			t.Errorf("the button and the cookie say %q, want %s", got, want)
		}
	}
	tb.clean()
}

// minds has axe-core in every page that is opened from now on.
func (tb tab) minds(axe []byte) {
	tb.Helper()
	if _, err := chromedp.Call(tb.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: string(axe)}); err != nil {
		tb.Fatal(err)
	}
}

// minded is what axe-core finds worse than minor in a theme: by all its rules,
// or by those about colours, which are all that differs from another theme.
func (tb tab) minded(theme string, whole bool) []string {
	tb.Helper()
	only := ""
	if !whole {
		only = `runOnly: ["color-contrast", "link-in-text-block"], `
	}
	return run[[]string](tb, `(document.documentElement.dataset.theme = "`+theme+`", axe.run(document, { `+only+`resultTypes: ["violations"] }))
		.then((r) => r.violations.filter((v) => v.impact !== "minor").map((v) => v.impact + " " + v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")))`)
}

// axe-core finds nothing worse than minor.
func TestBrowserAccessibility(t *testing.T) {
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{}
	server := serve(t, d)
	d.tell(func(s *stories.Story) { *s = stories.Normal() })
	tb := open(t, server.URL+home)
	tb.minds(axe)
	check := func(name, address string) {
		for i, width := range []int64{390, 1440} {
			tb.do(chromedp.EmulateViewport(width, 900), chromedp.Navigate(address))
			themes := []string{"light", "dark"}
			for j, theme := range []string{themes[i], themes[1-i]} {
				for _, f := range tb.minded(theme, j == 0) {
					t.Errorf("%s, %s, %d px: %s", name, theme, width, f)
				}
			}
		}
	}
	for _, story := range []stories.Story{stories.Normal(), stories.PartialError(), stories.RolledBack(), stories.Down(), stories.Six()} {
		d.tell(func(s *stories.Story) { *s = story })
		check(story.Name, server.URL+home)
	}
	d.tell(func(s *stories.Story) { *s = stories.Normal() })
	check("deployments", server.URL+home+"/deployments")
	d.mu.Lock()
	d.nobody = true
	d.mu.Unlock()
	for _, path := range []string{"/sign-in", "/sign-in/link?token=x", "/set-up", "/set-up?token=x", "/admin/nosuch"} {
		check(path, server.URL+path)
	}
}
