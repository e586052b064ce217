package web

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Passkeys runs the ceremonies between the browser and access. Options and
// answers are the JSON of browsers; the cookie binds the two.
type Passkeys interface {
	BeginRegister(ctx context.Context, a access.Actor) (json.RawMessage, secret.Text, error)
	FinishRegister(ctx context.Context, a access.Actor, cookie, name string, answer []byte) error
	BeginSignIn(ctx context.Context) (json.RawMessage, secret.Text, error)
	FinishSignIn(ctx context.Context, cookie string, answer []byte, v access.Visit) (access.SignedIn, error)
	BeginProve(ctx context.Context, a access.Actor) (json.RawMessage, secret.Text, error)
	FinishProve(ctx context.Context, a access.Actor, cookie string, answer []byte, v access.Visit) (access.SignedIn, error)
}

// passkeyKind names the cookie of a ceremony that is under way.
const passkeyKind = "passkey"

// confirmView is the page that asks for a proof of presence.
type confirmView struct {
	head
	Next    string
	User    ui.Text
	Passkey bool // it is asked for, else the password is
	Gone    bool // there is no way to confirm but to sign in again
	Problem ui.Text
}

func (s *Web) confirmForm(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawConfirm(w, r, a, http.StatusOK, r.URL.Query().Get("next"), "")
}

func (s *Web) drawConfirm(w http.ResponseWriter, r *http.Request, a access.Actor, status int, next string, problem ui.Text) {
	own, err := s.deps.Control.Account(r.Context(), a)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	s.draw(w, r, status, "confirm", confirmView{
		head: s.head(r, "Confirm"), Next: localPath(next), User: ui.Name(a.Label()), Passkey: own.SecondFactor,
		Gone: !own.SecondFactor && !own.HasPassword, Problem: problem,
	})
}

func (s *Web) confirmPassword(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	in, err := s.deps.Control.ConfirmPassword(r.Context(), a, r.PostForm.Get("password"), s.deps.Door.Visit(w, r))
	s.confirmed(w, r, a, in, err)
}

func (s *Web) confirmPasskey(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	if s.deps.Passkeys == nil {
		s.Problem(w, r, s.noPasskeys())
		return
	}
	cookie := s.flow(r, passkeyKind)
	s.endFlow(w, r, passkeyKind)
	in, err := s.deps.Passkeys.FinishProve(r.Context(), a, cookie, []byte(r.PostForm.Get("answer")), s.deps.Door.Visit(w, r))
	s.confirmed(w, r, a, in, err)
}

func (s *Web) confirmed(w http.ResponseWriter, r *http.Request, a access.Actor, in access.SignedIn, err error) {
	next := r.PostForm.Get("next")
	if err != nil {
		problem := s.logged(r, err)
		s.drawConfirm(w, r, a, problem.Kind.Status(), next, ui.Reason(problem.Message))
		return
	}
	s.deps.Door.SetSession(w, r, in)
	http.Redirect(w, r, localPath(next), http.StatusSeeOther)
}

func (s *Web) noPasskeys() error { return fault.New(fault.NotFound, "%s", s.deps.NoPasskeys) }

// options answers what the browser's own dialog needs, as JSON for the script.
func (s *Web) options(w http.ResponseWriter, r *http.Request, begin func() (json.RawMessage, secret.Text, error)) {
	options, cookie, err := begin()
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	s.setFlow(w, r, passkeyKind, cookie.Reveal())
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Cache-Control"] = []string{"no-store"}
	_, _ = w.Write(options) // the browser has gone: nobody is left to tell
}

func (s *Web) passkeyOptions(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if s.deps.Passkeys == nil {
		s.Problem(w, r, s.noPasskeys())
		return
	}
	s.options(w, r, func() (json.RawMessage, secret.Text, error) { return s.deps.Passkeys.BeginRegister(r.Context(), a) })
}

func (s *Web) confirmOptions(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if s.deps.Passkeys == nil {
		s.Problem(w, r, s.noPasskeys())
		return
	}
	s.options(w, r, func() (json.RawMessage, secret.Text, error) { return s.deps.Passkeys.BeginProve(r.Context(), a) })
}

func (s *Web) signInOptions(w http.ResponseWriter, r *http.Request, _ access.Actor) {
	if s.deps.Passkeys == nil {
		s.Problem(w, r, s.noPasskeys())
		return
	}
	s.options(w, r, func() (json.RawMessage, secret.Text, error) { return s.deps.Passkeys.BeginSignIn(r.Context()) })
}

func (s *Web) signInPasskey(w http.ResponseWriter, r *http.Request, _ access.Actor) {
	if !s.form(w, r) {
		return
	}
	if s.deps.Passkeys == nil {
		s.Problem(w, r, s.noPasskeys())
		return
	}
	cookie := s.flow(r, passkeyKind)
	s.endFlow(w, r, passkeyKind)
	view := signInView{Next: localPath(r.PostForm.Get("next"))}
	in, err := s.deps.Passkeys.FinishSignIn(r.Context(), cookie, []byte(r.PostForm.Get("answer")), s.deps.Door.Visit(w, r))
	if err != nil {
		problem := s.logged(r, err)
		view.Problem = ui.Reason(problem.Message)
		s.drawSignIn(w, r, problem.Kind.Status(), view)
		return
	}
	s.deps.Door.SetSession(w, r, in)
	http.Redirect(w, r, view.Next, http.StatusSeeOther)
}

func passkeyForm() formView {
	return formView{ID: "passkey", Action: AccountPath + "/passkeys", Submit: "Add a passkey", Fields: []field{
		{Name: "name", Label: "Name", Kind: "text", Max: 64, Hint: "So that you know it again, such as: laptop."},
	}}
}

func (s *Web) addPasskey(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	if s.deps.Passkeys == nil {
		s.Problem(w, r, s.noPasskeys())
		return
	}
	cookie := s.flow(r, passkeyKind)
	s.endFlow(w, r, passkeyKind)
	err := s.deps.Passkeys.FinishRegister(r.Context(), a, cookie, r.PostForm.Get("name"), []byte(r.PostForm.Get("answer")))
	if err != nil {
		s.refused(w, r, err, passkeyForm(), AccountPath, "", func(status int, f formView) { s.drawAccount(w, r, a, status, formView{}, f) })
		return
	}
	done(w, r, AccountPath, "passkey")
}

func (s *Web) removePasskeyForm(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawRemovePasskey(w, r, a, http.StatusOK, removeForm(r.PathValue("id")))
}

func removeForm(id string) formView {
	return formView{ID: "remove", Action: AccountPath + "/passkeys/" + id + "/remove", Submit: "Remove the passkey", Danger: true, Back: AccountPath}
}

func (s *Web) drawRemovePasskey(w http.ResponseWriter, r *http.Request, a access.Actor, status int, form formView) {
	keys, err := s.deps.Control.Passkeys(r.Context(), a)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	for _, k := range keys {
		if k.ID != r.PathValue("id") {
			continue
		}
		about := ui.Text("It can not be used to sign in or to confirm any more.")
		if len(keys) == 1 {
			about += " It is your last one: changing things will no longer ask for a proof that you are there."
		}
		s.draw(w, r, status, "ask", askView{
			settingsView: s.settings(r, a, "Remove a passkey"), Heading: "Remove this passkey?", About: about, Form: form,
			Facts: []fact{{"Name", ui.Name(k.Name)}, {"Last used", lastUse(ui.NewMoment(s.deps.Clock.Now(), k.UsedAt))}},
		})
		return
	}
	s.Problem(w, r, fault.New(fault.NotFound, "You have no such passkey."))
}

func (s *Web) removePasskey(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	id := r.PathValue("id")
	if err := s.deps.Control.RemovePasskey(r.Context(), a, id); err != nil {
		f := removeForm(id)
		s.refused(w, r, err, f, f.Action, "", func(status int, f formView) { s.drawRemovePasskey(w, r, a, status, f) })
		return
	}
	done(w, r, AccountPath, "passkey-removed")
}
