package vercel

import (
	"context"
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// routeRunCron is what the command line tool's "vercel crons run" calls; it is
// not in the published specification.
const routeRunCron = "/v1/projects/{project}/crons/run"

var (
	_ provider.CronSource = (*Client)(nil)
	_ provider.CronRunner = (*Client)(nil)
)

// Crons reads the project's cron table.
func (c *Client) Crons(ctx context.Context) (provider.CronSet, error) {
	w, err := c.project(ctx)
	if err != nil {
		return provider.CronSet{}, err
	}
	set := w.schedule()
	if set == nil {
		return provider.CronSet{}, c.out.Fault(fault.Unsupported, "this project has no cron jobs on Vercel")
	}
	if set.DeploymentID != "" && set.LiveID != "" && set.DeploymentID != set.LiveID {
		set.Behind = c.behind(ctx, set)
	}
	return *set, nil
}

// behind reads the two builds. Vercel's own pages disagree on whether a
// rollback takes the schedule along, so the two are held apart. What cannot be
// read of a build stays unknown: that they differ is known without it.
func (c *Client) behind(ctx context.Context, set *provider.CronSet) *provider.CronsBehind {
	b := &provider.CronsBehind{}
	if d, err := c.Deployment(ctx, set.DeploymentID); err == nil && d.ID == set.DeploymentID {
		b.Commit = d.Commit
	}
	if d, err := c.liveBuild(ctx, set.LiveID); err == nil {
		b.LiveCommit, b.Live = d.Commit, d.Crons
	}
	return b
}

// RunCron calls a cron job's path now, as the button in Vercel's dashboard does.
func (c *Client) RunCron(ctx context.Context, job provider.CronJob) (time.Time, error) {
	v, _, err := outbound.JSON[struct {
		InvocationAt stamp `json:"invocationAt"`
	}](ctx, c.out, outbound.Request{
		Method: http.MethodPost, Route: routeRunCron, Args: []string{c.block.Project}, Query: c.query(nil),
		Body: map[string]string{"path": job.Path, "schedule": job.Schedule},
	})
	return v.InvocationAt.Time, err
}
