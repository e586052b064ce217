package cli

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/release"
)

func newCompare(s Streams) *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use: "compare FROM TO", Short: "What lies between two environments or deployments", Args: cobra.ExactArgs(2),
		Example: "  envdeck compare prod next",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(); err != nil {
				return err
			}
			var sheet release.Sheet
			raw, err := c.get(cmd.Context(), environments+"/compare?"+url.Values{"from": {args[0]}, "to": {args[1]}}.Encode(), &sheet)
			if err != nil {
				return err
			}
			if c.output == "json" {
				_, err = s.Out.Write(raw)
				return err
			}
			printSheet(s.Out, sheet)
			return nil
		},
	}
	c.flags(cmd.Flags(), s)
	return cmd
}

// printSheet shows a comparison. A part that could not be had says so: an
// empty list would look like nothing.
func printSheet(out io.Writer, sh release.Sheet) {
	fmt.Fprintf(out, "%s (%s) → %s (%s): %s, %d new, %d gone\n", hostile.Short(sh.From.Commit), sh.From.DeploymentID, hostile.Short(sh.To.Commit), sh.To.DeploymentID,
		sh.Relation, sh.Ahead, sh.Behind)
	for _, p := range sh.PullRequests {
		fmt.Fprintf(out, "  #%d %s (%s)\n", p.Number, hostile.Line(p.Title, 100), p.Author)
	}
	for _, c := range sh.Commits {
		if c.PullRequest == 0 {
			fmt.Fprintf(out, "  %s %s (%s)\n", hostile.Short(c.SHA), hostile.Line(c.Message, 100), c.Author)
		}
	}
	for _, c := range sh.Reverts {
		fmt.Fprintf(out, "Reverts: %s %s\n", hostile.Short(c.SHA), hostile.Line(c.Message, 100))
	}
	for _, c := range sh.Dropped {
		fmt.Fprintf(out, "Would be gone: %s %s (%s)\n", hostile.Short(c.SHA), hostile.Line(c.Message, 100), c.Author)
	}
	printMigrations(out, sh)
	for _, c := range sh.Crons.Added {
		fmt.Fprintf(out, "Cron added: %s %s\n", c.Path, c.Schedule)
	}
	for _, c := range sh.Crons.Changed {
		fmt.Fprintf(out, "Cron changed: %s %s → %s (%s → %s)\n", c.Path, c.From, c.To, cron.Words(c.From), cron.Words(c.To))
	}
	for _, c := range sh.Crons.Removed {
		fmt.Fprintf(out, "Cron removed: %s %s\n", c.Path, c.Schedule)
	}
	if len(sh.Authors) > 0 {
		fmt.Fprintf(out, "Authors: %s\n", strings.Join(sh.Authors, ", "))
	}
	for _, part := range slices.Sorted(maps.Keys(sh.Unknown)) {
		fmt.Fprintf(out, "Not known: %s: %s\n", part, sh.Unknown[part])
	}
	fmt.Fprintf(out, "Sheet: %s\n", sh.Hash)
}

// printMigrations shows each file of migrations with what it means for older
// releases, and the statements that weigh.
func printMigrations(out io.Writer, sh release.Sheet) {
	judged := map[string]bool{}
	for _, m := range sh.Schema {
		judged[m.Path] = true
		gone := ""
		if m.Gone {
			gone = ", of commits that would be gone"
		}
		fmt.Fprintf(out, "Migration: %s (%s%s): %s\n", hostile.Line(m.Path, 200), m.Class, gone, hostile.Line(m.Reason, 300))
		for _, s := range m.Statements {
			if s.Class != release.SchemaExpand {
				fmt.Fprintf(out, "  line %d, %s: %s\n", s.Line, s.Class, hostile.Line(s.Text, 160))
			}
		}
	}
	for _, m := range sh.Migrations {
		if !judged[m] {
			fmt.Fprintf(out, "Migration: %s\n", hostile.Line(m, 200))
		}
	}
}
