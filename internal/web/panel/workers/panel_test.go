package workers_test

import (
	"bytes"
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/jba/templatecheck"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/workers"
	"github.com/envdeck/envdeck/internal/web/stories"
	"github.com/envdeck/envdeck/internal/worker"
)

type fleet struct{ stories.Fleet }

func (f fleet) Workers(context.Context, access.Actor, string) (worker.Workers, []panel.Age, error) {
	return f.Fleet.Workers, f.Ages, nil
}

func (f fleet) Worker(context.Context, access.Actor, string, string) (worker.History, []panel.Age, error) {
	return f.History, f.Ages, nil
}

func draw(t *testing.T, room panel.Panel) *goquery.Document {
	t.Helper()
	ready, err := room.Prepare(t.Context(), panel.Viewer{Now: stories.Now(), Query: url.Values{"id": {"x"}}})
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
	if err := templatecheck.CheckHTML(workers.All(fleet{}).Template().Lookup("frame"), panel.Frame[workers.View]{}); err != nil {
		t.Error(err)
	}
}

func TestCards(t *testing.T) {
	unsafe := "script, img, [onerror], [style], a[href^=javascript]"
	for name, want := range map[string]map[string]int{
		"normal": {
			".worker": 3, "svg.spark": 3, `.badge[data-tone="busy"]`: 1, ".shares li": 4, ".spark-bad": 3, "[data-bad]": 1, ".why": 0,
			`[data-tone="good"]`: 0, ".worker-routes a": 3, `svg.spark[aria-label*="invocation error"]`: 3, ".spark-bar": 48,
		},
		"broken":   {".worker": 3, "svg.spark": 0, `.badge[data-tone="unknown"]`: 3, `[data-tone="good"]`: 0, ".trouble li": 1, ".why": 24},
		"stale":    {".worker": 3, `.age[data-state="stale"]`: 1, ".trouble li": 1},
		"hostile":  {".worker": 3, unsafe: 0, ".worker-routes a": 0},
		"none":     {".worker": 0, ".meta code": 1, ".blank": 0},
		"empty":    {".worker": 0, `.blank[data-tone="quiet"]`: 1},
		"waiting":  {".worker": 0, `.blank[data-tone="busy"]`: 1},
		"no names": {".worker": 0, `.blank[data-tone="unknown"]`: 1},
	} {
		t.Run(name, func(t *testing.T) {
			story, ok := stories.Fleets()[name]
			if !ok {
				t.Fatal("no such story")
			}
			doc := draw(t, workers.All(fleet{story}))
			for selector, n := range want {
				if got := doc.Find(selector).Length(); got != n {
					t.Errorf("%s: %d, want %d", selector, got, n)
				}
			}
			if text := doc.Text(); strings.Contains(strings.ToLower(text), "5xx") {
				t.Error("invocation errors are called 5xx")
			}
		})
	}
}

func TestOneWorker(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"normal":  {".worker-wide": 1, "table": 2, "tbody tr[data-live]": 2, "tbody tr": 12, ".worker-triggers li": 2, `.worker-triggers .badge[data-tone="unknown"]`: 1, ".share-line": 7},
		"broken":  {"table": 0, `.badge[data-tone="unknown"]`: 1},
		"hostile": {"script, img, [onerror], [style]": 0, "table": 2},
	} {
		t.Run(name, func(t *testing.T) {
			doc := draw(t, workers.One(fleet{stories.Fleets()[name]}))
			for selector, n := range want {
				if got := doc.Find(selector).Length(); got != n {
					t.Errorf("%s: %d, want %d", selector, got, n)
				}
			}
		})
	}
}

// A card leads to the page of its own worker, whatever its name.
func TestACardLeadsToItsPage(t *testing.T) {
	story := stories.Fleets()["normal"]
	story.Workers.Workers[0].Name = "a/b?c d"
	room := workers.Cards(fleet{story})
	ready, err := room.Prepare(t.Context(), panel.Viewer{Now: stories.Now(), Project: "two words"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := ready.Draw(&b); err != nil {
		t.Fatal(err)
	}
	if want := `href="/admin/environments/workers/a%2Fb%3Fc%20d?project=two&#43;words"`; !strings.Contains(b.String(), want) && !strings.Contains(b.String(), strings.ReplaceAll(want, "&#43;", "+")) {
		t.Errorf("no %s in\n%s", want, b.String())
	}
}
