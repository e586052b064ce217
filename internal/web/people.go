package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// peopleView is the list of everybody.
type peopleView struct {
	settingsView
	Rows []personRow
	Form formView
}

type personRow struct {
	ID       ui.Text
	Path     string
	Name     ui.Text
	Login    ui.Text
	Issuer   ui.Text // "" when the account is kept here
	Email    ui.Text
	Role     string
	State    ui.Badge
	Factor   string
	SignedIn time.Time
	Created  time.Time
	You      bool
}

// personView is one person with what can be done about them.
type personView struct {
	settingsView
	Person   personRow
	Shown    onceView
	Last     bool // the last who may change anything
	RoleForm formView
	Disable  formView
	Link     formView
	Password formView
	Details  formView
	End      formView
	Sessions []sessionRow
}

func newPersonRow(u access.User, you string) personRow {
	row := personRow{
		ID: ui.Name(u.ID), Path: PeoplePath + "/" + u.ID, Name: ui.Name(u.Name), Login: ui.Name(u.Subject), Email: ui.Name(u.Email), Role: string(u.Role),
		SignedIn: u.SignedInAt, Created: u.CreatedAt, You: u.ID == you, Factor: "none", State: ui.Badge{Icon: "check", Word: "Enabled", Tone: ui.Quiet},
	}
	if u.Issuer != access.LocalIssuer {
		row.Issuer = ui.Name(u.Issuer)
	}
	if u.SecondFactor {
		row.Factor = "passkey"
	}
	if u.Disabled {
		row.State = ui.Badge{Icon: "canceled", Word: "Disabled", Tone: ui.Warn}
	}
	return row
}

func (s *Web) people(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawPeople(w, r, a, http.StatusOK, personForm().fill(r.URL.Query()))
}

func (s *Web) drawPeople(w http.ResponseWriter, r *http.Request, a access.Actor, status int, form formView) {
	all, err := s.deps.Control.Users(r.Context(), a)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := peopleView{settingsView: s.settings(r, a, "People"), Form: form}
	for _, u := range all {
		view.Rows = append(view.Rows, newPersonRow(u, a.ID))
	}
	s.draw(w, r, status, "people", view)
}

func roleOptions(role access.Role) []option {
	return choose(string(role), option{Value: "ADMIN", Text: "ADMIN: sees everything"}, option{Value: "SUPER_ADMIN", Text: "SUPER_ADMIN: also releases and manages people"})
}

func personForm() formView {
	return formView{ID: "new-person", Action: PeoplePath, Submit: "Add the person", Fields: []field{
		{Name: "login", Label: "Sign-in name", Kind: "text", Required: true, Max: 64, Complete: "off", Hint: "Small letters, digits and . _ @ + -"},
		{Name: "name", Label: "Name", Kind: "text", Max: 64, Complete: "off", Hint: "For people to read. The sign-in name when empty."},
		{Name: "email", Label: "E-mail", Kind: "email", Max: 254, Complete: "off", Hint: "Optional."},
		{Name: "role", Label: "Role", Kind: "select", Options: roleOptions(access.Admin)},
		reasonField(false),
	}}
}

func (s *Web) addPerson(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	v := r.PostForm
	u, err := s.deps.Control.CreateUser(r.Context(), a, access.NewUser{
		Login: v.Get("login"), Name: v.Get("name"), Email: v.Get("email"), Role: access.Role(v.Get("role")), Reason: v.Get("reason"),
	})
	if err != nil {
		s.refused(w, r, err, personForm(), PeoplePath, "login", func(status int, f formView) { s.drawPeople(w, r, a, status, f) })
		return
	}
	done(w, r, PeoplePath+"/"+u.ID, "user")
}

func (s *Web) person(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawPerson(w, r, a, http.StatusOK, formView{})
}

// drawPerson draws the page with one form as it came back, or all new ones.
func (s *Web) drawPerson(w http.ResponseWriter, r *http.Request, a access.Actor, status int, back formView) {
	all, err := s.deps.Control.Users(r.Context(), a)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	var u access.User
	supers := 0
	for _, one := range all {
		if one.ID == r.PathValue("id") {
			u = one
		}
		if one.Role == access.SuperAdmin && !one.Disabled {
			supers++
		}
	}
	if u.ID == "" {
		s.Problem(w, r, fault.New(fault.NotFound, "There is no such person."))
		return
	}
	sessions, err := s.deps.Control.SessionsOf(r.Context(), a, u.ID)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := personView{settingsView: s.settings(r, a, string(ui.Name(u.Name))), Person: newPersonRow(u, a.ID), Last: supers == 1 && u.Role == access.SuperAdmin && !u.Disabled}
	for _, one := range sessions {
		view.Sessions = append(view.Sessions, newSessionRow(one, a.SessionID))
	}
	if r.URL.Query().Get("made") != "" && status == http.StatusOK {
		if o := s.carried(w, r, a, "link", u.ID); o.Text != "" {
			view.Shown = onceView{Text: o.Text, Label: "Sign-in link for " + string(ui.Name(u.Name)), Hint: "It works once, for 10 minutes, and can not be shown again. Whoever has it signs in as this person."}
		}
	}
	forms := personForms(u, view.Last, len(sessions), a)
	for act, into := range map[string]*formView{
		"role": &view.RoleForm, "disable": &view.Disable, "link": &view.Link, "password": &view.Password, "details": &view.Details, "end-sessions": &view.End,
	} {
		*into = forms[act].fill(prefill(r, act))
		if back.ID == into.ID {
			why := into.Why
			*into = back
			into.Why = why
		}
	}
	s.draw(w, r, status, "person", view)
}

// prefill is what the address puts into the form of an act.
func prefill(r *http.Request, act string) url.Values {
	if r.URL.Query().Get("form") == act {
		return r.URL.Query()
	}
	return nil
}

// personForms are the forms of a person's page by their act.
func personForms(u access.User, last bool, sessions int, a access.Actor) map[string]formView {
	path := PeoplePath + "/" + u.ID + "/"
	role := formView{Quiet: true, ID: "role", Action: path + "role", Submit: "Change the role", Fields: []field{
		{Name: "role", Label: "Role", Kind: "select", Options: roleOptions(u.Role)}, reasonField(false),
	}}
	disable := formView{ID: "disable", Action: path + "disable", Submit: "Disable the account", Danger: true, Fields: []field{reasonField(false)}}
	if u.Disabled {
		disable.Submit, disable.Danger, disable.Action = "Enable the account", false, path+"enable"
	}
	if last {
		role.Why = ui.Reason(u.Name + " is the last SUPER_ADMIN. Make somebody else one first.")
		disable.Why = role.Why
	}
	link := formView{ID: "link", Action: path + "link", Submit: "Make a sign-in link"}
	password := formView{Quiet: true, ID: "set-password", Action: path + "password", Submit: "Set the password", Fields: []field{
		{Name: "password", Label: "New password", Kind: "password", Complete: "new-password", Required: true, Max: access.MaxPassword, Hint: "At least 15 characters. Their sessions end."},
		{Name: "again", Label: "The same again", Kind: "password", Complete: "new-password", Required: true, Max: access.MaxPassword},
		reasonField(false),
	}}
	if u.Issuer != access.LocalIssuer {
		password.Why = ui.Reason(u.Name + " signs in at " + u.Issuer + " and has no password here.")
	}
	if u.Disabled {
		link.Why = "The account is disabled. Enable it first."
	}
	details := formView{Quiet: true, ID: "details", Action: path + "details", Submit: "Change the name and address", Fields: []field{
		{Name: "name", Label: "Name", Kind: "text", Value: ui.Name(u.Name), Max: 64, Complete: "off"},
		{Name: "email", Label: "E-mail", Kind: "email", Value: ui.Name(u.Email), Max: 254, Complete: "off"},
		reasonField(false),
	}}
	end := formView{ID: "end-sessions", Action: path + "end-sessions", Submit: "End all their sessions", Danger: true, Fields: []field{reasonField(false)}}
	if sessions == 0 {
		end.Why = "There is no session to end."
	}
	if u.ID == a.ID {
		end.Why = "These are your own. End them on your account's page."
	}
	return map[string]formView{"role": role, "disable": disable, "link": link, "password": password, "details": details, "end-sessions": end}
}

// changePerson does one act about a person.
func (s *Web) changePerson(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	id, act := r.PathValue("id"), r.PathValue("act")
	what, err := s.doToPerson(w, r, a, id, act)
	page := PeoplePath + "/" + url.PathEscape(id)
	switch {
	case err == nil && what == "link":
		http.Redirect(w, r, page+"?made=link", http.StatusSeeOther)
	case err == nil:
		done(w, r, page, what)
	case fault.Is(err, fault.NotFound):
		s.Problem(w, r, err)
	default:
		if act == "enable" {
			act = "disable"
		}
		f := personForms(access.User{ID: id, Issuer: access.LocalIssuer}, false, 1, access.Actor{})[act]
		blame := map[string]string{"password": "password", "details": "email", "role": "role"}[act]
		s.refused(w, r, err, f, page+"?form="+url.QueryEscape(act), blame, func(status int, f formView) { s.drawPerson(w, r, a, status, f) })
	}
}

func (s *Web) doToPerson(w http.ResponseWriter, r *http.Request, a access.Actor, id, act string) (what string, err error) {
	v, c := r.PostForm, s.deps.Control
	change := access.UserChange{Reason: v.Get("reason")}
	switch act {
	case "role":
		role := access.Role(v.Get("role"))
		change.Role, what = &role, "role"
	case "disable", "enable":
		disabled := act == "disable"
		change.Disabled, what = &disabled, act+"d"
	case "details":
		name, email := v.Get("name"), v.Get("email")
		change.Name, change.Email, what = &name, &email, "changed"
	case "password":
		if err = sameTwice(r); err == nil {
			err = c.SetPassword(r.Context(), a, id, v.Get("password"), v.Get("reason"))
		}
		return "user-password", err
	case "end-sessions":
		_, err = c.EndSessionsOf(r.Context(), a, id, v.Get("reason"))
		return "user-sessions", err
	case "link":
		link, err := c.SignInLink(r.Context(), a, id)
		if err != nil {
			return "", err
		}
		address := s.deps.URL() + "/sign-in/link?" + url.Values{"token": {link.Reveal()}}.Encode()
		return "link", s.carry(w, r, once{Owner: a.ID, What: "link", For: id, Text: address})
	default:
		return "", fault.New(fault.NotFound, "There is nothing at this address.")
	}
	_, err = c.ChangeUser(r.Context(), a, id, change)
	return what, err
}
