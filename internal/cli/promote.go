package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/release"
)

const environments = "/api/admin/environments"

// mover is a command that moves something and can wait for its end.
type mover struct {
	client
	reason   string
	expected string
	glass    string
	waiver   string
	wait     bool
}

// glassFlag is of what guards can keep out.
func (m *mover) glassFlag(f *pflag.FlagSet) {
	f.StringVar(&m.waiver, "without-snapshot", "", "why the release goes on without a snapshot of the database. Recorded")
	f.StringVar(&m.glass, "break-glass", "", "the name of the environment: pass holds, freezes and a missing approval. Recorded and loud")
}

func (m *mover) flags(cmd *cobra.Command, s Streams) {
	f := cmd.Flags()
	m.client.flags(f, s)
	f.StringVarP(&m.reason, "reason", "r", "", "why, for the record (required)")
	f.StringVar(&m.expected, "expect", "", "what you saw live, as deployment id or commit: refused if it is something else by now")
	f.BoolVar(&m.wait, "wait", false, "wait for the end. Exit code 0: succeeded; 6: refused, cancelled, superseded or rolled back; 1: failed, or a person has to look")
}

func (m *mover) move(ctx context.Context, s Streams, path string, body map[string]any) error {
	if err := m.check(); err != nil {
		return err
	}
	if m.expected != "" {
		body["expectedCurrent"] = m.expected
	}
	if m.glass != "" {
		body["breakGlass"] = m.glass
	}
	if m.waiver != "" {
		body["withoutSnapshot"] = m.waiver
	}
	body["reason"] = m.reason
	var answer struct{ OperationID, Message string }
	raw, err := m.do(ctx, http.MethodPost, environments+path, body, &answer)
	if err != nil {
		return err
	}
	if !m.wait {
		if m.output == "json" {
			_, err = s.Out.Write(raw)
			return err
		}
		fmt.Fprintf(s.Out, "%s: %s\nWatch it with: envdeck operations %s\n", answer.OperationID, hostile.Line(answer.Message, hostile.ErrorLimit), answer.OperationID)
		return nil
	}
	return m.follow(ctx, s, answer.OperationID)
}

// followPace is how often a waiting command asks.
const followPace = time.Second

// follow prints what happens until the operation has ended.
func (m *mover) follow(ctx context.Context, s Streams, id string) error {
	progress := s.Out
	if m.output == "json" {
		progress = s.Err
	}
	last := ""
	for {
		var op release.Operation
		raw, err := m.get(ctx, environments+"/operations/"+url.PathEscape(id), &op)
		switch {
		case err != nil && fault.KindOf(err).Retryable(): // the operation goes on without us
		case err != nil:
			return err
		default:
			line := fmt.Sprintf("%s: %s", op.Phase, hostile.Line(op.Message, hostile.ErrorLimit))
			if line != last {
				fmt.Fprintln(progress, line)
				last = line
			}
			if op.Phase.Ended() {
				if m.output == "json" {
					if _, err := s.Out.Write(raw); err != nil {
						return err
					}
				}
				return ended(op)
			}
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Timeout, "Stopped waiting. %s goes on by itself: envdeck operations %s", id, id)
		case <-time.After(followPace):
		}
	}
}

// ended is the error of an end that is not success.
func ended(op release.Operation) error {
	switch op.Phase {
	case release.Succeeded:
		return nil
	case release.Refused, release.Cancelled, release.Superseded, release.RolledBack:
		return fault.New(fault.Conflict, "%s has ended as %s: %s", op.ID, op.Phase, hostile.Line(op.Message, hostile.ErrorLimit))
	default:
		return fault.New(fault.Internal, "%s has ended as %s: %s", op.ID, op.Phase, hostile.Line(op.Message, hostile.ErrorLimit))
	}
}

func newPromote(s Streams) *cobra.Command {
	var m mover
	var rebuild bool
	var sheet string
	cmd := &cobra.Command{
		Use: "promote DEPLOYMENT", Short: "Move a build to production", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"deploymentId": args[0]}
			if rebuild {
				body["rebuild"] = true
			}
			if sheet != "" {
				body["sheet"] = sheet
			}
			return m.move(cmd.Context(), s, "/promote", body)
		},
	}
	m.flags(cmd, s)
	m.glassFlag(cmd.Flags())
	cmd.Flags().BoolVar(&rebuild, "rebuild", false, "build it again with production's variables first; a preview needs this")
	cmd.Flags().StringVar(&sheet, "sheet", "", "hash of the comparison you saw (envdeck compare): refused if anything has changed")
	return cmd
}

func newRollback(s Streams) *cobra.Command {
	var m mover
	var below bool
	cmd := &cobra.Command{
		Use: "rollback [DEPLOYMENT]", Short: "Give production back to a build that was live before", Args: cobra.MaximumNArgs(1),
		Long: "Gives production back. Without a deployment it goes to the last build that a release proved good.",
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"environment": "production"}
			if len(args) == 1 {
				body["deploymentId"] = args[0]
			}
			if below {
				body["belowFloor"] = true
			}
			return m.move(cmd.Context(), s, "/rollback", body)
		},
	}
	m.flags(cmd, s)
	cmd.Flags().BoolVar(&below, "below-floor", false, "go back although the build may not run on the schema as it is")
	return cmd
}

func newDeploy(s Streams) *cobra.Command {
	var m mover
	var ref string
	cmd := &cobra.Command{
		Use: "deploy ENVIRONMENT", Short: "Deploy a commit by hand", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"environment": args[0]}
			if ref != "" {
				body["ref"] = ref
			}
			return m.move(cmd.Context(), s, "/deploy", body)
		},
	}
	m.flags(cmd, s)
	m.glassFlag(cmd.Flags())
	cmd.Flags().StringVar(&ref, "ref", "", "branch, tag or commit; the default branch when left out")
	return cmd
}

func newOperations(s Streams) *cobra.Command {
	var m mover
	var cancel bool
	cmd := &cobra.Command{
		Use: "operations [ID]", Short: "The newest releases, or one with its steps", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := m.check(); err != nil {
				return err
			}
			switch {
			case len(args) == 0 && (m.wait || cancel):
				return fault.New(fault.Invalid, "Say which operation: envdeck operations ID.")
			case len(args) == 0:
				return m.listOperations(cmd.Context(), s)
			case cancel:
				if _, err := m.do(cmd.Context(), http.MethodPost, environments+"/operations/"+url.PathEscape(args[0])+"/cancel", map[string]any{"reason": m.reason}, nil); err != nil {
					return err
				}
			}
			if m.wait {
				return m.follow(cmd.Context(), s, args[0])
			}
			var op release.Operation
			raw, err := m.get(cmd.Context(), environments+"/operations/"+url.PathEscape(args[0]), &op)
			if err != nil {
				return err
			}
			if m.output == "json" {
				_, err = s.Out.Write(raw)
				return err
			}
			return printOperation(s.Out, op)
		},
	}
	m.client.flags(cmd.Flags(), s)
	cmd.Flags().BoolVar(&m.wait, "wait", false, "wait for the end of it; exit codes as for promote")
	cmd.Flags().BoolVar(&cancel, "cancel", false, "stop it, if it has not begun to switch")
	cmd.Flags().StringVarP(&m.reason, "reason", "r", "", "why it is stopped, for the record")
	return cmd
}

func (m *mover) listOperations(ctx context.Context, s Streams) error {
	var answer struct{ Operations []release.Operation }
	raw, err := m.get(ctx, environments+"/operations", &answer)
	if err != nil {
		return err
	}
	if m.output == "json" {
		_, err = s.Out.Write(raw)
		return err
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "OPERATION\tACTION\tENVIRONMENT\tPHASE\tCAUSE\tBEGUN\tBY\tTO\tREASON")
	for _, o := range answer.Operations {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.ID, o.Action, o.Environment, o.Phase, cmp.Or(string(o.Cause), "-"),
			when(&o.CreatedAt), hostile.Line(o.By.Name, 30), shortBuild(o.To), hostile.Line(o.Reason, 60))
	}
	return w.Flush()
}

func shortBuild(b *release.Build) string {
	switch {
	case b == nil:
		return "?"
	case b.Commit != "":
		return hostile.Short(b.Commit)
	case b.Tag != "": // of a Worker's version
		return hostile.Line(b.Tag, 40)
	default:
		return b.ID
	}
}

func printOperation(out io.Writer, o release.Operation) error {
	fmt.Fprintf(out, "%s: %s of %s, %s\n%s\n", o.ID, o.Action, o.Environment, o.Phase, hostile.Line(o.Message, hostile.ErrorLimit))
	if a := o.Approval; a != nil {
		fmt.Fprintf(out, "Approved by %s (%s)%s\n", hostile.Line(a.By.Name, 60), a.ID, map[bool]string{true: ", solo"}[a.Solo])
	}
	if k := o.Snapshot; k != nil {
		fmt.Fprintf(out, "Database kept as branch %s (%s), LSN %s, %s\n", hostile.Line(k.Name, 100), k.ID, cmp.Or(k.LSN, "?"), when(&k.At))
	}
	if o.Glass != nil {
		fmt.Fprintln(out, hostile.Line(o.Glass.String(), hostile.ErrorLimit))
	}
	fmt.Fprintf(out, "%s → %s, by %s: %s\n\n", shortBuild(o.From), shortBuild(o.To), hostile.Line(o.By.Name, 60), hostile.Line(o.Reason, hostile.ErrorLimit))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AT\tPHASE\tSTEP\tVERDICT\tWHAT WAS SEEN")
	for _, step := range o.Steps {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", step.StartedAt.Local().Format("15:04:05"), step.Phase, step.Name, cmp.Or(string(step.Verdict), "…"), hostile.Line(cmp.Or(step.Observation, step.Intent), 160))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, stayed := range o.Stayed {
		fmt.Fprintf(out, "\nDid not go back: %s", hostile.Line(stayed, hostile.ErrorLimit))
	}
	if len(o.Stayed) > 0 {
		fmt.Fprintln(out)
	}
	return nil
}
