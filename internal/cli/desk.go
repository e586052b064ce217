package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/envdeck/envdeck/internal/app"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/secret"
)

// whereHelp is said by every command that works at a desk.
const whereHelp = `It works on this machine's own database, the one that envdeck.yaml or
--config FILE names, also while the server runs; whoever may read the database
needs no token, and is recorded as the operator. With --url, or with
ENVDECK_URL and no --config, it asks that server instead, as the owner of
ENVDECK_TOKEN.`

// base is where the server's API lives.
const base = "/api/admin/environments"

// desk is where people, tokens and the record are worked on: a server, or the
// database of this machine. Both answer the same requests, so that a command
// does the same at either.
type desk struct {
	client
	config string
	reason string
	local  *app.Local // nil when a server is asked
}

func (d *desk) flags(f *pflag.FlagSet, s Streams) {
	f.StringVar(&d.url, "url", "", "ask the server at this address (ENVDECK_URL) and not the database here")
	f.StringVar(&d.config, "config", "", "configuration that names the database (default envdeck.yaml)")
	f.StringVarP(&d.output, "output", "o", "table", "table or json")
	d.token = secret.New(s.Getenv("ENVDECK_TOKEN"))
}

func (d *desk) reasonFlag(f *pflag.FlagSet) {
	f.StringVar(&d.reason, "reason", "", "why, for the record")
}

// patience is for a server that reads its whole record.
const patience = 10 * time.Minute

// open decides where to work.
func (d *desk) open(ctx context.Context, s Streams) error {
	if d.url != "" && d.config != "" {
		return fault.New(fault.Invalid, "--url asks a server and --config names the database here. Give one of them.")
	}
	if d.url == "" && d.config == "" {
		d.url = s.Getenv("ENVDECK_URL")
	}
	if d.url != "" {
		if err := d.check(); err != nil {
			return err
		}
		d.http.Timeout = patience
		return nil
	}
	if err := checkOutput(d.output); err != nil {
		return err
	}
	cfg, err := loadConfig(s, d.config)
	if err != nil {
		return err
	}
	if d.local, err = app.OpenLocal(ctx, cfg, operator(), newLog(s.Err, cfg.LogLevel)); err != nil {
		return err
	}
	d.url, d.token = "http://127.0.0.1", secret.Text{}
	d.http = &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: d.local.Dial}}
	return nil
}

func (d *desk) close() {
	if d.local != nil {
		_ = d.local.Close() // what was acknowledged is on the disk
	}
}

// at makes the RunE of a command that works at the desk.
func (d *desk) at(s Streams, run func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := d.open(cmd.Context(), s); err != nil {
			return err
		}
		defer d.close()
		return run(cmd.Context(), args)
	}
}

// because adds the reason to a request that has no body.
func (d *desk) because(path string) string {
	if d.reason == "" {
		return path
	}
	return path + "?reason=" + url.QueryEscape(d.reason)
}

// show prints the raw answer for programs, or rows for people.
func (d *desk) show(s Streams, raw []byte, head string, rows func(add func(cells ...string))) error {
	if d.output == "json" {
		_, err := s.Out.Write(raw)
		return err
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	rows(func(cells ...string) {
		for i, cell := range cells {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, hostile.Line(cell, 100))
		}
		fmt.Fprintln(w)
	})
	return w.Flush()
}

// never is for a time that did not come yet.
func never(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return when(t)
}

// person is a user as the API answers them.
type person struct {
	ID         string     `json:"id"`
	Login      string     `json:"login"`
	Issuer     string     `json:"issuer"`
	Name       string     `json:"name"`
	Role       string     `json:"role"`
	Disabled   bool       `json:"disabled"`
	SignedInAt *time.Time `json:"signedInAt"`
}

func (d *desk) people(ctx context.Context) ([]person, []byte, error) {
	var answer struct {
		Users []person `json:"users"`
	}
	raw, err := d.get(ctx, base+"/users", &answer)
	return answer.Users, raw, err
}

// find is the person with this sign-in name or id.
func (d *desk) find(ctx context.Context, name string) (person, error) {
	all, _, err := d.people(ctx)
	if err != nil {
		return person{}, err
	}
	if i := slices.IndexFunc(all, func(p person) bool { return p.ID == name }); i >= 0 {
		return all[i], nil
	}
	var found []person
	for _, p := range all {
		if p.Login == name {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return person{}, fault.New(fault.NotFound, "There is no user %q. \"envdeck user list\" shows who there is.", name)
	case 1:
		return found[0], nil
	default:
		return person{}, fault.New(fault.Invalid, "%q is the sign-in name of several people. Name the id that \"envdeck user list\" shows.", name)
	}
}
