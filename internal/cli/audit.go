package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

func newAudit(s Streams) *cobra.Command {
	cmd := newAuditList(s, "audit")
	cmd.AddCommand(newAuditList(s, "list"), newAuditVerify(s), newAuditHead(s), newAuditExport(s), newAuditArchive(s))
	return cmd
}

// auditFilter is what narrows the record.
type auditFilter struct{ person, action, environment, from, to string }

func (a *auditFilter) flags(f *pflag.FlagSet) {
	f.StringVar(&a.person, "person", "", "id or name of a person, or id of a token")
	f.StringVar(&a.action, "action", "", "an action, or its front up to a dot: user, user.manage")
	f.StringVar(&a.environment, "environment", "", "environment")
	f.StringVar(&a.from, "from", "", "from this time or day on: 2026-11-22 or 2026-11-22T10:00:00Z")
	f.StringVar(&a.to, "to", "", "before this time or day")
}

func (a *auditFilter) query() (url.Values, error) {
	q := url.Values{}
	for name, value := range map[string]string{"person": a.person, "action": a.action, "environment": a.environment} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, value := range map[string]string{"from": a.from, "to": a.to} {
		if value == "" {
			continue
		}
		at, err := moment(name, value)
		if err != nil {
			return nil, err
		}
		q.Set(name, at.UTC().Format(time.RFC3339))
	}
	return q, nil
}

// moment reads a day, which begins in this machine's zone, or a time of a flag.
func moment(flag, value string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		at, err = time.ParseInLocation(time.DateOnly, value, time.Local)
	}
	if err != nil {
		return time.Time{}, fault.New(fault.Invalid, "--%s takes a day such as 2026-11-22 or a time such as 2026-11-22T10:00:00Z, not %.40q.", flag, value)
	}
	return at, nil
}

func newAuditList(s Streams, use string) *cobra.Command {
	var d desk
	var filter auditFilter
	var limit int
	cmd := &cobra.Command{Use: use, Short: "Who did what, when and why", Long: "Who did what, when and why, newest first.\n\n" + whereHelp, Args: cobra.NoArgs}
	cmd.RunE = d.at(s, func(ctx context.Context, _ []string) error {
		q, err := filter.query()
		if err != nil {
			return err
		}
		q.Set("limit", strconv.Itoa(limit))
		var page struct {
			Entries []access.Entry `json:"entries"`
		}
		raw, err := d.get(ctx, base+"/audit?"+q.Encode(), &page)
		if err != nil {
			return err
		}
		return d.show(s, raw, "SEQ\tAT\tWHO\tACTION\tON\tRESULT\tREASON", func(add func(...string)) {
			for _, e := range page.Entries {
				on := e.Object
				if e.Environment != "" {
					on = e.Environment + " " + on
				}
				add(strconv.FormatInt(e.Seq, 10), e.At.Local().Format("2006-01-02 15:04:05"), e.ActorName, e.Action, on, string(e.Result), e.Reason)
			}
		})
	})
	d.flags(cmd.Flags(), s)
	filter.flags(cmd.Flags())
	cmd.Flags().IntVarP(&limit, "limit", "n", 50, "how many, up to 500")
	return cmd
}

func newAuditVerify(s Streams) *cobra.Command {
	var d desk
	var heads, archives []string
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that nothing in the record was changed or taken out", Args: cobra.NoArgs,
		Long: `Check every entry and every link of the record, and name the first that is wrong.

Whoever cuts off the end leaves a shorter record that is sound. Only a head
that was kept elsewhere shows it: the server's log has one now and then
("audit head"), "envdeck audit head" prints the present one. Give one or more
with --head SEQ:HASH.

Entries that were archived are checked in their files: give all of them, in any
order, with --archive FILE, on the machine of the database.

` + whereHelp,
	}
	cmd.RunE = d.at(s, func(ctx context.Context, _ []string) error {
		if len(archives) > 0 {
			return d.verifyArchives(ctx, s, archives, heads)
		}
		var v struct {
			Sound   bool        `json:"sound"`
			Entries int64       `json:"entries"`
			Head    access.Head `json:"head"`
			BadSeq  int64       `json:"badSeq"`
			Problem string      `json:"problem"`
			From    int64       `json:"from"`
		}
		raw, err := d.get(ctx, base+"/audit/verify?"+url.Values{"head": heads}.Encode(), &v)
		if err != nil {
			return err
		}
		if d.output == "json" {
			if _, err := s.Out.Write(raw); err != nil {
				return err
			}
		}
		if !v.Sound {
			return fault.New(fault.Conflict, "The record is not sound at entry %d: %s. The %d before it are.", v.BadSeq, hostile.Line(v.Problem, 300), v.Entries)
		}
		if d.output == "json" {
			return nil
		}
		if v.From > 1 {
			fmt.Fprintf(s.Out, "Entries up to %d are archived; check their files with --archive.\n", v.From-1)
		}
		_, err = fmt.Fprintf(s.Out, "All %d entries are sound. The head is %d:%s\n", v.Entries, v.Head.Seq, v.Head.Hash)
		return err
	})
	d.flags(cmd.Flags(), s)
	cmd.Flags().StringArrayVar(&heads, "head", nil, "a head that was kept elsewhere, SEQ:HASH; may be repeated")
	cmd.Flags().StringArrayVar(&archives, "archive", nil, "a file that \"audit archive\" wrote; may be repeated")
	return cmd
}

func newAuditHead(s Streams) *cobra.Command {
	var d desk
	cmd := &cobra.Command{Use: "head", Short: "Print the end of the record, to be kept elsewhere", Long: "Print the end of the record as SEQ:HASH, to be kept elsewhere for \"audit verify --head\".\n\n" + whereHelp, Args: cobra.NoArgs}
	cmd.RunE = d.at(s, func(ctx context.Context, _ []string) error {
		var h access.Head
		raw, err := d.get(ctx, base+"/audit/head", &h)
		if err != nil {
			return err
		}
		return d.said(s, raw, fmt.Sprintf("%d:%s", h.Seq, h.Hash))
	})
	d.flags(cmd.Flags(), s)
	return cmd
}

func newAuditExport(s Streams) *cobra.Command {
	var d desk
	var filter auditFilter
	var format, file string
	cmd := &cobra.Command{
		Use: "export", Short: "Write the record to a file, with a signed manifest", Args: cobra.NoArgs,
		Long: `Write the record, newest first, to --file and its manifest (what it holds, its
SHA-256, a signature) to the same name with .manifest.json behind it. The last
line of a jsonl file is the manifest too; the SHA-256 does not cover that line.
The export is recorded.

` + whereHelp,
	}
	cmd.RunE = d.at(s, func(ctx context.Context, _ []string) error {
		q, err := filter.query()
		if err != nil {
			return err
		}
		q.Set("format", format)
		if d.reason != "" {
			q.Set("reason", d.reason)
		}
		return d.export(ctx, s, base+"/audit?"+q.Encode(), file)
	})
	d.flags(cmd.Flags(), s)
	d.reasonFlag(cmd.Flags())
	filter.flags(cmd.Flags())
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl or csv")
	cmd.Flags().StringVarP(&file, "file", "f", "", "file to write, which must not be there yet")
	_ = cmd.MarkFlagRequired("file") // it is there
	return cmd
}

// export writes the download under another name first: a file with the right
// name is a whole one.
func (d *desk) export(ctx context.Context, s Streams, path, file string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+path, nil)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "The address %q cannot be used.", d.url)
	}
	part := file + ".part"
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "The file %s cannot be made. Is it there already, or its folder not?", part)
	}
	defer func() { _ = os.Remove(part) }() // after the link it is only another name
	answer, err := d.send(r)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
		return errors.Join(refused(d.url, answer.StatusCode, text), out.Close())
	}
	_, err = io.Copy(out, answer.Body)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fault.Wrap(fault.Unavailable, err, "The export was cut off. Nothing was written.")
	}
	manifest := answer.Trailer.Get("Envdeck-Manifest")
	if manifest == "" {
		return fault.New(fault.BadResponse, "The export came without its manifest: a proxy in between may take trailers away. Nothing was written; run this beside the server.")
	}
	if err := os.Link(part, file); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fault.New(fault.Invalid, "The file %s is there already. Name another one.", file)
		}
		return fault.Wrap(fault.Invalid, err, "The file %s cannot be made.", file)
	}
	if err := os.WriteFile(file+".manifest.json", []byte(manifest+"\n"), 0o600); err != nil {
		return fault.Wrap(fault.Invalid, err, "The manifest %s.manifest.json cannot be written.", file)
	}
	return d.said(s, []byte(manifest+"\n"), "Wrote "+file+" and "+file+".manifest.json")
}
