package oidc

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// claims are what the provider says, tolerant of its types.
type claims map[string]json.RawMessage

func claimsOf(decode func(any) error) (claims, error) {
	var c claims
	err := decode(&c)
	return c, err
}

func (c claims) has(name string) bool { return len(c[name]) > 0 && string(c[name]) != "null" }

func (c claims) text(name string) string {
	var s string
	_ = json.Unmarshal(c[name], &s) // another type is no text
	return s
}

// values reads a string or a list of strings.
func (c claims) values(name string) []string {
	var list []string
	if json.Unmarshal(c[name], &list) == nil {
		return list
	}
	if s := c.text(name); s != "" {
		return []string{s}
	}
	return nil
}

// fill adds what is missing; what was signed is not replaced.
func (c claims) fill(more claims) {
	signedEmail := c.has("email")
	for name := range maps.Keys(more) {
		// Whether an address is verified belongs to the address.
		if name == "email_verified" && signedEmail || c.has(name) {
			continue
		}
		c[name] = more[name]
	}
}

func (c claims) displayName() string {
	for _, name := range []string{"name", "preferred_username", "email"} {
		if s := c.text(name); s != "" {
			return s
		}
	}
	return ""
}

// verifiedEmail is the address when the provider says that it has checked it.
// Some write the boolean as a string.
func (c claims) verifiedEmail() string {
	var yes bool
	if json.Unmarshal(c["email_verified"], &yes) != nil {
		yes = c.text("email_verified") == "true"
	}
	if !yes {
		return ""
	}
	return c.text("email")
}

// partyIs checks azp: a token for several audiences must say that it was made
// for us (OpenID Connect Core 3.1.3.7).
func (c claims) partyIs(client string, audience []string) bool {
	if !slices.Contains(audience, client) {
		return false
	}
	if c.has("azp") {
		return c.text("azp") == client
	}
	return len(audience) == 1
}

// Bounds of what is read from a provider.
const (
	answerTimeout = 10 * time.Second
	answerBytes   = 1 << 20
)

// bounded is the client with a limit on the time and the size of each answer.
// It follows no redirects: the client secret would follow, too.
func bounded(base *http.Client) *http.Client {
	c := &http.Client{Timeout: answerTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	next := http.DefaultTransport
	if base != nil && base.Transport != nil {
		next = base.Transport
	}
	c.Transport = limited{next}
	return c
}

type limited struct{ next http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, answerBytes), res.Body}
	return res, nil
}
