package access

import (
	"context"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// maxPasskeys is how many one person may register.
const maxPasskeys = 20

// Passkeys lists the actor's own passkeys, oldest first.
func (c *Control) Passkeys(ctx context.Context, a Actor) ([]Passkey, error) {
	if err := c.Gate.See(ctx, a, ManageOwnAccount, On{Object: a.ID}); err != nil {
		return nil, err
	}
	return c.store.ListPasskeys(ctx, a.ID)
}

// MayAddPasskey asks the Gate before the ceremony, so that nobody touches their
// key for nothing.
func (c *Control) MayAddPasskey(ctx context.Context, a Actor) error {
	_, err := c.Gate.Allow(ctx, a, ManageOwnAccount, On{Object: a.ID})
	return err
}

// AddPasskey registers a passkey that the ceremony has proven. From then on the
// actor's writes need it, beginning with the session they are in.
func (c *Control) AddPasskey(ctx context.Context, a Actor, p Passkey) error {
	permit, err := c.Gate.Allow(ctx, a, ManageOwnAccount, On{Object: a.ID})
	if err != nil {
		return err
	}
	there, err := c.store.ListPasskeys(ctx, a.ID)
	if err != nil {
		return err
	}
	if len(there) >= maxPasskeys {
		return fault.New(fault.Conflict, "You have %d passkeys. Remove one first.", maxPasskeys)
	}
	p.UserID, p.CreatedAt = a.ID, c.now()
	if p.Name = strings.TrimSpace(hostile.Line(p.Name, 64)); p.Name == "" {
		p.Name = "passkey"
	}
	defer c.forget()
	return c.store.CreatePasskey(ctx, p, permit.Receipt(Note{Act: "passkey_added", Object: p.ID}))
}

// RemovePasskey forgets one of the actor's passkeys.
func (c *Control) RemovePasskey(ctx context.Context, a Actor, id string) error {
	permit, err := c.Gate.Allow(ctx, a, ManageOwnAccount, On{Object: id})
	if err != nil {
		return err
	}
	defer c.forget()
	return c.store.DeletePasskey(ctx, id, a.ID, permit.Receipt(Note{Act: "passkey_removed"}))
}

// PasskeysOf answers a user and their passkeys to the ceremony that is about to
// verify one. NotFound, also for those who are disabled.
func (c *Control) PasskeysOf(ctx context.Context, user string) (User, []Passkey, error) {
	u, err := c.store.UserByID(ctx, user)
	if err == nil && u.Disabled {
		err = fault.New(fault.NotFound, "There is no such user.")
	}
	if err != nil {
		return User{}, nil, err
	}
	u.Password = ""
	all, err := c.store.ListPasskeys(ctx, user)
	return u, all, err
}

// SignInByPasskey begins a session for the user of a passkey that the ceremony
// has verified, p being as it is after the use.
func (c *Control) SignInByPasskey(ctx context.Context, p Passkey, v Visit) (SignedIn, error) {
	u, _, err := c.PasskeysOf(ctx, p.UserID)
	if err != nil {
		return SignedIn{}, err
	}
	p.UsedAt = c.now()
	if err := c.store.TouchPasskey(ctx, p); err != nil {
		return SignedIn{}, err
	}
	return c.begin(ctx, u, PasskeyMethod, v)
}

// ProveByPasskey renews the actor's proof of presence by a passkey of theirs
// that the ceremony has verified. The session gets a new cookie.
func (c *Control) ProveByPasskey(ctx context.Context, a Actor, p Passkey, v Visit) (SignedIn, error) {
	if p.UserID != a.ID {
		return SignedIn{}, fault.New(fault.Denied, "This is somebody else's passkey.")
	}
	p.UsedAt = c.now()
	if err := c.store.TouchPasskey(ctx, p); err != nil {
		return SignedIn{}, err
	}
	return c.prove(ctx, a, PasskeyMethod, v)
}

// RefusedPasskey records a passkey that did not verify.
func (c *Control) RefusedPasskey(ctx context.Context, a Actor, v Visit) {
	if !a.Known() {
		a = v.actor()
	}
	c.Gate.denials.note(ctx, a, SignIn, On{}, PasskeyMethod)
}
