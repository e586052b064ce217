package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
)

// token is a token as lists show it. Nothing in it opens anything.
type token struct {
	ID         string     `json:"id"`
	Name       string     `json:"name" doc:"What it is for."`
	Scope      string     `json:"scope" enum:"api,ping,report,mcp"`
	Owner      string     `json:"owner" doc:"The owner's user id. The token may do what its scope and the owner's present role both allow."`
	LastFour   string     `json:"lastFour" doc:"The end of the token, to tell it from others."`
	CreatedAt  time.Time  `json:"createdAt"`
	ExpiresAt  *time.Time `json:"expiresAt" doc:"null: does not expire."`
	LastUsedAt *time.Time `json:"lastUsedAt" doc:"To the minute. null: never used."`
	RevokedAt  *time.Time `json:"revokedAt" doc:"null: not revoked."`
}

type tokenList struct {
	Tokens []token `json:"tokens" nullable:"false"`
}

type tokenQuery struct {
	All bool `query:"all" doc:"true: everybody's. A SUPER_ADMIN may."`
}

type newToken struct {
	Body struct {
		Scope   string `json:"scope" enum:"api,ping,report,mcp" doc:"api: whatever the owner may do; ping and report: send pings, or runs and working copies, and nothing else; mcp: read through MCP."`
		Name    string `json:"name" minLength:"1" maxLength:"100" doc:"What it is for."`
		Expires string `json:"expires,omitempty" maxLength:"40" doc:"When it ends: a time such as 2027-01-31T00:00:00Z, or from now on such as 30d or 12h. At most 366 days. Left out: 90 days, and never for ping."`
		Owner   string `json:"owner,omitempty" maxLength:"64" doc:"Another user's id than your own. A SUPER_ADMIN may."`
		Reason  string `json:"reason,omitempty" maxLength:"1000" doc:"Why, for the record."`
	}
}

type issuedToken struct {
	ID        string     `json:"id"`
	Token     string     `json:"token" doc:"The token itself. It is shown this once."`
	ExpiresAt *time.Time `json:"expiresAt" doc:"null: does not expire."`
}

type revocation struct {
	ID     string `path:"id" maxLength:"64"`
	Reason string `query:"reason" maxLength:"1000" doc:"Why, for the record."`
}

func (a *API) mountTokens() {
	list := a.operation(http.MethodGet, base+"/tokens", "list-tokens", "Your own tokens, or everybody's", access.ManageOwnTokens)
	route(a, list, func(ctx context.Context, who access.Actor, in *tokenQuery) (*body[tokenList], error) {
		all, err := a.Control.Tokens(ctx, who, in.All)
		if err != nil {
			return nil, err
		}
		out := tokenList{Tokens: []token{}}
		for _, t := range all {
			out.Tokens = append(out.Tokens, tokenOf(t))
		}
		return &body[tokenList]{out}, nil
	})

	create := a.operation(http.MethodPost, base+"/tokens", "create-token", "Make a token; people may, other tokens only as a SUPER_ADMIN's", access.ManageOwnTokens)
	create.DefaultStatus = http.StatusCreated
	a.refuses(&create, http.StatusNotFound, http.StatusConflict)
	route(a, create, a.createToken)

	revoke := a.operation(http.MethodDelete, base+"/tokens/{id}", "revoke-token", "End a token at once", access.ManageOwnTokens)
	revoke.DefaultStatus = http.StatusNoContent
	a.refuses(&revoke, http.StatusNotFound)
	route(a, revoke, func(ctx context.Context, who access.Actor, in *revocation) (*none, error) {
		return nil, a.Control.RevokeToken(ctx, who, in.ID, in.Reason)
	})
}

func (a *API) createToken(ctx context.Context, who access.Actor, in *newToken) (*body[issuedToken], error) {
	life, err := lifetime(in.Body.Expires, a.Clock.Now())
	if err != nil {
		return nil, err
	}
	t, text, err := a.Control.IssueToken(ctx, who, access.TokenRequest{
		Owner: in.Body.Owner, Scope: access.Scope(in.Body.Scope), Name: in.Body.Name, Expires: life, Reason: in.Body.Reason,
	})
	if err != nil {
		return nil, err
	}
	return &body[issuedToken]{issuedToken{ID: t.ID, Token: text.Reveal(), ExpiresAt: maybe(t.ExpiresAt)}}, nil
}

func tokenOf(t access.Token) token {
	return token{
		ID: t.ID, Name: t.Name, Scope: string(t.Scope), Owner: t.OwnerID, LastFour: t.LastFour, CreatedAt: t.CreatedAt,
		ExpiresAt: maybe(t.ExpiresAt), LastUsedAt: maybe(t.UsedAt), RevokedAt: maybe(t.RevokedAt),
	}
}

// lifetime reads an expiry: a time, or how long from now. Empty is 0, for the
// usual.
func lifetime(text string, now time.Time) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	var life time.Duration
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 366 {
			return 0, wrong("body.expires", "takes 1d to 366d")
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		life = d
	} else if at, err := time.Parse(time.RFC3339, text); err == nil {
		life = at.Sub(now)
	} else {
		return 0, wrong("body.expires", "takes a time such as 2027-01-31T00:00:00Z, or from now on such as 30d or 12h")
	}
	if life <= 0 || life > access.MaxTokenLife {
		return 0, wrong("body.expires", "has to lie within the next 366 days")
	}
	return life, nil
}
