package sentry

import (
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
	"github.com/envdeck/envdeck/internal/secret"
)

const name = "sentry"

// Block is the project's sentry block of the configuration.
type Block struct {
	Org     string      `yaml:"org" json:"org" jsonschema:"required,description=The organisation's slug."`
	Project string      `yaml:"project" json:"project" jsonschema:"required,description=The project's slug or number."`
	Token   secret.Text `yaml:"token" json:"token" jsonschema:"required,description=A token of an internal integration or a person with the scope org:read. Tokens of an organisation are for CI and cannot read events. Write ${env:SENTRY_AUTH_TOKEN}."`
	BaseURL string      `yaml:"base_url,omitempty" json:"base_url,omitempty" jsonschema:"description=Where Sentry is: https://us.sentry.io or https://de.sentry.io for an organisation of that region; or your own.,default=https://sentry.io"`
}

// Validate says which field is missing or wrong.
func (b *Block) Validate() error {
	switch {
	case b.Org == "":
		return outbound.Missing(name, "org")
	case !outbound.Plain(b.Org, 100):
		return outbound.Invalid(name, "org", "is not an organisation's slug")
	case b.Project == "":
		return outbound.Missing(name, "project")
	case !outbound.Plain(b.Project, 100) || b.Project[0] == '-': // -1 would be all projects
		return outbound.Invalid(name, "project", "is neither a project's slug nor its number")
	case !b.Token.Set():
		return outbound.Missing(name, "token")
	}
	_, err := outbound.BaseURL(name+".base_url", b.base())
	return err
}

func (b *Block) base() string {
	if b.BaseURL == "" {
		return "https://sentry.io"
	}
	return b.BaseURL
}

// Kind is Sentry as a provider.
func Kind() provider.Kind {
	return provider.Define(name, fromEnv, func(b *Block, deps provider.Deps) (any, error) {
		c, err := open(b, deps)
		if err != nil {
			return nil, err
		}
		return c, nil
	})
}

func fromEnv(getenv func(string) string) (*Block, bool) {
	b := &Block{Org: getenv("SENTRY_ORG"), Project: getenv("SENTRY_PROJECT"), Token: secret.New(getenv("SENTRY_AUTH_TOKEN"))}
	return b, b.Org != "" || b.Project != "" || b.Token.Set()
}
