package cloudflare_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/cloudflare"
	"github.com/envdeck/envdeck/internal/provider/providertest"
)

const (
	version    = "22222222-2222-4222-8222-222222222222"
	other      = "33333333-3333-4333-8333-333333333333"
	deployment = "11111111-1111-4111-8111-111111111111"
)

// bubble opens a client on answers by "METHOD path", in virtual time.
func bubble(t *testing.T, answers map[string]string, check func(*testing.T, *providertest.Bench)) {
	t.Helper()
	account := "/accounts/" + strings.Repeat("a", 32)
	synctest.Test(t, func(t *testing.T) {
		check(t, providertest.Open(t, cloudflare.Kind(), block, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := strings.TrimPrefix(r.URL.RequestURI(), account)
			body, ok := answers[r.Method+" "+path]
			if !ok {
				t.Errorf("asked for %s %s", r.Method, path)
			}
			status := http.StatusOK
			if head, rest, found := strings.Cut(body, " "); found && len(head) == 3 {
				body = rest
				status = map[string]int{"400": 400, "403": 403, "404": 404, "429": 429, "503": 503}[head]
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})))
	})
}

func ok(result string) string {
	return `{"success":true,"errors":[],"messages":[],"result":` + result + `}`
}

func TestDeployments(t *testing.T) {
	const path = "GET /workers/scripts/backend/deployments"
	full := `{"id":"` + deployment + `","source":"wrangler","strategy":"percentage","author_email":"ci@example.com","created_on":"2026-11-21T10:00:00Z",` +
		`"versions":[{"version_id":"` + version + `","percentage":100}],"annotations":{"workers/message":"release 1.4.0","workers/triggered_by":"deployment"}}`
	gradual := `{"id":"` + deployment + `","created_on":"2026-11-21T10:00:00.123456Z","versions":[{"version_id":"` + version + `","percentage":10},{"version_id":"` + other + `","percentage":90}]}`
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		body string
		want []provider.WorkerDeployment
		kind fault.Kind
	}{
		"one": {ok(`{"deployments":[` + full + `]}`), []provider.WorkerDeployment{{
			ID: deployment, CreatedAt: at, Author: "ci@example.com", Source: "wrangler", Trigger: "deployment", Message: "release 1.4.0",
			Shares: []provider.WorkerShare{{VersionID: version, Percent: 100}},
		}}, 0},
		"gradual": {ok(`{"deployments":[` + gradual + `]}`), []provider.WorkerDeployment{{
			ID: deployment, CreatedAt: at.Add(123456 * time.Microsecond), Shares: []provider.WorkerShare{{VersionID: version, Percent: 10}, {VersionID: other, Percent: 90}},
		}}, 0},
		"none yet":        {ok(`{"deployments":[]}`), []provider.WorkerDeployment{}, 0},
		"no list":         {ok(`{}`), nil, fault.BadResponse},
		"half of it":      {ok(`{"deployments":[` + strings.Replace(gradual, `"percentage":90`, `"percentage":40`, 1) + `]}`), nil, fault.BadResponse},
		"without a time":  {ok(`{"deployments":[` + strings.Replace(full, `"created_on":"2026-11-21T10:00:00Z",`, "", 1) + `]}`), nil, fault.BadResponse},
		"success is no":   {`{"success":false,"errors":[],"result":{"deployments":[]}}`, nil, fault.BadResponse},
		"errors and yes":  {`{"success":true,"errors":[{"code":10013}],"result":{"deployments":[]}}`, nil, fault.BadResponse},
		"no such script":  {`404 {"success":false,"errors":[{"code":10007,"message":"x"}],"result":null}`, nil, fault.NotFound},
		"not for us":      {`403 {"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"result":null}`, nil, fault.Denied},
		"malformed token": {`400 {"success":false,"errors":[{"code":6003,"message":"x","error_chain":[{"code":6111,"message":"y"}]}],"result":null}`, nil, fault.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, map[string]string{path: c.body}, func(t *testing.T, b *providertest.Bench) {
				got, err := b.API.(provider.WorkerReader).WorkerDeployments(t.Context(), "backend")
				if c.kind != 0 {
					if f := b.Fault(t, err); f.Kind != c.kind {
						t.Errorf("%s, want %s: %v", f.Kind, c.kind, f)
					}
					return
				}
				if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
			})
		})
	}
}

// A version that serves is known with its tag, however old it is and whatever
// the list leaves out.
func TestVersionsThatServeAreKnown(t *testing.T) {
	const list, one = "GET /workers/scripts/backend/versions?deployable=true", "GET /workers/scripts/backend/versions/"
	short := `{"id":"` + version + `","number":7,"metadata":{"created_on":"2026-11-21T10:00:00Z","author_email":"a@example.com","source":"wrangler"}}`
	long := func(id string) string {
		return ok(`{"id":"` + id + `","number":7,"metadata":{"created_on":"2026-11-21T10:00:00Z"},"annotations":{"workers/tag":"abc1234","workers/message":"m"},"resources":{}}`)
	}
	bubble(t, map[string]string{list: ok(`{"items":[` + short + `]}`), one + version: long(version), one + other: long(other)}, func(t *testing.T, b *providertest.Bench) {
		got, err := b.API.(provider.WorkerReader).WorkerVersions(t.Context(), "backend", []string{version, other})
		if err != nil || len(got) != 2 || got[0].Tag != "abc1234" || got[1].ID != other || got[1].Message != "m" {
			t.Errorf("%+v, %v", got, err)
		}
	})
	bubble(t, map[string]string{list: ok(`{"items":[` + short + `]}`), one + version: `404 {}`}, func(t *testing.T, b *providertest.Bench) {
		got, err := b.API.(provider.WorkerReader).WorkerVersions(t.Context(), "backend", []string{version})
		if err != nil || len(got) != 1 || got[0].Author != "a@example.com" || got[0].Tag != "" {
			t.Errorf("without its tag: %+v, %v", got, err)
		}
	})
	bubble(t, map[string]string{list: ok(`{"items":[]}`), one + version: `404 {}`}, func(t *testing.T, b *providertest.Bench) {
		if _, err := b.API.(provider.WorkerReader).WorkerVersions(t.Context(), "backend", []string{version}); !fault.Is(err, fault.NotFound) {
			t.Errorf("a version that serves and is nowhere: %v", err)
		}
	})
}

func TestTraffic(t *testing.T) {
	example := `{"data":{"viewer":{"accounts":[{"totals":[{"dimensions":{"scriptName":"backend"},` +
		`"sum":{"requests":1200,"errors":6,"subrequests":300,"cpuTimeUs":2400000,"wallTime":96000000,"clientDisconnects":2},` +
		`"quantiles":{"cpuTimeP50":1500,"cpuTimeP99":9800.5,"wallTimeP50":42000,"wallTimeP99":910000},"avg":{"sampleInterval":1}}],` +
		`"hours":[{"dimensions":{"datetimeHour":"2026-11-21T10:00:00Z","scriptName":"backend"},"sum":{"requests":50,"errors":1}}]}]}},"errors":null}`
	took := func(d time.Duration) *time.Duration { return &d }
	day := provider.WorkerDay{
		Requests: 1200, Errors: 6, Canceled: 2, WallP50: took(42 * time.Millisecond), WallP99: took(910 * time.Millisecond), CPU: took(2 * time.Millisecond),
		Hours: []provider.WorkerHour{{At: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), Requests: 50, Errors: 1}},
	}
	bare := day
	bare.WallP50, bare.WallP99, bare.CPU = nil, nil, nil
	refused := func(text string) string {
		return `{"data":null,"errors":[{"message":"` + text + `","path":["viewer"]}]}`
	}
	for name, c := range map[string]struct {
		body string
		want map[string]provider.WorkerDay
		kind fault.Kind
	}{
		"the worked example": {example, map[string]provider.WorkerDay{"backend": day}, 0},
		"times left out": {
			strings.NewReplacer(`"cpuTimeUs":2400000,`, "", `"wallTimeP50":42000,"wallTimeP99":910000`, `"wallTimeP50":null`).Replace(example),
			map[string]provider.WorkerDay{"backend": bare},
			0,
		},
		"no traffic at all":     {`{"data":{"viewer":{"accounts":[{"totals":[],"hours":[]}]}},"errors":null}`, map[string]provider.WorkerDay{}, 0},
		"no account":            {`{"data":{"viewer":{"accounts":[]}},"errors":null}`, nil, fault.Denied},
		"not for that account":  {refused("not authorized for that account"), nil, fault.Denied},
		"no permission":         {"403 " + refused("authorization denied"), nil, fault.Denied},
		"no access to the path": {"403 " + refused("does not have access to the path /workersInvocationsAdaptive"), nil, fault.Denied},
		"throttled":             {"429 " + refused("rate limiter budget depleted, try again after 5 minutes"), nil, fault.RateLimited},
		"throttled with a 200":  {refused("rate limiter budget depleted, try again after 5 minutes"), nil, fault.RateLimited},
		"busy":                  {"503 " + refused("too many queries in progress"), nil, fault.Unavailable},
		"busy with a 200":       {refused("unable to execute query, please try again later"), nil, fault.Unavailable},
		"odd refusal":           {refused("the moon is full"), nil, fault.BadResponse},
		"too few requests":      {strings.Replace(example, `"requests":1200`, `"requests":5`, 1), nil, fault.BadResponse},
		"half a request":        {strings.Replace(example, `"requests":1200`, `"requests":5.5`, 1), nil, fault.BadResponse},
		"no script":             {strings.Replace(example, `"scriptName":"backend"`, `"scriptName":""`, 1), nil, fault.BadResponse},
		"data null":             {`{"data":null,"errors":null}`, nil, fault.BadResponse},
		"rows null":             {`{"data":{"viewer":{"accounts":[{"totals":null,"hours":[]}]}},"errors":null}`, nil, fault.BadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, map[string]string{"POST /graphql": c.body}, func(t *testing.T, b *providertest.Bench) {
				got, err := b.API.(provider.WorkerCounter).WorkerTraffic(t.Context())
				if c.kind != 0 {
					if f := b.Fault(t, err); f.Kind != c.kind || c.kind == fault.RateLimited && f.RetryAfter < time.Minute {
						t.Errorf("%s after %s, want %s: %v", f.Kind, f.RetryAfter, c.kind, f)
					}
					return
				}
				if diff := cmp.Diff(c.want, got.ByScript); diff != "" || err != nil {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				if got.To.Sub(got.From) != 24*time.Hour || got.To.Second() != 0 || time.Since(got.To) < 5*time.Minute {
					t.Errorf("from %s to %s", got.From, got.To)
				}
			})
		})
	}
}

// An account that does not know the processor's time is asked once more
// without it, and no third time.
func TestAnUnknownFieldIsLeftOut(t *testing.T) {
	const refusal = `{"data":null,"errors":[{"message":"unknown field \"cpuTimeUs\"","path":["viewer"]}]}`
	for name, c := range map[string]struct {
		status int
		always bool
		kind   fault.Kind
	}{"with a 400": {status: 400}, "with a 200": {status: 200}, "of another field": {status: 400, always: true, kind: fault.BadResponse}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := providertest.Open(t, cloudflare.Kind(), block, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, err := io.ReadAll(r.Body)
					var asked struct{ Query string }
					if err != nil || json.Unmarshal(body, &asked) != nil {
						t.Errorf("asked %s", body)
					}
					if c.always || strings.Contains(asked.Query, "cpuTimeUs") {
						w.WriteHeader(c.status)
						_, _ = w.Write([]byte(refusal))
						return
					}
					_, _ = w.Write([]byte(`{"data":{"viewer":{"accounts":[{"totals":[{"dimensions":{"scriptName":"s"},"sum":{"requests":3,"errors":0}}],"hours":[]}]}},"errors":null}`))
				}))
				got, err := b.API.(provider.WorkerCounter).WorkerTraffic(t.Context())
				if c.kind != 0 {
					if f := b.Fault(t, err); f.Kind != c.kind {
						t.Errorf("%s, want %s", f.Kind, c.kind)
					}
				} else if day := got.ByScript["s"]; err != nil || day.Requests != 3 || day.CPU != nil {
					t.Errorf("%+v, %v", day, err)
				}
				if n := b.Requests.Load(); n != 2 {
					t.Errorf("%d questions, want 2", n)
				}
			})
		})
	}
}

func TestDeploy(t *testing.T) {
	const path = "POST /workers/scripts/backend/deployments"
	made := ok(`{"id":"` + deployment + `","created_on":"2026-11-21T10:00:00Z","versions":[{"version_id":"` + version + `","percentage":100}]}`)
	for name, c := range map[string]struct {
		force   bool
		answers map[string]string
		kind    fault.Kind
		unknown bool
	}{
		"taken":                  {answers: map[string]string{path: made}},
		"forced":                 {force: true, answers: map[string]string{path + "?force=true": made}},
		"another secret":         {answers: map[string]string{path: `400 {"success":false,"errors":[{"code":10220,"message":"The following secrets have changed: KEY"}],"result":null}`}, kind: fault.Conflict},
		"gone":                   {answers: map[string]string{path: `404 {"success":false,"errors":[{"code":10092,"message":"x"}],"result":null}`}, kind: fault.NotFound},
		"may only look":          {answers: map[string]string{path: `403 {"success":false,"errors":[{"code":10000,"message":"x"}],"result":null}`}, kind: fault.Denied},
		"a yes without a result": {answers: map[string]string{path: ok(`null`)}, kind: fault.BadResponse, unknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, c.answers, func(t *testing.T, b *providertest.Bench) {
				got, err := b.API.(provider.WorkerDeployer).DeployWorker(t.Context(), "backend", []provider.WorkerShare{{VersionID: version, Percent: 100}}, "back", c.force)
				if c.kind == 0 {
					if err != nil || got.ID != deployment {
						t.Errorf("%+v, %v", got, err)
					}
					return
				}
				if f := b.Fault(t, err); f.Kind != c.kind || provider.OutcomeUnknown(err) != c.unknown {
					t.Errorf("%s, unknown %v: %v", f.Kind, provider.OutcomeUnknown(err), f)
				}
			})
		})
	}
}
