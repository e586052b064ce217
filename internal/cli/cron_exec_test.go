package cli_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/envdeck/envdeck/internal/cli"
)

func TestCronExecReportsACommand(t *testing.T) {
	var mu sync.Mutex
	var reports []map[string]any
	status := 200
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		reports = append(reports, body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	exec := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := cli.Run(t.Context(), append([]string{"cron", "exec", "--url", server.URL, "--path", "nightly", "--"}, args...), cli.Streams{
			In: strings.NewReader("in"), Out: &out, Err: &errs,
			Getenv: func(name string) string { return map[string]string{"ENVDECK_TOKEN": "tok"}[name] },
		})
		return code, out.String(), errs.String()
	}
	code, out, errs := exec("sh", "-c", "cat; echo ' out'; echo oops >&2; exit 3")
	if code != 3 || out != "in out\n" || errs != "oops\n" {
		t.Errorf("exit code %d, printed %q and %q", code, out, errs)
	}
	if len(reports) != 2 || reports[0]["phase"] != "start" && reports[1]["phase"] != "start" {
		t.Fatalf("reports: %v", reports)
	}
	end := reports[1]
	if end["phase"] != "finish" || end["status"] != "failure" || end["exitCode"] != 3.0 || end["runId"] != reports[0]["runId"] || !strings.Contains(end["output"].(string), "oops") {
		t.Errorf("the end: %v", end)
	}
	status = 500 // the job does not care
	if code, _, errs := exec("true"); code != 0 || !strings.Contains(errs, "not reported") {
		t.Errorf("with a broken server: %d %q", code, errs)
	}
	if code, _, _ := exec("/no/such/command"); code != 2 {
		t.Errorf("a command that is not there: %d", code)
	}
}
