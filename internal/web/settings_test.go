package web_test

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/jba/templatecheck"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store/storetest"
	"github.com/envdeck/envdeck/internal/web"
	"github.com/envdeck/envdeck/internal/web/panel/all"
	"github.com/envdeck/envdeck/internal/web/stories"
)

// house is the pages on the real rooms for people and the record, behind the
// real door.
type house struct {
	*desk
	door    *door.Door
	control *access.Control
	ids     access.Bootstrapped
}

func (h *house) Actor(r *http.Request) (access.Actor, error) {
	a, err := h.door.Actor(r, access.FaceWeb)
	if err == nil && !a.Known() {
		err = fault.New(fault.Unauthenticated, "Nobody is signed in.")
	}
	return a, err
}

func build(t *testing.T) *house {
	t.Helper()
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 40)))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	control, err := access.New(t.Context(), access.Config{Store: storetest.Open(t), Keys: keys, Clock: clock.Real(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := control.Bootstrap(t.Context(), access.OperatorActor("test"), true)
	if err != nil {
		t.Fatal(err)
	}
	plenty := door.Rate{PerSecond: 1e6, Burst: 1e6}
	h := &house{desk: &desk{story: stories.Normal()}, control: control, ids: ids, door: door.New(door.Options{Control: control, Log: log, Limits: door.Limits{Caller: plenty, Address: plenty}})}
	face := web.New(web.Deps{
		Access: h, Releases: h, Board: h, Runner: h, Databases: h, Alarms: h, Projects: func(access.Actor) []string { return []string{"spike.land"} }, Control: control, Door: h.door,
		NoPasskeys: "Passkeys need an https address.", URL: func() string { return "https://deck.example.com" },
		Pages: all.Pages(all.Rooms{Board: h, History: h, Log: control, Desk: h, Crons: h, Workers: h, Databases: h, Incidents: h, URL: func() string { return "https://deck.example.com" }}), Clock: clock.Real(), Log: log, Version: "test",
	})
	for _, r := range face.Routes() {
		h.door.Handle(r.Pattern, access.FaceWeb, r.Use, r.Handler)
	}
	h.door.SetPage(face.ShowProblem)
	return h
}

// visitor is a browser without scripts: it keeps cookies and follows redirects.
type visitor struct {
	t       *testing.T
	house   *house
	cookies map[string]string
	at      string // the address of the last answer
}

func (h *house) visitor(t *testing.T, user string) *visitor {
	t.Helper()
	v := &visitor{t: t, house: h, cookies: map[string]string{}}
	link, err := h.control.SignInLink(t.Context(), access.OperatorActor("test"), user)
	if err != nil {
		t.Fatal(err)
	}
	in, err := h.control.Redeem(t.Context(), link.Reveal(), access.Visit{Face: access.FaceWeb, Address: "192.0.2.7", Agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"})
	if err != nil {
		t.Fatal(err)
	}
	v.cookies[access.SessionCookieLoopback] = in.Cookie.Reveal()
	return v
}

// send asks once, without following.
func (v *visitor) send(method, path string, form url.Values) *http.Response {
	v.t.Helper()
	r := httptest.NewRequestWithContext(v.t.Context(), method, "http://127.0.0.1:4280"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		r.Header.Set("Origin", "http://127.0.0.1:4280")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	v.house.door.ServeHTTP(w, r)
	answer := w.Result()
	for _, c := range answer.Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			delete(v.cookies, c.Name)
		} else {
			v.cookies[c.Name] = c.Value
		}
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
			v.t.Errorf("the cookie %s is loose", c.Name)
		}
	}
	v.at = path
	return answer
}

func (v *visitor) page(status int, answer *http.Response) *goquery.Document {
	v.t.Helper()
	for answer.StatusCode == http.StatusSeeOther {
		_ = answer.Body.Close()
		answer = v.send(http.MethodGet, answer.Header.Get("Location"), nil)
	}
	doc := document(v.t, answer)
	if answer.StatusCode != status {
		v.t.Fatalf("%s: %d, want %d: %s", v.at, answer.StatusCode, status, strings.Join(strings.Fields(doc.Find("main").Text()), " "))
	}
	return doc
}

func (v *visitor) open(path string) *goquery.Document {
	v.t.Helper()
	return v.page(http.StatusOK, v.send(http.MethodGet, path, nil))
}

// submit fills the form with the id on a page, as a person would, and answers
// what comes of it.
func (v *visitor) submit(doc *goquery.Document, form string, status int, fill ...string) *goquery.Document {
	v.t.Helper()
	f := doc.Find("#form-" + form)
	if f.Length() != 1 {
		v.t.Fatalf("%s has %d forms %q", v.at, f.Length(), form)
	}
	if f.Find("button[disabled]").Length() > 0 {
		v.t.Fatalf("%s: the button of %q can not be used: %s", v.at, form, f.Find(".why-not").Text())
	}
	values := url.Values{}
	f.Find("input[name]").Each(func(_ int, e *goquery.Selection) { values.Set(e.AttrOr("name", ""), e.AttrOr("value", "")) })
	f.Find("select").Each(func(_ int, e *goquery.Selection) {
		o := e.Find("option[selected]")
		if o.Length() == 0 {
			o = e.Find("option").First()
		}
		values.Set(e.AttrOr("name", ""), o.AttrOr("value", ""))
	})
	for i := 0; i+1 < len(fill); i += 2 {
		if !values.Has(fill[i]) {
			v.t.Fatalf("the form %q has no field %q", form, fill[i])
		}
		values.Set(fill[i], fill[i+1])
	}
	return v.page(status, v.send(strings.ToUpper(f.AttrOr("method", "")), f.AttrOr("action", ""), values))
}

func TestTemplatesFitTheirViews(t *testing.T) {
	h := face(&desk{})
	for name, view := range web.Views() {
		if err := templatecheck.CheckHTML(h.Templates().Lookup(name), view); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATokenIsShownOnceAndRevoked(t *testing.T) {
	h := build(t)
	v := h.visitor(t, h.ids.SuperAdminID)
	doc := v.submit(v.open(web.TokensPath), "new-token", http.StatusOK, "name", "CI", "scope", "report", "expires", "30", "reason", "the pipeline")
	token := doc.Find("#shown-text").AttrOr("value", "")
	if !strings.HasPrefix(token, "edk_report_") {
		t.Fatalf("the token shown is %q", token)
	}
	if strings.Contains(v.at, token) || v.cookies[access.SessionCookieLoopback+"-shown-once"] != "" {
		t.Error("the secret is in the address, or stays in a cookie")
	}
	if doc := v.open(v.at); doc.Find("#shown-text").Length() != 0 || strings.Contains(doc.Text(), token) {
		t.Error("loading the page again shows the token again")
	}
	row := v.open(web.TokensPath).Find(".tokens tr:contains('CI')")
	if !strings.Contains(row.Text(), token[len(token)-4:]) || !strings.Contains(row.Text(), "report") {
		t.Errorf("the list says %q", row.Text())
	}
	doc = v.submit(v.open(row.Find(".t-acts a").AttrOr("href", "")), "revoke", http.StatusOK, "reason", "leaked")
	if got := doc.Find(".done").Text(); !strings.Contains(got, "is revoked") {
		t.Errorf("after revoking the page says %q", got)
	}
	if got := doc.Find(".tokens tr:contains('CI') .t-state").Text(); !strings.Contains(got, "Revoked") {
		t.Errorf("the state is %q", got)
	}
	entries, err := h.control.Activity(t.Context(), access.OperatorActor("test"), access.AuditFilter{Action: "token"})
	if err != nil || len(entries.Entries) != 2 || entries.Entries[0].Reason != "leaked" || entries.Entries[1].Reason != "the pipeline" || entries.Entries[0].RequestID == "" {
		t.Errorf("the record is %+v, %v", entries.Entries, err)
	}
}

// A form that is refused comes back with what was typed and the problem beside
// its field.
func TestNothingTypedIsLost(t *testing.T) {
	h := build(t)
	v := h.visitor(t, h.ids.SuperAdminID)
	doc := v.submit(v.open(web.TokensPath), "new-token", http.StatusBadRequest, "name", " ", "scope", "ping", "expires", "180", "reason", "<b>why</b>")
	f := doc.Find("#form-new-token")
	if f.Find("[data-bad] #new-token-name[aria-invalid=true]").Length() != 1 || f.Find("#new-token-name-bad").Length() != 1 {
		t.Error("the problem is not beside the name")
	}
	if f.Find("#new-token-scope option[selected]").AttrOr("value", "") != "ping" || f.Find("#new-token-expires option[selected]").AttrOr("value", "") != "180" || f.Find("#new-token-reason").AttrOr("value", "") != "<b>why</b>" {
		t.Error("what was typed is lost")
	}
	doc = v.submit(v.open(web.AccountPath), "password", http.StatusBadRequest, "password", "short", "again", "short")
	f = doc.Find("#form-password")
	if f.Find("#password-password-bad").Length() != 1 || f.Find("input[value='short']").Length() != 0 {
		t.Error("a short password: the problem is not beside it, or the password came back")
	}
	doc = v.submit(v.open(web.AccountPath), "password", http.StatusBadRequest, "password", "brisk otter lamp nine", "again", "another")
	if doc.Find("#password-again-bad").Length() != 1 {
		t.Error("two passwords that differ: the problem is not beside the second")
	}
}

func TestPeople(t *testing.T) {
	h := build(t)
	v := h.visitor(t, h.ids.SuperAdminID)
	own := v.open(web.PeoplePath + "/" + h.ids.SuperAdminID)
	for _, form := range []string{"role", "disable"} {
		if why := own.Find("#form-" + form + " .why-not").Text(); !strings.Contains(why, "last SUPER_ADMIN") || own.Find("#form-"+form+" button[disabled]").Length() != 1 {
			t.Errorf("the last SUPER_ADMIN's %s says %q", form, why)
		}
	}
	doc := v.submit(v.open(web.PeoplePath), "new-person", http.StatusOK, "login", "Kim", "name", "Kim K.", "role", "ADMIN", "reason", "joins")
	if !strings.Contains(doc.Find(".done").Text(), "is added") || doc.Find("#t-person").Text() != "Kim K." {
		t.Fatalf("after adding: %q", doc.Find("main").Text())
	}
	page, _, _ := strings.Cut(v.at, "?")
	doc = v.submit(doc, "link", http.StatusOK)
	link, err := url.Parse(doc.Find("#shown-text").AttrOr("value", ""))
	if err != nil || link.Host != "deck.example.com" || link.Path != "/sign-in/link" {
		t.Fatalf("the link is %v, %v", link, err)
	}
	if _, err := h.control.Redeem(t.Context(), link.Query().Get("token"), access.Visit{}); err != nil {
		t.Errorf("the link does not work: %v", err)
	}
	if doc := v.open(page); !strings.Contains(doc.Find("#t-sessions").Text(), "Kim") || doc.Find(".cards li").Length() != 1 {
		t.Error("the new session is not listed")
	}
	if got := v.submit(v.open(page), "role", http.StatusOK, "role", "SUPER_ADMIN").Find(".done").Text(); !strings.Contains(got, "role is changed") {
		t.Errorf("the role: %q", got)
	}
	if got := v.submit(v.open(page), "set-password", http.StatusOK, "password", "brisk otter lamp nine", "again", "brisk otter lamp nine").Find(".done").Text(); !strings.Contains(got, "password is set") {
		t.Errorf("the password: %q", got)
	}
	if got := v.submit(v.open(page), "details", http.StatusBadRequest, "name", "Kimberly", "email", "not one").Find("#details-email-bad, #details-name[value=Kimberly]").Length(); got != 2 {
		t.Errorf("a wrong address: %d of 2 signs", got)
	}
	if got := v.submit(v.open(page), "disable", http.StatusOK, "reason", "left").Find("#form-disable button").Text(); got != "Enable the account" {
		t.Errorf("after disabling the button says %q", got)
	}
	if why := v.open(page).Find("#form-link .why-not").Text(); !strings.Contains(why, "disabled") {
		t.Errorf("a link for somebody disabled: %q", why)
	}
	if got := v.submit(v.open(page), "disable", http.StatusOK).Find(".done").Text(); !strings.Contains(got, "enabled") {
		t.Errorf("enabling: %q", got)
	}
	if doc := v.submit(v.open(web.PeoplePath), "new-person", http.StatusConflict, "login", "kim"); doc.Find("#form-new-person [role=alert]").Length() != 1 || doc.Find("#new-person-login").AttrOr("value", "") != "kim" {
		t.Error("a name that is taken is not said, or is lost")
	}
}

func TestAnAdminSeesNobodyElse(t *testing.T) {
	h := build(t)
	v := h.visitor(t, h.ids.AdminID)
	if doc := v.open(web.AccountPath); doc.Find(".tabs a[href='"+web.PeoplePath+"'], #me a[href='"+web.PeoplePath+"']").Length() != 0 || doc.Find("#me a").Length() != 2 {
		t.Error("the menu offers what the role may not open")
	}
	if doc := v.open(web.TokensPath + "?all=1"); doc.Find(".switch").Length() != 0 || doc.Find(".tokens tbody tr").Length() != 1 || doc.Find("#new-token-owner").Length() != 0 {
		t.Error("an ADMIN sees other people's tokens")
	}
	for _, path := range []string{web.PeoplePath, web.PeoplePath + "/" + h.ids.SuperAdminID} {
		v.page(http.StatusForbidden, v.send(http.MethodGet, path, nil))
	}
	v.page(http.StatusForbidden, v.send(http.MethodPost, web.PeoplePath, url.Values{"login": {"me"}, "role": {"SUPER_ADMIN"}}))
	list, err := h.control.Tokens(t.Context(), access.OperatorActor("test"), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range list {
		if tok.OwnerID != h.ids.AdminID {
			v.page(http.StatusNotFound, v.send(http.MethodPost, web.TokensPath+"/"+tok.ID+"/revoke", url.Values{}))
		}
	}
}

func TestSessions(t *testing.T) {
	h := build(t)
	v, other := h.visitor(t, h.ids.AdminID), h.visitor(t, h.ids.AdminID)
	third := h.visitor(t, h.ids.AdminID)
	doc := v.open(web.AccountPath)
	if doc.Find(".cards li").Length() != 3 || doc.Find(".cards .badge[data-tone=live]").Length() != 1 || !strings.Contains(doc.Find(".cards li").First().Text(), "Firefox on Linux") {
		t.Fatalf("sessions: %q", doc.Find(".cards").Text())
	}
	doc = v.page(http.StatusOK, v.send(http.MethodPost, doc.Find(".cards form").First().AttrOr("action", ""), url.Values{}))
	if doc.Find(".cards li").Length() != 2 {
		t.Error("the session did not end")
	}
	doc = v.submit(doc, "end-others", http.StatusOK)
	if doc.Find(".cards li").Length() != 1 || !strings.Contains(doc.Find("#form-end-others .why-not").Text(), "only session") {
		t.Error("the others did not end, or the button does not say why it can not be used")
	}
	for _, gone := range []*visitor{other, third} {
		if r := gone.send(http.MethodGet, web.AccountPath, nil); r.Header.Get("Location") == "" || !strings.HasPrefix(r.Header.Get("Location"), "/sign-in") {
			t.Errorf("a session that was ended: %d", r.StatusCode)
		}
	}
}

// addPasskey gives a person a second factor, so that writes ask for presence.
func (h *house) addPasskey(t *testing.T, user string) {
	t.Helper()
	a := access.Actor{Kind: access.Person, ID: user, Role: access.SuperAdmin, SessionID: "test"}
	if err := h.control.AddPasskey(t.Context(), a, access.Passkey{ID: "key-1", Name: "laptop", Credential: "{}"}); err != nil {
		t.Fatal(err)
	}
}

// A write without a fresh proof leads to the confirmation and back to the form
// with everything in it but secrets.
func TestPresenceIsAskedForAndTheFormComesBack(t *testing.T) {
	h := build(t)
	h.addPasskey(t, h.ids.SuperAdminID)
	v := h.visitor(t, h.ids.SuperAdminID) // by a link: one factor of two
	r := v.send(http.MethodPost, web.TokensPath, url.Values{"name": {"CI & more"}, "scope": {"mcp"}, "expires": {"7"}, "reason": {"//x"}, "nonsense": {"1"}})
	to, err := url.Parse(r.Header.Get("Location"))
	if err != nil || to.Path != web.ConfirmPath || r.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d to %v, %v", r.StatusCode, to, err)
	}
	doc := v.open(to.String())
	if doc.Find("form[data-passkey=get]").Length() != 1 || doc.Find("noscript").Length() != 1 {
		t.Error("the passkey is not asked for")
	}
	next := doc.Find("input[name=next]").AttrOr("value", "")
	if strings.Contains(next, "nonsense") {
		t.Errorf("next is %q", next)
	}
	form := v.open(next).Find("#form-new-token")
	if form.Find("#new-token-name").AttrOr("value", "") != "CI & more" || form.Find("#new-token-scope option[selected]").AttrOr("value", "") != "mcp" || form.Find("#new-token-reason").AttrOr("value", "") != "//x" {
		html, _ := form.Html()
		t.Errorf("the form came back as %s", html)
	}
	page := web.PeoplePath + "/" + h.ids.AdminID
	r = v.send(http.MethodPost, page+"/password", url.Values{"password": {"brisk otter lamp nine"}, "again": {"brisk otter lamp nine"}, "reason": {"locked out"}})
	if to := r.Header.Get("Location"); strings.Contains(to, "otter") || !strings.Contains(to, "locked") {
		t.Errorf("the secret travels, or the reason does not: %s", to)
	}
	doc = v.open(strings.TrimPrefix(r.Header.Get("Location"), ""))
	if got := v.open(doc.Find("input[name=next]").AttrOr("value", "")).Find("#set-password-reason").AttrOr("value", ""); got != "locked out" {
		t.Errorf("the reason came back as %q", got)
	}
	// Ending sessions is how one gets rid of a thief: it never asks.
	if r := v.send(http.MethodPost, web.AccountPath+"/sessions/end-others", url.Values{}); !strings.Contains(r.Header.Get("Location"), "done=sessions") {
		t.Errorf("ending the others: %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
}

func TestConfirmByPassword(t *testing.T) {
	h := build(t)
	v := h.visitor(t, h.ids.AdminID)
	if doc := v.open(web.ConfirmPath + "?next=" + web.TokensPath); !strings.Contains(doc.Text(), "neither a password nor a passkey") {
		t.Error("an account without either is not told")
	}
	v.submit(v.open(web.AccountPath), "password", http.StatusOK, "password", "brisk otter lamp nine", "again", "brisk otter lamp nine")
	before := v.cookies[access.SessionCookieLoopback]
	r := v.send(http.MethodPost, web.ConfirmPath+"/password", url.Values{"password": {"wrong"}, "next": {web.TokensPath}})
	if doc := document(t, r); r.StatusCode != http.StatusForbidden || doc.Find("[role=alert]").Length() != 1 || doc.Find("input[name=next]").AttrOr("value", "") != web.TokensPath {
		t.Errorf("a wrong password: %d", r.StatusCode)
	}
	for next, want := range map[string]string{web.TokensPath: web.TokensPath, "//evil.example": home} {
		r = v.send(http.MethodPost, web.ConfirmPath+"/password", url.Values{"password": {"brisk otter lamp nine"}, "next": {next}})
		if r.Header.Get("Location") != want {
			t.Errorf("the right password leads to %q (%d)", r.Header.Get("Location"), r.StatusCode)
		}
	}
	if v.cookies[access.SessionCookieLoopback] == before {
		t.Error("the cookie stays the same")
	}
}

func TestTheRecord(t *testing.T) {
	h := build(t)
	v := h.visitor(t, h.ids.SuperAdminID)
	for i := range 60 {
		if _, err := h.control.CreateUser(t.Context(), access.OperatorActor("root"), access.NewUser{Login: fmt.Sprintf("u%d", i), Role: access.Admin, Reason: "=cmd()"}); err != nil {
			t.Fatal(err)
		}
	}
	doc := v.open(web.ActivityPath)
	if got := doc.Find(".record tbody tr").Length(); got != access.DefaultPage {
		t.Errorf("a page has %d entries", got)
	}
	doc = v.open(web.ActivityPath + doc.Find("a[rel=next]").AttrOr("href", ""))
	if doc.Find(".record tbody tr").Length() < 12 || doc.Find("a[rel=next]").Length() != 0 || doc.Find(".pager a:contains('Newest')").Length() != 1 {
		t.Error("the second page is not the rest")
	}
	doc = v.open(web.ActivityPath + "?action=session&person=super-admin&from=2020-01-01T00:00&to=nonsense")
	if doc.Find(".record tbody tr").Length() != 1 || !strings.Contains(doc.Find(".notice").Text(), "“Until” is not a time") || doc.Find("#f-action option[selected]").AttrOr("value", "") != "session" {
		t.Errorf("filtered: %q", doc.Find("main").Text())
	}
	doc = v.open(doc.Find(".record tbody a").AttrOr("href", ""))
	if doc.Find(".facts.long code").Length() != 2 || doc.Find(".beside a").Length() != 2 || !strings.Contains(doc.Find("h2").First().Text(), "session.sign_in") {
		t.Errorf("an entry: %q", doc.Find("main").Text())
	}
	if doc := v.open(web.ActivityPath + "/1"); doc.Find(".beside a").Length() != 1 || !strings.Contains(doc.Text(), "first entry") {
		t.Error("the first entry has an entry before it")
	}
	for _, path := range []string{"/999999", "/0", "/x"} {
		v.page(http.StatusNotFound, v.send(http.MethodGet, web.ActivityPath+path, nil))
	}
	if doc := v.open(web.ActivityPath + "/verify"); doc.Find("[data-tone=good]").Length() != 1 {
		t.Errorf("the verification says %q", doc.Find("main").Text())
	}
}

func TestTheRecordIsExportedWithAReason(t *testing.T) {
	h := build(t)
	v := h.visitor(t, h.ids.AdminID)
	doc := v.open(web.ActivityPath + "/export?action=operator")
	if doc := v.submit(doc, "export", http.StatusBadRequest); doc.Find("#export-reason-bad").Length() != 1 || doc.Find("input[type=hidden][name=action]").AttrOr("value", "") != "operator" {
		t.Error("an export without a reason is not refused beside the field")
	}
	for format, want := range map[string]string{"jsonl": `"manifest":{`, "csv": "seq,at,actor_kind"} {
		r := v.send(http.MethodPost, web.ActivityPath+"/export", url.Values{"action": {"operator"}, "format": {format}, "reason": {"the auditor"}})
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(body), want) || !strings.Contains(string(body), "operator.act") || strings.Contains(string(body), "session.sign_in") {
			t.Errorf("%s: %d, %v, %s", format, r.StatusCode, err, body)
		}
		if !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s is shown instead of downloaded", format)
		}
	}
	found, err := h.control.Activity(t.Context(), access.OperatorActor("test"), access.AuditFilter{Action: "audit"})
	if err != nil || len(found.Entries) != 2 || found.Entries[0].Reason != "the auditor" {
		t.Errorf("the record of the exports: %+v, %v", found.Entries, err)
	}
}

// settingsPages are the addresses of every page on the real rooms.
func settingsPages(t *testing.T, h *house) map[string]string {
	t.Helper()
	list, err := h.control.Tokens(t.Context(), access.OperatorActor("test"), true)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"account": web.AccountPath, "tokens": web.TokensPath + "?all=1", "revoke": web.TokensPath + "/" + list[0].ID + "/revoke", "people": web.PeoplePath,
		"person": web.PeoplePath + "/" + h.ids.SuperAdminID, "other": web.PeoplePath + "/" + h.ids.AdminID, "confirm": web.ConfirmPath,
		"activity": web.ActivityPath, "nothing": web.ActivityPath + "?person=nobody", "entry": web.ActivityPath + "/2", "verify": web.ActivityPath + "/verify", "export": web.ActivityPath + "/export",
	}
}

func TestPagesHaveNothingInlineAndDistinctIDs(t *testing.T) {
	h := build(t)
	h.addPasskey(t, h.ids.SuperAdminID)
	v := h.visitor(t, h.ids.SuperAdminID)
	pages := settingsPages(t, h)
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		doc := v.open(pages[name])
		if n := doc.Find("style, [style], script:not([src]), [onclick], [onsubmit]").Length(); n != 0 {
			t.Errorf("%s: %d inline scripts or styles", name, n)
		}
		ids := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, e *goquery.Selection) {
			if id := e.AttrOr("id", ""); ids[id] {
				t.Errorf("%s: two elements have the id %q", name, id)
			} else {
				ids[id] = true
			}
		})
		doc.Find("[aria-describedby], [aria-labelledby], label[for]").Each(func(_ int, e *goquery.Selection) {
			for _, attr := range []string{"aria-describedby", "aria-labelledby", "for"} {
				if id, ok := e.Attr(attr); ok && !ids[id] {
					t.Errorf("%s: %s=%q leads nowhere", name, attr, id)
				}
			}
		})
		if doc.Find("main h1").Length() != 1 {
			t.Errorf("%s has no heading", name)
		}
	}
}
