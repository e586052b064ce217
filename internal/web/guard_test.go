package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/web"
	"github.com/envdeck/envdeck/internal/web/panel/guards"
	"github.com/envdeck/envdeck/internal/web/stories"
)

func post(t *testing.T, d *desk, path string, v url.Values) (int, string) {
	t.Helper()
	r := ask(t, d, http.MethodPost, path, v)
	_ = r.Body.Close()
	return r.StatusCode, r.Header.Get("Location")
}

func TestGuardsPage(t *testing.T) {
	d := &desk{story: stories.Guarded()}
	if got := document(t, ask(t, d, http.MethodGet, home, nil)).Find("[data-slot=promote] #promote-guard").Text(); !strings.Contains(got, "Held by ana-ruiz") {
		t.Errorf("the button of the promotion says %q", got)
	}
	doc := document(t, ask(t, d, http.MethodGet, guards.Path, nil))
	text := strings.Join(strings.Fields(doc.Find("main").Text()), " ")
	for _, want := range []string{"the sale: no changes to checkout", "A freeze begins", "no releases on Sunday evening", "gallery pages, tested on next", "solo", "Nothing was rolled back"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q: %s", want, text)
		}
	}
	if doc.Find(`a[href="`+web.ApprovalsPath+`/apr_open"]`).Length() == 0 || doc.Find("button[disabled]").Length() != 0 {
		t.Error("nobody can see to what waits")
	}
	for _, one := range []struct {
		path string
		v    url.Values
		want string
	}{
		{guards.Path + "/holds", url.Values{"reason": {"fair"}, "for": {"24h"}}, "hold for 24h0m0s: fair"},
		{guards.Path + "/holds/hold_1/lift", url.Values{}, "lift hold_1"},
		{guards.Path + "/resume", url.Values{"reason": {"mended"}}, "resume: mended"},
	} {
		if code, to := post(t, d, one.path, one.v); code != http.StatusSeeOther || to != guards.Path || !slices.Contains(d.guarding, one.want) {
			t.Errorf("%s: %d to %q, asked %v", one.path, code, to, d.guarding)
		}
	}
	if code, _ := post(t, d, guards.Path+"/holds", url.Values{"for": {"24h"}}); code != http.StatusConflict {
		t.Errorf("a hold without a reason: %d", code)
	}
	admin := &desk{story: stories.Guarded(), role: access.Admin}
	doc = document(t, ask(t, admin, http.MethodGet, guards.Path, nil))
	if doc.Find("button:not([disabled]):contains(Hold), button:not([disabled]):contains(Lift)").Length() != 0 {
		t.Error("an ADMIN is offered what they may not do")
	}
}

// A promotion that guards stop offers the glass, and a request where only an
// approval is missing.
func TestPromoteInFrontOfGuards(t *testing.T) {
	d := &desk{story: stories.Guarded()}
	doc := document(t, ask(t, d, http.MethodGet, web.PromotePath, nil))
	if why := doc.Find("#form-promote .why-not").Text(); !strings.Contains(why, "ana-ruiz holds it") {
		t.Errorf("the button says %q", why)
	}
	if got := doc.Find(`.gate:contains("Approved") a`).AttrOr("href", ""); got != web.ApprovalsPath+"/apr_open" {
		t.Errorf("the gate leads to %q", got)
	}
	v := values(doc.Find("#form-glass"))
	v.Set("reason", "")
	v.Set("breakGlass", "prod")
	r := ask(t, d, http.MethodPost, web.PromotePath, v)
	if back := document(t, r); r.StatusCode != http.StatusBadRequest || back.Find("#glass[open] #glass-reason-bad").Length() != 1 || values(back.Find("#form-glass")).Get("breakGlass") != "prod" {
		t.Errorf("without a reason: %d", r.StatusCode)
	}
	v.Set("reason", "the site is down")
	if code, to := post(t, d, web.PromotePath, v); code != http.StatusSeeOther || to != home+"/operations/op_new" || d.promoted[len(d.promoted)-1].BreakGlass != "prod" {
		t.Errorf("%d to %q, asked %+v", code, to, d.promoted)
	}

	d.tell(func(s *stories.Story) { s.Guards.Holds, s.Guards.Waiting = nil, nil })
	doc = document(t, ask(t, d, http.MethodGet, web.PromotePath, nil))
	form := doc.Find(`#form-promote[action="` + web.ApprovalsPath + `"]`)
	if form.Find("button:not([disabled])").Text() != "Ask for an approval" || doc.Find("#form-glass").Length() != 1 {
		t.Fatal("nobody can ask for the approval that is missing")
	}
	v = values(form)
	v.Set("reason", "tested")
	if code, to := post(t, d, web.ApprovalsPath, v); code != http.StatusSeeOther || to != web.ApprovalsPath+"/apr_new" || !slices.Contains(d.guarding, "ask for dpl_e02a9b1 as sheet-1: tested") {
		t.Errorf("%d to %q, asked %v", code, to, d.guarding)
	}

	d.tell(func(s *stories.Story) {
		given := stories.Guarded().Approvals[0]
		given.State, given.Decision = release.ApprovalGiven, &release.Decision{By: release.Who{Name: "bea"}, At: stories.Now(), Solo: true}
		s.Guards.Waiting = []release.Approval{given}
	})
	doc = document(t, ask(t, d, http.MethodGet, web.PromotePath, nil))
	if !strings.Contains(doc.Find(`.gate:contains("Approved")`).Text(), "Solo") || doc.Find("#form-promote button[disabled]").Length() != 0 || doc.Find("#form-glass").Length() != 0 {
		t.Error("an approved content can not be promoted")
	}

	d.tell(func(s *stories.Story) { s.Sheet.To.DeploymentID = s.Sheet.From.DeploymentID })
	if document(t, ask(t, d, http.MethodGet, web.PromotePath, nil)).Find("#form-glass").Length() != 0 {
		t.Error("the glass is offered where breaking it would not help")
	}
}

func TestApprovalPage(t *testing.T) {
	d := &desk{story: stories.Guarded()}
	doc := document(t, ask(t, d, http.MethodGet, web.ApprovalsPath+"/apr_open", nil))
	text := strings.Join(strings.Fields(doc.Find("main").Text()), " ")
	for _, want := range []string{"ana-ruiz", "gallery pages, tested on next", "20261120080000_gallery_cursor", "Waits"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if code, to := post(t, d, web.ApprovalsPath+"/apr_open/approve", url.Values{}); code != http.StatusSeeOther || to != web.ApprovalsPath+"/apr_open" {
		t.Errorf("%d to %q", code, to)
	}
	if code, _ := post(t, d, web.ApprovalsPath+"/apr_open/decline", url.Values{"reason": {"no"}}); code != http.StatusSeeOther || !slices.Equal(d.guarding, []string{"approve apr_open", "decline apr_open"}) {
		t.Errorf("%d, asked %v", code, d.guarding)
	}
	if code, to := post(t, d, web.ApprovalsPath+"/apr_own/approve", url.Values{"reason": {"alone"}}); code != http.StatusSeeOther || !strings.HasPrefix(to, web.ConfirmPath) || !strings.Contains(to, "apr_own") {
		t.Errorf("without a proof of presence: %d to %q", code, to)
	}
	d.tell(func(s *stories.Story) { s.Approvals[0].ID = "apr_old" })
	r := ask(t, d, http.MethodPost, web.ApprovalsPath+"/apr_old/approve", url.Values{})
	if doc := document(t, r); r.StatusCode != http.StatusConflict || doc.Find("#form-approve [role=alert]").Length() != 1 {
		t.Errorf("an outdated one: %d", r.StatusCode)
	}
	doc = document(t, ask(t, d, http.MethodGet, web.ApprovalsPath+"/apr_used", nil))
	if doc.Find("form.form").Length() != 0 || doc.Find(`a[href$="/operations/op_good"]`).Length() != 1 {
		t.Error("one that is used can be decided, or does not lead to its operation")
	}
}

func TestComparePages(t *testing.T) {
	d := &desk{story: stories.Normal()}
	doc := document(t, ask(t, d, http.MethodGet, web.ComparePath+"?from=prod&to=next", nil))
	if got := values(doc.Find("#form-compare")); got.Get("from") != "prod" || got.Get("to") != "next" || doc.Find(".changes li").Length() == 0 {
		t.Errorf("the form has %v", got)
	}
	doc = document(t, ask(t, d, http.MethodGet, web.SheetPath+"/sheet-1", nil))
	if !strings.Contains(doc.Find(".notice").Text(), "does not change any more") || doc.Find("#form-compare").Length() != 0 {
		t.Error("the record does not say that it is one")
	}
	if r := ask(t, d, http.MethodGet, web.SheetPath+"/nothing", nil); r.StatusCode != http.StatusNotFound {
		t.Errorf("%d", r.StatusCode)
	}
}
