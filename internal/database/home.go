package database

import (
	"fmt"
	"path"
	"strings"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// homesOf says which environment each branch belongs to, by its id, as the
// configuration names them: an id or a name before a glob, and an earlier
// environment before a later one. The provider's default branch is nobody's
// until the configuration says so; that is only suggested.
func homesOf(p catalog.Project, branches []provider.DatabaseBranch, incomplete bool) (homes map[string]string, suggestions []string) {
	homes, suggestions = map[string]string{}, []string{}
	matched := map[string]bool{}
	for _, exact := range []bool{true, false} {
		for _, e := range p.Environments {
			if e.Neon == "" {
				continue
			}
			for _, b := range branches {
				if homes[b.ID] == "" && (exact && named(e.Neon, b) || !exact && globbed(e.Neon, b)) {
					homes[b.ID], matched[e.Name] = e.Name, true
				}
			}
		}
	}
	for _, e := range p.Environments {
		if e.Neon != "" && !matched[e.Name] && !incomplete {
			suggestions = append(suggestions, fmt.Sprintf("Environment %s has the branch %q, and there is no such branch. Check environments.%s.neon.", e.Name, e.Neon, e.Name))
		}
	}
	production, ok := p.OfKind(catalog.Production)
	if !ok || production.Neon != "" {
		return homes, suggestions
	}
	for _, b := range branches {
		if b.Default {
			suggestions = append(suggestions, fmt.Sprintf("Nothing says which branch is %s's. The default branch is %s: if that is it, write environments.%s.neon: %s.",
				production.Name, hostile.Line(b.Name, nameLimit), production.Name, hostile.Line(b.Name, nameLimit)))
		}
	}
	return homes, suggestions
}

func named(want string, b provider.DatabaseBranch) bool { return want == b.ID || want == b.Name }

// globbed matches a name; a star reaches over slashes, which many names have.
func globbed(pattern string, b provider.DatabaseBranch) bool {
	flat := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, err := path.Match(flat(pattern), flat(b.Name))
	return err == nil && ok
}

// branchOf is the one branch that an environment's database is on.
func branchOf(p catalog.Project, environment string, list provider.BranchList) (provider.DatabaseBranch, error) {
	e, _ := p.Environment(environment)
	if e.Neon == "" {
		return provider.DatabaseBranch{}, fault.New(fault.Invalid, "Nothing says which branch the database of %s is: set environments.%s.neon.", environment, environment)
	}
	homes, _ := homesOf(p, list.Items, list.Incomplete)
	var found []provider.DatabaseBranch
	for _, b := range list.Items {
		if homes[b.ID] == environment {
			found = append(found, b)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return provider.DatabaseBranch{}, fault.New(fault.Invalid, "%d branches belong to %s, so nobody can tell which one its database is: name one in environments.%s.neon.", len(found), environment, environment)
	case list.Incomplete:
		return provider.DatabaseBranch{}, fault.New(fault.Unavailable, "Not every branch could be listed, and the one of %s is not among those that were.", environment)
	}
	return provider.DatabaseBranch{}, fault.New(fault.NotFound, "The branch of %s is not there: environments.%s.neon names %q.", environment, environment, e.Neon)
}
