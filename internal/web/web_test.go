package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/stories"
)

func ask(t *testing.T, d *desk, method, target string, form url.Values, header ...string) *http.Response {
	t.Helper()
	mux := mount(face(d), d)
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequestWithContext(t.Context(), method, target, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w.Result()
}

func document(t *testing.T, r *http.Response) *goquery.Document {
	t.Helper()
	defer r.Body.Close()
	doc, err := goquery.NewDocumentFromReader(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

const home = "/admin/environments"

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	d := &desk{story: stories.Normal()}
	for _, target := range []string{"/", home, home + "/deployments", home + "?fragment=lanes", home + "?fragment=nosuch", "/admin/nosuch", "/sign-in", "/sign-in/link?token=x", "/sign-in/link", "/set-up", "/favicon.ico", "/assets/nosuch.js"} {
		r := ask(t, d, http.MethodGet, target, nil)
		_ = r.Body.Close()
		csp := r.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy lacks %s", target, want)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy has an unsafe source", target)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", target, name, got)
			}
		}
		if cache := r.Header.Get("Cache-Control"); cache == "" {
			t.Errorf("%s: nothing says whether it may be kept", target)
		}
	}
}

func TestPageHasNothingInline(t *testing.T) {
	for _, s := range stories.All() {
		doc := document(t, ask(t, &desk{story: s}, http.MethodGet, home, nil))
		if n := doc.Find("style, [style], script:not([src]), [onclick], [onload], [onerror]").Length(); n != 0 {
			t.Errorf("%s: %d inline scripts or styles", s.Name, n)
		}
		ids := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, e *goquery.Selection) {
			id := e.AttrOr("id", "")
			if ids[id] {
				t.Errorf("%s: two elements have the id %q", s.Name, id)
			}
			ids[id] = true
		})
		if doc.Find("main h1").Length() != 1 || doc.Find("a.skip[href='#main']").Length() != 1 || doc.Find("[role=status]").Length() != 1 {
			t.Errorf("%s: a landmark is missing", s.Name)
		}
	}
}

func TestFragment(t *testing.T) {
	d := &desk{story: stories.Normal()}
	first := ask(t, d, http.MethodGet, home+"?fragment=lanes", nil)
	etag := first.Header.Get("ETag")
	const ages = "vercel=12, github=31, sentry=140, health=8"
	if first.StatusCode != http.StatusOK || etag == "" || first.Header.Get("Envdeck-Age") != ages {
		t.Fatalf("%d, tag %q, ages %q", first.StatusCode, etag, first.Header.Get("Envdeck-Age"))
	}
	doc := document(t, first)
	if doc.Find("#panel-lanes").Length() != 1 || doc.Find("header.bar").Length() != 0 {
		t.Error("a fragment is one panel and nothing else")
	}
	page := document(t, ask(t, d, http.MethodGet, home, nil))
	d.tell(func(s *stories.Story) { s.Ages[2].Age *= 2; s.Ages[2].Stale = true })
	second := ask(t, d, http.MethodGet, home+"?fragment=lanes", nil, "If-None-Match", `"x", W/`+etag)
	body, err := io.ReadAll(second.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Body.Close()
	if second.StatusCode != http.StatusNotModified || len(body) != 0 || second.Header.Get("Envdeck-Age") != "vercel=12, github=31, sentry=280;stale, health=8" {
		t.Errorf("unchanged facts: %d with %d bytes, ages %q", second.StatusCode, len(body), second.Header.Get("Envdeck-Age"))
	}
	if own := page.Find("#panel-lanes").AttrOr("data-etag", ""); own != etag {
		t.Errorf("the page's tag %s is not the fragment's %s", own, etag)
	}
	d.tell(func(s *stories.Story) { s.Status = stories.RolledBack().Status })
	third := ask(t, d, http.MethodGet, home+"?fragment=lanes", nil, "If-None-Match", etag)
	_ = third.Body.Close()
	if third.StatusCode != http.StatusOK {
		t.Errorf("changed facts: %d", third.StatusCode)
	}
}

// The navigation counts what went wrong and lasts, keeps the count fresh with
// each look, and shows none where nothing is open or nobody can tell.
func TestTheNavigationCountsOpenIncidents(t *testing.T) {
	d := &desk{story: stories.Normal()}
	for _, c := range []struct {
		incidents []alert.Incident
		err       error
		text, now string
		hidden    bool
	}{
		{nil, nil, "", "0", true},
		{[]alert.Incident{{ID: "inc_1"}, {ID: "inc_2"}, {ID: "inc_3", ClosedAt: new(stories.Now())}}, nil, "2", "2", false},
		{nil, fault.New(fault.Unavailable, "The database is busy."), "", "", true},
	} {
		d.tell(func(s *stories.Story) { s.Incidents, s.Err = c.incidents, c.err })
		badge := document(t, ask(t, d, http.MethodGet, home+"/workers", nil)).Find("nav a[href$=incidents] #incidents-open")
		if _, hidden := badge.Attr("hidden"); badge.Length() != 1 || hidden != c.hidden || badge.Find("[data-count]").Text() != c.text {
			t.Errorf("%v: the navigation says %q, hidden %t", c.err, badge.Text(), hidden)
		}
		if c.err != nil {
			continue
		}
		r := ask(t, d, http.MethodGet, home+"/crons?fragment=jobs", nil)
		_ = r.Body.Close()
		if got := r.Header.Get("Envdeck-Incidents"); got != c.now {
			t.Errorf("a look at one panel brings %q, want %q", got, c.now)
		}
	}
}

func TestOneBrokenPanelLeavesTheOther(t *testing.T) {
	d := &halfBroken{desk{story: stories.Normal()}}
	doc := document(t, serveOn(t, d, home))
	if doc.Find("#panel-lanes .blank").Length() != 1 || doc.Find("#panel-newest tbody tr").Length() != 8 {
		t.Error("a broken panel took its neighbour with it, or was not drawn")
	}
	if strings.Contains(doc.Text(), "disk on fire") {
		t.Error("the cause was shown to a reader")
	}
}

func TestWhoMayNot(t *testing.T) {
	d := &desk{story: stories.Normal(), nobody: true}
	r := ask(t, d, http.MethodGet, home+"?project=second", nil)
	_ = r.Body.Close()
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/sign-in?next=%2Fadmin%2Fenvironments%3Fproject%3Dsecond" {
		t.Errorf("%d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	r = ask(t, d, http.MethodGet, home+"?fragment=lanes", nil)
	if doc := document(t, r); r.StatusCode != http.StatusUnauthorized || doc.Find("a[href^='/sign-in']").Length() != 1 {
		t.Errorf("a fragment for nobody: %d", r.StatusCode)
	}
	d.nobody = false
	d.story.Err = fault.New(fault.Denied, "Ask for the role ADMIN.")
	if doc := document(t, ask(t, d, http.MethodGet, home, nil)); !strings.Contains(doc.Text(), "Ask for the role ADMIN.") {
		t.Error("a refusal does not say why")
	}
	r = ask(t, d, http.MethodGet, home+"?fragment=lanes", nil)
	_ = r.Body.Close()
	if r.StatusCode != http.StatusForbidden {
		t.Errorf("a refused fragment: %d", r.StatusCode)
	}
	r = ask(t, d, http.MethodGet, home+"?project=nosuch", nil)
	_ = r.Body.Close()
	if r.StatusCode != http.StatusNotFound {
		t.Errorf("a project that is not there: %d", r.StatusCode)
	}
}

func TestProjectStaysInEveryLink(t *testing.T) {
	doc := document(t, ask(t, &desk{story: stories.Normal()}, http.MethodGet, home+"?project=second", nil))
	doc.Find("nav a, a.more").Each(func(_ int, a *goquery.Selection) {
		if !strings.HasSuffix(a.AttrOr("href", ""), "?project=second") {
			t.Errorf("%q forgets the project", a.AttrOr("href", ""))
		}
	})
	if got := doc.Find("#projects a[aria-current]").Text(); !strings.Contains(got, "second") {
		t.Errorf("the switcher shows %q", got)
	}
}

func TestSignIn(t *testing.T) {
	d := &desk{story: stories.Normal(), nobody: true}
	doc := document(t, ask(t, d, http.MethodGet, "/sign-in?next="+url.QueryEscape(home+"?project=second"), nil))
	if got := doc.Find("input[name=next]").AttrOr("value", ""); got != home+"?project=second" {
		t.Errorf("next is %q", got)
	}
	if got := doc.Find("a.button").AttrOr("href", ""); got != "/sign-in/oidc?next=%2Fadmin%2Fenvironments%3Fproject%3Dsecond" {
		t.Errorf("the identity provider is at %q", got)
	}
	r := ask(t, d, http.MethodPost, "/sign-in", url.Values{"name": {"zoltan"}, "password": {"wrong"}})
	doc = document(t, r)
	if r.StatusCode != http.StatusUnauthorized || doc.Find("[role=alert]").Length() != 1 || doc.Find("#name").AttrOr("value", "") != "zoltan" || doc.Find("#password").AttrOr("value", "") != "" {
		t.Errorf("a wrong password: %d", r.StatusCode)
	}
	r = ask(t, d, http.MethodPost, "/sign-in", url.Values{"name": {"zoltan"}, "password": {"correct horse battery"}, "next": {home}})
	_ = r.Body.Close()
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != home {
		t.Errorf("the right password: %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	r = ask(t, d, http.MethodPost, "/sign-in", nil, "Content-Type", "application/json")
	_ = r.Body.Close()
	if r.StatusCode != http.StatusBadRequest {
		t.Errorf("a body that is no form: %d", r.StatusCode)
	}
}

// Opening a one-use link must not spend it: scanners of mail open links too.
func TestLinkIsSpentByTheButtonAlone(t *testing.T) {
	d := &desk{story: stories.Normal(), nobody: true}
	doc := document(t, ask(t, d, http.MethodGet, "/sign-in/link?token=good", nil))
	if len(d.spent) != 0 || doc.Find("form[method=post] input[name=token]").AttrOr("value", "") != "good" {
		t.Fatal("opening the link spent it, or the button lacks the token")
	}
	r := ask(t, d, http.MethodPost, "/sign-in/link", url.Values{"token": {"good"}})
	_ = r.Body.Close()
	if r.StatusCode != http.StatusSeeOther || len(d.spent) != 1 {
		t.Errorf("the button: %d, spent %d", r.StatusCode, len(d.spent))
	}
	r = ask(t, d, http.MethodPost, "/sign-in/link", url.Values{"token": {"old"}})
	if doc := document(t, r); r.StatusCode != http.StatusUnauthorized || !strings.Contains(doc.Text(), "used already") {
		t.Errorf("an old link: %d", r.StatusCode)
	}
}

func TestSetUp(t *testing.T) {
	d := &desk{}
	long := url.Values{"token": {"t"}, "name": {"zoltan"}, "password": {"password1234567"}, "again": {"password1234567"}}
	r := ask(t, d, http.MethodPost, "/set-up", long)
	if doc := document(t, r); r.StatusCode != http.StatusBadRequest || !strings.Contains(doc.Text(), "list of common ones") || doc.Find("input[name=token]").AttrOr("value", "") != "t" {
		t.Errorf("a common password: %d", r.StatusCode)
	}
	long.Set("again", "another")
	r = ask(t, d, http.MethodPost, "/set-up", long)
	if doc := document(t, r); r.StatusCode != http.StatusBadRequest || !strings.Contains(doc.Text(), "not the same") {
		t.Errorf("two passwords: %d", r.StatusCode)
	}
}

func TestNextLeadsNowhereElse(t *testing.T) {
	for _, next := range []string{
		"https://evil.example/", "//evil.example/", "/\\evil.example", "/admin/\\evil", "/admin//evil", "javascript:alert(1)", "/sign-out", "/admin/../sign-out",
		"/admin/%2e%2e/x", "/admin/x\r\nSet-Cookie: a=b", " /admin/", "", "/admin/" + strings.Repeat("x", 2100),
	} {
		r := ask(t, &desk{}, http.MethodPost, "/sign-in", url.Values{"name": {"zoltan"}, "password": {"correct horse battery"}, "next": {next}})
		_ = r.Body.Close()
		if got := r.Header.Get("Location"); got != home {
			t.Errorf("next=%q leads to %q", next, got)
		}
	}
}

func TestTheme(t *testing.T) {
	for cookie, want := range map[string]string{"theme=dark": "dark", "theme=light": "light", "theme=auto": "", "theme=\"><script>": ""} {
		doc := document(t, ask(t, &desk{story: stories.Normal()}, http.MethodGet, home, nil, "Cookie", cookie))
		if got := doc.Find("html").AttrOr("data-theme", ""); got != want {
			t.Errorf("%s: the page is %q", cookie, got)
		}
	}
}

// The first view may cost 40 kB in 5 requests.
func TestWeightOfTheFirstView(t *testing.T) {
	d := &desk{story: stories.Normal()}
	page := ask(t, d, http.MethodGet, home, nil, "Accept-Encoding", "gzip")
	raw, err := io.ReadAll(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = page.Body.Close()
	unzip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(unzip)
	if err != nil {
		t.Fatal(err)
	}
	total, requests := len(raw), 1
	seen := map[string]bool{}
	doc.Find("link[href]:not([rel=expect]), script[src], use[href]").Each(func(_ int, e *goquery.Selection) {
		path, _, _ := strings.Cut(e.AttrOr("href", e.AttrOr("src", "")), "#")
		if seen[path] {
			return
		}
		seen[path] = true
		r := ask(t, d, http.MethodGet, path, nil, "Accept-Encoding", "gzip")
		b, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %v", path, r.StatusCode, err)
		}
		_ = r.Body.Close()
		t.Logf("%s: %d bytes", path, len(b))
		total += len(b)
		requests++
	})
	t.Logf("the page itself: %d bytes; all: %d bytes in %d requests", len(raw), total, requests)
	if total > 40<<10 || requests > 5 {
		t.Errorf("the first view is %d bytes in %d requests", total, requests)
	}
}
