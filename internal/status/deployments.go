package status

import (
	"cmp"
	"slices"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// assembleDeployments makes the history of the facts. It is pure.
func assembleDeployments(f facts) Deployments {
	out := Deployments{Project: f.project.Name, Deployments: []Deployment{}, Sources: f.sources()}
	shown := f.shown()
	seen := map[string]bool{}
	add := func(d provider.Deployment) {
		if seen[d.ID] {
			return
		}
		seen[d.ID] = true
		out.Deployments = append(out.Deployments, f.deployment(d, shown[d.ID]))
	}
	if f.production != nil {
		out.Incomplete = f.production.Value.Incomplete || f.previews.Value.Incomplete
		for _, d := range slices.Concat(f.production.Value.Items, f.previews.Value.Items) {
			add(d)
		}
	}
	for _, e := range f.project.Environments { // what is shown belongs here, however old
		if d, ok := f.current(e); ok {
			add(d)
		}
	}
	slices.SortStableFunc(out.Deployments, func(a, b Deployment) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	for i := range out.Deployments {
		d := &out.Deployments[i]
		if prod, ok := f.project.OfKind(catalog.Production); ok && slices.Contains(d.Environments, prod.Name) {
			out.CurrentProd = d
		}
		if next, ok := f.project.OfKind(catalog.Staging); ok && slices.Contains(d.Environments, next.Name) {
			out.CurrentNext = d
		}
	}
	return out
}

// current is the build that an environment shows.
func (f facts) current(e catalog.Environment) (provider.Deployment, bool) {
	if e.From.Mode == catalog.FromLive {
		if f.live == nil || !f.live.Known {
			return provider.Deployment{}, false
		}
		return f.live.Value.Deployment, true
	}
	build, ok := f.builds[e.Name]
	return build.Value, ok && build.Known
}

// shown is which environments show a build, by its id.
func (f facts) shown() map[string][]string {
	shown := map[string][]string{}
	for _, e := range f.project.Environments {
		if d, ok := f.current(e); ok {
			shown[d.ID] = append(shown[d.ID], e.Name)
		}
	}
	return shown
}

func (f facts) deployment(d provider.Deployment, environments []string) Deployment {
	commit := hostile.Commit(d.Commit)
	out := Deployment{
		ID: hostile.Line(d.ID, hostile.NameLimit), URL: hostile.Link(d.URL), InspectorURL: hostile.Link(d.InspectorURL),
		Commit: hostile.Short(commit), CommitSHA: commit, CommitMessage: hostile.FirstLine(d.Message, hostile.TitleLimit),
		Branch: hostile.Line(d.Branch, hostile.NameLimit), Author: hostile.Line(d.Author, hostile.NameLimit),
		Creator: hostile.Line(d.Creator, hostile.NameLimit), CreatedAt: d.CreatedAt, ReadyAt: moment(d.ReadyAt),
		State: hostile.Line(string(d.State), 40), Target: known(hostile.Line(cmp.Or(d.Custom, d.Target), hostile.NameLimit)),
		Stage: hostile.Line(string(d.Stage), 40), PullRequest: d.PullRequest, Problem: hostile.Line(d.Problem, hostile.NameLimit),
		Environments: slices.Clip(append([]string{}, environments...)),
	}
	out.Live = f.live != nil && f.live.Known && f.live.Value.Deployment.ID == d.ID
	if f.linker != nil && commit != "" {
		out.CommitURL = hostile.Link(f.linker.CommitURL(commit))
	}
	return out
}
