// Package panel is the frame that every panel of the dashboard stands in, and
// what a panel has to give: a typed view of facts and a template.
//
// The frame draws once what all panels share: the title, the age of each
// source, the notice when a source is broken, the waiting and the empty state.
// A panel that fails is drawn as its failure; its neighbours never notice. The
// package must not know any one panel, HTTP or where facts come from.
package panel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/url"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Viewer is who looks, at what, and when.
type Viewer struct {
	Actor   access.Actor
	Project string // "" is the first project
	Now     time.Time
	Query   url.Values // what the page's address asks for beside the project
	Build   string     // which release of the pages draws: another one draws anew
}

// Age is how long ago a source was last asked.
type Age = status.Age

// Notice is one sentence above a panel: a broken source, in words.
type Notice struct {
	Tone   ui.Tone
	Source ui.Text // whose fault it is, "" when it is nobody's
	Text   ui.Text
}

// Facts is what a panel's Load answers.
type Facts[V any] struct {
	View    V
	Ages    []Age
	Notices []Notice
	// Waiting says that nothing is known yet: the frame draws the waiting state.
	Waiting bool
	// Title is what the browser's title bar says first, "" for nothing.
	Title ui.Text
	// Say is the panel's state in a few words. When it changes, a screen
	// reader hears the new words; when only numbers change, it hears nothing.
	Say ui.Text
	// Pace is how many seconds the page waits before it asks again, 0 for the
	// usual time: while something is under way, people watch.
	Pace int
}

// Panel is one panel, whatever its view.
type Panel interface {
	// Name is the panel's name in addresses and in the page.
	Name() string
	// Styles is the panel's own part of the style sheet.
	Styles() []byte
	// Prepare loads the facts. The answer can be compared by its ETag before
	// it is drawn. A fault is answered as it is.
	Prepare(ctx context.Context, v Viewer) (Prepared, error)
	// Fail draws the frame with what went wrong in place of the facts.
	Fail(w io.Writer, v Viewer, problem *fault.Error) error
}

// Prepared is a panel's facts, ready to be drawn.
type Prepared struct {
	ETag  string // quoted; covers the facts and the release that draws them, not the time
	Ages  []Age
	Title ui.Text
	Draw  func(w io.Writer) error
}

// Page is one page: its place, its name, what one must be allowed to do to see
// it, and the panels on it, from the top.
type Page struct {
	Path   string
	Title  string
	Use    access.UseCase
	Panels []Panel
	Under  string // the page that stands for this one in the navigation, "" for itself
	Charts bool   // it has a chart that a script draws
}

// Room is a panel with a view of type V.
type Room[V any] struct {
	name, title string
	more        More
	styles      []byte
	tmpl        func() *template.Template
	load        func(ctx context.Context, v Viewer) (Facts[V], error)
}

// More is a link beside a panel's title to where there is more of it.
type More struct{ Path, Text string }

// New makes a panel of the files panel.html (which defines "panel", drawn with
// a Frame of V) and panel.css in own.
func New[V any](name, title string, more More, own fs.FS, load func(context.Context, Viewer) (Facts[V], error)) *Room[V] {
	styles, err := fs.ReadFile(own, "panel.css")
	if err != nil {
		panic(err) // embedded at build time
	}
	return &Room[V]{name: name, title: title, more: more, styles: styles, tmpl: ui.Template(name, own, "panel.html"), load: load}
}

// Name is the panel's name.
func (r *Room[V]) Name() string { return r.name }

// Styles is the panel's style sheet.
func (r *Room[V]) Styles() []byte { return r.styles }

// Template is the panel's template set, for the test that checks its types.
func (r *Room[V]) Template() *template.Template { return r.tmpl() }

// Prepare loads the facts and makes their ETag.
func (r *Room[V]) Prepare(ctx context.Context, v Viewer) (Prepared, error) {
	facts, err := r.load(ctx, v)
	if err != nil {
		return Prepared{}, err
	}
	frame := r.frame(v)
	frame.View, frame.Waiting, frame.Notices = facts.View, facts.Waiting, facts.Notices
	frame.BarTitle, frame.Say, frame.Pace = facts.Title, facts.Say, facts.Pace
	covered, err := json.Marshal(struct {
		View    V
		Notices []Notice
		Waiting bool
		Title   ui.Text
		Pace    int
	}{facts.View, facts.Notices, facts.Waiting, facts.Title, facts.Pace})
	if err != nil {
		return Prepared{}, fmt.Errorf("panel %s: %w", r.name, err)
	}
	sum := sha256.Sum256(covered)
	frame.ETag = `"` + v.Build + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	frame.setAges(facts.Ages)
	return Prepared{
		ETag: frame.ETag, Ages: facts.Ages, Title: facts.Title,
		Draw: func(w io.Writer) error { return r.draw(w, frame) },
	}, nil
}

// Fail draws the frame with a problem in it.
func (r *Room[V]) Fail(w io.Writer, v Viewer, problem *fault.Error) error {
	frame := r.frame(v)
	frame.Failure = &Failure{Title: problem.Kind.Title(), Text: ui.Reason(problem.Message), Denied: problem.Kind == fault.Denied}
	return r.draw(w, frame)
}

func (r *Room[V]) frame(v Viewer) Frame[V] {
	return Frame[V]{Name: r.name, Title: r.title, More: r.more, Project: v.Project, Now: v.Now}
}

// draw renders into memory first: a page is whole or it is not sent.
func (r *Room[V]) draw(w io.Writer, frame Frame[V]) error {
	var b bytes.Buffer
	if err := r.tmpl().ExecuteTemplate(&b, "frame", frame); err != nil {
		return fmt.Errorf("panel %s: %w", r.name, err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
