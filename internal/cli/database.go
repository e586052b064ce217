package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/fault"
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
	cmd.AddCommand(newBranchCreate(s), newBranchDelete(s), newBranchRestore(s))
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

// changer is a command that changes a branch and can wait for its end.
type changer struct {
	client
	reason  string
	confirm string
	wait    bool
}

func (c *changer) flags(cmd *cobra.Command, s Streams, losing bool) {
	f := cmd.Flags()
	c.client.flags(f, s)
	f.StringVarP(&c.reason, "reason", "r", "", "why, for the record (required)")
	f.BoolVar(&c.wait, "wait", false, "wait for the end. Exit code 0: done; 1: failed, or a person has to look")
	if losing {
		f.StringVar(&c.confirm, "confirm", "", "the branch's name: you know what is lost. Without it the command only says what that is")
	}
}

func newBranchCreate(s Streams) *cobra.Command {
	var c changer
	var parent string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a branch, without a compute", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.send(cmd.Context(), s, http.MethodPost, base+"/database/branches", map[string]any{"name": args[0], "parentId": parent, "reason": c.reason})
		},
	}
	c.flags(cmd, s, false)
	cmd.Flags().StringVar(&parent, "parent", "", "id of the branch to make it of (default: production's)")
	return cmd
}

func newBranchDelete(s Streams) *cobra.Command {
	var c changer
	cmd := &cobra.Command{
		Use: "delete BRANCH", Short: "Delete a branch; without --confirm only say what would be lost", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.confirm == "" {
				return c.plan(cmd.Context(), s, url.Values{"kind": {"delete"}, "branch": {args[0]}})
			}
			q := url.Values{"confirm": {c.confirm}, "reason": {c.reason}}
			return c.send(cmd.Context(), s, http.MethodDelete, base+"/database/branches/"+url.PathEscape(args[0])+"?"+q.Encode(), nil)
		},
	}
	c.flags(cmd, s, true)
	return cmd
}

func newBranchRestore(s Streams) *cobra.Command {
	var c changer
	var source, at string
	cmd := &cobra.Command{
		Use: "restore BRANCH --from SOURCE", Short: "Overwrite a branch from another; without --confirm only say what would be lost", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.confirm == "" {
				return c.plan(cmd.Context(), s, url.Values{"kind": {"restore"}, "branch": {args[0]}, "source": {source}, "at": {at}})
			}
			return c.send(cmd.Context(), s, http.MethodPost, base+"/database/branches/"+url.PathEscape(args[0])+"/restore",
				map[string]any{"sourceId": source, "at": at, "confirm": c.confirm, "reason": c.reason})
		},
	}
	c.flags(cmd, s, true)
	cmd.Flags().StringVar(&source, "from", "", "id of the branch to restore from, such as a snapshot (required)")
	cmd.Flags().StringVar(&at, "at", "", "a moment in its history, RFC 3339; root branches alone have one")
	return cmd
}

// plan prints what would be lost.
func (c *changer) plan(ctx context.Context, s Streams, q url.Values) error {
	if err := c.check(); err != nil {
		return err
	}
	var plan database.Plan
	raw, err := c.get(ctx, base+"/database/plan?"+q.Encode(), &plan)
	if err != nil {
		return err
	}
	if c.output == "json" {
		_, err = s.Out.Write(raw)
		return err
	}
	fmt.Fprintf(s.Out, "To %s %s (%s) means:\n", plan.Kind, hostile.Line(plan.Branch.Name, 100), plan.Branch.ID)
	for _, loss := range plan.Losses {
		fmt.Fprintf(s.Out, "- %s\n", hostile.Line(loss, hostile.ErrorLimit))
	}
	fmt.Fprintf(s.Out, "Nothing was changed. To do it, add: --confirm %q --reason \"…\"\n", hostile.Line(plan.Confirm, 256))
	return nil
}

// send asks for a change and, with --wait, follows it to its end.
func (c *changer) send(ctx context.Context, s Streams, method, path string, body map[string]any) error {
	if err := c.check(); err != nil {
		return err
	}
	var payload any
	if body != nil {
		payload = body
	}
	var change database.Change
	raw, err := c.do(ctx, method, path, payload, &change)
	if err != nil {
		return err
	}
	for last := ""; c.wait && !change.Phase.Ended(); {
		if line := fmt.Sprintf("%s: %s", change.Phase, hostile.Line(change.Message, hostile.ErrorLimit)); line != last {
			fmt.Fprintln(s.Err, line)
			last = line
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Timeout, "Stopped waiting. %s goes on by itself.", change.ID)
		case <-time.After(followPace):
		}
		fresh, err := c.get(ctx, base+"/database/changes/"+url.PathEscape(change.ID), &change)
		if err != nil && !fault.KindOf(err).Retryable() {
			return err
		}
		if err == nil {
			raw = fresh
		}
	}
	if c.output == "json" {
		if _, err := s.Out.Write(raw); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(s.Out, "%s: %s: %s\n", change.ID, change.Phase, hostile.Line(change.Message, hostile.ErrorLimit))
	}
	if c.wait && change.Phase != database.Done {
		return fault.New(fault.Internal, "The change ended as %s: %s", change.Phase, hostile.Line(change.Message, hostile.ErrorLimit))
	}
	return nil
}
