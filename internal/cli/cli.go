// Package cli is the command line: one file per command, each of which parses
// its flags, calls a use case or a server, and prints the answer.
//
// It holds no rule. Errors are faults: the message goes to the error stream on
// one line with its mend, and the kind decides the exit code.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/fault"
)

// Streams is what a command may read and write: tests give their own.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
}

// Main runs the command line and answers the exit code. An interrupt ends it
// gracefully; a second one at once.
func Main(args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on a signal kills as usual
	return Run(ctx, args, s)
}

// Run is Main without the signals.
func Run(ctx context.Context, args []string, s Streams) int {
	root := newRoot(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	return fail(s.Err, err)
}

func newRoot(s Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "envdeck",
		Short: "Every environment of an app on one page; promote, prove, roll back",
		// A command that fails prints one line of its own; the usage text would
		// bury it.
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fault.New(fault.Invalid, "%s: %v. See %q.", c.CommandPath(), err, c.CommandPath()+" --help")
	})
	root.AddCommand(
		newDemo(s), newServe(s), newSimulate(s), newConfig(s), newStatus(s), newDeployments(s), newWorkers(s),
		newPromote(s), newRollback(s), newDeploy(s), newOperations(s), newCompare(s), newGuards(s), newHolds(s), newApprovals(s), newResume(s), newDev(s), newCron(s), newCrons(s),
		newDatabase(s), newIncidents(s),
		newUser(s), newToken(s), newAudit(s), newBackup(s), newDoctor(s), newVersion(s),
	)
	return root
}

// fail prints what went wrong and answers the exit code of its kind.
func fail(w io.Writer, err error) int {
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		// Cobra's own errors are about words on the command line.
		if isUsage(err) {
			f = fault.New(fault.Invalid, "%v. See \"envdeck --help\".", err)
		} else {
			f = fault.From(err)
			f.Message = err.Error() // on the command line the person is the operator
		}
	}
	fmt.Fprintf(w, "envdeck: %s\n", f.Message)
	for _, p := range f.Places {
		fmt.Fprintf(w, "  %s: %s\n", p.Where, strings.ReplaceAll(p.Problem, "\n", "\n  "))
	}
	return f.Kind.ExitCode()
}

func isUsage(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "unknown command") || strings.HasPrefix(text, "unknown flag") ||
		strings.HasPrefix(text, "accepts ") || strings.HasPrefix(text, "requires ") || strings.HasPrefix(text, "required flag")
}
