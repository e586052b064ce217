package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/app"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator"
)

func newSimulate(s Streams) *cobra.Command {
	var listen string
	var printConfig bool
	var seed uint64
	var speed float64
	cmd := &cobra.Command{
		Use: "simulate", Short: "Run the simulated providers and apps alone", Args: cobra.NoArgs,
		Long: "Vercel, GitHub, Cloudflare, Sentry and Neon as HTTP services on one port, with three small live apps. /_sim steers them; see docs/simulator.md.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if printConfig {
				_, err := fmt.Fprint(s.Out, simulator.New(simulator.Options{Seed: seed}).Config("http://"+listen))
				return err
			}
			sim, err := app.NewSimulation(cmd.Context(), listen, simulator.Options{Seed: seed, Clock: clock.Fast(speed)})
			if err != nil {
				return err
			}
			fmt.Fprintf(s.Err, "The simulator serves http://%s (control: /_sim). Its configuration: envdeck simulate --print-config --listen %s\n", sim.Address(), sim.Address())
			return sim.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:4281", "address to listen on")
	cmd.Flags().BoolVar(&printConfig, "print-config", false, "print an envdeck.yaml that points at it, and end")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "the world: the same seed makes the same one")
	cmd.Flags().Float64Var(&speed, "speed", 1, "run the world's clock this many times faster")
	return cmd
}
