package cli_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/cli"
)

// The commands ask what they say they ask, and show each environment.
func TestCrons(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.Path+"?"+r.URL.Query().Encode()+" "+string(body))
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/runs"):
			_, _ = w.Write([]byte(`{"runs":[{"startedAt":"2026-11-22T03:00:00Z","durationMs":1400,"status":"failure","statusCode":500,"exitCode":null,"errorMessage":"bo\u001b[31mom","timing":"late","pace":"usual","environment":"prod","commit":"9d41c07c0ffee","outputBytes":12}]}`))
		case strings.HasSuffix(r.URL.Path, "/run"):
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write([]byte(`{"path":"/api/cron/pulse","startedAt":null}`))
		default:
			_, _ = w.Write([]byte(`{"crons":[{"path":"/api/cron/pulse","environments":{"prod":{"state":"missed","scheduleHuman":"Every minute","nextRun":null,"stats":{"successCount7d":5,"failureCount7d":1,"missedCount7d":2},"awaiting":{"operationId":"op_1","kind":"promotion","movedAt":"2026-11-22T03:00:00Z","silent":true}},"next":{"state":"ok","scheduleHuman":null,"stats":{}}}}],"sources":[]}`))
		}
	}))
	defer server.Close()
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := cli.Run(t.Context(), append([]string{"crons", "--url", server.URL}, args...), cli.Streams{
			In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(name string) string { return map[string]string{"ENVDECK_TOKEN": "tok"}[name] },
		})
		return code, out.String(), errs.String()
	}
	code, out, errs := run()
	if code != 0 || !strings.Contains(out, "prod         missed  Every minute") || !strings.Contains(out, "next         ok") || !strings.Contains(out, "silent since the promotion op_1") {
		t.Errorf("crons: %d\n%s%s", code, out, errs)
	}
	if _, out, _ = run("--environment", "next"); strings.Contains(out, "prod") {
		t.Errorf("one environment:\n%s", out)
	}
	runCommand := func(sub string, args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := cli.Run(t.Context(), append([]string{"crons", sub, "--url", server.URL}, args...), cli.Streams{
			In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(name string) string { return map[string]string{"ENVDECK_TOKEN": "tok"}[name] },
		})
		return code, out.String(), errs.String()
	}
	code, out, errs = runCommand("runs", "/api/cron/pulse", "--limit", "5", "--environment", "*")
	if code != 0 || !strings.Contains(out, "failure  1.4s  HTTP 500  late") || strings.Contains(out, "\x1b") {
		t.Errorf("runs: %d\n%q%s", code, out, errs)
	}
	if code, _, errs := runCommand("runs", "/x", "--limit", "0"); code == 0 || !strings.Contains(errs, "between 1 and 1000") {
		t.Errorf("no limit: %d %s", code, errs)
	}
	code, out, errs = runCommand("run", "/api/cron/pulse", "--reason", "old numbers")
	if code != 0 || out != "/api/cron/pulse was asked to run. The platform did not say when.\n" {
		t.Errorf("run: %d %q %q", code, out, errs)
	}
	if _, out, _ = runCommand("run", "/api/cron/pulse", "-o", "json"); !strings.HasPrefix(out, `{"path":`) {
		t.Errorf("as JSON: %s", out)
	}
	all := strings.Join(asked, "\n")
	for _, want := range []string{"GET /api/admin/environments/crons/runs?environment=%2A&limit=5&path=%2Fapi%2Fcron%2Fpulse", `"reason":"old numbers"`} {
		if !strings.Contains(all, want) {
			t.Errorf("never asked %s:\n%s", want, all)
		}
	}
}
