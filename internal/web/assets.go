package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// assets are the files a page needs. Their names hold a hash of their content,
// so browsers keep them for ever and never have an old one.
type assets struct {
	css, js, icon string
	// Of the pages with charts alone.
	chartCSS, chartJS string

	build  string // changes when any of them does
	byPath map[string]asset
}

type asset struct {
	kind   string
	plain  []byte
	zipped func() []byte // made when first asked for, kept for ever
}

func newAssets(styles []byte) *assets {
	a := &assets{byPath: map[string]asset{}}
	a.css = a.add("app", ".css", "text/css; charset=utf-8", styles)
	a.js = a.add("app", ".js", "text/javascript; charset=utf-8", ui.Script())
	a.icon = a.add("favicon", ".svg", "image/svg+xml", ui.Favicon())
	a.chartCSS = a.add("chart", ".css", "text/css; charset=utf-8", ui.ChartStyles())
	a.chartJS = a.add("chart", ".js", "text/javascript; charset=utf-8", ui.ChartScript())
	sprite := a.add("icons", ".svg", "image/svg+xml", ui.Sprite())
	sum := sha256.Sum256([]byte(a.css + a.js + a.icon + sprite + a.chartJS))
	a.build = hex.EncodeToString(sum[:4])
	return a
}

func (a *assets) add(stem, ext, kind string, content []byte) string {
	path := ui.AssetPath(stem, ext, content)
	a.byPath[path] = asset{kind: kind, plain: content, zipped: sync.OnceValue(func() []byte {
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a constant that exists
		_, _ = w.Write(content)                               // a bytes.Buffer takes everything
		_ = w.Close()
		return b.Bytes()
	})}
	return path
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	one, ok := a.byPath[r.URL.Path]
	if !ok {
		http.Error(w, "There is no such file.", fault.NotFound.Status())
		return
	}
	h := w.Header()
	h["Cache-Control"] = []string{"public, max-age=31536000, immutable"}
	one.write(w, r)
}

// favicon is for browsers that ask for it without being told its name.
func (a *assets) favicon(w http.ResponseWriter, r *http.Request) {
	w.Header()["Cache-Control"] = []string{"public, max-age=86400"}
	a.byPath[a.icon].write(w, r)
}

func (one asset) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Content-Type"] = []string{one.kind}
	h["Vary"] = []string{"Accept-Encoding"}
	body := one.plain
	if acceptsGzip(r) {
		h["Content-Encoding"] = []string{"gzip"}
		body = one.zipped()
	}
	_, _ = w.Write(body) // the reader went away: nobody is left to tell
}

var zippers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is a constant that exists
	return w
}}

// writeHTML answers a page or a part of one. Pages hold no secret that an
// attacker could mix with text of their own, so compressing them is safe.
func writeHTML(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"text/html; charset=utf-8"}
	h["Vary"] = []string{"Accept-Encoding, Cookie"}
	if len(body) >= 1024 && acceptsGzip(r) {
		h["Content-Encoding"] = []string{"gzip"}
		body = zip(body)
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))} // one piece, so that it is drawn as one
	w.WriteHeader(status)
	_, _ = w.Write(body) // the reader went away: nobody is left to tell
}

func zip(body []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(body) / 3)
	z, _ := zippers.Get().(*gzip.Writer)
	z.Reset(&b)
	_, _ = z.Write(body) // a bytes.Buffer takes everything
	_ = z.Close()
	zippers.Put(z)
	return b.Bytes()
}

func acceptsGzip(r *http.Request) bool {
	for one := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(one), ";")
		if name == "gzip" && strings.ReplaceAll(params, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
