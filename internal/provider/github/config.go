package github

import (
	"strings"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
	"github.com/envdeck/envdeck/internal/secret"
)

const name = "github"

// Block is the project's github block of the configuration.
type Block struct {
	Repo             string      `yaml:"repo" json:"repo" jsonschema:"required,description=The repository as owner/name."`
	Token            secret.Text `yaml:"token" json:"token" jsonschema:"required,description=A token that may read Contents and Pull requests of the repository (and write Actions where envdeck starts workflows). Write ${env:GH_PAT_TOKEN}."`
	BaseURL          string      `yaml:"base_url,omitempty" json:"base_url,omitempty" jsonschema:"description=Where the REST API is; for GitHub Enterprise Server https://HOST/api/v3.,default=https://api.github.com"`
	DeployWorkflow   string      `yaml:"deploy_workflow,omitempty" json:"deploy_workflow,omitempty" jsonschema:"description=File name of the workflow that deploys a commit; such as deploy.yml."`
	RollbackWorkflow string      `yaml:"rollback_workflow,omitempty" json:"rollback_workflow,omitempty" jsonschema:"description=File name of the workflow that takes production back; such as rollback.yml."`
}

// Validate says which field is missing or wrong.
func (b *Block) Validate() error {
	owner, repo, ok := strings.Cut(b.Repo, "/")
	switch {
	case b.Repo == "":
		return outbound.Missing(name, "repo")
	case !ok || !segment(owner) || !segment(repo):
		return outbound.Invalid(name, "repo", "is not of the form owner/name")
	case !b.Token.Set():
		return outbound.Missing(name, "token")
	case b.DeployWorkflow != "" && !workflow(b.DeployWorkflow):
		return outbound.Invalid(name, "deploy_workflow", "is not the name of a file in .github/workflows, such as deploy.yml")
	case b.RollbackWorkflow != "" && !workflow(b.RollbackWorkflow):
		return outbound.Invalid(name, "rollback_workflow", "is not the name of a file in .github/workflows, such as rollback.yml")
	}
	_, err := outbound.BaseURL(name+".base_url", b.base())
	return err
}

// segment says whether s can be an owner or a repository.
func segment(s string) bool {
	return outbound.Plain(s, 100) && s != "." && s != ".." && !strings.Contains(s, ":")
}

func workflow(s string) bool {
	return segment(s) && (strings.HasSuffix(s, ".yml") || strings.HasSuffix(s, ".yaml"))
}

func (b *Block) base() string {
	if b.BaseURL == "" {
		return "https://api.github.com"
	}
	return strings.TrimRight(b.BaseURL, "/")
}

// roots are where both APIs hang, and REST under it: side by side with GraphQL
// on github.com, and under /api on a server of one's own.
func (b *Block) roots() (root, rest string) {
	if root, ok := strings.CutSuffix(b.base(), "/v3"); ok && strings.HasSuffix(root, "/api") {
		return root, "/v3"
	}
	return b.base(), ""
}

// web is where people look at the repository: github.com, or the enterprise
// server whose API is used.
func (b *Block) web() string {
	if root, ok := strings.CutSuffix(b.base(), "/api/v3"); ok {
		return root
	}
	return "https://github.com"
}

// Kind is GitHub as a provider.
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
	b := &Block{Repo: getenv("GH_REPO"), Token: secret.New(getenv("GH_PAT_TOKEN"))}
	return b, b.Repo != "" || b.Token.Set()
}
