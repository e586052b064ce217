//go:build shots

package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/envdeck/envdeck/internal/web/panel/crons"
	"github.com/envdeck/envdeck/internal/web/stories"
)

// TestShotsOfPages writes a picture of every page that stands on the real rooms.
func TestShotsOfPages(t *testing.T) {
	dir := os.Getenv("ENVDECK_SHOTS")
	h := build(t)
	tb, address := openHouse(t, h, h.ids.SuperAdminID, "/admin/settings/account")
	pages := settingsPages(t, h)
	h.tell(func(s *stories.Story) { *s = stories.Releasing() })
	pages["operation"], pages["operations"], pages["rollback"] = "/admin/environments/operations/op_running", "/admin/environments/operations", "/admin/environments/rollback"
	pages["promote"] = "/admin/environments/promote"
	pages["operation-back"], pages["operation-good"] = "/admin/environments/operations/op_back", "/admin/environments/operations/op_good"
	pages["crons"], pages["cron-job"], pages["cron-output"] = crons.Path, crons.JobPath+"?path=x", crons.OutputPath+"?path=x&run=1790000000000000"
	h.tell(func(s *stories.Story) { s.Guards, s.Approvals = stories.Guarded().Guards, stories.Guarded().Approvals })
	pages["guards"], pages["approval"], pages["compare"] = "/admin/environments/guards", "/admin/environments/approvals/apr_open", "/admin/environments/compare"
	pages["worker-rollback"] = "/admin/environments/workers/transpiler/rollback"
	pages["workers"], pages["worker"] = "/admin/environments/workers", "/admin/environments/workers/transpiler"
	h.tell(func(s *stories.Story) { s.Incidents = stories.Troubled().Incidents })
	pages["database"], pages["branch-new"] = "/admin/environments/database", "/admin/environments/database/new"
	pages["branch-delete"], pages["branch-restore"] = "/admin/environments/database/br-icy-wave-404221/delete", "/admin/environments/database/br-calm-leaf-118204/restore"
	pages["incidents"], pages["incident"] = "/admin/environments/incidents", "/admin/environments/incidents/inc_open"
	for name, path := range pages {
		if !strings.Contains(name, os.Getenv("ENVDECK_STORY")) {
			continue
		}
		for _, width := range []int64{1440, 390} {
			for _, theme := range []string{"light", "dark"} {
				tb.do(chromedp.EmulateViewport(width, 900))
				if _, err := chromedp.Call(tb.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}}); err != nil {
					t.Fatal(err)
				}
				tb.do(chromedp.Navigate(address + path))
				shot, err := chromedp.Run(tb.ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("page-%s-%d-%s.png", name, width, theme)), shot, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestShots writes a picture of every story into the folder ENVDECK_SHOTS, for
// people to look at. ENVDECK_STORY picks stories by a part of their name,
// ENVDECK_PATH another page.
func TestShots(t *testing.T) {
	dir := os.Getenv("ENVDECK_SHOTS")
	if dir == "" {
		t.Fatal("set ENVDECK_SHOTS to a folder to have pictures written there")
	}
	ctx := browser(t)
	d := &desk{nobody: strings.HasPrefix(os.Getenv("ENVDECK_PATH"), "/s")}
	server := serve(t, d)
	for _, story := range stories.All() {
		if !strings.Contains(story.Name, os.Getenv("ENVDECK_STORY")) {
			continue
		}
		d.tell(func(s *stories.Story) { *s = story })
		for _, width := range []int64{1440, 390} {
			for _, theme := range []string{"light", "dark"} {
				var shot []byte
				path := "/admin/environments"
				if p := os.Getenv("ENVDECK_PATH"); p != "" {
					path = p
				}
				err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900))
				if err == nil {
					_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
				}
				if err == nil {
					err = chromedp.Do(ctx, chromedp.Navigate(server.URL+path))
				}
				if err == nil {
					shot, err = chromedp.Run(ctx, chromedp.FullScreenshot(100))
				}
				if err != nil {
					t.Fatal(err)
				}
				file := fmt.Sprintf("%s-%d-%s.png", strings.ReplaceAll(story.Name, " ", "-"), width, theme)
				if err := os.WriteFile(filepath.Join(dir, file), shot, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
