package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// Page is a part of the activity, newest first.
type Page struct {
	Entries []Entry `json:"entries"`
	// Next is the Before of the following page, 0 when this is the last.
	Next int64 `json:"next,omitempty"`
}

// Sizes of a page.
const (
	DefaultPage = 50
	MaxPage     = 500
)

// Activity answers what the filter lets through, newest first. Invalid for a
// filter that makes no sense.
func (c *Control) Activity(ctx context.Context, a Actor, f AuditFilter) (Page, error) {
	if _, err := c.Gate.Allow(ctx, a, ViewAudit, On{Environment: f.Environment, Project: f.Project}); err != nil {
		return Page{}, err
	}
	f, err := f.checked()
	if err != nil {
		return Page{}, err
	}
	return c.page(ctx, f)
}

func (c *Control) page(ctx context.Context, f AuditFilter) (Page, error) {
	limit := f.Limit
	f.Limit++ // one more says whether there is a next page
	entries, err := c.store.AuditSearch(ctx, f)
	if err != nil {
		return Page{}, err
	}
	if len(entries) <= limit {
		return Page{Entries: entries}, nil
	}
	return Page{Entries: entries[:limit], Next: entries[limit-1].Seq}, nil
}

func (f AuditFilter) checked() (AuditFilter, error) {
	if f.Limit == 0 {
		f.Limit = DefaultPage
	}
	switch {
	case f.Limit < 0 || f.Limit > MaxPage:
		return f, fault.New(fault.Invalid, "A page has between 1 and %d entries.", MaxPage)
	case f.Before < 0:
		return f, fault.New(fault.Invalid, "The cursor has to be the \"next\" of an earlier page.")
	case !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To):
		return f, fault.New(fault.Invalid, "The time span ends before it begins.")
	}
	for _, s := range []*string{&f.Actor, &f.Action, &f.Environment, &f.Project} {
		*s = hostile.Line(*s, maxField)
	}
	return f, nil
}

// Entry answers one entry by its number.
func (c *Control) Entry(ctx context.Context, a Actor, seq int64) (Entry, error) {
	if _, err := c.Gate.Allow(ctx, a, ViewAudit, On{}); err != nil {
		return Entry{}, err
	}
	found, err := c.store.AuditEntries(ctx, seq-1, 1)
	if err != nil {
		return Entry{}, err
	}
	if len(found) == 0 || found[0].Seq != seq {
		return Entry{}, fault.New(fault.NotFound, "There is no audit entry %d.", seq)
	}
	return found[0], nil
}

// Format is the form of an export.
type Format string

// The formats.
const (
	JSONL Format = "jsonl" // one entry a line, with its hashes
	CSV   Format = "csv"   // for spreadsheets
)

// Manifest says what an export holds, so that it can be checked later that
// nothing was taken out of it. Signature is an HMAC-SHA256 over the other
// fields, with the key of the chain.
type Manifest struct {
	Format    Format    `json:"format"`
	At        time.Time `json:"at"`
	By        string    `json:"by"`
	Entries   int64     `json:"entries"`
	FirstSeq  int64     `json:"firstSeq"` // the newest entry comes first
	LastSeq   int64     `json:"lastSeq"`
	Head      Head      `json:"head"`   // of the chain at the time
	SHA256    string    `json:"sha256"` // of the exported bytes
	Signature string    `json:"signature"`
}

// Export writes what the filter lets through to w, newest first, and answers
// the manifest of it. The export itself is an entry in the log.
func (c *Control) Export(ctx context.Context, a Actor, f AuditFilter, format Format, reason string, w io.Writer) (Manifest, error) {
	permit, err := c.Gate.Allow(ctx, a, ExportAudit, On{Environment: f.Environment, Project: f.Project})
	if err != nil {
		return Manifest{}, err
	}
	f.Limit = MaxPage
	if f, err = f.checked(); err != nil {
		return Manifest{}, err
	}
	sum := sha256.New()
	write, flush, err := writerOf(format, io.MultiWriter(w, sum))
	if err != nil {
		return Manifest{}, err
	}
	// Recorded before the first byte leaves.
	if _, err := c.store.AppendAudit(ctx, permit.Receipt(Note{Reason: reason, Detail: Detail{Format: string(format)}})); err != nil {
		return Manifest{}, err
	}
	m := Manifest{Format: format, At: c.now(), By: a.ID}
	if m.Head, err = c.store.AuditHead(ctx); err != nil {
		return Manifest{}, err
	}
	for {
		page, err := c.page(ctx, f)
		if err != nil {
			return Manifest{}, err
		}
		for i := range page.Entries {
			if m.Entries == 0 {
				m.FirstSeq = page.Entries[i].Seq
			}
			m.Entries, m.LastSeq = m.Entries+1, page.Entries[i].Seq
			if err := write(&page.Entries[i]); err != nil {
				return Manifest{}, fault.Wrap(fault.Internal, err, "The export was cut off.")
			}
		}
		if page.Next == 0 {
			break
		}
		f.Before = page.Next
	}
	if err := flush(); err != nil {
		return Manifest{}, fault.Wrap(fault.Internal, err, "The export was cut off.")
	}
	m.SHA256 = hex.EncodeToString(sum.Sum(nil))
	m.Signature = c.sign(m)
	return m, nil
}

// Genuine says whether the manifest was made by this installation and not
// changed since.
func (c *Control) Genuine(m Manifest) bool {
	return hmac.Equal([]byte(m.Signature), []byte(c.sign(m)))
}

func (c *Control) sign(m Manifest) string {
	m.Signature = ""
	text, err := json.Marshal(m)
	if err != nil {
		return "" // strings, numbers and times always encode
	}
	mac := c.chain.mac()
	mac.Write([]byte("manifest:"))
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}

func writerOf(format Format, w io.Writer) (write func(*Entry) error, flush func() error, err error) {
	switch format {
	case JSONL:
		enc := json.NewEncoder(w)
		return func(e *Entry) error { return enc.Encode(e) }, func() error { return nil }, nil
	case CSV:
		out := csv.NewWriter(w)
		header := false
		write = func(e *Entry) error {
			if !header {
				header = true
				if err := out.Write(csvColumns()); err != nil {
					return err
				}
			}
			return out.Write(e.csv())
		}
		return write, func() error { out.Flush(); return out.Error() }, nil
	default:
		return nil, nil, fault.New(fault.Invalid, "An export is jsonl or csv.")
	}
}

func csvColumns() []string {
	return []string{
		"seq", "at", "actor_kind", "actor_id", "actor_name", "token_id", "session_id", "face", "action", "project", "environment",
		"object", "reason", "result", "request_id", "address", "detail", "prev_hash", "hash",
	}
}

func (e *Entry) csv() []string {
	cells := []string{
		strconv.FormatInt(e.Seq, 10), e.At.Format(time.RFC3339Nano), string(e.ActorKind), e.ActorID, e.ActorName, e.TokenID,
		e.SessionID, string(e.Face), e.Action, e.Project, e.Environment, e.Object, e.Reason, string(e.Result), e.RequestID,
		e.Address, e.Detail, e.PrevHash, e.Hash,
	}
	for i := range cells {
		cells[i] = inert(cells[i])
	}
	return cells
}

// inert keeps a spreadsheet from taking a cell for a formula, which could call
// out with the sheet's content.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
