package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/web/panel/crons"
)

// The button on a job's page asks once, keeps the reason, and comes back to
// the page.
func TestRunACronNow(t *testing.T) {
	h := build(t)
	v := h.visitor(t, h.ids.SuperAdminID)
	job := url.Values{"path": {"/api/cron/pulse"}, "environment": {"prod"}, "schedule": {"*/15 * * * *"}, "reason": {"the numbers look old"}}
	answer := v.send(http.MethodPost, crons.RunPath, job)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != crons.JobPath+"?environment=prod&path=%2Fapi%2Fcron%2Fpulse&done=cron-run" {
		t.Errorf("the answer is %s to %s", answer.Status, answer.Header.Get("Location"))
	}
	if got := strings.Join(h.asked, ","); got != "/api/cron/pulse */15 * * * * the numbers look old" {
		t.Errorf("asked for %q", got)
	}
	job.Set("path", "/nosuch")
	if answer := v.send(http.MethodPost, crons.RunPath, job); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a job that is not there: %s", answer.Status)
	}
	admin := h.visitor(t, h.ids.AdminID)
	if answer := admin.send(http.MethodPost, crons.RunPath, job); answer.StatusCode != http.StatusForbidden {
		t.Errorf("an ADMIN: %s", answer.Status)
	}
	if len(h.asked) != 1 {
		t.Errorf("asked %d times", len(h.asked))
	}
}
