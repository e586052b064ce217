package vercel

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// Bounds of a list.
const (
	maxPages    = 50
	perPage     = 100 // the most that Vercel gives
	defaultList = 20
	newestPage  = 20 // enough to find the newest even when the order is off
)

func (c *Client) routeList() string { return "/" + c.block.version() + "/deployments" }

// Deployments lists builds, newest first. Vercel pages by time: the next page
// is the same question with until set.
func (c *Client) Deployments(ctx context.Context, q provider.DeploymentQuery) (provider.DeploymentList, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultList
	}
	limit = min(limit, perPage)
	query := url.Values{"projectId": {c.block.Project}, "limit": {strconv.Itoa(limit)}}
	if q.Target != "" {
		query.Set("target", q.Target)
	}
	if q.Branch != "" {
		query.Set("branch", q.Branch)
	}
	if q.State != "" {
		query.Set("state", string(q.State))
	}
	if q.RollbackCandidates {
		query.Set("rollbackCandidate", "true")
	}
	keep := func(d provider.Deployment) bool {
		// Old versions of the call pass over parameters that they do not know.
		return (q.Target == "" || d.Target == q.Target || d.Custom == q.Target) && (q.Branch == "" || d.Branch == q.Branch) &&
			(q.State == "" || d.State == q.State) && (!q.RollbackCandidates || d.RollbackCandidate == nil || *d.RollbackCandidate)
	}
	return c.pages(ctx, query, limit, keep)
}

// pages follows a list until it has enough, it ends, or it goes in a circle.
// The first page must be had; a later one that fails leaves the list
// incomplete.
func (c *Client) pages(ctx context.Context, query url.Values, limit int, keep func(provider.Deployment) bool) (provider.DeploymentList, error) {
	var list provider.DeploymentList
	seen := map[string]bool{}
	until := int64(-1)
	for page := 0; ; page++ {
		next, err := c.page(ctx, query, func(d provider.Deployment) {
			if !seen[d.ID] {
				seen[d.ID] = true
				if keep(d) {
					list.Items = append(list.Items, d)
				}
			}
		})
		switch {
		case err != nil && page == 0:
			return provider.DeploymentList{}, err
		case err != nil && ctx.Err() != nil:
			return provider.DeploymentList{}, err
		case err != nil:
			list.Incomplete = true
		case next <= 0: // that was all
		case len(list.Items) >= limit: // that is enough
		case until >= 0 && next >= until || page+1 == maxPages:
			// The cursor did not move on: the rest cannot be had.
			list.Incomplete = true
		default:
			until = next
			query.Set("until", strconv.FormatInt(next, 10))
			continue
		}
		break
	}
	newestFirst(list.Items)
	if len(list.Items) > limit {
		list.Items = list.Items[:limit]
	}
	return list, nil
}

// page reads one page and answers where the next one begins, 0 for nowhere.
func (c *Client) page(ctx context.Context, query url.Values, each func(provider.Deployment)) (next int64, err error) {
	v, _, err := outbound.JSON[listWire](ctx, c.out, outbound.Request{Route: c.routeList(), Query: c.query(query)})
	if err != nil {
		return 0, err
	}
	if v.Deployments == nil {
		return 0, c.out.Unusable(c.routeList(), outbound.Misfit("the list of deployments is missing"))
	}
	for i := range v.Deployments {
		d, ok := c.deployment(&v.Deployments[i])
		if !ok {
			return 0, c.out.Unusable(c.routeList(), outbound.Misfit("a deployment has no id"))
		}
		each(d)
	}
	if v.Pagination == nil || v.Pagination.Next == nil {
		return 0, nil
	}
	next, err = v.Pagination.Next.Int64()
	if err != nil {
		return 0, c.out.Unusable(c.routeList(), outbound.Misfit("the next page is not a time"))
	}
	return next, nil
}

// Newest is the newest ready build for a source. For staged it may be the one
// that is live: then nothing waits to be promoted.
func (c *Client) Newest(ctx context.Context, from catalog.Source) (provider.Deployment, error) {
	query := url.Values{"projectId": {c.block.Project}, "state": {string(provider.Ready)}, "limit": {strconv.Itoa(newestPage)}}
	var keep func(provider.Deployment) bool
	switch from.Mode {
	case catalog.FromStaged:
		query.Set("target", provider.TargetProduction)
		keep = func(d provider.Deployment) bool { return d.Target == provider.TargetProduction && d.Custom == "" }
	case catalog.FromCustom:
		query.Set("target", from.Name)
		keep = func(d provider.Deployment) bool { return d.Custom == from.Name }
	case catalog.FromBranch:
		query.Set("branch", from.Name)
		keep = func(d provider.Deployment) bool {
			return d.Target != provider.TargetProduction && d.Branch == from.Name
		}
	default:
		return provider.Deployment{}, c.out.Fault(fault.Unsupported, "Vercel has no builds for an environment that is shown from %q", from.Mode)
	}
	d, found, err := c.first(ctx, query, keep)
	if from.Mode == catalog.FromCustom && !found && (err == nil || fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound)) {
		// That target takes a custom environment's slug is not documented:
		// look among all the previews too.
		query.Del("target")
		query.Set("limit", strconv.Itoa(perPage))
		d, found, err = c.first(ctx, query, keep)
	}
	switch {
	case err != nil:
		return provider.Deployment{}, err
	case !found:
		return provider.Deployment{}, c.out.Fault(fault.NotFound, "Vercel has no ready build for %q yet", from.String())
	}
	return d, nil
}

// first is the newest of one page that may be kept.
func (c *Client) first(ctx context.Context, query url.Values, keep func(provider.Deployment) bool) (provider.Deployment, bool, error) {
	var found []provider.Deployment
	_, err := c.page(ctx, query, func(d provider.Deployment) {
		if d.State == provider.Ready && keep(d) {
			found = append(found, d)
		}
	})
	if err != nil || len(found) == 0 {
		return provider.Deployment{}, false, err
	}
	newestFirst(found)
	return found[0], true, nil
}

// Deployment reads one build by its id or host name.
func (c *Client) Deployment(ctx context.Context, id string) (provider.Deployment, error) {
	id = strings.TrimPrefix(id, "https://")
	if !outbound.Plain(id, 260) {
		return provider.Deployment{}, fault.New(fault.Invalid, "A deployment is named by its id (dpl_…) or its host name.")
	}
	w, _, err := outbound.JSON[deploymentWire](ctx, c.out, outbound.Request{
		Route: routeDeployment, Args: []string{id}, Query: c.query(url.Values{"withGitRepoInfo": {"true"}}),
	})
	if err != nil {
		return provider.Deployment{}, err
	}
	d, ok := c.deployment(&w)
	if !ok {
		return provider.Deployment{}, c.out.Unusable(routeDeployment, outbound.Misfit("the deployment's id is missing"))
	}
	if own := c.ownID(); own != "" && w.ProjectID != "" && w.ProjectID != own {
		// The token may reach other projects; this client does not.
		return provider.Deployment{}, c.out.Fault(fault.NotFound, "that deployment belongs to another project on Vercel")
	}
	return d, nil
}

// ownID is the project's id, "" while only its name is known.
func (c *Client) ownID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.projectID == "" && strings.HasPrefix(c.block.Project, "prj_") {
		return c.block.Project
	}
	return c.projectID
}
