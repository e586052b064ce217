package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

var update = flag.Bool("update", false, "rewrite the expected results in testdata")

// Blocks as the providers' rooms have them; config knows none of them.
type (
	vercelBlock struct {
		Project string      `yaml:"project" jsonschema:"required,description=The project's id."`
		Team    string      `yaml:"team"`
		Token   secret.Text `yaml:"token" jsonschema:"required"`
		BaseURL string      `yaml:"base_url"`
	}
	githubBlock struct {
		Repo             string      `yaml:"repo"`
		Token            secret.Text `yaml:"token"`
		DeployWorkflow   string      `yaml:"deploy_workflow"`
		RollbackWorkflow string      `yaml:"rollback_workflow"`
	}
	cloudflareBlock struct {
		Account secret.Text       `yaml:"account"`
		Token   secret.Text       `yaml:"token"`
		Zones   []string          `yaml:"zones"`
		Workers map[string]string `yaml:"workers"`
	}
	sentryBlock struct {
		Org     string      `yaml:"org"`
		Project string      `yaml:"project"`
		Token   secret.Text `yaml:"token"`
	}
	neonBlock struct {
		Project string      `yaml:"project"`
		Token   secret.Text `yaml:"token"`
		Keep    int         `yaml:"keep"`
	}
)

func (b *vercelBlock) Validate() error {
	if b.Project == "" {
		return fault.New(fault.Invalid, "vercel.project is missing.")
	}
	if !b.Token.Set() {
		return errors.New("vercel.token is missing")
	}
	return nil
}

func (b *cloudflareBlock) NamesWorker(name string) bool { return b.Workers[name] != "" }

func kinds() []config.BlockKind {
	return []config.BlockKind{
		{Name: "vercel", Block: func() any { return new(vercelBlock) }, FromEnv: func(getenv func(string) string) (any, bool) {
			b := &vercelBlock{Project: getenv("VERCEL_PROJECT_ID"), Team: getenv("VERCEL_TEAM_ID"), Token: secret.New(getenv("VERCEL_TOKEN"))}
			return b, b.Project != "" || b.Token.Set()
		}},
		{Name: "github", Block: func() any { return new(githubBlock) }},
		{Name: "cloudflare", Block: func() any { return new(cloudflareBlock) }},
		{Name: "sentry", Block: func() any { return new(sentryBlock) }},
		{Name: "neon", Block: func() any { return new(neonBlock) }},
	}
}

// canary is the value of every variable, and of every literal secret in the
// test files: it must appear in no message.
const canary = "canary5f0a"

func getenv(name string) string {
	switch name {
	case "UNSET":
		return ""
	case "DATABASE_URL", "PROD_DATABASE_URL":
		return "postgres://app:" + canary + "@db/app"
	case "REDIS_URL":
		return "rediss://:" + canary + "@cache:6380"
	case "MASTER_KEY":
		return strings.Repeat(canary, 4)
	default:
		return canary
	}
}

// Each file in wrong is one way to be wrong, with what is said of it.
func TestWrongConfigurations(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.txtar")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = config.Load("envdeck.yaml", archive.Files[0].Data, getenv, kinds())
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Kind != fault.Invalid || len(f.Places) == 0 {
				t.Fatalf("error %v, want an invalid fault with places", err)
			}
			var got bytes.Buffer
			got.WriteString(f.Message + "\n")
			for _, p := range f.Places {
				got.WriteString(p.Where + ": " + p.Problem + "\n")
			}
			if strings.Contains(got.String(), canary) {
				t.Errorf("a value is in the message:\n%s", got.String())
			}
			golden(t, file, archive, got.Bytes())
		})
	}
}

// Each file in right is a configuration, with what is made of it.
func TestRightConfigurations(t *testing.T) {
	files, err := filepath.Glob("testdata/right/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := config.Load("envdeck.yaml", archive.Files[0].Data, getenv, kinds())
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(c, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(got, []byte(canary)) {
				t.Errorf("a secret is in the output:\n%s", got)
			}
			golden(t, file, archive, append(got, '\n'))
		})
	}
}

func golden(t *testing.T, file string, archive *txtar.Archive, got []byte) {
	t.Helper()
	if *update {
		archive.Files[1].Data = got
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(archive.Files[1].Data), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsAreResolved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := load(t, `
projects:
  - name: shop
    environments: {prod: {url: https://shop.example.com}}
    vercel: {project: prj_1, token: ${file:`+path+`}}
    sentry: {org: o, project: 4711, token: "${env:SENTRY}"}
    github:
      token: in-clear
`)
	p := c.Projects[0].Providers
	if got := p["vercel"].(*vercelBlock).Token.Reveal(); got != "from-a-file" {
		t.Errorf("file: %q", got)
	}
	if got := p["sentry"].(*sentryBlock); got.Token.Reveal() != canary || got.Project != "4711" {
		t.Errorf("env: %q %q", got.Token.Reveal(), got.Project)
	}
	if got := p["github"].(*githubBlock).Token.Reveal(); got != "in-clear" || len(c.Warnings) != 1 {
		t.Errorf("literal: %q with warnings %v", got, c.Warnings)
	}
	if w := c.Warnings[0]; w.Where != "line 8, column 7 (projects[0].github.token)" || strings.Contains(w.Problem, "in-clear") {
		t.Errorf("warning %+v", w)
	}
}

func load(t *testing.T, text string) config.Config {
	t.Helper()
	c, err := config.Load("envdeck.yaml", []byte(text), getenv, kinds())
	if err != nil {
		t.Fatalf("%v: %+v", err, fault.From(err).Places)
	}
	return c
}

func TestCatalogOfAConfiguration(t *testing.T) {
	c := load(t, `
projects:
  - name: shop
    environments:
      dev: {url: http://localhost:3000}
      qa: {url: https://qa.example.com, from: {custom: qa}, health: none}
      next: {url: https://Next.example.com/, sentry: beta, private: true}
      prod: {url: https://shop.example.com, health: /healthz}
    sentry: {org: o, project: p, token: "${env:SENTRY}"}
`)
	project, ok := c.Catalog().Project("")
	if !ok {
		t.Fatal("no project")
	}
	type row struct {
		Name, Kind, URL, From, Health, Sentry string
		Private                               bool
	}
	var got []row
	for _, e := range project.Environments {
		health := ""
		if u := e.HealthURL(); u != nil {
			health = u.String()
		}
		got = append(got, row{e.Name, string(e.Kind), e.URL.String(), e.From.String(), health, e.Sentry, e.Private})
	}
	want := []row{
		{"dev", "local", "http://localhost:3000", "report", "http://localhost:3000/api/health?detailed=true", "development", false},
		{"qa", "staging", "https://qa.example.com", "custom: qa", "", "preview", false},
		{"next", "staging", "https://next.example.com/", "staged", "https://next.example.com/api/health?detailed=true", "beta", true},
		{"prod", "production", "https://shop.example.com", "live", "https://shop.example.com/healthz", "production", false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFromEnv(t *testing.T) {
	set := map[string]string{
		"VERCEL_TOKEN": canary, "VERCEL_PROJECT_ID": "prj_1", "VERCEL_TEAM_ID": "team_1",
		"ENVDECK_DEV_URL": "http://localhost:3000", "ENVDECK_NEXT_URL": "https://next.spike.land", "ENVDECK_PROD_URL": "https://spike.land",
		"REDIS_URL": "rediss://:x@cache:6380", "DATABASE_URL": "postgres://app@db/app", "ENVDECK_LISTEN": ":8080",
		"ENVDECK_PUBLIC_URL": "https://deck.example.com", "ENVDECK_DATA": "/var/lib/envdeck",
	}
	c, err := config.FromEnv(func(name string) string { return set[name] }, kinds())
	if err != nil {
		t.Fatalf("%v: %+v", err, fault.From(err).Places)
	}
	p := c.Projects[0]
	if c.Listen != ":8080" || c.Data != "/var/lib/envdeck" || c.PublicURL.String() != "https://deck.example.com" || !c.RedisURL.Set() || !c.DatabaseURL.Set() {
		t.Errorf("settings %+v", c)
	}
	if p.Name != "spike.land" || len(p.Environments) != 3 || p.Release.Bake != 5*time.Minute || p.Environments[1].From.Mode != catalog.FromStaged {
		t.Errorf("project %+v", p)
	}
	if b := p.Providers["vercel"].(*vercelBlock); b.Token.Reveal() != canary || len(p.Providers) != 1 {
		t.Errorf("providers %v", p.Providers)
	}
}

func TestFromEnvSaysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		name string
		set  map[string]string
		want []fault.Place
	}{
		{"nothing", nil, []fault.Place{
			{Where: "ENVDECK_PROD_URL", Problem: "is not set: the address of production, such as https://example.com. Set it, or write an envdeck.yaml"},
		}},
		{"half a provider", map[string]string{"ENVDECK_PROD_URL": "https://spike.land", "VERCEL_TOKEN": canary}, []fault.Place{
			{Where: "vercel", Problem: "vercel.project is missing. Not set: VERCEL_PROJECT_ID, VERCEL_TEAM_ID."},
		}},
		{"bad values", map[string]string{
			"ENVDECK_PROD_URL": "spike.land", "ENVDECK_NEXT_URL": "https://me:" + canary + "@next.spike.land", "ENVDECK_LISTEN": "4280", "REDIS_URL": "http://" + canary, "ENVDECK_LOG_LEVEL": "loud",
		}, []fault.Place{
			{Where: "ENVDECK_NEXT_URL", Problem: "must not carry a user or password"},
			{Where: "ENVDECK_PROD_URL", Problem: "must be an address such as https://example.com"},
			{Where: "ENVDECK_LISTEN", Problem: "must be an address with a port, such as 127.0.0.1:4280 or :4280"},
			{Where: "REDIS_URL", Problem: "must be an address that begins with redis:// or rediss://"},
			{Where: "ENVDECK_LOG_LEVEL", Problem: "must be debug, info, warn or error"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := config.FromEnv(func(name string) string { return c.set[name] }, kinds())
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, fault.From(err).Places); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSchema(t *testing.T) {
	got, err := config.JSONSchema(kinds())
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/schema.json"
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// Whatever the file, reading it neither panics nor says a value of a secret.
func FuzzLoad(f *testing.F) {
	for _, folder := range []string{"right", "wrong"} {
		files, err := filepath.Glob("testdata/" + folder + "/*.txtar")
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(archive.Files[0].Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// Variables only: a fuzzer must not read files.
		data = bytes.ReplaceAll(data, []byte("file:"), []byte("fil:"))
		const value = "resolved-canary-9c1e"
		_, err := config.Load("envdeck.yaml", data, func(string) string { return value }, kinds())
		if err == nil {
			return
		}
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Kind != fault.Invalid || len(f.Places) == 0 {
			t.Fatalf("error %v, want an invalid fault with places", err)
		}
		for _, p := range f.Places {
			if strings.Contains(p.Problem+p.Where, value) {
				t.Errorf("a secret is in %+v", p)
			}
		}
	})
}
