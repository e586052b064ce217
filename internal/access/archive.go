package access

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
)

// Archive is a front part of the record that was moved into a file. The record
// goes on from its last hash, so that nothing can be slipped in between.
type Archive struct {
	Through int64     `json:"through"` // the last entry in it
	Hash    string    `json:"hash"`    // of that entry
	Entries int64     `json:"entries"`
	SHA256  string    `json:"sha256"` // of the file without its last line
	At      time.Time `json:"at"`
}

// archived narrows Operate to the entry that vouches for an archive.
const archived = "archived"

func (a Archive) object() string { return "audit:" + strconv.FormatInt(a.Through, 10) }

// vouched says whether an entry of the record stands for the archive: a row
// alone could be written by whoever wants to be rid of entries.
func (a Archive) vouched(e *Entry) bool {
	if e.Action != Operate.String()+"."+archived || e.Object != a.object() {
		return false
	}
	var d Detail
	return json.Unmarshal([]byte(e.Detail), &d) == nil && d.To == a.Hash && d.Digest == a.SHA256
}

// archiveLine is the last line of an archive's file.
type archiveLine struct {
	Manifest *Manifest `json:"manifest"`
}

// ArchiveAudit writes all entries that are older than a time to w, oldest
// first, one JSON object a line, the manifest last; then keep has to make the
// file safe, and then the entries leave the database. Only the operator may.
// Conflict when the record is not sound; NotFound when nothing is so old.
func (c *Control) ArchiveAudit(ctx context.Context, a Actor, before time.Time, reason string, w io.Writer, keep func() error) (Manifest, error) {
	permit, err := c.Gate.Allow(ctx, a, Operate, On{})
	if err != nil {
		return Manifest{}, err
	}
	if !before.Before(c.now()) {
		return Manifest{}, fault.New(fault.Invalid, "Only what is past can be archived: name a day that is over.")
	}
	through, err := c.store.AuditBefore(ctx, before)
	if err != nil {
		return Manifest{}, err
	}
	if through == 0 {
		return Manifest{}, fault.New(fault.NotFound, "No entry is older than %s.", before.UTC().Format(time.RFC3339))
	}
	v, err := c.VerifyAudit(ctx, a)
	if err != nil {
		return Manifest{}, err
	}
	if !v.Sound() {
		return Manifest{}, fault.New(fault.Conflict, "The record is not sound at entry %d, so it stays as it is: %s.", v.BadSeq, v.Problem)
	}
	m := Manifest{Format: JSONL, At: c.now(), By: a.ID, LastSeq: through}
	last, err := c.writeArchive(ctx, &m, w)
	if err == nil {
		err = keep()
	}
	if err != nil {
		return Manifest{}, fault.Wrap(fault.KindOf(err), err, "The archive could not be written, and the record is as it was.")
	}
	archive := Archive{Through: through, Hash: last.Hash, Entries: m.Entries, SHA256: m.SHA256, At: m.At}
	return m, c.store.ArchiveAudit(ctx, archive, permit.Receipt(Note{
		Act: archived, Object: archive.object(), Reason: reason, Detail: Detail{To: archive.Hash, Digest: archive.SHA256, Count: archive.Entries},
	}))
}

// writeArchive writes the entries up to the manifest's last, and then itself.
func (c *Control) writeArchive(ctx context.Context, m *Manifest, w io.Writer) (last Entry, err error) {
	sum := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(w, sum))
	encode := json.NewEncoder(out)
	for last.Seq < m.LastSeq {
		page, err := c.store.AuditEntries(ctx, last.Seq, verifyPage)
		if err != nil {
			return last, err
		}
		if len(page) == 0 {
			return last, fault.New(fault.Conflict, "Entry %d is not there.", last.Seq+1)
		}
		for i := range page {
			if page[i].Seq > m.LastSeq {
				break
			}
			if m.Entries == 0 {
				m.FirstSeq = page[i].Seq
			}
			last, m.Entries = page[i], m.Entries+1
			if err := encode.Encode(&last); err != nil {
				return last, err
			}
		}
	}
	if err := out.Flush(); err != nil {
		return last, err
	}
	m.Head = Head{Seq: last.Seq, Hash: last.Hash, At: last.At}
	m.SHA256 = hex.EncodeToString(sum.Sum(nil))
	m.Signature = c.sign(*m)
	return last, json.NewEncoder(w).Encode(archiveLine{m})
}

// VerifyArchive checks an archive's file by itself: every hash, every link, its
// manifest, and the heads that were exported while its entries were new. What
// stands before its first entry and after its last is for the caller to fit.
func (c *Control) VerifyArchive(ctx context.Context, a Actor, r io.Reader, exported ...Head) (Verification, error) {
	if _, err := c.Gate.Allow(ctx, a, ViewAudit, On{}); err != nil {
		return Verification{}, err
	}
	v := Verification{}
	anchors := map[int64][]string{}
	for _, h := range exported {
		anchors[h.Seq] = append(anchors[h.Seq], h.Hash)
	}
	bad := func(format string, args ...any) (Verification, error) {
		v.BadSeq, v.Problem = max(v.Head.Seq+1, 1), fmt.Sprintf(format, args...)
		return v, nil
	}
	sum, mac := sha256.New(), c.chain.mac()
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return bad("the file ends without its manifest: it was cut off")
		}
		if bytes.HasPrefix(line, []byte(`{"manifest":`)) {
			return c.closeArchive(v, line, hex.EncodeToString(sum.Sum(nil)), bad)
		}
		sum.Write(line)
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return bad("the line is not an entry")
		}
		if v.Entries == 0 { // what is before it is in an earlier archive
			v.Head = Head{Seq: e.Seq - 1, Hash: e.PrevHash}
			v.From = e.Seq
			v.FromHash = e.PrevHash
		}
		if problem := c.chain.check(&e, v.Head, c.chain.digest(mac, &e), anchors[e.Seq]); problem != "" {
			return bad("%s", problem)
		}
		v.Entries++
		v.Head = Head{Seq: e.Seq, Hash: e.Hash, At: e.At}
	}
}

func (c *Control) closeArchive(v Verification, line []byte, sum string, bad func(string, ...any) (Verification, error)) (Verification, error) {
	var l archiveLine
	if err := json.Unmarshal(line, &l); err != nil || l.Manifest == nil || !c.Genuine(*l.Manifest) {
		return bad("the manifest is not one that this installation has signed")
	}
	if m := l.Manifest; m.SHA256 != sum || m.Entries != v.Entries || m.Head.Seq != v.Head.Seq || m.Head.Hash != v.Head.Hash {
		return bad("the file is not what its manifest says")
	}
	return v, nil
}
