package crons

import (
	"time"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// After is what jobs have done since an operation moved their environment.
type After struct {
	Moved bool // false: it has moved nothing (yet)
	Rows  []AfterRow
	Back  int // how many of the rows have run
}

// AfterRow is one job since the move.
type AfterRow struct {
	Path  ui.Text
	Link  string
	State ui.Badge
	Text  ui.Text
	Due   *Clock
	First time.Time
}

func newAfter(jobs []cron.AfterJob, sw cron.Switch, moved bool, v panel.Viewer) *After {
	a := &After{Moved: moved}
	for _, j := range jobs {
		row := AfterRow{Path: ui.Name(j.Job.Path), Link: jobPath(j.Job, v.Project), Due: clockOf(j.Due, sw.At)}
		row.State, row.Text = afterState(j.State)
		if j.First != nil {
			row.First, row.Due = j.First.At, nil
			a.Back++
		}
		a.Rows = append(a.Rows, row)
	}
	return a
}

func afterState(s cron.AfterState) (ui.Badge, ui.Text) {
	switch s {
	case cron.AfterSilent:
		return ui.Badge{Icon: "down", Word: "Silent", Tone: ui.Bad}, "It ran before, and its time since has passed without a run."
	case cron.AfterFailed:
		return ui.Badge{Icon: "failed", Word: "Failed", Tone: ui.Bad}, "Its first run failed."
	case cron.AfterWaiting:
		return ui.Badge{Icon: "queued", Word: "Waiting", Tone: ui.Busy}, "It waits for its first run."
	case cron.AfterBack:
		return ui.Badge{Icon: "ok", Word: "Ran", Tone: ui.Good}, "Its first run ended well, or is under way."
	case cron.AfterGone:
		return ui.Badge{Icon: "canceled", Word: "Not scheduled", Tone: ui.Quiet}, "Nothing schedules it any more."
	default:
		return ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}, "Nothing says when it is due, or nobody was there to see."
	}
}
