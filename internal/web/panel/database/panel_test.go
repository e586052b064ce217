package database_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/jba/templatecheck"

	"github.com/envdeck/envdeck/internal/access"
	rooms "github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/database"
	"github.com/envdeck/envdeck/internal/web/stories"
)

type book struct{ rooms.Status }

func (b book) Database(context.Context, access.Actor, string) (rooms.Status, []panel.Age, error) {
	return b.Status, nil, nil
}

func (b book) Changes(context.Context, access.Actor, string, int) ([]rooms.Change, error) {
	return stories.Normal().Changes[:len(b.Branches)/6], nil
}

func draw(t *testing.T, room panel.Panel) *goquery.Document {
	t.Helper()
	ready, err := room.Prepare(t.Context(), panel.Viewer{Now: stories.Now()})
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
	if err := templatecheck.CheckHTML(database.All(book{}).Template().Lookup("frame"), panel.Frame[database.View]{}); err != nil {
		t.Error(err)
	}
}

// What a reader must find in each state, and how often.
func TestStates(t *testing.T) {
	normal := stories.Normal().Database
	broken := rooms.Status{Sources: []rooms.Source{{Name: "neon", Error: &rooms.SourceProblem{Kind: "unavailable", Message: "Neon is failing (503)"}}}}
	stale := normal
	stale.Sources = []rooms.Source{{Name: "neon", FetchedAt: normal.Sources[0].FetchedAt, Stale: true, Error: &rooms.SourceProblem{Kind: "timeout", Message: "Neon did not answer in time"}}}
	cut := normal
	cut.Incomplete = true
	for name, c := range map[string]struct {
		status rooms.Status
		full   bool
		want   map[string]int
		says   string
	}{
		"the page": {normal, true, map[string]int{
			"tbody tr": 6, ".badge[data-tone=good]": 3, ".badge[data-tone=busy]": 2, ".badge[data-tone=unknown]": 2, ".hint[data-tone=warn]": 1,
			".db-migration": 2, ".db-migration .badge[data-tone=warn]": 1, ".db-migration .badge[data-tone=unknown]": 1, ".db-migration .badge[data-tone=good]": 0,
		}, "could not be listed"},
		"the first page":  {normal, false, map[string]int{"tbody tr": 2, ".db-migration": 2}, "31.4 GB"},
		"nobody answered": {rooms.Status{Sources: []rooms.Source{{Name: "neon"}}}, true, map[string]int{"tbody tr": 0, ".blank[data-tone=busy]": 1}, "first time"},
		"broken":          {broken, true, map[string]int{"tbody tr": 0, ".blank[data-tone=unknown]": 1, ".badge[data-tone=good]": 0, ".trouble[data-tone=bad]": 1}, "nobody can say"},
		"stale":           {stale, true, map[string]int{"tbody tr": 6, ".trouble[data-tone=warn]": 1}, "Its facts are the last it gave"},
		"incomplete":      {cut, true, map[string]int{".notice[data-tone=warn]": 1}, "not complete"},
		"not set up":      {rooms.Status{Suggestions: []string{"Add a neon block."}}, true, map[string]int{".blank[data-tone=quiet]": 1, ".db-migration": 0}, "Add a neon block."},
	} {
		t.Run(name, func(t *testing.T) {
			room := database.Brief(book{c.status})
			if c.full {
				room = database.All(book{c.status})
			}
			doc := draw(t, room)
			for selector, n := range c.want {
				if got := doc.Find(selector).Length(); got != n {
					t.Errorf("%d of %s, want %d", got, selector, n)
				}
			}
			if text := strings.Join(strings.Fields(doc.Text()), " "); !strings.Contains(text, c.says) {
				t.Errorf("it does not say %q: %s", c.says, text)
			}
		})
	}
}
