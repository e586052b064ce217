package cli

import (
	"cmp"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/status"
)

func newStatus(s Streams) *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use: "status", Short: "What runs where", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.check(); err != nil {
				return err
			}
			var answer status.Status
			raw, err := c.get(cmd.Context(), "/api/admin/environments/status", &answer)
			if err != nil {
				return err
			}
			if c.output == "json" {
				_, err = s.Out.Write(raw)
				return err
			}
			return printStatus(s, answer)
		},
	}
	c.flags(cmd.Flags(), s)
	return cmd
}

// printStatus shows one line per environment. What is not known is "?": a
// dash would look like none.
func printStatus(s Streams, answer status.Status) error {
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ENVIRONMENT\tSTATE\tHEALTH\tCOMMIT\tBRANCH\tDEPLOYED\tBY\tERRORS 24H\tMESSAGE")
	for _, name := range answer.Order {
		e := answer.Environments[name]
		if e == nil {
			fmt.Fprintf(w, "%s\toffline\t\t\t\t\t\t\t\n", name)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, e.Lifecycle, e.Health, text(e.Commit), text(e.Branch),
			when(e.DeployedAt), text(e.DeployedBy), number(e.ErrorCount24h), hostile.Line(text(e.CommitMessage), 60))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, name := range answer.Order {
		if e := answer.Environments[name]; e != nil {
			for _, n := range e.Notes {
				fmt.Fprintf(s.Out, "%s: %s\n", name, n.Text)
			}
		}
	}
	for _, source := range answer.Sources {
		if source.Error != nil {
			fmt.Fprintf(s.Out, "%s: %s\n", source.Name, source.Error.Message)
		}
	}
	return nil
}

func newDeployments(s Streams) *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use: "deployments", Short: "The newest builds, and which are live", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.check(); err != nil {
				return err
			}
			var answer status.Deployments
			raw, err := c.get(cmd.Context(), "/api/admin/environments/deployments", &answer)
			if err != nil {
				return err
			}
			if c.output == "json" {
				_, err = s.Out.Write(raw)
				return err
			}
			w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "DEPLOYMENT\tTARGET\tSTATE\tSTAGE\tCOMMIT\tBRANCH\tCREATED\tBY\tMESSAGE")
			for _, d := range answer.Deployments {
				state := d.State
				if d.Live {
					state = "LIVE"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, text(d.Target), state, d.Stage, cmp.Or(d.Commit, "?"),
					hostile.Line(d.Branch, 30), when(&d.CreatedAt), d.Creator, hostile.Line(d.CommitMessage, 60))
			}
			return w.Flush()
		},
	}
	c.flags(cmd.Flags(), s)
	return cmd
}

func text(s *string) string {
	if s == nil {
		return "?"
	}
	return *s
}

func number(n *int64) string {
	if n == nil {
		return "?"
	}
	return strconv.FormatInt(*n, 10)
}

func when(t *time.Time) string {
	if t == nil {
		return "?"
	}
	return t.Local().Format("2006-01-02 15:04")
}
