package web

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// maxForm is the most a form may be: a name, a password, a passkey's answer.
const maxForm = 16 << 10

// signInView is what the pages for signing in are drawn with.
type signInView struct {
	head
	Ways    Ways
	Passkey bool
	Next    string
	Name    ui.Text
	Token   string
	Problem ui.Text
	Places  []ui.Text
}

func (s *Web) signInForm(w http.ResponseWriter, r *http.Request) {
	next := localPath(r.URL.Query().Get("next"))
	if _, err := s.deps.Access.Actor(r); err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	s.drawSignIn(w, r, http.StatusOK, signInView{Next: next})
}

func (s *Web) signIn(w http.ResponseWriter, r *http.Request) {
	if !s.form(w, r) {
		return
	}
	view := signInView{Next: localPath(r.PostForm.Get("next")), Name: ui.Name(r.PostForm.Get("name"))}
	if err := s.deps.Access.SignIn(w, r, r.PostForm.Get("name"), r.PostForm.Get("password")); err != nil {
		problem := s.logged(r, err)
		view.Problem = ui.Reason(problem.Message)
		s.drawSignIn(w, r, problem.Kind.Status(), view)
		return
	}
	http.Redirect(w, r, view.Next, http.StatusSeeOther)
}

// signInByProxy is a form and no redirect: a page of another site must not
// sign anybody in, and who signed out must not be signed in again at once.
func (s *Web) signInByProxy(w http.ResponseWriter, r *http.Request) {
	if !s.form(w, r) {
		return
	}
	next := localPath(r.PostForm.Get("next"))
	if err := s.deps.Access.SignInByProxy(w, r); err != nil {
		problem := s.logged(r, err)
		s.drawSignIn(w, r, problem.Kind.Status(), signInView{Next: next, Problem: ui.Reason(problem.Message)})
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (s *Web) drawSignIn(w http.ResponseWriter, r *http.Request, status int, view signInView) {
	ways, err := s.deps.Access.Ways(r)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	if ways.OIDC != "" {
		ways.OIDCPath += "?" + nextQuery(view.Next)
	}
	view.head, view.Ways, view.Passkey = s.head(r, "Sign in"), ways, s.deps.Passkeys != nil
	s.draw(w, r, status, "sign-in", view)
}

// linkForm shows a button for a sign-in link. Opening the link alone spends
// nothing, because mail scanners and browsers that fetch ahead open links too.
func (s *Web) linkForm(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	if token == "" {
		s.Problem(w, r, fault.New(fault.Invalid, "This sign-in link has no token in it. Open the whole line that was printed."))
		return
	}
	s.draw(w, r, http.StatusOK, "link", signInView{head: s.head(r, "Sign in"), Token: token, Next: localPath(r.URL.Query().Get("next"))})
}

func (s *Web) useLink(w http.ResponseWriter, r *http.Request) {
	if !s.form(w, r) {
		return
	}
	if err := s.deps.Access.UseLink(w, r, r.PostForm.Get("token")); err != nil {
		s.Problem(w, r, err)
		return
	}
	http.Redirect(w, r, localPath(r.PostForm.Get("next")), http.StatusSeeOther)
}

func (s *Web) setUpForm(w http.ResponseWriter, r *http.Request) {
	s.draw(w, r, http.StatusOK, "set-up", signInView{head: s.head(r, "Set up"), Token: r.URL.Query().Get("token")})
}

func (s *Web) setUp(w http.ResponseWriter, r *http.Request) {
	if !s.form(w, r) {
		return
	}
	view := signInView{head: s.head(r, "Set up"), Token: r.PostForm.Get("token"), Name: ui.Name(r.PostForm.Get("name"))}
	var err error
	if r.PostForm.Get("password") != r.PostForm.Get("again") {
		err = fault.New(fault.Invalid, "The two passwords are not the same.")
	} else {
		err = s.deps.Access.SetUp(w, r, view.Token, r.PostForm.Get("name"), r.PostForm.Get("password"))
	}
	if err != nil {
		problem := s.logged(r, err)
		view.Problem = ui.Reason(problem.Message)
		for _, place := range problem.Places {
			view.Places = append(view.Places, ui.Reason(place.Where+": "+place.Problem))
		}
		s.draw(w, r, problem.Kind.Status(), "set-up", view)
		return
	}
	http.Redirect(w, r, Home, http.StatusSeeOther)
}

func (s *Web) signOut(w http.ResponseWriter, r *http.Request) {
	if err := s.deps.Access.SignOut(w, r); err != nil {
		s.Problem(w, r, err)
		return
	}
	w.Header()["Clear-Site-Data"] = []string{`"cache", "storage"`}
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// form reads a form of limited size; it has answered when it says false.
func (s *Web) form(w http.ResponseWriter, r *http.Request) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(kind) != "application/x-www-form-urlencoded" {
		s.Problem(w, r, fault.New(fault.Invalid, "This address takes the page's own form only."))
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.Problem(w, r, fault.Wrap(fault.Invalid, err, "The form could not be read."))
		return false
	}
	return true
}

func (s *Web) draw(w http.ResponseWriter, r *http.Request, status int, name string, view any) {
	var b bytes.Buffer
	if err := s.templates().ExecuteTemplate(&b, name, view); err != nil {
		s.Problem(w, r, err)
		return
	}
	writeHTML(w, r, status, b.Bytes())
}

func nextQuery(next string) string { return url.Values{"next": {localPath(next)}}.Encode() }
