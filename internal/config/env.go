package config

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// lanes are the environments that variables alone can describe.
var lanes = []struct {
	name, variable string
	kind           catalog.Kind
}{
	{"dev", "ENVDECK_DEV_URL", catalog.Local},
	{"next", "ENVDECK_NEXT_URL", catalog.Staging},
	{"prod", "ENVDECK_PROD_URL", catalog.Production},
}

// variableOf is which variable a path of the configuration came from.
var variableOf = map[string]string{
	"listen": "ENVDECK_LISTEN", "metrics_listen": "ENVDECK_METRICS_LISTEN", "public_url": "ENVDECK_PUBLIC_URL",
	"database_url": "DATABASE_URL", "redis_url": "REDIS_URL", "master_key": "ENVDECK_MASTER_KEY", "log.level": "ENVDECK_LOG_LEVEL",
	"projects[0].name": "ENVDECK_PROJECT", "projects[0].environments": "ENVDECK_PROD_URL",
}

// FromEnv makes the configuration of one project of environment variables
// alone, for running without a file: ENVDECK_DEV_URL, ENVDECK_NEXT_URL and
// ENVDECK_PROD_URL are its environments, and each kind reads its own
// well-known ones. ENVDECK_LISTEN, ENVDECK_METRICS_LISTEN, ENVDECK_PUBLIC_URL,
// ENVDECK_DATA, ENVDECK_MASTER_KEY, ENVDECK_LOG_LEVEL, ENVDECK_PROJECT,
// DATABASE_URL and REDIS_URL set the rest.
//
// What is wrong comes as one Invalid fault with a Place for each variable.
func FromEnv(getenv func(string) string, kinds []BlockKind) (Config, error) {
	e := &env{getenv: getenv}
	c := Config{
		Listen: getenv("ENVDECK_LISTEN"), MetricsListen: getenv("ENVDECK_METRICS_LISTEN"), Data: getenv("ENVDECK_DATA"),
		PublicURL: e.url("ENVDECK_PUBLIC_URL"), Log: Log{Level: getenv("ENVDECK_LOG_LEVEL")},
		DatabaseURL: secret.New(getenv("DATABASE_URL")), RedisURL: secret.New(getenv("REDIS_URL")), MasterKey: secret.New(getenv("ENVDECK_MASTER_KEY")),
		Projects: []Project{e.project(kinds)},
	}
	c.defaults()
	c.check(e.once)
	if err := invalid("The environment", e.problems, nil); err != nil {
		return Config{}, err
	}
	text, err := json.Marshal(c) // secrets print as such
	if err != nil {
		return Config{}, fault.Wrap(fault.Internal, err, "The configuration cannot be written down.")
	}
	c.Digest = digest(text)
	return c, nil
}

// env reads variables and notes what is wrong with them.
type env struct {
	getenv   func(string) string
	problems []problem
}

func (e *env) fail(where, format string, args ...any) {
	e.problems = append(e.problems, problem{path: where, text: fmt.Sprintf(format, args...)})
}

// once notes a problem of a path under its variable, the first one alone: a
// variable that is missing makes many things wrong.
func (e *env) once(path, format string, args ...any) {
	where := path
	if variable, ok := variableOf[path]; ok {
		where = variable
	}
	if !slices.ContainsFunc(e.problems, func(p problem) bool { return p.path == where }) {
		e.fail(where, format, args...)
	}
}

func (e *env) project(kinds []BlockKind) Project {
	p := Project{Name: e.getenv("ENVDECK_PROJECT"), Providers: map[string]any{}}
	for _, lane := range lanes {
		u := e.url(lane.variable)
		if u == nil {
			continue
		}
		p.Environments = append(p.Environments, Environment{Name: lane.name, Kind: lane.kind, URL: u})
		if p.Name == "" && lane.kind == catalog.Production {
			p.Name = strings.Trim(strings.ReplaceAll(u.Hostname(), ":", "-"), "-")
		}
	}
	if e.getenv("ENVDECK_PROD_URL") == "" {
		e.fail("ENVDECK_PROD_URL", "is not set: the address of production, such as https://example.com. Set it, or write an envdeck.yaml")
	}
	if p.Name == "" {
		p.Name = "app"
	}
	for _, k := range kinds {
		if b := e.block(k); b != nil {
			p.Providers[k.Name] = b
		}
	}
	return p
}

// block lets a kind read its variables; nil when none of them is set.
func (e *env) block(k BlockKind) any {
	if k.FromEnv == nil {
		return nil
	}
	var empty []string
	b, ok := k.FromEnv(func(name string) string {
		value := e.getenv(name)
		if value == "" {
			empty = append(empty, name)
		}
		return value
	})
	if !ok {
		return nil
	}
	v, ok := b.(interface{ Validate() error })
	if !ok {
		return b
	}
	if err := v.Validate(); err != nil {
		text := said(err)
		if len(empty) > 0 {
			text += " Not set: " + strings.Join(empty, ", ") + "."
		}
		e.fail(k.Name, "%s", text)
	}
	return b
}

// url is a variable as an address, nil when it is not set or none.
func (e *env) url(variable string) *url.URL {
	value := e.getenv(variable)
	if value == "" {
		return nil
	}
	u, problem := address(value)
	if problem != "" {
		e.fail(variable, "%s", problem)
		return nil
	}
	return u
}

// address reads an address of the web, and says what is wrong with it.
func address(value string) (u *url.URL, problem string) {
	u, err := url.Parse(value)
	switch {
	case strings.Contains(value, "@"):
		return nil, "must not carry a user or password"
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, "must be an address such as https://example.com"
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, "must be an address without a query and fragment"
	}
	u.Host = strings.ToLower(u.Host)
	return u, ""
}
