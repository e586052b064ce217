package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/secret"
)

// Sessions are our own and not a library's because the usual one writes every
// session back on every request to move its idle end, which a page that polls
// would do for ever, and keeps them as blobs that can not be listed by person.

// How long sessions last.
const (
	SessionIdle = 30 * time.Minute // without a person doing anything
	SessionLife = 12 * time.Hour   // whatever they do
)

// PasskeyMethod is how a session began that a passkey with user verification
// opened: both factors at once.
const PasskeyMethod = "passkey"

// Names of the session cookie. The __Host- prefix makes browsers refuse one
// that is not Secure, has a Domain, or a path but "/"; it can not be used on a
// loopback address without TLS, which has its own name so that neither is
// taken for the other.
const (
	SessionCookie         = "__Host-envdeck"
	SessionCookieLoopback = "envdeck-local"
)

// cookieLength is the length of a cookie value: 32 bytes in base64url.
const cookieLength = 43

// SignedIn is a session that has just begun. Cookie is shown once, here.
type SignedIn struct {
	Cookie  secret.Text
	Actor   Actor
	Expires time.Time // the absolute end, for the cookie
}

// Visit is what a face knows of the browser that signs in.
type Visit struct {
	Face      Face
	Address   string
	Agent     string // User-Agent
	RequestID string
}

func (v Visit) actor() Actor {
	return Actor{Face: v.Face, Address: v.Address, RequestID: v.RequestID}
}

// newSession makes a session of the user and the cookie that opens it.
func (c *Control) newSession(u User, method string, v Visit, now time.Time) (Session, secret.Text) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	cookie := base64.RawURLEncoding.EncodeToString(raw)
	sum := sha256.Sum256([]byte(cookie))
	proven := now
	if u.SecondFactor && method != PasskeyMethod {
		// One factor of two: they may look, and have to show the other to act.
		proven = time.Time{}
	}
	return Session{
		ID: newID("ses"), Hash: hex.EncodeToString(sum[:]), UserID: u.ID, Method: method,
		CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(SessionLife), ProvenAt: proven,
		Address: hostile.Line(v.Address, maxField), Agent: hostile.Line(v.Agent, maxField),
	}, secret.New(cookie)
}

// signedIn is the answer for a session that was stored.
func signedIn(u User, s Session, cookie secret.Text, v Visit) SignedIn {
	a := v.actor()
	a.Kind, a.ID, a.Name, a.Role = Person, u.ID, u.Name, u.Role
	a.SessionID, a.Method, a.ProvenAt, a.SecondFactor = s.ID, s.Method, s.ProvenAt, u.SecondFactor
	return SignedIn{Cookie: cookie, Actor: a, Expires: s.ExpiresAt}
}

// begin starts a session for a user whose identity was just proven.
func (c *Control) begin(ctx context.Context, u User, method string, v Visit) (SignedIn, error) {
	now := c.now()
	s, cookie := c.newSession(u, method, v, now)
	in := signedIn(u, s, cookie, v)
	if err := c.store.CreateSession(ctx, s, c.signInReceipt(in.Actor, now)); err != nil {
		return SignedIn{}, err
	}
	return in, nil
}

func (c *Control) signInReceipt(a Actor, now time.Time) Receipt {
	return c.chain.receipt(now, a, SignIn.String(), On{Object: a.SessionID}, Note{Detail: Detail{Method: a.Method}})
}

// SignOut ends the actor's own session at once.
func (c *Control) SignOut(ctx context.Context, a Actor) error {
	return c.endSession(ctx, a, a.SessionID, "ended.sign_out")
}

// EndSession ends one session of the actor.
func (c *Control) EndSession(ctx context.Context, a Actor, id string) error {
	return c.endSession(ctx, a, id, "ended")
}

func (c *Control) endSession(ctx context.Context, a Actor, id, act string) error {
	permit, err := c.Gate.Allow(ctx, a, ManageOwnSessions, On{Object: id})
	if err != nil {
		return err
	}
	defer c.forget()
	return c.store.EndSession(ctx, id, a.ID, permit.Receipt(Note{Act: act}))
}

// EndOtherSessions ends every session of the actor but the one that asks.
func (c *Control) EndOtherSessions(ctx context.Context, a Actor) (int64, error) {
	permit, err := c.Gate.Allow(ctx, a, ManageOwnSessions, On{Object: a.ID})
	if err != nil {
		return 0, err
	}
	defer c.forget()
	return c.store.EndSessions(ctx, a.ID, a.SessionID, permit.Receipt(Note{Act: "ended.others"}))
}

// Sessions lists the actor's live sessions, newest first.
func (c *Control) Sessions(ctx context.Context, a Actor) ([]Session, error) {
	if err := c.Gate.See(ctx, a, ManageOwnSessions, On{}); err != nil {
		return nil, err
	}
	return c.liveSessions(ctx, a.ID)
}

// SessionsOf lists another person's live sessions.
func (c *Control) SessionsOf(ctx context.Context, a Actor, user string) ([]Session, error) {
	if _, err := c.Gate.Allow(ctx, a, ViewUsers, On{Object: user}); err != nil {
		return nil, err
	}
	return c.liveSessions(ctx, user)
}

func (c *Control) liveSessions(ctx context.Context, user string) ([]Session, error) {
	now := c.clock.Now()
	all, err := c.store.ListSessions(ctx, user, now)
	if err != nil {
		return nil, err
	}
	live := all[:0]
	for _, s := range all {
		if now.Sub(s.SeenAt) < SessionIdle {
			s.Hash = ""
			live = append(live, s)
		}
	}
	return live, nil
}

// EndSessionsOf ends every session of a person, wherever they are.
func (c *Control) EndSessionsOf(ctx context.Context, a Actor, user, reason string) (int64, error) {
	permit, err := c.Gate.Allow(ctx, a, ManageUsers, On{Object: user})
	if err != nil {
		return 0, err
	}
	defer c.forget()
	return c.store.EndSessions(ctx, user, "", permit.Receipt(Note{Act: "sessions_ended", Reason: reason}))
}

// prove renews the proof of presence: the session gets a new id and cookie, the
// old one is dead.
func (c *Control) prove(ctx context.Context, a Actor, method string, v Visit) (SignedIn, error) {
	if !a.BySession() {
		return SignedIn{}, fault.New(fault.Unauthenticated, "There is no session to confirm. Sign in first.")
	}
	old, u, err := c.store.SessionByID(ctx, a.SessionID)
	if err != nil {
		return SignedIn{}, err
	}
	now := c.now()
	next, cookie := c.newSession(u, method, v, now)
	next.Method = old.Method
	next.CreatedAt, next.ExpiresAt = old.CreatedAt, old.ExpiresAt // presence does not lengthen a session
	in := signedIn(u, next, cookie, v)
	r := c.chain.receipt(now, in.Actor, "session.proven", On{Object: next.ID}, Note{Detail: Detail{Method: method, From: old.ID}})
	defer c.forget()
	if err := c.store.RotateSession(ctx, old.ID, next, r); err != nil {
		return SignedIn{}, err
	}
	return in, nil
}
