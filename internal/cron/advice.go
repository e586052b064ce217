package cron

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// AdviceKind says what could be better about a job.
type AdviceKind string

// The kinds, the ones that cost most first.
const (
	NeverSucceeds AdviceKind = "never_succeeds" // nothing comes of its runs
	Overlaps      AdviceKind = "overlaps"       // it is due again before it has ended
	TooOften      AdviceKind = "too_often"      // most of its runs had nothing to do
)

// Advice is what could be better about a job, and the recorded runs that say
// so. It judges by what runs said of themselves: what they did in the app,
// nobody here can see.
type Advice struct {
	Job  Job
	Kind AdviceKind
	// Text is what could be done, Evidence what was counted.
	Text, Evidence string
	// Of is how many runs were looked at, Counted how many of them speak for
	// it, and From where the oldest of them began.
	Of, Counted int
	From        time.Time
	// SavedRuns and SavedTime are what following it would save in a day, as far
	// as the same runs say; 0: nothing, or not known.
	SavedRuns int
	SavedTime time.Duration
}

// How much has to be on record before anything is advised. A day is the least
// that shows a job at all hours.
const (
	adviceSpan  = 7 * 24 * time.Hour
	adviceRuns  = 1500        // of one job, the newest
	adviceAfter = time.Minute // from the start: there is no hurry
	adviceEvery = time.Hour
	leastRuns   = 20 // below that no rule says anything

	oftenRuns    = 50  // runs,
	oftenIdle    = 0.9 // of which so many had nothing to do,
	oftenFrom    = 24 * time.Hour
	oftenPrinted = 200 // runs whose output is read

	overlapCount = 5 // runs,
	overlapShare = 0.25
)

// evidence is what is on record of a job: its runs that ended, oldest first.
type evidence struct {
	job  Job
	due  compiled
	now  time.Time
	runs []Run
	// same says of each run whether it printed what the printing run before it
	// did; nil when that was not looked at.
	same []bool
}

// advise answers what the evidence speaks for.
func (e *evidence) advise() []Advice {
	var all []Advice
	for _, rule := range []func(*evidence) (Advice, bool){(*evidence).neverSucceeds, (*evidence).overlaps, (*evidence).tooOften} {
		if a, ok := rule(e); ok {
			a.Job = e.job
			all = append(all, a)
		}
	}
	return all
}

func (e *evidence) from() time.Time { return e.runs[0].At }

// since is the beginning of the evidence in words.
func (e *evidence) since() string { return e.from().UTC().Format("2 Jan 15:04 MST") }

// span is how long the evidence lasted.
func (e *evidence) span() time.Duration { return e.runs[len(e.runs)-1].At.Sub(e.from()) }

// perDay is how many runs there are in a day.
func (e *evidence) perDay() int {
	span := e.span()
	if span <= 0 {
		return 0
	}
	return int(float64(len(e.runs)-1)*24/span.Hours() + 0.5)
}

// usual is how long a run takes on average, 0 when nobody said.
func (e *evidence) usual() time.Duration {
	var total time.Duration
	n := 0
	for i := range e.runs {
		if e.runs[i].Timed {
			total, n = total+e.runs[i].Duration, n+1
		}
	}
	if n == 0 {
		return 0
	}
	return total / time.Duration(n)
}

// neverSucceeds: a job that fails each time costs its runs and gives nothing.
func (e *evidence) neverSucceeds() (Advice, bool) {
	n := len(e.runs)
	if n < leastRuns || slices.ContainsFunc(e.runs, func(r Run) bool { return r.State == Succeeded }) {
		return Advice{}, false
	}
	a := Advice{
		Kind: NeverSucceeds, Of: n, Counted: n, From: e.from(), SavedRuns: e.perDay(),
		Text:     "Repair it, or stop scheduling it.",
		Evidence: fmt.Sprintf("None of its %d runs since %s ended well.", n, e.since()),
	}
	a.SavedTime = time.Duration(a.SavedRuns) * e.usual()
	return a, true
}

// overlaps: a run that is not done when the next is due shares its work with
// it, or does it twice.
func (e *evidence) overlaps() (Advice, bool) {
	if e.due.Schedule == "" {
		return Advice{}, false
	}
	n, over := 0, 0
	for i := range e.runs {
		r := &e.runs[i]
		if !r.Timed {
			continue
		}
		n++
		if next, ok := e.due.next(latest(r.At, r.Slot)); ok && r.At.Add(r.Duration).After(next) {
			over++
		}
	}
	if n < leastRuns || over < overlapCount || float64(over) < overlapShare*float64(n) {
		return Advice{}, false
	}
	return Advice{
		Kind: Overlaps, Of: n, Counted: over, From: e.from(),
		Text:     "Run it less often, or make it shorter: runs beside each other may do the same work twice.",
		Evidence: fmt.Sprintf("%d of %d runs since %s were not done when the next one was due.", over, n, e.since()),
	}, true
}

// tooOften: a job whose runs nearly all say that there was nothing to do could
// look half as often. A run says so by answering 204 or 304, or by printing
// exactly what the one before it printed.
func (e *evidence) tooOften() (Advice, bool) {
	if len(e.runs) < oftenRuns || e.span() < oftenFrom || !e.job.Known() {
		return Advice{}, false
	}
	idle, printed := 0, 0
	for i := range e.runs {
		switch r := &e.runs[i]; {
		case r.State != Succeeded:
		case r.StatusCode == http.StatusNoContent, r.StatusCode == http.StatusNotModified:
			idle++
		case e.same != nil && e.same[i]:
			idle++
			printed++
		}
	}
	if float64(idle) < oftenIdle*float64(len(e.runs)) {
		return Advice{}, false
	}
	how := "answered that there was nothing to do (HTTP 204 or 304)"
	switch printed {
	case 0:
	case idle:
		how = "printed exactly what the run before printed"
	default:
		how = "answered that there was nothing to do, or printed exactly what the run before printed"
	}
	a := Advice{
		Kind: TooOften, Of: len(e.runs), Counted: idle, From: e.from(), SavedRuns: e.perDay() / 2,
		Text:     "Half as often may do." + e.half(),
		Evidence: fmt.Sprintf("%d of %d runs since %s %s.", idle, len(e.runs), e.since(), how),
	}
	a.SavedTime = time.Duration(a.SavedRuns) * e.usual()
	return a, true
}

// half says what half as often would mean for a job with even steps.
func (e *evidence) half() string {
	gap := e.due.Period
	if e.due.Schedule != "" {
		next, ok := e.due.next(e.now)
		if !ok {
			return ""
		}
		gap = e.due.gap(next)
	}
	if gap <= 0 {
		return ""
	}
	return " What there is to do would wait for " + spoken(gap) + " longer at most."
}

// gather reads what is on record of a job. ok is false when that is too little
// for any rule.
func (b *Book) gather(ctx context.Context, v *View, now time.Time) (e evidence, ok bool, err error) {
	if !v.Job.Active || v.Stats.Good+v.Stats.Failed < leastRuns {
		return e, false, nil
	}
	e = evidence{job: v.Job, due: v.due, now: now}
	// What was by another timetable says nothing of this one.
	from := latest(now.Add(-adviceSpan), v.Job.Since)
	runs, err := b.o.Store.CronRuns(ctx, v.Job.ID, from, now, adviceRuns)
	if err != nil {
		return e, false, err
	}
	slices.Reverse(runs)
	for _, r := range runs {
		if r.State.Ended() || r.State == Lost {
			e.runs = append(e.runs, r)
		}
	}
	if len(e.runs) < leastRuns {
		return e, false, nil
	}
	return e, true, b.compareOutputs(ctx, &e)
}

// compareOutputs reads what runs printed, where their lengths do not rule out
// already that they printed the same.
func (b *Book) compareOutputs(ctx context.Context, e *evidence) error {
	newest := e.runs[max(0, len(e.runs)-oftenPrinted):]
	alike := 0
	for i := 1; i < len(newest); i++ {
		if newest[i].Output > 0 && newest[i].Output == newest[i-1].Output {
			alike++
		}
	}
	if len(newest) < oftenRuns || float64(alike) < oftenIdle*float64(len(newest)) {
		return nil
	}
	same := make([]bool, len(newest))
	var before []byte
	for i, r := range newest {
		body, err := b.o.Store.CronOutput(ctx, r.Job, r.At, r.Seq)
		if err != nil {
			return err
		}
		same[i] = i > 0 && body != nil && bytes.Equal(body, before)
		before = body
	}
	// Only these are evidence: of the others nobody knows.
	e.runs, e.same = newest, same
	return nil
}

// keepAdvised looks through the records once an hour.
func (b *Book) keepAdvised(ctx context.Context) {
	for wait := adviceAfter; b.o.Clock.Sleep(ctx, wait) == nil; wait = adviceEvery {
		for project, s := range b.projects {
			if err := b.adviseOn(ctx, s); err != nil && ctx.Err() == nil {
				b.o.Log.WarnContext(ctx, "the records of cron jobs could not be read for advice; the next hour tries again", "project", project, "error", err)
			}
		}
	}
}

func (b *Book) adviseOn(ctx context.Context, s *shelf) error {
	all := map[int64][]Advice{}
	for _, v := range b.viewsOf(s.project.Name) {
		e, ok, err := b.gather(ctx, v, b.o.Clock.Now())
		if err != nil {
			return err
		}
		if ok {
			if advice := e.advise(); advice != nil {
				all[v.Job.ID] = advice
			}
		}
	}
	s.advice.Store(&all)
	s.changed()
	return nil
}

// adviceOn is what is advised on a job, as of the last look.
func (s *shelf) adviceOn(job int64) []Advice {
	if all := s.advice.Load(); all != nil {
		return (*all)[job]
	}
	return nil
}

// JobAdvice is one piece of advice on the wire.
type JobAdvice struct {
	Kind     AdviceKind `json:"kind" enum:"never_succeeds,overlaps,too_often"`
	Text     string     `json:"text" doc:"What could be done."`
	Evidence string     `json:"evidence" doc:"What was counted, in words."`
	Runs     int        `json:"runs" doc:"How many recorded runs were looked at."`
	Counted  int        `json:"counted" doc:"How many of them speak for it."`
	From     time.Time  `json:"from" doc:"When the oldest of them began."`
	// The two are what the same runs say of a day.
	SavedRunsPerDay int    `json:"savedRunsPerDay" doc:"0: nothing, or not known."`
	SavedMsPerDay   *int64 `json:"savedMsPerDay" doc:"null: nobody said how long runs take."`
}

func wireAdvice(all []Advice) []JobAdvice {
	var out []JobAdvice
	for _, a := range all {
		one := JobAdvice{Kind: a.Kind, Text: a.Text, Evidence: a.Evidence, Runs: a.Of, Counted: a.Counted, From: a.From, SavedRunsPerDay: a.SavedRuns}
		if a.SavedTime > 0 {
			one.SavedMsPerDay = millis(a.SavedTime)
		}
		out = append(out, one)
	}
	return out
}
