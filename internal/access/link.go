package access

import (
	"context"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// How long one-use links last.
const (
	SignInLinkLife = 10 * time.Minute
	SetUpLinkLife  = 30 * time.Minute
)

// linkLength is the length of a link's secret: 30 base62 characters, 178 bits.
const linkLength = 30

// The text is the same whether a link is wrong, old or used.
const badLink = "This link does not work (any more): it can be used once and not for long. Ask for a new one."

// SignInLink makes a one-use link by which the user signs in: what the demo
// prints, and what an operator gives to someone who is locked out. The answer
// is the secret part; faces build the address around it.
func (c *Control) SignInLink(ctx context.Context, a Actor, user string) (secret.Text, error) {
	permit, err := c.Gate.Allow(ctx, a, ManageUsers, On{Object: user})
	if err != nil {
		return secret.Text{}, err
	}
	u, err := c.store.UserByID(ctx, user)
	if err != nil {
		return secret.Text{}, err
	}
	if u.Disabled {
		return secret.Text{}, fault.New(fault.Conflict, "%s is disabled and can not sign in.", u.Name)
	}
	return c.newLink(ctx, SignInLink, user, SignInLinkLife, permit.Receipt(Note{Act: "link_created"}))
}

func (c *Control) newLink(ctx context.Context, p Purpose, user string, life time.Duration, r Receipt) (secret.Text, error) {
	text, now := randomBase62(linkLength), c.now()
	l := Link{Hash: c.linkHash(p, text), Purpose: p, UserID: user, CreatedAt: now, ExpiresAt: now.Add(life)}
	if err := c.store.CreateLink(ctx, l, r); err != nil {
		return secret.Text{}, err
	}
	return secret.New(text), nil
}

// linkHash keeps links of different purposes apart.
func (c *Control) linkHash(p Purpose, text string) string { return c.keys.hash(string(p) + ":" + text) }

// Redeem signs in with a one-use link. Unauthenticated when it does not work.
func (c *Control) Redeem(ctx context.Context, link string, v Visit) (SignedIn, error) {
	if len(link) != linkLength {
		return SignedIn{}, fault.New(fault.Unauthenticated, badLink)
	}
	var in SignedIn
	now := c.now()
	_, err := c.store.RedeemLink(ctx, c.linkHash(SignInLink, link), now, func(u User) (Session, Receipt, error) {
		if u.Disabled {
			return Session{}, Receipt{}, fault.New(fault.NotFound, badLink)
		}
		s, cookie := c.newSession(u, "link", v, now)
		in = signedIn(u, s, cookie, v)
		return s, c.signInReceipt(in.Actor, now), nil
	})
	if fault.Is(err, fault.NotFound) {
		c.Gate.denials.note(ctx, v.actor(), SignIn, On{}, "link")
		return SignedIn{}, fault.New(fault.Unauthenticated, badLink)
	}
	if err != nil {
		return SignedIn{}, err
	}
	return in, nil
}
