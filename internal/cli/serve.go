package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/app"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/all"
)

// configFile is read when no other is named.
const configFile = "envdeck.yaml"

func newServe(s Streams) *cobra.Command {
	var file, bootstrap, listen string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server on the real providers", Args: cobra.NoArgs,
		Long: "Reads envdeck.yaml (or --config FILE). Without a file, VERCEL_TOKEN and the other variables of docs/configuration.md configure one project.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(s, file)
			if err != nil {
				return err
			}
			if listen != "" {
				cfg.Listen = listen
			}
			log := newLog(s.Err, cfg.LogLevel)
			if n := len(cfg.Warnings); n > 0 {
				log.Warn("the configuration works and is not wise; \"envdeck config check\" says where", "warnings", n, "first", cfg.Warnings[0].Problem)
			}
			a, err := app.New(cmd.Context(), app.Options{Config: cfg, Clock: clock.Real(), Log: log, Version: Version()})
			if err != nil {
				return err
			}
			if err := firstPeople(cmd.Context(), s.Err, a, bootstrap); err != nil {
				return errors.Join(err, a.Close())
			}
			if os.Getenv("GOGC") == "" {
				// Most of what is in memory is the state of jobs and environments,
				// which stays: waiting until as much again is rubbish costs more
				// memory than the collector's time is worth. Not so at the start,
				// which is over before it would gain anything.
				debug.SetGCPercent(50)
			}
			fmt.Fprintf(s.Err, "envdeck %s serves %s\n", Version(), a.URL())
			go a.Trim(cmd.Context())
			return a.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (default envdeck.yaml, when there is one)")
	cmd.Flags().StringVar(&listen, "listen", "", "address to listen on, instead of the configuration's")
	cmd.Flags().StringVar(&bootstrap, "bootstrap-tokens", "", "on an empty database, create one SUPER_ADMIN, one ADMIN and one report token and write them to this file (mode 0600)")
	return cmd
}

// firstPeople makes the first ones: by tokens in a file, or by a link.
func firstPeople(ctx context.Context, w io.Writer, a *app.App, tokens string) error {
	if tokens != "" {
		boot, err := a.Control.Bootstrap(ctx, operator(), true)
		if fault.Is(err, fault.Conflict) {
			return nil // there are people already: containers start again with the same flags
		}
		if err != nil {
			return err
		}
		return writeTokens(tokens, boot)
	}
	needed, err := a.Control.NeedsSetUp(ctx)
	if err != nil || !needed {
		return err
	}
	link, err := a.Control.SetUpLink(ctx, operator())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "Nobody can sign in yet. Make the first SUPER_ADMIN within 30 minutes:\n  %s/set-up?token=%s\n", a.URL(), link.Reveal())
	return err
}

// writeTokens writes what may be read by this account alone; an existing file
// of wider rights is replaced, not widened.
func writeTokens(path string, boot access.Bootstrapped) error {
	text, err := json.Marshal(boot.Map())
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tokens-*") // mode 0600
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "The tokens cannot be written to %s: its folder takes no new file.", path)
	}
	_, err = tmp.Write(append(text, '\n'))
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fault.Wrap(fault.Invalid, err, "The tokens cannot be written to %s.", path)
	}
	return nil
}

// loadConfig reads the named file, else envdeck.yaml, else the environment.
func loadConfig(s Streams, file string) (config.Config, error) {
	named := file != ""
	if !named {
		file = configFile
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return config.FromEnv(s.Getenv, blocks())
	}
	if err != nil {
		return config.Config{}, fault.Wrap(fault.Invalid, err, "The configuration file %s cannot be read. Check the path and its rights.", file)
	}
	return config.Load(file, text, s.Getenv, blocks())
}

func blocks() []config.BlockKind {
	var blocks []config.BlockKind
	for _, k := range kinds() {
		blocks = append(blocks, config.BlockKind{Name: k.Name, Block: k.Block, FromEnv: k.FromEnv})
	}
	return blocks
}

func kinds() []provider.Kind { return all.Kinds() }

// newLog writes one JSON object per line: nothing in a value can look like
// another line.
func newLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// operator is whoever runs this command on this machine, by what the system
// says: a variable could say anything.
func operator() access.Actor {
	login := "unknown"
	if u, err := user.Current(); err == nil && u.Username != "" {
		login = u.Username
	}
	return access.OperatorActor(login)
}
