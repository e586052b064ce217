package sentry

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// routeEvents is Sentry's table of events. The slash at the end belongs there.
const routeEvents = "/api/0/organizations/{org}/events/"

const (
	perPage  = "100" // the most that Sentry gives
	maxPages = 50
)

// Client is one Sentry project.
type Client struct {
	out   *outbound.Client
	block Block
	clock clock.Clock
}

// The promises of this room.
var (
	_ provider.ErrorCounter = (*Client)(nil)
	_ provider.ErrorCharter = (*Client)(nil)
	_ provider.Checker      = (*Client)(nil)

	_ provider.IssueFinder    = (*Client)(nil)
	_ provider.DeployRecorder = (*Client)(nil)
)

func open(b *Block, deps provider.Deps) (*Client, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	out, err := outbound.New(outbound.Config{
		Provider: name, Title: "Sentry", BaseURL: b.base(), Token: b.Token, Explain: explain,
		// A Sentry of one's own sends no limits at all, which is fine.
		Budget: outbound.EpochBudget("X-Sentry-Rate-Limit-"),
		// Sentry allows 30 of these a second and 15 at once.
		Rate: 15, Per: time.Second,
	}, deps)
	if err != nil {
		return nil, err
	}
	return &Client{out: out, block: *b, clock: deps.Clock}, nil
}

// Check asks for one row of the table that the counts come from: it needs the
// same scope, organisation and project.
func (c *Client) Check(ctx context.Context) error {
	q := c.query(time.Hour)
	q.Set("per_page", "1")
	_, _, err := c.page(ctx, q)
	return err
}

// ErrorCounts counts the error events of the last window for every environment
// in one call. They are stored events, after Sentry's filters and the app's own
// sampling; issues are something else.
//
// A page that is missing would make the counts too small, so then there are
// none.
func (c *Client) ErrorCounts(ctx context.Context, window time.Duration) (map[string]int64, error) {
	if window < time.Minute {
		return nil, fault.New(fault.Invalid, "Errors are counted over a minute or more.")
	}
	counts := map[string]int64{}
	seen := map[string]bool{}
	query := c.query(window)
	for page := 1; ; page++ {
		rows, next, err := c.page(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			counts[outbound.Line(r.environment, 100)] += r.count
		}
		switch {
		case next == "":
			return counts, nil
		case seen[next] || page == maxPages:
			return nil, c.out.Unusable(routeEvents, outbound.Misfit("its pages go in a circle, so the counts would be wrong"))
		}
		seen[next] = true
		query.Set("cursor", next)
	}
}

// query is the question of docs.sentry.io/api/explore/query-explore-events-in-table-format.
// It names the project, so it works for organisations that let nobody look at
// several projects at once (Sentry answers 400 there otherwise).
func (c *Client) query(window time.Duration) url.Values {
	return url.Values{
		"dataset":     {"errors"},
		"field":       {"project", "environment", "count()"},
		"project":     {c.block.Project},
		"statsPeriod": {period(window)},
		"sort":        {"-count()"},
		"per_page":    {perPage},
	}
}

// period is a duration in the form that Sentry reads: whole minutes, or hours
// where it comes out even.
func period(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dm", d/time.Minute)
}

type row struct {
	environment string
	count       int64
}

type rowWire struct {
	Environment *string      `json:"environment"` // null or "" for events without one
	Count       *json.Number `json:"count()"`
}

type eventsWire struct {
	Data []rowWire `json:"data"`
}

// rows reads a page's table.
func (w eventsWire) rows() ([]row, error) {
	if w.Data == nil {
		return nil, outbound.Misfit("the table is missing")
	}
	rows := make([]row, 0, len(w.Data))
	for _, r := range w.Data {
		if r.Count == nil {
			return nil, outbound.Misfit("a count is missing")
		}
		n, err := strconv.ParseFloat(r.Count.String(), 64) // some versions send 41.0
		if err != nil || n < 0 || n > 1e15 || n != math.Trunc(n) {
			return nil, outbound.Misfit("a count is no whole number")
		}
		one := row{count: int64(n)}
		if r.Environment != nil {
			one.environment = *r.Environment
		}
		rows = append(rows, one)
	}
	return rows, nil
}

// page reads one page and answers the cursor of the next, "" at the end.
func (c *Client) page(ctx context.Context, query url.Values) ([]row, string, error) {
	w, answer, err := outbound.JSON[eventsWire](ctx, c.out, outbound.Request{Route: routeEvents, Args: []string{c.block.Org}, Query: query})
	if err != nil {
		return nil, "", err
	}
	rows, err := w.rows()
	if err != nil {
		return nil, "", c.out.Unusable(routeEvents, err)
	}
	next, more := nextCursor(answer.Header.Get("Link"))
	if more && next == "" {
		return nil, "", c.out.Unusable(routeEvents, outbound.Misfit("the next page has no cursor, so the counts would be wrong"))
	}
	return rows, next, nil
}

// nextCursor reads Sentry's Link header, where previous and next are always
// both there and results says whether anything is behind them. Of the next one
// only the cursor is taken, never the address.
func nextCursor(header string) (cursor string, more bool) {
	for link := range strings.SplitSeq(header, ",") {
		params := map[string]string{}
		for p := range strings.SplitSeq(link, ";") {
			if k, v, ok := strings.Cut(strings.TrimSpace(p), "="); ok {
				params[k] = strings.Trim(v, `"`)
			}
		}
		if params["rel"] != "next" || params["results"] != "true" {
			continue
		}
		if outbound.Plain(params["cursor"], 100) {
			return params["cursor"], true
		}
		return "", true
	}
	return "", false
}

func explain(r outbound.Refusal) outbound.Meaning {
	if m, special := explainReleases(r); special {
		return m
	}
	switch r.Status {
	case http.StatusUnauthorized:
		return outbound.Meaning{Kind: fault.Rejected, Text: "the token (sentry.token, or SENTRY_AUTH_TOKEN) is unknown here. Make one of an internal integration with the scope org:read, and check that sentry.base_url is the organisation's region (https://us.sentry.io, https://de.sentry.io)"}
	case http.StatusForbidden:
		return outbound.Meaning{Text: "the token lacks the scope org:read, or is an organisation's CI token, which cannot read events. Make one of an internal integration with org:read"}
	case http.StatusNotFound:
		switch r.Route {
		case routeIssues:
			return outbound.Meaning{Text: "it knows no such environment, which begins with the first event there; or there is no such organisation. Check the environment's sentry: in the configuration, and sentry.org"}
		case routeSeries:
			return outbound.Meaning{Text: "there is no chart of errors here. A Sentry of one's own may be too old for it; else check sentry.org (SENTRY_ORG) and the region in sentry.base_url"}
		}
		return outbound.Meaning{Text: "there is no such organisation or project here. Check sentry.org (SENTRY_ORG), sentry.project (SENTRY_PROJECT) and the region in sentry.base_url"}
	case http.StatusBadRequest:
		return outbound.Meaning{Text: "it does not know the project, or the token's owner may not see it. Check sentry.project (SENTRY_PROJECT)"}
	}
	return outbound.Meaning{}
}
