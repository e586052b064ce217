package access

import (
	"context"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// loginPattern is what a sign-in name may look like.
var loginPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,63}$`)

// loginName is the form that names are kept and looked up in.
func loginName(name string) string { return strings.ToLower(strings.TrimSpace(hostile.Line(name, 64))) }

func checkLogin(subject string) error {
	if !loginPattern.MatchString(subject) {
		return fault.New(fault.Invalid, "A sign-in name has 1 to 64 letters (a-z), digits or . _ @ + -, and begins with a letter or digit.")
	}
	return nil
}

// NewUser asks for a local account.
type NewUser struct {
	Login    string // the sign-in name
	Name     string // for people to read; the sign-in name when empty
	Email    string
	Role     Role
	Password string // "" for none yet: give them a sign-in link
	Reason   string
}

// CreateUser makes a local account. Conflict when the name is taken.
func (c *Control) CreateUser(ctx context.Context, a Actor, n NewUser) (User, error) {
	permit, err := c.Gate.Allow(ctx, a, ManageUsers, On{})
	if err != nil {
		return User{}, err
	}
	u := User{
		ID: newID("usr"), Issuer: LocalIssuer, Subject: loginName(n.Login),
		Name: displayName(n.Name, n.Login), Email: strings.TrimSpace(n.Email), Role: n.Role, CreatedAt: c.now(),
	}
	if err := checkUser(u); err != nil {
		return User{}, err
	}
	if n.Password != "" {
		if err := CheckPassword(n.Password, u.Subject, u.Name, u.Email); err != nil {
			return User{}, err
		}
		if u.Password, err = c.passwords.hash(ctx, n.Password); err != nil {
			return User{}, err
		}
	}
	r := permit.Receipt(Note{Act: "created", Object: u.ID, Reason: n.Reason, Detail: Detail{To: string(u.Role)}})
	if err := c.store.CreateUser(ctx, u, r); err != nil {
		return User{}, err
	}
	u.Password = ""
	return u, nil
}

func displayName(name, login string) string {
	if name = strings.TrimSpace(hostile.Line(name, 64)); name != "" {
		return name
	}
	return strings.TrimSpace(hostile.Line(login, 64))
}

func checkUser(u User) error {
	if err := checkLogin(u.Subject); err != nil {
		return err
	}
	if !u.Role.Valid() {
		return fault.New(fault.Invalid, "The role has to be ADMIN or SUPER_ADMIN.")
	}
	return checkEmail(u.Email)
}

func checkEmail(email string) error {
	if email == "" {
		return nil
	}
	if at, err := mail.ParseAddress(email); err != nil || at.Address != email || len(email) > 254 {
		return fault.New(fault.Invalid, "This is not an e-mail address.")
	}
	return nil
}

// UserChange is what may be changed of a user by others; nil leaves it alone.
type UserChange struct {
	Role     *Role
	Disabled *bool
	Name     *string
	Email    *string
	Reason   string
}

// ChangeUser changes a user. A new role or being disabled ends their sessions
// at once, and their tokens follow their role within a second. Conflict when
// nobody would be left who can change anything.
func (c *Control) ChangeUser(ctx context.Context, a Actor, id string, ch UserChange) (User, error) {
	permit, err := c.Gate.Allow(ctx, a, ManageUsers, On{Object: id})
	if err != nil {
		return User{}, err
	}
	if ch.Role != nil && !ch.Role.Valid() {
		return User{}, fault.New(fault.Invalid, "The role has to be ADMIN or SUPER_ADMIN.")
	}
	if ch.Email != nil {
		if err := checkEmail(*ch.Email); err != nil {
			return User{}, err
		}
	}
	defer c.forget()
	u, err := c.store.UpdateUser(ctx, id, permit.Receipt(Note{Act: ch.act(), Reason: ch.Reason, Detail: ch.detail()}),
		func(u User, others int) (User, error) { return ch.apply(u, others) })
	u.Password = ""
	return u, err
}

func (ch UserChange) apply(u User, others int) (User, error) {
	was := u.Role == SuperAdmin && !u.Disabled
	if ch.Role != nil {
		u.Role = *ch.Role
	}
	if ch.Disabled != nil {
		u.Disabled = *ch.Disabled
	}
	if ch.Name != nil {
		u.Name = displayName(*ch.Name, u.Subject)
	}
	if ch.Email != nil {
		u.Email = *ch.Email
	}
	if was && others == 0 && (u.Role != SuperAdmin || u.Disabled) {
		return u, fault.New(fault.Conflict, "%s is the last SUPER_ADMIN. Make somebody else one first.", u.Name)
	}
	return u, nil
}

func (ch UserChange) act() string {
	switch {
	case ch.Disabled != nil && *ch.Disabled:
		return "disabled"
	case ch.Disabled != nil:
		return "enabled"
	case ch.Role != nil:
		return "role_changed"
	default:
		return "changed"
	}
}

func (ch UserChange) detail() Detail {
	if ch.Role == nil {
		return Detail{}
	}
	return Detail{To: string(*ch.Role)}
}

// SetPassword gives a local user a new password and ends their sessions.
func (c *Control) SetPassword(ctx context.Context, a Actor, id, password, reason string) error {
	permit, err := c.Gate.Allow(ctx, a, ManageUsers, On{Object: id})
	if err != nil {
		return err
	}
	u, err := c.store.UserByID(ctx, id)
	if err != nil {
		return err
	}
	if u.Issuer != LocalIssuer {
		return fault.New(fault.Conflict, "%s signs in at %s and has no password here.", u.Name, u.Issuer)
	}
	_, err = c.putPassword(ctx, u, password, permit.Receipt(Note{Act: "password_set", Reason: reason}))
	return err
}

// absent is how long somebody may stay away before nobody waits for them: one
// who left, and whose account is still there, is no second pair of eyes.
const absent = 30 * 24 * time.Hour

// Approvers answers the ids of the people who can decide about a release: who
// has the role, is not disabled, and was here lately. It names nobody, and is
// for the rule of four eyes and not for faces.
func (c *Control) Approvers(ctx context.Context) ([]string, error) {
	all, err := c.store.ListUsers(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, u := range all {
		if u.Role == SuperAdmin && !u.Disabled && c.now().Sub(u.SignedInAt) < absent {
			ids = append(ids, u.ID)
		}
	}
	return ids, nil
}

// Users lists everybody by name, without anything that could be guessed at.
func (c *Control) Users(ctx context.Context, a Actor) ([]User, error) {
	if _, err := c.Gate.Allow(ctx, a, ViewUsers, On{}); err != nil {
		return nil, err
	}
	all, err := c.store.ListUsers(ctx)
	for i := range all {
		all[i].Password = ""
	}
	return all, err
}

// UserByLogin finds a local user by their sign-in name, for the command line.
func (c *Control) UserByLogin(ctx context.Context, a Actor, login string) (User, error) {
	if _, err := c.Gate.Allow(ctx, a, ViewUsers, On{}); err != nil {
		return User{}, err
	}
	u, err := c.store.UserBySubject(ctx, LocalIssuer, loginName(login))
	u.Password = ""
	return u, err
}
