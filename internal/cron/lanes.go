package cron

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/access"
)

// A lane shows the last day and the next hours in columns, each as wide as
// LaneStep: a job that runs every minute makes no more of them than one that
// runs once.
const (
	LaneStep    = 15 * time.Minute
	LanePast    = 24 * time.Hour
	LaneAhead   = 6 * time.Hour
	LaneColumns = int((LanePast + LaneAhead) / LaneStep)
)

// Lane is one job in one environment over a day and a bit of what is to come.
type Lane struct {
	*View
	// Columns are those in which something happened or will, oldest first.
	Columns []Column
	// Sum is all of them together.
	Sum Column
	// Clipped says that there were more runs than were read: the oldest are
	// left out.
	Clipped bool
	From    time.Time // what it shows, from
	// NextAt is when it is due next, zero when that is not known.
	NextAt time.Time
}

// Column is what happened, or will, in one step of a lane.
type Column struct {
	At      int // 0 is the oldest
	Runs    int
	Failed  int // of the runs; lost ones too
	Late    int // of the runs, beginnings after the grace
	Open    int // of the runs, those under way
	Odd     int // of the runs: duplicate, unexpected, or outside of the usual band
	Missed  int
	Unseen  int // slots that nobody was there to see
	Due     int // slots that are still to come, or have patience left
	Longest time.Duration
}

func (c *Column) add(o Column) {
	c.Runs += o.Runs
	c.Failed += o.Failed
	c.Late += o.Late
	c.Open += o.Open
	c.Odd += o.Odd
	c.Missed += o.Missed
	c.Unseen += o.Unseen
	c.Due += o.Due
	c.Longest = max(c.Longest, o.Longest)
}

// LaneQuery picks the jobs of a board.
type LaneQuery struct {
	Project string
	Words   string // each must be in the job's path, timetable or state; "" is all
	// WorstFirst puts the jobs that are in trouble before the others.
	WorstFirst    bool
	Offset, Limit int // of rows; Limit 0 is all
}

// Board is the jobs of a project by environments.
type Board struct {
	From, To time.Time // what the lanes show
	// Environments are those that have a job, in the project's order, and
	// Silent those that nothing was ever heard of.
	Environments, Silent []string
	Rows                 []Row
	Total, Matching      int // rows there are, and rows that match
	Trouble              int // rows with a job in trouble
	// Switches are the moves of production and the others within the lanes,
	// oldest first.
	Switches []Switch
	Sources  []SourceAge
	// Advice is what could be better, of every job, in the order of the rows.
	Advice []Advice
}

// Row is one job in every environment that has it.
type Row struct {
	Path, Variant string
	Lanes         map[string]*Lane // by environment
}

// SourceAge is how a source of timetables stands.
type SourceAge struct {
	Name    string
	Asked   time.Time // zero: never
	Stale   bool
	Problem string // why it has no fresh facts
	// Build is the build that its schedules are of, nil where nobody says.
	Build *SourceBuild
}

// Lanes answers a project's jobs over the last day and the next hours. Only
// the jobs that are shown are read, each along its own key, and those that
// have not changed since they were read last are not read at all.
func (b *Book) Lanes(ctx context.Context, a access.Actor, q LaneQuery) (Board, error) {
	s, err := b.enter(ctx, a, q.Project)
	if err != nil {
		return Board{}, err
	}
	now := b.o.Clock.Now()
	to := now.Truncate(LaneStep).Add(LaneStep + LaneAhead)
	board := Board{From: to.Add(-LanePast - LaneAhead), To: to, Rows: []Row{}, Sources: s.ages(now)}
	rows := s.rows(&board, b.viewsOf(s.project.Name))
	board.Total = len(rows)
	for _, v := range b.viewsOf(s.project.Name) {
		board.Advice = append(board.Advice, s.adviceOn(v.Job.ID)...)
	}
	rows = pick(&board, rows, q)
	for _, r := range rows {
		for name, l := range r.Lanes {
			if r.Lanes[name], err = b.lanes.of(ctx, b, l.View, board.From, board.To, now); err != nil {
				return Board{}, err
			}
		}
	}
	board.Rows = append(board.Rows, rows...)
	for _, env := range s.project.Environments {
		for _, sw := range b.rec.moves.of(s.project.Name, env.Name) {
			if !sw.At.Before(board.From) {
				board.Switches = append(board.Switches, sw)
			}
		}
	}
	slices.SortStableFunc(board.Switches, func(x, y Switch) int { return x.At.Compare(y.At) })
	return board, nil
}

// rows puts the same job of all environments together, and says which
// environments have any.
func (s *shelf) rows(board *Board, views []*View) []Row {
	var rows []Row
	has := map[string]bool{}
	for _, v := range views {
		has[v.Job.Environment] = true
		if n := len(rows); n == 0 || rows[n-1].Path != v.Job.Path || rows[n-1].Variant != v.Job.Variant {
			rows = append(rows, Row{Path: v.Job.Path, Variant: v.Job.Variant, Lanes: map[string]*Lane{}})
		}
		rows[len(rows)-1].Lanes[v.Job.Environment] = &Lane{View: v}
	}
	for _, e := range s.project.Environments {
		if has[e.Name] {
			board.Environments = append(board.Environments, e.Name)
		} else {
			board.Silent = append(board.Silent, e.Name)
		}
	}
	return rows
}

// pick keeps the rows that are asked for.
func pick(board *Board, rows []Row, q LaneQuery) []Row {
	words := strings.Fields(strings.ToLower(q.Words))
	var matching []Row
	for _, r := range rows {
		if r.badness() < badEnough {
			board.Trouble++
		}
		if r.matches(words) {
			matching = append(matching, r)
		}
	}
	board.Matching = len(matching)
	if q.WorstFirst {
		slices.SortStableFunc(matching, func(x, y Row) int { return cmp.Compare(min(x.badness(), badEnough), min(y.badness(), badEnough)) })
	}
	matching = matching[min(max(q.Offset, 0), len(matching)):]
	if q.Limit > 0 {
		matching = matching[:min(q.Limit, len(matching))]
	}
	return matching
}

func (r Row) matches(words []string) bool {
	parts := []string{r.Path, r.Variant}
	for name, l := range r.Lanes {
		parts = append(parts, name, string(l.Standing), l.Words, l.Job.Schedule)
	}
	text := strings.ToLower(strings.Join(parts, " "))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

// standings are the states from bad to good.
var standings = []Standing{
	StandMissed, StandFailing, StandOverrun, StandLate, StandRunning, StandOK, StandWaiting, StandNotObserved, StandUnscheduled, StandUnknown,
}

// badEnough is where trouble ends in standings.
const badEnough = 4

// Trouble says that somebody should look at it.
func (s Standing) Trouble() bool { return slices.Index(standings, s) < badEnough }

// badness is how the worst of a row's jobs stands.
func (r Row) badness() int {
	worst := len(standings)
	for _, l := range r.Lanes {
		worst = min(worst, slices.Index(standings, l.Standing))
	}
	return worst
}

// lanesCache keeps what was read of each job until the job changes, the window
// moves on, or a slot comes up.
type lanesCache struct {
	mu  sync.Mutex
	all map[int64]keptLane
}

type keptLane struct {
	lane  *Lane
	from  time.Time
	until time.Time // the next slot
}

func (c *lanesCache) of(ctx context.Context, b *Book, v *View, from, to, now time.Time) (*Lane, error) {
	c.mu.Lock()
	kept, ok := c.all[v.Job.ID]
	c.mu.Unlock()
	if ok && kept.lane.View == v && kept.from.Equal(from) && (kept.until.IsZero() || now.Before(kept.until)) {
		return kept.at(now), nil
	}
	st, err := b.stretch(ctx, v, from, to, stretchRuns)
	if err != nil {
		return nil, err
	}
	kept = keptLane{lane: st.columns(), from: from, until: v.Next(now)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[int64]keptLane{}
	}
	c.all[v.Job.ID] = kept
	return kept.at(now), nil
}

func (k keptLane) at(now time.Time) *Lane {
	l := *k.lane
	l.NextAt = l.Next(now)
	return &l
}

// columns sums a stretch up for the eye.
func (st *Stretch) columns() *Lane {
	var all [LaneColumns]Column
	in := func(at time.Time) *Column {
		i := int(at.Sub(st.From) / LaneStep)
		return &all[min(max(i, 0), LaneColumns-1)]
	}
	for _, r := range st.Runs {
		if r.State != Noted {
			in(r.At).add(columnOf(r))
		}
	}
	for _, s := range st.Slots {
		switch s.State {
		case SlotMissed:
			in(s.At).Missed++
		case SlotUnobserved:
			in(s.At).Unseen++
		case SlotOpen, SlotDue:
			in(s.At).Due++
		case SlotKept:
		}
	}
	if st.due.Schedule == "" { // its slots are not on a calendar
		for _, m := range st.Misses {
			in(m.Slot).Missed++
		}
		if next := st.s; !next.IsZero() && next.Before(st.To) {
			in(next).Due++
		}
	}
	l := &Lane{View: st.View, From: st.From, Clipped: st.Clipped}
	for i := range all {
		all[i].At = i
		if all[i] != (Column{At: i}) {
			l.Columns = append(l.Columns, all[i])
			l.Sum.add(all[i])
		}
	}
	return l
}

func columnOf(r RunOf) Column {
	c := Column{Runs: 1}
	switch {
	case r.State == Failed, r.State == Lost:
		c.Failed = 1
	case r.State == Running:
		c.Open = 1
	case r.Timing == Late:
		c.Late = 1
	case r.Timing == Duplicate, r.Timing == Unexpected, r.Pace != Usual:
		c.Odd = 1
	}
	if r.Timed {
		c.Longest = r.Duration
	}
	return c
}

// ages are how the project's sources stand, in order.
func (s *shelf) ages(now time.Time) []SourceAge {
	var all []SourceAge
	for _, src := range s.sources {
		one := SourceAge{Name: string(src.name)}
		switch {
		case src.set != nil:
			f := src.set.Fact()
			one.Asked, one.Stale = f.FetchedAt, f.Stale(now)
			if f.Known {
				one.Build = buildOf(f.Value)
			}
			if f.Err != nil {
				one.Problem = f.Err.Message
			}
		case src.file != nil:
			f := src.file.Fact()
			one.Asked, one.Stale = f.FetchedAt, f.Stale(now)
			if f.Err != nil {
				one.Problem = f.Err.Message
			}
		default:
			continue // a list of the configuration has no age
		}
		all = append(all, one)
	}
	return all
}
