// Package oidc signs people in at an OpenID Connect provider: the authorization
// code flow with PKCE, state and nonce, bound to the browser that began it.
//
// It proves who somebody is and reads their role from a claim; accounts,
// sessions and what a role may do belong to access. It must not know cookies
// or pages: faces redirect and hand the query of the way back over.
package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// Config says which provider and how its people map to roles.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret secret.Text
	RedirectURL  string // the address of the way back, below public_url
	// RoleClaim is the claim that the values of SuperAdmin and Admin are looked
	// for in: a string or a list of strings. "groups" when empty.
	RoleClaim  string
	SuperAdmin []string
	Admin      []string
	// Scopes are asked for beside openid; profile and email when empty.
	Scopes []string

	Control *access.Control
	Clock   clock.Clock
	// HTTP is the client for the provider. Nil for one with a timeout that
	// follows no redirects.
	HTTP *http.Client
}

// SignIn is the way out to the provider and back.
type SignIn struct {
	cfg  Config
	http *http.Client

	mu       sync.Mutex // one discovery at a time
	provider *oidc.Provider
}

// algorithms are the signatures that are taken; "none" and the symmetric ones,
// which would make everybody who knows the client secret a provider, are not.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// New makes the sign-in. The provider is asked only when somebody signs in, so
// that one that is down does not keep envdeck from starting.
func New(cfg Config) *SignIn {
	if cfg.RoleClaim == "" {
		cfg.RoleClaim = "groups"
	}
	if len(cfg.Scopes) == 0 {
		cfg.Scopes = []string{"profile", "email"}
	}
	return &SignIn{cfg: cfg, http: bounded(cfg.HTTP)}
}

// flow is what is kept of a sign-in while the person is away.
type flow struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Next     string `json:"next"`
}

const flowKind = "oidc"

// Begin answers the address to send the browser to, and the value of the cookie
// that binds the flow to it. next is handed back by Finish; the face has made
// sure that it is a path of its own.
func (s *SignIn) Begin(ctx context.Context, next string) (address string, cookie secret.Text, err error) {
	ctx = oidc.ClientContext(ctx, s.http)
	provider, err := s.discover(ctx)
	if err != nil {
		return "", secret.Text{}, err
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: next}
	if cookie, err = s.cfg.Control.BeginFlow(ctx, flowKind, f); err != nil {
		return "", secret.Text{}, err
	}
	return s.oauth(provider).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), cookie, nil
}

// Finish takes the query of the way back and the flow's cookie, and signs the
// person in. Unauthenticated when the answer does not belong to the flow or is
// not the provider's word; Denied when the person has no role here.
func (s *SignIn) Finish(ctx context.Context, cookie string, query url.Values, v access.Visit) (in access.SignedIn, next string, err error) {
	var f flow
	// Taken first: whatever is wrong with the answer, the flow is over.
	if err := s.cfg.Control.FinishFlow(ctx, flowKind, cookie, &f); err != nil {
		return access.SignedIn{}, "", err
	}
	if err := s.checkQuery(query, f); err != nil {
		return access.SignedIn{}, "", err
	}
	ctx = oidc.ClientContext(ctx, s.http)
	provider, err := s.discover(ctx)
	if err != nil {
		return access.SignedIn{}, "", err
	}
	id, err := s.identify(ctx, provider, query.Get("code"), f)
	if err != nil {
		return access.SignedIn{}, "", err
	}
	in, err = s.cfg.Control.Federate(ctx, id, flowKind, v)
	return in, f.Next, err
}

func (s *SignIn) checkQuery(query url.Values, f flow) error {
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(query[name]) > 1 {
			return refused(nil, "The identity provider's answer is ambiguous.")
		}
	}
	if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(f.State)) != 1 {
		return refused(nil, "The answer does not belong to this sign-in. Begin again.")
	}
	// RFC 9207: an answer that names its issuer must name ours.
	if iss := query.Get("iss"); iss != "" && iss != s.cfg.Issuer {
		return refused(nil, "The answer comes from another identity provider.")
	}
	if query.Get("error") != "" {
		return refused(nil, "The identity provider did not sign you in. Begin again, or ask whoever runs it.")
	}
	if query.Get("code") == "" {
		return refused(nil, "The identity provider's answer has no code.")
	}
	return nil
}

func (s *SignIn) oauth(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: s.cfg.ClientID, ClientSecret: s.cfg.ClientSecret.Reveal(), Endpoint: p.Endpoint(), RedirectURL: s.cfg.RedirectURL,
		Scopes: append([]string{oidc.ScopeOpenID}, s.cfg.Scopes...),
	}
}

// discover asks the provider for its addresses, once it answers.
func (s *SignIn) discover(ctx context.Context) (*oidc.Provider, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.provider != nil {
		return s.provider, nil
	}
	// The provider keeps this context for fetching keys later, so it must not
	// be the request's.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), s.http), s.cfg.Issuer)
	if err != nil {
		return nil, &fault.Error{
			Kind: fault.Unavailable, Provider: "identity provider", RetryAfter: 10 * time.Second, Err: scrub(err),
			Message: "The identity provider does not answer, or not as " + s.cfg.Issuer + ". Try again later, or sign in with a local account.",
		}
	}
	s.provider = p
	return p, nil
}

// identify exchanges the code and believes nothing that is not signed.
func (s *SignIn) identify(ctx context.Context, provider *oidc.Provider, code string, f flow) (access.Identity, error) {
	token, err := s.oauth(provider).Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return access.Identity{}, refused(scrub(err), "The identity provider did not take the code back. Begin again.")
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return access.Identity{}, refused(nil, "The identity provider gave no ID token. Is the scope openid allowed for envdeck?")
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: s.cfg.ClientID, SupportedSigningAlgs: algorithms, Now: s.cfg.Clock.Now})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return access.Identity{}, refused(errors.New("oidc: the ID token does not verify"), "The identity provider's word could not be verified.")
	}
	if id.Nonce == "" || subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return access.Identity{}, refused(nil, "The identity provider's word belongs to another sign-in.")
	}
	if id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil {
		return access.Identity{}, refused(nil, "The identity provider's tokens do not belong together.")
	}
	c, err := claimsOf(id.Claims)
	if err != nil || !c.partyIs(s.cfg.ClientID, id.Audience) {
		return access.Identity{}, refused(err, "The identity provider's word is meant for somebody else.")
	}
	if id.IssuedAt.After(s.cfg.Clock.Now().Add(leeway)) {
		return access.Identity{}, refused(nil, "The identity provider's clock is ahead of ours.")
	}
	s.complete(ctx, provider, token, id.Subject, &c)
	return access.Identity{
		Issuer: id.Issuer, Subject: id.Subject, Name: c.displayName(), Email: c.verifiedEmail(), Role: s.role(c.values(s.cfg.RoleClaim)),
	}, nil
}

// leeway is how far apart the clocks may be.
const leeway = 5 * time.Minute

// complete asks UserInfo for what the ID token leaves out: many providers put
// neither the address nor the groups into it.
func (s *SignIn) complete(ctx context.Context, provider *oidc.Provider, token *oauth2.Token, subject string, c *claims) {
	if c.has("email") && c.has(s.cfg.RoleClaim) || provider.UserInfoEndpoint() == "" {
		return
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	// Its answer is not signed: one about somebody else is dropped.
	if err != nil || info.Subject != subject {
		return
	}
	if more, err := claimsOf(info.Claims); err == nil {
		c.fill(more)
	}
}

// role is the strongest that one of the values stands for.
func (s *SignIn) role(values []string) access.Role {
	in := func(list []string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return v != "" && slices.Contains(list, v) })
	}
	switch {
	case in(s.cfg.SuperAdmin):
		return access.SuperAdmin
	case in(s.cfg.Admin):
		return access.Admin
	default:
		return ""
	}
}

func refused(cause error, message string) error {
	return &fault.Error{Kind: fault.Unauthenticated, Message: message, Err: cause}
}

// scrub keeps of an error of the outside what is safe to log: the libraries
// put whole answers into theirs.
func scrub(err error) error {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && e.Response != nil {
		return errors.New("oidc: token endpoint: " + http.StatusText(e.Response.StatusCode))
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return errors.New("oidc: " + e.Op + " failed")
	}
	return errors.New("oidc: unusable answer")
}
