package web

import (
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Addresses of the pages beside the dashboard.
const (
	AccountPath = "/admin/settings/account"
	TokensPath  = "/admin/settings/tokens"
	PeoplePath  = "/admin/settings/users"
	ConfirmPath = "/confirm"
)

// settingsView is what every page with forms shares.
type settingsView struct {
	layoutView
	Done ui.Text // what has just been done, "" for nothing
	AsOf time.Time
}

// settingsRoutes are the pages for one's own affairs and for people.
func (s *Web) settingsRoutes() []Route {
	return []Route{
		{"GET /admin/settings", access.PublicHealth, plain(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, AccountPath, http.StatusSeeOther)
		})},
		{"GET " + AccountPath, access.ManageOwnAccount, s.account},
		{"POST " + AccountPath + "/password", access.ManageOwnAccount, s.changePassword},
		{"POST " + AccountPath + "/sessions/{id}/end", access.ManageOwnSessions, s.endSession},
		{"POST " + AccountPath + "/sessions/end-others", access.ManageOwnSessions, s.endOtherSessions},
		{"POST " + AccountPath + "/passkeys/options", access.ManageOwnAccount, s.passkeyOptions},
		{"POST " + AccountPath + "/passkeys", access.ManageOwnAccount, s.addPasskey},
		{"GET " + AccountPath + "/passkeys/{id}/remove", access.ManageOwnAccount, s.removePasskeyForm},
		{"POST " + AccountPath + "/passkeys/{id}/remove", access.ManageOwnAccount, s.removePasskey},

		{"GET " + TokensPath, access.ManageOwnTokens, s.tokens},
		{"POST " + TokensPath, access.ManageOwnTokens, s.issueToken},
		{"GET " + TokensPath + "/{id}/revoke", access.ManageOwnTokens, s.revokeTokenForm},
		{"POST " + TokensPath + "/{id}/revoke", access.ManageOwnTokens, s.revokeToken},

		{"GET " + PeoplePath, access.ViewUsers, s.people},
		{"POST " + PeoplePath, access.ManageUsers, s.addPerson},
		{"GET " + PeoplePath + "/{id}", access.ViewUsers, s.person},
		{"POST " + PeoplePath + "/{id}/{act}", access.ManageUsers, s.changePerson},

		// Confirming renews a proof of presence: it must not ask for one.
		{"GET " + ConfirmPath, access.ManageOwnSessions, s.confirmForm},
		{"POST " + ConfirmPath + "/password", access.ManageOwnSessions, s.confirmPassword},
		{"POST " + ConfirmPath + "/passkey/options", access.ManageOwnSessions, s.confirmOptions},
		{"POST " + ConfirmPath + "/passkey", access.ManageOwnSessions, s.confirmPasskey},

		{"GET " + ActivityPath + "/{seq}", access.ViewAudit, s.entry},
		{"GET " + ActivityPath + "/verify", access.ViewAudit, s.verify},
		{"GET " + ActivityPath + "/export", access.ExportAudit, s.exportForm},
		{"POST " + ActivityPath + "/export", access.ExportAudit, s.export},
	}
}

func (s *Web) settings(r *http.Request, a access.Actor, title string) settingsView {
	v := panel.Viewer{Actor: a, Now: s.deps.Clock.Now(), Query: r.URL.Query(), Build: s.assets.build}
	view := settingsView{layoutView: s.layout(r, v, panel.Page{Title: title, Path: Home}), Done: doneText(r), AsOf: v.Now}
	for i := range view.Nav {
		view.Nav[i].Current = false
	}
	return view
}

// settingsMenu lists the settings that the actor may open.
func settingsMenu(a access.Actor, path string) []navItem {
	all := []struct {
		item navItem
		use  access.UseCase
	}{
		{navItem{Text: "Account", Path: AccountPath}, access.ManageOwnAccount},
		{navItem{Text: "Tokens", Path: TokensPath}, access.ManageOwnTokens},
		{navItem{Text: "People", Path: PeoplePath}, access.ViewUsers},
	}
	var menu []navItem
	for _, one := range all {
		if access.Permits(a, one.use) {
			one.item.Current = path == one.item.Path || len(path) > len(one.item.Path) && path[:len(one.item.Path)+1] == one.item.Path+"/"
			menu = append(menu, one.item)
		}
	}
	return menu
}
