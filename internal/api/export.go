package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/envdeck/envdeck/internal/access"
)

// manifestHeader is the trailer of a download. A manifest names the sum of
// what was sent, so it can only come after it; and a download is never held in
// memory as a whole.
const manifestHeader = "Envdeck-Manifest"

// manifestLine is the last line of a download in jsonl.
type manifestLine struct {
	Manifest access.Manifest `json:"manifest"`
}

// export streams the record. What goes wrong before the first byte is a
// problem like any other; after it the answer is cut off, so that half a
// record can not be taken for the whole.
func (a *API) export(c huma.Context, in *auditQuery) {
	r, w := humago.Unwrap(c)
	out := &download{w: w, at: a.Clock.Now(), format: access.Format(in.Format), limits: http.NewResponseController(w)}
	manifest, err := a.Control.Export(r.Context(), actor(r.Context()), in.filter(), out.format, in.Reason, out)
	if err != nil {
		p := a.Door.Explain(r.Context(), c.Operation().Path, actor(r.Context()).RequestID, err)
		if out.begun {
			panic(http.ErrAbortHandler)
		}
		a.Door.Refuse(w, p)
		return
	}
	out.begin() // there may be no entry at all
	text, err := json.Marshal(manifestLine{manifest})
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if out.format == access.JSONL {
		_, _ = out.Write(append(text, '\n')) // the reader has gone: nobody is left to tell
	}
	if text, err = json.Marshal(manifest); err == nil {
		w.Header().Set(http.TrailerPrefix+manifestHeader, ascii(text))
	}
}

// download is an answer that begins with its first byte.
type download struct {
	w      http.ResponseWriter
	at     time.Time
	format access.Format
	limits *http.ResponseController
	begun  bool
}

// formats is what a download is, and how its file is called.
var formats = map[access.Format]struct{ media, ending string }{
	access.JSONL: {"application/jsonl; charset=utf-8", ".jsonl"},
	access.CSV:   {"text/csv; charset=utf-8; header=present", ".csv"},
}

func (d *download) begin() {
	if d.begun {
		return
	}
	d.begun = true
	h := d.w.Header()
	h.Set("Content-Type", formats[d.format].media)
	h.Set("Content-Disposition", `attachment; filename="envdeck-audit-`+d.at.UTC().Format("20060102T150405Z")+formats[d.format].ending+`"`)
	// Should a browser show it all the same, it is nobody's page.
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	d.w.WriteHeader(http.StatusOK)
}

// Write gives a reader that reads half a minute more.
func (d *download) Write(p []byte) (int, error) {
	d.begin()
	_ = d.limits.SetWriteDeadline(time.Now().Add(30 * time.Second)) // not every writer has deadlines: a test's has none
	return d.w.Write(p)
}

// ascii writes JSON so that it can travel in a header.
func ascii(text []byte) string {
	out := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case r < 0x80:
			out = append(out, byte(r))
		case r < 0x10000:
			out = appendEscape(out, r)
		default: // outside of the basic plane JSON wants a pair
			r -= 0x10000
			out = appendEscape(appendEscape(out, 0xd800+r>>10), 0xdc00+r&0x3ff)
		}
	}
	return string(out)
}

func appendEscape(out []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(out, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
