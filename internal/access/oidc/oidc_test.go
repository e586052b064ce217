package oidc_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/access/oidc"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// ahead is a clock that can be put forward.
type ahead struct {
	clock.Clock
	by time.Duration
}

func (a *ahead) Now() time.Time { return a.Clock.Now().Add(a.by) }

// lane is the way to a provider that an attacker or a broken provider is in.
type lane struct {
	token    func(answer map[string]any) // changes what the token endpoint says
	userinfo map[string]any              // replaces what UserInfo says
}

func (l *lane) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || res.StatusCode != http.StatusOK {
		return res, err
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/token") && l.token != nil:
		var answer map[string]any
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
			return nil, err
		}
		l.token(answer)
		return replace(res, answer)
	case strings.HasSuffix(r.URL.Path, "/userinfo") && l.userinfo != nil:
		return replace(res, l.userinfo)
	}
	return res, nil
}

func replace(res *http.Response, body any) (*http.Response, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	res.Header.Set("Content-Length", "")
	return res, nil
}

type world struct {
	t       *testing.T
	idp     *mockoidc.MockOIDC
	control *access.Control
	signIn  *oidc.SignIn
	clock   *ahead
	lane    *lane
}

func newWorld(t *testing.T) *world {
	t.Helper()
	idp, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Shutdown() })
	keys, err := access.NewKeys(secret.New("a master key for tests, 32 characters or more"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, idp: idp, clock: &ahead{Clock: clock.Real()}, lane: &lane{}}
	w.control, err = access.New(t.Context(), access.Config{
		Store: storetest.Open(t), Keys: keys, Clock: w.clock, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.signIn = oidc.New(oidc.Config{
		Issuer: idp.Issuer(), ClientID: idp.ClientID, ClientSecret: secret.New(idp.ClientSecret),
		RedirectURL: "http://127.0.0.1:1/back", SuperAdmin: []string{"release-managers"}, Admin: []string{"engineering"},
		Scopes: []string{"profile", "email", "groups"}, Control: w.control, Clock: w.clock, HTTP: &http.Client{Transport: w.lane},
	})
	return w
}

func user(sub string, groups ...string) *mockoidc.MockUser {
	return &mockoidc.MockUser{Subject: sub, Email: sub + "@example.com", EmailVerified: true, PreferredUsername: sub, Groups: groups}
}

// trip is one sign-in up to the way back.
type trip struct {
	cookie string
	query  url.Values
}

// away goes to the provider as u and answers what the browser brings back.
func (w *world) away(u mockoidc.User) trip {
	w.t.Helper()
	address, cookie, err := w.signIn.Begin(w.t.Context(), "/admin/environments")
	if err != nil {
		w.t.Fatal(err)
	}
	w.idp.QueueUser(u)
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := browser.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	back, err := res.Location()
	if err != nil {
		w.t.Fatal(err)
	}
	return trip{cookie.Reveal(), back.Query()}
}

func (w *world) back(tr trip) (access.SignedIn, error) {
	in, _, err := w.signIn.Finish(w.t.Context(), tr.cookie, tr.query, access.Visit{Face: access.FaceWeb})
	return in, err
}

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	tr := w.away(user("anna", "engineering", "release-managers"))
	in, next, err := w.signIn.Finish(t.Context(), tr.cookie, tr.query, access.Visit{Face: access.FaceWeb})
	if err != nil || next != "/admin/environments" {
		t.Fatal(next, err)
	}
	a, err := w.control.Authenticate(t.Context(), access.Credentials{Cookie: in.Cookie.Reveal()})
	if err != nil || a.Role != access.SuperAdmin || a.Name != "anna" || a.Method != "oidc" {
		t.Fatalf("%+v, %v", a, err)
	}

	// Again: the same account, with the role that the provider gives now.
	again, err := w.back(w.away(user("anna", "engineering")))
	if err != nil || again.Actor.ID != a.ID || again.Actor.Role != access.Admin {
		t.Fatalf("%+v, %v", again.Actor, err)
	}
	if old, _ := w.control.Authenticate(t.Context(), access.Credentials{Cookie: in.Cookie.Reveal()}); old.Known() {
		t.Error("the session with the old role goes on")
	}

	// No group, no entry.
	if _, err := w.back(w.away(user("guest", "marketing"))); !fault.Is(err, fault.Denied) {
		t.Fatal(err)
	}
	// Disabled here is disabled, whatever the provider says.
	disabled := true
	if _, err := w.control.ChangeUser(t.Context(), access.OperatorActor("test"), a.ID, access.UserChange{Disabled: &disabled}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.back(w.away(user("anna", "engineering"))); !fault.Is(err, fault.Denied) {
		t.Fatal(err)
	}
}

// An address says nothing about who somebody is.
func TestEmailLinksNobody(t *testing.T) {
	w := newWorld(t)
	anna, err := w.control.CreateUser(t.Context(), access.OperatorActor("test"),
		access.NewUser{Login: "anna", Email: "anna@example.com", Role: access.SuperAdmin})
	if err != nil {
		t.Fatal(err)
	}
	for _, verified := range []bool{false, true} {
		u := user("mallory", "engineering")
		u.Email, u.EmailVerified = "anna@example.com", verified
		in, err := w.back(w.away(u))
		if err != nil || in.Actor.ID == anna.ID || in.Actor.Role != access.Admin {
			t.Fatalf("%+v, %v", in.Actor, err)
		}
		all, err := w.control.Users(t.Context(), access.OperatorActor("test"))
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range all {
			if u.ID == in.Actor.ID && (u.Email != "") != verified {
				t.Errorf("verified is %v and the address %q was kept", verified, u.Email)
			}
		}
	}
}

func TestProviderThatIsDown(t *testing.T) {
	w := newWorld(t)
	s := oidc.New(oidc.Config{Issuer: "http://127.0.0.1:1", ClientID: "x", Control: w.control, Clock: w.clock})
	_, _, err := s.Begin(t.Context(), "/")
	if !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
}

// claimsUser is a user about whom the provider says what the test wants.
type claimsUser struct {
	*mockoidc.MockUser
	change func(c jwt.MapClaims)
}

func (u claimsUser) Claims(scope []string, base *mockoidc.IDTokenClaims) (jwt.Claims, error) {
	c, err := u.MockUser.Claims(scope, base)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	all := jwt.MapClaims{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	u.change(all)
	return all, nil
}

// resign signs the claims of a token anew.
func resign(t *testing.T, token any, method jwt.SigningMethod, key any, kid string) string {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token.(string), claims); err != nil {
		t.Fatal(err)
	}
	fresh := jwt.NewWithClaims(method, claims)
	fresh.Header["kid"] = kid
	text, err := fresh.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAttacks(t *testing.T) {
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	victim := func() *mockoidc.MockUser { return user("anna", "release-managers") }
	says := func(change func(jwt.MapClaims)) func(*world) trip {
		return func(w *world) trip { return w.away(claimsUser{victim(), change}) }
	}
	brings := func(change func(url.Values)) func(*world) trip {
		return func(w *world) trip {
			tr := w.away(victim())
			change(tr.query)
			return tr
		}
	}
	answers := func(change func(*testing.T, *world, map[string]any)) func(*world) trip {
		return func(w *world) trip {
			w.lane.token = func(answer map[string]any) { change(w.t, w, answer) }
			return w.away(victim())
		}
	}
	signed := func(method jwt.SigningMethod, key func(*world) any) func(*world) trip {
		return answers(func(t *testing.T, w *world, answer map[string]any) {
			kid, err := w.idp.Keypair.KeyID()
			if err != nil {
				t.Fatal(err)
			}
			answer["id_token"] = resign(t, answer["id_token"], method, key(w), kid)
		})
	}
	attacks := map[string]func(w *world) trip{
		"another state":     brings(func(q url.Values) { q.Set("state", rand.Text()) }),
		"no state":          brings(func(q url.Values) { q.Del("state") }),
		"two states":        brings(func(q url.Values) { q.Add("state", q.Get("state")) }),
		"two codes":         brings(func(q url.Values) { q.Add("code", "x") }),
		"no code":           brings(func(q url.Values) { q.Del("code") }),
		"a made-up code":    brings(func(q url.Values) { q.Set("code", rand.Text()) }),
		"another provider":  brings(func(q url.Values) { q.Set("iss", "https://evil.example") }),
		"an error":          brings(func(q url.Values) { q.Set("error", "access_denied") }),
		"a browser without": func(w *world) trip { return trip{"", w.away(victim()).query} },
		"another browser": func(w *world) trip {
			mine, theirs := w.away(user("mallory", "engineering")), w.away(victim())
			return trip{mine.cookie, theirs.query}
		},
		"another one's code (PKCE)": func(w *world) trip {
			mine, theirs := w.away(user("mallory", "engineering")), w.away(victim())
			mine.query.Set("code", theirs.query.Get("code"))
			return mine
		},
		"replay": func(w *world) trip {
			tr := w.away(victim())
			if _, err := w.back(tr); err != nil {
				w.t.Fatal(err)
			}
			return tr
		},
		"too late": func(w *world) trip {
			tr := w.away(victim())
			w.clock.by = access.FlowLife
			return tr
		},
		"another nonce":          says(func(c jwt.MapClaims) { c["nonce"] = rand.Text() }),
		"no nonce":               says(func(c jwt.MapClaims) { delete(c, "nonce") }),
		"another issuer":         says(func(c jwt.MapClaims) { c["iss"] = "https://evil.example" }),
		"another audience":       says(func(c jwt.MapClaims) { c["aud"] = "another-app" }),
		"two audiences, no azp":  says(func(c jwt.MapClaims) { c["aud"] = []any{c["aud"].([]any)[0], "another-app"} }),
		"azp is another":         says(func(c jwt.MapClaims) { c["azp"] = "another-app" }),
		"expired":                says(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Hour).Unix() }),
		"no expiry":              says(func(c jwt.MapClaims) { delete(c, "exp") }),
		"from the future":        says(func(c jwt.MapClaims) { c["iat"] = time.Now().Add(time.Hour).Unix() }),
		"no subject":             says(func(c jwt.MapClaims) { delete(c, "sub") }),
		"another access token":   says(func(c jwt.MapClaims) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" }),
		"not signed":             signed(jwt.SigningMethodNone, func(*world) any { return jwt.UnsafeAllowNoneSignatureType }),
		"signed with the secret": signed(jwt.SigningMethodHS256, func(w *world) any { return []byte(w.idp.ClientSecret) }),
		"signed by a stranger":   signed(jwt.SigningMethodRS256, func(*world) any { return stranger }),
		"no ID token":            answers(func(_ *testing.T, _ *world, a map[string]any) { delete(a, "id_token") }),
		"claims changed": answers(func(_ *testing.T, _ *world, a map[string]any) {
			parts := strings.Split(a["id_token"].(string), ".")
			parts[1] = parts[1][:len(parts[1])-4] + "AAAA"
			a["id_token"] = strings.Join(parts, ".")
		}),
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tr := attack(w)
			in, err := w.back(tr)
			if !fault.Is(err, fault.Unauthenticated) || in.Actor.Known() || in.Cookie.Set() {
				t.Fatalf("signed in as %+v, %v", in.Actor, err)
			}
			if strings.Contains(err.Error(), w.idp.ClientSecret) || tr.query.Get("code") != "" && strings.Contains(err.Error(), tr.query.Get("code")) {
				t.Errorf("a secret is in %v", err)
			}
			// The flow is used up: the right answer comes too late now.
			w.lane.token = nil
			if _, err := w.back(tr); name != "another browser" && !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("the second try gives %v", err)
			}
		})
	}
}

// UserInfo is not signed: it may add, never replace, and only about the person.
func TestUserInfo(t *testing.T) {
	bare := func(c jwt.MapClaims) {
		delete(c, "groups")
		delete(c, "email")
		delete(c, "email_verified")
	}
	for _, test := range []struct {
		name string
		info map[string]any
		want access.Role
	}{
		{"adds", map[string]any{"sub": "anna", "groups": []string{"engineering"}, "email": "anna@example.com"}, access.Admin},
		{"adds one as a text", map[string]any{"sub": "anna", "groups": "engineering"}, access.Admin},
		{"is about another", map[string]any{"sub": "boss", "groups": []string{"release-managers"}}, ""},
		{"is about nobody", map[string]any{"groups": []string{"release-managers"}}, ""},
		{"is of odd types", map[string]any{"sub": "anna", "groups": map[string]any{"x": 1}, "email": 5}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.lane.userinfo = test.info
			in, err := w.back(w.away(claimsUser{user("anna"), bare}))
			if in.Actor.Role != test.want || (err == nil) != (test.want != "") {
				t.Fatalf("%q, %v", in.Actor.Role, err)
			}
		})
	}
	t.Run("replaces nothing", func(t *testing.T) {
		w := newWorld(t)
		w.lane.userinfo = map[string]any{"sub": "anna", "groups": []string{"release-managers"}, "email": "x@example.com", "email_verified": true}
		in, err := w.back(w.away(claimsUser{user("anna", "engineering"), func(c jwt.MapClaims) { delete(c, "email") }}))
		if err != nil || in.Actor.Role != access.Admin {
			t.Fatalf("%q, %v", in.Actor.Role, err)
		}
	})
}
