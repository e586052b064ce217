package cli

import (
	"cmp"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/hostile"
)

func newDatabase(s Streams) *cobra.Command {
	var c client
	var stale bool
	cmd := &cobra.Command{
		Use: "database", Short: "The database's branches, and how its migrations stand", Args: cobra.NoArgs,
		Long: `The branches of the project's database: which environment each belongs to,
how old and large it is, and which look as if nobody needed them.

With --stale only those are listed that nobody seems to need and that could be
deleted. It is a dry run: nothing is ever deleted but by name.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.check(); err != nil {
				return err
			}
			var answer database.Status
			raw, err := c.get(cmd.Context(), base+"/database", &answer)
			if err != nil {
				return err
			}
			if c.output == "json" {
				_, err = s.Out.Write(raw)
				return err
			}
			return printDatabase(s, answer, stale)
		},
	}
	c.flags(cmd.Flags(), s)
	cmd.Flags().BoolVar(&stale, "stale", false, "only branches that nobody seems to need; deletes nothing")
	return cmd
}

func printDatabase(s Streams, answer database.Status, stale bool) error {
	could := map[string]bool{}
	for _, id := range answer.Stale {
		could[id] = true
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BRANCH\tNAME\tSTATE\tENVIRONMENT\tFROM\tBYTES\tCREATED\tNOTE")
	for _, b := range answer.Branches {
		if stale && !could[b.ID] {
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.ID, hostile.Line(b.Name, 60), b.CurrentState, b.Environment,
			cmp.Or(hostile.Line(b.ParentName, 40), "(root)"), number(b.LogicalSize), when(&b.CreatedAt), cmp.Or(b.Stale, b.Kept))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if stale {
		fmt.Fprintf(s.Out, "%d of %d branches look unneeded and could be deleted. Nothing was deleted.\n", len(answer.Stale), len(answer.Branches))
		return nil
	}
	for _, m := range answer.Migrations.Environments {
		fmt.Fprintf(s.Out, "%s: %s applied, %s pending, latest %s (%s)\n", m.Environment, count(m.AppliedCount), count(m.PendingCount), text(m.Latest), m.Tool)
	}
	if len(answer.Migrations.Environments) == 0 {
		fmt.Fprintf(s.Out, "migrations: ? (%s)\n", answer.Migrations.Unknown["pendingCount"])
	}
	for _, line := range answer.Suggestions {
		fmt.Fprintln(s.Out, line)
	}
	for _, source := range answer.Sources {
		if source.Error != nil {
			fmt.Fprintf(s.Out, "%s: %s\n", source.Name, source.Error.Message)
		}
	}
	return nil
}

// count is a number that may not be known.
func count(n *int) string {
	if n == nil {
		return "?"
	}
	return strconv.Itoa(*n)
}
