// Package catalog is the vocabulary every room shares: which projects there
// are, which environments each one has, and where an environment's build comes
// from.
//
// It holds names and no rules about what runs there. It must not know how a
// configuration file looks, which provider serves an environment, or any
// technology.
package catalog

import (
	"net/url"
	"slices"
	"strings"
)

// Kind is what an environment is for.
type Kind string

// The kinds of environment.
const (
	Local      Kind = "local"      // a developer's machine: not running is normal
	Staging    Kind = "staging"    // the build that would go live next
	Production Kind = "production" // what the world sees
)

// Source says which build of the deployment platform an environment shows.
type Source struct {
	Mode SourceMode
	Name string // the custom environment's slug, or the branch
}

// SourceMode is one of the ways an environment gets its build.
type SourceMode string

// The modes. Only FromStaged can be promoted as it is; FromCustom and
// FromBranch were built with other variables and must be rebuilt.
const (
	FromLive   SourceMode = "live"   // what the production domains point at
	FromStaged SourceMode = "staged" // the newest ready production build
	FromCustom SourceMode = "custom" // the newest build of a custom environment
	FromBranch SourceMode = "branch" // the newest build of a branch
	FromReport SourceMode = "report" // what a developer's machine says of itself
)

// String is the form the configuration uses: "staged", "custom: qa".
func (s Source) String() string {
	if s.Name == "" {
		return string(s.Mode)
	}
	return string(s.Mode) + ": " + s.Name
}

// Environment is one place the app runs in.
type Environment struct {
	Name   string
	Kind   Kind
	URL    *url.URL // where people reach it
	From   Source
	Health string // path and query of the health endpoint, "" when there is none
	Sentry string // what Sentry calls it, "" when it is not reported there
	Neon   string // the database branch's name, id or glob
	// Private says that the operator put the environment inside their own
	// network: a name that resolves to a private address is then no surprise.
	Private bool
}

// HealthURL is the address to probe, nil when the environment has none. The
// health path is added to the environment's own path.
func (e Environment) HealthURL() *url.URL {
	if e.URL == nil || e.Health == "" {
		return nil
	}
	path, query, _ := strings.Cut(e.Health, "?")
	u := *e.URL
	u.Path = strings.TrimSuffix(u.Path, "/") + path
	u.RawQuery = query
	u.Fragment = ""
	return &u
}

// Project is one app with its environments, in the order they are shown: the
// way a build travels.
type Project struct {
	Name         string
	Environments []Environment
}

// Environment finds one by name.
func (p Project) Environment(name string) (Environment, bool) {
	i := slices.IndexFunc(p.Environments, func(e Environment) bool { return e.Name == name })
	if i < 0 {
		return Environment{}, false
	}
	return p.Environments[i], true
}

// OfKind is the first environment of a kind: the production or the staging one.
func (p Project) OfKind(kind Kind) (Environment, bool) {
	i := slices.IndexFunc(p.Environments, func(e Environment) bool { return e.Kind == kind })
	if i < 0 {
		return Environment{}, false
	}
	return p.Environments[i], true
}

// Catalog is every project, the first being the one shown when none is named.
type Catalog []Project

// Project finds one by name; "" is the first.
func (c Catalog) Project(name string) (Project, bool) {
	for _, p := range c {
		if name == "" || p.Name == name {
			return p, true
		}
	}
	return Project{}, false
}
