package access

import (
	"context"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/secret"
)

// How long a token lasts when nothing else is asked, and at most.
const (
	TokenLife    = 90 * 24 * time.Hour
	MaxTokenLife = 366 * 24 * time.Hour
)

// TokenRequest asks for a token.
type TokenRequest struct {
	Owner   string // a user's id; "" is the actor
	Scope   Scope
	Name    string // what it is for, required
	Expires time.Duration
	Reason  string
}

// IssueToken makes a token and answers its text, which is never shown again.
// Everybody may have tokens of their own; a SUPER_ADMIN may make them for
// others, also with an api token; the api token of an ADMIN makes none, so that
// one that leaked can not outlive itself.
func (c *Control) IssueToken(ctx context.Context, a Actor, req TokenRequest) (Token, secret.Text, error) {
	if req.Owner == "" {
		req.Owner = a.ID
	}
	use := ManageTokens
	if req.Owner == a.ID && a.Kind == Person {
		use = ManageOwnTokens
	}
	permit, err := c.Gate.Allow(ctx, a, use, On{Object: req.Owner})
	if err != nil {
		return Token{}, secret.Text{}, err
	}
	if err := req.check(); err != nil {
		return Token{}, secret.Text{}, err
	}
	owner, err := c.store.UserByID(ctx, req.Owner)
	if err != nil {
		return Token{}, secret.Text{}, err
	}
	if owner.Disabled {
		return Token{}, secret.Text{}, fault.New(fault.Conflict, "%s is disabled and can not own a token.", owner.Name)
	}
	t, text := c.newToken(req.Owner, req.Scope, req.Name, req.Expires, c.now())
	r := permit.Receipt(Note{Act: "created", Object: t.ID, Reason: req.Reason, Detail: t.detail()})
	if err := c.store.CreateToken(ctx, t, r); err != nil {
		return Token{}, secret.Text{}, err
	}
	t.Hash = ""
	return t, text, nil
}

func (r *TokenRequest) check() error {
	r.Name = strings.TrimSpace(hostile.Line(r.Name, 100))
	switch {
	case !r.Scope.Valid():
		return fault.New(fault.Invalid, "The scope has to be one of api, ping, report, mcp.")
	case r.Name == "":
		return fault.New(fault.Invalid, "Give the token a name that says what it is for.")
	case r.Expires < 0 || r.Expires > MaxTokenLife:
		return fault.New(fault.Invalid, "A token lasts between now and 366 days; leave the expiry out for 90 days.")
	}
	return nil
}

// newToken makes a token. Ping tokens do not expire unless asked to: a cron job
// that loses its voice on a birthday looks like a cron job that is dead.
func (c *Control) newToken(owner string, scope Scope, name string, life time.Duration, now time.Time) (Token, secret.Text) {
	text := newTokenText(scope)
	t := Token{
		ID: newID("tok"), Hash: c.keys.hash(text), OwnerID: owner, Scope: scope, Name: name,
		LastFour: text[len(text)-4:], CreatedAt: now,
	}
	switch {
	case life > 0:
		t.ExpiresAt = now.Add(life)
	case scope != Ping:
		t.ExpiresAt = now.Add(TokenLife)
	}
	return t, secret.New(text)
}

func (t Token) detail() Detail {
	d := Detail{Scope: string(t.Scope), LastFour: t.LastFour, To: t.OwnerID}
	if !t.ExpiresAt.IsZero() {
		d.Until = t.ExpiresAt.Format(time.RFC3339)
	}
	return d
}

// Tokens lists the actor's own tokens, or everybody's for a SUPER_ADMIN who
// asks for all, newest first. Nothing in a Token can be used to sign in.
func (c *Control) Tokens(ctx context.Context, a Actor, all bool) ([]Token, error) {
	use, owner := ManageOwnTokens, a.ID
	if all {
		use, owner = ManageTokens, ""
	}
	if err := c.Gate.See(ctx, a, use, On{}); err != nil {
		return nil, err
	}
	list, err := c.store.ListTokens(ctx, owner)
	for i := range list {
		list[i].Hash = ""
	}
	return list, err
}

// RevokeToken ends a token at once: the actor's own, or anybody's for a
// SUPER_ADMIN. NotFound for somebody else's token, as if it did not exist.
func (c *Control) RevokeToken(ctx context.Context, a Actor, id, reason string) error {
	use, owner := ManageOwnTokens, a.ID
	if Permits(a, ManageTokens) {
		use, owner = ManageTokens, ""
	}
	permit, err := c.Gate.Allow(ctx, a, use, On{Object: id})
	if err != nil {
		return err
	}
	defer c.forget()
	return c.store.RevokeToken(ctx, id, owner, c.now(), permit.Receipt(Note{Act: "revoked", Reason: reason}))
}
