package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/app"
)

func newBackup(s Streams) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "backup PATH", Short: "Copy the embedded database to a new file, while the server runs", Args: cobra.ExactArgs(1),
		Long: `Copy the embedded database to a new file, whole and consistent, while the server
runs. It works on the database that envdeck.yaml or --config FILE names.

The copy alone does not bring envdeck back: the master key belongs to it. Keep
that too, but elsewhere, so that who finds one of them has neither.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadConfig(s, file)
			if err != nil {
				return err
			}
			local, err := app.OpenLocal(cmd.Context(), cfg, operator(), newLog(s.Err, cfg.LogLevel))
			if err != nil {
				return err
			}
			defer func() { _ = local.Close() }() // the copy is written by then
			if err := local.Backup(cmd.Context(), args[0]); err != nil {
				return err
			}
			key := "The master key of the configuration (master_key)"
			if !cfg.MasterKey.Set() {
				key = "The master key, " + filepath.Join(cfg.Data, "master.key") + ","
			}
			_, err = fmt.Fprintf(s.Out, "Wrote %s.\n%s belongs to it: without that key the copy's tokens do not work and its record does not verify. Keep it too, but elsewhere.\n", args[0], key)
			return err
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration that names the database (default envdeck.yaml)")
	return cmd
}
