package access

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/secret"
)

// FlowLife is how long a sign-in elsewhere may take.
const FlowLife = 10 * time.Minute

// BeginFlow keeps state while a person is away at an identity provider. The
// answer goes into a cookie of that browser (HttpOnly, __Host-), so that nobody
// else can finish what this browser began.
func (c *Control) BeginFlow(ctx context.Context, kind string, state any) (secret.Text, error) {
	text, err := json.Marshal(state)
	if err != nil {
		return secret.Text{}, fault.Wrap(fault.Internal, err, "The sign-in could not begin.")
	}
	cookie, now := randomBase62(tokenRandom), c.now()
	f := Flow{Hash: c.keys.hash("flow:" + cookie), Kind: kind, CreatedAt: now, ExpiresAt: now.Add(FlowLife)}
	if f.State, err = c.keys.encrypt(text, f.label()); err != nil {
		return secret.Text{}, fault.Wrap(fault.Internal, err, "The sign-in could not begin.")
	}
	if err := c.store.CreateFlow(ctx, f); err != nil {
		return secret.Text{}, err
	}
	return secret.New(cookie), nil
}

// FinishFlow answers the state once, into state. Unauthenticated when the
// browser began nothing of the kind, or too long ago, or finished it already.
func (c *Control) FinishFlow(ctx context.Context, kind, cookie string, state any) error {
	const gone = "This sign-in is over: it took more than 10 minutes, was finished already, or began in another browser. Begin again."
	if len(cookie) != tokenRandom {
		return fault.New(fault.Unauthenticated, gone)
	}
	f, err := c.store.TakeFlow(ctx, c.keys.hash("flow:"+cookie), kind, c.clock.Now())
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Unauthenticated, gone)
	}
	if err != nil {
		return err
	}
	text, err := c.keys.decrypt(f.State, f.label())
	if err == nil {
		err = json.Unmarshal(text, state)
	}
	if err != nil {
		return fault.Wrap(fault.Unauthenticated, err, gone)
	}
	return nil
}

func (f Flow) label() string { return "flow\x00" + f.Kind + "\x00" + f.Hash }

// Identity is who an identity provider says somebody is. Email is only for
// people to read, and only when the provider has verified it: accounts are
// never found by it.
type Identity struct {
	Issuer  string
	Subject string
	Name    string
	Email   string
	Role    Role
}

// Federate signs in somebody whose identity another place has proven: method
// says which. The account is made at the first time and follows the provider's
// role from then on. Denied when the provider gives them no role here, or they
// were disabled here.
func (c *Control) Federate(ctx context.Context, id Identity, method string, v Visit) (SignedIn, error) {
	if id.Issuer == "" || id.Issuer == LocalIssuer || id.Subject == "" || len(id.Subject) > 255 || hostile.Line(id.Subject, 255) != id.Subject {
		return SignedIn{}, fault.New(fault.Unauthenticated, "The identity provider's answer does not say who this is.")
	}
	if !id.Role.Valid() {
		c.Gate.denials.note(ctx, v.actor(), SignIn, On{Object: id.Subject}, "role")
		return SignedIn{}, fault.New(fault.Denied, "You are known, but you have no role in envdeck. Whoever runs it can give you one at your identity provider.")
	}
	id.Name = strings.TrimSpace(hostile.Line(id.Name, 64))
	if id.Name == "" {
		id.Name = hostile.Line(id.Subject, 64)
	}
	if checkEmail(id.Email) != nil {
		id.Email = ""
	}
	u, err := c.store.UserBySubject(ctx, id.Issuer, id.Subject)
	switch {
	case fault.Is(err, fault.NotFound):
		u, err = c.adopt(ctx, id, v)
	case err != nil:
	case u.Disabled:
		c.Gate.denials.note(ctx, v.actor(), SignIn, On{Object: u.ID}, "disabled")
		err = fault.New(fault.Denied, "Your account is disabled in envdeck.")
	case u.Role != id.Role || u.Name != id.Name || u.Email != id.Email:
		u, err = c.follow(ctx, u, id, v)
	}
	if err != nil {
		return SignedIn{}, err
	}
	return c.begin(ctx, u, method, v)
}

func (c *Control) adopt(ctx context.Context, id Identity, v Visit) (User, error) {
	u := User{
		ID: newID("usr"), Issuer: id.Issuer, Subject: id.Subject, Name: id.Name, Email: id.Email, Role: id.Role, CreatedAt: c.now(),
	}
	r := c.chain.receipt(u.CreatedAt, c.provider(id, v), "user.adopted", On{Object: u.ID}, Note{Detail: Detail{To: string(u.Role)}})
	err := c.store.CreateUser(ctx, u, r)
	if fault.Is(err, fault.Conflict) { // they signed in twice at once
		return c.store.UserBySubject(ctx, id.Issuer, id.Subject)
	}
	return u, err
}

// follow takes over what changed at the provider. Its word on the role counts
// even for the last SUPER_ADMIN here: they are not let in with a role that they
// no longer have, and an operator can make another.
func (c *Control) follow(ctx context.Context, u User, id Identity, v Visit) (User, error) {
	r := c.chain.receipt(c.now(), c.provider(id, v), "user.followed", On{Object: u.ID},
		Note{Detail: Detail{From: string(u.Role), To: string(id.Role)}})
	defer c.forget()
	return c.store.UpdateUser(ctx, u.ID, r, func(u User, _ int) (User, error) {
		u.Role, u.Name, u.Email = id.Role, id.Name, id.Email
		return u, nil
	})
}

// provider is the identity provider as an actor.
func (c *Control) provider(id Identity, v Visit) Actor {
	a := v.actor()
	a.Kind, a.ID, a.Name = System, "issuer:"+id.Issuer, id.Issuer
	return a
}
