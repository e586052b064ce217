package vercel

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// The calls, as routes under the base URL.
const (
	routeProject    = "/v9/projects/{project}"
	routeDeployment = "/v13/deployments/{deployment}"
	routeVisits     = "/v1/query/web-analytics/visits/count"
)

// Client is one Vercel project.
type Client struct {
	out   *outbound.Client
	block Block

	mu        sync.Mutex
	projectID string              // once a project was read
	live      provider.Deployment // the last live build: it does not change any more
	measured  *bool
}

// The promises of this room.
var (
	_ provider.Deployer       = (*Client)(nil)
	_ provider.VisitorCounter = (*Client)(nil)
	_ provider.Checker        = (*Client)(nil)
)

func open(b *Block, deps provider.Deps) (*Client, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	out, err := outbound.New(outbound.Config{
		Provider: name, Title: "Vercel", BaseURL: b.base(), Token: b.Token,
		Codes: codes[:], Code: code, Explain: explain,
		RequestID: "X-Vercel-Id", Budget: outbound.EpochBudget("X-RateLimit-"),
		// Vercel's limits are counted per call and minute, the lowest that
		// matters here being a few hundred.
		Rate: 60, Per: 10 * time.Second,
	}, deps)
	if err != nil {
		return nil, err
	}
	return &Client{out: out, block: *b}, nil
}

// query adds the team to a call's own parameters: without it Vercel looks in
// the personal account.
func (c *Client) query(own url.Values) url.Values {
	if own == nil {
		own = url.Values{}
	}
	switch {
	case c.block.Team == "":
	case c.block.teamIsID():
		own.Set("teamId", c.block.Team)
	default:
		own.Set("slug", c.block.Team)
	}
	return own
}

// Check reads the project, which needs the token, the team and the name to be
// right.
func (c *Client) Check(ctx context.Context) error {
	_, err := c.project(ctx)
	return err
}

// codes are the error codes that Vercel documents, and those seen in its tools.
var codes = [...]string{
	"forbidden", "rate_limited", "bad_request", "internal_server_error", "not_found", "method_unknown",
	"team_unauthorized", "missing_files", "builds_rate_limited", "invalid_token", "payment_required",
	"deployment_not_found", "project_not_found", "not_authorized", "conflict",
}

// code finds the error's code. Some calls say err instead of error, and an
// unknown token is a "forbidden" that says so in a field of its own.
func code(body []byte) string {
	type refusal struct {
		Code         string `json:"code"`
		InvalidToken bool   `json:"invalidToken"`
	}
	v, err := outbound.Decode[struct {
		Error *refusal `json:"error"`
		Err   *refusal `json:"err"`
	}](body)
	switch {
	case err != nil:
		return ""
	case v.Error != nil && v.Error.InvalidToken:
		return "invalid_token"
	case v.Error != nil:
		return v.Error.Code
	case v.Err != nil:
		return v.Err.Code
	}
	return ""
}

func explain(r outbound.Refusal) outbound.Meaning {
	switch r.Status {
	case http.StatusUnauthorized:
		return outbound.Meaning{Kind: fault.Rejected, Text: "the token (vercel.token, or VERCEL_TOKEN) is unknown or has expired. Make a new one at vercel.com/account/settings/tokens"}
	case http.StatusForbidden:
		if r.Code == "invalid_token" {
			return outbound.Meaning{Kind: fault.Rejected, Text: "the token (vercel.token, or VERCEL_TOKEN) is not one of its tokens. Make a new one at vercel.com/account/settings/tokens"}
		}
		return outbound.Meaning{Kind: fault.Denied, Text: "the token does not reach this project or team. Check vercel.team (VERCEL_TEAM_ID), or make a token with the team or the project in its scope"}
	case http.StatusNotFound:
		if r.Route == routeDeployment || r.Route == routePromote || r.Route == routeRollback {
			return outbound.Meaning{Text: "there is no such deployment in this project; it may have been deleted by the retention rules"}
		}
		return outbound.Meaning{Text: "there is no such project for this token. Check vercel.project (VERCEL_PROJECT_ID) and vercel.team (VERCEL_TEAM_ID)"}
	case http.StatusPaymentRequired:
		if r.Route == routeRollback {
			return outbound.Meaning{Kind: fault.Unsupported, Text: "the plan lets production go back to the previous build only"}
		}
		return outbound.Meaning{Kind: fault.Unsupported, Text: "the plan does not include this"}
	case http.StatusConflict:
		if r.Write {
			return outbound.Meaning{Text: "the build is live already, or another switch is under way"}
		}
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		switch r.Route {
		case routePromote:
			return outbound.Meaning{Text: "this build cannot be promoted as it is: a preview has to be rebuilt, and a build that was live before is rolled back to"}
		case routeRollback:
			return outbound.Meaning{Text: "production cannot be rolled back to this build: it was never live, or is not kept any more"}
		}
	}
	return outbound.Meaning{}
}

// Visitors counts the distinct visitors of production, as Web Analytics saw
// them. Vercel offers no number of people who are there right now.
func (c *Client) Visitors(ctx context.Context, since, until time.Time) (int64, error) {
	c.mu.Lock()
	measured := c.measured
	c.mu.Unlock()
	if measured != nil && !*measured {
		return 0, c.out.Fault(fault.Unsupported, "Web Analytics is off for this project on Vercel; switch it on in the project's Analytics tab")
	}
	v, _, err := outbound.JSON[visits](ctx, c.out, outbound.Request{Route: routeVisits, Query: c.query(url.Values{
		"projectId": {c.block.Project},
		"since":     {millis(since)},
		"until":     {millis(until)},
	})})
	if err != nil {
		return 0, err
	}
	if v.Data == nil || v.Data.Visitors == nil || *v.Data.Visitors < 0 {
		return 0, c.out.Unusable(routeVisits, outbound.Misfit("the number of visitors is missing"))
	}
	return int64(*v.Data.Visitors), nil
}
