package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

func newAuditArchive(s Streams) *cobra.Command {
	var d desk
	var before, file string
	cmd := &cobra.Command{
		Use: "archive", Short: "Move the old part of the record into a file", Args: cobra.NoArgs,
		Long: `Write the entries from before a day to --file, oldest first, with a signed
manifest as the last line, and then take them out of the database. The record
goes on from the last hash of the archive, and an entry in it vouches for the
archive: "envdeck audit verify --archive FILE" checks both as one. The record is
checked first, and one that is not sound stays as it is. Keep the files.

It works on this machine's own database, the one that envdeck.yaml or
--config FILE names, also while the server runs.`,
	}
	cmd.RunE = d.at(s, func(ctx context.Context, _ []string) error {
		if d.local == nil {
			return fault.New(fault.Unsupported, "The record is archived on the machine of its database: leave --url and ENVDECK_URL out.")
		}
		day, err := moment("before", before)
		if err != nil {
			return err
		}
		return d.archive(ctx, s, day, file)
	})
	d.flags(cmd.Flags(), s)
	d.reasonFlag(cmd.Flags())
	cmd.Flags().StringVar(&before, "before", "", "archive what is older than this day or time: 2026-01-01")
	cmd.Flags().StringVarP(&file, "file", "f", "", "file to write, which must not be there yet")
	_ = cmd.MarkFlagRequired("before") // they are there
	_ = cmd.MarkFlagRequired("file")
	return cmd
}

func (d *desk) archive(ctx context.Context, s Streams, before time.Time, file string) error {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "The file %s cannot be made. Is it there already, or its folder not?", file)
	}
	// The entries leave the database only when the file, and its name in the
	// folder, survive a power cut.
	m, err := d.local.Archive(ctx, before, d.reason, out, func() error { return errors.Join(out.Sync(), syncFolder(filepath.Dir(file))) })
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err != nil {
		if m.LastSeq == 0 {
			_ = os.Remove(file) // nothing left the database
		}
		return err
	}
	_, err = fmt.Fprintf(s.Out, "Wrote the %d entries up to %d to %s, and took them out of the database.\n", m.Entries, m.LastSeq, file)
	return err
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// verifyArchives checks archives and the record behind them as one chain.
func (d *desk) verifyArchives(ctx context.Context, s Streams, files, texts []string) error {
	if d.local == nil {
		return fault.New(fault.Unsupported, "Archives are checked on the machine of the database, which has the key: leave --url and ENVDECK_URL out.")
	}
	heads, err := headsOf(texts)
	if err != nil {
		return err
	}
	parts := make([]access.Verification, 0, len(files)+1)
	for _, file := range files {
		v, err := d.verifyArchive(ctx, file, heads)
		if err != nil {
			return err
		}
		parts = append(parts, v)
	}
	record, err := d.local.Verify(ctx, heads...)
	if err != nil {
		return err
	}
	if !record.Sound() {
		return unsound("The record", record)
	}
	parts = append(parts, record)
	slices.SortFunc(parts, func(a, b access.Verification) int { return cmp.Compare(a.From, b.From) })
	next, entries := access.Head{Hash: access.GenesisHash}, int64(0)
	for _, p := range parts {
		if p.From != next.Seq+1 || p.FromHash != next.Hash {
			return fault.New(fault.Conflict, "The entries from %d on do not continue the ones up to %d. Is an archive missing, or of another record?", p.From, next.Seq)
		}
		next, entries = p.Head, entries+p.Entries
	}
	_, err = fmt.Fprintf(s.Out, "All %d entries in %d archives and the record are sound. The head is %d:%s\n", entries, len(files), next.Seq, next.Hash)
	return err
}

func (d *desk) verifyArchive(ctx context.Context, file string, heads []access.Head) (access.Verification, error) {
	in, err := os.Open(file)
	if err != nil {
		return access.Verification{}, fault.Wrap(fault.Invalid, err, "The archive %s cannot be read.", file)
	}
	defer func() { _ = in.Close() }() // it was only read
	v, err := d.local.VerifyArchive(ctx, in, heads...)
	if err == nil && !v.Sound() {
		err = unsound("The archive "+file, v)
	}
	return v, err
}

func unsound(what string, v access.Verification) error {
	return fault.New(fault.Conflict, "%s is not sound at entry %d: %s. The %d before it are.", what, v.BadSeq, hostile.Line(v.Problem, 300), v.Entries)
}

func headsOf(texts []string) ([]access.Head, error) {
	var heads []access.Head
	for _, text := range texts {
		h, ok := access.ParseHead(text)
		if !ok {
			return nil, fault.New(fault.Invalid, "--head takes SEQ:HASH, as \"envdeck audit head\" prints it.")
		}
		heads = append(heads, h)
	}
	return heads, nil
}
