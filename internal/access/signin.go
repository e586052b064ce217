package access

import (
	"context"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/secret"
)

// One text whether the name, the password or the account is wrong.
const badSignIn = "The name or the password is not right."

// SignIn checks a name and password and begins a session. Unauthenticated with
// one text for every reason and after the same work; RateLimited when it is
// tried too often.
func (c *Control) SignIn(ctx context.Context, name, password string, v Visit) (SignedIn, error) {
	subject := loginName(name)
	if err := c.passwords.guesses.begin(subject, v.Address); err != nil {
		c.Gate.denials.note(ctx, v.actor(), SignIn, On{}, "rate")
		return SignedIn{}, err
	}
	u, err := c.store.UserBySubject(ctx, LocalIssuer, subject)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return SignedIn{}, err
	}
	if len(password) > MaxPassword {
		password = "" // fits nothing, after the same work
	}
	fits, err := c.passwords.match(ctx, u.Password, password)
	if err != nil {
		return SignedIn{}, err
	}
	if !fits || u.Disabled {
		// The name that was typed is not recorded: it is a password now and then.
		c.Gate.denials.note(ctx, v.actor(), SignIn, On{Object: u.ID}, "password")
		return SignedIn{}, fault.New(fault.Unauthenticated, badSignIn)
	}
	in, err := c.begin(ctx, u, "password", v)
	if err == nil {
		c.passwords.guesses.success(subject)
	}
	return in, err
}

// ConfirmPassword renews the proof of presence of a person without a second
// factor by their password; the session gets a new cookie.
func (c *Control) ConfirmPassword(ctx context.Context, a Actor, password string, v Visit) (SignedIn, error) {
	u, err := c.ownAccount(ctx, a)
	if err != nil {
		return SignedIn{}, err
	}
	if u.SecondFactor {
		return SignedIn{}, fault.New(fault.Denied, "A passkey is set up: confirm with it.")
	}
	if err := c.checkOwnPassword(ctx, a, u, password, v); err != nil {
		return SignedIn{}, err
	}
	return c.prove(ctx, a, "password", v)
}

func (c *Control) ownAccount(ctx context.Context, a Actor) (User, error) {
	if !a.BySession() {
		return User{}, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	return c.store.UserByID(ctx, a.ID)
}

func (c *Control) checkOwnPassword(ctx context.Context, a Actor, u User, password string, v Visit) error {
	if err := c.passwords.guesses.begin(u.Subject, v.Address); err != nil {
		return err
	}
	if len(password) > MaxPassword {
		password = ""
	}
	fits, err := c.passwords.match(ctx, u.Password, password)
	if err != nil {
		return err
	}
	if !fits {
		c.Gate.denials.note(ctx, a, ManageOwnAccount, On{Object: u.ID}, "password")
		return fault.New(fault.Denied, "The password is not right.")
	}
	c.passwords.guesses.success(u.Subject)
	return nil
}

// ChangePassword sets the actor's own password. Every session of theirs ends
// and a new one begins.
func (c *Control) ChangePassword(ctx context.Context, a Actor, old, next string, v Visit) (SignedIn, error) {
	permit, err := c.Gate.Allow(ctx, a, ManageOwnAccount, On{Object: a.ID})
	if err != nil {
		return SignedIn{}, err
	}
	u, err := c.ownAccount(ctx, a)
	if err != nil {
		return SignedIn{}, err
	}
	if u.Issuer != LocalIssuer {
		return SignedIn{}, fault.New(fault.Conflict, "Your account is kept at %s; change the password there.", u.Issuer)
	}
	if u.Password != "" {
		if err := c.checkOwnPassword(ctx, a, u, old, v); err != nil {
			return SignedIn{}, err
		}
	}
	if u, err = c.putPassword(ctx, u, next, permit.Receipt(Note{Act: "password_changed"})); err != nil {
		return SignedIn{}, err
	}
	return c.begin(ctx, u, "password", v)
}

func (c *Control) putPassword(ctx context.Context, u User, next string, r Receipt) (User, error) {
	if err := CheckPassword(next, u.Subject, u.Name, u.Email); err != nil {
		return User{}, err
	}
	hash, err := c.passwords.hash(ctx, next)
	if err != nil {
		return User{}, err
	}
	defer c.forget()
	return c.store.UpdateUser(ctx, u.ID, r, func(u User, _ int) (User, error) {
		u.Password = hash
		return u, nil
	})
}

// NeedsSetUp says whether there is no SUPER_ADMIN yet.
func (c *Control) NeedsSetUp(ctx context.Context) (bool, error) {
	n, err := c.store.SuperAdmins(ctx)
	return n == 0, err
}

// SetUpLink makes the one-use link by which the first SUPER_ADMIN is created,
// for whoever sees envdeck start. Conflict when there is one already.
func (c *Control) SetUpLink(ctx context.Context, operator Actor) (secret.Text, error) {
	permit, err := c.Gate.Allow(ctx, operator, Operate, On{})
	if err != nil {
		return secret.Text{}, err
	}
	if needed, err := c.NeedsSetUp(ctx); err != nil || !needed {
		if err == nil {
			err = fault.New(fault.Conflict, "This envdeck is set up already.")
		}
		return secret.Text{}, err
	}
	return c.newLink(ctx, SetUpLink, "", SetUpLinkLife, permit.Receipt(Note{Act: "set_up_link"}))
}

// SetUpOpen says whether the set-up link would work now; faces answer NotFound
// for the set-up page when it would not.
func (c *Control) SetUpOpen(ctx context.Context, link string) (bool, error) {
	if len(link) != linkLength {
		return false, nil
	}
	return c.store.LinkOpen(ctx, c.linkHash(SetUpLink, link), SetUpLink, c.now())
}

// SetUp creates the first SUPER_ADMIN with the link's secret and signs them in.
// Unauthenticated when the link does not work, Conflict when somebody was first.
func (c *Control) SetUp(ctx context.Context, link, name, password string, v Visit) (SignedIn, error) {
	// Before the password, which costs a quarter of a second.
	if open, err := c.SetUpOpen(ctx, link); err != nil || !open {
		if err == nil {
			c.Gate.denials.note(ctx, v.actor(), SignIn, On{}, "set_up")
			err = fault.New(fault.Unauthenticated, badLink)
		}
		return SignedIn{}, err
	}
	now := c.now()
	u := User{ID: newID("usr"), Issuer: LocalIssuer, Subject: loginName(name), Name: strings.TrimSpace(hostile.Line(name, 64)), Role: SuperAdmin, CreatedAt: now}
	if err := checkLogin(u.Subject); err != nil {
		return SignedIn{}, err
	}
	if err := CheckPassword(password, name); err != nil {
		return SignedIn{}, err
	}
	var err error
	if u.Password, err = c.passwords.hash(ctx, password); err != nil {
		return SignedIn{}, err
	}
	s, cookie := c.newSession(u, "password", v, now)
	in := signedIn(u, s, cookie, v)
	r := c.chain.receipt(now, in.Actor, "user.set_up", On{Object: u.ID}, Note{Detail: Detail{To: string(SuperAdmin)}})
	if err := c.store.SetUp(ctx, c.linkHash(SetUpLink, link), now, u, s, r); err != nil {
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.Unauthenticated, badLink)
		}
		return SignedIn{}, err
	}
	return in, nil
}
