package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// formView is a form as a page draws it: plain, so that it works without any
// script, and filled with what was typed when it comes back with a problem.
type formView struct {
	ID      string
	Action  string
	Fields  []field
	Submit  string
	Danger  bool
	Quiet   bool    // one act among others on its page
	Back    string  // where "Cancel" leads, "" for no such link
	Why     ui.Text // why the button can not be used now, "" when it can
	Problem ui.Text
}

// field is one input of a form.
type field struct {
	Name     string
	Label    string
	Kind     string // an input's type, "select", "area" or "hidden"
	Value    ui.Text
	Hint     string
	Problem  ui.Text
	Complete string // the autocomplete attribute
	Options  []option
	Required bool
	Max      int
}

type option struct {
	Value, Text string
	Chosen      bool
}

// secret says that the field's value is never sent back to the browser.
func (f field) secret() bool { return f.Kind == "password" }

// reasonField asks for the words that the record keeps.
func reasonField(required bool) field {
	hint := "Kept in the record for good."
	if !required {
		hint = "Optional. Kept in the record for good."
	}
	return field{Name: "reason", Label: "Reason", Kind: "text", Hint: hint, Required: required, Max: 300}
}

// Bad says that something was wrong with it.
func (f formView) Bad() bool {
	for _, one := range f.Fields {
		if one.Problem != "" {
			return true
		}
	}
	return f.Problem != ""
}

// fill puts what was typed, or asked for in the address, into the fields.
func (f formView) fill(values url.Values) formView {
	for i := range f.Fields {
		one := &f.Fields[i]
		if !values.Has(one.Name) || one.secret() || one.Kind == "hidden" {
			continue
		}
		one.Value = ui.Reason(values.Get(one.Name))
		for j := range one.Options {
			one.Options[j].Chosen = one.Options[j].Value == string(one.Value)
		}
	}
	return f
}

// fail puts a problem beside the fields that it is of: those that it names,
// or blame when it names none and the input is at fault. Everything else is
// said above the form.
func (f formView) fail(problem *fault.Error, blame string) formView {
	left := problem.Places
	if len(left) == 0 && problem.Kind == fault.Invalid && blame != "" {
		left = []fault.Place{{Where: blame, Problem: problem.Message}}
	}
	placed := 0
	for _, place := range left {
		for i := range f.Fields {
			if f.Fields[i].Name == strings.TrimPrefix(place.Where, "body.") {
				f.Fields[i].Problem = ui.Reason(place.Problem)
				placed++
			}
		}
	}
	if placed == 0 || placed < len(left) {
		f.Problem = ui.Reason(problem.Message)
	}
	return f
}

// typed is what of the values may travel in an address: no secret, nothing
// that the form does not have.
func (f formView) typed(values url.Values) url.Values {
	kept := url.Values{}
	for _, one := range f.Fields {
		if v := values.Get(one.Name); v != "" && !one.secret() && one.Kind != "hidden" {
			kept.Set(one.Name, v)
		}
	}
	return kept
}

// refused answers a form whose act was refused: it is drawn again with the
// problem in it. When only a fresh proof of presence is missing, the person is
// sent to give it and comes back to the form at page, as it was filled in.
func (s *Web) refused(w http.ResponseWriter, r *http.Request, err error, f formView, page, blame string, draw func(status int, f formView)) {
	if errors.Is(err, access.ErrPresence) {
		http.Redirect(w, r, confirmPath(page, f.typed(r.PostForm)), http.StatusSeeOther)
		return
	}
	problem := s.logged(r, err)
	draw(problem.Kind.Status(), f.fill(r.PostForm).fail(problem, blame))
}

// confirmPath leads to the page that asks for a proof of presence, and from
// there back.
func confirmPath(page string, query url.Values) string {
	next := page
	if len(query) > 0 {
		join := "?"
		if strings.Contains(page, "?") {
			join = "&"
		}
		next += join + query.Encode()
	}
	if localPath(next) != next { // too long to travel
		next = page
	}
	return ConfirmPath + "?" + nextQuery(next)
}

// done redirects to where the result of an act is seen. what is a key of
// acts: the words of the notice.
func done(w http.ResponseWriter, r *http.Request, path, what string) {
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	http.Redirect(w, r, path+join+"done="+what, http.StatusSeeOther)
}

// acts are the notices after an act, by the key in the address. Text from the
// address itself is never shown.
var acts = map[string]ui.Text{
	"password":        "Your password is changed, and every other session of yours has ended.",
	"session":         "The session has ended.",
	"sessions":        "All your other sessions have ended.",
	"passkey":         "The passkey is registered. From now on, changing anything asks for it.",
	"passkey-removed": "The passkey is removed.",
	"cron-run":        "The platform was asked to run the job. Its run appears as soon as it is reported.",
	"confirmed":       "Confirmed. For 5 minutes you can change things.",
	"revoked":         "The token is revoked: it stopped working at once.",
	"user":            "The person is added. Give them a sign-in link, or the password.",
	"role":            "The role is changed. Their sessions have ended and their tokens follow the new role.",
	"disabled":        "The account is disabled: their sessions have ended and their tokens do not work.",
	"enabled":         "The account is enabled again. They have to sign in.",
	"changed":         "The name and address are changed.",
	"user-password":   "The password is set, and their sessions have ended.",
	"branch":          "The change is accepted. It goes on by itself, and is listed below.",
	"user-sessions":   "All their sessions have ended.",
}

func doneText(r *http.Request) ui.Text { return acts[r.URL.Query().Get("done")] }

// onceKind is the kind of flow that carries a secret from the act that made it
// to the page that shows it.
const onceKind = "shown-once"

// once is a secret on its way to be shown.
type once struct {
	Owner string `json:"owner"`
	What  string `json:"what"` // "token" or "link"
	For   string `json:"for"`  // the id of the token or person
	Text  string `json:"text"`
}

// carry keeps a secret for the one page that shows it, so that the form can
// redirect: loading that page again must neither make another nor show this
// one twice. It is kept encrypted and bound to this browser.
func (s *Web) carry(w http.ResponseWriter, r *http.Request, o once) error {
	cookie, err := s.deps.Control.BeginFlow(r.Context(), onceKind, o)
	if err == nil {
		s.setFlow(w, r, onceKind, cookie.Reveal())
	}
	return err
}

// carried answers the secret that the actor's last act left for this page,
// once; the zero value when there is none.
func (s *Web) carried(w http.ResponseWriter, r *http.Request, a access.Actor, what, id string) once {
	cookie := s.flow(r, onceKind)
	if cookie == "" {
		return once{}
	}
	s.endFlow(w, r, onceKind)
	var o once
	err := s.deps.Control.FinishFlow(r.Context(), onceKind, cookie, &o)
	if err != nil || o.Owner != a.ID || o.What != what || o.For != id {
		return once{} // it can be made again: nothing is lost but a secret nobody saw
	}
	return o
}

// setFlow binds something that has begun to this browser. Lax, because a
// sign-in comes back from another site.
func (s *Web) setFlow(w http.ResponseWriter, r *http.Request, kind, value string) {
	http.SetCookie(w, s.flowCookie(r, kind, value, int(access.FlowLife.Seconds())))
}

func (s *Web) endFlow(w http.ResponseWriter, r *http.Request, kind string) {
	http.SetCookie(w, s.flowCookie(r, kind, "", -1))
}

func (s *Web) flow(r *http.Request, kind string) string {
	c, err := r.Cookie(s.flowCookie(r, kind, "", 0).Name)
	if err != nil {
		return ""
	}
	return c.Value
}

// flowCookie is named after the session's cookie, which says whether people
// reach us through TLS.
func (s *Web) flowCookie(r *http.Request, kind, value string, age int) *http.Cookie {
	name := s.deps.Door.CookieName(r)
	return &http.Cookie{
		Name: name + "-" + kind, Value: value, Path: "/", MaxAge: age,
		Secure: name == access.SessionCookie, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// choose marks the option that is chosen.
func choose(value string, options ...option) []option {
	for i := range options {
		options[i].Chosen = options[i].Value == value
	}
	return options
}

// orUnknown is text that is never empty on a page.
func orUnknown(s ui.Text) ui.Text { return cmp.Or(s, "unknown") }
