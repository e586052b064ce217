package cloudflare

import (
	"context"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// Longest texts that are kept.
const (
	nameLimit    = 255
	personLimit  = 100
	messageLimit = 300
	wordLimit    = 40
)

// NamedWorkers are the scripts of the configuration.
func (c *Client) NamedWorkers() map[string]string { return maps.Clone(c.block.Workers) }

type scriptWire struct {
	ID         string      `json:"id"` // the script's name
	ModifiedOn time.Time   `json:"modified_on"`
	Routes     []routeWire `json:"routes"` // newer, and null where it is not said
}

// WorkerScripts lists the account's scripts. The list has no pages.
func (c *Client) WorkerScripts(ctx context.Context) ([]provider.WorkerScript, error) {
	list, err := c.scripts(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]provider.WorkerScript, 0, len(list))
	for _, w := range list {
		all = append(all, provider.WorkerScript{Name: w.ID, ModifiedAt: w.ModifiedOn})
	}
	return all, nil
}

func (c *Client) scripts(ctx context.Context) ([]scriptWire, error) {
	list, err := get[[]scriptWire](ctx, c, outbound.Request{Route: routeScripts, Args: []string{c.account()}})
	if err != nil {
		return nil, err
	}
	for _, w := range list {
		if !outbound.Plain(w.ID, nameLimit) {
			return nil, c.out.Unusable(routeScripts, outbound.Misfit("a script has no name"))
		}
	}
	return list, nil
}

type deploymentWire struct {
	ID        string    `json:"id"`
	CreatedOn time.Time `json:"created_on"`
	Author    string    `json:"author_email"`
	Source    string    `json:"source"`
	Versions  []struct {
		ID         string  `json:"version_id"`
		Percentage float64 `json:"percentage"`
	} `json:"versions"`
	Annotations annotations `json:"annotations"`
}

type annotations struct {
	Message   string `json:"workers/message"`
	Tag       string `json:"workers/tag"`
	Triggered string `json:"workers/triggered_by"`
}

func (w deploymentWire) deployment() (provider.WorkerDeployment, error) {
	d := provider.WorkerDeployment{
		ID: w.ID, CreatedAt: w.CreatedOn.UTC(), Author: outbound.Line(w.Author, personLimit), Source: outbound.Line(w.Source, wordLimit),
		Trigger: outbound.Line(w.Annotations.Triggered, wordLimit), Message: outbound.Line(w.Annotations.Message, messageLimit),
	}
	sum := 0.0
	for _, v := range w.Versions {
		if !outbound.Plain(v.ID, wordLimit) || v.Percentage < 0 || v.Percentage > 100 {
			return d, outbound.Misfit("a deployment's version or its share is missing")
		}
		sum += v.Percentage
		d.Shares = append(d.Shares, provider.WorkerShare{VersionID: v.ID, Percent: v.Percentage})
	}
	if !outbound.Plain(w.ID, wordLimit) || w.CreatedOn.IsZero() || math.Abs(sum-100) > 0.1 {
		return d, outbound.Misfit("a deployment's id, time or shares are missing")
	}
	return d, nil
}

// WorkerDeployments reads the last deployments: the first one serves.
func (c *Client) WorkerDeployments(ctx context.Context, script string) ([]provider.WorkerDeployment, error) {
	w, err := get[deploymentsWire](ctx, c, c.script(routeDeployments, script))
	if err != nil {
		return nil, err
	}
	all, err := w.deployments()
	if err != nil {
		return nil, c.out.Unusable(routeDeployments, err)
	}
	return all, nil
}

type deploymentsWire struct {
	Deployments []deploymentWire `json:"deployments"`
}

func (w deploymentsWire) deployments() ([]provider.WorkerDeployment, error) {
	if w.Deployments == nil {
		return nil, outbound.Misfit("the list of deployments is missing")
	}
	all := make([]provider.WorkerDeployment, 0, len(w.Deployments))
	for _, one := range w.Deployments {
		d, err := one.deployment()
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

type versionWire struct {
	ID       string  `json:"id"`
	Number   float64 `json:"number"`
	Metadata struct {
		Author    string    `json:"author_email"`
		CreatedOn time.Time `json:"created_on"`
		Source    string    `json:"source"`
	} `json:"metadata"`
	// Annotations are in every answer about one version; the documents do not
	// say so of lists.
	Annotations *annotations `json:"annotations"`
}

func (w versionWire) version() (provider.WorkerVersion, error) {
	if !outbound.Plain(w.ID, wordLimit) || w.Metadata.CreatedOn.IsZero() || w.Number < 0 || w.Number > 1e9 {
		return provider.WorkerVersion{}, outbound.Misfit("a version's id, number or time is missing")
	}
	v := provider.WorkerVersion{
		ID: w.ID, Number: int(w.Number), CreatedAt: w.Metadata.CreatedOn.UTC(),
		Author: outbound.Line(w.Metadata.Author, personLimit), Source: outbound.Line(w.Metadata.Source, wordLimit),
	}
	if a := w.Annotations; a != nil {
		v.Tag, v.Message = outbound.Line(a.Tag, personLimit), outbound.Line(a.Message, messageLimit)
	}
	return v, nil
}

type versionsWire struct {
	Items []versionWire `json:"items"`
}

// WorkerVersions reads the versions that can be deployed, which is one page
// however many there are, and one by one those that serve and are not in it or
// came without their tag.
func (c *Client) WorkerVersions(ctx context.Context, script string, serving []string) ([]provider.WorkerVersion, error) {
	r := c.script(routeVersions, script)
	r.Query = url.Values{"deployable": {"true"}}
	w, err := get[versionsWire](ctx, c, r)
	if err == nil && w.Items == nil {
		err = c.out.Unusable(routeVersions, outbound.Misfit("the list of versions is missing"))
	}
	if err != nil {
		return nil, err
	}
	for _, id := range serving {
		i := slices.IndexFunc(w.Items, func(v versionWire) bool { return v.ID == id })
		if i >= 0 && w.Items[i].Annotations != nil {
			continue
		}
		one, err := get[versionWire](ctx, c, c.script(routeVersion, script, id))
		switch {
		case err != nil && i < 0:
			return nil, err
		case err != nil: // it is known but for its tag
		case i < 0:
			w.Items = append(w.Items, one)
		default:
			w.Items[i] = one
		}
	}
	all := make([]provider.WorkerVersion, 0, len(w.Items))
	for _, one := range w.Items {
		v, err := one.version()
		if err != nil {
			return nil, c.out.Unusable(routeVersions, err)
		}
		all = append(all, v)
	}
	return all, nil
}

// WorkerTriggers reads a script's cron triggers.
func (c *Client) WorkerTriggers(ctx context.Context, script string) ([]provider.WorkerTrigger, error) {
	w, err := get[struct {
		Schedules []struct {
			Cron       string    `json:"cron"`
			ModifiedOn time.Time `json:"modified_on"`
		} `json:"schedules"`
	}](ctx, c, c.script(routeSchedules, script))
	if err == nil && w.Schedules == nil {
		err = c.out.Unusable(routeSchedules, outbound.Misfit("the list of schedules is missing"))
	}
	if err != nil {
		return nil, err
	}
	all := make([]provider.WorkerTrigger, 0, len(w.Schedules))
	for _, s := range w.Schedules {
		all = append(all, provider.WorkerTrigger{Schedule: outbound.Line(s.Cron, personLimit), ModifiedAt: s.ModifiedOn.UTC()})
	}
	return all, nil
}

// maxNote is how long Cloudflare lets the message of a deployment be, in bytes.
// Older documents say 50 and newer ones 1,000; what is longer is refused.
const maxNote = 100

type deployBody struct {
	Strategy string      `json:"strategy"`
	Versions []shareBody `json:"versions"`
	// Annotations are kept with the deployment.
	Annotations map[string]string `json:"annotations,omitempty"`
}

type shareBody struct {
	ID         string  `json:"version_id"`
	Percentage float64 `json:"percentage"`
}

// DeployWorker is developers.cloudflare.com/api, "Create Deployment": what
// wrangler does to roll back. It takes no key against doing it twice.
func (c *Client) DeployWorker(ctx context.Context, script string, shares []provider.WorkerShare, message string, force bool) (provider.WorkerDeployment, error) {
	if len(shares) < 1 || len(shares) > 2 {
		return provider.WorkerDeployment{}, fault.New(fault.Invalid, "A Worker is deployed from one or two versions, not from %d.", len(shares))
	}
	body := deployBody{Strategy: "percentage"}
	for _, s := range shares {
		body.Versions = append(body.Versions, shareBody{s.VersionID, s.Percent})
	}
	if message = outbound.Line(message, maxNote); message != "" {
		body.Annotations = map[string]string{"workers/message": message}
	}
	r := c.script(routeDeployments, script)
	r.Method, r.Body = http.MethodPost, body
	if force {
		r.Query = url.Values{"force": {"true"}}
	}
	answer, err := c.out.Do(ctx, r)
	if err != nil {
		return provider.WorkerDeployment{}, err
	}
	// It was accepted. What it says of the new deployment is a courtesy: what
	// serves is read from the list, so an answer that cannot be read is as if it
	// were lost.
	w, err := outbound.Decode[envelope[deploymentWire]](answer.Body)
	if err == nil {
		var one deploymentWire
		if one, err = w.open(); err == nil {
			var d provider.WorkerDeployment
			if d, err = one.deployment(); err == nil {
				return d, nil
			}
		}
	}
	return provider.WorkerDeployment{}, c.out.UnusableWrite(routeDeployments, err)
}
