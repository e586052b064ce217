package cli

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/worker"
)

func newWorkers(s Streams) *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use: "workers", Aliases: []string{"worker"}, Short: "The Cloudflare Workers: what serves, and a day of traffic", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.check(); err != nil {
				return err
			}
			var answer worker.Workers
			raw, err := c.get(cmd.Context(), base+"/workers", &answer)
			if err != nil {
				return err
			}
			if c.output == "json" {
				_, err = s.Out.Write(raw)
				return err
			}
			return printWorkers(s, answer)
		},
	}
	c.flags(cmd.Flags(), s)
	cmd.AddCommand(newWorkerRollback(s), newWorkerTargets(s))
	return cmd
}

func newWorkerRollback(s Streams) *cobra.Command {
	var m mover
	var force bool
	cmd := &cobra.Command{
		Use: "rollback WORKER [VERSION]", Short: "Give a Worker's traffic back to a version that served before", Args: cobra.RangeArgs(1, 2),
		Long: "Gives all of a Worker's traffic back to an earlier version, by its id. Without one it goes\nto the version that served before and was not taken back: envdeck worker targets WORKER\nshows which.",
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{}
			if len(args) == 2 {
				body["versionId"] = args[1]
			}
			if force {
				body["force"] = true
			}
			return m.move(cmd.Context(), s, "/workers/"+url.PathEscape(args[0])+"/rollback", body)
		},
	}
	m.flags(cmd, s)
	cmd.Flags().BoolVar(&force, "force", false, "go back although a secret of the Worker has changed since that version")
	return cmd
}

func newWorkerTargets(s Streams) *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use: "targets WORKER", Short: "The versions that a Worker could go back to, and why or why not", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(); err != nil {
				return err
			}
			var answer struct{ Candidates []release.WorkerCandidate }
			raw, err := c.get(cmd.Context(), base+"/workers/"+url.PathEscape(args[0])+"/rollback/candidates", &answer)
			if err != nil {
				return err
			}
			if c.output == "json" {
				_, err = s.Out.Write(raw)
				return err
			}
			w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "VERSION\tNUMBER\tTAG\tSERVED\tPOSSIBLE\tDEFAULT\tWHY\tMESSAGE")
			for _, t := range answer.Candidates {
				yes := map[bool]string{true: "yes", false: "no"}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", hostile.Line(t.Version.ID, 100), cmp.Or(strings.TrimPrefix(strconv.Itoa(t.Version.Number), "0"), "?"),
					cmp.Or(hostile.Line(t.Version.Tag, 40), "-"), when(t.Served), yes[t.Possible], yes[t.Default], hostile.Line(t.Why, 160), hostile.Line(t.Version.Message, 60))
			}
			return w.Flush()
		},
	}
	c.flags(cmd.Flags(), s)
	return cmd
}

// printWorkers shows one line per worker. What is not known is "?".
func printWorkers(s Streams, answer worker.Workers) error {
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WORKER\tSERVES\tDEPLOYED\tBY\tREQUESTS 24H\tINVOCATION ERRORS\tRATE\tP50\tP99\tCPU\tMESSAGE")
	for _, one := range answer.Workers {
		t := one.Stats
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", one.Name, serves(one.Serving), when(one.LastDeployed), text(one.DeployedBy),
			number(t.Requests24h), number(t.Errors24h), figure(t.ErrorRate, "%", t.Flow), figure(t.P50Latency, " ms", t.Flow),
			figure(t.P99Latency, " ms", t.Flow), figure(t.CPUTimeAvg, " ms", t.Flow), hostile.Line(text(one.Message), 60))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, one := range answer.Workers {
		for _, n := range one.Notes {
			fmt.Fprintf(s.Out, "%s: %s\n", one.Name, n.Text)
		}
	}
	if answer.Incomplete != "" {
		fmt.Fprintln(s.Out, answer.Incomplete)
	}
	for _, source := range answer.Sources {
		if source.Error != nil {
			fmt.Fprintf(s.Out, "%s: %s\n", source.Name, source.Error.Message)
		}
	}
	return nil
}

// serves names the versions that have traffic, with their shares where there
// are two.
func serves(all []worker.Share) string {
	if all == nil {
		return "?"
	}
	parts := make([]string, 0, len(all))
	for _, v := range all {
		name := v.VersionID[:min(len(v.VersionID), 8)]
		if v.Tag != nil {
			name = cmp.Or(hostile.Line(*v.Tag, 40), name)
		}
		if len(all) > 1 {
			name += " " + strconv.FormatFloat(v.Percent, 'f', -1, 64) + "%"
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, ", ")
}

// figure is a number of the traffic; without traffic there is none to know.
func figure(n *float64, unit string, flow worker.Flow) string {
	switch {
	case n != nil:
		return strconv.FormatFloat(*n, 'f', 1, 64) + unit
	case flow == worker.FlowNone:
		return "-"
	default:
		return "?"
	}
}
