package crons

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Job is one job in one environment.
type Job struct {
	Path        ui.Text // whole, for the form
	Environment ui.Text
	Project     ui.Text
	State       ui.Badge
	LastText    ui.Text // what the last run came to
	Last        time.Time
	Words       ui.Text
	Schedule    ui.Text
	Dialect     ui.Text
	Source      string
	Zone        ui.Text // "" when it runs by UTC
	Upcoming    []Upcoming
	Warnings    []ui.Text
	Patience    string
	Siblings    []Sibling
	Cell        *Cell
	Stats       []Stat
	Chart       *Chart
	Runs        []Run
	Clipped     bool
	Misses      []Miss
	Switches    []Switch
	Advice      []Advice
	Act         Act
	How         *How
}

// Upcoming is one of the next runs, by UTC and by the job's own clock.
type Upcoming struct{ ISO, UTC, Local string }

// Sibling is the same job elsewhere.
type Sibling struct {
	Text  ui.Text
	Link  string
	State ui.Badge
}

// Stat is one figure of the last week.
type Stat struct {
	Name  string
	Value ui.Text
	Note  ui.Text
	Tone  ui.Tone
}

// Act is the button that has the job run now.
type Act struct {
	Action string
	Why    ui.Text // why it cannot be used, "" when it can
}

// Run is one run in the table.
type Run struct {
	At       time.Time
	Started  string // by UTC, to the second
	State    ui.Badge
	Timing   ui.Text
	Took     string
	Pace     string
	Code     string
	Problem  ui.Text
	Commit   ui.Text
	Via      ui.Text
	Output   string // the address of what it printed
	Printed  string
	Switched bool
}

// Miss is a time at which it should have run and did not.
type Miss struct {
	At   time.Time
	Slot string
	Link string // of the operation that it went silent after
}

// Chart is the durations of the newest runs.
type Chart struct {
	Points string // for the script: [[seconds], [milliseconds], [state]]
	Low    string // milliseconds; "" when there is no band
	High   string
	Label  ui.Text
	Good   string
	Odd    string
	Failed string
	Band   string
	Top    string
	From   string
	To     string
}

func newJob(p cron.Page, v panel.Viewer) *Job {
	j := &Job{
		Path: ui.Text(hostile.Line(p.Job.Path, 512)), Environment: ui.Name(p.Job.Environment), Project: ui.Name(v.Project),
		State: State(p.Standing), Words: ui.Reason(p.Words), Schedule: ui.Name(p.Job.Schedule), Source: source(p.Job.Source), Clipped: p.Clipped,
		Act: Act{Action: RunPath, Why: ui.Reason(p.NotNow)},
	}
	if p.Job.Dialect != "" {
		j.Dialect = ui.Name(string(p.Job.Dialect))
	}
	local := p.Zone != nil && p.Zone != time.UTC && p.Zone.String() != "UTC"
	if local {
		j.Zone = ui.Name(p.Zone.String())
	}
	for _, at := range p.Upcoming {
		u := Upcoming{ISO: at.UTC().Format(time.RFC3339), UTC: at.UTC().Format("Mon 2 Jan 15:04 MST")}
		if local {
			u.Local = at.In(p.Zone).Format("Mon 2 Jan 15:04 MST")
		}
		j.Upcoming = append(j.Upcoming, u)
	}
	for _, w := range p.Warnings {
		j.Warnings = append(j.Warnings, ui.Reason(w))
	}
	for _, s := range p.Siblings {
		text := ui.Name(s.Job.Environment)
		if s.Job.Environment == p.Job.Environment {
			text = ui.Name(s.Job.Schedule)
		}
		j.Siblings = append(j.Siblings, Sibling{text, jobPath(s.Job, v.Project), State(s.Standing)})
	}
	j.Cell = newCell(p.Day, p.Switches, v)
	if p.Last != nil {
		j.Last = p.Last.EndedAt
	}
	j.LastText = lastText(p.Last)
	j.Stats = stats(p)
	for _, r := range p.Runs[:min(30, len(p.Runs))] {
		j.Runs = append(j.Runs, newRun(r, v))
	}
	j.Chart = newChart(p.Runs, p.Band)
	j.Advice = newAdvice(p.Advice, v)
	for _, m := range slices.Backward(p.Misses[max(0, len(p.Misses)-10):]) {
		one := Miss{At: m.Slot, Slot: m.Slot.UTC().Format("Mon 2 Jan 15:04 MST")}
		if m.Operation != "" {
			one.Link = operationsPath + m.Operation
		}
		j.Misses = append(j.Misses, one)
	}
	for _, sw := range slices.Backward(p.Switches) {
		j.Switches = append(j.Switches, newSwitch(sw))
	}
	return j
}

func source(s cron.Source) string {
	switch s {
	case cron.FromFile:
		return "a file of the repository"
	case cron.FromConfig:
		return "the configuration"
	case cron.FromReport:
		return "the job's own reports"
	default:
		return string(panel.Label(string(s)))
	}
}

func lastText(r *cron.Run) ui.Text {
	switch {
	case r == nil:
		return "No run has ended yet."
	case r.Error != "":
		return ui.Reason(r.Error)
	case r.State == cron.Failed && r.StatusCode != 0:
		return ui.Text("It was answered with HTTP " + strconv.Itoa(r.StatusCode) + ".")
	case r.State == cron.Failed:
		return "The last run failed."
	case r.Timing == cron.Late:
		return "The last run ended well, but began late."
	default:
		return "The last run ended well."
	}
}

func stats(p cron.Page) []Stat {
	s := p.Stats
	n := func(name string, count int64, tone ui.Tone) Stat {
		one := Stat{Name: name, Value: ui.Text(ui.Count(count))}
		if count > 0 {
			one.Tone = tone
		}
		return one
	}
	all := []Stat{n("Good runs", s.Good, ""), n("Failed", s.Failed, ui.Bad), n("Late", s.Late, ui.Warn), n("Missed", s.Missed, ui.Bad)}
	usual := Stat{Name: "Usual time", Value: "not known yet", Note: "Ten good runs make it."}
	if s.Timed > 0 {
		usual.Note = ui.Text("average " + ui.Took(s.Average) + ", longest " + ui.Took(s.Max))
	}
	if p.Band.Usable() {
		usual.Value = ui.Text(ui.Took(p.Band.Low) + " to " + ui.Took(p.Band.High))
	}
	return append(all, usual)
}

func runState(s cron.State) ui.Badge {
	switch s {
	case cron.Succeeded:
		return ui.Badge{Icon: "ok", Word: "Success", Tone: ui.Good}
	case cron.Failed:
		return ui.Badge{Icon: "failed", Word: "Failure", Tone: ui.Bad}
	case cron.Running:
		return ui.Badge{Icon: "building", Word: "Running", Tone: ui.Busy}
	case cron.Lost:
		return ui.Badge{Icon: "unknown", Word: "Lost", Tone: ui.Bad}
	case cron.Noted:
		return ui.Badge{Icon: "note", Word: "Note", Tone: ui.Quiet}
	default:
		return ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}
	}
}

func newRun(r cron.RunOf, v panel.Viewer) Run {
	out := Run{
		At: r.At, Started: r.At.UTC().Format("2 Jan 15:04:05"), State: runState(r.State), Problem: ui.Reason(r.Error), Commit: ui.Name(hostile.Short(r.Commit)), Via: ui.Name(r.Via),
	}
	if r.Timing != cron.OnTime && r.Timing != cron.Unscheduled {
		out.Timing = ui.Text(r.Timing.String())
	}
	if r.Timed {
		out.Took = ui.Took(r.Duration)
	}
	switch {
	case r.Overran:
		out.Pace = "over its limit"
	case r.Pace == cron.TooSlow:
		out.Pace = "slower than usual"
	case r.Pace == cron.TooFast:
		out.Pace = "faster than usual"
	}
	switch {
	case r.StatusCode != 0:
		out.Code = "HTTP " + strconv.Itoa(r.StatusCode)
	case r.ExitCode > 0:
		out.Code = "exit " + strconv.Itoa(r.ExitCode)
	}
	if r.Output > 0 {
		q := jobQuery(r.Job, v.Project)
		q.Set("run", strconv.FormatInt(r.At.UnixMicro(), 10))
		q.Set("seq", strconv.Itoa(r.Seq))
		out.Output, out.Printed = OutputPath+"?"+q.Encode(), bytesText(r.Output)
	}
	return out
}

func bytesText(n int) string {
	if n < 1000 {
		return strconv.Itoa(n) + " B"
	}
	return fmt.Sprintf("%.1f kB", float64(n)/1000)
}

// Sizes of the chart that is drawn without a script.
const (
	chartWidth  = 600
	chartHeight = 100
)

// newChart draws the durations of the newest runs; nil when none was timed.
func newChart(runs []cron.RunOf, band cron.Band) *Chart {
	var at []int64
	var ms []float64
	var state []int
	longest := 0.0
	for _, r := range slices.Backward(runs) {
		if !r.Timed || r.State == cron.Noted {
			continue
		}
		at, ms = append(at, r.At.Unix()), append(ms, float64(r.Duration.Microseconds())/1000)
		state = append(state, mark(r))
		longest = max(longest, ms[len(ms)-1])
	}
	if len(at) < 2 || at[0] == at[len(at)-1] {
		return nil
	}
	c := &Chart{Top: ui.Took(time.Duration(longest * float64(time.Millisecond)))}
	first, last := time.Unix(at[0], 0).UTC(), time.Unix(at[len(at)-1], 0).UTC()
	c.From, c.To = first.Format("2 Jan 15:04"), last.Format("2 Jan 15:04 MST")
	points, err := json.Marshal([]any{at, ms, state})
	if err != nil { // numbers always encode, but for those that are none
		return nil
	}
	c.Points = string(points)
	top := max(longest, 1)
	var marks [3]strings.Builder
	bad := 0
	for i := range at {
		x := float64(at[i]-at[0]) / float64(at[len(at)-1]-at[0]) * (chartWidth - 4)
		y := chartHeight - math.Max(ms[i]/top*(chartHeight-6), 2)
		fmt.Fprintf(&marks[state[i]], "M%s %sh3V%dh-3z", short(x), short(y), chartHeight)
		if state[i] == 2 {
			bad++
		}
	}
	c.Good, c.Odd, c.Failed = marks[0].String(), marks[1].String(), marks[2].String()
	c.Label = ui.Text(fmt.Sprintf("How long the newest %d runs took: at most %s. %s failed. The table below has the figures.", len(at), c.Top, ui.Count(int64(bad))))
	if band.Usable() {
		low, high := float64(band.Low.Microseconds())/1000, float64(band.High.Microseconds())/1000
		c.Low, c.High = strconv.FormatFloat(low, 'f', 3, 64), strconv.FormatFloat(high, 'f', 3, 64)
		y := chartHeight - math.Min(high/top, 1)*(chartHeight-6)
		c.Band = fmt.Sprintf("M0 %sH%dV%sH0z", short(y), chartWidth, short(chartHeight-math.Min(low/top, 1)*(chartHeight-6)))
	}
	return c
}

// mark is how a run is drawn: 0 good, 1 unusual, 2 failed.
func mark(r cron.RunOf) int {
	switch {
	case r.State == cron.Failed || r.State == cron.Lost:
		return 2
	case r.Pace != cron.Usual || r.Overran:
		return 1
	default:
		return 0
	}
}

// Output is what a run printed.
type Output struct {
	Started string
	Text    string
	Size    string
	Cut     bool // there was more before it
	Nothing bool
	Back    string
	Path    ui.Text
}

func newOutput(body []byte, run time.Time, v panel.Viewer) *Output {
	q := v.Query
	job := cron.Job{Path: q.Get("path"), Environment: q.Get("environment"), Variant: q.Get("schedule")}
	job.Schedule = job.Variant
	return &Output{
		Started: run.Format("2 January 2006, 15:04:05 MST"), Text: hostile.Lines(string(body)), Size: bytesText(len(body)), Cut: len(body) >= cron.OutputLimit,
		Nothing: len(body) == 0, Back: jobPath(job, v.Project), Path: ui.Name(job.Path),
	}
}
