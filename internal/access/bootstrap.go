package access

import (
	"context"
	"strings"

	"github.com/envdeck/envdeck/internal/secret"
)

// Bootstrapped are the tokens of a new installation, shown once. Marshalled as
// it is, it shows nothing: faces write Reveal into a file of mode 0600.
type Bootstrapped struct {
	SuperAdmin secret.Text // scope api, owned by the SUPER_ADMIN
	Admin      secret.Text // scope api, owned by the ADMIN
	Report     secret.Text // scope report

	SuperAdminID, AdminID string // the users' ids, for sign-in links
}

// Map is the tokens under the names that scripts read.
func (b Bootstrapped) Map() map[string]string {
	return map[string]string{
		string(SuperAdmin): b.SuperAdmin.Reveal(),
		string(Admin):      b.Admin.Reveal(),
		"report":           b.Report.Reveal(),
	}
}

// Bootstrap creates a SUPER_ADMIN and an ADMIN, an api token for each and one
// report token. With onlyEmpty it is a Conflict when anybody is there already,
// so that it can not be used to take an installation over; without it, which
// is for the demo, the two people are created once and get new tokens.
func (c *Control) Bootstrap(ctx context.Context, operator Actor, onlyEmpty bool) (Bootstrapped, error) {
	permit, err := c.Gate.Allow(ctx, operator, Operate, On{})
	if err != nil {
		return Bootstrapped{}, err
	}
	now := c.now()
	person := func(name string, role Role) User {
		return User{ID: newID("usr"), Issuer: LocalIssuer, Subject: name, Name: name, Role: role, CreatedAt: now}
	}
	users := []User{person("super-admin", SuperAdmin), person("admin", Admin)}
	var out Bootstrapped
	var tokens []Token
	issue := func(u User, s Scope, into *secret.Text) {
		t, text := c.newToken(u.ID, s, "bootstrap "+strings.ToLower(string(u.Role)), 0, now)
		tokens, *into = append(tokens, t), text
	}
	issue(users[0], API, &out.SuperAdmin)
	issue(users[1], API, &out.Admin)
	issue(users[0], Report, &out.Report)
	if err := c.store.Bootstrap(ctx, users, tokens, onlyEmpty, permit.Receipt(Note{Act: "bootstrap"})); err != nil {
		return Bootstrapped{}, err
	}
	for i, id := range []*string{&out.SuperAdminID, &out.AdminID} {
		u, err := c.store.UserBySubject(ctx, users[i].Issuer, users[i].Subject)
		if err != nil {
			return Bootstrapped{}, err
		}
		*id = u.ID
	}
	return out, nil
}
