package lanes

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// NewView makes the view of a status. It depends on the facts alone, not on
// the time, so an unchanged status is an unchanged view.
func NewView(s status.Status) View {
	var v View
	for i, name := range s.Order {
		info := s.Environments[name]
		if info == nil { // a local one that neither runs nor reports
			info = &status.Info{Name: name, Kind: string(catalog.Local), Lifecycle: status.LifecycleOffline}
		}
		lane := newLane(*info)
		lane.ID = "lane-" + strconv.Itoa(i)
		lane.errors(info, slices.ContainsFunc(s.Sources, func(one status.Source) bool { return one.Name == info.ErrorSource && one.Stale }))
		lane.uptime(info)
		v.Lanes = append(v.Lanes, lane)
	}
	v.Promotion = newPromotion(s, v.Lanes)
	return v
}

func newLane(in status.Info) Lane {
	l := Lane{
		Name: ui.Name(in.Name), Kind: ui.Name(in.Kind),
		Production: in.Kind == string(catalog.Production),
		Local:      in.Kind == string(catalog.Local),
		Offline:    in.Lifecycle == status.LifecycleOffline,
		URL:        ui.NewLink(in.URL), Host: host(in.URL),
		Lifecycle: lifecycle(in.Lifecycle), LifecycleWhy: ui.Reason(in.Unknown["lifecycle"]),
		Build: newBuild(in),
		Drift: newDrift(in),
		Notes: newNotes(in.Notes),
	}
	l.Health, l.HealthReason = healthBadge(in, l.Offline)
	if in.HealthCheckedAt != nil {
		l.CheckedAt = *in.HealthCheckedAt
	}
	l.Probed = newProbe(in)
	l.Visitors = number(in.ActiveUsers, in.Unknown["activeUsers"])
	l.Distance = distance(in)
	l.Changes, l.ChangesOf, l.ChangesWhy = changes(in)
	if in.Report != nil {
		l.Report = newReport(*in.Report)
	}
	return l
}

func newBuild(in status.Info) Build {
	b := Build{
		Commit:  fact(in.Commit, ui.Name, in.Unknown["commit"]),
		Message: fact(in.CommitMessage, ui.Title, in.Unknown["commitMessage"]),
		Branch:  text(in.Branch, ui.Name), Author: text(in.DeployedBy, ui.Name),
		AtWhy: ui.Reason(cmp.Or(in.Unknown["deployedAt"], "No source has answered yet.")),
		URL:   link(in.DeploymentURL), Inspector: link(in.InspectorURL),
	}
	b.Commit.Link = link(in.CommitURL)
	b.Commit.Detail = text(in.CommitSHA, ui.Name)
	if in.DeployedAt != nil {
		b.At = *in.DeployedAt
	}
	b.Nothing = b.Commit.Text == "" && b.Message.Text == "" && b.Branch == "" && b.At.IsZero()
	return b
}

func newDrift(in status.Info) *Drift {
	switch in.Drift {
	case status.DriftServed:
		return &Drift{Tone: ui.Warn, Served: text(in.ServedCommit, ui.Name), Deployed: text(in.Commit, ui.Name)}
	case status.DriftUnknown:
		why := ui.Reason(in.Unknown["drift"])
		if why == "" {
			why = ui.Reason(in.Unknown["servedCommit"])
		}
		if why == "" {
			return nil // the app does not say which commit it serves: nothing to tell
		}
		return &Drift{Tone: ui.Unknown, Why: why}
	default:
		return nil
	}
}

func newNotes(in []status.Note) []Note {
	var notes []Note
	for _, n := range in {
		note := Note{Icon: "note", Tone: ui.Busy, Text: ui.Reason(n.Text)}
		switch n.Code {
		case "split":
			note.Icon, note.Tone = "split", ui.Warn
		case "rolled_back":
			note.Icon, note.Tone = "pin", ui.Warn
		case "rolling":
			note.Icon = "deploying"
		}
		notes = append(notes, note)
	}
	return notes
}

func newReport(in status.Report) *Report {
	r := &Report{Host: ui.Name(in.Host), Dirty: in.Dirty, At: in.ReportedAt}
	if in.Ahead > 0 {
		r.Ahead = strconv.Itoa(in.Ahead) + " ahead"
	}
	if in.Behind > 0 {
		r.Back = strconv.Itoa(in.Behind) + " behind"
	}
	if in.PullRequest > 0 {
		r.Pull = "#" + strconv.Itoa(in.PullRequest)
	}
	return r
}

func newProbe(in status.Info) *Probe {
	if in.HealthPhases == nil && len(in.HealthParts) == 0 {
		return nil
	}
	p := &Probe{}
	if ph := in.HealthPhases; ph != nil && ph.Total > 0 {
		p.Total = ui.Milliseconds(ph.Total)
		x := 0.0
		for _, b := range []struct {
			class, label string
			ms           float64
		}{{"dns", "DNS", ph.DNS}, {"connect", "connect", ph.Connect}, {"tls", "TLS", ph.TLS}, {"wait", "first byte", ph.FirstByte}} {
			if b.ms <= 0 {
				continue
			}
			width := min(b.ms/ph.Total*100, 100-x)
			p.Bars = append(p.Bars, Bar{Class: b.class, Label: b.label, Took: ui.Milliseconds(b.ms), X: round(x), Width: round(width)})
			x += width
		}
	}
	for _, part := range in.HealthParts {
		p.Parts = append(p.Parts, Part{Name: ui.Name(part.Name), Badge: verdict(part.Verdict), Detail: ui.Reason(part.Detail)})
	}
	return p
}

func newPromotion(s status.Status, lanes []Lane) *Promotion {
	to := slices.IndexFunc(s.Order, func(n string) bool {
		e := s.Environments[n]
		return e != nil && e.Kind == string(catalog.Production)
	})
	if to < 1 {
		return nil
	}
	from := s.Environments[s.Order[to-1]]
	if from == nil || from.Kind == string(catalog.Local) {
		return nil
	}
	p := &Promotion{From: lanes[to-1].Name, To: lanes[to].Name, Before: lanes[to].ID}
	switch {
	case from.CommitsAhead == nil:
		p.Why = ui.NotKnown(from.Unknown["commitsAhead"]).Why
	case *from.CommitsAhead == 0:
		p.Same = true
	default:
		p.Commits = ui.Plural(*from.CommitsAhead, "commit", "commits")
		p.Count, p.Noun = *from.CommitsAhead, "commits"
		if p.Count == 1 {
			p.Noun = "commit"
		}
		if from.PRsIncluded != nil {
			p.Pulls = ui.Plural(len(*from.PRsIncluded), "PR", "PRs")
		}
	}
	return p
}

func changes(in status.Info) (list []Change, heading string, why ui.Text) {
	for _, pr := range in.PullRequests {
		list = append(list, Change{
			Number: "#" + strconv.Itoa(pr.Number), Title: ui.Title(pr.Title), Author: ui.Name(pr.Author), URL: ui.NewLink(pr.URL),
		})
	}
	switch {
	case in.PRsIncluded == nil:
		why = ui.NotKnown(in.Unknown["prsIncluded"]).Why
	case len(list) == 0:
		for _, title := range *in.PRsIncluded {
			list = append(list, Change{Title: ui.Title(title)})
		}
	}
	return list, ui.Plural(len(list), "pull request", "pull requests"), why
}

func distance(in status.Info) ui.Fact {
	if in.CommitsAhead == nil || in.CommitsBehind == nil {
		why := in.Unknown["commitsAhead"]
		if why == "" {
			why = in.Unknown["commitsBehind"]
		}
		return ui.NotKnown(why)
	}
	ahead, behind := *in.CommitsAhead, *in.CommitsBehind
	switch {
	case ahead == 0 && behind == 0:
		return ui.Fact{Text: "0", Detail: "same commit"}
	case behind == 0:
		return ui.Fact{Text: ui.Text("+" + strconv.Itoa(ahead)), Detail: "ahead"}
	case ahead == 0:
		return ui.Fact{Text: ui.Text("\u2212" + strconv.Itoa(behind)), Detail: "behind"}
	default:
		return ui.Fact{Text: ui.Text(fmt.Sprintf("+%d \u2212%d", ahead, behind)), Detail: "diverged"}
	}
}

func lifecycle(l status.Lifecycle) ui.Badge {
	switch l {
	case status.LifecycleLive:
		return ui.Badge{Icon: "live", Word: "Live", Tone: ui.Quiet}
	case status.LifecycleStaged:
		return ui.Badge{Icon: "staged", Word: "Staged", Tone: ui.Quiet}
	case status.LifecycleBuilding:
		return ui.Badge{Icon: "building", Word: "Building", Tone: ui.Busy}
	case status.LifecycleDeploying:
		return ui.Badge{Icon: "deploying", Word: "Deploying", Tone: ui.Busy}
	case status.LifecycleFailed:
		return ui.Badge{Icon: "failed", Word: "Build failed", Tone: ui.Bad}
	case status.LifecycleRunning:
		return ui.Badge{Icon: "running", Word: "Running", Tone: ui.Quiet}
	case status.LifecycleOffline:
		return ui.Badge{Icon: "offline", Word: "Offline", Tone: ui.Quiet}
	default:
		return ui.Badge{Icon: "unknown", Word: "Build unknown", Tone: ui.Unknown}
	}
}

func healthBadge(in status.Info, offline bool) (ui.Badge, ui.Text) {
	if offline {
		return ui.Badge{Icon: "offline", Word: "Not running", Tone: ui.Quiet}, ""
	}
	b := verdict(in.Health)
	why := text(in.HealthReason, ui.Reason)
	if b.Tone == ui.Unknown && why == "" {
		why = ui.NotKnown(in.Unknown["health"]).Why
	}
	return b, why
}

func verdict(v health.Verdict) ui.Badge {
	switch v {
	case health.Healthy:
		return ui.Badge{Icon: "ok", Word: "Healthy", Tone: ui.Good}
	case health.Degraded:
		return ui.Badge{Icon: "degraded", Word: "Degraded", Tone: ui.Warn}
	case health.Down:
		return ui.Badge{Icon: "down", Word: "Down", Tone: ui.Bad}
	default:
		return ui.Badge{Icon: "unknown", Word: "Health unknown", Tone: ui.Unknown}
	}
}

// title is for the browser's tab: what is wrong, worst first, or nothing.
func (v View) title() ui.Text {
	for _, tone := range []ui.Tone{ui.Bad, ui.Warn} {
		for _, l := range v.Lanes {
			if l.Health.Tone == tone {
				return l.Name + " " + ui.Text(strings.ToLower(l.Health.Word))
			}
		}
	}
	return ""
}

// say is for screen readers: each lane in three words.
func (v View) say() ui.Text {
	var parts []string
	for _, l := range v.Lanes {
		parts = append(parts, fmt.Sprintf("%s: %s, %s", l.Name, l.Lifecycle.Word, l.Health.Word))
	}
	return ui.Text(strings.Join(parts, ". "))
}

func fact(s *string, clean func(string) ui.Text, why string) ui.Fact {
	if s == nil {
		return ui.NotKnown(why)
	}
	if t := clean(*s); t != "" {
		return ui.Known(t)
	}
	return ui.NotKnown("It is empty at the source.")
}

func number(n *int64, why string) ui.Fact {
	if n == nil {
		return ui.NotKnown(why)
	}
	return ui.Known(ui.Text(ui.Count(*n)))
}

func text(s *string, clean func(string) ui.Text) ui.Text {
	if s == nil {
		return ""
	}
	return clean(*s)
}

func link(s *string) ui.Link {
	if s == nil {
		return ""
	}
	return ui.NewLink(*s)
}

func host(address string) ui.Text {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return ui.Name(u.Host)
}

func round(f float64) float64 { return float64(int(f*10+0.5)) / 10 }
