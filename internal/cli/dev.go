package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
)

func newDev(s Streams) *cobra.Command {
	var c client
	var interval time.Duration
	var once bool
	cmd := &cobra.Command{
		Use: "dev", Short: "Report this working copy as the local environment", Args: cobra.NoArgs,
		Long: "Reports the branch, commit and state of the working copy in this folder to the server, every few seconds until it is stopped.\n" +
			"ENVDECK_TOKEN is a token of scope report. With GH_PAT_TOKEN and GH_REPO set, the branch's open pull request is reported too.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if interval < time.Second || interval > 25*time.Second {
				return fault.New(fault.Invalid, "--interval takes 1s to 25s: a report counts for 30 seconds.")
			}
			if err := c.check(); err != nil {
				return err
			}
			return reportWorkingCopy(cmd.Context(), s, &c, interval, once)
		},
	}
	c.flags(cmd.Flags(), s)
	cmd.Flags().DurationVar(&interval, "interval", 10*time.Second, "how often to report")
	cmd.Flags().BoolVar(&once, "once", false, "report once and end")
	return cmd
}

// workingCopy is the report as the server takes it.
type workingCopy struct {
	Commit      string `json:"commit,omitempty"`
	Message     string `json:"message,omitempty"`
	Branch      string `json:"branch"`
	Author      string `json:"author,omitempty"`
	Dirty       bool   `json:"dirty,omitempty"`
	Ahead       int    `json:"ahead,omitempty"`
	Behind      int    `json:"behind,omitempty"`
	PullRequest int    `json:"pullRequest,omitempty"`
	Host        string `json:"host,omitempty"`
}

// reportWorkingCopy reports until the context ends. A server that cannot be
// reached for a while is told of once and does not end it: the laptop sleeps,
// the server restarts.
func reportWorkingCopy(ctx context.Context, s Streams, c *client, interval time.Duration, once bool) error {
	finder := pullRequestFinder(s)
	asked, pull := "", 0
	lost, greeted := false, false
	for {
		w, err := readWorkingCopy(ctx)
		if err != nil {
			return err
		}
		if finder != nil && w.Branch != asked {
			asked, pull = w.Branch, 0
			if p, err := finder.PullRequestOf(ctx, w.Branch); err == nil {
				pull = p.Number
			} else if !fault.Is(err, fault.NotFound) {
				fmt.Fprintf(s.Err, "envdeck: the pull request is left out: %s\n", fault.From(err).Message)
			}
		}
		w.PullRequest = pull
		_, err = c.do(ctx, "POST", "/api/dev/report", w, nil)
		switch {
		case err != nil && (once || !fault.KindOf(err).Retryable()):
			return err
		case err != nil && !lost:
			fmt.Fprintf(s.Err, "envdeck: %s Trying again every %s.\n", fault.From(err).Message, interval)
		case err == nil && (lost || !greeted):
			fmt.Fprintf(s.Err, "envdeck: reporting %s to %s.\n", w.Branch, c.url)
			greeted = true
		}
		lost = err != nil
		if once || clock.Real().Sleep(ctx, interval) != nil {
			return nil
		}
	}
}

// readWorkingCopy asks git about the folder we are in.
func readWorkingCopy(ctx context.Context) (workingCopy, error) {
	var w workingCopy
	status, err := git(ctx, "status", "--porcelain=v2", "--branch", "--untracked-files=normal")
	if err != nil {
		return w, fault.Wrap(fault.Invalid, err, "This folder is not a git working copy (or git is not installed). Run \"envdeck dev\" inside one.")
	}
	for line := range strings.Lines(status) {
		line = strings.TrimSuffix(line, "\n")
		key, value, _ := strings.Cut(strings.TrimPrefix(line, "# "), " ")
		switch {
		case !strings.HasPrefix(line, "# "):
			w.Dirty = true
		case key == "branch.oid" && value != "(initial)":
			w.Commit = value
		case key == "branch.head":
			w.Branch = value
		case key == "branch.ab":
			if ahead, behind, ok := strings.Cut(value, " "); ok {
				w.Ahead, _ = strconv.Atoi(strings.TrimPrefix(ahead, "+"))
				w.Behind, _ = strconv.Atoi(strings.TrimPrefix(behind, "-"))
			}
		}
	}
	if w.Commit != "" {
		last, err := git(ctx, "log", "-1", "--format=%an%n%s")
		if err != nil {
			return w, fault.Wrap(fault.Unavailable, err, "git could not read the last commit.")
		}
		w.Author, w.Message, _ = strings.Cut(strings.TrimSuffix(last, "\n"), "\n")
	}
	w.Host, _ = os.Hostname()
	return w, nil
}

func git(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", args...)
	// Looking must not take locks that the developer's own git waits for.
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	out, err := cmd.Output()
	return string(out), err
}

// pullRequestFinder opens whichever provider the environment variables
// configure that knows pull requests; nil when none does.
func pullRequestFinder(s Streams) provider.PullRequestFinder {
	for _, kind := range kinds() {
		block, ok := kind.FromEnv(s.Getenv)
		if !ok {
			continue
		}
		api, err := kind.Open(block, deps())
		if err != nil {
			continue
		}
		if finder, ok := api.(provider.PullRequestFinder); ok {
			return finder
		}
	}
	return nil
}

// deps is what a provider's client is given outside of a server.
func deps() provider.Deps {
	return provider.Deps{Clock: clock.Real(), Meter: uncounted{}, Log: slog.New(slog.DiscardHandler), UserAgent: "envdeck/" + Version()}
}

// uncounted is a meter for commands that end soon.
type uncounted struct{}

func (uncounted) Called(string, string, int)     {}
func (uncounted) Budget(string, provider.Budget) {}
