package cloudflare

import (
	"fmt"
	"maps"
	"slices"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
	"github.com/envdeck/envdeck/internal/secret"
)

const name = "cloudflare"

// Block is the project's cloudflare block of the configuration.
type Block struct {
	// Account is no secret to Cloudflare, but people keep it as one.
	Account secret.Text `yaml:"account" json:"account" jsonschema:"required,description=The account's id (32 hex digits). Write ${env:CF_ACCOUNT_ID}."`
	Token   secret.Text `yaml:"token" json:"token" jsonschema:"required,description=An API token with Workers Scripts: Read (Edit to roll Workers back) and Account Analytics: Read (and Workers Routes: Read on the zones). Write ${env:CF_API_TOKEN}."`
	Zones   []string    `yaml:"zones,omitempty" json:"zones,omitempty" jsonschema:"description=Ids of the zones whose routes lead to the Workers."`
	// Workers maps the name that people see to the script's.
	Workers map[string]string `yaml:"workers,omitempty" json:"workers,omitempty" jsonschema:"description=The Workers of the project: the name to show and the script's name."`
	BaseURL string            `yaml:"base_url,omitempty" json:"base_url,omitempty" jsonschema:"description=Where the API is.,default=https://api.cloudflare.com/client/v4"`
}

// Validate says which field is missing or wrong.
func (b *Block) Validate() error {
	switch {
	case !b.Account.Set():
		return outbound.Missing(name, "account")
	case !outbound.Plain(b.Account.Reveal(), 64):
		return outbound.Invalid(name, "account", "is not an account's id")
	case !b.Token.Set():
		return outbound.Missing(name, "token")
	}
	for i, z := range b.Zones {
		if !outbound.Plain(z, 64) {
			return outbound.Invalid(name, fmt.Sprintf("zones[%d]", i), "is not a zone's id")
		}
	}
	for _, shown := range slices.Sorted(maps.Keys(b.Workers)) {
		if !outbound.Plain(b.Workers[shown], 255) {
			return outbound.Invalid(name, "workers."+shown, "is not a script's name")
		}
	}
	_, err := outbound.BaseURL(name+".base_url", b.base())
	return err
}

// NamesWorker says whether a Worker may be called so: each of the account may
// where none are named.
func (b *Block) NamesWorker(name string) bool {
	_, there := b.Workers[name]
	return there || len(b.Workers) == 0
}

func (b *Block) base() string {
	if b.BaseURL == "" {
		return "https://api.cloudflare.com/client/v4"
	}
	return b.BaseURL
}

// Kind is Cloudflare as a provider.
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
	b := &Block{Account: secret.New(getenv("CF_ACCOUNT_ID")), Token: secret.New(getenv("CF_API_TOKEN"))}
	return b, b.Account.Set() || b.Token.Set()
}
