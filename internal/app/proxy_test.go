package app

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/fault"
)

const proxySecret = "between-the-proxy-and-the-deck-0123"

// behindProxy is a server that believes a proxy on 10.1.0.9.
func behindProxy(t *testing.T) *App {
	t.Helper()
	text := `
data: ` + t.TempDir() + `
auth:
  proxies: [10.1.0.9]
  trusted_header: {from: [10.1.0.9], secret: "` + proxySecret + `", SUPER_ADMIN: [release], ADMIN: [eng]}
projects:
  - name: shop
    environments: {prod: {kind: production, url: "http://127.0.0.1:1", health: none}}
`
	cfg, err := config.Load("envdeck.yaml", []byte(text), os.Getenv, nil)
	if err != nil {
		t.Fatalf("%+v", fault.From(err).Places)
	}
	cfg.Listen = "127.0.0.1:0"
	a, err := New(context.WithoutCancel(t.Context()), Options{Config: cfg, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// sent is a request as it arrives: from an address, with headers in pairs.
type sent struct {
	from   string
	cookie *http.Cookie
	header []string
}

func (a *App) ask(method, path string, s sent) *httptest.ResponseRecorder {
	body := strings.NewReader(url.Values{"next": {"/admin/environments"}}.Encode())
	r := httptest.NewRequest(method, "http://127.0.0.1"+path, body)
	r.RemoteAddr = s.from + ":50000"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://127.0.0.1")
	}
	for i := 0; i+1 < len(s.header); i += 2 {
		r.Header.Set(s.header[i], s.header[i+1])
	}
	if s.cookie != nil {
		r.AddCookie(s.cookie)
	}
	w := httptest.NewRecorder()
	a.door.ServeHTTP(w, r)
	return w
}

func by(user, groups string) []string {
	return []string{"X-Envdeck-Proxy-Secret", proxySecret, "X-Forwarded-User", user, "X-Forwarded-Groups", groups}
}

// T31: a proxy that is named in the configuration signs people in; its word
// counts in each request, and nobody else's ever.
func TestT31OnlyTheNamedProxySignsPeopleIn(t *testing.T) {
	a := behindProxy(t)
	const proxy = "10.1.0.9"
	if page := a.ask(http.MethodGet, "/sign-in", sent{from: proxy, header: by("anna", "eng")}).Body.String(); !strings.Contains(page, "Continue as <bdi>anna</bdi>") {
		t.Errorf("the page does not offer the way in: %.600s", page)
	}
	for name, s := range map[string]sent{
		"from elsewhere":     {from: "10.1.0.10", header: by("anna", "release")},
		"without the secret": {from: proxy, header: by("anna", "release")[2:]},
		"without a person":   {from: proxy, header: by("", "release")},
		"with another cookie and no proxy": {
			from: "127.0.0.1", header: by("anna", "release"), cookie: &http.Cookie{Name: access.SessionCookieLoopback, Value: strings.Repeat("A", 43)},
		},
	} {
		if w := a.ask(http.MethodPost, "/sign-in/proxy", s); w.Code != http.StatusUnauthorized || len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: %d %v", name, w.Code, w.Result().Cookies())
		}
		if page := a.ask(http.MethodGet, "/sign-in", s).Body.String(); strings.Contains(page, "Continue as") {
			t.Errorf("%s: the page offers a way in", name)
		}
	}
	if w := a.ask(http.MethodPost, "/sign-in/proxy", sent{from: proxy, header: by("kim", "sales")}); w.Code != http.StatusForbidden {
		t.Errorf("somebody without a role: %d", w.Code)
	}

	in := a.ask(http.MethodPost, "/sign-in/proxy", sent{from: proxy, header: by("anna", "eng")})
	cookies := in.Result().Cookies()
	if in.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("signing in: %d %v %s", in.Code, cookies, in.Body)
	}
	const view = "/api/admin/environments/status"
	for name, c := range map[string]struct {
		sent
		want int
	}{
		"the person":                {sent{from: proxy, header: by("anna", "eng")}, http.StatusOK},
		"another one at that place": {sent{from: proxy, header: by("boss", "eng")}, http.StatusUnauthorized},
		"the person, promoted":      {sent{from: proxy, header: by("anna", "release")}, http.StatusUnauthorized},
		"the person, dismissed":     {sent{from: proxy, header: by("anna", "")}, http.StatusUnauthorized},
		"signed out at the proxy":   {sent{from: proxy}, http.StatusUnauthorized},
		"past the proxy":            {sent{from: "10.1.0.10", header: by("anna", "eng")}, http.StatusUnauthorized},
	} {
		c.cookie = cookies[0]
		if w := a.ask(http.MethodGet, view, c.sent); w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
}
