package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/envdeck/envdeck/internal/app"
	"github.com/envdeck/envdeck/internal/status"
)

type moved struct {
	Success                                             *bool
	NewDeploymentURL, PreviousDeploymentID, OperationID string
	Status, Phase                                       string
}

func (d *deck) post(t *testing.T, path, body string, change ...func(*http.Request)) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+d.Tokens.SuperAdmin.Reveal())
	r.Header.Set("Content-Type", "application/json")
	for _, fn := range change {
		fn(r)
	}
	return do(t, http.DefaultClient, r)
}

func TestAHundredEqualRequestsAreOneRelease(t *testing.T) {
	d := start(t, func(o *app.DemoOptions) { o.Speed = 20 }) // or the way back takes half a minute
	_, body := d.get(t, "/api/admin/environments/deployments")
	var builds status.Deployments
	if err := json.Unmarshal(body, &builds); err != nil || builds.CurrentNext == nil {
		t.Fatalf("%v %s", err, body)
	}
	ask := `{"deploymentId":"` + builds.CurrentNext.ID + `","reason":"it is tested"}`
	answers := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			answer, body := d.post(t, "/api/admin/environments/promote", ask, func(r *http.Request) { r.Header.Set("Idempotency-Key", "one") })
			if answer.StatusCode != http.StatusAccepted {
				t.Errorf("%s %s", answer.Status, body)
			}
			mu.Lock()
			answers[string(body)]++
			mu.Unlock()
		})
	}
	all.Wait()
	if len(answers) != 1 {
		t.Fatalf("%d different answers: %v", len(answers), answers)
	}
	var first moved
	for text := range answers {
		if err := json.Unmarshal([]byte(text), &first); err != nil || first.Success != nil || first.NewDeploymentURL == "" || first.PreviousDeploymentID == "" || first.Status != "pending" {
			t.Fatalf("%v %s", err, text)
		}
	}
	// Another one is in the way, and says which.
	if answer, body := d.post(t, "/api/admin/environments/promote", ask); answer.StatusCode != http.StatusConflict || !strings.Contains(string(body), first.OperationID) {
		t.Errorf("%s %s", answer.Status, body)
	}
	// A rollback turns it, or cancels it where it has not begun to switch, and
	// waits until that is over.
	answer, body := d.post(t, "/api/admin/environments/rollback", `{"environment":"production","reason":"not today"}`, func(r *http.Request) { r.Header.Set("Prefer", "wait=60") })
	var back moved
	if err := json.Unmarshal(body, &back); err != nil || answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusAccepted {
		t.Fatalf("%s %s", answer.Status, body)
	}
	answer, body = d.get(t, "/api/admin/environments/operations/"+first.OperationID)
	if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), `"status":"failed"`) {
		t.Errorf("%s %s", answer.Status, body)
	}
	var calls struct {
		Calls []struct{ Path, Method string }
	}
	if err := json.Unmarshal(d.sim(t, "GET", "/calls?provider=vercel&method=POST", ""), &calls); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range calls.Calls {
		if strings.Contains(c.Path, "/promote/") {
			n++
		}
	}
	if n > 1 {
		t.Errorf("%d promotions reached the platform", n)
	}
}

// TestADemosScriptNeedsNobody: the bad build is staged and promoted by itself.
func TestADemosScriptNeedsNobody(t *testing.T) {
	d := start(t, func(o *app.DemoOptions) { o.Speed, o.Script = 20, "bad-build" })
	var page struct {
		Operations []struct{ ID, Action, Reason string }
	}
	for len(page.Operations) == 0 { // asking takes its time
		answer, body := d.get(t, "/api/admin/environments/operations")
		if answer.StatusCode == http.StatusTooManyRequests {
			continue
		}
		if err := json.Unmarshal(body, &page); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", answer.Status, body)
		}
	}
	if one := page.Operations[0]; one.Action != "promote" || !strings.Contains(one.Reason, "bad-build") {
		t.Errorf("%+v", one)
	}
}

func TestRefusedReleasesSayWhy(t *testing.T) {
	d := start(t)
	for body, want := range map[string]int{
		`{"deploymentId":"dpl_nowhere","reason":"x"}`: http.StatusNotFound,
		`{"deploymentId":"dpl_nowhere"}`:              http.StatusBadRequest,
		`{"deploymentId":"x","reason":"x","a":1}`:     http.StatusBadRequest,
	} {
		if answer, text := d.post(t, "/api/admin/environments/promote", body); answer.StatusCode != want {
			t.Errorf("%s: %s %s", body, answer.Status, text)
		}
	}
	answer, _ := d.post(t, "/api/admin/environments/promote", `{"deploymentId":"x","reason":"x"}`, func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+d.Tokens.Admin.Reveal())
	})
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("an ADMIN promotes: %s", answer.Status)
	}
	if answer, body := d.get(t, "/api/admin/environments/compare?from=prod&to=next"); answer.StatusCode != http.StatusOK || !strings.Contains(string(body), `"hash":"`) {
		t.Errorf("%s %s", answer.Status, body)
	}
}
