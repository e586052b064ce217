package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// newCrons shows the jobs that a server knows.
func newCrons(s Streams) *cobra.Command {
	var c client
	var environment string
	cmd := &cobra.Command{
		Use: "crons", Short: "The cron jobs: when they are due, and what became of it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.check(); err != nil {
				return err
			}
			var answer cron.Overview
			raw, err := c.get(cmd.Context(), base+"/crons", &answer)
			if err != nil {
				return err
			}
			if c.output == "json" {
				_, err = s.Out.Write(raw)
				return err
			}
			return printCrons(s, answer, environment)
		},
	}
	c.flags(cmd.Flags(), s)
	cmd.Flags().StringVar(&environment, "environment", "", "one environment alone (default all of them)")
	cmd.AddCommand(newCronsRuns(s), newCronsRun(s))
	return cmd
}

// printCrons writes a line for each job of each environment.
func printCrons(s Streams, answer cron.Overview, environment string) error {
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tENVIRONMENT\tSTATE\tSCHEDULE\tLAST RUN\tTOOK\tNEXT RUN\tGOOD 7D\tFAILED 7D\tMISSED 7D")
	var waiting []string
	for _, j := range answer.Crons {
		for _, name := range slices.Sorted(maps.Keys(j.Environments)) {
			if environment != "" && name != environment {
				continue
			}
			e := j.Environments[name]
			last, took := "never", "?"
			if e.LastRun != nil {
				last = when(&e.LastRun.Timestamp)
				took = milliseconds(e.LastRun.DurationMs)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\n", hostile.Line(j.Path, 60), name, e.State, text(e.ScheduleHuman), last, took,
				when(e.NextRun), e.Stats.SuccessCount7d, e.Stats.FailureCount7d, e.Stats.MissedCount7d)
			if e.Awaiting != nil && e.Awaiting.Silent {
				waiting = append(waiting, fmt.Sprintf("%s in %s is silent since the %s %s.", hostile.Line(j.Path, 60), name, e.Awaiting.Kind, e.Awaiting.OperationID))
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, line := range waiting {
		fmt.Fprintln(s.Out, line)
	}
	for _, source := range answer.Sources {
		if source.Error != nil {
			fmt.Fprintf(s.Out, "%s: %s\n", source.Name, hostile.Line(source.Error.Message, 300))
		}
	}
	return nil
}

func milliseconds(ms *int64) string {
	if ms == nil {
		return "?"
	}
	return (time.Duration(*ms) * time.Millisecond).String()
}

// cronRuns is what the server answers of a job's runs.
type cronRuns struct {
	Runs []struct {
		StartedAt    time.Time `json:"startedAt"`
		DurationMs   *int64    `json:"durationMs"`
		Status       string    `json:"status"`
		StatusCode   *int      `json:"statusCode"`
		ExitCode     *int      `json:"exitCode"`
		ErrorMessage string    `json:"errorMessage"`
		Timing       string    `json:"timing"`
		Pace         string    `json:"pace"`
		Environment  string    `json:"environment"`
		Commit       string    `json:"commit"`
		OutputBytes  int       `json:"outputBytes"`
	} `json:"runs"`
}

func newCronsRuns(s Streams) *cobra.Command {
	var c client
	var environment, schedule, before string
	var limit int
	cmd := &cobra.Command{
		Use: "runs PATH", Short: "A job's runs, newest first", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(); err != nil {
				return err
			}
			if limit < 1 || limit > 1000 {
				return fault.New(fault.Invalid, "--limit is %d; it must be between 1 and 1000.", limit)
			}
			q := url.Values{"path": {args[0]}, "limit": {strconv.Itoa(limit)}}
			for name, value := range map[string]string{"environment": environment, "schedule": schedule, "before": before} {
				if value != "" {
					q.Set(name, value)
				}
			}
			var answer cronRuns
			raw, err := c.get(cmd.Context(), base+"/crons/runs?"+q.Encode(), &answer)
			if err != nil {
				return err
			}
			if c.output == "json" {
				_, err = s.Out.Write(raw)
				return err
			}
			w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "BEGAN\tENVIRONMENT\tSTATE\tTOOK\tANSWER\tTIMING\tPACE\tCOMMIT\tOUTPUT\tERROR")
			for _, r := range answer.Runs {
				code := ""
				switch {
				case r.StatusCode != nil:
					code = fmt.Sprint("HTTP ", *r.StatusCode)
				case r.ExitCode != nil:
					code = fmt.Sprint("exit ", *r.ExitCode)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d B\t%s\n", r.StartedAt.Local().Format("2006-01-02 15:04:05"), r.Environment, r.Status,
					milliseconds(r.DurationMs), code, r.Timing, r.Pace, cmp.Or(hostile.Short(r.Commit), "?"), r.OutputBytes, hostile.Line(r.ErrorMessage, 80))
			}
			return w.Flush()
		},
	}
	c.flags(cmd.Flags(), s)
	f := cmd.Flags()
	f.StringVar(&environment, "environment", "", "another environment than production, or * for all")
	f.StringVar(&schedule, "schedule", "", "which one, where a path has several schedules")
	f.StringVar(&before, "before", "", "only runs that began before, RFC 3339")
	f.IntVar(&limit, "limit", 20, "how many, at most 1000")
	return cmd
}

func newCronsRun(s Streams) *cobra.Command {
	var c client
	var schedule, reason string
	cmd := &cobra.Command{
		Use: "run PATH", Short: "Have the platform run a job of production now", Args: cobra.ExactArgs(1),
		Long: "Asks the platform to run the job once, outside of its timetable, and answers when it was begun. The run itself shows up\n" +
			"when the job reports it: envdeck crons runs PATH. It needs the token of a SUPER_ADMIN, and is recorded with the reason.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(); err != nil {
				return err
			}
			var answer struct {
				Path      string     `json:"path"`
				StartedAt *time.Time `json:"startedAt"`
			}
			raw, err := c.do(cmd.Context(), http.MethodPost, base+"/crons/run", map[string]string{"path": args[0], "schedule": schedule, "reason": reason}, &answer)
			if err != nil {
				return err
			}
			if c.output == "json" {
				_, err = s.Out.Write(json.RawMessage(raw))
				return err
			}
			at := "The platform did not say when."
			if answer.StartedAt != nil {
				at = "It began at " + when(answer.StartedAt) + "."
			}
			fmt.Fprintf(s.Out, "%s was asked to run. %s\n", hostile.Line(answer.Path, 100), at)
			return nil
		},
	}
	c.flags(cmd.Flags(), s)
	cmd.Flags().StringVar(&schedule, "schedule", "", "which one, where a path has several schedules")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return cmd
}
