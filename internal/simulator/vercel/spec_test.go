package vercel_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestAnswersFitTheSpecification holds the answers against Vercel's own
// OpenAPI document, when ENVDECK_SPECS names a folder that has it as
// vercel.json.
func TestAnswersFitTheSpecification(t *testing.T) {
	dir := os.Getenv("ENVDECK_SPECS")
	if dir == "" {
		t.Log("not compared: ENVDECK_SPECS names no folder with vercel.json")
		return
	}
	doc := loadSpec(t, filepath.Join(dir, "vercel.json"))
	r := start(t)
	stages := `{"stages":[{"targetPercentage":10,"requireApproval":true},{"targetPercentage":50,"duration":5},{"targetPercentage":100}]}`
	for _, tc := range []struct {
		spec, method, path, body string
	}{
		{"/v2/user", "GET", "/v2/user", ""},
		{"/v6/deployments", "GET", "/v6/deployments?limit=100&projectId=PROJECT", ""},
		{"/v6/deployments", "GET", "/v7/deployments?target=production&state=ERROR,READY&limit=100", ""},
		{"/v13/deployments/{idOrUrl}", "GET", "/v13/deployments/LIVE?withGitRepoInfo=true", ""},
		{"/v13/deployments/{idOrUrl}", "GET", "/v13/deployments/STAGED", ""},
		{"/v13/deployments/{idOrUrl}", "GET", "/v13/deployments/PREVIEW", ""},
		{"/v13/deployments/{idOrUrl}", "GET", "/v13/deployments/qa.spike.land", ""},
		{"/v13/deployments", "POST", "/v13/deployments?forceNew=1", `{"name":"x","deploymentId":"PREVIEW"}`},
		{"/v9/projects/{idOrName}", "GET", "/v9/projects/PROJECT", ""},
		{"/v9/projects/{idOrName}", "PATCH", "/v9/projects/PROJECT", `{"autoAssignCustomDomains":false}`},
		{"/v9/projects/{idOrName}/domains", "GET", "/v9/projects/PROJECT/domains", ""},
		{"/v9/projects/{idOrName}/domains", "GET", "/v9/projects/PROJECT/domains?production=true&redirects=false", ""},
		{"/v9/projects/{idOrName}/custom-environments", "GET", "/v9/projects/PROJECT/custom-environments", ""},
		{"/v4/aliases", "GET", "/v4/aliases?limit=100", ""},
		{"/v4/aliases", "GET", "/v4/aliases?rollbackDeploymentId=OLD", ""},
		{"/v1/projects/{projectId}/promote/aliases", "GET", "/v1/projects/PROJECT/promote/aliases", ""},
		{"/v1/projects/{idOrName}/rolling-release", "GET", "/v1/projects/PROJECT/rolling-release", ""},
		{"/v1/projects/{idOrName}/rolling-release/config", "GET", "/v1/projects/PROJECT/rolling-release/config", ""},
		{"/v1/projects/{idOrName}/rolling-release/billing", "GET", "/v1/projects/PROJECT/rolling-release/billing", ""},
		{"/v1/projects/{idOrName}/rolling-release/config", "PATCH", "/v1/projects/PROJECT/rolling-release/config", stages},
		{"/v1/projects/{idOrName}/rolling-release/config", "GET", "/v1/projects/PROJECT/rolling-release/config", ""},
		{"/v1/projects/{idOrName}/rolling-release", "POST", "/v1/projects/PROJECT/rolling-release/start", `{"canaryDeploymentId":"STAGED"}`},
		{"/v1/projects/{idOrName}/rolling-release", "GET", "/v1/projects/PROJECT/rolling-release?state=ACTIVE", ""},
		{"/v1/projects/{idOrName}/rolling-release/approve-stage", "POST", "/v1/projects/PROJECT/rolling-release/approve-stage", `{"nextStageIndex":1,"canaryDeploymentId":"STAGED"}`},
		{"/v1/projects/{idOrName}/rolling-release/complete", "POST", "/v1/projects/PROJECT/rolling-release/complete", `{"canaryDeploymentId":"STAGED"}`},
		{"/v1/projects/{idOrName}/rolling-release/config", "DELETE", "/v1/projects/PROJECT/rolling-release/config", ""},
		{"/v9/projects/{idOrName}", "GET", "/v9/projects/PROJECT", ""},
	} {
		got := r.call("full", tc.method, tc.path, tc.body)
		if got.Code != 200 {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, got.Code, got.Body)
			continue
		}
		specMethod := tc.method
		if strings.HasSuffix(tc.path, "/start") {
			specMethod = "GET" // the document is older than the path, the answer is the same
		}
		op := doc.Paths.Find(tc.spec).GetOperation(specMethod)
		schema := op.Responses.Status(200).Value.Content.Get("application/json").Schema.Value
		var body any
		if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		for _, reason := range misfits(schema, body) {
			t.Errorf("%s %s: %s", tc.method, tc.path, reason)
		}
		r.pass(20 * time.Second)
	}
}

// misfits says in short what does not fit; nothing when body fits the schema.
// Of alternatives none of which fits, the first is explained: it is the fullest.
func misfits(schema *openapi3.Schema, body any) []string {
	err := schema.VisitJSON(body, openapi3.MultiErrors())
	if err == nil {
		return nil
	}
	if len(schema.AnyOf) > 0 {
		if why := misfits(schema.AnyOf[0].Value, body); why != nil {
			return why
		}
	}
	var out []string
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) { //nolint:errorlint // a schema error wraps those below it; the outermost counts
		case openapi3.MultiError:
			for _, one := range e {
				walk(one)
			}
		case *openapi3.SchemaError:
			out = append(out, strings.Join(e.JSONPointer(), "/")+": "+e.Reason)
		default:
			out = append(out, err.Error())
		}
	}
	walk(err)
	return out
}

// loadSpec reads the document with every oneOf as anyOf: its alternatives
// overlap, so that a full answer fits the reduced one as well.
func loadSpec(t *testing.T, path string) *openapi3.T {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw = []byte(strings.ReplaceAll(string(raw), `"oneOf"`, `"anyOf"`))
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
