package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/app"
	"github.com/envdeck/envdeck/internal/fault"
)

func newDemo(s Streams) *cobra.Command {
	var o app.DemoOptions
	var tokens string
	var verbose bool
	cmd := &cobra.Command{
		Use: "demo", Short: "The whole product on simulated providers, with nothing to set up", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Speed < 1 || o.Speed > 1000 {
				return fault.New(fault.Invalid, "--speed takes 1 to 1000.")
			}
			level := slog.LevelWarn
			if verbose {
				level = slog.LevelDebug
			}
			o.Version, o.Log, o.Getenv = Version(), newLog(s.Err, level), s.Getenv
			o.Blocks = blocks()
			demo, err := app.NewDemo(cmd.Context(), o)
			if err != nil {
				return err
			}
			if tokens != "" {
				if err := writeTokens(tokens, demo.Tokens); err != nil {
					demo.Close()
					return err
				}
			}
			go announce(cmd.Context(), s, demo)
			return demo.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", "127.0.0.1:4280", "address to listen on")
	f.StringVar(&o.Data, "data", "", "folder for the database (default a temporary one, removed at the end)")
	f.StringVar(&tokens, "tokens", "", "write tokens of a SUPER_ADMIN, an ADMIN and for reports to this file (mode 0600)")
	f.Float64Var(&o.Speed, "speed", 1, "run the demo's clock this many times faster")
	f.StringVar(&o.Script, "script", "", "play a scenario: "+app.DemoScripts())
	f.BoolVar(&verbose, "verbose", false, "log what the server does")
	return cmd
}

// announce prints the addresses once there is something to see: a person who
// is quick would otherwise look at an empty page.
func announce(ctx context.Context, s Streams, demo *app.Demo) {
	first, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_ = demo.Filled(first) // what is missing after that says so on the page
	fmt.Fprintf(s.Out, "envdeck runs on simulated providers; nothing here touches anything real.\n\n"+
		"  Open   %s\n         (signs you in; works once)\n  Steer  http://%s/_sim\n\nStop it with Ctrl-C.\n",
		demo.SignIn(), demo.Simulator())
}
