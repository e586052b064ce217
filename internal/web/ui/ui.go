// Package ui is the design system: tokens, the style sheet, the script, the
// icons, the parts that every page is put together from, and the few functions
// that templates may call.
//
// Text and links from outside become Text and Link here and nowhere else, so
// that a view can not carry anything a browser would obey or a reader would be
// fooled by. The package must not know any panel, feature or route.
package ui

import (
	"embed"
	"html/template"
	"io/fs"
	"sync"

	"github.com/envdeck/envdeck/internal/hostile"
)

//go:embed parts/*.html
var parts embed.FS

//go:embed tokens.css app.css app.js chart.js icons.svg favicon.svg vendor/idiomorph.min.js vendor/uplot.min.js vendor/uplot.min.css
var files embed.FS

// Styles is the style sheet without the panels' own.
func Styles() []byte { return read("tokens.css", "app.css") }

// Script is everything that runs in the browser, the vendored part first.
func Script() []byte { return read("vendor/idiomorph.min.js", "app.js") }

// ChartScript and ChartStyles are for the pages with a chart alone.
func ChartScript() []byte { return read("vendor/uplot.min.js", "chart.js") }

// ChartStyles is the style sheet that belongs to it.
func ChartStyles() []byte { return read("vendor/uplot.min.css") }

// Sprite holds every icon.
func Sprite() []byte { return read("icons.svg") }

// Favicon is the product's mark.
func Favicon() []byte { return read("favicon.svg") }

func read(names ...string) []byte {
	var all []byte
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			panic(err) // embedded at build time: it is there or the build is broken
		}
		all = append(append(all, b...), '\n')
	}
	return all
}

// Template answers the shared parts with the files of a page or panel that
// match the patterns. They are parsed when they are first asked for: parsing
// every page was half of the time that the server took to start. It panics on
// a template that does not parse: that is a defect which every test that draws
// the page shows.
func Template(name string, own fs.FS, patterns ...string) func() *template.Template {
	return sync.OnceValue(func() *template.Template {
		t := template.New(name).Option("missingkey=error").Funcs(functions())
		t = template.Must(t.ParseFS(parts, "parts/*.html"))
		return template.Must(t.ParseFS(own, patterns...))
	})
}

func functions() template.FuncMap {
	return template.FuncMap{
		"moment": NewMoment,
		"plural": Plural,
		"sprite": func() string { return SpritePath },
		"icon":   func(name string) string { return SpritePath + "#" + name },
	}
}

// Text is text from outside that is fit to show: one line, no control
// characters, marks that reorder or hide text made visible, of limited length.
// Escaping is html/template's.
type Text string

// Title makes the text of a title: the first line of s, 300 characters at most.
func Title(s string) Text { return Text(hostile.FirstLine(s, hostile.TitleLimit)) }

// Name makes the text of a name, 120 characters at most.
func Name(s string) Text { return Text(hostile.Line(s, hostile.NameLimit)) }

// Reason makes the text of an explanation, 300 characters at most.
func Reason(s string) Text { return Text(hostile.Line(s, hostile.TitleLimit)) }

// Lines makes the text of several lines, 1,200 characters at most.
func Lines(s string) Text {
	text := []rune(hostile.Lines(s))
	if len(text) > linesLimit {
		return Text(text[:linesLimit]) + "…"
	}
	return Text(text)
}

const linesLimit = 1200

// Link is an address that may be followed: https, or http of this machine.
type Link string

// NewLink answers s as a link, "" when it must not be followed.
func NewLink(s string) Link { return Link(hostile.Link(s)) }

// Tone is what a colour stands for. Every tone comes with an icon and a word.
type Tone string

// The tones. There are no others, so that a colour always means the same.
const (
	Good    Tone = "good"
	Warn    Tone = "warn"
	Bad     Tone = "bad"
	Busy    Tone = "busy"    // something is under way
	Quiet   Tone = "quiet"   // normal, and nothing to say
	Unknown Tone = "unknown" // nobody could tell: never green
)

// Badge is a state: icon, word and tone together.
type Badge struct {
	Icon string
	Word string
	Tone Tone
}

// Fact is a value that may be unknown, and then says why.
type Fact struct {
	Text   Text // "" when unknown
	Detail Text
	Why    Text // the reason when unknown
	Link   Link
}

// Known makes a fact that is known.
func Known(s Text) Fact { return Fact{Text: s} }

// NotKnown makes one that is not, with the reason.
func NotKnown(why string) Fact {
	if why == "" {
		why = "No source has answered yet."
	}
	return Fact{Why: Reason(why)}
}
