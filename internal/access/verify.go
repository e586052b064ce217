package access

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Verification is what checking the audit chain found.
type Verification struct {
	Entries int64 `json:"entries"` // that are sound, from the first on
	Head    Head  `json:"head"`    // the last sound entry
	// BadSeq is the place of the first entry that is wrong or missing, 0 when
	// the whole chain is sound; Problem says what is wrong with it.
	BadSeq  int64  `json:"badSeq,omitempty"`
	Problem string `json:"problem,omitempty"`
	// From is the first entry that was looked at, and FromHash the hash that it
	// continues: more than 1 when older entries were archived.
	From     int64  `json:"from"`
	FromHash string `json:"-"`
	// Unchecked is how many of the given heads lie in an archive: only its file
	// can be checked against them.
	Unchecked int `json:"unchecked,omitempty"`
}

// Sound says whether the whole chain verified.
func (v Verification) Sound() bool { return v.BadSeq == 0 }

// ParseHead reads a head as it is handed on: SEQ:HASH. False when it is none.
func ParseHead(text string) (Head, bool) {
	seq, hash, ok := strings.Cut(text, ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	if !ok || err != nil || n < 1 || len(hash) != len(GenesisHash) {
		return Head{}, false
	}
	return Head{Seq: n, Hash: strings.ToLower(hash)}, true
}

// verifyPage is how many entries are read at once: a reader that holds on for
// long would keep SQLite from tidying its log up.
const verifyPage = 2000

// VerifyAudit checks the whole chain: every hash, every link, no gap, and that
// it still passes through the heads that were exported earlier. Only against
// such a head can a tail that was cut off be told from one that never was.
// After an archive the chain goes on from its last hash.
func (c *Control) VerifyAudit(ctx context.Context, a Actor, exported ...Head) (Verification, error) {
	if _, err := c.Gate.Allow(ctx, a, ViewAudit, On{}); err != nil {
		return Verification{}, err
	}
	// Read first: entries that come meanwhile are beyond it.
	head, err := c.store.AuditHead(ctx)
	if err != nil {
		return Verification{}, err
	}
	anchors := map[int64][]string{}
	for _, h := range append(exported, head) {
		if h.Seq > 0 {
			anchors[h.Seq] = append(anchors[h.Seq], h.Hash)
		}
	}
	before, err := c.store.AuditArchive(ctx)
	if err != nil {
		return Verification{}, err
	}
	v := Verification{Head: Head{Hash: GenesisHash}}
	if before.Through > 0 {
		v.Head = Head{Seq: before.Through, Hash: before.Hash}
	}
	v.From, v.FromHash = v.Head.Seq+1, v.Head.Hash
	for seq, hashes := range anchors {
		switch {
		case seq > before.Through:
		case seq == before.Through && !slices.ContainsFunc(hashes, func(h string) bool { return h != before.Hash }):
			delete(anchors, seq)
		case seq == before.Through:
			v.BadSeq, v.Problem = seq, "the archive does not end with the entry that was here when the head was exported"
			return v, nil
		default:
			v.Unchecked += len(hashes)
			delete(anchors, seq)
		}
	}
	vouched := before.Through == 0
	mac := c.chain.mac()
	for {
		page, err := c.store.AuditEntries(ctx, v.Head.Seq, verifyPage)
		if err != nil {
			return Verification{}, err
		}
		for i := range page {
			e := &page[i]
			if problem := c.chain.check(e, v.Head, c.chain.digest(mac, e), anchors[e.Seq]); problem != "" {
				v.BadSeq, v.Problem = v.Head.Seq+1, problem
				return v, nil
			}
			delete(anchors, e.Seq)
			vouched = vouched || before.vouched(e)
			v.Entries++
			v.Head = Head{Seq: e.Seq, Hash: e.Hash, At: e.At}
		}
		if len(page) < verifyPage {
			break
		}
	}
	if !vouched {
		v.BadSeq, v.Problem = before.Through, "the entries up to here are gone, and no entry says that they were archived"
	}
	for seq := range anchors {
		if seq > v.Head.Seq {
			v.BadSeq = v.Head.Seq + 1
			v.Problem = fmt.Sprintf("the log ends here, but it was at least %d entries long: the end was cut off", max(seq, head.Seq))
		}
	}
	return v, nil
}

// check answers what is wrong with the entry that should follow prev.
func (c *chain) check(e *Entry, prev Head, digest string, anchors []string) string {
	switch {
	case e.Seq != prev.Seq+1:
		return fmt.Sprintf("the entry is missing; the next one there is %d", e.Seq)
	case e.PrevHash != prev.Hash:
		return "the entry does not continue the one before it: one of the two was changed"
	case e.Hash != digest:
		return "the entry does not fit its hash: it was changed, or written without the key"
	}
	for _, hash := range anchors {
		if hash != e.Hash {
			return "the entry is not the one that was here when the head was exported: the log was rewritten"
		}
	}
	return ""
}

// AuditHead is the present head of the chain, to be kept elsewhere.
func (c *Control) AuditHead(ctx context.Context, a Actor) (Head, error) {
	if _, err := c.Gate.Allow(ctx, a, ViewAudit, On{}); err != nil {
		return Head{}, err
	}
	return c.store.AuditHead(ctx)
}
