package web_test

import (
	"maps"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/web"
	"github.com/envdeck/envdeck/internal/web/panel/crons"
	"github.com/envdeck/envdeck/internal/web/panel/database"
	"github.com/envdeck/envdeck/internal/web/panel/guards"
	"github.com/envdeck/envdeck/internal/web/panel/incidents"
	"github.com/envdeck/envdeck/internal/web/stories"
)

// openHouse opens a page of the house in a real browser, signed in.
func openHouse(t *testing.T, h *house, user, path string) (tab, string) {
	t.Helper()
	server := httptest.NewServer(h.door)
	t.Cleanup(server.Close)
	tb := open(t, server.URL+"/sign-in")
	cookie := h.visitor(t, user).cookies[access.SessionCookieLoopback]
	if _, err := chromedp.Call(tb.ctx, network.SetCookie, network.SetCookieParams{Name: access.SessionCookieLoopback, Value: cookie, URL: server.URL}); err != nil {
		t.Fatal(err)
	}
	tb.do(chromedp.Navigate(server.URL + path))
	return tb, server.URL
}

// Every page with forms, and every page of a release: no report from the
// policy, no page wider than its window, and nothing that axe-core minds.
func TestBrowserPages(t *testing.T) {
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	h := build(t)
	tb, address := openHouse(t, h, h.ids.SuperAdminID, web.AccountPath)
	tb.minds(axe)
	pages := settingsPages(t, h)
	h.tell(func(s *stories.Story) {
		*s = stories.Releasing()
		s.Guards, s.Approvals = stories.Guarded().Guards, stories.Guarded().Approvals
		s.Incidents = stories.Troubled().Incidents
	})
	maps.Copy(pages, map[string]string{
		"guards": guards.Path, "approval": web.ApprovalsPath + "/apr_open", "compare": web.ComparePath,
		"operation": home + "/operations/op_running", "ended": home + "/operations/op_back", "operations": home + "/operations", "rollback": web.RollbackPath, "promote": web.PromotePath,
		"crons": crons.Path, "cron": crons.JobPath + "?path=x", "cron output": crons.OutputPath + "?path=x&run=1",
		"incidents": incidents.Path, "incident": incidents.Path + "/inc_open", "incident over": incidents.Path + "/inc_over",
		"workers": home + "/workers", "worker": home + "/workers/transpiler", "worker rollback": home + "/workers/transpiler/rollback",
		"database": database.Path, "new branch": database.Path + "/new", "delete branch": database.Path + "/br-icy-wave-404221/delete",
		"restore branch": database.Path + "/br-calm-leaf-118204/restore",
	})
	look := func(name, path string, minds bool) {
		tb.do(chromedp.EmulateViewport(1440, 900), chromedp.Navigate(address+path))
		if status := run[int](tb, `performance.getEntriesByType("navigation")[0].responseStatus`); status != 200 && name != "nothing" {
			t.Fatalf("%s answers %d: nothing was looked at", name, status)
		}
		for _, width := range []int64{1440, 900, 390, 320} {
			tb.do(chromedp.EmulateViewport(width, 900))
			if over := run[float64](tb, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s is %v px wider than %d", name, over, width)
			}
			theme := map[int64]string{1440: "light", 390: "dark"}[width]
			if theme == "" || !minds {
				continue
			}
			for _, f := range tb.minded(theme, true) {
				t.Errorf("%s, %s: %s", name, theme, f)
			}
		}
		tb.clean()
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		look(name, pages[name], true)
	}
	h.tell(func(s *stories.Story) { *s = stories.Hostile() })
	for _, path := range []string{
		web.PromotePath, web.RollbackPath, home + "/workers/x/rollback", home + "/operations", home + "/operations/op_good", crons.Path, crons.JobPath + "?path=x", crons.OutputPath + "?path=x",
		guards.Path, web.ApprovalsPath + "/apr_open", incidents.Path, incidents.Path + "/inc_open",
		database.Path, database.Path + "/br-icy-wave-404221/delete", database.Path + "/br-icy-wave-404221/restore",
	} {
		look("hostile "+path, path, false)
	}
}
