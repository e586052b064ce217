package config_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider/all"
)

// The example is a configuration for the real providers' blocks, and its cron
// table is the app's own.
func TestTheExampleIsRight(t *testing.T) {
	const folder = "../../examples/spike.land/"
	text, err := os.ReadFile(folder + "envdeck.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var real []config.BlockKind
	for _, k := range all.Kinds() {
		real = append(real, config.BlockKind{Name: k.Name, Block: k.Block, FromEnv: k.FromEnv})
	}
	// As long as any vendor's token or id, and as plain.
	c, err := config.Load("envdeck.yaml", text, func(string) string { return strings.Repeat("0a", 16) }, real)
	if err != nil {
		t.Fatalf("%v: %+v", err, fault.From(err).Places)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %v", c.Warnings)
	}
	project, _ := c.Catalog().Project("spike.land")
	var lanes []string
	for _, e := range project.Environments {
		lanes = append(lanes, e.Name+" "+string(e.Kind)+" "+e.From.String()+" "+e.Sentry)
	}
	if want := []string{"dev local report development", "next staging staged preview", "prod production live production"}; !slices.Equal(lanes, want) {
		t.Errorf("environments %v, want %v", lanes, want)
	}
	if prod, ok := project.OfKind(catalog.Production); !ok || prod.HealthURL().String() != "https://spike.land/api/health?detailed=true" {
		t.Errorf("production %+v", prod)
	}
	if got := len(c.Projects[0].Providers); got != len(real) {
		t.Errorf("%d providers of %d have a block", got, len(real))
	}

	table, err := os.ReadFile(folder + c.Projects[0].Crons.File)
	if err != nil {
		t.Fatal(err)
	}
	var vercel struct {
		Crons []struct{ Path, Schedule string }
	}
	if err := json.Unmarshal(table, &vercel); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, job := range vercel.Crons {
		count[job.Schedule]++
		if !strings.HasPrefix(job.Path, "/api/cron/") {
			t.Errorf("job %s", job.Path)
		}
	}
	if len(vercel.Crons) != 11 || count["* * * * *"] != 1 || count["*/15 * * * *"] != 4 || count["0 * * * *"] != 2 {
		t.Errorf("%d jobs, %v", len(vercel.Crons), count)
	}
	if _, err := config.JSONSchema(real); err != nil {
		t.Error(err)
	}
}
