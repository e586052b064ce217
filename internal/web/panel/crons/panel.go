// Package crons is the panels of cron jobs: all of them by environments with a
// day in lanes, one of them with its runs, what a run printed, and how a job
// reports.
//
// It shows what the cron room says and decides nothing: what a state is worth,
// which job may be run and how late is late are told to it. It must not know
// the platform, nor how reports travel.
package crons

import (
	"context"
	"embed"
	"net/url"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

//go:embed panel.html panel.css
var own embed.FS

// Path is the page of all jobs; those of one job and of one run's output are
// below it, and so is the address of the button that runs one.
const (
	Path       = "/admin/environments/crons"
	JobPath    = Path + "/job"
	OutputPath = Path + "/output"
	RunPath    = Path + "/run"
)

// Book knows the jobs. Every method passes the Gate.
type Book interface {
	Lanes(ctx context.Context, a access.Actor, q cron.LaneQuery) (cron.Board, error)
	// Page: fault.NotFound when there is no such job.
	Page(ctx context.Context, a access.Actor, q cron.Ask) (cron.Page, error)
	// Output is what a run printed, nil when nothing is kept.
	Output(ctx context.Context, a access.Actor, q cron.Ask, run time.Time, seq int) ([]byte, error)
	// After answers what the jobs have done since an operation moved their
	// environment; false when it moved nothing.
	After(ctx context.Context, a access.Actor, operation string) ([]cron.AfterJob, cron.Switch, bool, error)
}

// View is what the template draws: one of these.
type View struct {
	Table  *Table
	Job    *Job
	Output *Output
	How    *How
	After  *After
}

// pageRows is how many jobs one page shows.
const pageRows = 100

// Newest makes the panel of the first page: the jobs in trouble before the
// others, up to a limit.
func Newest(book Book, limit int) *panel.Room[View] {
	more := panel.More{Path: Path, Text: "All cron jobs"}
	return panel.New("crons", "Cron jobs", more, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		board, err := book.Lanes(ctx, v.Actor, cron.LaneQuery{Project: v.Project, WorstFirst: true, Limit: limit})
		if err != nil {
			return panel.Facts[View]{}, err
		}
		return facts(board, v, false), nil
	})
}

// All makes the panel of every job, with a filter and pages.
func All(book Book) *panel.Room[View] {
	return panel.New("jobs", "Cron jobs", panel.More{}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		n, _ := strconv.Atoi(v.Query.Get("page"))
		n = min(max(n, 1), 1000)
		board, err := book.Lanes(ctx, v.Actor, cron.LaneQuery{
			Project: v.Project, Words: string(ui.Name(v.Query.Get("q"))), Offset: (n - 1) * pageRows, Limit: pageRows,
		})
		if err != nil {
			return panel.Facts[View]{}, err
		}
		f := facts(board, v, true)
		f.View.Table.Filter = ui.Name(v.Query.Get("q"))
		f.View.Table.turn(board.Matching, n, v)
		return f, nil
	})
}

// One makes the panel of the job that the address names.
func One(book Book, address func() string) *panel.Room[View] {
	return panel.New("cron", "Cron job", panel.More{}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		page, err := book.Page(ctx, v.Actor, asked(v))
		if err != nil {
			return panel.Facts[View]{}, err
		}
		job := newJob(page, v)
		job.How = newHow(page.Job, page.PingPath, address(), v)
		return panel.Facts[View]{
			View:  View{Job: job},
			Title: ui.Text(job.State.Word), Say: ui.Text(job.State.Word + ". " + string(job.LastText)),
		}, nil
	})
}

// Printed makes the panel of what one run printed.
func Printed(book Book) *panel.Room[View] {
	return panel.New("output", "Output of a run", panel.More{}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		at, _ := strconv.ParseInt(v.Query.Get("run"), 10, 64)
		seq, _ := strconv.Atoi(v.Query.Get("seq"))
		run := time.UnixMicro(at).UTC()
		body, err := book.Output(ctx, v.Actor, asked(v), run, seq)
		if err != nil {
			return panel.Facts[View]{}, err
		}
		return panel.Facts[View]{View: View{Output: newOutput(body, run, v)}}, nil
	})
}

// Moved makes the panel of what jobs have done since the operation that the
// address names.
func Moved(book Book) *panel.Room[View] {
	return panel.New("crons-after", "Cron jobs since", panel.More{Path: Path, Text: "All cron jobs"}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		jobs, sw, moved, err := book.After(ctx, v.Actor, v.Query.Get("id"))
		if err != nil {
			return panel.Facts[View]{}, err
		}
		return panel.Facts[View]{View: View{After: newAfter(jobs, sw, moved, v)}}, nil
	})
}

// Report makes the panel that says how jobs report here.
func Report(address func() string) *panel.Room[View] {
	return panel.New("report", "Report a job", panel.More{}, own, func(_ context.Context, v panel.Viewer) (panel.Facts[View], error) {
		job := cron.Job{Path: "/api/cron/my-job", Timetable: cron.Timetable{Schedule: "*/15 * * * *"}}
		return panel.Facts[View]{View: View{How: newHow(job, "", address(), v)}}, nil
	})
}

func asked(v panel.Viewer) cron.Ask {
	return cron.Ask{Project: v.Project, Environment: v.Query.Get("environment"), Path: v.Query.Get("path"), Schedule: v.Query.Get("schedule"), Limit: 200}
}

// jobPath is the address of a job's page.
func jobPath(j cron.Job, project string) string { return JobPath + "?" + jobQuery(j, project).Encode() }

func jobQuery(j cron.Job, project string) url.Values {
	q := url.Values{"path": {j.Path}, "environment": {j.Environment}}
	if j.Variant != "" {
		q.Set("schedule", j.Schedule)
	}
	if project != "" {
		q.Set("project", project)
	}
	return q
}

// State is how a job stands, for the eye. One that is not known is never green.
func State(s cron.Standing) ui.Badge {
	switch s {
	case cron.StandMissed:
		return ui.Badge{Icon: "down", Word: "Missed", Tone: ui.Bad}
	case cron.StandFailing:
		return ui.Badge{Icon: "failed", Word: "Failing", Tone: ui.Bad}
	case cron.StandOverrun:
		return ui.Badge{Icon: "degraded", Word: "Overrunning", Tone: ui.Bad}
	case cron.StandLate:
		return ui.Badge{Icon: "stale", Word: "Late", Tone: ui.Warn}
	case cron.StandRunning:
		return ui.Badge{Icon: "building", Word: "Running", Tone: ui.Busy}
	case cron.StandOK:
		return ui.Badge{Icon: "ok", Word: "OK", Tone: ui.Good}
	case cron.StandWaiting:
		return ui.Badge{Icon: "queued", Word: "Not due yet", Tone: ui.Quiet}
	case cron.StandNotObserved:
		return ui.Badge{Icon: "unknown", Word: "Not observed", Tone: ui.Unknown}
	case cron.StandUnscheduled:
		return ui.Badge{Icon: "canceled", Word: "Not scheduled", Tone: ui.Quiet}
	default:
		return ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}
	}
}
