package sentry

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// Where Sentry keeps versions and where they went.
const (
	routeReleases = "/api/0/organizations/{org}/releases/"
	routeRelease  = "/api/0/organizations/{org}/releases/{version}/"
	routeDeploys  = "/api/0/organizations/{org}/releases/{version}/deploys/"
	routeIndex    = "/api/0/" // says who the token is
)

type releaseWire struct {
	Version      string     `json:"version"`
	DateReleased *time.Time `json:"dateReleased"`
	DeployCount  *int64     `json:"deployCount"`
	Projects     []struct {
		ID   int64  `json:"id"`
		Slug string `json:"slug"`
	} `json:"projects"`
}

type newRelease struct {
	Version      string    `json:"version"`
	Projects     []string  `json:"projects"`
	DateReleased time.Time `json:"dateReleased"`
}

// EnsureVersion reads first: what an SDK or a build step has made is left as it
// is. Making a release and finishing it can both be said twice.
func (c *Client) EnsureVersion(ctx context.Context, version string, released time.Time) error {
	r, err := c.release(ctx, version)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if err != nil || !c.among(r) {
		// For a version that is there this adds the project.
		if _, err = c.out.Do(ctx, outbound.Request{Method: http.MethodPost, Route: routeReleases, Args: []string{c.block.Org}, Body: newRelease{
			Version: version, Projects: []string{c.block.Project}, DateReleased: released.UTC(),
		}}); err != nil {
			return err
		}
	}
	if r.Version != "" && r.DateReleased == nil {
		_, err = c.out.Do(ctx, outbound.Request{Method: http.MethodPut, Route: routeRelease, Args: []string{c.block.Org, version}, Body: struct {
			DateReleased time.Time `json:"dateReleased"`
		}{released.UTC()}})
	}
	return err
}

func (c *Client) release(ctx context.Context, version string) (releaseWire, error) {
	r, _, err := outbound.JSON[releaseWire](ctx, c.out, outbound.Request{Route: routeRelease, Args: []string{c.block.Org, version}})
	switch {
	case err != nil:
		return releaseWire{}, err
	case r.Version != version:
		return releaseWire{}, c.out.Unusable(routeRelease, outbound.Misfit("it is about another version"))
	case r.DeployCount == nil || *r.DeployCount < 0:
		return releaseWire{}, c.out.Unusable(routeRelease, outbound.Misfit("it does not say how many deploys there were"))
	}
	return r, nil
}

// among says whether the project is one of a release's. Its number may be
// configured too.
func (c *Client) among(r releaseWire) bool {
	for _, p := range r.Projects {
		if p.Slug == c.block.Project || strconv.FormatInt(p.ID, 10) == c.block.Project {
			return true
		}
	}
	return false
}

type deployWire struct {
	Environment  string     `json:"environment"`
	Name         *string    `json:"name"`
	URL          *string    `json:"url,omitempty"`
	DateStarted  *time.Time `json:"dateStarted,omitempty"`
	DateFinished *time.Time `json:"dateFinished,omitempty"`
	Projects     []string   `json:"projects,omitempty"`
}

// Deploys counts by the release and reads by the list: Sentry's list has the
// last deploy of each environment alone.
func (c *Client) Deploys(ctx context.Context, version string) (provider.DeployRecord, error) {
	r, err := c.release(ctx, version)
	if err != nil {
		return provider.DeployRecord{}, err
	}
	list, answer, err := outbound.JSON[[]deployWire](ctx, c.out, outbound.Request{Route: routeDeploys, Args: []string{c.block.Org, version}})
	if err != nil {
		return provider.DeployRecord{}, err
	}
	if _, more := nextCursor(answer.Header.Get("Link")); more {
		return provider.DeployRecord{}, c.out.Unusable(routeDeploys, outbound.Misfit("the release went to more environments than are read"))
	}
	record := provider.DeployRecord{Count: *r.DeployCount}
	for _, w := range list {
		d := provider.Deploy{Environment: outbound.Line(w.Environment, 100)}
		if w.Name != nil {
			d.Name = outbound.Line(*w.Name, 100)
		}
		if w.DateStarted != nil {
			d.StartedAt = w.DateStarted.UTC()
		}
		if w.DateFinished != nil {
			d.FinishedAt = w.DateFinished.UTC()
		}
		record.Last = append(record.Last, d)
	}
	return record, nil
}

// RecordDeploy posts once.
func (c *Client) RecordDeploy(ctx context.Context, version string, d provider.Deploy) error {
	body := deployWire{Environment: d.Environment, Name: &d.Name, Projects: []string{c.block.Project}}
	if d.URL != "" {
		body.URL = &d.URL
	}
	if !d.StartedAt.IsZero() {
		body.DateStarted = new(d.StartedAt.UTC())
	}
	if !d.FinishedAt.IsZero() {
		body.DateFinished = new(d.FinishedAt.UTC())
	}
	_, err := c.out.Do(ctx, outbound.Request{Method: http.MethodPost, Route: routeDeploys, Args: []string{c.block.Org, version}, Body: body})
	return err
}

// mayRecord are the scopes of which one is enough to write releases.
var mayRecord = []string{"project:releases", "org:ci", "project:write", "project:admin"}

// CheckRecording reads the token's scopes.
func (c *Client) CheckRecording(ctx context.Context) error {
	w, _, err := outbound.JSON[struct {
		Auth *struct {
			Scopes []string `json:"scopes"`
		} `json:"auth"`
	}](ctx, c.out, outbound.Request{Route: routeIndex})
	switch {
	case err != nil:
		return err
	case w.Auth == nil || w.Auth.Scopes == nil:
		return c.out.Unusable(routeIndex, outbound.Misfit("it does not say what the token may do"))
	case !slices.ContainsFunc(w.Auth.Scopes, func(s string) bool { return slices.Contains(mayRecord, s) }):
		return &fault.Error{Kind: fault.Denied, Provider: name, Message: "Deploys cannot be reported to Sentry: the token (sentry.token) lacks the scope project:releases. Add it to the internal integration (Releases: Admin), or take release.report_to out."}
	}
	return nil
}

// explainReleases says what refusals of releases and issues are about: they
// need other scopes than the counts.
func explainReleases(r outbound.Refusal) (outbound.Meaning, bool) {
	switch {
	case r.Route == routeIssues && r.Status == http.StatusForbidden:
		return outbound.Meaning{Text: "the token lacks the scope event:read, so nobody can say which issues are new. Add it to the internal integration (Issue & Event: Read)"}, true
	case r.Route != routeReleases && r.Route != routeRelease && r.Route != routeDeploys:
		return outbound.Meaning{}, false
	}
	switch r.Status {
	case http.StatusForbidden:
		return outbound.Meaning{Text: "the token lacks the scope project:releases. Add it to the internal integration (Releases: Admin)"}, true
	case http.StatusNotFound:
		return outbound.Meaning{Text: "it does not know the version, or the token may not see all of its projects. Check sentry.org and sentry.project"}, true
	case http.StatusBadRequest:
		return outbound.Meaning{Text: "it does not take this release or deploy: the project is not among those of the token, or the environment's name has a slash, a line break or more than 64 characters"}, true
	}
	return outbound.Meaning{}, false
}
