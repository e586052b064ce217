package operations

import (
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Issues are those that are new since the operation moved the environment.
type Issues struct {
	Source  ui.Text
	Known   bool // the list was had at least once
	Rows    []Issue
	More    string  // "and 3 more", "" for none
	Problem ui.Text // why the last look failed
	At      time.Time
	Until   time.Time // zero: what was moved is still live
	Settled bool
}

// Issue is one of them.
type Issue struct {
	Level     ui.Badge
	Title     ui.Text
	Culprit   ui.Text
	Short     ui.Text
	Count     string
	Users     string
	FirstSeen time.Time
	URL       ui.Link
}

func newIssues(n *release.NewIssues) *Issues {
	if n == nil {
		return nil
	}
	v := &Issues{Source: panel.Label(n.Source), Known: n.CheckedAt != nil, Problem: ui.Reason(n.Problem), Settled: n.Settled}
	if n.CheckedAt != nil {
		v.At = *n.CheckedAt
	}
	if n.Until != nil {
		v.Until = *n.Until
	}
	for _, i := range n.Issues {
		row := Issue{
			Level: level(i.Level), Title: ui.Title(i.Title), Culprit: ui.Name(i.Culprit), Short: ui.Name(i.ShortID),
			Count: ui.Plural(int(i.Count), "event", "events"), FirstSeen: i.FirstSeen, URL: ui.NewLink(i.URL),
		}
		if i.Users > 0 {
			row.Users = ui.Plural(int(i.Users), "user", "users")
		}
		v.Rows = append(v.Rows, row)
	}
	if more := n.Total - len(v.Rows); more > 0 {
		v.More = "and " + ui.Count(int64(more)) + " more"
		if n.AtLeast {
			v.More = "and at least " + ui.Count(int64(more)) + " more"
		}
	} else if n.AtLeast {
		v.More = "and perhaps more"
	}
	return v
}

// level is how bad the app said an issue is. A word that is not known stays a
// word.
func level(s string) ui.Badge {
	switch s {
	case "fatal":
		return ui.Badge{Icon: "failed", Word: "Fatal", Tone: ui.Bad}
	case "error":
		return ui.Badge{Icon: "failed", Word: "Error", Tone: ui.Bad}
	case "warning":
		return ui.Badge{Icon: "degraded", Word: "Warning", Tone: ui.Warn}
	case "info", "debug", "sample":
		return ui.Badge{Icon: "note", Word: strings.ToUpper(s[:1]) + s[1:], Tone: ui.Quiet}
	case "":
		return ui.Badge{Icon: "unknown", Word: "No level", Tone: ui.Unknown}
	default:
		return ui.Badge{Icon: "note", Word: string(ui.Name(s)), Tone: ui.Unknown}
	}
}

// Report is one deploy that is told outside.
type Report struct {
	State       ui.Badge
	To          ui.Text
	Version     ui.Text
	Environment ui.Text
	Message     ui.Text
	At          time.Time
}

func newReports(all []release.DeployReport) []Report {
	var out []Report
	for _, r := range all {
		v := Report{To: panel.Label(r.To), Version: short(r.Version), Environment: ui.Name(r.Environment), Message: ui.Reason(r.Message)}
		switch r.State {
		case release.Reported:
			v.State = ui.Badge{Icon: "ok", Word: "Reported", Tone: ui.Good}
		case release.ReportGivenUp:
			v.State = ui.Badge{Icon: "degraded", Word: "Not reported", Tone: ui.Warn}
		case release.ReportSending:
			v.State = ui.Badge{Icon: "deploying", Word: "Sending", Tone: ui.Busy}
		case release.ReportWaiting:
			v.State = ui.Badge{Icon: "queued", Word: "Waiting", Tone: ui.Busy}
		default:
			v.State = ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}
		}
		if r.DoneAt != nil {
			v.At = *r.DoneAt
		}
		out = append(out, v)
	}
	return out
}
