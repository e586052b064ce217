package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/panel/activity"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// ActivityPath is the page of the record.
const ActivityPath = activity.Path

// entryView is one entry of the record, with its place in the chain.
type entryView struct {
	settingsView
	activity.Row
	Exact  string
	Facts  []fact
	Detail []fact
	Hash   ui.Text
	Prev   ui.Text
	First  bool
	Before *activity.Row // the entry before it, nil for the first
	After  *activity.Row // the entry after it, nil for the last
}

func (s *Web) entry(w http.ResponseWriter, r *http.Request, a access.Actor) {
	seq, err := strconv.ParseInt(r.PathValue("seq"), 10, 64)
	if err != nil || seq < 1 {
		s.Problem(w, r, fault.New(fault.NotFound, "There is no such audit entry."))
		return
	}
	e, err := s.deps.Control.Entry(r.Context(), a, seq)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := entryView{
		settingsView: s.settings(r, a, "Entry "+strconv.FormatInt(seq, 10)), Row: activity.NewRow(&e), Exact: e.At.UTC().Format("2 January 2006, 15:04:05.000 MST"),
		Hash: ui.Name(e.Hash), Prev: ui.Name(e.PrevHash), First: e.PrevHash == access.GenesisHash,
		Detail: detailFacts(e.Detail),
	}
	for _, f := range []fact{
		{"Person", ui.Name(e.ActorName)},
		{"Id", ui.Name(e.ActorID)},
		{"Token", ui.Name(e.TokenID)},
		{"Session", ui.Name(e.SessionID)},
		{"Through", ui.Name(string(e.Face))},
		{"Address", ui.Name(e.Address)},
		{"Project", ui.Name(e.Project)},
		{"Environment", ui.Name(e.Environment)},
		{"Object", ui.Name(e.Object)},
		{"Reason", ui.Text(e.Reason)},
		{"Request", ui.Name(e.RequestID)},
	} {
		if f.Value != "" {
			view.Facts = append(view.Facts, f)
		}
	}
	if view.Before, err = s.neighbour(r, a, seq-1); err == nil {
		view.After, err = s.neighbour(r, a, seq+1)
	}
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	s.draw(w, r, http.StatusOK, "entry", view)
}

// neighbour is the entry beside one, nil when there is none.
func (s *Web) neighbour(r *http.Request, a access.Actor, seq int64) (*activity.Row, error) {
	if seq < 1 {
		return nil, nil
	}
	e, err := s.deps.Control.Entry(r.Context(), a, seq)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	row := activity.NewRow(&e)
	return &row, nil
}

// detailNames are what the fields of an entry's detail are called, in order.
var detailNames = [...][2]string{
	{"from", "From"},
	{"to", "To"},
	{"commit", "Commit"},
	{"operation", "Operation"},
	{"phase", "Phase"},
	{"rule", "Rule"},
	{"method", "Method"},
	{"scope", "Scope"},
	{"lastFour", "Ends in"},
	{"format", "Format"},
	{"count", "Count"},
	{"verdict", "Verdict"},
	{"digest", "Digest"},
	{"until", "Until"},
	{"note", "Note"},
}

func detailFacts(text string) []fact {
	if text == "" {
		return nil
	}
	var detail map[string]any
	if err := json.Unmarshal([]byte(text), &detail); err != nil {
		return []fact{{"Detail", ui.Reason(text)}} // a record that was tampered with: show what is there
	}
	var facts []fact
	for _, name := range detailNames {
		if v, ok := detail[name[0]]; ok {
			facts = append(facts, fact{name[1], ui.Reason(fmt.Sprint(v))})
		}
	}
	return facts
}

// verifyView is what checking the record found.
type verifyView struct {
	settingsView
	Sound   bool
	Entries string
	BadSeq  int64
	BadPath string
	Problem ui.Text
	Head    access.Head
	Took    string
}

func (s *Web) verify(w http.ResponseWriter, r *http.Request, a access.Actor) {
	began := s.deps.Clock.Now()
	found, err := s.deps.Control.VerifyAudit(r.Context(), a)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := verifyView{
		settingsView: s.settings(r, a, "Verification"), Sound: found.Sound(), Entries: ui.Plural(int(found.Entries), "entry", "entries"),
		BadSeq: found.BadSeq, Problem: ui.Reason(found.Problem), Head: found.Head,
		Took: ui.Milliseconds(float64(s.deps.Clock.Now().Sub(began)) / float64(time.Millisecond)),
	}
	if found.BadSeq > 0 {
		view.BadPath = ActivityPath + "/" + strconv.FormatInt(found.BadSeq, 10)
	}
	s.draw(w, r, http.StatusOK, "verify", view)
}

// exportForm asks why, because the record of an export says so.
func (s *Web) exportForm(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawExport(w, r, a, http.StatusOK, exportFields(r.URL.Query()).fill(r.URL.Query()))
}

func exportFields(q url.Values) formView {
	filter := activity.FilterOf(q)
	f := formView{ID: "export", Action: ActivityPath + "/export", Submit: "Download", Back: ActivityPath + "?" + filter.Query().Encode()}
	for name, values := range filter.Query() {
		f.Fields = append(f.Fields, field{Name: name, Kind: "hidden", Value: ui.Name(values[0])})
	}
	f.Fields = append(f.Fields,
		field{Name: "format", Label: "Format", Kind: "select", Options: choose("jsonl",
			option{Value: "jsonl", Text: "JSON Lines: with every hash, for programs"},
			option{Value: "csv", Text: "CSV: for spreadsheets"})},
		field{Name: "reason", Label: "Reason", Kind: "text", Required: true, Max: 300, Hint: "The export is itself recorded, with these words."},
	)
	return f
}

func (s *Web) drawExport(w http.ResponseWriter, r *http.Request, a access.Actor, status int, form formView) {
	values := r.URL.Query()
	if r.Method == http.MethodPost {
		values = r.PostForm
	}
	view := askView{
		settingsView: s.settings(r, a, "Export the record"), Heading: "Export the record", Form: form,
		About: "What the filter lets through, newest first, with a signed manifest as the last line of JSON Lines.",
	}
	for _, one := range [...][2]string{{"person", "Person"}, {"action", "Action"}, {"environment", "Environment"}, {"result", "Result"}, {"from", "From"}, {"to", "Until"}} {
		if v := values.Get(one[0]); v != "" {
			view.Facts = append(view.Facts, fact{one[1], ui.Name(v)})
		}
	}
	if len(view.Facts) == 0 {
		view.Facts = []fact{{"Filter", "none: the whole record"}}
	}
	s.draw(w, r, status, "ask", view)
}

func (s *Web) export(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	f := exportFields(r.PostForm)
	redraw := func(err error) {
		s.refused(w, r, err, f, ActivityPath+"/export?"+activity.FilterOf(r.PostForm).Query().Encode(), "format", func(status int, f formView) { s.drawExport(w, r, a, status, f) })
	}
	reason := r.PostForm.Get("reason")
	if reason == "" {
		redraw(&fault.Error{Kind: fault.Invalid, Message: "The export needs a reason.", Places: []fault.Place{{Where: "reason", Problem: "Say why: the record keeps it."}}})
		return
	}
	out := &download{w: w, at: s.deps.Clock.Now(), format: access.Format(r.PostForm.Get("format")), limits: http.NewResponseController(w)}
	manifest, err := s.deps.Control.Export(r.Context(), a, activity.FilterOf(r.PostForm).Audit(), out.format, reason, out)
	if err != nil {
		if out.begun {
			_ = s.logged(r, err)
			panic(http.ErrAbortHandler) // half a record must not be taken for the whole
		}
		redraw(err)
		return
	}
	out.begin() // there may be no entry at all
	if out.format == access.JSONL {
		text, err := json.Marshal(map[string]access.Manifest{"manifest": manifest})
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = out.Write(append(text, '\n')) // the reader has gone: nobody is left to tell
	}
}

// download is an answer that begins with its first byte: until then a problem
// can still be a page.
type download struct {
	w      http.ResponseWriter
	at     time.Time
	format access.Format
	limits *http.ResponseController
	begun  bool
}

func (d *download) begin() {
	if d.begun {
		return
	}
	d.begun = true
	media := "application/jsonl; charset=utf-8"
	if d.format == access.CSV {
		media = "text/csv; charset=utf-8; header=present"
	}
	h := d.w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", `attachment; filename="envdeck-audit-`+d.at.UTC().Format("20060102T150405Z")+"."+string(d.format)+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	d.w.WriteHeader(http.StatusOK)
}

// Write gives a reader that reads half a minute more.
func (d *download) Write(p []byte) (int, error) {
	d.begin()
	_ = d.limits.SetWriteDeadline(time.Now().Add(30 * time.Second)) // not every writer has deadlines: a test's has none
	return d.w.Write(p)
}
