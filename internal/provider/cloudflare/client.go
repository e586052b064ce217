package cloudflare

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// The two ways to ask whether a token is good: of a person, and of an account.
//
//nolint:gosec // paths, no credentials
const (
	routeUserToken    = "/user/tokens/verify"
	routeAccountToken = "/accounts/{account}/tokens/verify"
)

// Client is one Cloudflare account.
type Client struct {
	out   *outbound.Client
	block Block
}

var _ provider.Checker = (*Client)(nil)

func open(b *Block, deps provider.Deps) (*Client, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	now := clock.Real().Now
	if deps.Clock != nil {
		now = deps.Clock.Now
	}
	out, err := outbound.New(outbound.Config{
		Provider: name, Title: "Cloudflare", BaseURL: b.base(), Token: b.Token,
		Codes: codes[:], Code: code, Explain: explain,
		RequestID: "Cf-Ray", Budget: outbound.WindowBudget(now),
		// 1,200 calls in five minutes, and the dashboard counts too.
		Rate: 20, Per: 10 * time.Second,
	}, deps)
	if err != nil {
		return nil, err
	}
	return &Client{out: out, block: *b}, nil
}

// Check asks whether the token is good. It cannot say which permissions it has:
// Cloudflare tells only when they are needed.
func (c *Client) Check(ctx context.Context) error {
	err := c.verify(ctx, outbound.Request{Route: routeUserToken})
	if fault.Is(err, fault.Rejected) {
		// A token that belongs to the account is unknown as a person's.
		err = c.verify(ctx, outbound.Request{Route: routeAccountToken, Args: []string{c.block.Account.Reveal()}})
	}
	return err
}

func (c *Client) verify(ctx context.Context, r outbound.Request) error {
	w, _, err := outbound.JSON[struct {
		Success bool `json:"success"`
		Result  *struct {
			Status string `json:"status"`
		} `json:"result"`
	}](ctx, c.out, r)
	switch {
	case err != nil:
		return err
	case !w.Success || w.Result == nil || w.Result.Status == "":
		return c.out.Unusable(r.Route, outbound.Misfit("the token's status is missing"))
	case w.Result.Status != "active":
		return c.out.Fault(fault.Rejected, "Cloudflare knows the token (cloudflare.token, or CF_API_TOKEN), but it is disabled or has expired. Renew it at dash.cloudflare.com/profile/api-tokens")
	}
	return nil
}

// codes are those of Cloudflare's refusals of a token.
var codes = [...]string{"1000", "1001", "6003", "6111", "9106", "9109", "10000", "10001"}

func code(body []byte) string {
	w, err := outbound.Decode[struct {
		Errors []struct {
			Code int `json:"code"`
		} `json:"errors"`
	}](body)
	if err != nil || len(w.Errors) == 0 {
		return ""
	}
	return strconv.Itoa(w.Errors[0].Code)
}

func explain(r outbound.Refusal) outbound.Meaning {
	const renew = "the token (cloudflare.token, or CF_API_TOKEN) is unknown or has expired. Make a new one at dash.cloudflare.com/profile/api-tokens"
	switch {
	case r.Status == http.StatusUnauthorized,
		r.Status == http.StatusForbidden && r.Code == "10000",
		// A token of the wrong form is a bad header to Cloudflare.
		r.Status == http.StatusBadRequest && (r.Code == "6003" || r.Code == "6111"):
		return outbound.Meaning{Kind: fault.Rejected, Text: renew}
	case r.Status == http.StatusForbidden:
		return outbound.Meaning{Text: "the token lacks a permission on this account. It needs Workers Scripts: Read and Account Analytics: Read"}
	case r.Status == http.StatusNotFound:
		return outbound.Meaning{Text: "there is no such account for this token. Check cloudflare.account (CF_ACCOUNT_ID)"}
	}
	return outbound.Meaning{}
}
