package access_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// What is archived leaves the database, and the file and the record are still
// one chain; no other way leads out.
func TestArchive(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		super, operator := w.actor(t, w.boot.SuperAdmin), access.OperatorActor("test")
		append20 := func() access.Head {
			for n := range 20 {
				if _, err := db.AppendAudit(t.Context(), w.receipt(t, super, "prod", fmt.Sprint("reason ", n))); err != nil {
					t.Fatal(err)
				}
			}
			return w.verify(t).Head
		}
		archive := func() (string, access.Manifest) {
			var file bytes.Buffer
			m, err := w.ArchiveAudit(t.Context(), operator, w.clock.Now().Add(-time.Hour), "a year is over", &file, func() error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			return file.String(), m
		}
		old := append20()
		_, err := w.ArchiveAudit(t.Context(), super, w.clock.Now(), "", io.Discard, nil)
		wantKind(t, err, fault.Denied)
		w.clock.advance(48 * time.Hour)
		_, err = w.ArchiveAudit(t.Context(), operator, w.clock.Now().Add(time.Minute), "", io.Discard, nil)
		wantKind(t, err, fault.Invalid)
		_, err = w.ArchiveAudit(t.Context(), operator, w.clock.Now().Add(-time.Hour), "", io.Discard, func() error { return io.ErrShortWrite })
		if err == nil || w.verify(t, old).From != 1 {
			t.Fatal("a file that could not be kept took entries along", err)
		}
		file, m := archive()
		if m.FirstSeq != 1 || m.LastSeq < old.Seq || m.Entries != m.LastSeq {
			t.Fatalf("%+v", m)
		}
		v := w.verify(t, old)
		if !v.Sound() || v.From != m.LastSeq+1 || v.FromHash != m.Head.Hash || v.Unchecked != 1 || v.Entries == 0 {
			t.Fatalf("the record after it: %+v", v)
		}
		check := func(text string, heads ...access.Head) access.Verification {
			v, err := w.VerifyArchive(t.Context(), operator, strings.NewReader(text), heads...)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if v := check(file, old); !v.Sound() || v.From != 1 || v.FromHash != access.GenesisHash || v.Head.Hash != m.Head.Hash {
			t.Fatalf("the archive: %+v", v)
		}
		lines := strings.SplitAfter(file, "\n")
		for name, text := range map[string]string{
			"cut":        strings.Join(lines[:len(lines)-3], ""),
			"shortened":  strings.Join(append(slices.Clone(lines[:len(lines)-3]), lines[len(lines)-2]), ""),
			"dropped":    strings.Join(append(slices.Clone(lines[:4]), lines[5:]...), ""),
			"changed":    strings.Replace(file, "reason 3", "reason 4", 1),
			"not a file": "x\n",
		} {
			if v := check(text, old); v.Sound() {
				t.Errorf("%s: it is sound", name)
			}
		}
		if v := check(file, access.Head{Seq: 2, Hash: strings.Repeat("ab", 32)}); v.BadSeq != 2 {
			t.Errorf("another head: %+v", v)
		}

		// A second one goes on where the first ended.
		append20()
		w.clock.advance(48 * time.Hour)
		second, m2 := archive()
		if v := check(second); !v.Sound() || v.From != m.LastSeq+1 || v.FromHash != m.Head.Hash || v.Head.Hash != m2.Head.Hash {
			t.Fatalf("the second: %+v", v)
		}

		// A row that nobody vouches for opens the way out, and shows.
		raw := storetest.Raw(t, db)
		head := append20()
		if _, err := raw.ExecContext(t.Context(), `DELETE FROM audit_archives`); err == nil {
			t.Error("an archive was forgotten")
		}
		exec(t, raw, `INSERT INTO audit_archives VALUES ($1, (SELECT hash FROM audit_entries WHERE seq = $1), 5, 'x', 0)`, head.Seq-5)
		exec(t, raw, `DELETE FROM audit_entries WHERE seq <= $1`, head.Seq-5)
		if v := w.verify(t, head); v.BadSeq != head.Seq-5 || v.Problem == "" {
			t.Errorf("a hole that is called an archive: %+v", v)
		}
	})
}
