package app

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/access/oidc"
	"github.com/envdeck/envdeck/internal/access/passkey"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web"
	"github.com/envdeck/envdeck/internal/web/panel/all"
	"github.com/envdeck/envdeck/internal/worker"
)

// mountWeb opens the pages.
func (a *App) mountWeb(boards *status.Boards, workers *worker.Boards) {
	keys, noKeys := a.passkeys()
	federation := a.federation()
	face := web.New(web.Deps{
		Releases: a.desk, Incidents: a.alerts, Alarms: a.alerts, Board: board{boards}, Live: a.live, Runner: a.crons, Databases: databases{a.data},
		Access: people{a.door, a.Control, federation != nil}, Control: a.Control, Door: a.door, URL: a.URL,
		Passkeys: keys, NoPasskeys: noKeys, OIDC: federation,
		Projects: func(who access.Actor) []string {
			names, err := boards.Projects(context.Background(), who)
			if err != nil {
				return nil
			}
			return names
		},
		Pages: all.Pages(all.Rooms{Board: board{boards}, History: board{boards}, Log: a.Control, Desk: a.desk, Crons: a.crons, Workers: fleet{workers}, URL: a.URL, Databases: databases{a.data}, Incidents: a.alerts}),
		Clock: a.o.Clock, Log: a.o.Log, Version: a.o.Version,
	})
	for _, route := range face.Routes() {
		a.door.Handle(route.Pattern, access.FaceWeb, route.Use, route.Handler)
	}
	for _, route := range face.Streams() {
		a.door.HandleStream(route.Pattern, access.FaceWeb, route.Use, route.Handler)
	}
	a.door.SetPage(face.ShowProblem)
}

// passkeys are the ceremonies, or why browsers would refuse them here.
func (a *App) passkeys() (web.Passkeys, string) {
	address, err := url.Parse(a.URL())
	if err == nil {
		var keys *passkey.Passkeys
		if keys, err = passkey.New(address, a.Control); err == nil {
			return keys, ""
		}
	}
	return nil, fault.From(err).Message
}

// federation is the way to the identity provider, nil when there is none.
func (a *App) federation() web.Federation {
	o := a.o.Config.Auth.OIDC
	if o == nil {
		return nil
	}
	return oidc.New(oidc.Config{
		Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, RedirectURL: strings.TrimSuffix(a.URL(), "/") + web.OIDCCallback,
		RoleClaim: o.RoleClaim, SuperAdmin: o.SuperAdmin, Admin: o.Admin, Control: a.Control, Clock: a.o.Clock,
	})
}

// trustedHeader is the proxy that says who people are, nil when there is none.
func trustedHeader(h *config.TrustedHeader) *access.TrustedHeader {
	if h == nil {
		return nil
	}
	return &access.TrustedHeader{
		Networks: networks(h.From), Secret: h.Secret,
		SecretHeader: h.SecretHeader, UserHeader: h.UserHeader, NameHeader: h.NameHeader, RolesHeader: h.GroupsHeader,
		SuperAdmin: h.SuperAdmin, Admin: h.Admin,
	}
}

// networks are those of a configuration, which was checked when it was read.
func networks(texts []string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		if n, ok := config.Network(text); ok {
			all = append(all, n)
		}
	}
	return all
}

// board gives the panels what they show, with ages in their words.
type board struct{ boards *status.Boards }

func (b board) Status(ctx context.Context, who access.Actor, project string) (status.Status, []status.Age, error) {
	s, ages, err := b.boards.Status(ctx, who, project)
	if err != nil {
		return status.Status{}, nil, err
	}
	return s.Value, ages.Sources, nil
}

func (b board) Deployments(ctx context.Context, who access.Actor, project string) (status.Deployments, []status.Age, error) {
	s, ages, err := b.boards.Deployments(ctx, who, project)
	if err != nil {
		return status.Deployments{}, nil, err
	}
	return s.Value, ages.Sources, nil
}

// fleet gives the panels the workers, with ages in their words.
type fleet struct{ boards *worker.Boards }

func (f fleet) Workers(ctx context.Context, who access.Actor, project string) (worker.Workers, []status.Age, error) {
	s, ages, err := f.boards.Workers(ctx, who, project)
	if err != nil {
		return worker.Workers{}, nil, err
	}
	return s.Value, ages.Sources, nil
}

func (f fleet) Worker(ctx context.Context, who access.Actor, project, name string) (worker.History, []status.Age, error) {
	h, ages, err := f.boards.Worker(ctx, who, project, name)
	if err != nil {
		return worker.History{}, nil, err
	}
	return h, ages.Sources, nil
}

// people signs people in and out for the pages.
type people struct {
	door    *door.Door
	control *access.Control
	oidc    bool
}

func (p people) Actor(r *http.Request) (access.Actor, error) {
	who, err := p.door.Actor(r, access.FaceWeb)
	if err == nil && !who.Known() {
		err = fault.New(fault.Unauthenticated, "Nobody is signed in.")
	}
	return who, err
}

func (p people) Ways(r *http.Request) (web.Ways, error) {
	ways := web.Ways{Password: true}
	if id := p.door.Vouched(r); id != nil {
		ways.Proxy = hostile.Line(cmp.Or(id.Name, id.Subject), hostile.NameLimit)
	}
	if p.oidc {
		ways.OIDC, ways.OIDCPath = "your identity provider", web.OIDCPath
	}
	return ways, nil
}

func (p people) begin(w http.ResponseWriter, r *http.Request, in access.SignedIn, err error) error {
	if err == nil {
		p.door.SetSession(w, r, in)
	}
	return err
}

func (p people) SignIn(w http.ResponseWriter, r *http.Request, name, password string) error {
	in, err := p.control.SignIn(r.Context(), name, password, p.door.Visit(w, r))
	return p.begin(w, r, in, err)
}

func (p people) SignInByProxy(w http.ResponseWriter, r *http.Request) error {
	id := p.door.Vouched(r)
	if id == nil {
		return fault.New(fault.Unauthenticated, "No proxy says who you are. Sign in at the proxy, or in another way.")
	}
	in, err := p.control.Federate(r.Context(), *id, access.ProxyMethod, p.door.Visit(w, r))
	return p.begin(w, r, in, err)
}

func (p people) UseLink(w http.ResponseWriter, r *http.Request, token string) error {
	in, err := p.control.Redeem(r.Context(), token, p.door.Visit(w, r))
	return p.begin(w, r, in, err)
}

func (p people) SetUp(w http.ResponseWriter, r *http.Request, token, name, password string) error {
	in, err := p.control.SetUp(r.Context(), token, name, password, p.door.Visit(w, r))
	return p.begin(w, r, in, err)
}

func (p people) SignOut(w http.ResponseWriter, r *http.Request) error {
	who, err := p.Actor(r)
	if err != nil {
		return err
	}
	if err := p.control.SignOut(r.Context(), who); err != nil {
		return err
	}
	p.door.EndSession(w, r)
	return nil
}
