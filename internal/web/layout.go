package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/incidents"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// layoutView is what the parts of a page around its panels are drawn with.
type layoutView struct {
	head
	Now      string
	Live     string // up to which change the page knows, "" when it is not told of any
	Nav      []navItem
	Project  string
	Projects []navItem
	User     ui.Text
	Role     ui.Text
	Menu     []navItem // the settings that the person may open
	Version  string
}

// head is what every page's head needs.
type head struct {
	Title    string
	BarTitle ui.Text
	Theme    string // "light", "dark" or "" for what the system says
	CSS, JS  string
	Icon     string
	// ChartCSS and ChartJS are "" on pages without charts.
	ChartCSS, ChartJS string
}

type navItem struct {
	Text    string
	Path    string
	Current bool
	Counts  bool   // it says how many are open
	Count   string // "" when none is, or when nobody knows
}

func (s *Web) head(r *http.Request, title string) head {
	h := head{Title: title, CSS: s.assets.css, JS: s.assets.js, Icon: s.assets.icon}
	if c, err := r.Cookie("theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		h.Theme = c.Value
	}
	return h
}

func (s *Web) layout(r *http.Request, v panel.Viewer, page panel.Page) layoutView {
	l := layoutView{
		head: s.head(r, page.Title), Now: milliseconds(v.Now), Version: s.deps.Version,
		User: ui.Name(v.Actor.Label()), Role: ui.Name(string(v.Actor.Role)), Menu: settingsMenu(v.Actor, r.URL.Path),
	}
	if page.Charts {
		l.ChartCSS, l.ChartJS = s.assets.chartCSS, s.assets.chartJS
	}
	if page.Under != "" {
		page.Path = page.Under
	}
	for _, p := range s.deps.Pages {
		if p.Under != "" {
			continue
		}
		item := navItem{Text: p.Title, Path: withProject(p.Path, v.Project), Current: p.Path == page.Path, Counts: p.Path == incidents.Path}
		if item.Counts {
			if n := s.openIncidents(r.Context(), v); n > 0 {
				item.Count = strconv.Itoa(n)
			}
		}
		l.Nav = append(l.Nav, item)
	}
	names := s.deps.Projects(v.Actor)
	for i, name := range names {
		current := name == v.Project || v.Project == "" && i == 0
		if current {
			l.Project = name
		}
		if len(names) > 1 {
			l.Projects = append(l.Projects, navItem{Text: string(ui.Name(name)), Path: withProject(page.Path, name), Current: current})
		}
	}
	return l
}

func withProject(path, project string) string {
	if project == "" {
		return path
	}
	return path + "?" + url.Values{"project": {project}}.Encode()
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// ageHeader writes ages as the API does: "vercel=12, sentry=240;stale,
// github=never;stale".
func ageHeader(ages []panel.Age) string {
	var b strings.Builder
	for i, a := range ages {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.Source)
		b.WriteByte('=')
		if a.Never {
			b.WriteString("never")
		} else {
			b.WriteString(strconv.FormatInt(max(0, int64(a.Age/time.Second)), 10))
		}
		if a.Stale || a.Never {
			b.WriteString(";stale")
		}
	}
	return b.String()
}
