package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// newCronExec runs a command as a cron job.
func newCronExec(s Streams) *cobra.Command {
	var c client
	var job cronJob
	cmd := &cobra.Command{
		Use: "exec --path P -- COMMAND [ARGUMENT…]", Short: "Run a command as a cron job and report it", Args: cobra.MinimumNArgs(1),
		Long: "Runs the command, passes its output through, and reports when it began, how it ended and the end of what it printed.\n" +
			"The exit code is the command's. A server that cannot be reached is told of on the error stream and does not stop the job.\n" +
			"ENVDECK_TOKEN is a token of scope report.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if job.Path == "" {
				return fault.New(fault.Invalid, "--path is missing: the path or name of the job.")
			}
			if err := c.check(); err != nil {
				return err
			}
			c.http.Timeout = 5 * time.Second
			return job.run(cmd.Context(), s, &c, args)
		},
	}
	c.flags(cmd.Flags(), s)
	f := cmd.Flags()
	f.StringVar(&job.Path, "path", "", "the path or name of the job")
	f.StringVar(&job.Environment, "environment", "", "another environment than production")
	f.StringVar(&job.Schedule, "schedule", "", "the cron expression it runs by, when nobody else says it")
	f.StringVar(&job.Timezone, "tz", "", "the time zone of the expression")
	return cmd
}

// cronJob is what every report of the job says.
type cronJob struct {
	Path        string `json:"path"`
	Environment string `json:"environment,omitempty"`
	Schedule    string `json:"schedule,omitempty"`
	Timezone    string `json:"timezone,omitempty"`
	RunID       string `json:"runId"`
}

// cronReport is a report as the server takes it.
type cronReport struct {
	cronJob
	Phase        string `json:"phase"`
	SentAt       string `json:"sentAt"`
	Timestamp    string `json:"timestamp,omitempty"`
	DurationMs   *int64 `json:"durationMs,omitempty"`
	Status       string `json:"status,omitempty"`
	ExitCode     *int   `json:"exitCode,omitempty"`
	ErrorMessage string `json:"errorMessage,omitempty"`
	Output       string `json:"output,omitempty"`
}

// run runs the command. The exit code of the command is the error's.
func (j cronJob) run(ctx context.Context, s Streams, c *client, args []string) error {
	j.RunID = rand.Text()
	tell := func(r cronReport) {
		r.cronJob, r.SentAt = j, time.Now().UTC().Format(time.RFC3339Nano)
		// The report of a job that was interrupted has to leave all the same.
		if _, err := c.do(context.WithoutCancel(ctx), "POST", "/api/cron/report", r, nil); err != nil {
			fmt.Fprintf(s.Err, "envdeck: the job is not reported: %s\n", fault.From(err).Message)
		}
	}
	printed := &tail{limit: 50_000}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.In, io.MultiWriter(s.Out, printed), io.MultiWriter(s.Err, printed)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var starting sync.WaitGroup
	starting.Go(func() { tell(cronReport{Phase: "start"}) }) // the job does not wait for it
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began).Milliseconds()
	starting.Wait()

	end := cronReport{Phase: "finish", Status: "success", DurationMs: &took, Timestamp: time.Now().UTC().Format(time.RFC3339Nano), Output: printed.String()}
	code := cmd.ProcessState.ExitCode()
	if cmd.ProcessState != nil && code >= 0 {
		end.ExitCode = &code
	}
	if err != nil {
		end.Status, end.ErrorMessage = "failure", hostile.Line(err.Error(), hostile.ErrorLimit)
	}
	tell(end)
	if _, exited := errors.AsType[*exec.ExitError](err); exited && code > 0 {
		return exitCode(code)
	}
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "%s could not be run to its end: %v.", args[0], err)
	}
	return nil
}

// exitCode is the exit code of a command that was run, which is ours then. It
// has printed what there is to say.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("the command ended with exit code %d", int(e)) }

// tail keeps the end of what is written to it.
type tail struct {
	mu    sync.Mutex
	limit int
	kept  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*t.limit {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-t.limit:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept[max(0, len(t.kept)-t.limit):])
}
