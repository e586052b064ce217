package github

import (
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// The deployments are those that Vercel's GitHub app writes down for builds it
// made from a push; a rollback or a promotion makes none.

func (f *Face) deploymentRoutes() []wire.Route {
	one := repoPath + "/deployments/{deployment}"
	return []wire.Route{
		{
			Pattern: "GET " + repoPath + "/deployments", Doc: "deployments that apps wrote down", Need: needDeployments,
			Query: paged(
				wire.Param{Name: "sha", Type: wire.String}, wire.Param{Name: "ref", Type: wire.String},
				wire.Param{Name: "task", Type: wire.String}, wire.Param{Name: "environment", Type: wire.String},
			),
			Handle: f.on(func(i *in) (*wire.Answer, error) {
				var found []*world.Deployment
				for _, d := range i.s.Deployments() {
					if d.Source != world.FromGit || i.Has("sha") && i.Str("sha") != d.SHA || i.Has("ref") && i.Str("ref") != d.Branch && i.Str("ref") != d.SHA ||
						i.Has("environment") && i.Str("environment") != environmentName(i.s, d) || i.Has("task") && i.Str("task") != "deploy" {
						continue
					}
					found = append(found, d)
				}
				return list(i, found, i.deployment), nil
			}),
		},
		{Pattern: "GET " + one, Doc: "one of them", Need: needDeployments, Handle: f.on(onDeployment(func(i *in, d *world.Deployment) *wire.Answer {
			return wire.OK(i.deployment(d))
		}))},
		{Pattern: "GET " + one + "/statuses", Doc: "how it went", Need: needDeployments, Query: paged(), Handle: f.on(onDeployment(func(i *in, d *world.Deployment) *wire.Answer {
			return list(i, i.statuses(d), func(o obj) obj { return o })
		}))},
	}
}

func onDeployment(show func(*in, *world.Deployment) *wire.Answer) func(*in) (*wire.Answer, error) {
	return func(i *in) (*wire.Answer, error) {
		id, err := strconv.ParseInt(i.Path("deployment"), 10, 64)
		for _, d := range i.s.Deployments() {
			if err == nil && d.Source == world.FromGit && i.number("deployment", d.ID) == id {
				return show(i, d), nil
			}
		}
		return nil, i.notFound()
	}
}

func environmentName(s *world.State, d *world.Deployment) string {
	switch {
	case d.EnvID != "":
		return s.Project.CustomEnv.Slug
	case d.Target == world.Production:
		return "Production"
	}
	return "Preview"
}

// vercelApp is the account that Vercel's GitHub app acts as.
func (i *in) vercelApp() any {
	u := i.user(&world.Person{Login: "vercel[bot]", GitHubID: 35_613_825}).(obj)
	u["type"], u["html_url"] = "Bot", "https://github.com/apps/vercel"
	return u
}

func (i *in) deployment(d *world.Deployment) obj {
	return i.deploymentOf("deployment", d.ID, d.SHA, d.SHA, environmentName(i.s, d), d.CreatedAt, i.vercelApp())
}

func (i *in) deploymentOf(kind string, key any, sha, ref, env string, at time.Time, creator any) obj {
	id := i.number(kind, key)
	production := strings.EqualFold(env, "production")
	return obj{
		"url": i.repo("/deployments/%d", id), "id": id, "node_id": i.node("DE", id), "task": "deploy", "original_environment": env,
		"environment": env, "description": nil, "created_at": stamp(at), "updated_at": stamp(at), "statuses_url": i.repo("/deployments/%d/statuses", id),
		"repository_url": i.repo(""), "creator": creator, "sha": sha, "ref": ref, "payload": obj{},
		"transient_environment": !production, "production_environment": production, "performed_via_github_app": nil,
	}
}

// statuses are newest first.
func (i *in) statuses(d *world.Deployment) []obj {
	id := i.number("deployment", d.ID)
	one := func(state, text string, at time.Time) obj {
		key := i.number("status", d.ID, state)
		page := "https://" + d.Host
		return obj{
			"url": i.repo("/deployments/%d/statuses/%d", id, key), "id": key, "node_id": i.node("DES", key), "state": state, "creator": i.vercelApp(),
			"description": text, "environment": environmentName(i.s, d), "target_url": page, "log_url": page, "environment_url": page,
			"created_at": stamp(at), "updated_at": stamp(at), "deployment_url": i.repo("/deployments/%d", id), "repository_url": i.repo(""),
			"performed_via_github_app": nil,
		}
	}
	out := []obj{one("pending", "Vercel is deploying your app", d.CreatedAt)}
	switch d.State {
	case world.Ready:
		out = append([]obj{one("success", "Deployment has completed", d.ReadyAt)}, out...)
	case world.Failed:
		out = append([]obj{one("failure", "Deployment has failed", d.CreatedAt)}, out...)
	case world.Canceled:
		out = append([]obj{one("inactive", "Deployment was canceled", d.CanceledAt)}, out...)
	}
	return out
}
