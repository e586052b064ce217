package sentry

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// routeIssues is Sentry's search for issues.
const routeIssues = "/api/0/organizations/{org}/issues/"

// moments as Sentry's search reads them, and as its parameters do.
const (
	searchTime = "2006-01-02T15:04:05Z"
	paramTime  = "2006-01-02T15:04:05"
)

// NewIssues asks by the environment as a parameter: only then does firstSeen
// speak of the first event in that environment, and count of its events. In
// the search itself it would mean the first event anywhere.
func (c *Client) NewIssues(ctx context.Context, q provider.IssueQuery) (provider.IssueList, error) {
	now := c.clock.Now()
	since := q.Since.UTC().Truncate(time.Second)
	search := "firstSeen:>=" + since.Format(searchTime)
	if !q.Until.IsZero() {
		search += " firstSeen:<" + q.Until.UTC().Add(time.Second-1).Truncate(time.Second).Format(searchTime)
	}
	// Events until now, also of those that were new within the span.
	end := now.UTC().Add(time.Second)
	if !end.After(since) {
		end = since.Add(time.Second)
	}
	list, answer, err := outbound.JSON[[]issueWire](ctx, c.out, outbound.Request{Route: routeIssues, Args: []string{c.block.Org}, Query: url.Values{
		"project":     {c.block.Project},
		"environment": {q.Environment},
		"query":       {search},
		"start":       {since.Format(paramTime)},
		"end":         {end.Format(paramTime)},
		"sort":        {"freq"},
		"limit":       {strconv.Itoa(min(max(q.Limit, 1), 100))},
	}})
	if err != nil {
		return provider.IssueList{}, err
	}
	out := provider.IssueList{Issues: make([]provider.Issue, 0, len(list))}
	for _, w := range list {
		one, err := w.issue()
		if err != nil {
			return provider.IssueList{}, c.out.Unusable(routeIssues, err)
		}
		// On sentry.io each organisation has a host of its own.
		one.URL = c.out.Link(w.Permalink, c.webHosts()...)
		out.Issues = append(out.Issues, one)
	}
	out.Total = len(out.Issues)
	_, more := nextCursor(answer.Header.Get("Link"))
	switch hits, err := strconv.Atoi(answer.Header.Get("X-Hits")); {
	case err == nil && hits > out.Total:
		out.Total = hits
		most, err := strconv.Atoi(answer.Header.Get("X-Max-Hits"))
		out.AtLeast = err == nil && hits >= most
	case more:
		out.AtLeast = true
	}
	return out, nil
}

// webHosts are where the pages of a hosted Sentry are, beside its API.
func (c *Client) webHosts() []string {
	if u, err := url.Parse(c.block.base()); err == nil && (u.Host == "sentry.io" || hosted(u.Host)) {
		return []string{"sentry.io"}
	}
	return nil
}

func hosted(host string) bool {
	const below = ".sentry.io"
	return len(host) > len(below) && host[len(host)-len(below):] == below
}

type issueWire struct {
	ID        string          `json:"id"`
	ShortID   *string         `json:"shortId"`
	Title     string          `json:"title"`
	Culprit   *string         `json:"culprit"`
	Level     *string         `json:"level"`
	Count     json.RawMessage `json:"count"` // a string; some versions send a number
	UserCount *int64          `json:"userCount"`
	FirstSeen *time.Time      `json:"firstSeen"`
	LastSeen  *time.Time      `json:"lastSeen"`
	Permalink string          `json:"permalink"`
}

func (w issueWire) issue() (provider.Issue, error) {
	if !outbound.Plain(w.ID, 40) || w.FirstSeen == nil {
		return provider.Issue{}, outbound.Misfit("an issue has no number, or no time at which it was first seen")
	}
	text := string(w.Count)
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return provider.Issue{}, outbound.Misfit("the number of an issue's events is missing or no number")
	}
	one := provider.Issue{ID: w.ID, Title: outbound.Line(w.Title, 1000), Count: n, FirstSeen: w.FirstSeen.UTC()}
	if w.ShortID != nil {
		one.ShortID = outbound.Line(*w.ShortID, 100)
	}
	if w.Culprit != nil {
		one.Culprit = outbound.Line(*w.Culprit, 300)
	}
	if w.Level != nil {
		one.Level = outbound.Line(*w.Level, 40)
	}
	if w.UserCount != nil {
		one.Users = max(*w.UserCount, 0)
	}
	if w.LastSeen != nil {
		one.LastSeen = w.LastSeen.UTC()
	}
	return one, nil
}
