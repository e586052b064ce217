package cloudflare

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// routeWire is one route of a zone. Without a script it keeps Workers away.
type routeWire struct {
	Pattern string `json:"pattern"`
	Script  string `json:"script"`
}

// WorkerRoutes merges the three ways to a script: the routes of zones, the
// custom domains, and workers.dev. One that cannot be read leaves the others
// standing; none at all is an error.
func (c *Client) WorkerRoutes(ctx context.Context, scripts []string) (provider.WorkerRoutes, error) {
	all := provider.WorkerRoutes{ByScript: map[string][]string{}}
	add := func(script, route string) {
		if route = outbound.Line(route, nameLimit); route != "" && slices.Contains(scripts, script) && !slices.Contains(all.ByScript[script], route) {
			all.ByScript[script] = append(all.ByScript[script], route)
		}
	}
	var missing []string
	var first error
	sources := []struct {
		what string
		read func(context.Context, []string, func(script, route string)) error
	}{
		{"the custom domains", c.domains}, {"the routes of the zones", c.zoneRoutes}, {"the workers.dev addresses", c.devAddresses},
	}
	for _, s := range sources {
		if err := s.read(ctx, scripts, add); err != nil {
			if first == nil {
				first = err
			}
			missing = append(missing, s.what+" are missing. "+fault.From(err).Message)
		}
	}
	if len(missing) == len(sources) {
		return provider.WorkerRoutes{}, first
	}
	if len(missing) > 0 {
		text := strings.Join(missing, "; ")
		all.Incomplete = strings.ToUpper(text[:1]) + text[1:]
	}
	for _, list := range all.ByScript {
		slices.Sort(list)
	}
	return all, nil
}

func (c *Client) domains(ctx context.Context, _ []string, add func(script, route string)) error {
	list, err := get[[]struct {
		Hostname string `json:"hostname"`
		Service  string `json:"service"`
	}](ctx, c, outbound.Request{Route: routeDomains, Args: []string{c.account()}})
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.Hostname == "" {
			return c.out.Unusable(routeDomains, outbound.Misfit("a domain has no name"))
		}
		add(d.Service, address(d.Hostname))
	}
	return nil
}

func address(host string) string { return (&url.URL{Scheme: "https", Host: host}).String() }

// zoneRoutes reads the configured zones, one by one. Without any it takes what
// the list of scripts says of itself, which Cloudflare may leave out.
func (c *Client) zoneRoutes(ctx context.Context, scripts []string, add func(script, route string)) error {
	if len(c.block.Zones) == 0 {
		list, err := c.scripts(ctx)
		if err != nil {
			return err
		}
		for _, s := range list {
			if s.Routes == nil && slices.Contains(scripts, s.ID) {
				return c.out.Fault(fault.Unsupported, "Name the zones in cloudflare.zones: Cloudflare did not say them with the script")
			}
			for _, r := range s.Routes {
				add(s.ID, r.Pattern)
			}
		}
		return nil
	}
	for _, zone := range c.block.Zones {
		list, err := get[[]routeWire](ctx, c, outbound.Request{Route: routeZone, Args: []string{zone}})
		if err != nil {
			return err
		}
		for _, r := range list {
			if r.Pattern == "" {
				return c.out.Unusable(routeZone, outbound.Misfit("a route has no pattern"))
			}
			add(r.Script, r.Pattern)
		}
	}
	return nil
}

// devAddresses asks the account's name at workers.dev, and of each script
// whether it answers there.
func (c *Client) devAddresses(ctx context.Context, scripts []string, add func(script, route string)) error {
	w, err := get[struct {
		Subdomain string `json:"subdomain"`
	}](ctx, c, outbound.Request{Route: routeDev, Args: []string{c.account()}})
	switch {
	case fault.Is(err, fault.NotFound):
		return nil // the account has none
	case err != nil:
		return err
	case w.Subdomain == "":
		return nil
	}
	for _, script := range scripts {
		s, err := get[struct {
			Enabled *bool `json:"enabled"`
		}](ctx, c, c.script(routeScriptDev, script))
		switch {
		case fault.Is(err, fault.NotFound):
			continue // a script that is gone is the deployments' affair
		case err != nil:
			return err
		case s.Enabled == nil:
			return c.out.Unusable(routeScriptDev, outbound.Misfit("whether the script is at workers.dev is missing"))
		case *s.Enabled:
			add(script, address(script+"."+w.Subdomain+".workers.dev"))
		}
	}
	return nil
}
