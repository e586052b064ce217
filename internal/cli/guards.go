package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/release"
)

// guarded is a command about what stands in front of production.
type guarded struct {
	client
	reason string
}

// command makes one: its flags, and the check before it runs.
func (g *guarded) command(s Streams, cmd cobra.Command, run func(ctx context.Context, args []string) error) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := g.check(); err != nil {
			return err
		}
		return run(cmd.Context(), args)
	}
	g.flags(cmd.Flags(), s)
	return &cmd
}

func (g *guarded) because(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVarP(&g.reason, "reason", "r", "", "why, for the record")
	return cmd
}

// did prints what came of a write: the raw answer, or a line.
func (g *guarded) did(s Streams, raw []byte, err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	if g.output == "json" {
		_, err = s.Out.Write(raw)
		return err
	}
	_, err = fmt.Fprintf(s.Out, format+"\n", args...)
	return err
}

func newGuards(s Streams) *cobra.Command {
	var g guarded
	return g.command(s, cobra.Command{
		Use: "guards", Short: "What stands in front of production: holds, freezes, approvals, the pin of a rollback", Args: cobra.NoArgs,
	}, func(ctx context.Context, _ []string) error {
		var all release.Guards
		raw, err := g.get(ctx, environments+"/guards", &all)
		if err != nil || g.output == "json" {
			return g.did(s, raw, err, "")
		}
		printGuards(s, all)
		return nil
	})
}

func printGuards(s Streams, g release.Guards) {
	free := true
	say := func(format string, args ...any) {
		free = false
		fmt.Fprintf(s.Out, format+"\n", args...)
	}
	for _, h := range g.Holds {
		say("held    until %s by %s: %s (%s)", when(&h.ExpiresAt), hostile.Line(h.By.Name, 60), hostile.Line(h.Reason, 200), h.ID)
	}
	if w := g.Frozen; w != nil {
		say("frozen  until %s: %s", when(&w.Until), hostile.Line(w.Reason, 200))
	}
	if w := g.Freezing; w != nil {
		say("freezes at %s: %s", when(&w.From), hostile.Line(w.Reason, 200))
	}
	for _, ap := range g.Waiting {
		say("%-8s%s by %s: %s (%s)", ap.State, shortBuild(ap.To), hostile.Line(ap.By.Name, 60), hostile.Line(ap.Reason, 200), ap.ID)
	}
	if p := g.Pin; p != nil {
		say("pinned  since %s on %s, back from %s: %s (%s)", when(&p.At), shortBuild(p.To), shortBuild(p.From), hostile.Line(p.Reason, 200), p.Operation)
	}
	if free {
		fmt.Fprintf(s.Out, "Nothing stands in front of %s.\n", g.Environment)
	}
}

func newHolds(s Streams) *cobra.Command {
	var g guarded
	cmd := g.command(s, cobra.Command{
		Use: "holds", Short: "What keeps production from being promoted to", Args: cobra.NoArgs,
		Example: "  envdeck holds place --for 2d -r \"the sale\"\n  envdeck holds lift hold_…",
	}, func(ctx context.Context, _ []string) error {
		var answer struct{ Holds []release.Hold }
		raw, err := g.get(ctx, environments+"/holds", &answer)
		if err != nil || g.output == "json" {
			return g.did(s, raw, err, "")
		}
		w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "HOLD\tENVIRONMENT\tBY\tSINCE\tUNTIL\tREASON")
		for _, h := range answer.Holds {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", h.ID, h.Environment, hostile.Line(h.By.Name, 40), when(&h.CreatedAt), when(&h.ExpiresAt), hostile.Line(h.Reason, 100))
		}
		return w.Flush()
	})
	cmd.AddCommand(newPlaceHold(s), newLiftHold(s))
	return cmd
}

func newPlaceHold(s Streams) *cobra.Command {
	var g guarded
	var life string
	cmd := g.because(g.command(s, cobra.Command{Use: "place", Short: "Keep production from being promoted to; rollbacks go on", Args: cobra.NoArgs},
		func(ctx context.Context, _ []string) error {
			var h release.Hold
			raw, err := g.do(ctx, http.MethodPost, environments+"/holds", map[string]any{"reason": g.reason, "expires": life}, &h)
			return g.did(s, raw, err, "%s: %s is held until %s.", h.ID, h.Environment, when(&h.ExpiresAt))
		}))
	cmd.Flags().StringVar(&life, "for", "1d", "how long, such as 12h or 2d, or a time; at most 30 days")
	return cmd
}

func newLiftHold(s Streams) *cobra.Command {
	var g guarded
	return g.because(g.command(s, cobra.Command{Use: "lift HOLD", Short: "End a hold", Args: cobra.ExactArgs(1)},
		func(ctx context.Context, args []string) error {
			raw, err := g.do(ctx, http.MethodDelete, environments+"/holds/"+url.PathEscape(args[0])+"?reason="+url.QueryEscape(g.reason), nil, nil)
			return g.did(s, raw, err, "%s is lifted.", args[0])
		}))
}

func newResume(s Streams) *cobra.Command {
	var g guarded
	return g.because(g.command(s, cobra.Command{Use: "resume", Short: "Let pushes go live by themselves again, after a rollback has pinned production", Args: cobra.NoArgs},
		func(ctx context.Context, _ []string) error {
			raw, err := g.do(ctx, http.MethodPost, environments+"/resume", map[string]any{"reason": g.reason}, nil)
			return g.did(s, raw, err, "Pushes go live by themselves again.")
		}))
}

func newApprovals(s Streams) *cobra.Command {
	var g guarded
	cmd := g.command(s, cobra.Command{
		Use: "approvals", Short: "The newest requests for an approval", Args: cobra.NoArgs,
		Example: "  envdeck approvals ask dpl_… -r \"checkout is faster\"\n  envdeck approvals approve apr_…",
	}, func(ctx context.Context, _ []string) error {
		var answer struct{ Approvals []release.Approval }
		raw, err := g.get(ctx, environments+"/approvals", &answer)
		if err != nil || g.output == "json" {
			return g.did(s, raw, err, "")
		}
		w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "REQUEST\tSTATE\tTO\tBY\tASKED\tEXPIRES\tDECIDED BY\tWHAT\tREASON")
		for _, ap := range answer.Approvals {
			decided := "-"
			if ap.Decision != nil {
				decided = hostile.Line(ap.Decision.By.Name, 40)
				if ap.Decision.Solo {
					decided += " (solo)"
				}
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", ap.ID, ap.State, shortBuild(ap.To), hostile.Line(ap.By.Name, 40),
				when(&ap.CreatedAt), when(&ap.ExpiresAt), decided, hostile.Line(ap.Summary, 80), hostile.Line(ap.Reason, 60))
		}
		return w.Flush()
	})
	cmd.AddCommand(newAskApproval(s), newDecide(s, "approve", "Approve exactly what was asked about"), newDecide(s, "decline", "Say no, or take back one's own"))
	return cmd
}

func newAskApproval(s Streams) *cobra.Command {
	var g guarded
	var rebuild bool
	var sheet string
	cmd := g.because(g.command(s, cobra.Command{Use: "ask DEPLOYMENT", Short: "Ask for the approval of what its promotion would change", Args: cobra.ExactArgs(1)},
		func(ctx context.Context, args []string) error {
			var ap release.Approval
			raw, err := g.do(ctx, http.MethodPost, environments+"/approvals", map[string]any{"deploymentId": args[0], "reason": g.reason, "rebuild": rebuild, "sheet": sheet}, &ap)
			return g.did(s, raw, err, "%s (%s): %s\nSomebody else approves it with: envdeck approvals approve %s", ap.ID, ap.State, hostile.Line(ap.Summary, 200), ap.ID)
		}))
	cmd.Flags().BoolVar(&rebuild, "rebuild", false, "as for promote")
	cmd.Flags().StringVar(&sheet, "sheet", "", "hash of the comparison you saw (envdeck compare): refused if anything has changed")
	return cmd
}

func newDecide(s Streams, verb, short string) *cobra.Command {
	var g guarded
	return g.because(g.command(s, cobra.Command{Use: verb + " REQUEST", Short: short, Args: cobra.ExactArgs(1)},
		func(ctx context.Context, args []string) error {
			var ap release.Approval
			raw, err := g.do(ctx, http.MethodPost, environments+"/approvals/"+url.PathEscape(args[0])+"/"+verb, map[string]any{"reason": g.reason}, &ap)
			return g.did(s, raw, err, "%s is %s.", cmp.Or(ap.ID, args[0]), ap.State)
		}))
}
