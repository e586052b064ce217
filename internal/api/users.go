package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
)

// user is a person as lists show them.
type user struct {
	ID           string     `json:"id"`
	Login        string     `json:"login" doc:"The sign-in name; for people of an identity provider, its subject."`
	Issuer       string     `json:"issuer" doc:"Who vouches for them: local, or the identity provider's address."`
	Name         string     `json:"name"`
	Email        string     `json:"email"`
	Role         string     `json:"role" enum:"ADMIN,SUPER_ADMIN"`
	Disabled     bool       `json:"disabled"`
	SecondFactor bool       `json:"secondFactor" doc:"A passkey is set up."`
	CreatedAt    time.Time  `json:"createdAt"`
	SignedInAt   *time.Time `json:"signedInAt" doc:"The last time. null: never."`
}

type userList struct {
	Users []user `json:"users" nullable:"false"`
}

type newUser struct {
	Body struct {
		Login    string `json:"login" minLength:"1" maxLength:"64" doc:"The sign-in name: a-z, digits and . _ @ + -"`
		Name     string `json:"name,omitempty" maxLength:"64" doc:"For people to read. Left out: the sign-in name."`
		Email    string `json:"email,omitempty" maxLength:"254"`
		Role     string `json:"role" enum:"ADMIN,SUPER_ADMIN"`
		Password string `json:"password,omitempty" maxLength:"1024" doc:"Left out: they get in by a sign-in link first." format:"password"`
		Reason   string `json:"reason,omitempty" maxLength:"1000" doc:"Why, for the record."`
	}
}

type userChange struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Role     *string `json:"role,omitempty" enum:"ADMIN,SUPER_ADMIN" doc:"Counts at once; their sessions end."`
		Disabled *bool   `json:"disabled,omitempty" doc:"true: sessions end and tokens stop working at once."`
		Name     *string `json:"name,omitempty" minLength:"1" maxLength:"64"`
		Email    *string `json:"email,omitempty" maxLength:"254"`
		Password *string `json:"password,omitempty" maxLength:"1024" doc:"Changed alone. Their sessions end." format:"password"`
		Reason   string  `json:"reason,omitempty" maxLength:"1000" doc:"Why, for the record."`
	}
}

type userPath struct {
	ID string `path:"id" maxLength:"64"`
}

type signInLink struct {
	Path string `json:"path" doc:"Behind the server's address: signs this person in, once. It is shown this once."`
	Life int    `json:"life" doc:"Seconds for which it works."`
}

func (a *API) mountUsers() {
	list := a.operation(http.MethodGet, base+"/users", "list-users", "Everybody who can sign in", access.ViewUsers)
	route(a, list, func(ctx context.Context, who access.Actor, _ *none) (*body[userList], error) {
		all, err := a.Control.Users(ctx, who)
		if err != nil {
			return nil, err
		}
		out := userList{Users: []user{}}
		for _, u := range all {
			out.Users = append(out.Users, userOf(u))
		}
		return &body[userList]{out}, nil
	})

	create := a.operation(http.MethodPost, base+"/users", "create-user", "Make a local account", access.ManageUsers)
	create.DefaultStatus = http.StatusCreated
	a.refuses(&create, http.StatusConflict)
	route(a, create, func(ctx context.Context, who access.Actor, in *newUser) (*body[user], error) {
		b := in.Body
		u, err := a.Control.CreateUser(ctx, who, access.NewUser{
			Login: b.Login, Name: b.Name, Email: b.Email, Role: access.Role(b.Role), Password: b.Password, Reason: b.Reason,
		})
		if err != nil {
			return nil, err
		}
		return &body[user]{userOf(u)}, nil
	})

	change := a.operation(http.MethodPatch, base+"/users/{id}", "change-user", "Change a person's role, name, password, or whether they may come in", access.ManageUsers)
	a.refuses(&change, http.StatusNotFound, http.StatusConflict)
	route(a, change, a.changeUser)

	link := a.operation(http.MethodPost, base+"/users/{id}/link", "create-sign-in-link", "Make a one-use link by which a person signs in", access.ManageUsers)
	link.DefaultStatus = http.StatusCreated
	a.refuses(&link, http.StatusNotFound, http.StatusConflict)
	route(a, link, func(ctx context.Context, who access.Actor, in *userPath) (*body[signInLink], error) {
		text, err := a.Control.SignInLink(ctx, who, in.ID)
		if err != nil {
			return nil, err
		}
		return &body[signInLink]{signInLink{Path: "/sign-in/link?token=" + text.Reveal(), Life: int(access.SignInLinkLife / time.Second)}}, nil
	})
}

func (a *API) changeUser(ctx context.Context, who access.Actor, in *userChange) (*body[user], error) {
	b := in.Body
	fields := b.Role != nil || b.Disabled != nil || b.Name != nil || b.Email != nil
	switch {
	case b.Password != nil && fields:
		return nil, wrong("body.password", "is changed alone: a change is whole or is not made")
	case b.Password != nil:
		return a.setPassword(ctx, who, in.ID, *b.Password, b.Reason)
	case !fields:
		return nil, wrong("body", "names nothing to change")
	}
	u, err := a.Control.ChangeUser(ctx, who, in.ID, access.UserChange{
		Role: (*access.Role)(b.Role), Disabled: b.Disabled, Name: b.Name, Email: b.Email, Reason: b.Reason,
	})
	if err != nil {
		return nil, err
	}
	return &body[user]{userOf(u)}, nil
}

func (a *API) setPassword(ctx context.Context, who access.Actor, id, password, reason string) (*body[user], error) {
	if err := a.Control.SetPassword(ctx, who, id, password, reason); err != nil {
		return nil, err
	}
	all, err := a.Control.Users(ctx, who)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(u access.User) bool { return u.ID == id })
	if i < 0 {
		return nil, fault.New(fault.NotFound, "There is no such user.")
	}
	return &body[user]{userOf(all[i])}, nil
}

func userOf(u access.User) user {
	return user{
		ID: u.ID, Login: u.Subject, Issuer: u.Issuer, Name: u.Name, Email: u.Email, Role: string(u.Role), Disabled: u.Disabled,
		SecondFactor: u.SecondFactor, CreatedAt: u.CreatedAt, SignedInAt: maybe(u.SignedInAt),
	}
}
