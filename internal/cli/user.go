package cli

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/fault"
)

func newUser(s Streams) *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "The people who may come in", Long: "The people who may come in.\n\n" + whereHelp, Args: cobra.NoArgs, RunE: help}
	cmd.AddCommand(
		newUserAdd(s), newUserList(s), newUserPasswd(s), newUserLink(s), newUserSignOut(s),
		newUserChange(s, "disable LOGIN", "Keep a person out: sessions end and tokens stop working at once", 1,
			func([]string) map[string]any { return map[string]any{"disabled": true} }),
		newUserChange(s, "enable LOGIN", "Let a person in again", 1,
			func([]string) map[string]any { return map[string]any{"disabled": false} }),
		newUserChange(s, "role LOGIN ADMIN|SUPER_ADMIN", "Give a person another role; it counts at once", 2,
			func(args []string) map[string]any { return map[string]any{"role": args[1]} }),
	)
	return cmd
}

func newUserAdd(s Streams) *cobra.Command {
	var d desk
	var role, name, email string
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "add LOGIN", Short: "Make a local account", Args: cobra.ExactArgs(1),
		Long: `Make a local account.

At a terminal it asks for a password, twice and unseen; --password-stdin reads
one line instead. Without a password it prints a link that signs the person in,
once and within ten minutes.

` + whereHelp,
	}
	cmd.RunE = d.at(s, func(ctx context.Context, args []string) error {
		password, err := newPassword(s, fromStdin, true)
		if err != nil {
			return err
		}
		var made person
		raw, err := d.do(ctx, http.MethodPost, base+"/users", map[string]string{
			"login": args[0], "role": role, "name": name, "email": email, "password": password.Reveal(), "reason": d.reason,
		}, &made)
		if err != nil {
			return err
		}
		if d.output == "json" {
			_, err = s.Out.Write(raw)
			return err
		}
		fmt.Fprintf(s.Out, "%s is there as %s.\n", made.Login, made.Role)
		if password.Set() {
			return nil
		}
		return d.printLink(ctx, s, made)
	})
	d.flags(cmd.Flags(), s)
	d.reasonFlag(cmd.Flags())
	f := cmd.Flags()
	f.StringVar(&role, "role", "ADMIN", "ADMIN (sees everything) or SUPER_ADMIN (also changes production)")
	f.StringVar(&name, "name", "", "name for people to read (default LOGIN)")
	f.StringVar(&email, "email", "", "e-mail address")
	f.BoolVar(&fromStdin, "password-stdin", false, "read the password from the first line of standard input")
	return cmd
}

func newUserList(s Streams) *cobra.Command {
	var d desk
	cmd := &cobra.Command{Use: "list", Short: "Everybody who may come in", Long: "Everybody who may come in.\n\n" + whereHelp, Args: cobra.NoArgs}
	cmd.RunE = d.at(s, func(ctx context.Context, _ []string) error {
		all, raw, err := d.people(ctx)
		if err != nil {
			return err
		}
		return d.show(s, raw, "LOGIN\tNAME\tROLE\tSTATE\tSIGNED IN\tFROM\tID", func(add func(...string)) {
			for _, p := range all {
				state := "enabled"
				if p.Disabled {
					state = "disabled"
				}
				add(p.Login, p.Name, p.Role, state, never(p.SignedInAt), p.Issuer, p.ID)
			}
		})
	})
	d.flags(cmd.Flags(), s)
	return cmd
}

// newUserChange is a command that changes one thing of a person.
func newUserChange(s Streams, use, short string, args int, change func(args []string) map[string]any) *cobra.Command {
	var d desk
	cmd := &cobra.Command{Use: use, Short: short, Long: short + ".\n\n" + whereHelp, Args: cobra.ExactArgs(args)}
	cmd.RunE = d.at(s, func(ctx context.Context, args []string) error {
		p, err := d.find(ctx, args[0])
		if err != nil {
			return err
		}
		body := change(args)
		body["reason"] = d.reason
		raw, err := d.do(ctx, http.MethodPatch, base+"/users/"+p.ID, body, &p)
		if err != nil {
			return err
		}
		return d.said(s, raw, fmt.Sprintf("%s is %s, %s.", p.Login, p.Role, map[bool]string{true: "disabled", false: "enabled"}[p.Disabled]))
	})
	d.flags(cmd.Flags(), s)
	d.reasonFlag(cmd.Flags())
	return cmd
}

// said prints one sentence, or the raw answer for programs.
func (d *desk) said(s Streams, raw []byte, text string) error {
	if d.output == "json" {
		_, err := s.Out.Write(raw)
		return err
	}
	_, err := fmt.Fprintln(s.Out, text)
	return err
}

func newUserPasswd(s Streams) *cobra.Command {
	var d desk
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "passwd LOGIN", Short: "Give a person a new password; their sessions end", Args: cobra.ExactArgs(1),
		Long: `Give a person a new password; their sessions end. It is asked for at the
terminal, twice and unseen; --password-stdin reads one line instead.

` + whereHelp,
	}
	cmd.RunE = d.at(s, func(ctx context.Context, args []string) error {
		p, err := d.find(ctx, args[0])
		if err != nil {
			return err
		}
		password, err := newPassword(s, fromStdin, false)
		if err != nil {
			return err
		}
		raw, err := d.do(ctx, http.MethodPatch, base+"/users/"+p.ID, map[string]string{"password": password.Reveal(), "reason": d.reason}, nil)
		if err != nil {
			return err
		}
		return d.said(s, raw, p.Login+" has a new password.")
	})
	d.flags(cmd.Flags(), s)
	d.reasonFlag(cmd.Flags())
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from the first line of standard input")
	return cmd
}

func newUserLink(s Streams) *cobra.Command {
	var d desk
	cmd := &cobra.Command{
		Use: "link LOGIN", Short: "Print a link that signs a person in, once", Args: cobra.ExactArgs(1),
		Long: "Print a link that signs a person in, once and within ten minutes: for a new account, or for someone who is locked out.\n\n" + whereHelp,
	}
	cmd.RunE = d.at(s, func(ctx context.Context, args []string) error {
		p, err := d.find(ctx, args[0])
		if err != nil {
			return err
		}
		return d.printLink(ctx, s, p)
	})
	d.flags(cmd.Flags(), s)
	return cmd
}

func (d *desk) printLink(ctx context.Context, s Streams, p person) error {
	var link struct {
		Path string `json:"path"`
		Life int    `json:"life"`
	}
	raw, err := d.do(ctx, http.MethodPost, base+"/users/"+p.ID+"/link", nil, &link)
	if err != nil {
		return err
	}
	server := d.url
	if d.local != nil {
		server = "<the server's address>"
		cfg, err := loadConfig(s, d.config)
		if err == nil && cfg.PublicURL != nil {
			server = cfg.PublicURL.String()
		} else if err == nil {
			server = "http://" + cfg.Listen
		}
	}
	return d.said(s, raw, fmt.Sprintf("This signs %s in, once, for %d minutes:\n  %s%s", p.Login, link.Life/60, server, link.Path))
}

func newUserSignOut(s Streams) *cobra.Command {
	var d desk
	cmd := &cobra.Command{Use: "sign-out LOGIN", Short: "End all of a person's sessions", Long: "End all of a person's sessions.\n\n" + whereHelp, Args: cobra.ExactArgs(1)}
	cmd.RunE = d.at(s, func(ctx context.Context, args []string) error {
		p, err := d.find(ctx, args[0])
		if err != nil {
			return err
		}
		var answer struct {
			Ended *int64 `json:"ended"`
		}
		raw, err := d.do(ctx, http.MethodDelete, d.because(base+"/users/"+p.ID+"/sessions"), nil, &answer)
		if err != nil {
			return err
		}
		if answer.Ended == nil {
			return fault.New(fault.BadResponse, "%s did not say how many sessions ended.", d.url)
		}
		return d.said(s, raw, fmt.Sprintf("%d session(s) of %s ended.", *answer.Ended, p.Login))
	})
	d.flags(cmd.Flags(), s)
	d.reasonFlag(cmd.Flags())
	return cmd
}
