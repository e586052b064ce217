package all_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/all"
	"github.com/envdeck/envdeck/internal/secret"
)

// seed is every variable that configures envdeck without a file.
var seed = map[string]string{
	"VERCEL_TOKEN": "t1", "VERCEL_PROJECT_ID": "prj_1", "VERCEL_TEAM_ID": "team_1", "GH_PAT_TOKEN": "t2", "GH_REPO": "acme/web",
	"CF_API_TOKEN": "t3", "CF_ACCOUNT_ID": "abc", "SENTRY_AUTH_TOKEN": "t4", "SENTRY_ORG": "acme", "SENTRY_PROJECT": "web",
	"NEON_API_KEY": "t5", "NEON_PROJECT_ID": "sea",
}

func TestKinds(t *testing.T) {
	names := map[string]bool{}
	for _, k := range all.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			if names[k.Name] {
				t.Error("two vendors of that name")
			}
			names[k.Name] = true

			empty := k.Block().(interface{ Validate() error })
			if err := empty.Validate(); !fault.Is(err, fault.Invalid) {
				t.Errorf("an empty block: %v, want invalid", err)
			}
			if _, err := k.Open(empty, provider.Deps{}); !fault.Is(err, fault.Invalid) {
				t.Errorf("open of an empty block: %v, want invalid", err)
			}
			if _, ok := k.FromEnv(func(string) string { return "" }); ok {
				t.Error("an empty environment configures it")
			}
			block, ok := k.FromEnv(func(name string) string { return seed[name] })
			if !ok {
				t.Fatal("its variables do not configure it")
			}
			api, err := k.Open(block, provider.Deps{})
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := api.(provider.Checker); !ok {
				t.Error("it cannot check itself")
			}
		})
	}
}

func TestAnUnfinishedEnvironmentIsAnError(t *testing.T) {
	// A token alone is a mistake that must be told, not passed over.
	for _, k := range all.Kinds() {
		block, ok := k.FromEnv(func(name string) string {
			if strings.HasSuffix(name, "TOKEN") || strings.HasSuffix(name, "KEY") {
				return "t"
			}
			return ""
		})
		if !ok {
			t.Errorf("%s: a token alone is passed over", k.Name)
			continue
		}
		if err := block.(interface{ Validate() error }).Validate(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want invalid", k.Name, err)
		}
	}
}

// TestBlocksDescribeThemselves proves that an editor's schema can be made of
// the blocks: every field has words, tokens are secret, and what Validate
// demands is required.
func TestBlocksDescribeThemselves(t *testing.T) {
	reflector := jsonschema.Reflector{DoNotReference: true, Mapper: func(of reflect.Type) *jsonschema.Schema {
		if of == reflect.TypeFor[secret.Text]() {
			return &jsonschema.Schema{Type: "string"}
		}
		return nil
	}}
	for _, k := range all.Kinds() {
		schema := reflector.Reflect(k.Block())
		for field := schema.Properties.Oldest(); field != nil; field = field.Next() {
			if field.Value.Description == "" || strings.HasSuffix(field.Value.Description, "=") || !strings.HasSuffix(field.Value.Description, ".") {
				t.Errorf("%s.%s is described as %q", k.Name, field.Key, field.Value.Description)
			}
		}
		if len(schema.Required) < 2 {
			t.Errorf("%s requires only %v", k.Name, schema.Required)
		}
		block := reflect.TypeOf(k.Block()).Elem()
		for f := range block.Fields() {
			if strings.Contains(strings.ToLower(f.Name), "token") && f.Type != reflect.TypeFor[secret.Text]() {
				t.Errorf("%s: %s is not a secret", k.Name, f.Name)
			}
			if yaml, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); yaml == "" || yaml != strings.ToLower(yaml) {
				t.Errorf("%s: %s has the yaml name %q", k.Name, f.Name, yaml)
			}
		}
	}
}
