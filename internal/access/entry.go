package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// Result is how an act ended, as far as the entry knows.
type Result string

// The results. Requested is an act that began: its end is an entry of its own.
const (
	Done      Result = "done"
	Requested Result = "requested"
	Refused   Result = "refused" // a rule said no: bad state, bad target
	Denied    Result = "denied"  // the policy said no
	Failed    Result = "failed"
)

// On is what an act is on.
type On struct {
	Project     string
	Environment string
	Object      string // the id of a deployment, operation, user, token…
}

// Detail is the whole list of what an entry may hold beside its columns.
// It is a closed list on purpose: a record that takes "the request without its
// secrets" leaks the first secret that nobody thought of.
type Detail struct {
	From      string `json:"from,omitempty"`      // deployment id, role, state before
	To        string `json:"to,omitempty"`        // the same, after
	Commit    string `json:"commit,omitempty"`    // SHA
	Operation string `json:"operation,omitempty"` // operation id
	Phase     string `json:"phase,omitempty"`     // of an operation
	Rule      string `json:"rule,omitempty"`      // which rule refused or acted
	Method    string `json:"method,omitempty"`    // how someone signed in
	Scope     string `json:"scope,omitempty"`     // of a token
	LastFour  string `json:"lastFour,omitempty"`  // of a token
	Format    string `json:"format,omitempty"`    // of an export
	Count     int64  `json:"count,omitempty"`     // how many acts or rows this entry stands for
	Verdict   string `json:"verdict,omitempty"`   // health after the act
	Digest    string `json:"digest,omitempty"`    // SHA-256 of a configuration or sheet
	Until     string `json:"until,omitempty"`     // RFC 3339: an expiry
	Note      string `json:"note,omitempty"`      // words of our own, never from outside
}

// Entry is one row of the audit log.
type Entry struct {
	Seq         int64     `json:"seq"`
	At          time.Time `json:"at"` // microseconds, UTC
	ActorKind   Kind      `json:"actorKind"`
	ActorID     string    `json:"actorId"`
	ActorName   string    `json:"actorName"`
	TokenID     string    `json:"tokenId,omitempty"`
	SessionID   string    `json:"sessionId,omitempty"`
	Face        Face      `json:"face,omitempty"`
	Action      string    `json:"action"`
	Project     string    `json:"project,omitempty"`
	Environment string    `json:"environment,omitempty"`
	Object      string    `json:"object,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Result      Result    `json:"result"`
	RequestID   string    `json:"requestId,omitempty"`
	Address     string    `json:"address,omitempty"`
	// Detail is the JSON text of a Detail exactly as it is stored: what is
	// hashed must be the stored bytes.
	Detail   string `json:"detail,omitempty"`
	PrevHash string `json:"prevHash"` // hex, of the entry before; GenesisHash for the first
	Hash     string `json:"hash"`     // hex HMAC-SHA256
}

// GenesisHash stands before the first entry.
const GenesisHash = "0000000000000000000000000000000000000000000000000000000000000000"

// chain makes the hashes of entries. The key is kept outside of the database:
// somebody who can write the database can not write a chain that verifies.
type chain struct {
	key    []byte
	landed func(Entry)
}

// digest is the HMAC over every column. Each field goes in with its length, so
// that no text can be moved from one column to its neighbour unseen.
func (c *chain) digest(mac hash.Hash, e *Entry) string {
	mac.Reset()
	var n [8]byte
	number := func(v int64) {
		binary.BigEndian.PutUint64(n[:], uint64(v))
		mac.Write(n[:])
	}
	text := func(s string) {
		number(int64(len(s)))
		mac.Write([]byte(s))
	}
	number(e.Seq)
	number(e.At.UnixMicro())
	for _, s := range [...]string{
		string(e.ActorKind), e.ActorID, e.ActorName, e.TokenID, e.SessionID, string(e.Face), e.Action,
		e.Project, e.Environment, e.Object, e.Reason, string(e.Result), e.RequestID, e.Address, e.Detail, e.PrevHash,
	} {
		text(s)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

func (c *chain) mac() hash.Hash { return hmac.New(sha256.New, c.key) }

// Receipt is the audit entry of an act that the Gate allowed. A store method
// that changes anything takes one and commits its entry in the transaction of
// the change. Only the Gate and this room make receipts; the zero value can
// not be sealed.
type Receipt struct {
	entry Entry
	chain *chain
}

// Entry is what will be recorded, still without its place in the chain.
func (r Receipt) Entry() Entry { return r.entry }

// Seal gives the entry its place behind the entry seq-1, whose hash is prev.
// Stores call it inside the transaction, holding the lock on the chain's head.
// Internal for a receipt that did not come from the Gate.
func (r Receipt) Seal(seq int64, prev string) (Entry, error) {
	if r.chain == nil {
		return Entry{}, fault.New(fault.Internal, "An act without a receipt of the Gate was refused.")
	}
	e := r.entry
	e.Seq, e.PrevHash = seq, prev
	e.Hash = r.chain.digest(r.chain.mac(), &e)
	return e, nil
}

// Landed is called by the store after the commit, with what Seal gave, so that
// the head of the chain can leave this machine.
func (r Receipt) Landed(e Entry) {
	if r.chain != nil && r.chain.landed != nil {
		r.chain.landed(e)
	}
}

// Limits of the texts in an entry, in runes.
const (
	maxReason = 1000
	maxField  = 200
)

func (c *chain) receipt(at time.Time, a Actor, action string, on On, n Note) Receipt {
	e := Entry{
		At:        at.UTC().Truncate(time.Microsecond),
		ActorKind: a.Kind, ActorID: hostile.Line(a.ID, maxField), ActorName: hostile.Line(a.Label(), maxField),
		TokenID: a.TokenID, SessionID: a.SessionID, Face: a.Face,
		Action:  action,
		Project: hostile.Line(on.Project, maxField), Environment: hostile.Line(on.Environment, maxField), Object: hostile.Line(on.Object, maxField),
		Reason: hostile.Line(n.Reason, maxReason), Result: n.Result,
		RequestID: hostile.Line(a.RequestID, maxField), Address: hostile.Line(a.Address, maxField),
		Detail: n.Detail.text(),
	}
	if e.Result == "" {
		e.Result = Done
	}
	return Receipt{entry: e, chain: c}
}

func (d Detail) text() string {
	if d == (Detail{}) {
		return ""
	}
	for _, s := range []*string{
		&d.From, &d.To, &d.Commit, &d.Operation, &d.Phase, &d.Rule, &d.Method, &d.Scope,
		&d.LastFour, &d.Format, &d.Verdict, &d.Digest, &d.Until, &d.Note,
	} {
		*s = hostile.Line(*s, maxField)
	}
	b, err := json.Marshal(d)
	if err != nil {
		return "" // a struct of strings and a number always encodes
	}
	return string(b)
}

// Note is what a use case adds to the entry of its act.
type Note struct {
	// Act narrows the use case's name: "created", "disabled". Ours, never from
	// outside.
	Act    string
	Object string // when it was not known at the Gate: the id that was made
	Reason string // why, in the person's words
	Result Result // Done when empty
	Detail Detail
}
