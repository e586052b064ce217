package deployments_test

import (
	"bytes"
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/jba/templatecheck"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/deployments"
	"github.com/envdeck/envdeck/internal/web/stories"
)

type history struct{ stories.Story }

func (h history) Deployments(context.Context, access.Actor, string) (status.Deployments, []panel.Age, error) {
	return h.Story.Deployments, h.Ages, h.Err
}

func draw(t *testing.T, room panel.Panel, query string) *goquery.Document {
	t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	ready, err := room.Prepare(t.Context(), panel.Viewer{Now: stories.Now(), Query: q})
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
	if err := templatecheck.CheckHTML(deployments.All(history{}).Template().Lookup("frame"), panel.Frame[deployments.View]{}); err != nil {
		t.Error(err)
	}
}

func TestStories(t *testing.T) {
	normal, broken := stories.Normal(), stories.Normal()
	broken.Deployments.Incomplete = true
	for _, c := range []struct {
		name  string
		story stories.Story
		query string
		want  map[string]int
	}{
		{"all", normal, "", map[string]int{"tbody tr": 9, "tr[data-live]": 1, ".problem": 1, "tr[data-live] .tag": 1, "form.filter": 1, "time[datetime]": 9, ".notice": 0, ".c-links a": 14}},
		{"filtered", normal, "q=MAIN+zerdos", map[string]int{"tbody tr": 3}},
		{"nothing matches", normal, "q=nosuch", map[string]int{"tbody tr": 0, ".blank:not([hidden])": 1}},
		{"incomplete", broken, "", map[string]int{`.notice[data-tone="warn"]`: 1}},
		{"empty", stories.Empty(), "", map[string]int{"tbody tr": 0, `.blank[data-tone="quiet"]`: 1}},
		{"waiting", stories.FirstValues(), "", map[string]int{`.blank[data-tone="busy"]`: 1}},
		{"platform down", stories.Down(), "", map[string]int{`.blank[data-tone="unknown"]`: 1}},
		{"hostile", stories.Hostile(), "", map[string]int{"tbody tr": 9, "script, img, [onerror], [style]": 0, "tbody a": 0, `tbody .badge[data-tone="unknown"]`: 9}},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := draw(t, deployments.All(history{c.story}), c.query)
			for selector, want := range c.want {
				if got := doc.Find(selector).Length(); got != want {
					t.Errorf("%s: %d, want %d", selector, got, want)
				}
			}
		})
	}
}

func TestNewestIsShort(t *testing.T) {
	doc := draw(t, deployments.Newest(history{stories.Normal()}, 4), "q=nosuch")
	if got := doc.Find("tbody tr").Length(); got != 4 {
		t.Errorf("%d rows, want 4 and no filter", got)
	}
	if got := doc.Find("a.more").AttrOr("href", ""); got != deployments.Path {
		t.Errorf("more is at %q", got)
	}
	if doc.Find("form").Length() != 0 {
		t.Error("the short list has a filter")
	}
}

// Two rows of one build would morph into each other.
func TestRowIDsDiffer(t *testing.T) {
	seen := map[string]bool{}
	draw(t, deployments.All(history{stories.Hostile()}), "").Find("tbody tr").Each(func(_ int, row *goquery.Selection) {
		id := row.AttrOr("id", "")
		if id == "" || seen[id] || strings.ContainsAny(id, "\n") {
			t.Errorf("row id %q", id)
		}
		seen[id] = true
	})
}
