package cloudflare

import (
	"math"
	"slices"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) versionRoutes() []wire.Route {
	versions := "/client/v4/accounts/{account}/workers/scripts/{script}/versions"
	return []wire.Route{
		{
			Pattern: "GET " + versions, Doc: "list versions", Need: ScriptsRead,
			Query: append(pageParams(1, 100), wire.Param{Name: "deployable", Type: wire.Bool}), Handle: f.listVersions,
		},
		{Pattern: "GET " + versions + "/{version}", Doc: "one version", Need: ScriptsRead, Handle: f.getVersion},
	}
}

// deployable is how many of the newest versions can still be deployed.
const deployable = 100

func (f *Face) listVersions(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(s *world.State, w *worker) (*wire.Answer, error) {
		all := []obj{}
		for _, v := range slices.Backward(w.versions) {
			all = append(all, v.short(s))
		}
		if c.Bool("deployable", false) { // ignores paging
			return ok(obj{"items": all[:min(len(all), deployable)]}), nil
		}
		answer := paged(c, all, 10)
		body := answer.Body.(obj)
		body["result"] = obj{"items": body["result"]}
		return answer, nil
	})
}

func (v *version) short(s *world.State) obj {
	return obj{
		"id": v.id, "number": v.number,
		"metadata": obj{
			"author_email": v.author.Email, "author_id": s.Hex(32, "cf-user", v.author.Email), "created_on": stamp(s, v.created),
			"modified_on": stamp(s, v.created), "hasPreview": true, "has_preview": true, "source": v.source,
		},
		"annotations": obj{"workers/tag": v.tag, "workers/message": v.message, "workers/triggered_by": v.triggeredBy},
	}
}

func (f *Face) getVersion(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(s *world.State, w *worker) (*wire.Answer, error) {
		v := w.version(c.Path("version"))
		if v == nil {
			return nil, noVersion()
		}
		full := v.short(s)
		full["resources"] = obj{
			"bindings": bindings(w),
			"script": obj{
				"etag": s.Hex(64, "cf-etag", v.id), "handlers": w.handlers, "last_deployed_from": v.source,
				"named_handlers": []any{},
			},
			"script_runtime": obj{
				"compatibility_date": "2026-03-01", "compatibility_flags": []string{"nodejs_compat"}, "usage_model": "standard", "limits": obj{"cpu_ms": 30_000},
			},
		}
		return ok(full), nil
	})
}

// The codes of an absent version and deployment are not in the published
// schemas; these are the product's "not found" codes nearest to them.
func noVersion() error {
	return refuse(wire.NotFound, 10092, "The requested Worker version could not be found, please check the ID being passed and try again.").done()
}

func (f *Face) deploymentRoutes() []wire.Route {
	deployments := "/client/v4/accounts/{account}/workers/scripts/{script}/deployments"
	return []wire.Route{
		{Pattern: "GET " + deployments, Doc: "list deployments, the serving one first", Need: ScriptsRead, Handle: f.listDeployments},
		{
			Pattern: "POST " + deployments, Doc: "deploy, roll back or roll out gradually", Need: ScriptsWrite,
			Query: []wire.Param{{Name: "force", Type: wire.Bool}}, Body: wire.JSONBody[deployRequest](), Handle: f.createDeployment,
		},
		{Pattern: "GET " + deployments + "/{deployment}", Doc: "one deployment", Need: ScriptsRead, Handle: f.getDeployment},
		{Pattern: "DELETE " + deployments + "/{deployment}", Doc: "delete one that is not serving", Need: ScriptsWrite, Handle: f.deleteDeployment},
	}
}

// remembered is how many deployments the list shows; it has no paging.
const remembered = 10

func (f *Face) listDeployments(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(s *world.State, w *worker) (*wire.Answer, error) {
		list := []obj{}
		for _, d := range slices.Backward(w.deployments) {
			if len(list) == remembered {
				break
			}
			list = append(list, d.show(s))
		}
		return ok(obj{"deployments": list}), nil
	})
}

func (d *deployment) show(s *world.State) obj {
	versions := []obj{}
	for _, sh := range d.shares {
		versions = append(versions, obj{"version_id": sh.version.id, "percentage": sh.percent})
	}
	annotations := obj{"workers/triggered_by": d.triggeredBy}
	if d.message != "" {
		annotations["workers/message"] = d.message
	}
	return obj{
		"id": d.id, "created_on": stamp(s, d.created), "source": d.source, "strategy": "percentage", "versions": versions,
		"author_email": d.author.Email, "author_id": s.Hex(32, "cf-user", d.author.Email), "annotations": annotations,
	}
}

func (w *worker) find(id string) (int, error) {
	i := slices.IndexFunc(w.deployments, func(d *deployment) bool { return d.id == id })
	if i < 0 {
		return 0, refuse(wire.NotFound, 10093, "The requested deployment could not be found, please check the ID being passed and try again.").done()
	}
	return i, nil
}

func (f *Face) getDeployment(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(s *world.State, w *worker) (*wire.Answer, error) {
		i, err := w.find(c.Path("deployment"))
		if err != nil {
			return nil, err
		}
		return ok(w.deployments[i].show(s)), nil
	})
}

func (f *Face) deleteDeployment(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(_ *world.State, w *worker) (*wire.Answer, error) {
		i, err := w.find(c.Path("deployment"))
		if err != nil {
			return nil, err
		}
		if i == len(w.deployments)-1 {
			return nil, refuse(wire.BadRequest, 10094, "Cannot delete the latest deployment, which is actively serving traffic.").done()
		}
		w.deployments = slices.Delete(w.deployments, i, i+1)
		c.Changed()
		return wire.OK(obj{"success": true, "errors": []any{}, "messages": []any{}, "result": nil}), nil
	})
}

type deployRequest struct {
	Strategy string `json:"strategy" wire:"required,oneof=percentage"`
	Versions []struct {
		ID         string  `json:"version_id" wire:"required"`
		Percentage float64 `json:"percentage" wire:"required"`
	} `json:"versions" wire:"required"`
	Annotations *struct {
		Message     string `json:"workers/message"`
		TriggeredBy string `json:"workers/triggered_by"`
	} `json:"annotations"`
	// Updates is how Durable Objects get the new code. It is in no published
	// schema; wrangler sends it with every deployment since 2026 and says in
	// its own checks what may be in it.
	Updates *struct {
		Mode     string   `json:"mode" wire:"required,oneof=immediate|deferred"`
		MaxDelay *float64 `json:"max_delay"`
	} `json:"code_update_strategy"`
}

// longestUpdate is how many seconds an update of Durable Objects may wait.
const longestUpdate = 24 * 60 * 60

func (f *Face) createDeployment(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(s *world.State, w *worker) (*wire.Answer, error) {
		body := wire.BodyOf[deployRequest](c)
		shares, err := w.shares(body, c.Bool("force", false))
		if err != nil {
			return nil, err
		}
		d := w.deploy(s, s.Now(), s.People[0], "", shares)
		if c.Request.Header.Get("User-Agent") == "" || !fromWrangler(c) {
			d.source = "api"
		}
		if a := body.Annotations; a != nil {
			d.message = a.Message
			if a.TriggeredBy != "" {
				d.triggeredBy = a.TriggeredBy
			}
		}
		if shares[0].version != w.versions[len(w.versions)-1] {
			d.triggeredBy = "rollback"
		}
		c.Changed()
		return ok(d.show(s)), nil
	})
}

func fromWrangler(c *wire.Call) bool {
	agent := c.Request.UserAgent()
	return len(agent) > 8 && agent[:8] == "wrangler"
}

// shares checks what a deployment asks for.
func (w *worker) shares(body deployRequest, force bool) ([]share, error) {
	bad := func(format string, args ...any) error { return refuse(wire.BadRequest, 10001, format, args...).done() }
	if len(body.Versions) < 1 || len(body.Versions) > 2 {
		return nil, bad("A deployment needs one or two versions, not %d.", len(body.Versions))
	}
	if a := body.Annotations; a != nil && len(a.Message) > 1000 {
		return nil, bad("The annotation workers/message is longer than 1000 bytes.")
	}
	if u := body.Updates; u != nil && u.MaxDelay != nil && (*u.MaxDelay < 0 || *u.MaxDelay > longestUpdate) {
		return nil, bad("The max_delay %v of code_update_strategy is not between 0 and %d seconds.", *u.MaxDelay, longestUpdate)
	}
	var sum float64
	var shares []share
	for _, want := range body.Versions {
		v := w.version(want.ID)
		switch {
		case v == nil:
			return nil, noVersion()
		case want.Percentage <= 0 || want.Percentage > 100:
			return nil, bad("The percentage %v is not between 0.01 and 100.", want.Percentage)
		case len(shares) == 1 && shares[0].version == v:
			return nil, bad("The version %s is named twice.", v.id)
		case v.created.Before(w.secretChanged) && !force:
			// The list of names after the colon is what wrangler prints.
			return nil, refuse(wire.BadRequest, 10220, "The following secrets have changed: %s", w.secret).done()
		}
		sum += want.Percentage
		shares = append(shares, share{v, want.Percentage})
	}
	if math.Abs(sum-100) > 0.001 {
		return nil, bad("The percentages sum up to %v instead of 100.", sum)
	}
	return shares, nil
}
