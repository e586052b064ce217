package vercel

import (
	"strings"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
	"github.com/envdeck/envdeck/internal/secret"
)

const name = "vercel"

// Block is the project's vercel block of the configuration.
type Block struct {
	Project    string      `yaml:"project" json:"project" jsonschema:"required,description=The project: its id (prj_…) or its name."`
	Team       string      `yaml:"team,omitempty" json:"team,omitempty" jsonschema:"description=The team that owns the project: its id (team_…) or the slug in its address. Leave it out for a personal account."`
	Token      secret.Text `yaml:"token" json:"token" jsonschema:"required,description=An access token; a token for this project alone is enough. Write ${env:VERCEL_TOKEN}."`
	BaseURL    string      `yaml:"base_url,omitempty" json:"base_url,omitempty" jsonschema:"description=Where the API is.,default=https://api.vercel.com"`
	APIVersion string      `yaml:"api_version,omitempty" json:"api_version,omitempty" jsonschema:"description=Version of the call that lists deployments. Vercel documents v7 and its own tool uses v6.,enum=v6,enum=v7,default=v6"`
}

// Validate says which field is missing or wrong.
func (b *Block) Validate() error {
	switch {
	case b.Project == "":
		return outbound.Missing(name, "project")
	case !outbound.Plain(b.Project, 100):
		return outbound.Invalid(name, "project", "is neither a project's id (prj_…) nor its name")
	case b.Team != "" && !outbound.Plain(b.Team, 100):
		return outbound.Invalid(name, "team", "is neither a team's id (team_…) nor its slug")
	case !b.Token.Set():
		return outbound.Missing(name, "token")
	case b.APIVersion != "" && b.APIVersion != "v6" && b.APIVersion != "v7":
		return outbound.Invalid(name, "api_version", "is neither v6 nor v7")
	}
	_, err := outbound.BaseURL(name+".base_url", b.base())
	return err
}

func (b *Block) base() string {
	if b.BaseURL == "" {
		return "https://api.vercel.com"
	}
	return b.BaseURL
}

func (b *Block) version() string {
	if b.APIVersion == "" {
		return "v6"
	}
	return b.APIVersion
}

// teamIsID says how Vercel wants to hear of the team.
func (b *Block) teamIsID() bool { return strings.HasPrefix(b.Team, "team_") }

// Kind is Vercel as a provider.
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
	b := &Block{Project: getenv("VERCEL_PROJECT_ID"), Team: getenv("VERCEL_TEAM_ID"), Token: secret.New(getenv("VERCEL_TOKEN"))}
	return b, b.Project != "" || b.Token.Set()
}
