package crons

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Table is the jobs of a project by environments.
type Table struct {
	Full           bool
	Environments   []ui.Text
	Silent         []ui.Text // environments that nothing was ever heard of
	Rows           []Row
	Total          int
	Matching       int
	Hidden         int // rows that are left out of the short table
	Trouble        string
	Filter         ui.Text
	Switches       []Switch
	Pages          int
	Page           int
	Newer, Further string // addresses of the pages beside this one
	// Behind are platforms whose schedules are not those of the live build.
	Behind []Behind
	// Advice is what could be better, of every job; only where all are shown.
	Advice []Advice
}

// Behind says that the schedules are another build's, and what would differ.
type Behind struct {
	Text    ui.Text
	Changes []ui.CronChange
}

func newBehind(s *cron.SourceBuild) *Behind {
	if s == nil || s.Message == "" {
		return nil
	}
	b := &Behind{Text: ui.Reason(s.Message)}
	for _, c := range s.Changes {
		b.Changes = append(b.Changes, ui.NewCronChange(c.Path, c.From, c.To, c.FromHuman, c.ToHuman))
	}
	return b
}

// Row is one job.
type Row struct {
	Path     ui.Text
	Link     string
	Words    ui.Text
	Schedule ui.Text
	Cells    []*Cell // as many as there are environments; nil: it is not there
}

// Cell is one job in one environment.
type Cell struct {
	Environment ui.Text
	Link        string
	State       ui.Badge
	Picture     Picture
	Last        time.Time // zero: never
	Took        string
	Next        *Clock
	Since       *Since
}

// Clock is a time to come, as a clock on the wall shows it.
type Clock struct{ ISO, Long, Text string }

// Since is a job that was not heard of since its environment moved.
type Since struct {
	Text ui.Text
	Link string
	Tone ui.Tone
}

// Switch is a move of an environment.
type Switch struct {
	Environment ui.Text
	Kind        string
	Commit      ui.Text
	At          time.Time
	Link        string // "" when nobody here did it
}

// Picture is a lane, drawn as one path for each kind of mark so that a row
// stays small however often a job runs.
type Picture struct {
	Label   ui.Text // what is to be seen, in words
	Good    string
	Late    string
	Odd     string
	Failed  string
	Open    string
	Missed  string
	Unseen  string
	Due     string
	Moves   string
	Now     string
	Columns int
	Clipped bool
}

func facts(board cron.Board, v panel.Viewer, full bool) panel.Facts[View] {
	t := &Table{Full: full, Total: board.Total, Matching: board.Matching, Hidden: board.Total - len(board.Rows)}
	moves := map[string][]cron.Switch{}
	for _, sw := range board.Switches {
		moves[sw.Environment] = append(moves[sw.Environment], sw)
		t.Switches = append([]Switch{newSwitch(sw)}, t.Switches...)
	}
	for _, name := range board.Environments {
		t.Environments = append(t.Environments, ui.Name(name))
	}
	for _, name := range board.Silent {
		t.Silent = append(t.Silent, ui.Name(name))
	}
	for _, r := range board.Rows {
		t.Rows = append(t.Rows, newRow(r, board, moves, v))
	}
	if full {
		t.Advice = newAdvice(board.Advice, v)
	}
	f := panel.Facts[View]{View: View{Table: t}}
	if board.Trouble > 0 {
		t.Trouble = ui.Plural(board.Trouble, "job needs a look", "jobs need a look")
		f.Say = ui.Text(t.Trouble)
	}
	if full && board.Trouble > 0 {
		f.Title = ui.Text(t.Trouble)
	}
	asked := len(board.Sources) == 0
	for _, s := range board.Sources {
		age := status.Age{Source: s.Name, Never: s.Asked.IsZero(), Stale: s.Stale}
		if !age.Never {
			age.Age = v.Now.Sub(s.Asked)
		}
		asked = asked || !age.Never || s.Problem != ""
		if full {
			f.Ages = append(f.Ages, age)
		}
		if b := newBehind(s.Build); b != nil {
			t.Behind = append(t.Behind, *b)
		}
		if s.Problem != "" && full {
			n := panel.Notice{Tone: ui.Warn, Text: ui.Reason(s.Problem) + " The timetables are the last it gave."}
			if age.Never {
				n.Tone, n.Text = ui.Bad, ui.Reason(s.Problem)+" Its timetables are unknown: nothing is expected of its jobs."
			}
			f.Notices = append(f.Notices, n)
		}
	}
	f.Waiting = board.Total == 0 && !asked
	return f
}

// turn fills in the pages beside page n.
func (t *Table) turn(matching, n int, v panel.Viewer) {
	t.Page, t.Pages = n, max(1, (matching+pageRows-1)/pageRows)
	at := func(page int) string {
		q := v.Query
		q.Del("fragment")
		q.Set("page", strconv.Itoa(page))
		return Path + "?" + q.Encode()
	}
	if n > 1 {
		t.Newer = at(n - 1)
	}
	if n < t.Pages {
		t.Further = at(n + 1)
	}
}

func newRow(r cron.Row, board cron.Board, moves map[string][]cron.Switch, v panel.Viewer) Row {
	row := Row{Path: ui.Name(r.Path)}
	for _, env := range board.Environments {
		lane := r.Lanes[env]
		if lane == nil {
			row.Cells = append(row.Cells, nil)
			continue
		}
		row.Link = jobPath(lane.Job, v.Project) // the last environment is the one that counts most
		row.Words, row.Schedule = ui.Reason(lane.Words), ui.Name(lane.Job.Schedule)
		row.Cells = append(row.Cells, newCell(lane, moves[env], v))
	}
	return row
}

func newCell(l *cron.Lane, moves []cron.Switch, v panel.Viewer) *Cell {
	c := &Cell{
		Environment: ui.Name(l.Job.Environment), Link: jobPath(l.Job, v.Project), State: State(l.Standing),
		Picture: draw(l, moves), Next: clockOf(l.NextAt, v.Now),
		Since: newSince(l.Awaited, v.Now),
	}
	if l.Last != nil {
		c.Last = l.Last.EndedAt
		if l.Last.Timed {
			c.Took = ui.Milliseconds(float64(l.Last.Duration) / float64(time.Millisecond))
		}
	}
	return c
}

// newSince says that a job was not heard of since its environment moved; nil
// when it was, or when that was long ago.
func newSince(w *cron.Awaited, now time.Time) *Since {
	if w == nil || !w.Silent && now.Sub(w.Switch.At) > 24*time.Hour {
		return nil
	}
	sw := newSwitch(w.Switch)
	s := &Since{Link: sw.Link, Tone: ui.Busy, Text: ui.Text("waits for its first run since the " + strings.ToLower(sw.Kind))}
	if w.Silent {
		s.Tone, s.Text = ui.Bad, ui.Text("silent since the "+strings.ToLower(sw.Kind))
	}
	if sw.Commit != "" {
		s.Text += " to " + sw.Commit
	}
	return s
}

func newSwitch(sw cron.Switch) Switch {
	s := Switch{Environment: ui.Name(sw.Environment), Commit: ui.Name(sw.Commit[:min(7, len(sw.Commit))]), At: sw.At}
	switch sw.Kind {
	case cron.Promoted:
		s.Kind = "Promotion"
	case cron.RolledBack:
		s.Kind = "Rollback"
	case cron.Deployed:
		s.Kind = "Deployment"
	}
	if sw.Operation != "" {
		s.Link = operationsPath + sw.Operation
	}
	return s
}

// operationsPath is where the page of an operation is.
const operationsPath = "/admin/environments/operations/"

// clockOf writes a time to come; nil when there is none.
func clockOf(at, now time.Time) *Clock {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	c := &Clock{ISO: at.Format(time.RFC3339), Long: at.Format("Monday, 2 January 2006, 15:04 MST"), Text: at.Format("15:04")}
	switch d := at.Sub(now); {
	case d >= 6*24*time.Hour:
		c.Text = at.Format("2 Jan 15:04")
	case d >= 20*time.Hour:
		c.Text = at.Format("Mon 15:04")
	}
	return c
}

// Heights of a lane: bars stand on the ground, failures reach below it.
const (
	laneHeight = 30
	ground     = 23
)

// draw makes the picture of a lane.
func draw(l *cron.Lane, moves []cron.Switch) Picture {
	p := Picture{Columns: cron.LaneColumns, Clipped: l.Clipped, Label: ui.Reason(describe(l))}
	var good, late, odd, failed, open, missed, unseen, due strings.Builder
	for _, c := range l.Columns {
		x := float64(c.At)
		height := 7.0
		if c.Longest > 0 && l.Sum.Longest > 0 {
			height = 3 + 16*math.Sqrt(float64(c.Longest)/float64(l.Sum.Longest))
		}
		switch {
		case c.Failed > 0:
			box(&failed, x, ground-height, height+7)
		case c.Late > 0:
			box(&late, x, ground-height, height)
			box(&late, x, max(ground-height-4, 0), 2)
		case c.Odd > 0:
			box(&odd, x, ground-height, height)
		case c.Runs > c.Open:
			box(&good, x, ground-height, height)
		}
		if c.Open > 0 {
			box(&open, x, ground-12, 12)
		}
		if c.Missed > 0 {
			box(&missed, x, 3, ground-3)
		}
		if c.Unseen > 0 {
			box(&unseen, x, ground-4, 4)
		}
		if c.Due > 0 {
			box(&due, x, ground+3, 2)
		}
	}
	p.Good, p.Late, p.Odd, p.Failed, p.Open = good.String(), late.String(), odd.String(), failed.String(), open.String()
	p.Missed, p.Unseen, p.Due = missed.String(), unseen.String(), due.String()
	var lines strings.Builder
	for _, sw := range moves {
		if sw.At.Before(l.From) {
			continue
		}
		fmt.Fprintf(&lines, "M%s 0V%d", short(float64(sw.At.Sub(l.From))/float64(cron.LaneStep)), laneHeight)
	}
	p.Moves = lines.String()
	p.Now = fmt.Sprintf("M%d 0V%d", int(cron.LanePast/cron.LaneStep), laneHeight)
	return p
}

func box(b *strings.Builder, x, y, height float64) {
	fmt.Fprintf(b, "M%s %sh.7v%sh-.7z", short(x+0.15), short(y), short(height))
}

func short(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// describe says what a lane shows, for those who do not see it.
func describe(l *cron.Lane) string {
	s := l.Sum
	parts := []string{"Last 24 hours: " + ui.Plural(s.Runs, "run", "runs")}
	for _, one := range []struct {
		n          int
		one, other string
	}{
		{s.Failed, "failed", "failed"},
		{s.Late, "late", "late"},
		{s.Missed, "missed", "missed"},
		{s.Odd, "unusual", "unusual"},
		{s.Open, "under way", "under way"},
		{s.Unseen, "not observed", "not observed"},
	} {
		if one.n > 0 {
			parts = append(parts, ui.Plural(one.n, one.one, one.other))
		}
	}
	if s.Longest > 0 {
		parts = append(parts, "longest "+ui.Milliseconds(float64(s.Longest)/float64(time.Millisecond)))
	}
	if s.Due > 0 {
		parts = append(parts, "due "+ui.Plural(s.Due, "time", "times")+" in the next 6 hours")
	}
	return strings.Join(parts, ", ") + "."
}
