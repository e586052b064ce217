package neon

import (
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
	"github.com/envdeck/envdeck/internal/secret"
)

const name = "neon"

// Block is the project's neon block of the configuration.
type Block struct {
	Project string      `yaml:"project" json:"project" jsonschema:"required,description=The project's id."`
	Token   secret.Text `yaml:"token" json:"token" jsonschema:"required,description=An API key; one for this project alone is enough. Write ${env:NEON_API_KEY}."`
	BaseURL string      `yaml:"base_url,omitempty" json:"base_url,omitempty" jsonschema:"description=Where the API is.,default=https://console.neon.tech/api/v2"`
}

// Validate says which field is missing or wrong.
func (b *Block) Validate() error {
	switch {
	case b.Project == "":
		return outbound.Missing(name, "project")
	case !outbound.Plain(b.Project, 100):
		return outbound.Invalid(name, "project", "is not a project's id")
	case !b.Token.Set():
		return outbound.Missing(name, "token")
	}
	_, err := outbound.BaseURL(name+".base_url", b.base())
	return err
}

func (b *Block) base() string {
	if b.BaseURL == "" {
		return "https://console.neon.tech/api/v2"
	}
	return b.BaseURL
}

// Kind is Neon as a provider.
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
	b := &Block{Project: getenv("NEON_PROJECT_ID"), Token: secret.New(getenv("NEON_API_KEY"))}
	return b, b.Project != "" || b.Token.Set()
}
