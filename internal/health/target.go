package health

import (
	"net/url"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
)

// Target is one health endpoint to probe.
type Target struct {
	Project     string
	Environment string
	Kind        catalog.Kind
	URL         *url.URL
	// Private says that the operator expects the host inside their own
	// network; see guard.go for what that opens.
	Private bool
}

// Targets lists what a catalog has to probe: every environment with a health
// endpoint.
func Targets(c catalog.Catalog) []Target {
	var targets []Target
	for _, p := range c {
		for _, e := range p.Environments {
			if u := e.HealthURL(); u != nil {
				targets = append(targets, Target{Project: p.Name, Environment: e.Name, Kind: e.Kind, URL: u, Private: e.Private})
			}
		}
	}
	return targets
}

// Deadlines for a whole probe, body included. A developer's machine is near
// and often not running, so nobody waits long for it.
const (
	localTimeout  = 3 * time.Second
	remoteTimeout = 5 * time.Second
)

func (t Target) timeout() time.Duration {
	if t.Kind == catalog.Local {
		return localTimeout
	}
	return remoteTimeout
}

func (t Target) key() key { return key{t.Project, t.Environment} }

type key struct{ project, environment string }
