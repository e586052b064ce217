package web

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// problemView is what an error page is drawn with.
type problemView struct {
	head
	Status  int
	Heading string
	Text    ui.Text
	Request ui.Text // the id to look for in the log, "" when there is none
	SignIn  string  // where to sign in, "" when that would not help
	Icon2   string
}

// Problem answers an error as a page.
func (s *Web) Problem(w http.ResponseWriter, r *http.Request, err error) {
	problem := s.logged(r, err)
	p := door.ProblemOf(problem, w.Header().Get("Envdeck-Request"))
	p.Headers(w.Header())
	s.ShowProblem(w, r, p)
}

// ShowProblem draws a problem that the door, or another face, already wrote
// down: what a person meets in a browser is a page. Somebody who is not signed
// in is sent to do that, and comes back.
func (s *Web) ShowProblem(w http.ResponseWriter, r *http.Request, p door.Problem) {
	// Whoever shows a token that does not work is no person at a browser: the
	// page for signing in would refuse it as well, and send it round in circles.
	whole := r.Method == http.MethodGet && r.URL.Query().Get("fragment") == "" && r.Header.Get("Authorization") == ""
	if p.Status == http.StatusUnauthorized && whole {
		http.Redirect(w, r, signInPath(r), http.StatusSeeOther)
		return
	}
	view := problemView{
		head: s.head(r, p.Title), Status: p.Status, Heading: p.Title,
		Text: ui.Reason(p.Detail), Request: ui.Name(p.Request), Icon2: "failed",
	}
	switch p.Status {
	case http.StatusUnauthorized:
		view.SignIn, view.Icon2 = signInPath(r), "lock"
	case http.StatusForbidden:
		view.Icon2 = "lock"
	case http.StatusNotFound:
		view.Icon2 = "search"
	}
	w.Header().Del("Etag")
	var b bytes.Buffer
	if err := s.templates().ExecuteTemplate(&b, "problem", view); err != nil {
		s.deps.Log.ErrorContext(r.Context(), "the error page could not be drawn", "error", err)
		door.WriteProblem(w, p)
		return
	}
	writeHTML(w, r, p.Status, b.Bytes())
}

// logged answers err as a fault, and logs it when it is our own defect: the
// page shows a person nothing of the inside.
func (s *Web) logged(r *http.Request, err error) *fault.Error {
	problem := fault.From(err)
	if problem.Kind == fault.Internal {
		s.deps.Log.ErrorContext(r.Context(), "a page failed", "path", r.URL.Path, "error", err)
	}
	return problem
}

func signInPath(r *http.Request) string {
	if r.Method != http.MethodGet {
		return "/sign-in"
	}
	return "/sign-in?" + nextQuery(r.URL.RequestURI())
}

// localPath answers next when it leads to a page of ours, else the home page.
// Anything a browser could read as another host is refused: "//host",
// "/\host", control characters, an encoded slash.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/admin/") || strings.ContainsAny(next, "\\\r\n\t\x00") || strings.Contains(next, "//") || len(next) > 2000 {
		return Home
	}
	path, _, _ := strings.Cut(next, "?")
	for part := range strings.SplitSeq(path, "/") {
		if part == "." || part == ".." || strings.Contains(part, "%") {
			return Home
		}
	}
	return next
}
