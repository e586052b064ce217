package panel

import (
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/web/ui"
)

// Frame is what a panel's template is drawn with.
type Frame[V any] struct {
	Name, Title string
	More        More
	Project     string
	Now         time.Time
	ETag        string
	BarTitle    ui.Text
	Say         ui.Text
	Pace        int
	Sources     []SourceAge
	Notices     []Notice
	Waiting     bool
	Failure     *Failure
	View        V
}

// Failure is what stands in a panel that could not be loaded.
type Failure struct {
	Title  string
	Text   ui.Text
	Denied bool
}

// SourceAge is an Age as a page shows it.
type SourceAge struct {
	Source string // the machine's name
	Label  ui.Text
	Asked  string // milliseconds since 1970, for the script; "" when never
	Text   string
	State  string // "", "stale" or "never"
}

func (f *Frame[V]) setAges(ages []Age) {
	for _, a := range ages {
		f.Sources = append(f.Sources, sourceAge(f.Now, a))
	}
}

func sourceAge(now time.Time, a Age) SourceAge {
	s := SourceAge{Source: string(ui.Name(a.Source)), Label: Label(a.Source)}
	switch {
	case a.Never:
		s.State, s.Text = "never", "no answer yet"
		return s
	case a.Stale:
		s.State = "stale"
	}
	s.Asked = strconv.FormatInt(now.Add(-a.Age).UnixMilli(), 10)
	s.Text = ui.Old(a.Age, a.Stale)
	return s
}

// SourceOf is the age of one source, to show beside a fact; nil when the panel
// has none of that name.
func (f Frame[V]) SourceOf(name string) *SourceAge {
	for i := range f.Sources {
		if f.Sources[i].Source == name {
			return &f.Sources[i]
		}
	}
	return nil
}

// spelling is how names are written that do not just start with a capital.
var spelling = map[string]string{"github": "GitHub", "gitlab": "GitLab", "report": "Dev report"}

// Label is a source's name for people.
func Label(source string) ui.Text {
	if s, ok := spelling[source]; ok {
		return ui.Text(s)
	}
	name := ui.Name(source)
	if name != "" && name[0] >= 'a' && name[0] <= 'z' {
		name = ui.Text(name[0]-'a'+'A') + name[1:]
	}
	return name
}
