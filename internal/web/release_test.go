package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/web"
	"github.com/envdeck/envdeck/internal/web/stories"
)

func values(form *goquery.Selection) url.Values {
	v := url.Values{}
	form.Find("input[name]").Each(func(_ int, e *goquery.Selection) { v.Set(e.AttrOr("name", ""), e.AttrOr("value", "")) })
	return v
}

// The button, the page that it leads to, and what is asked of the desk.
func TestPromote(t *testing.T) {
	d := &desk{story: stories.Normal()}
	button := document(t, ask(t, d, http.MethodGet, home, nil)).Find("[data-slot=promote] a.primary")
	to := button.AttrOr("href", "")
	if to != web.PromotePath+"?from=next" {
		t.Fatalf("the button leads to %q", to)
	}
	doc := document(t, ask(t, d, http.MethodGet, to, nil))
	text := strings.Join(strings.Fields(doc.Find("main").Text()), " ")
	for _, want := range []string{"9d41c07", "e02a9b1", "2 pull requests", "3 commits", "20261120080000_gallery_cursor", "Takes away", `DROP COLUMN "layout"`, "Can be taken back", "/api/cron/gallery-index", "/api/cron/old-gallery", "Changed /api/cron/pulse-metrics Every 15 minutes → and then Every 30 minutes", "7 commits would be new", "What moves, and what does not"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if got := doc.Find(".gate").Length(); got != 7 || doc.Find(".gate time").Length() != 7 {
		t.Errorf("%d gates, %d with an age", got, doc.Find(".gate time").Length())
	}
	form := doc.Find("#form-promote")
	if form.Find("button[disabled]").Length() != 0 || form.Find("[name=reason][required]").Length() != 1 {
		t.Error("the button can not be used, or no reason is asked for")
	}
	v := values(form)
	r := ask(t, d, http.MethodPost, web.PromotePath, v)
	if doc := document(t, r); r.StatusCode != http.StatusBadRequest || doc.Find("#promote-reason-bad").Length() != 1 {
		t.Errorf("without a reason: %d", r.StatusCode)
	}
	v.Set("reason", "tested")
	r = ask(t, d, http.MethodPost, web.PromotePath, v)
	_ = r.Body.Close()
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != home+"/operations/op_new" {
		t.Errorf("%d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	want := release.PromoteRequest{DeploymentID: "dpl_e02a9b1", ExpectedCurrent: "dpl_9d41c07", Sheet: "sheet-1", Reason: "tested"}
	if diff := cmp.Diff(want, d.promoted[len(d.promoted)-1]); diff != "" {
		t.Errorf("asked of the desk (-want +got):\n%s", diff)
	}
}

// What changed between looking and pressing is shown, and has to be confirmed
// anew; the reason is not typed twice.
func TestPromoteAfterTheWorldMoved(t *testing.T) {
	d := &desk{story: stories.Normal()}
	v := values(document(t, ask(t, d, http.MethodGet, web.PromotePath, nil)).Find("#form-promote"))
	v.Set("reason", "tested & wanted")
	d.tell(func(s *stories.Story) { s.Sheet.Hash, s.Sheet.To.DeploymentID = "sheet-2", "dpl_newer" })
	r := ask(t, d, http.MethodPost, web.PromotePath, v)
	doc := document(t, r)
	fresh := values(doc.Find("#form-promote"))
	if r.StatusCode != http.StatusConflict || doc.Find("#form-promote [role=alert]").Length() != 1 || fresh.Get("sheet") != "sheet-2" || fresh.Get("deploymentId") != "dpl_newer" || fresh.Get("reason") != "tested & wanted" {
		t.Errorf("%d, the form is %v", r.StatusCode, fresh)
	}
}

func TestPromoteSaysWhyNot(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*stories.Story)
		want   string
	}{
		"running": {func(s *stories.Story) { s.Operations = stories.Releasing().Operations }, "op_running is under way"},
		"held": {func(s *stories.Story) {
			s.Guards.Holds = []release.Hold{{Reason: "fair", By: release.Who{Name: "ana"}, ExpiresAt: stories.Now()}}
		}, "ana holds it"},
		"live":      {func(s *stories.Story) { s.Sheet.To.DeploymentID = s.Sheet.From.DeploymentID }, "live already"},
		"no answer": {func(s *stories.Story) { s.Sheet.Relation = ""; s.Sheet.Unknown["commits"] = "GitHub is away." }, ""},
	} {
		d := &desk{story: stories.Normal()}
		d.tell(c.change)
		doc := document(t, ask(t, d, http.MethodGet, web.PromotePath, nil))
		if got := doc.Find("#form-promote .why-not").Text(); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: the button says %q", name, got)
		}
		if name == "no answer" && (!strings.Contains(doc.Text(), "GitHub is away.") || doc.Find(`.gate:contains("Something to promote") [data-tone=unknown]`).Length() != 1) {
			t.Error("what could not be had is not said")
		}
	}
	d := &desk{story: stories.Normal(), role: access.Admin}
	doc := document(t, ask(t, d, http.MethodGet, home, nil))
	if doc.Find("[data-slot=promote] button[disabled]").Length() != 1 || !strings.Contains(doc.Find("#promote-why").Text(), "SUPER_ADMIN") {
		t.Error("an ADMIN's button does not say why it can not be used")
	}
}

func TestRollback(t *testing.T) {
	d := &desk{story: stories.Normal()}
	doc := document(t, ask(t, d, http.MethodGet, web.RollbackPath, nil))
	if doc.Find(".targets input").Length() != 4 || doc.Find(".targets input[checked]").AttrOr("value", "") != "dpl_5f1c0de" || doc.Find(".targets input[disabled]").Length() != 1 || doc.Find("#t-stays + ul li").Length() != 4 {
		t.Fatalf("the page: %q", doc.Find("main").Text())
	}
	r := ask(t, d, http.MethodPost, web.RollbackPath, url.Values{"deploymentId": {"dpl_33d7e10"}})
	if doc := document(t, r); r.StatusCode != http.StatusBadRequest || doc.Find("#rollback-reason-bad").Length() != 1 || doc.Find(".targets input[checked]").AttrOr("value", "") != "dpl_33d7e10" {
		t.Errorf("without a reason: %d, or the choice is lost", r.StatusCode)
	}
	r = ask(t, d, http.MethodPost, web.RollbackPath, url.Values{"deploymentId": {"dpl_33d7e10"}, "reason": {"errors"}})
	_ = r.Body.Close()
	if r.Header.Get("Location") != home+"/operations/op_back" || len(d.back) != 1 || d.back[0].DeploymentID != "dpl_33d7e10" {
		t.Errorf("%d to %q, asked %v", r.StatusCode, r.Header.Get("Location"), d.back)
	}
	for i, want := range []string{"2 cron schedules differ from the live build's Added /api/cron/old-gallery", "The same cron jobs at the same times.", "unknown: Vercel did not answer", ""} {
		got := strings.Join(strings.Fields(doc.Find(".targets label").Eq(i).Find(".cron-changes, .target-crons").Text()), " ")
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("of the crons of build %d it says %q, want %q", i, got, want)
		}
	}
	for word, n := range map[string]int{"Schema OK": 1, "Schema unknown": 1, "Below the floor": 2} {
		if got := doc.Find(".stand .badge").FilterFunction(func(_ int, e *goquery.Selection) bool { return e.Text() == word }).Length(); got != n {
			t.Errorf("%d builds are said to be %q, and should be %d", got, word, n)
		}
	}
	if text := doc.Find(".targets").Text(); strings.Count(text, "Workers that go back with it: code, backend") != 1 {
		t.Errorf("the Workers that go back: %q", text)
	}
	if tick := doc.Find("input[name=belowFloor][form=form-rollback]"); tick.Length() != 1 || d.back[0].BelowFloor {
		t.Errorf("the word more is asked for %d times, and was sent without it: %v", tick.Length(), d.back[0].BelowFloor)
	}
	r = ask(t, d, http.MethodPost, web.RollbackPath, url.Values{"deploymentId": {"dpl_0a9e6c2"}, "reason": {"errors"}, "belowFloor": {"1"}})
	_ = r.Body.Close()
	if len(d.back) != 2 || !d.back[1].BelowFloor {
		t.Errorf("with it the desk is asked %+v", d.back)
	}
}

func TestRollingAWorkerBack(t *testing.T) {
	const page = home + "/workers/transpiler/rollback"
	d := &desk{story: stories.Normal()}
	if link := document(t, ask(t, d, http.MethodGet, home+"/workers/transpiler", nil)).Find(".worker-acts a"); link.AttrOr("href", "") != page {
		t.Errorf("the Worker's page leads to %q", link.AttrOr("href", ""))
	}
	doc := document(t, ask(t, d, http.MethodGet, page, nil))
	chosen := doc.Find(".targets input[checked]").AttrOr("value", "")
	if doc.Find(".targets input").Length() != 5 || !strings.HasPrefix(chosen, "c4e65554") || doc.Find(".targets input[disabled]").Length() != 1 || doc.Find("#t-stays + ul li").Length() != 2 {
		t.Fatalf("the page: %q", doc.Find("main").Text())
	}
	r := ask(t, d, http.MethodPost, page, url.Values{"versionId": {chosen}})
	if doc := document(t, r); r.StatusCode != http.StatusBadRequest || doc.Find("#worker-reason-bad").Length() != 1 || doc.Find(".targets input[checked]").AttrOr("value", "") != chosen {
		t.Errorf("without a reason: %d, or the choice is lost", r.StatusCode)
	}
	r = ask(t, d, http.MethodPost, page, url.Values{"versionId": {chosen}, "reason": {"it throws"}, "force": {"1"}})
	_ = r.Body.Close()
	if r.Header.Get("Location") != home+"/operations/op_worker" || len(d.workers) != 1 || d.workers[0].VersionID != chosen || d.workers[0].Worker != "transpiler" || !d.workers[0].Force {
		t.Errorf("%d to %q, asked %+v", r.StatusCode, r.Header.Get("Location"), d.workers)
	}
	d.role = access.Admin
	doc = document(t, ask(t, d, http.MethodGet, page, nil))
	if doc.Find("#form-worker button[disabled]").Length() != 1 || !strings.Contains(doc.Find("#form-worker").Text(), "SUPER_ADMIN") {
		t.Errorf("an ADMIN's button does not say why it can not be used: %q", doc.Find("#form-worker").Text())
	}
}

// The lane says at once that something is under way, and afterwards that it
// was taken back.
func TestTheLaneSaysWhatIsUnderWay(t *testing.T) {
	doc := document(t, ask(t, &desk{story: stories.Releasing()}, http.MethodGet, home, nil))
	lane := doc.Find(".lane[data-production]")
	if !strings.Contains(lane.Find(".lane-state").Text(), "Deploying…") || lane.Find("a[href='"+home+"/operations/op_running']").Length() != 1 || doc.Find("#panel-lanes[data-pace]").Length() != 1 {
		t.Errorf("the lane says %q", lane.Text())
	}
	if got := doc.Find("[data-slot=promote] a").AttrOr("href", ""); got != home+"/operations/op_running" {
		t.Errorf("the button leads to %q", got)
	}
	doc = document(t, ask(t, &desk{story: stories.RolledBack()}, http.MethodGet, home, nil))
	if got := doc.Find(".lane[data-production] .lane-alerts").Text(); !strings.Contains(got, "3 of the last 5 health checks failed") {
		t.Errorf("after a rollback the lane says %q", got)
	}
}

func TestOperationPage(t *testing.T) {
	d := &desk{story: stories.Releasing()}
	doc := document(t, ask(t, d, http.MethodGet, home+"/operations/op_running", nil))
	if doc.Find("nav a[aria-current=page]").Text() != "Operations" || doc.Find(".op-steps > li").Length() != 4 {
		t.Error("the page is not drawn, or the navigation is lost")
	}
	r := ask(t, d, http.MethodGet, home+"/operations/op_running?fragment=operation", nil, "If-None-Match", doc.Find("#panel-operation").AttrOr("data-etag", ""))
	_ = r.Body.Close()
	if r.StatusCode != http.StatusNotModified {
		t.Errorf("its fragment: %d", r.StatusCode)
	}
	r = ask(t, d, http.MethodPost, home+"/operations/op_running/cancel", url.Values{"reason": {"x"}})
	_ = r.Body.Close()
	if r.Header.Get("Location") != home+"/operations/op_running" {
		t.Errorf("cancelling: %d", r.StatusCode)
	}
}
