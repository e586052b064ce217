package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// workerWrites are the calls that were meant to move a Worker's traffic.
func (d *deck) workerWrites(t *testing.T) int {
	t.Helper()
	var calls struct {
		Calls []struct{ Path string }
	}
	if err := json.Unmarshal(d.sim(t, "GET", "/calls?provider=cloudflare&method=POST", ""), &calls); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range calls.Calls {
		if strings.HasSuffix(c.Path, "/deployments") {
			n++
		}
	}
	return n
}

func TestAWorkerIsTakenBackOverTheAPI(t *testing.T) {
	d := start(t)
	const path = "/api/admin/environments/workers/code/rollback"
	admin := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+d.Tokens.Admin.Reveal()) }
	for ask, want := range map[string]int{
		`{}`:                              http.StatusBadRequest,
		`{"reason":"x","a":1}`:            http.StatusBadRequest,
		`{"reason":"x","versionId":"no"}`: http.StatusNotFound,
	} {
		if answer, body := d.post(t, path, ask); answer.StatusCode != want {
			t.Errorf("%s: %s %s", ask, answer.Status, body)
		}
	}
	if answer, body := d.post(t, path, `{"reason":"x"}`, admin); answer.StatusCode != http.StatusForbidden {
		t.Errorf("an ADMIN: %s %s", answer.Status, body)
	}
	if answer, body := d.post(t, "/api/admin/environments/workers/nobody/rollback", `{"reason":"x"}`); answer.StatusCode != http.StatusNotFound {
		t.Errorf("%s %s", answer.Status, body)
	}
	if n := d.workerWrites(t); n != 0 {
		t.Fatalf("%d calls of those who were refused", n)
	}
	var targets struct {
		Candidates []struct {
			Version struct{ ID string }
			Default bool
			Why     string
		}
	}
	answer, body := d.get(t, path+"/candidates")
	if err := json.Unmarshal(body, &targets); err != nil || answer.StatusCode != http.StatusOK || len(targets.Candidates) != 5 {
		t.Fatalf("%s %s", answer.Status, body)
	}
	once := func(r *http.Request) { r.Header.Set("Idempotency-Key", "back"); r.Header.Set("Prefer", "wait=60") }
	answer, body = d.post(t, path, `{"reason":"it throws"}`, once)
	var done struct {
		Success                                                   *bool
		Worker, VersionID, PreviousVersionID, OperationID, Status string
	}
	if err := json.Unmarshal(body, &done); err != nil || answer.StatusCode != http.StatusOK || done.Success == nil || !*done.Success || done.Worker != "code" {
		t.Fatalf("%s %s", answer.Status, body)
	}
	for _, c := range targets.Candidates {
		if c.Default != (c.Version.ID == done.VersionID) {
			t.Errorf("it went to %s, and %s is the default: %v", done.VersionID, c.Version.ID, c.Default)
		}
	}
	again, same := d.post(t, path, `{"reason":"it throws"}`, once)
	if again.Header.Get("Idempotent-Replayed") != "true" || string(same) != string(body) || d.workerWrites(t) != 1 {
		t.Errorf("%s %s; %d calls", again.Status, same, d.workerWrites(t))
	}
	_, body = d.get(t, "/api/admin/environments/workers/code")
	if !strings.Contains(string(body), done.VersionID) {
		t.Errorf("the Worker's facts do not show it: %s", body)
	}
	_, body = d.get(t, "/api/admin/environments/audit?action=worker.rollback")
	for _, act := range []string{"worker.rollback.requested", "worker.rollback.refused", `"environment":"worker/code"`} {
		if !strings.Contains(string(body), act) {
			t.Errorf("the record lacks %s: %s", act, body)
		}
	}
	if _, body := d.get(t, "/api/admin/environments/audit?action=system.act"); !strings.Contains(string(body), "system.act.worker_rollback.succeeded") {
		t.Errorf("the record lacks the end: %s", body)
	}
}
