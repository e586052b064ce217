package sentry_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// Answers fit the response schemas of Sentry's own OpenAPI document, when
// ENVDECK_SPECS names a folder that holds it as sentry.json.
func TestAnswersFitTheSpecification(t *testing.T) {
	folder := os.Getenv("ENVDECK_SPECS")
	if folder == "" {
		t.Log("not compared: ENVDECK_SPECS names no folder with sentry.json")
		return
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(folder, "sentry.json"))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	// Monitors are left out: the document has one object where the server's
	// source (and Sentry's own client) has a list of environments.
	base, project := "/api/0/organizations/{organization_id_or_slug}", "/api/0/projects/{organization_id_or_slug}/{project_id_or_slug}"
	ours := "/sentry/api/0/projects/spike-land/spike-land-nextjs"
	for _, c := range []struct {
		method, op, path, body string
		status                 int
	}{
		{"GET", base + "/", org + "/", "", 200},
		{"GET", base + "/environments/", org + "/environments/", "", 200},
		{"GET", base + "/projects/", org + "/projects/", "", 200},
		// An event without an environment is null, which the document forgets.
		{"GET", base + "/events/", org + "/events/?dataset=errors&query=has:environment&field=project&field=environment&field=count()&field=last_seen()", "", 200},
		{"GET", base + "/events-timeseries/", org + "/events-timeseries/?dataset=errors&statsPeriod=24h&interval=3600", "", 200},
		{"GET", base + "/events-timeseries/", org + "/events-timeseries/?dataset=errors&statsPeriod=24h&topEvents=2&groupBy=release&sort=-count()", "", 200},
		{"GET", base + "/releases/{version}/deploys/", org + "/releases/{live}/deploys/", "", 200},
		{"POST", base + "/releases/{version}/deploys/", org + "/releases/{live}/deploys/", `{"environment":"production","dateStarted":"2026-11-22T11:00:00Z"}`, 201},
		{"GET", base + "/sessions/", org + "/sessions/?field=sum(session)&field=crash_free_rate(session)&groupBy=release&groupBy=environment&groupBy=project&statsPeriod=24h", "", 200},
		{"GET", base + "/stats_v2/", org + "/stats_v2/?groupBy=outcome&groupBy=project&field=sum(quantity)&statsPeriod=24h&category=error", "", 200},
		{"GET", project + "/environments/", ours + "/environments/", "", 200},
		{"GET", project + "/stats/", ours + "/stats/?stat=generated&resolution=1h", "", 200},
	} {
		t.Run(c.op, func(t *testing.T) {
			item := doc.Paths.Value(c.op)
			if item == nil || item.GetOperation(c.method) == nil {
				t.Fatal("the document does not have it")
			}
			resp, text := b.call(c.method, b.fill(c.path), "full", c.body)
			answer := item.GetOperation(c.method).Responses.Status(resp.StatusCode)
			if resp.StatusCode != c.status || answer == nil {
				t.Fatalf("%d %s", resp.StatusCode, text)
			}
			var value any
			if err := json.Unmarshal([]byte(text), &value); err != nil {
				t.Fatal(err)
			}
			err := answer.Value.Content.Get("application/json").Schema.Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsResponse())
			if err != nil {
				line, _, _ := strings.Cut(err.Error(), "\nSchema:")
				t.Errorf("%.400s", line)
			}
		})
	}
}
