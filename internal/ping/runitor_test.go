//go:build runitor

package ping_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
)

// runitor is the client of Healthchecks.io that is strict about answers: it
// takes 200 and 201 and nothing else, and cuts what it sends to the limit that
// the server tells it. ENVDECK_RUNITOR is its binary, as it was released.
func TestRunitorItself(t *testing.T) {
	binary := os.Getenv("ENVDECK_RUNITOR")
	if binary == "" {
		t.Fatal("run make runitor RUNITOR=/path/of/the/binary")
	}
	const byUUID, bySlug = "-uuid UUID", "-ping-key KEY -slug pulse"
	for _, c := range []struct {
		name, flags, script string
		exit                int
		path                string
		want                cron.Run
		output              string // runitor adds lines of its own
	}{
		{"success", byUUID, "echo all is well", 0, "/api/cron/pulse", cron.Run{State: cron.Succeeded, ExitCode: -1, Begun: true}, "all is well\n"},
		{"by slug", bySlug, "echo all is well", 0, "/api/cron/pulse", cron.Run{State: cron.Succeeded, ExitCode: -1, Begun: true}, "all is well\n"},
		{"exit code", byUUID, "echo no room >&2; exit 7", 7, "/api/cron/pulse", cron.Run{State: cron.Failed, ExitCode: 7, Begun: true}, "no room\n"},
		{"exit code of success", byUUID + " -on-success exit-code", "true", 0, "/api/cron/pulse", cron.Run{State: cron.Succeeded, ExitCode: 0, Begun: true}, ""},
		{"fail", byUUID + " -on-nonzero-exit fail", "exit 3", 3, "/api/cron/pulse", cron.Run{State: cron.Failed, ExitCode: -1, Begun: true}, ""},
		{"without a start", byUUID + " -no-start-ping", "echo done", 0, "/api/cron/pulse", cron.Run{State: cron.Succeeded, ExitCode: -1}, "done\n"},
		{"without run ids", byUUID + " -no-run-id", "echo done", 0, "/api/cron/pulse", cron.Run{State: cron.Succeeded, ExitCode: -1, Begun: true}, "done\n"},
		{"a limit of its own", byUUID + " -ping-body-limit 100", "seq 1 10000", 0, "/api/cron/pulse", cron.Run{State: cron.Succeeded, ExitCode: -1, Begun: true}, "9999\n10000\n"},
		{"our limit", byUUID, "seq 1 30000", 0, "/api/cron/pulse", cron.Run{State: cron.Succeeded, ExitCode: -1, Begun: true}, "29999\n30000\n"},
		{"cannot be run", byUUID, "", 1, "/api/cron/pulse", cron.Run{State: cron.Failed, ExitCode: -1, Begun: true}, "no such file or directory"},
		{"makes its job", "-ping-key KEY -slug nightly -create", "echo first", 0, "nightly", cron.Run{State: cron.Succeeded, ExitCode: -1, Begun: true}, "first\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			server := httptest.NewServer(s)
			defer server.Close()
			args := append(strings.Fields(strings.NewReplacer("UUID", s.job.Ping, "KEY", s.key).Replace(c.flags)), "-api-url", server.URL+"/ping", "--")
			if c.script == "" {
				args = append(args, "/nowhere/at/all")
			} else {
				args = append(args, "sh", "-c", c.script)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			out, err := osexec.CommandContext(ctx, binary, args...).CombinedOutput()
			exit := 0
			if left, ok := errors.AsType[*osexec.ExitError](err); ok {
				exit = left.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if exit != c.exit || strings.Contains(string(out), "Ping") {
				t.Errorf("runitor left with %d and said %.500s", exit, out)
			}
			job := s.find(t, c.path)
			runs := s.runs(t, job)
			if len(runs) != 1 {
				t.Fatalf("runs: %+v", runs)
			}
			run := runs[0]
			if run.State != c.want.State || run.ExitCode != c.want.ExitCode || run.Begun != c.want.Begun || run.Timed != c.want.Begun {
				t.Errorf("run: %+v", run)
			}
			if named := !strings.Contains(c.flags, "-no-run-id"); (run.ID != "") != named {
				t.Errorf("its id is %q", run.ID)
			}
			kept, err := s.db.CronOutput(t.Context(), job.ID, run.At, run.Seq)
			if err != nil || !strings.Contains(string(kept), c.output) {
				t.Errorf("output of %d bytes: %.100q … %v", len(kept), kept, err)
			}
			if limit := map[string]int{"a limit of its own": 100, "our limit": cron.OutputLimit}[c.name]; limit != 0 && (len(kept) > limit || len(kept) < limit/2) {
				t.Errorf("%d bytes are kept, of at most %d", len(kept), limit)
			}
		})
	}
}
