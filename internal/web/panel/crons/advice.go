package crons

import (
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Advice is what could be better about a job, with what was counted.
type Advice struct {
	Path, Environment ui.Text
	Link              string
	Kind              ui.Badge
	Text, Evidence    ui.Text
	Saves             ui.Text // in a day; "" when that is not known
}

func newAdvice(all []cron.Advice, v panel.Viewer) []Advice {
	var out []Advice
	for _, a := range all {
		one := Advice{
			Path: ui.Name(a.Job.Path), Environment: ui.Name(a.Job.Environment), Link: jobPath(a.Job, v.Project), Kind: adviceKind(a.Kind),
			Text: ui.Reason(a.Text), Evidence: ui.Reason(a.Evidence),
		}
		if a.SavedRuns > 0 {
			saves := []string{"saves " + strconv.Itoa(a.SavedRuns) + " runs a day"}
			if a.SavedTime > 0 {
				saves = append(saves, ui.Took(a.SavedTime)+" of run time")
			}
			one.Saves = ui.Text(strings.Join(saves, ", "))
		}
		out = append(out, one)
	}
	return out
}

func adviceKind(k cron.AdviceKind) ui.Badge {
	switch k {
	case cron.NeverSucceeds:
		return ui.Badge{Icon: "failed", Word: "Never succeeds", Tone: ui.Bad}
	case cron.Overlaps:
		return ui.Badge{Icon: "split", Word: "Overlaps", Tone: ui.Warn}
	case cron.TooOften:
		return ui.Badge{Icon: "stale", Word: "Often idle", Tone: ui.Quiet}
	default:
		return ui.Badge{Icon: "note", Word: "Note", Tone: ui.Quiet}
	}
}
