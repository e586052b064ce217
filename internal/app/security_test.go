package app_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/envdeck/envdeck/internal/access"
)

const goodPassword = "trumpet-lagoon-fossil-violet-91"

// account makes a local account with a password.
func (d *deck) account(t *testing.T, login string) {
	t.Helper()
	if _, err := d.Control().CreateUser(t.Context(), access.OperatorActor("test"), access.NewUser{Login: login, Role: access.Admin, Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
}

// submit sends a page's form and answers what came back, without following it.
func (d *deck) submit(t *testing.T, c *http.Client, path string, values url.Values) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL()+path, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", d.URL())
	answer, body := do(t, c, r)
	return answer, string(body)
}

func alone(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: stay}
}

// T10: a session that somebody put into a browser beforehand is worth nothing
// after signing in.
func TestT10ASessionThatWasPlantedIsNotTakenOver(t *testing.T) {
	d := start(t)
	d.account(t, "kim")
	home, err := url.Parse(d.URL())
	if err != nil {
		t.Fatal(err)
	}
	c := alone(t)
	seen := map[string]bool{"planted": true}
	c.Jar.SetCookies(home, []*http.Cookie{{Name: access.SessionCookieLoopback, Value: "planted", Path: "/"}})
	for range 2 { // the second signs in where somebody is signed in already
		answer, _ := d.submit(t, c, "/sign-in", url.Values{"name": {"kim"}, "password": {goodPassword}})
		if answer.StatusCode != http.StatusSeeOther {
			t.Fatalf("signing in: %s", answer.Status)
		}
		cookies := c.Jar.Cookies(home)
		if len(cookies) != 1 || seen[cookies[0].Value] {
			t.Fatalf("the cookies after signing in are %v", cookies)
		}
		seen[cookies[0].Value] = true
	}
	answer, _ := d.get(t, "/api/admin/environments/status", func(r *http.Request) {
		r.Header.Del("Authorization")
		r.AddCookie(&http.Cookie{Name: access.SessionCookieLoopback, Value: "planted"})
	})
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the planted session: %s", answer.Status)
	}
}

// T19: characters that reorder, hide or command do not reach a page.
func TestT19MarksThatDeceiveAreNotShown(t *testing.T) {
	d := start(t)
	title := "fix\u202egnp.exe\u202c \u001b[31mred\u001b[0m zero\u200bwidth \u2066isolate\u2069 tag\U000E0041 nul\x00 " + strings.Repeat("long ", 4000)
	d.sim(t, http.MethodPost, "/commits", dump(map[string]string{"message": title, "branch": "main"}))
	d.Refresh(t.Context())
	page := d.page(t, d.browser(t), "/admin/environments/deployments")
	_, answer := d.get(t, "/api/admin/environments/deployments")
	if !strings.Contains(page, "gnp.exe") || !strings.Contains(string(answer), "gnp.exe") {
		t.Error("the commit is not shown")
	}
	for where, text := range map[string]string{"page": page, "API": string(answer)} {
		if i := strings.IndexAny(text, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\u001b\x00\U000E0041"); i >= 0 {
			t.Errorf("the %s has %q", where, text[i:min(len(text), i+20)])
		}
		if strings.Contains(text, strings.Repeat("long ", 61)) {
			t.Errorf("the %s has a title of more than 300 characters", where)
		}
	}
}

// T24, T25: every credential that does not work gets one and the same answer.
func TestT24T25WhatIsWrongWithACredentialIsNotSaid(t *testing.T) {
	d := start(t)
	d.account(t, "kim")
	d.account(t, "leo")
	var leo string
	users, err := d.Control().Users(t.Context(), access.OperatorActor("test"))
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		if u.Subject == "leo" {
			leo = u.ID
		}
	}
	off := true
	if _, err := d.Control().ChangeUser(t.Context(), access.OperatorActor("test"), leo, access.UserChange{Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, who := range map[string]string{"wrong password": "kim", "disabled": "leo", "nobody": "eve", "provider's person": "super-admin"} {
		answer, body := d.submit(t, alone(t), "/sign-in", url.Values{"name": {who}, "password": {goodPassword + "x"}})
		texts[name] = answer.Status + strings.ReplaceAll(body, who, "NAME")
	}
	same(t, texts)

	token, tokens := d.Tokens.Admin.Reveal(), map[string]string{}
	for name, text := range map[string]string{
		"mistyped": token[:len(token)-1] + "!", "checksum": token[:12] + "zz" + token[14:], "made up": "edk_api_" + strings.Repeat("0", 36), "no token": "x", "long": strings.Repeat("y", 4000),
	} {
		answer, body := d.get(t, "/api/admin/environments/status", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+text) })
		var p map[string]any
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatal(err)
		}
		delete(p, "request")
		tokens[name] = answer.Status + dump(p)
	}
	same(t, tokens)
}

func same(t *testing.T, texts map[string]string) {
	t.Helper()
	first := slices.Sorted(maps.Keys(texts))[0]
	for name, text := range texts {
		if text != texts[first] {
			t.Errorf("%q and %q are told apart:\n%s\n%s", name, first, text, texts[first])
		}
	}
}

// T27: a crowd that signs in at once is served a few at a time and told to
// come back, in bounded memory, while everybody else is served.
func TestT27FiveHundredSignInsAtOnce(t *testing.T) {
	d := start(t)
	d.account(t, "user")
	d.status(t) // whoever reads is known by now, and counted by the token
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var signingIn, reading sync.WaitGroup
	var in, later, other, reads atomic.Int64
	// Without a network between: what the clients weigh is not the server's.
	crowd := d.near()
	crowd.CheckRedirect = stay
	for range 500 {
		signingIn.Go(func() {
			answer, _ := d.submit(t, crowd, "/sign-in", url.Values{"name": {"user"}, "password": {goodPassword}})
			switch answer.StatusCode {
			case http.StatusSeeOther:
				in.Add(1)
			case http.StatusTooManyRequests:
				later.Add(1)
			default:
				other.Add(1)
			}
		})
	}
	done := make(chan struct{})
	var peak uint64
	reading.Go(func() {
		for {
			d.status(t)
			reads.Add(1)
			runtime.GC() // what is needed, not what the collector has not come round to
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
			select {
			case <-done:
				return
			default:
			}
		}
	})
	signingIn.Wait()
	close(done)
	reading.Wait()
	grown := int64(peak) - int64(before.HeapAlloc)
	t.Logf("%d signed in, %d were told to wait, %d statuses were read meanwhile, the live heap grew by %d MB", in.Load(), later.Load(), reads.Load(), grown>>20)
	if in.Load() == 0 || later.Load() == 0 || other.Load() != 0 || reads.Load() < 2 {
		t.Errorf("%d in, %d later, %d otherwise, %d reads", in.Load(), later.Load(), other.Load(), reads.Load())
	}
	// One hash is 64 MB, and the one before it may not be collected yet.
	if grown >= 160<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
}

// elsewhere is where signing in must not lead.
var elsewhere = []string{
	"//evil.example", "///evil.example", "////evil.example/x", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\t/evil.example", "/\n/evil.example", "/\r\n/evil.example",
	"https://evil.example", "http://evil.example", "HTTPS://evil.example", "https:evil.example", "https:/evil.example", "http:\\\\evil.example", "//evil.example@127.0.0.1", "https://127.0.0.1@evil.example",
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "blob:x", "file:///etc/passwd", "ftp://evil.example", "evil.example", "evil.example/admin/", ".evil.example", "@evil.example",
	"/admin//evil.example", "/admin/..//evil.example", "/admin/../..//evil.example", "/admin/%2e%2e//evil.example", "/admin/%2f%2fevil.example", "/%09/evil.example", "/%5cevil.example", "/admin/\\..\\evil.example",
	"/admin/\x00//evil.example", " //evil.example", "\t//evil.example", "/sign-out", "/api/admin/environments/status", "/admin/environments\r\nSet-Cookie: a=b", "/admin/environments\u2028//evil.example",
}

// T28: whatever follows next, signing in leads to a page of ours.
func TestT28SigningInLeadsNowhereElse(t *testing.T) {
	d := start(t)
	home, err := url.Parse(d.URL())
	if err != nil {
		t.Fatal(err)
	}
	check := func(where, next string, answer *http.Response) {
		t.Helper()
		to, err := answer.Location()
		if err != nil {
			t.Errorf("%s with %q: %s %v", where, next, answer.Status, err)
			return
		}
		if to.Host != home.Host || to.Scheme != home.Scheme || !strings.HasPrefix(to.Path, "/admin/") || len(answer.Header.Values("Set-Cookie")) > 1 {
			t.Errorf("%s with %q leads to %s", where, next, answer.Header.Get("Location"))
		}
	}
	signedIn := alone(t)
	for _, next := range elsewhere {
		link, err := d.Control().SignInLink(t.Context(), access.OperatorActor("test"), d.Tokens.AdminID)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := d.submit(t, signedIn, "/sign-in/link", url.Values{"token": {link.Reveal()}, "next": {next}})
		check("the link", next, answer)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL()+"/sign-in?next="+url.QueryEscape(next), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ = do(t, signedIn, r)
		check("the page, signed in", next, answer)
	}
	t.Logf("%d addresses", len(elsewhere))
}

// T30: setting up takes a secret that was printed, and ends with the first
// account.
func TestT30NobodySetsUpWhatIsNotTheirs(t *testing.T) {
	d := start(t) // it has its people
	for _, token := range []string{"", "x", strings.Repeat("A", 30), d.Tokens.Admin.Reveal()} {
		c := alone(t)
		answer, body := d.submit(t, c, "/set-up", url.Values{"token": {token}, "name": {"eve"}, "password": {goodPassword}, "again": {goodPassword}})
		if answer.StatusCode < 400 || len(answer.Cookies()) != 0 {
			t.Errorf("set-up with %q: %s %.200s", token, answer.Status, body)
		}
	}
	users, err := d.Control().Users(t.Context(), access.OperatorActor("test"))
	if err != nil || len(users) != 2 {
		t.Errorf("%d people, %v", len(users), err)
	}
}

// T31: no spelling of a header makes anybody somebody.
func TestT31HeadersThatNameAPersonAreNothing(t *testing.T) {
	d := start(t)
	for _, name := range []string{
		"X-Forwarded-User", "X_Forwarded_User", "x-forwarded-user", "X-Remote-User", "Remote-User", "REMOTE_USER", "X-Auth-Request-User", "X-Auth-Request-Email", "X-WEBAUTH-USER", "X-User", "Cf-Access-Authenticated-User-Email",
		"X-Forwarded-Email", "X-Original-User", "X-Amzn-Oidc-Identity", "X-Envdeck-User", "Envdeck-User",
	} {
		answer, _ := d.get(t, "/api/admin/environments/status", func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header[name] = []string{"super-admin"}
			r.Header.Set("X-Forwarded-For", "127.0.0.1")
			r.Header.Set("X-Forwarded-Host", "127.0.0.1")
		})
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
}

// T42: what sorts and filters is a name from a list or a value, never SQL.
func TestT42FiltersAreValuesAndNeverSQL(t *testing.T) {
	d := start(t)
	_, all := d.get(t, "/api/admin/environments/audit?limit=500")
	for _, text := range []string{
		"' OR '1'='1", "') OR 1=1--", "x' UNION SELECT hash,1 FROM tokens--", "%", "_", "%' ESCAPE '!", "\\", "'; DROP TABLE audit;--", "\" OR \"\"=\"", "1 OR 1=1", "x'||(SELECT 1)||'", "0x27", "null", "$1", "?1", ":a", "user.*", "user*", "[a-z]",
	} {
		for _, field := range []string{"person", "action", "environment", "project", "result", "from", "to", "cursor", "limit", "sort", "order"} {
			answer, body := d.get(t, "/api/admin/environments/audit?"+url.Values{field: {text}}.Encode())
			switch {
			case answer.StatusCode == http.StatusBadRequest:
			case answer.StatusCode != http.StatusOK:
				t.Errorf("%s=%s: %s %s", field, text, answer.Status, body)
			case !bytes.Contains(body, []byte(`"entries":[]`)):
				t.Errorf("%s=%s lets entries through: %.300s", field, text, body)
			}
		}
	}
	if _, after := d.get(t, "/api/admin/environments/audit?limit=500"); len(after) < len(all) {
		t.Error("entries are gone")
	}
}
