package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/app"
	"github.com/envdeck/envdeck/internal/config"
)

func newConfig(s Streams) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check the configuration, or print its schema"}
	cmd.AddCommand(newConfigCheck(s), newConfigSchema(s))
	return cmd
}

func newConfigCheck(s Streams) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "check", Short: "Print every problem of the configuration", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := loadConfig(s, file)
			if err != nil {
				return err
			}
			if err := app.CheckNotify(cfg); err != nil {
				return err
			}
			for _, w := range cfg.Warnings {
				fmt.Fprintf(s.Err, "warning: %s: %s\n", w.Where, w.Problem)
			}
			environments := 0
			for _, p := range cfg.Projects {
				environments += len(p.Environments)
			}
			_, err = fmt.Fprintf(s.Out, "The configuration is fine: %d project(s), %d environment(s).\n", len(cfg.Projects), environments)
			return err
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (default envdeck.yaml)")
	return cmd
}

func newConfigSchema(s Streams) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the configuration, for editors", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := config.JSONSchema(blocks())
			if err != nil {
				return err
			}
			_, err = s.Out.Write(text)
			return err
		},
	}
}
