package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/simulator"
)

// DemoOptions is what a demo is made of.
type DemoOptions struct {
	Listen  string
	Data    string // "" for a folder that ends with the demo
	Speed   float64
	Script  string
	Version string
	Log     *slog.Logger
	Getenv  func(string) string
	Blocks  []config.BlockKind
	// ProviderTokens are other tokens than the simulator's usual ones.
	ProviderTokens map[string]string
	MetricsListen  string // "" for none
}

// Demo is the whole product with a simulated outside.
type Demo struct {
	Tokens access.Bootstrapped

	app        *App
	simulation *Simulation
	link       secret.Text
	script     string
	temporary  string
}

// NewDemo builds the outside and the product on it, and makes its people.
func NewDemo(ctx context.Context, o DemoOptions) (_ *Demo, err error) {
	d := &Demo{script: o.Script}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	if o.Data == "" {
		if d.temporary, err = os.MkdirTemp("", "envdeck-demo-"); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "There is no room for a temporary folder. Name one with --data.")
		}
		o.Data = d.temporary
	}
	c := clock.Fast(o.Speed)
	if d.simulation, err = NewSimulation(ctx, "127.0.0.1:0", simulator.Options{Clock: c, Tokens: o.ProviderTokens}); err != nil {
		return nil, err
	}
	// The app's databases are not the product's, and lie beside them.
	if err = d.simulation.KeepDatabases(ctx, filepath.Join(o.Data, "simulated")); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The simulated app's databases could not be written to the folder of data.")
	}
	cfg, err := config.Load("the demo's configuration", []byte(d.simulation.Config("http://"+d.simulation.Address())), o.Getenv, o.Blocks)
	if err != nil {
		return nil, err
	}
	cfg.Listen, cfg.Data, cfg.MetricsListen = o.Listen, o.Data, o.MetricsListen
	if d.app, err = New(ctx, Options{Config: cfg, Clock: c, Log: o.Log, Version: o.Version}); err != nil {
		return nil, err
	}
	operator := access.OperatorActor("demo")
	if d.Tokens, err = d.app.Control.Bootstrap(ctx, operator, false); err != nil {
		return nil, err
	}
	d.link, err = d.app.Control.SignInLink(ctx, operator, d.Tokens.SuperAdminID)
	return d, err
}

// SignIn is the address that signs in, once.
func (d *Demo) SignIn() string { return d.app.URL() + "/sign-in/link?token=" + d.link.Reveal() }

// Simulator is the address of the simulated outside.
func (d *Demo) Simulator() string { return d.simulation.Address() }

// URL is the address of the server.
func (d *Demo) URL() string { return d.app.URL() }

// Control is the demo's access room.
func (d *Demo) Control() *access.Control { return d.app.Control }

// Changed tells pages to look again, for whoever measures that, and answers the
// mark of it.
func (d *Demo) Changed() string {
	project := d.app.o.Config.Projects[0].Name
	d.app.live.Changed(project)
	return d.app.live.Mark(project)
}

// Filled waits for the first whole picture.
func (d *Demo) Filled(ctx context.Context) error { return d.app.Filled(ctx) }

// Run serves both until the context ends.
func (d *Demo) Run(ctx context.Context) error {
	defer d.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	var outside error
	running.Go(func() {
		outside = d.simulation.Run(ctx)
		cancel()
	})
	running.Go(func() { d.develop(ctx) })
	fired := d.hearCrons()
	running.Go(func() { d.reportCrons(ctx, fired) })
	if d.script != "" {
		before := d.staged()
		if err := d.simulation.Play(d.script); err != nil {
			return errors.Join(fault.Wrap(fault.Invalid, err, "There is no script %q. There are: %s.", d.script, DemoScripts()), d.app.Close())
		}
		running.Go(func() { d.press(ctx, before) })
	}
	err := d.app.Run(ctx)
	cancel()
	running.Wait()
	return errors.Join(err, outside)
}

// Close removes what was made for the demo alone.
func (d *Demo) Close() {
	if d.temporary != "" {
		_ = os.RemoveAll(d.temporary) // the system's own clean-up gets the rest
	}
}

// DemoScripts names the scenarios that a demo can play.
func DemoScripts() string { return strings.Join(simulator.Scripts(), ", ") }

// develop plays the developer whose machine runs the dev app: it reports the
// working copy as "envdeck dev" does, until the context ends.
func (d *Demo) develop(ctx context.Context) {
	c := d.simulation.World().WorkingCopy()
	body, err := json.Marshal(map[string]any{
		"commit": c.SHA, "message": c.Message, "branch": c.Branch, "author": c.Author, "dirty": c.Dirty, "ahead": c.Ahead, "behind": c.Behind, "host": "demo",
	})
	if err != nil { // a map of strings and numbers always encodes
		panic(err)
	}
	client := &http.Client{Timeout: 5 * time.Second}
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL()+"/api/dev/report", bytes.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Authorization", "Bearer "+d.Tokens.Report.Reveal())
		r.Header.Set("Content-Type", "application/json")
		if answer, err := client.Do(r); err == nil { // a lost report is renewed by the next
			_ = answer.Body.Close()
		}
		if d.app.o.Clock.Sleep(ctx, 10*time.Second) != nil {
			return
		}
	}
}
