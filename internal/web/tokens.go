package web

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// tokensView is the page of tokens.
type tokensView struct {
	settingsView
	Shown  onceView
	Form   formView
	Rows   []tokenRow
	All    bool
	MayAll bool
	Ended  int // that are revoked or have run out
}

// onceView is a secret that is shown this one time.
type onceView struct {
	Text  string
	Label string
	Hint  string
}

type tokenRow struct {
	ID       ui.Text
	Name     ui.Text
	Scope    string
	LastFour ui.Text
	Owner    ui.Text
	State    ui.Badge
	Created  time.Time
	Used     time.Time
	Expires  string
	Revoke   string // "" when there is nothing left to revoke
}

func (s *Web) tokens(w http.ResponseWriter, r *http.Request, a access.Actor) {
	people, err := s.owners(r, a)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	s.drawTokens(w, r, a, http.StatusOK, tokenForm(a, people).fill(r.URL.Query()), people)
}

// owners are the people that a SUPER_ADMIN may make tokens for; nil for others.
func (s *Web) owners(r *http.Request, a access.Actor) ([]access.User, error) {
	if !access.Permits(a, access.ManageTokens) {
		return nil, nil
	}
	return s.deps.Control.Users(r.Context(), a)
}

func (s *Web) drawTokens(w http.ResponseWriter, r *http.Request, a access.Actor, status int, form formView, people []access.User) {
	all := r.URL.Query().Get("all") != "" && access.Permits(a, access.ManageTokens)
	list, err := s.deps.Control.Tokens(r.Context(), a, all)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := tokensView{settingsView: s.settings(r, a, "Tokens"), Form: form, All: all, MayAll: access.Permits(a, access.ManageTokens)}
	if id := r.URL.Query().Get("made"); id != "" && status == http.StatusOK {
		if o := s.carried(w, r, a, "token", id); o.Text != "" {
			view.Shown = onceView{Text: o.Text, Label: "Your new token", Hint: "Copy it now: it is kept nowhere and can not be shown again."}
		}
	}
	names := map[string]ui.Text{}
	for _, u := range people {
		names[u.ID] = ui.Name(u.Name)
	}
	for _, t := range list {
		row := newTokenRow(t, view.AsOf)
		if all {
			row.Owner = orUnknown(names[t.OwnerID])
		}
		if row.Revoke == "" {
			view.Ended++
		}
		view.Rows = append(view.Rows, row)
	}
	s.draw(w, r, status, "tokens", view)
}

func newTokenRow(t access.Token, now time.Time) tokenRow {
	row := tokenRow{
		ID: ui.Name(t.ID), Name: ui.Name(t.Name), Scope: string(t.Scope), LastFour: ui.Name(t.LastFour), Created: t.CreatedAt, Used: t.UsedAt,
		Expires: "never", Revoke: TokensPath + "/" + t.ID + "/revoke",
		State: ui.Badge{Icon: "check", Word: "Works", Tone: ui.Quiet},
	}
	if !t.ExpiresAt.IsZero() {
		row.Expires = t.ExpiresAt.UTC().Format("2 Jan 2006")
	}
	switch {
	case !t.RevokedAt.IsZero():
		row.State, row.Revoke = ui.Badge{Icon: "canceled", Word: "Revoked", Tone: ui.Quiet}, ""
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		row.State, row.Revoke = ui.Badge{Icon: "stale", Word: "Run out", Tone: ui.Quiet}, ""
	case !t.ExpiresAt.IsZero() && t.ExpiresAt.Sub(now) < 14*24*time.Hour:
		row.State = ui.Badge{Icon: "degraded", Word: "Runs out soon", Tone: ui.Warn}
	}
	return row
}

// lives are the offered lives of a token in days; 0 is the scope's own.
var lives = [...]option{
	{Value: "", Text: "90 days (ping: never)"}, {Value: "7", Text: "7 days"}, {Value: "30", Text: "30 days"}, {Value: "180", Text: "180 days"}, {Value: "365", Text: "1 year"},
}

func tokenForm(a access.Actor, people []access.User) formView {
	scopes := []option{
		{Value: "api", Text: "api: what you may do, through the JSON API"},
		{Value: "mcp", Text: "mcp: read, through MCP"},
		{Value: "report", Text: "report: report cron runs and working copies"},
		{Value: "ping", Text: "ping: send pings of cron jobs"},
	}
	expires := lives
	f := formView{ID: "new-token", Action: TokensPath, Submit: "Create the token", Fields: []field{
		{Name: "name", Label: "Name", Kind: "text", Hint: "What it is for, such as: CI of the website.", Required: true, Max: 100},
		{Name: "scope", Label: "Scope", Kind: "select", Options: scopes, Hint: "It never may more than its owner's role at the time."},
		{Name: "expires", Label: "Runs out after", Kind: "select", Options: expires[:]},
	}}
	if len(people) > 1 {
		owner := field{Name: "owner", Label: "Owner", Kind: "select"}
		for _, u := range people {
			if !u.Disabled {
				owner.Options = append(owner.Options, option{Value: u.ID, Text: string(ui.Name(u.Name)), Chosen: u.ID == a.ID})
			}
		}
		f.Fields = append(f.Fields, owner)
	}
	f.Fields = append(f.Fields, reasonField(false))
	return f
}

func (s *Web) issueToken(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	t, err := s.makeToken(w, r, a)
	if err != nil {
		people, _ := s.owners(r, a) // drawing fails with the same reason
		s.refused(w, r, err, tokenForm(a, people), TokensPath, "name", func(status int, f formView) {
			s.drawTokens(w, r, a, status, f, people)
		})
		return
	}
	to := url.Values{"made": {t.ID}}
	if t.OwnerID != a.ID {
		to.Set("all", "1")
	}
	http.Redirect(w, r, TokensPath+"?"+to.Encode(), http.StatusSeeOther)
}

func (s *Web) makeToken(w http.ResponseWriter, r *http.Request, a access.Actor) (access.Token, error) {
	days := 0
	if text := r.PostForm.Get("expires"); text != "" {
		var err error
		if days, err = strconv.Atoi(text); err != nil || days < 1 || days > 366 {
			return access.Token{}, &fault.Error{Kind: fault.Invalid, Message: "The token can not be made.", Places: []fault.Place{{Where: "expires", Problem: "Choose one of the offered spans."}}}
		}
	}
	t, text, err := s.deps.Control.IssueToken(r.Context(), a, access.TokenRequest{
		Owner: r.PostForm.Get("owner"), Scope: access.Scope(r.PostForm.Get("scope")), Name: r.PostForm.Get("name"),
		Expires: time.Duration(days) * 24 * time.Hour, Reason: r.PostForm.Get("reason"),
	})
	if err != nil {
		return access.Token{}, err
	}
	return t, s.carry(w, r, once{Owner: a.ID, What: "token", For: t.ID, Text: text.Reveal()})
}

// askView is a page that asks once more before something that can not be
// taken back.
type askView struct {
	settingsView
	Heading string
	About   ui.Text
	Facts   []fact
	Form    formView
}

type fact struct {
	Name  string
	Value ui.Text
}

func (s *Web) revokeTokenForm(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawRevoke(w, r, a, http.StatusOK, revokeForm(r.PathValue("id")).fill(r.URL.Query()))
}

func revokeForm(id string) formView {
	return formView{
		ID: "revoke", Action: TokensPath + "/" + url.PathEscape(id) + "/revoke", Submit: "Revoke the token", Danger: true, Back: TokensPath,
		Fields: []field{reasonField(false)},
	}
}

func (s *Web) drawRevoke(w http.ResponseWriter, r *http.Request, a access.Actor, status int, form formView) {
	list, err := s.deps.Control.Tokens(r.Context(), a, access.Permits(a, access.ManageTokens))
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	for _, t := range list {
		if t.ID != r.PathValue("id") {
			continue
		}
		row := newTokenRow(t, s.deps.Clock.Now())
		view := askView{
			settingsView: s.settings(r, a, "Revoke a token"), Heading: "Revoke this token?", Form: form,
			About: "Whatever uses it is refused from that moment on. It can not be taken back; a new token can be made.",
			Facts: []fact{{"Name", row.Name}, {"Scope", ui.Text(row.Scope)}, {"Ends in", row.LastFour}, {"Last used", lastUse(ui.NewMoment(s.deps.Clock.Now(), t.UsedAt))}},
		}
		if row.Revoke == "" {
			view.Form.Why = "It does not work any more: there is nothing to revoke."
		}
		s.draw(w, r, status, "ask", view)
		return
	}
	s.Problem(w, r, fault.New(fault.NotFound, "There is no such token, or it is not yours."))
}

func lastUse(m ui.Moment) ui.Text {
	if m.ISO == "" {
		return "never"
	}
	return ui.Text(m.Text)
}

func (s *Web) revokeToken(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	id := r.PathValue("id")
	if err := s.deps.Control.RevokeToken(r.Context(), a, id, r.PostForm.Get("reason")); err != nil {
		f := revokeForm(id)
		s.refused(w, r, err, f, f.Action, "", func(status int, f formView) { s.drawRevoke(w, r, a, status, f) })
		return
	}
	done(w, r, TokensPath, "revoked")
}
