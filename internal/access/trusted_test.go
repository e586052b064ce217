package access_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

func TestTrustedHeader(t *testing.T) {
	key := strings.Repeat("s3cret! ", 5) + "end"
	mode := access.TrustedHeader{
		Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/24"), netip.MustParsePrefix("fd00::/64")}, Secret: secret.New(key),
		SecretHeader: "X-Deck-Secret", UserHeader: "X-User", NameHeader: "X-Name", RolesHeader: "X-Groups",
		SuperAdmin: []string{"release"}, Admin: []string{"eng"},
	}
	good := func() map[string][]string {
		return map[string][]string{"X-Deck-Secret": {key}, "X-User": {"anna"}, "X-Name": {"Anna"}, "X-Groups": {"eng, release"}}
	}
	with := func(change func(h map[string][]string)) map[string][]string {
		h := good()
		change(h)
		return h
	}
	proxy := "10.1.0.9"
	id, ok := mode.Identify(netip.MustParseAddr(proxy), good())
	want := access.Identity{Issuer: access.TrustedIssuer, Subject: "anna", Name: "Anna", Role: access.SuperAdmin}
	if diff := cmp.Diff(want, id); !ok || diff != "" {
		t.Fatal(ok, diff)
	}
	if _, ok := mode.Identify(netip.MustParseAddr("::ffff:10.1.0.9"), good()); !ok {
		t.Error("the proxy's address in its other form is refused")
	}
	for name, test := range map[string]struct {
		peer   string
		header map[string][]string
	}{
		"a stranger":               {"10.2.0.9", good()},
		"a stranger in v6":         {"fd01::1", good()},
		"loopback":                 {"127.0.0.1", good()},
		"a stranger, mapped":       {"::ffff:10.2.0.9", good()},
		"without the secret":       {proxy, with(func(h map[string][]string) { delete(h, "X-Deck-Secret") })},
		"with a wrong secret":      {proxy, with(func(h map[string][]string) { h["X-Deck-Secret"] = []string{key[1:]} })},
		"with two secrets":         {proxy, with(func(h map[string][]string) { h["X-Deck-Secret"] = []string{key, key} })},
		"two users":                {proxy, with(func(h map[string][]string) { h["X-User"] = []string{"anna", "boss"} })},
		"an underscore":            {proxy, with(func(h map[string][]string) { h["X_User"] = []string{"boss"} })},
		"only an underscore":       {proxy, with(func(h map[string][]string) { h["X_User"] = h["X-User"]; delete(h, "X-User") })},
		"another case":             {proxy, with(func(h map[string][]string) { h["x-user"] = []string{"boss"} })},
		"an underscore, groups":    {proxy, with(func(h map[string][]string) { h["X_groups"] = []string{"release"} })},
		"an underscore, lowercase": {proxy, with(func(h map[string][]string) { h["x_deck_secret"] = []string{"x"} })},
		"no user":                  {proxy, with(func(h map[string][]string) { h["X-User"] = []string{" "} })},
	} {
		if id, ok := mode.Identify(netip.MustParseAddr(test.peer), test.header); ok {
			t.Errorf("%s is taken for %+v", name, id)
		}
	}
	for name, change := range map[string]func(*access.TrustedHeader){
		"everybody":    func(m *access.TrustedHeader) { m.Networks = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} },
		"nobody":       func(m *access.TrustedHeader) { m.Networks = nil },
		"no secret":    func(m *access.TrustedHeader) { m.Secret = secret.Text{} },
		"short secret": func(m *access.TrustedHeader) { m.Secret = secret.New("short") },
		"no header":    func(m *access.TrustedHeader) { m.UserHeader = "" },
	} {
		bad := mode
		change(&bad)
		wantKind(t, bad.Check(), fault.Invalid)
		if _, ok := bad.Identify(netip.MustParseAddr(proxy), good()); ok {
			t.Errorf("%s: settings that are wrong let somebody in", name)
		}
	}
}
