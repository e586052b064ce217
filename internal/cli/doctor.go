package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/app"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/store"
)

func newDoctor(s Streams) *cobra.Command {
	var file string
	var send bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check every token, name, address and the database", Args: cobra.NoArgs,
		Long: "Makes the cheapest call that proves each token, scope and name of the configuration, asks each health endpoint once and opens the database.\n" +
			"It says what is wrong and how to mend it; the exit code is of the first thing that is wrong.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(s, file)
			if err != nil {
				return err
			}
			d := doctor{out: s.Out}
			for _, w := range cfg.Warnings {
				d.say("warn", w.Where, w.Problem)
			}
			d.database(cmd.Context(), cfg)
			for _, p := range cfg.Projects {
				d.providers(cmd.Context(), p)
			}
			d.environments(cmd.Context(), cfg)
			d.receivers(cmd.Context(), cfg, send)
			return d.verdict()
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (default envdeck.yaml)")
	cmd.Flags().BoolVar(&send, "send", false, "send a test message to every receiver of notifications")
	return cmd
}

// receivers checks the addresses of notifications, and tries them when asked to.
func (d *doctor) receivers(ctx context.Context, cfg config.Config, send bool) {
	if len(cfg.Notify) == 0 {
		d.say("ok", "notify", "nobody is told of anything: there are no receivers")
		return
	}
	if err := app.CheckNotify(cfg); err != nil {
		for _, p := range fault.From(err).Places {
			d.check(p.Where, fault.New(fault.Invalid, "%s", p.Problem), "")
		}
		return
	}
	if !send {
		d.say("ok", "notify", fmt.Sprintf("%d receiver(s) have usable addresses; --send tries them", len(cfg.Notify)))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_ = app.SendTest(ctx, cfg, Version(), func(receiver string, err error) { d.check(receiver, err, "took a test message") }) // it was checked above
}

// doctor prints what it finds and remembers what is wrong.
type doctor struct {
	out   io.Writer
	first *fault.Error
	wrong int
}

func (d *doctor) say(word, what, text string) { fmt.Fprintf(d.out, "%-5s %s: %s\n", word, what, text) }

func (d *doctor) check(what string, err error, good string) {
	if err == nil {
		d.say("ok", what, good)
		return
	}
	f := fault.From(err)
	d.wrong++
	if d.first == nil {
		d.first = f
	}
	d.say("WRONG", what, f.Message)
}

func (d *doctor) verdict() error {
	if d.first == nil {
		return nil
	}
	return fault.New(d.first.Kind, "%d thing(s) are wrong; see above.", d.wrong)
}

func (d *doctor) database(ctx context.Context, cfg config.Config) {
	db, err := store.Open(ctx, store.Config{Dir: cfg.Data, URL: cfg.DatabaseURL, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		d.check("database", err, "")
		return
	}
	d.check("database", db.Ping(ctx), db.Kind()+" answers and its tables are up to date")
	_ = db.Close() // nothing was written
}

func (d *doctor) providers(ctx context.Context, p config.Project) {
	for _, kind := range kinds() {
		block, ok := p.Providers[kind.Name]
		if !ok {
			continue
		}
		what := p.Name + " " + kind.Name
		client, err := kind.Open(block, deps())
		if err != nil {
			d.check(what, err, "")
			continue
		}
		checker, ok := client.(provider.Checker)
		if !ok {
			d.say("?", what, "this provider cannot be checked")
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		d.check(what, checker.Check(ctx), "the token works and the names exist")
		d.following(ctx, p, kind.Name, client)
		cancel()
	}
}

// following checks what is done after releases: issues inform, so that a token
// which may not read them is a warning; reports that were asked for must work.
func (d *doctor) following(ctx context.Context, p config.Project, name string, client any) {
	what := p.Name + " " + name
	for _, e := range p.Environments {
		finder, ok := client.(provider.IssueFinder)
		if !ok || e.Kind != catalog.Production || e.Sentry == "" {
			continue
		}
		if _, err := finder.NewIssues(ctx, provider.IssueQuery{Environment: e.Sentry, Since: time.Now().Add(-time.Hour), Limit: 1}); err != nil {
			d.say("warn", what+" new issues", fault.From(err).Message)
			continue
		}
		d.say("ok", what+" new issues", "the token may read the issues of "+e.Sentry)
	}
	if p.Release.ReportTo != name {
		return
	}
	if recorder, ok := client.(provider.DeployRecorder); ok {
		d.check(what+" report_to", recorder.CheckRecording(ctx), "the token may record releases and deploys")
	}
}

func (d *doctor) environments(ctx context.Context, cfg config.Config) {
	targets := health.Targets(cfg.Catalog())
	prober := health.NewProber(targets, health.ProberConfig{Clock: clock.Real(), UserAgent: "envdeck/" + Version()})
	for _, t := range targets {
		what := t.Project + " " + t.Environment
		sample := prober.Probe(ctx, t)
		switch {
		case sample.Offline:
			d.say("ok", what, "is not running, which is normal for a local environment")
		case sample.Verdict == health.Healthy:
			d.say("ok", what, fmt.Sprintf("healthy in %.0f ms", sample.Phases.Total))
		default:
			d.check(what, fault.New(fault.Unavailable, "%s is %s: %s", t.URL.Redacted(), sample.Verdict, sample.Reason), "")
		}
	}
}
