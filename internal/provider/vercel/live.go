package vercel

import (
	"context"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// project reads the project and remembers what hardly changes.
func (c *Client) project(ctx context.Context) (*projectWire, error) {
	w, _, err := outbound.JSON[projectWire](ctx, c.out, outbound.Request{
		Route: routeProject, Args: []string{c.block.Project}, Query: c.query(nil),
	})
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(w.ID, "prj_") || !outbound.Plain(w.ID, 100) {
		return nil, c.out.Unusable(routeProject, outbound.Misfit("the project's id is missing"))
	}
	measured := w.measured()
	c.mu.Lock()
	c.projectID, c.measured = w.ID, &measured
	c.mu.Unlock()
	return &w, nil
}

// Live reads the project, and the live build when it is another than before.
func (c *Client) Live(ctx context.Context) (provider.Live, error) {
	w, err := c.project(ctx)
	if err != nil {
		return provider.Live{}, err
	}
	live := provider.Live{
		Domains:    w.domains(),
		AutoAssign: w.AutoAssignCustomDomains,
		Rolling:    w.RollingRelease != nil,
		Switch:     w.lastSwitch(),
		Crons:      w.schedule(),
		Measured:   w.measured(),
	}
	if w.Link != nil {
		live.ProductionBranch = outbound.Line(w.Link.ProductionBranch, 250)
	}
	var id string
	if id, live.Split = w.liveID(live.Domains); id == "" {
		return provider.Live{}, c.out.Fault(fault.NotFound, "nothing was ever deployed to production on Vercel")
	}
	if live.Deployment, err = c.liveBuild(ctx, id); err != nil {
		return provider.Live{}, err
	}
	if s := live.Switch; s != nil && live.AutoAssign != nil {
		// Teams that stage every build keep auto-assignment off on purpose, so
		// that alone is no rollback; lastRollbackTarget is gone once settled.
		live.RolledBack = !*live.AutoAssign && s.Kind == "rollback" && s.Status == "succeeded" && s.To == id
	}
	live.Rolling = live.Rolling || live.Deployment.Stage == provider.Rolling
	return live, nil
}

// liveBuild is the build that is live. A ready build does not change any more,
// so the last one is kept.
func (c *Client) liveBuild(ctx context.Context, id string) (provider.Deployment, error) {
	c.mu.Lock()
	kept := c.live
	c.mu.Unlock()
	if kept.ID == id {
		return kept, nil
	}
	d, err := c.Deployment(ctx, id)
	if err != nil {
		return provider.Deployment{}, err
	}
	if d.ID != id {
		return provider.Deployment{}, c.out.Unusable(routeDeployment, outbound.Misfit("it is another deployment than the one asked for"))
	}
	if d.State == provider.Ready && d.Stage == provider.Promoted {
		c.mu.Lock()
		c.live = d
		c.mu.Unlock()
	}
	return d, nil
}

// domains are the production host names, without those that only redirect.
func (w *projectWire) domains() []provider.Domain {
	var all []provider.Domain
	for _, a := range w.Alias {
		if a.Domain == "" || (a.Redirect != nil && *a.Redirect != "") {
			continue
		}
		if !strings.EqualFold(a.Target, provider.TargetProduction) && !strings.EqualFold(a.Environment, provider.TargetProduction) {
			continue
		}
		d := provider.Domain{Name: outbound.Line(a.Domain, 253)}
		if a.Deployment != nil {
			d.DeploymentID = a.Deployment.ID
		}
		all = append(all, d)
	}
	return all
}

// liveID is the build that the production domains serve, and whether they
// disagree. A domain that points at nothing (new, not verified) has no say. In
// a disagreement it is the one that most of them serve, at a tie the one that
// Vercel calls the production target.
func (w *projectWire) liveID(domains []provider.Domain) (id string, split bool) {
	var target string
	if p := w.Targets.Production; p != nil {
		target = p.ID
	}
	votes := map[string]int{}
	for _, d := range domains {
		if d.DeploymentID != "" {
			votes[d.DeploymentID]++
		}
	}
	if len(votes) == 0 {
		// No domain list, or none of it assigned: the target is all there is.
		return target, false
	}
	for _, d := range domains { // in the answer's order, so a tie is stable
		switch v := votes[d.DeploymentID]; {
		case v == 0:
		case id == "", v > votes[id], v == votes[id] && d.DeploymentID == target:
			id = d.DeploymentID
		}
	}
	return id, len(votes) > 1
}

func (w *projectWire) lastSwitch() *provider.Switch {
	r := w.LastAliasRequest
	if r == nil || r.To == "" {
		return nil
	}
	return &provider.Switch{
		From: r.From, To: r.To, Kind: outbound.Line(r.Type, 40), Status: outbound.Line(r.JobStatus, 40), RequestedAt: r.RequestedAt.Time,
	}
}

func (w *projectWire) schedule() *provider.CronSet {
	if w.Crons == nil {
		return nil
	}
	set := &provider.CronSet{
		DeploymentID: w.Crons.DeploymentID,
		Enabled:      w.Crons.DisabledAt.IsZero() || w.Crons.DisabledAt.Before(w.Crons.EnabledAt.Time),
	}
	if id, split := w.liveID(w.domains()); !split {
		set.LiveID = id
	}
	for _, d := range w.Crons.Definitions {
		set.Jobs = append(set.Jobs, provider.CronJob{Path: outbound.Line(d.Path, 512), Schedule: outbound.Line(d.Schedule, 256), Host: outbound.Line(d.Host, 253)})
	}
	return set
}

// measured says whether Web Analytics counts this project.
func (w *projectWire) measured() bool {
	a := w.WebAnalytics
	return a != nil && (a.DisabledAt.IsZero() || a.DisabledAt.Before(a.EnabledAt.Time))
}
