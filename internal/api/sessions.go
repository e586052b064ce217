package api

import (
	"context"
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/access"
)

// session is a browser's session as lists show it.
type session struct {
	ID        string    `json:"id"`
	Current   bool      `json:"current" doc:"It is the one that asks."`
	Method    string    `json:"method" doc:"How it began: password, link, oidc, passkey."`
	Address   string    `json:"address" doc:"Where it began."`
	Agent     string    `json:"agent" doc:"What the browser calls itself."`
	CreatedAt time.Time `json:"createdAt"`
	SeenAt    time.Time `json:"seenAt" doc:"The last use by a person, to the minute. It ends 30 minutes after that."`
	ProvenAt  time.Time `json:"provenAt" doc:"The last proof that the person is there."`
	ExpiresAt time.Time `json:"expiresAt" doc:"It ends then, whatever happens."`
}

type sessionList struct {
	Sessions []session `json:"sessions" nullable:"false"`
}

type sessionPath struct {
	ID string `path:"id" maxLength:"64"`
}

type endingSessions struct {
	ID     string `path:"id" maxLength:"64" doc:"The user's id."`
	Reason string `query:"reason" maxLength:"1000" doc:"Why, for the record."`
}

type ended struct {
	Ended int64 `json:"ended" doc:"How many there were."`
}

// mountSessions opens one's own sessions, which only a session may see and
// end, and those of others for a SUPER_ADMIN.
func (a *API) mountSessions() {
	list := a.operation(http.MethodGet, base+"/sessions", "list-sessions", "Your own sessions", access.ManageOwnSessions)
	route(a, list, func(ctx context.Context, who access.Actor, _ *none) (*body[sessionList], error) {
		return sessionsOf(who)(a.Control.Sessions(ctx, who))
	})

	end := a.operation(http.MethodDelete, base+"/sessions/{id}", "end-session", "End one of your own sessions", access.ManageOwnSessions)
	end.DefaultStatus = http.StatusNoContent
	a.refuses(&end, http.StatusNotFound)
	route(a, end, func(ctx context.Context, who access.Actor, in *sessionPath) (*none, error) {
		return nil, a.Control.EndSession(ctx, who, in.ID)
	})

	others := a.operation(http.MethodDelete, base+"/sessions", "end-other-sessions", "End all your sessions but this one", access.ManageOwnSessions)
	route(a, others, func(ctx context.Context, who access.Actor, _ *none) (*body[ended], error) {
		n, err := a.Control.EndOtherSessions(ctx, who)
		return &body[ended]{ended{n}}, err
	})

	listOf := a.operation(http.MethodGet, base+"/users/{id}/sessions", "list-sessions-of-user", "A person's sessions", access.ViewUsers)
	route(a, listOf, func(ctx context.Context, who access.Actor, in *userPath) (*body[sessionList], error) {
		return sessionsOf(who)(a.Control.SessionsOf(ctx, who, in.ID))
	})

	endOf := a.operation(http.MethodDelete, base+"/users/{id}/sessions", "end-sessions-of-user", "End all of a person's sessions", access.ManageUsers)
	route(a, endOf, func(ctx context.Context, who access.Actor, in *endingSessions) (*body[ended], error) {
		n, err := a.Control.EndSessionsOf(ctx, who, in.ID, in.Reason)
		return &body[ended]{ended{n}}, err
	})
}

func sessionsOf(who access.Actor) func([]access.Session, error) (*body[sessionList], error) {
	return func(all []access.Session, err error) (*body[sessionList], error) {
		if err != nil {
			return nil, err
		}
		out := sessionList{Sessions: []session{}}
		for _, s := range all {
			out.Sessions = append(out.Sessions, session{
				ID: s.ID, Current: s.ID == who.SessionID, Method: s.Method, Address: s.Address, Agent: s.Agent,
				CreatedAt: s.CreatedAt, SeenAt: s.SeenAt, ProvenAt: s.ProvenAt, ExpiresAt: s.ExpiresAt,
			})
		}
		return &body[sessionList]{out}, nil
	}
}
