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
	return *set, nil
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
