package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/fault"
)

func newToken(s Streams) *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Tokens for scripts and machines", Long: "Tokens for scripts and machines.\n\n" + whereHelp, Args: cobra.NoArgs, RunE: help}
	cmd.AddCommand(newTokenCreate(s), newTokenList(s), newTokenRevoke(s))
	return cmd
}

func newTokenCreate(s Streams) *cobra.Command {
	var d desk
	var scope, name, owner, expires string
	cmd := &cobra.Command{
		Use: "create", Short: "Make a token and print it, this once", Args: cobra.NoArgs,
		Long: `Make a token and print it, this once: the token alone goes to standard output.
It may do what its scope and its owner's present role both allow.

` + whereHelp,
	}
	cmd.RunE = d.at(s, func(ctx context.Context, _ []string) error {
		body := map[string]string{"scope": scope, "name": name, "expires": expires, "reason": d.reason}
		if d.local != nil && owner == "" {
			return fault.New(fault.Invalid, "A token belongs to somebody. Say whose it is with --owner LOGIN.")
		}
		if owner != "" {
			p, err := d.find(ctx, owner)
			if err != nil {
				return err
			}
			body["owner"] = p.ID
		}
		var made struct {
			ID        string     `json:"id"`
			Token     string     `json:"token"`
			ExpiresAt *time.Time `json:"expiresAt"`
		}
		raw, err := d.do(ctx, http.MethodPost, base+"/tokens", body, &made)
		if err != nil {
			return err
		}
		if d.output == "json" {
			_, err = s.Out.Write(raw)
			return err
		}
		fmt.Fprintf(s.Err, "Token %s, expires %s. It is not shown again.\n", made.ID, never(made.ExpiresAt))
		_, err = fmt.Fprintln(s.Out, made.Token)
		return err
	})
	d.flags(cmd.Flags(), s)
	d.reasonFlag(cmd.Flags())
	f := cmd.Flags()
	f.StringVar(&scope, "scope", "api", "api (what the owner may do), ping, report or mcp")
	f.StringVar(&name, "name", "", "what it is for")
	f.StringVar(&owner, "owner", "", "sign-in name of its owner (default, with a server: you)")
	f.StringVar(&expires, "expires", "", "30d, 12h, or a time such as 2027-01-31T00:00:00Z (default 90d; ping: never)")
	_ = cmd.MarkFlagRequired("name") // it is there
	return cmd
}

func newTokenList(s Streams) *cobra.Command {
	var d desk
	var all bool
	cmd := &cobra.Command{Use: "list", Short: "The tokens that there are", Long: "The tokens that there are: everybody's here, yours at a server.\n\n" + whereHelp, Args: cobra.NoArgs}
	cmd.RunE = d.at(s, func(ctx context.Context, _ []string) error {
		var answer struct {
			Tokens []struct {
				ID         string     `json:"id"`
				Name       string     `json:"name"`
				Scope      string     `json:"scope"`
				Owner      string     `json:"owner"`
				LastFour   string     `json:"lastFour"`
				ExpiresAt  *time.Time `json:"expiresAt"`
				LastUsedAt *time.Time `json:"lastUsedAt"`
				RevokedAt  *time.Time `json:"revokedAt"`
			} `json:"tokens"`
		}
		path := base + "/tokens"
		if all || d.local != nil {
			path += "?all=true"
		}
		raw, err := d.get(ctx, path, &answer)
		if err != nil {
			return err
		}
		return d.show(s, raw, "NAME\tSCOPE\tOWNER\tENDS IN\tUSED\tEXPIRES\tREVOKED\tID", func(add func(...string)) {
			for _, t := range answer.Tokens {
				revoked := ""
				if t.RevokedAt != nil {
					revoked = when(t.RevokedAt)
				}
				add(t.Name, t.Scope, t.Owner, "…"+t.LastFour, never(t.LastUsedAt), never(t.ExpiresAt), revoked, t.ID)
			}
		})
	})
	d.flags(cmd.Flags(), s)
	cmd.Flags().BoolVar(&all, "all", false, "everybody's, for a SUPER_ADMIN")
	return cmd
}

func newTokenRevoke(s Streams) *cobra.Command {
	var d desk
	cmd := &cobra.Command{Use: "revoke ID", Short: "End a token at once", Long: "End a token at once.\n\n" + whereHelp, Args: cobra.ExactArgs(1)}
	cmd.RunE = d.at(s, func(ctx context.Context, args []string) error {
		raw, err := d.do(ctx, http.MethodDelete, d.because(base+"/tokens/"+url.PathEscape(args[0])), nil, nil)
		if err != nil {
			return err
		}
		return d.said(s, raw, "The token is revoked.")
	})
	d.flags(cmd.Flags(), s)
	d.reasonFlag(cmd.Flags())
	return cmd
}
