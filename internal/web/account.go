package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// accountView is the page of one's own account.
type accountView struct {
	settingsView
	Login    ui.Text
	Email    ui.Text
	Issuer   ui.Text // who keeps the account, "" when it is kept here
	Password formView
	Passkeys []passkeyRow
	// NoPasskeys says why none can be registered here, "" when they can.
	NoPasskeys ui.Text
	AddPasskey formView
	Sessions   []sessionRow
	Others     int
	EndOthers  formView
}

type passkeyRow struct {
	ID, Name  ui.Text
	CreatedAt time.Time
	UsedAt    time.Time
	Remove    string
}

type sessionRow struct {
	Browser ui.Text
	Agent   ui.Text
	Method  string
	Address ui.Text
	Created time.Time
	Seen    time.Time
	Until   string
	Current bool
	End     string
}

func (s *Web) account(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawAccount(w, r, a, http.StatusOK, formView{}, formView{})
}

// drawAccount draws the page with the forms as they are, or new ones.
func (s *Web) drawAccount(w http.ResponseWriter, r *http.Request, a access.Actor, status int, password, passkey formView) {
	own, err := s.deps.Control.Account(r.Context(), a)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := accountView{settingsView: s.settings(r, a, "Account"), Login: ui.Name(own.Subject), Email: ui.Name(own.Email), Password: password, AddPasskey: passkey}
	if own.Issuer != access.LocalIssuer {
		view.Issuer = ui.Name(own.Issuer)
	}
	if password.ID == "" {
		view.Password = passwordForm(own.HasPassword)
	}
	if passkey.ID == "" {
		view.AddPasskey = passkeyForm()
	}
	keys, err := s.deps.Control.Passkeys(r.Context(), a)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	for _, k := range keys {
		view.Passkeys = append(view.Passkeys, passkeyRow{
			ID: ui.Name(k.ID), Name: ui.Name(k.Name), CreatedAt: k.CreatedAt, UsedAt: k.UsedAt, Remove: AccountPath + "/passkeys/" + k.ID + "/remove",
		})
	}
	if s.deps.Passkeys == nil {
		view.NoPasskeys = ui.Reason(s.deps.NoPasskeys)
	}
	if access.Permits(a, access.ManageOwnSessions) { // a token has none
		sessions, err := s.deps.Control.Sessions(r.Context(), a)
		if err != nil {
			s.Problem(w, r, err)
			return
		}
		for _, one := range sessions {
			row := newSessionRow(one, a.SessionID)
			row.End = AccountPath + "/sessions/" + one.ID + "/end"
			view.Sessions = append(view.Sessions, row)
		}
		view.Others = max(0, len(sessions)-1)
	}
	view.EndOthers = formView{ID: "end-others", Action: AccountPath + "/sessions/end-others", Submit: "End all others"}
	if view.Others == 0 {
		view.EndOthers.Why = "This is your only session."
	}
	s.draw(w, r, status, "account", view)
}

func newSessionRow(one access.Session, current string) sessionRow {
	return sessionRow{
		Browser: browserOf(one.Agent), Agent: ui.Reason(one.Agent), Method: methodWord(one.Method), Address: ui.Name(one.Address),
		Created: one.CreatedAt, Seen: one.SeenAt, Until: one.ExpiresAt.UTC().Format("15:04 MST"), Current: one.ID == current && current != "",
	}
}

// browserOf names a browser from what it calls itself. The order matters: most
// of them claim to be their rivals, too.
func browserOf(agent string) ui.Text {
	name := ui.Text("")
	for _, b := range [...]struct{ mark, name string }{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	} {
		if strings.Contains(agent, b.mark) {
			name = ui.Text(b.name)
			break
		}
	}
	if name == "" {
		return orUnknown(ui.Name(agent))
	}
	for _, o := range [...]struct{ mark, name string }{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Mac OS X", "macOS"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, o.mark) {
			return name + " on " + ui.Text(o.name)
		}
	}
	return name
}

func methodWord(method string) string {
	switch method {
	case "password":
		return "Password"
	case access.PasskeyMethod:
		return "Passkey"
	case "link":
		return "Sign-in link"
	case "oidc":
		return "Identity provider"
	case "proxy":
		return "Trusted proxy"
	default:
		return "Other"
	}
}

func passwordForm(has bool) formView {
	f := formView{ID: "password", Action: AccountPath + "/password", Submit: "Change the password"}
	if has {
		f.Fields = append(f.Fields, field{Name: "current", Label: "Present password", Kind: "password", Complete: "current-password", Required: true, Max: access.MaxPassword})
	} else {
		f.Submit = "Set a password"
	}
	f.Fields = append(f.Fields,
		field{Name: "password", Label: "New password", Kind: "password", Complete: "new-password", Required: true, Max: access.MaxPassword, Hint: "At least 15 characters. Four words that do not belong together are good."},
		field{Name: "again", Label: "The same again", Kind: "password", Complete: "new-password", Required: true, Max: access.MaxPassword},
	)
	return f
}

func (s *Web) changePassword(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	var in access.SignedIn
	err := sameTwice(r)
	if err == nil {
		in, err = s.deps.Control.ChangePassword(r.Context(), a, r.PostForm.Get("current"), r.PostForm.Get("password"), s.deps.Door.Visit(w, r))
	}
	if err != nil {
		own, _ := s.deps.Control.Account(r.Context(), a) // when it fails, drawing fails with its reason
		blame := "password"
		if fault.Is(err, fault.Denied) {
			blame = "current"
		}
		s.refused(w, r, err, passwordForm(own.HasPassword), AccountPath, blame, func(status int, f formView) {
			s.drawAccount(w, r, a, status, f, formView{})
		})
		return
	}
	s.deps.Door.SetSession(w, r, in)
	done(w, r, AccountPath, "password")
}

// sameTwice says whether a new password was typed twice the same.
func sameTwice(r *http.Request) error {
	if r.PostForm.Get("password") == r.PostForm.Get("again") {
		return nil
	}
	return &fault.Error{Kind: fault.Invalid, Message: "The two passwords are not the same.", Places: []fault.Place{{Where: "again", Problem: "This is not the same password."}}}
}

func (s *Web) endSession(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	err := s.deps.Control.EndSession(r.Context(), a, r.PathValue("id"))
	if err != nil && !fault.Is(err, fault.NotFound) { // one that is over has ended
		s.Problem(w, r, err)
		return
	}
	done(w, r, AccountPath, "session")
}

func (s *Web) endOtherSessions(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	if _, err := s.deps.Control.EndOtherSessions(r.Context(), a); err != nil {
		s.Problem(w, r, err)
		return
	}
	done(w, r, AccountPath, "sessions")
}
