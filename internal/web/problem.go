package web

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

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

// Problem answers an error as a page, also for routes of other faces that a
// person may meet in a browser.
func (s *Web) Problem(w http.ResponseWriter, r *http.Request, err error) {
	s.headers.set(w)
	problem := s.logged(r, err)
	status := problem.Kind.Status()
	view := problemView{
		head: s.head(r, problem.Kind.Title()), Status: status, Heading: problem.Kind.Title(),
		Text: ui.Reason(problem.Message), Request: ui.Name(w.Header().Get("Envdeck-Request")), Icon2: "failed",
	}
	switch problem.Kind {
	case fault.Unauthenticated:
		view.SignIn, view.Icon2 = signInPath(r), "lock"
	case fault.Denied:
		view.Icon2 = "lock"
	case fault.NotFound:
		view.Icon2 = "search"
	}
	h := w.Header()
	h.Del("Etag")
	if problem.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(problem.RetryAfter.Seconds()+0.999)))
	}
	var b bytes.Buffer
	if err := s.templates.ExecuteTemplate(&b, "problem", view); err != nil {
		s.deps.Log.ErrorContext(r.Context(), "the error page could not be drawn", "error", err)
		http.Error(w, problem.Message, status)
		return
	}
	writeHTML(w, r, status, b.Bytes())
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

// toSignIn sends a person who is not signed in to the form, and back after it.
func (s *Web) toSignIn(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, signInPath(r), http.StatusSeeOther)
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
	if !strings.HasPrefix(next, "/admin/") || strings.ContainsAny(next, "\\\r\n\t\x00") || strings.Contains(next, "//") || len(next) > 512 {
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
