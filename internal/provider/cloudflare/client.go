package cloudflare

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// The calls, as routes for meters and logs.
//
//nolint:gosec // paths, no credentials
const (
	routeUserToken    = "/user/tokens/verify"
	routeAccountToken = "/accounts/{account}/tokens/verify"
	routeScripts      = "/accounts/{account}/workers/scripts"
	routeDeployments  = "/accounts/{account}/workers/scripts/{script}/deployments"
	routeVersions     = "/accounts/{account}/workers/scripts/{script}/versions"
	routeVersion      = "/accounts/{account}/workers/scripts/{script}/versions/{version}"
	routeSchedules    = "/accounts/{account}/workers/scripts/{script}/schedules"
	routeScriptDev    = "/accounts/{account}/workers/scripts/{script}/subdomain"
	routeDev          = "/accounts/{account}/workers/subdomain"
	routeDomains      = "/accounts/{account}/workers/domains"
	routeZone         = "/zones/{zone}/workers/routes"
	routeGraph        = "/graphql"
)

// Client is one Cloudflare account.
type Client struct {
	out   *outbound.Client
	graph *outbound.Client
	block Block
	now   func() time.Time
}

// The promises of this room.
var (
	_ provider.Checker        = (*Client)(nil)
	_ provider.WorkerLister   = (*Client)(nil)
	_ provider.WorkerDeployer = (*Client)(nil)
	_ provider.WorkerRouter   = (*Client)(nil)
	_ provider.WorkerCounter  = (*Client)(nil)
)

func open(b *Block, deps provider.Deps) (*Client, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	now := clock.Real().Now
	if deps.Clock != nil {
		now = deps.Clock.Now
	}
	conf := outbound.Config{
		Provider: name, Title: "Cloudflare", BaseURL: b.base(), Token: b.Token,
		Codes: codes[:], Code: code, Explain: explain,
		RequestID: "Cf-Ray", Budget: outbound.WindowBudget(now),
		// 1,200 calls in five minutes, and the dashboard counts too: half of it.
		Rate: 120, Per: time.Minute,
	}
	out, err := outbound.New(conf, deps)
	if err != nil {
		return nil, err
	}
	// 300 queries in five minutes on top, counted by themselves: a query that
	// must wait says nothing about the other calls.
	conf.Rate = 30
	conf.Codes, conf.Code, conf.ThrottleCode, conf.Explain = graphCodes(), graphCode, graphThrottled, explainGraph
	graph, err := outbound.New(conf, deps)
	if err != nil {
		return nil, err
	}
	return &Client{out: out, graph: graph, block: *b, now: now}, nil
}

// Check asks whether the token is good. It cannot say which permissions it has:
// Cloudflare tells only when they are needed.
func (c *Client) Check(ctx context.Context) error {
	err := c.verify(ctx, outbound.Request{Route: routeUserToken})
	if fault.Is(err, fault.Rejected) {
		// A token that belongs to the account is unknown as a person's.
		err = c.verify(ctx, outbound.Request{Route: routeAccountToken, Args: []string{c.account()}})
	}
	return err
}

func (c *Client) verify(ctx context.Context, r outbound.Request) error {
	w, err := get[struct {
		Status string `json:"status"`
	}](ctx, c, r)
	switch {
	case err != nil:
		return err
	case w.Status == "":
		return c.out.Unusable(r.Route, outbound.Misfit("the token's status is missing"))
	case w.Status != "active":
		return c.out.Fault(fault.Rejected, "Cloudflare knows the token (cloudflare.token, or CF_API_TOKEN), but it is disabled or has expired. Renew it at dash.cloudflare.com/profile/api-tokens")
	}
	return nil
}

func (c *Client) account() string { return c.block.Account.Reveal() }

// script makes the request of one script's route.
func (c *Client) script(route, script string, more ...string) outbound.Request {
	return outbound.Request{Route: route, Args: append([]string{c.account(), script}, more...)}
}

// envelope is around every answer but the analytics'. Its success counts and
// not the status alone.
type envelope[T any] struct {
	Success bool             `json:"success"`
	Errors  []problem        `json:"errors"`
	Result  *json.RawMessage `json:"result"`
}

type problem struct {
	Code int `json:"code"`
}

// get makes a call and takes the result out of its envelope.
func get[T any](ctx context.Context, c *Client, r outbound.Request) (T, error) {
	var none T
	w, _, err := outbound.JSON[envelope[T]](ctx, c.out, r)
	if err != nil {
		return none, err
	}
	result, err := w.open()
	if err != nil {
		return none, c.out.Unusable(r.Route, err)
	}
	return result, nil
}

func (w envelope[T]) open() (T, error) {
	var none T
	switch {
	case !w.Success || len(w.Errors) > 0:
		return none, outbound.Misfit("it says that it failed, with the status of a success")
	case w.Result == nil:
		return none, outbound.Misfit("the result is missing")
	}
	return outbound.Decode[T](*w.Result)
}

// The codes that mean something to this room.
const (
	codeNoScript     = "10007"
	codeNoVersion    = "10092"
	codeOtherSecrets = "10220" // a secret has changed since the version was uploaded
)

// codes are those of Cloudflare's refusals that may be shown.
var codes = [...]string{"1000", "1001", "6003", "6111", "7003", "9106", "9109", "10000", "10001", codeNoScript, codeNoVersion, "10090", codeOtherSecrets}

func code(body []byte) string {
	w, err := outbound.Decode[struct {
		Errors []problem `json:"errors"`
	}](body)
	if err != nil || len(w.Errors) == 0 {
		return ""
	}
	return strconv.Itoa(w.Errors[0].Code)
}

func explain(r outbound.Refusal) outbound.Meaning {
	const renew = "the token (cloudflare.token, or CF_API_TOKEN) is unknown or has expired. Make a new one at dash.cloudflare.com/profile/api-tokens"
	verifies := r.Route == routeUserToken || r.Route == routeAccountToken
	switch {
	case r.Code == codeOtherSecrets:
		return outbound.Meaning{Kind: fault.Conflict, Text: "a secret of this Worker has changed since that version was uploaded, and it would run with today's. It has to be forced"}
	case r.Code == codeNoScript:
		return outbound.Meaning{Kind: fault.NotFound, Text: "there is no such Worker on this account. Check cloudflare.workers"}
	case r.Code == codeNoVersion:
		return outbound.Meaning{Kind: fault.NotFound, Text: "this version is gone: Cloudflare keeps the newest hundred"}
	case r.Status == http.StatusUnauthorized,
		r.Status == http.StatusForbidden && r.Code == "10000" && verifies,
		// A token of the wrong form is a bad header to Cloudflare.
		r.Status == http.StatusBadRequest && (r.Code == "6003" || r.Code == "6111"):
		return outbound.Meaning{Kind: fault.Rejected, Text: renew}
	case r.Status == http.StatusForbidden:
		// An unknown token, a missing permission and an account of somebody else
		// are one answer to Cloudflare: 403 with code 10000.
		return outbound.Meaning{Text: "the token (cloudflare.token, or CF_API_TOKEN) is unknown, or lacks a permission on this account: it needs " + needs(r)}
	case r.Status == http.StatusNotFound:
		return outbound.Meaning{Text: "there is no such thing on this account. Check cloudflare.account (CF_ACCOUNT_ID), cloudflare.zones and cloudflare.workers"}
	}
	return outbound.Meaning{}
}

// needs names the permission that a call takes.
func needs(r outbound.Refusal) string {
	switch {
	case r.Write:
		return "Workers Scripts: Edit"
	case r.Route == routeZone:
		return "Workers Routes: Read on the zone"
	case slices.Contains([]string{routeUserToken, routeAccountToken}, r.Route):
		return "Workers Scripts: Read and Account Analytics: Read"
	default:
		return "Workers Scripts: Read"
	}
}
