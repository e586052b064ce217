package lanes_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/jba/templatecheck"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/lanes"
	"github.com/envdeck/envdeck/internal/web/stories"
)

type board struct{ stories.Story }

func (b board) Status(context.Context, access.Actor, string) (status.Status, []panel.Age, error) {
	return b.Story.Status, b.Ages, b.Err
}

func (b board) Operations(context.Context, access.Actor, release.Query) ([]release.Operation, error) {
	return b.Story.Operations, b.Err
}

func (b board) Guards(context.Context, access.Actor, string) (release.Guards, error) {
	return b.Story.Guards, b.Err
}

func draw(t *testing.T, s stories.Story) *goquery.Document {
	t.Helper()
	ready, err := lanes.New(board{s}, board{s}).Prepare(t.Context(), panel.Viewer{Now: stories.Now()})
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

func TestTemplateFitsItsView(t *testing.T) {
	room := lanes.New(board{}, board{})
	if err := templatecheck.CheckHTML(room.Template().Lookup("frame"), panel.Frame[lanes.View]{}); err != nil {
		t.Error(err)
	}
}

// uncounted is a project that nobody counts errors of.
func uncounted() stories.Story {
	s := stories.Normal()
	s.Name = "uncounted"
	for _, e := range s.Status.Environments {
		e.ErrorSource, e.ErrorHours, e.ErrorCount24h = "", nil, nil
	}
	return s
}

// What a reader must find in each story, and how often.
func TestStories(t *testing.T) {
	for _, c := range []struct {
		story stories.Story
		want  map[string]int
		text  []string
	}{
		{
			stories.Normal(),
			map[string]int{
				".lane": 3, "#lane-1 + .promotion": 1, `.lane[data-tone="good"]`: 3, ".sources .age": 4, ".age[data-state]": 0,
				"#lane-1-changes li a": 3, ".lane svg.spark": 2, "#lane-1 .spark-gap": 3, "#lane-2 .spark-gap": 0, ".spark[data-stale]": 0, "#lane-2 .spark-bar[data-open]": 0, ".lane .spark-bad": 0,
				`#lane-1 svg.spark[aria-label*="3 hours were not counted"]`: 1, "#lane-0 .report": 1, ".lane svg.uptime": 2, `#lane-0 svg.uptime`: 0, `#lane-1 .uptime [data-tone="quiet"]`: 6, `#lane-1 .uptime [data-tone="bad"]`: 3, ".lane-alerts .notice": 0, ".trouble[open]": 0, "details.trouble": 0, "#lane-2[data-production]": 1,
			},
			[]string{"7 commits", "3 PRs", "Visitors, last hour", "1\u202f284", "Uncommitted changes", "2 ahead, 5 behind", "87 ms", "98.61 % down for 15 min", "99.93 % down for 5 min"},
		},
		{stories.DevOffline(), map[string]int{"#lane-0[data-offline]": 1, `#lane-0 .badge[data-tone="quiet"]`: 2, "#lane-0 .why": 0}, []string{"Not running", "normal for a working copy"}},
		{stories.RolledBack(), map[string]int{`#lane-2 .notice[data-tone="warn"]`: 2, `.banner[data-tone="warn"]`: 1, ".banner a": 1}, []string{"Drift the app answers 5f1c0de but 9d41c07 is deployed", "Rolled back from e02a9b1 to 9d41c07 by envdeck itself, because 3 of the last 5 probes were bad: the database does not answer."}},
		{stories.Guarded(), map[string]int{".banner": 3, "#lane-2 .lane-state .badge": 2, "[data-slot=promote] a.primary": 0}, []string{"prod is held by ana-ruiz until 24 Nov 14:30 UTC", "A freeze begins 22 Nov 16:30 UTC", "1 request waits for an approval"}},
		{stories.Split(), map[string]int{`#lane-2 .notice[data-tone="warn"]`: 1, `#lane-2 .notice[data-tone="busy"]`: 1, `#lane-2 .lane-state .badge[data-tone="busy"]`: 1}, []string{"Deploying"}},
		{stories.PartialError(), map[string]int{"details.trouble": 1, ".trouble .notice": 2, `.age[data-source="github"][data-state="stale"]`: 1, `.age[data-source="sentry"][data-state="never"]`: 1, ".lane": 3, "svg.spark": 0, ".lane-errors .why": 2}, []string{"Sentry refused the token", "database answers in 2.1 s"}},
		{stories.Six(), map[string]int{`.lanes[data-count="6"] .lane`: 6, ".promotion": 1}, nil},
		{uncounted(), map[string]int{"svg.spark": 0, ".lane-errors": 0, ".tiles > :first-child .why": 0}, []string{"– not counted"}},
		{stories.Two(), map[string]int{".lane": 2, ".promotion": 1}, nil},
		{stories.Same(), map[string]int{".promotion": 1}, []string{"Nothing waits"}},
		{stories.Down(), map[string]int{`.lane[data-tone="bad"]`: 2, `[data-tone="good"]`: 0}, []string{"connection refused", "commits unknown"}},
		{stories.FirstValues(), map[string]int{"svg.uptime": 0, ".lane-uptime .why": 2, `.lane[data-tone="unknown"]`: 2, `[data-tone="good"]`: 0}, []string{"Build unknown", "Health unknown", "No source has answered yet."}},
		{stories.Stale(), map[string]int{`.lane[data-tone="good"]`: 0, `.sources .age[data-state="stale"]`: 4, ".spark[data-stale]": 2, ".spark-scale[data-stale]": 2}, []string{"stale 1 h"}},
		{stories.Story{}, map[string]int{".lane": 0, `.blank[data-tone="busy"]`: 1}, []string{"Asking for the first time"}},
	} {
		t.Run(c.story.Name, func(t *testing.T) {
			doc := draw(t, c.story)
			for selector, want := range c.want {
				if got := doc.Find(selector).Length(); got != want {
					t.Errorf("%s: %d, want %d", selector, got, want)
				}
			}
			text := strings.Join(strings.Fields(doc.Text()), " ")
			for _, want := range c.text {
				if !strings.Contains(text, strings.Join(strings.Fields(want), " ")) {
					t.Errorf("%q is not said", want)
				}
			}
		})
	}
}

// An unknown fact is the word and its reason, in every story: never 0, never
// empty, never green.
func TestUnknownHasItsReason(t *testing.T) {
	for _, s := range stories.All() {
		doc := draw(t, s)
		doc.Find(".why").Each(func(_ int, why *goquery.Selection) {
			if strings.TrimSpace(why.Find("p").Text()) == "" || strings.TrimSpace(why.Find("summary").Text()) != "unknown" {
				t.Errorf("%s: an unknown fact has no reason", s.Name)
			}
		})
		doc.Find(`.badge[data-tone="unknown"]`).Each(func(_ int, badge *goquery.Selection) {
			if strings.TrimSpace(badge.Text()) == "" {
				t.Errorf("%s: an unknown state has no word", s.Name)
			}
		})
		doc.Find(".badge").Each(func(_ int, badge *goquery.Selection) {
			if badge.Find("svg use").Length() != 1 || strings.TrimSpace(badge.Text()) == "" || badge.AttrOr("data-tone", "") == "" {
				t.Errorf("%s: a state lacks icon, word or colour", s.Name)
			}
		})
		doc.Find(".tiles .num").Each(func(_ int, n *goquery.Selection) {
			if strings.TrimSpace(n.Text()) == "" {
				t.Errorf("%s: a number is blank", s.Name)
			}
		})
	}
}

// A verdict that is not one of the four is not green either.
func TestStrangeVerdictIsUnknown(t *testing.T) {
	s := stories.Normal()
	s.Status.Environments["prod"].Health = health.Verdict("HEALTHY!")
	if got := draw(t, s).Find("#lane-2").AttrOr("data-tone", ""); got != "unknown" {
		t.Errorf("a strange verdict is drawn as %q", got)
	}
}

// The tag covers the facts and not the time: an unchanged status is a 304
// however late it is, and any changed fact is not.
func TestETag(t *testing.T) {
	tag := func(s stories.Story, later int) string {
		ready, err := lanes.New(board{s}, board{s}).Prepare(t.Context(), panel.Viewer{Now: stories.Now().AddDate(0, 0, later)})
		if err != nil {
			t.Fatal(err)
		}
		return ready.ETag
	}
	first := tag(stories.Normal(), 0)
	if again := tag(stories.Normal(), 1); again != first {
		t.Error("time alone changed the tag")
	}
	older := stories.Normal()
	older.Ages[0].Age *= 3
	if tag(older, 0) != first {
		t.Error("an age alone changed the tag")
	}
	for _, s := range stories.All()[1:] {
		if tag(s, 0) == first {
			t.Errorf("%s has the tag of another story", s.Name)
		}
	}
}

func TestHostileText(t *testing.T) {
	doc := draw(t, stories.Hostile())
	if n := doc.Find("script, img, iframe, object, [onerror], [style]").Length(); n != 0 {
		t.Errorf("%d elements came from outside text", n)
	}
	doc.Find("a[href]").Each(func(_ int, a *goquery.Selection) {
		href := a.AttrOr("href", "")
		if !strings.HasPrefix(href, "https://github.com/") && !strings.HasPrefix(href, "/") {
			t.Errorf("a link leads to %q", href)
		}
	})
	text := doc.Text()
	for _, r := range text {
		if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2066 {
			t.Fatalf("the page holds the character %U", r)
		}
	}
	if !strings.Contains(text, "<script>alert(1)</script>") {
		t.Error("the text itself is gone: it should be shown, as text")
	}
}

func TestFailureIsDrawnInTheFrame(t *testing.T) {
	room := lanes.New(board{stories.Story{Err: fault.New(fault.Denied, "Ask for the role ADMIN.")}}, board{stories.Story{Err: fault.New(fault.Denied, "Ask for the role ADMIN.")}})
	_, err := room.Prepare(t.Context(), panel.Viewer{Now: stories.Now()})
	if !fault.Is(err, fault.Denied) {
		t.Fatalf("the fault became %v", err)
	}
	var b bytes.Buffer
	if err := room.Fail(&b, panel.Viewer{Now: stories.Now()}, fault.From(err)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "Ask for the role ADMIN.") || !strings.Contains(b.String(), "Not allowed") {
		t.Errorf("the frame does not say why: %s", b.String())
	}
}

// The view is made of a decoded API answer too, so nothing may depend on what
// JSON drops.
func TestViewSurvivesTheWire(t *testing.T) {
	wire, err := json.Marshal(stories.Normal().Status)
	if err != nil {
		t.Fatal(err)
	}
	var s status.Status
	if err := json.Unmarshal(wire, &s); err != nil {
		t.Fatal(err)
	}
	if got := len(lanes.NewView(s).Lanes); got != 3 {
		t.Errorf("%d lanes, want 3", got)
	}
}
