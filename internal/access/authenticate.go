package access

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
)

// Credentials are what a request shows, as its face read them.
type Credentials struct {
	Bearer string // of the Authorization header, or of a ping's URL; "" for none
	Cookie string // the session cookie's value; "" for none

	// Vouched is whom the proxy in front vouches for in this request; nil for
	// nobody. A session that a proxy began counts only with it.
	Vouched *Identity

	Face      Face
	Address   string // the client's, by the faces' proxy rules
	RequestID string
	// Polling says that the page asked by itself: it does not keep a session
	// alive that nobody is sitting at.
	Polling bool
}

// proof is what the store said about a credential.
type proof struct {
	actor Actor
	ends  time.Time // zero: does not
	used  time.Time // last use that was written down
	idle  bool      // ends when it is not used
	// subject is the person at the proxy that began the session, "" for others.
	subject string
}

// usedEvery is how often a use is written down.
const usedEvery = time.Minute

// Authenticate says who is asking. A request that shows nothing, or the cookie
// of a session that is over, comes from nobody: that is an Actor, not an error.
// Unauthenticated for a token that does not work, with one text for every
// reason; Unavailable when the store can not tell.
func (c *Control) Authenticate(ctx context.Context, cred Credentials) (Actor, error) {
	a, err := c.identify(ctx, cred)
	a.Face, a.Address, a.RequestID = cred.Face, cred.Address, cred.RequestID
	if err != nil && fault.Is(err, fault.Unauthenticated) {
		c.Gate.denials.noteAction(ctx, a, "token.refused", On{}, "token")
	}
	return a, err
}

func (c *Control) identify(ctx context.Context, cred Credentials) (Actor, error) {
	if cred.Bearer != "" {
		return c.byToken(ctx, cred.Bearer)
	}
	if cred.Cookie != "" {
		return c.bySession(ctx, &cred)
	}
	return Actor{}, nil
}

func (c *Control) byToken(ctx context.Context, text string) (Actor, error) {
	var buf [64]byte // a token is shorter; no copy of it on the heap
	if len(text) > len(buf) {
		return Actor{}, malformed()
	}
	key := sha256.Sum256(buf[:copy(buf[:], text)])
	p, ok := c.credentials.peek(key)
	if !ok {
		var err error
		if p, err = c.loadToken(ctx, key, text); err != nil {
			return Actor{}, err
		}
	}
	return c.tokenActor(ctx, p)
}

// loadToken asks the store only for what has the form of a token.
func (c *Control) loadToken(ctx context.Context, key [32]byte, text string) (proof, error) {
	if _, err := parseToken(text); err != nil {
		return proof{}, err
	}
	return c.credentials.load(ctx, key, func(ctx context.Context) (proof, error) {
		return c.tokenProof(c.store.TokenByHash(ctx, c.keys.hash(text)))
	})
}

// tokenProof judges what does not depend on the moment.
func (c *Control) tokenProof(t Token, u User, err error) (proof, error) {
	if fault.Is(err, fault.NotFound) {
		return proof{}, malformed()
	}
	if err != nil {
		return proof{}, err
	}
	if u.Disabled || !t.RevokedAt.IsZero() || !u.Role.Valid() {
		return proof{}, malformed()
	}
	return proof{
		actor: Actor{Kind: Machine, ID: u.ID, Name: u.Name, Role: u.Role, Scope: t.Scope, TokenID: t.ID},
		ends:  t.ExpiresAt,
		used:  t.UsedAt,
	}, nil
}

func (c *Control) tokenActor(ctx context.Context, p proof) (Actor, error) {
	now := c.clock.Now()
	if !p.ends.IsZero() && !now.Before(p.ends) {
		return Actor{}, malformed()
	}
	if now.Sub(p.used) >= usedEvery {
		c.touch(ctx, p.actor.TokenID, now, c.store.TouchToken)
	}
	return p.actor, nil
}

// touch writes a use down, once per minute and process whoever comes first.
// It is a courtesy to people who clean up: a failure is logged and no more.
func (c *Control) touch(ctx context.Context, id string, now time.Time, write func(context.Context, string, time.Time) error) {
	if !c.touched.first(id, now) {
		return
	}
	if err := write(ctx, id, now.Truncate(time.Microsecond)); err != nil {
		c.log.WarnContext(ctx, "the last use could not be written down", "id", id, "error", err)
	}
}

func (c *Control) bySession(ctx context.Context, cred *Credentials) (Actor, error) {
	if len(cred.Cookie) != cookieLength {
		return Actor{}, nil
	}
	var buf [cookieLength]byte
	key := sha256.Sum256(buf[:copy(buf[:], cred.Cookie)])
	p, ok := c.credentials.peek(key)
	var err error
	if !ok {
		p, err = c.loadSession(ctx, key)
	}
	// Whoever the proxy names now is who sits there now: the cookie of the one
	// before, or one that did not come through the proxy, is nobody's.
	if v := cred.Vouched; err == nil && p.subject != "" && (v == nil || p.subject != v.Subject || p.actor.Role != v.Role) {
		return Actor{}, nil
	}
	return c.sessionActor(ctx, p, err, cred.Polling)
}

func (c *Control) loadSession(ctx context.Context, key [32]byte) (proof, error) {
	return c.credentials.load(ctx, key, func(ctx context.Context) (proof, error) {
		return c.sessionProof(c.store.SessionByHash(ctx, hex.EncodeToString(key[:])))
	})
}

func (c *Control) sessionProof(s Session, u User, err error) (proof, error) {
	if err != nil {
		return proof{}, err
	}
	if u.Disabled || !u.Role.Valid() {
		return proof{}, fault.New(fault.NotFound, "This session is over.")
	}
	p := proof{
		actor: Actor{
			Kind: Person, ID: u.ID, Name: u.Name, Role: u.Role, SessionID: s.ID,
			Method: s.Method, ProvenAt: s.ProvenAt, SecondFactor: u.SecondFactor,
		},
		ends: s.ExpiresAt, used: s.SeenAt, idle: true,
	}
	if s.Method == ProxyMethod {
		p.subject = u.Subject
	}
	return p, nil
}

func (c *Control) sessionActor(ctx context.Context, p proof, err error, polling bool) (Actor, error) {
	if fault.Is(err, fault.NotFound) {
		return Actor{}, nil // over, ended or made up: nobody
	}
	if err != nil {
		return Actor{}, err
	}
	now := c.clock.Now()
	if !now.Before(p.ends) || now.Sub(p.used) >= SessionIdle {
		return Actor{}, nil
	}
	if !polling && now.Sub(p.used) >= usedEvery {
		c.touch(ctx, p.actor.SessionID, now, c.store.TouchSession)
	}
	return p.actor, nil
}

// Still answers the actor as they are now, for streams and other work that
// outlives its request: ask it at least once a second. Unauthenticated when
// the session or token has ended, the owner was disabled, or the role changed.
func (c *Control) Still(ctx context.Context, a Actor) error {
	if a.Kind == System || a.Kind == Operator {
		return nil
	}
	id := cmp.Or(a.TokenID, a.SessionID)
	p, ok := c.handles.peek(id)
	var err error
	if !ok {
		p, err = c.loadHandle(ctx, a)
	}
	var now Actor
	if a.TokenID == "" {
		now, err = c.sessionActor(ctx, p, err, true)
	} else if err == nil {
		now, err = c.tokenActor(ctx, p)
	}
	if err != nil {
		return err
	}
	if !now.Known() || now.Role != a.Role || now.ID != a.ID {
		return fault.New(fault.Unauthenticated, "The session is over. Sign in again.")
	}
	return nil
}

func (c *Control) loadHandle(ctx context.Context, a Actor) (proof, error) {
	return c.handles.load(ctx, cmp.Or(a.TokenID, a.SessionID), func(ctx context.Context) (proof, error) {
		if a.TokenID != "" {
			return c.tokenProof(c.store.TokenByID(ctx, a.TokenID))
		}
		return c.sessionProof(c.store.SessionByID(ctx, a.SessionID))
	})
}

// Bearer takes the token out of an Authorization header's value; "" when there
// is none of that scheme.
func Bearer(header string) string {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
