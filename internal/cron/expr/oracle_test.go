package expr

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// tick is one whole minute of a wall clock, in the order of real time.
type tick struct {
	at   time.Time
	wall time.Time // what the clock shows, written down as a time in UTC
}

// ticks walks real time second by second where it must and minute by minute
// where it can, and looks at the clock at each step. It shares no arithmetic
// with the engine.
func ticks(from, to time.Time, loc *time.Location) (out []tick) {
	for t := from; t.Before(to); {
		shown := t.In(loc)
		if shown.Second() != 0 {
			t = t.Add(time.Second)
			continue
		}
		wall := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), 0, 0, time.UTC)
		out = append(out, tick{t, wall})
		if next := t.Add(time.Minute); next.In(loc).Second() == 0 && offset(next, loc) == offset(t, loc) {
			t = next
		} else {
			t = t.Add(time.Second)
		}
	}
	return out
}

func offset(t time.Time, loc *time.Location) int {
	_, off := t.In(loc).Zone()
	return off
}

// debianRuns applies cron(8) to a walk through time. A job that is not fixed
// runs whenever the clock on the wall matches. A fixed job runs for each minute
// the clock shows or jumps over for the first time, once per moment.
func debianRuns(x *randomExpr, walk []tick, from time.Time) (runs []time.Time) {
	days := map[int]bool{}
	matches := func(wall time.Time) bool {
		if !x.values[minuteField][wall.Minute()] || !x.values[hourField][wall.Hour()] {
			return false
		}
		day := wall.Year()*1000 + wall.YearDay()
		match, known := days[day]
		if !known {
			match = x.matchesDay(wall)
			days[day] = match
		}
		return match
	}
	highest := walk[0].wall.Add(-time.Minute)
	for _, tk := range walk {
		due := false
		if !x.fixed() {
			due = matches(tk.wall)
		}
		for ; highest.Before(tk.wall); highest = highest.Add(time.Minute) {
			if x.fixed() && matches(highest.Add(time.Minute)) {
				due = true
			}
		}
		if due && !tk.at.Before(from) {
			runs = append(runs, tk.at)
		}
	}
	return runs
}

// TestAgainstAWalkThroughTime compares the engine with that walk for random
// expressions around the changes of the clock. EXPR_CASES sets how many
// (default 10,000), EXPR_SEED which.
func TestAgainstAWalkThroughTime(t *testing.T) {
	cases, seed := envInt(t, "EXPR_CASES", 10000), envInt(t, "EXPR_SEED", 1)
	if testing.Short() || raceOn {
		cases = min(cases, 1000)
	}
	r := rand.New(rand.NewPCG(uint64(seed), 2))
	changes := clockChanges()
	if len(changes) < 50 {
		t.Fatalf("only %d changes of the clock to test around", len(changes))
	}
	walks := make([][]tick, len(changes))
	ran := 0
	for i := range cases {
		c := changes[i%len(changes)]
		// The walk starts before the window so that it knows what was shown.
		from, to := c.at.Add(-30*time.Hour), c.at.Add(54*time.Hour)
		if walks[i%len(changes)] == nil {
			walks[i%len(changes)] = ticks(from.Add(-26*time.Hour), to, c.zone)
		}
		x := newRandomExpr(r)
		s, err := Parse(x.text, Unix)
		if err != nil {
			t.Fatalf("Parse(%q): %v", x.text, err)
		}
		want := debianRuns(&x, walks[i%len(changes)], from)
		compareRuns(t, x.text, s, from, to, c.zone, want)
		ran += len(want)
	}
	if ran < cases {
		t.Errorf("the %d cases had only %d runs between them; they test too little", cases, ran)
	}
}

func compareRuns(t *testing.T, text string, s Schedule, from, to time.Time, zone *time.Location, want []time.Time) {
	t.Helper()
	var got []time.Time
	last := from.Add(-1)
	for run := range s.Between(from, to, zone) {
		if !run.After(last) {
			t.Fatalf("%q in %s: Next(%s) = %s", text, zone, last.In(zone), run)
		}
		got, last = append(got, run), run
	}
	if !slices.EqualFunc(got, want, time.Time.Equal) {
		t.Fatalf("%q in %s, %s to %s:\n got %v\nwant %v", text, zone, from.In(zone), to.In(zone), head(got), head(want))
	}
	back := to
	for _, w := range slices.Backward(want) {
		p, ok := s.Prev(back, zone)
		if !ok || !p.Equal(w) {
			t.Fatalf("%q in %s: Prev(%s) = %s, %v, want %s", text, zone, back.In(zone), p, ok, w.In(zone))
		}
		back = p
	}
	if p, ok := s.Prev(back, zone); ok && !p.Before(from) {
		t.Fatalf("%q in %s: Prev(%s) = %s, want it before %s", text, zone, back.In(zone), p, from.In(zone))
	}
}

// head keeps a failure readable.
func head(times []time.Time) []time.Time { return times[:min(len(times), 12)] }

func envInt(t *testing.T, name string, fallback int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s=%q is not a number", name, v)
	}
	return n
}
