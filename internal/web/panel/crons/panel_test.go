package crons_test

import (
	"bytes"
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/jba/templatecheck"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/crons"
	"github.com/envdeck/envdeck/internal/web/stories"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// book tells a story.
type book struct {
	board  cron.Board
	page   cron.Page
	output []byte
	after  []cron.AfterJob
	asked  cron.LaneQuery
}

func (b *book) Lanes(_ context.Context, _ access.Actor, q cron.LaneQuery) (cron.Board, error) {
	b.asked = q
	return b.board, nil
}

func (b *book) Page(context.Context, access.Actor, cron.Ask) (cron.Page, error) { return b.page, nil }

func (b *book) Output(context.Context, access.Actor, cron.Ask, time.Time, int) ([]byte, error) {
	return b.output, nil
}

func (b *book) After(context.Context, access.Actor, string) ([]cron.AfterJob, cron.Switch, bool, error) {
	return b.after, cron.Switch{At: stories.Now()}, len(b.after) > 0, nil
}

func tell(s stories.Story) *book {
	return &book{board: s.Crons.Board, page: s.Crons.Page, output: s.Crons.Output, after: s.Crons.After}
}

func address() string { return "https://deck.example.com/" }

func draw(t *testing.T, p panel.Panel, query string) *goquery.Document {
	t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	ready, err := p.Prepare(t.Context(), panel.Viewer{Now: stories.Now(), Query: q, Actor: access.Actor{Role: access.Admin}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := ready.Draw(&b); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTemplatesFitTheirViews(t *testing.T) {
	b := tell(stories.Normal())
	for _, room := range []*panel.Room[crons.View]{crons.All(b), crons.Newest(b, 3), crons.One(b, address), crons.Printed(b), crons.Report(address), crons.Moved(b)} {
		if err := templatecheck.CheckHTML(room.Template().Lookup("frame"), panel.Frame[crons.View]{}); err != nil {
			t.Error(err)
		}
	}
}

// Every state is an icon, a word and a tone, and only a job whose last run was
// good is green.
func TestOnlyGoodIsGreen(t *testing.T) {
	for _, s := range []cron.Standing{
		cron.StandMissed, cron.StandFailing, cron.StandOverrun, cron.StandLate, cron.StandRunning, cron.StandOK, cron.StandWaiting,
		cron.StandNotObserved, cron.StandUnscheduled, cron.StandUnknown, "a state of another version",
	} {
		b := crons.State(s)
		if b.Icon == "" || b.Word == "" || b.Tone == "" {
			t.Errorf("%s is drawn as %+v", s, b)
		}
		if (b.Tone == ui.Good) != (s == cron.StandOK) {
			t.Errorf("%s is %s", s, b.Tone)
		}
	}
}

// What a lane shows is said in words too, and no mark differs by colour alone:
// each kind has its own place or shape.
func TestLanesAreReadable(t *testing.T) {
	doc := draw(t, crons.All(tell(stories.Normal())), "")
	rows := doc.Find("tbody tr")
	if rows.Length() != 11 {
		t.Fatalf("%d rows", rows.Length())
	}
	failing := rows.FilterFunction(func(_ int, r *goquery.Selection) bool { return strings.Contains(r.Text(), "cleanup-jobs") }).Find("td").Last()
	label, _ := failing.Find("svg.cron-lane").Attr("aria-label")
	for _, want := range []string{"runs", "11 failed", "1 missed", "longest", "due 24 times"} {
		if !strings.Contains(label, want) {
			t.Errorf("the lane of a job that fails says %q, without %q", label, want)
		}
	}
	if got := failing.Find(".badge").Text(); got != "Failing" {
		t.Errorf("its state is %q", got)
	}
	shapes := map[string]string{}
	failing.Find("svg path").Each(func(_ int, p *goquery.Selection) {
		shapes[p.AttrOr("class", "")] = p.AttrOr("d", "")
	})
	for kind, want := range map[string]string{"failed": "14.7h.7v15.3", "missed": " 3h.7v20", "due": " 26h.7v2", "moved": " 0V30", "now": "M96 0V30"} {
		if !strings.Contains(strings.ReplaceAll(shapes[kind], ".0", ""), want) {
			t.Errorf("%s is drawn as %.60q, without %q", kind, shapes[kind], want)
		}
	}
	if got := doc.Find(".cron-notes").Text(); !strings.Contains(got, "Rollback of prod to 9d41c07") || !strings.Contains(got, "No job was ever reported of dev") {
		t.Errorf("below the lanes it says %q", got)
	}
	if doc.Find("[style]").Length() != 0 {
		t.Error("there are inline styles")
	}
}

// Schedules of another build than the live one are said in words, and no job is
// blamed for it.
func TestSchedulesOfAnotherBuild(t *testing.T) {
	s := stories.RolledBack()
	for name, p := range map[string]panel.Panel{"page": crons.All(tell(s)), "panel": crons.Newest(tell(s), 3)} {
		note := draw(t, p, "").Find(".cron-behind")
		for _, want := range []string{"runs the schedules of e02a9b1", "production serves 9d41c07", "3 differences", "Changed /api/cron/pulse-metrics Every 15 minutes → and then Every 30 minutes", "Removed /api/cron/gallery-index", "Added /api/cron/old-gallery At 03:00"} {
			if got := strings.Join(strings.Fields(note.Text()), " "); !strings.Contains(got, want) {
				t.Errorf("the %s says %q, without %q", name, got, want)
			}
		}
		if tone := note.AttrOr("data-tone", ""); tone != "warn" {
			t.Errorf("the %s says it as %q", name, tone)
		}
	}
	if draw(t, crons.All(tell(stories.Normal())), "").Find(".cron-behind").Length() != 0 {
		t.Error("it is said when nothing differs")
	}
}

// What could be better stands below the jobs and on the job's own page, with
// what was counted, and nowhere on the dashboard.
func TestRecommendations(t *testing.T) {
	b := tell(stories.Normal())
	list := draw(t, crons.All(b), "").Find(".cron-advice li")
	if list.Length() != 2 || list.Eq(1).Find("a").AttrOr("href", "") != crons.JobPath+"?environment=prod&path=%2Fapi%2Fcron%2Fpulse-metrics" {
		t.Fatalf("%d recommendations: %s", list.Length(), list.Text())
	}
	for _, want := range []string{"Often idle", "Half as often may do.", "655 of 672 runs since 15 Nov 14:30 UTC", "saves 48 runs a day, 1 min 7 s of run time"} {
		if !strings.Contains(list.Eq(1).Text(), want) {
			t.Errorf("it says %q, without %q", list.Eq(1).Text(), want)
		}
	}
	if got := draw(t, crons.One(b, address), "path=x").Find(".cron-advice li"); got.Length() != 1 || !strings.Contains(got.Text(), "Never succeeds") {
		t.Errorf("the job's page says %q", got.Text())
	}
	if draw(t, crons.Newest(b, 3), "").Find(".cron-advice").Length() != 0 {
		t.Error("the dashboard gives advice")
	}
}

func TestOneJob(t *testing.T) {
	doc := draw(t, crons.One(tell(stories.Normal()), address), "path=x")
	text := doc.Text()
	for _, want := range []string{
		"/api/cron/cleanup-jobs", "Failing", "P1001", "Every 15 minutes", "Sun 22 Nov 14:45 UTC", "Hobby", "450 ms to 1.8 s", "1 missed time",
		"https://deck.example.com/ping/0d4f1c52-5d0a-4a55-9a2e-5a5c9e4b7a11/start", "slower than usual", "duplicate",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	figure := doc.Find("[data-chart]")
	if points := figure.AttrOr("data-points", ""); !strings.HasPrefix(points, "[[") || figure.Find("svg[role=img]").Length() != 1 {
		t.Errorf("the chart has the points %.40q", points)
	}
	if out := doc.Find(".r-out a").First().AttrOr("href", ""); !strings.HasPrefix(out, crons.OutputPath+"?") || !strings.Contains(out, "run=") {
		t.Errorf("the output is at %q", out)
	}
}

// What jobs did since an operation stands on its page, and on the job's.
func TestSinceAnOperation(t *testing.T) {
	b := tell(stories.Normal())
	doc := draw(t, crons.Moved(b), "id=op_running")
	if got := doc.Find("tbody tr").First().Text(); !strings.Contains(got, "Silent") || !strings.Contains(got, "cleanup-jobs") {
		t.Errorf("first it says %s", got)
	}
	if got := doc.Text(); !strings.Contains(got, "1 of 4 jobs heard of") || !strings.Contains(got, "due 15:00") {
		t.Errorf("%s", got)
	}
	job := draw(t, crons.One(b, address), "path=x")
	if got := job.Find(".cron-head .cron-since a"); !strings.Contains(got.Text(), "silent since the promotion to e02a9b1") || got.AttrOr("href", "") != "/admin/environments/operations/op_running" {
		t.Errorf("the job's page says %q", got.Text())
	}
	if got := job.Find("#cron-misses a").AttrOr("href", ""); got != "/admin/environments/operations/op_running" {
		t.Errorf("its miss leads to %q", got)
	}
	b.after = nil
	if got := draw(t, crons.Moved(b), "id=op_running").Text(); !strings.Contains(got, "moved nothing") {
		t.Errorf("before the move it says %s", got)
	}
}

// A button that cannot be used says why.
func TestRunNowSaysWhyNot(t *testing.T) {
	b := tell(stories.Normal())
	b.page.NotNow = "You are ADMIN. Only a SUPER_ADMIN can run a job by hand."
	doc := draw(t, crons.One(b, address), "path=x")
	button := doc.Find("#cron-run button")
	if _, disabled := button.Attr("disabled"); !disabled || !strings.Contains(doc.Find("#"+button.AttrOr("aria-describedby", "?")).Text(), "SUPER_ADMIN") {
		t.Errorf("the button: %s", doc.Find("#cron-run").Text())
	}
}

// A path that somebody reported stays a word of whatever it is copied into.
func TestInstructionsQuoteWhatTheyAreGiven(t *testing.T) {
	b := tell(stories.Normal())
	b.page.Job.Path, b.page.PingPath = "/x'; rm -rf ~ #\"$(id)`id`\\", ""
	b.page.Job.Schedule = "*/5 * * * * \"; $(id)"
	doc := draw(t, crons.One(b, address), "path=x")
	text := func(id string) string { return doc.Find("#code-" + id).Text() }
	for id, want := range map[string]string{
		"shell": `--path '/x'\''; rm -rf ~ #"$(id)` + "`id`" + `\' --environment prod`,
		"next":  `cronRoute("/x'; rm -rf ~ #\"$(id)` + "`id`" + `\\", async`,
		"go":    `deck.Run(ctx, "/x'; rm -rf ~ #\"$(id)` + "`id`" + `\\", func`,
		"json":  `"path":"/x'\''; rm -rf ~ #\"$(id)` + "`id`" + `\\"`,
		"curl":  "/ping/$ENVDECK_PING_KEY/x-rm-rf-id-id/start?create=1&schedule=%2A%2F5%20%2A%20%2A%20%2A%20%2A%20%22%3B%20%24%28id%29\"",
	} {
		if !strings.Contains(text(id), want) {
			t.Errorf("%s:\n%s\nwithout %s", id, text(id), want)
		}
	}
}

func TestOutput(t *testing.T) {
	b := tell(stories.Normal())
	b.output = []byte("one\r\n\x1b[31mred\x1b[0m\ttab\n<b>\u202eevil\x00" + strings.Repeat("x", cron.OutputLimit))
	doc := draw(t, crons.Printed(b), "path=/job&environment=prod&run=1790000000000000")
	if got := doc.Find("pre").Text(); !strings.HasPrefix(got, "one\nred\ttab\n<b>\ufffdevil\ufffdxxx") {
		t.Errorf("it printed %.40q", got)
	}
	if !strings.Contains(doc.Text(), "The end is kept") || !strings.Contains(doc.Text(), "21 September 2026, 14:13:20 UTC") {
		t.Errorf("%.200s", doc.Text())
	}
	b.output = nil
	if got := draw(t, crons.Printed(b), "").Text(); !strings.Contains(got, "Nothing is kept") {
		t.Errorf("without output it says %s", got)
	}
}

// A long list has pages, and its filter asks the server.
func TestPages(t *testing.T) {
	b := tell(stories.Normal())
	b.board.Total, b.board.Matching = 550, 550
	doc := draw(t, crons.All(b), "page=2&q=pulse&project=shop")
	if b.asked.Offset != 100 || b.asked.Limit != 100 || b.asked.Words != "pulse" {
		t.Errorf("asked %+v", b.asked)
	}
	if got := doc.Find(".cron-pages").Text(); !strings.Contains(got, "page 2 of 6") {
		t.Errorf("pages: %q", got)
	}
	if _, here := doc.Find(".filter").Attr("data-filter"); here {
		t.Error("a part of the list is filtered in the browser")
	}
	if next := doc.Find(".cron-pages a").Last().AttrOr("href", ""); next != crons.Path+"?page=3&project=shop&q=pulse" {
		t.Errorf("next is %q", next)
	}
}

func TestEmptyAndWaiting(t *testing.T) {
	b := &book{board: cron.Board{Sources: []cron.SourceAge{{Name: "vercel"}}}}
	if got := draw(t, crons.All(b), "").Text(); !strings.Contains(got, "Asking for the first time") {
		t.Errorf("before the first answer it says %s", got)
	}
	b.board.Sources[0].Asked = stories.Now()
	if got := draw(t, crons.All(b), "").Text(); !strings.Contains(got, "No cron job is known yet") {
		t.Errorf("without jobs it says %s", got)
	}
	b.board.Sources[0] = cron.SourceAge{Name: "vercel", Problem: "Vercel refused the token."}
	if got := draw(t, crons.All(b), "").Text(); !strings.Contains(got, "Vercel refused the token.") || !strings.Contains(got, "unknown") {
		t.Errorf("with a broken source it says %s", got)
	}
}
