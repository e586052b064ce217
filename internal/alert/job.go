package alert

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// bandRuns is how many runs a job's usual duration is worked out from.
const bandRuns = 200

// judgeJob looks at what a job's runs were like.
func (e *Engine) judgeJob(ctx context.Context, call Call) error {
	id, err := strconv.ParseInt(call.Subject, 10, 64)
	if err != nil {
		return e.store.Apply(ctx, Change{Done: &call})
	}
	var f jobFacts
	if f.job, err = e.store.CronJob(ctx, id); fault.Is(err, fault.NotFound) {
		return e.store.Apply(ctx, Change{Done: &call})
	}
	far := e.clock.Now().Add(24 * time.Hour)
	if err == nil {
		f.runs, err = e.store.CronRuns(ctx, id, time.Time{}.AddDate(1969, 0, 0), far, bandRuns)
	}
	if err == nil {
		f.misses, err = e.store.CronMisses(ctx, id, e.clock.Now().AddDate(0, 0, -7), far)
	}
	if err != nil {
		return err
	}
	var again time.Time
	for _, finding := range e.jobFindings(&f) {
		finding.call = &call
		c, next, err := e.decide(ctx, finding)
		if err != nil {
			return err
		}
		if len(c.Conditions)+len(c.Incidents)+len(c.Entries) > 0 {
			if err := e.apply(ctx, c); err != nil {
				return err
			}
		}
		again = sooner(again, next)
	}
	return e.finish(ctx, call, again)
}

// finish ends a call, or keeps it for later. It comes after what was decided:
// a process that dies in between decides again, and finds it decided.
func (e *Engine) finish(ctx context.Context, call Call, again time.Time) error {
	if again.IsZero() {
		return e.store.Apply(ctx, Change{Done: &call})
	}
	return e.store.Apply(ctx, Change{Later: &Later{Call: call, Due: again}})
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// jobFindings is what each rule of jobs sees.
func (e *Engine) jobFindings(f *jobFacts) []finding {
	j := &f.job
	gone := ""
	if !j.Active {
		gone = "The job is not scheduled any more."
	}
	name := hostile.Line(j.Path, hostile.NameLimit)
	if j.Variant != "" {
		name += " (" + hostile.Line(j.Variant, 60) + ")"
	}
	marks := jobMarks(f)
	titles := map[Event]string{
		CronMissed: "%s did not run in %s", CronFailed: "%s failed in %s", CronLate: "%s runs late in %s",
		CronSlow: "%s takes longer than usual in %s", CronFast: "%s is faster than usual in %s", CronOften: "%s runs too often in %s",
	}
	var all []finding
	for _, event := range []Event{CronMissed, CronFailed, CronLate, CronSlow, CronFast, CronOften} {
		finding := finding{
			key: Key{j.Project, j.Environment, event, name}, rule: rules[event], marks: marks[event], gone: gone,
			title: fmt.Sprintf(titles[event], name, j.Environment),
		}
		if m, ok := lastBad(finding.marks); ok {
			finding.reason, finding.silentSince, finding.quiet = m.text, m.operation, m.quiet
		}
		all = append(all, finding)
	}
	return all
}

// jobMarks lays a job's runs and misses out as each rule sees them.
func jobMarks(f *jobFacts) map[Event][]mark {
	runs := slices.Clone(f.runs)
	slices.Reverse(runs)
	band := bandOf(runs)
	marks := map[Event][]mark{}
	put := func(e Event, at time.Time, bad bool, text string) {
		marks[e] = append(marks[e], mark{at: at, bad: bad, text: text})
	}
	for i := range f.misses {
		marks[CronMissed] = append(marks[CronMissed], missMark(&f.misses[i]))
	}
	for i := range runs {
		r := &runs[i]
		if r.State == cron.Noted {
			continue
		}
		put(CronMissed, r.At, false, "")
		put(CronLate, r.At, r.Timing == cron.Late, "It was due at "+clockTime(r.Slot)+" and began at "+clockTime(r.At)+".")
		put(CronOften, r.At, r.Timing == cron.Duplicate || r.Timing == cron.Unexpected, "It ran at "+clockTime(r.At)+" though nothing was due.")
		if r.State == cron.Running {
			continue
		}
		put(CronFailed, r.At, r.State == cron.Failed || r.State == cron.Lost, failure(r))
		if r.State == cron.Lost || r.Timed {
			pace := band.Judge(r.Duration)
			put(CronSlow, r.At, r.Overran || r.Timed && pace == cron.TooSlow, slow(r, band))
			put(CronFast, r.At, r.Timed && r.State == cron.Succeeded && pace == cron.TooFast, slow(r, band))
		}
	}
	for e, all := range marks {
		slices.SortStableFunc(all, func(a, b mark) int { return a.at.Compare(b.at) })
		marks[e] = tail(all, widest)
	}
	return marks
}

// missMark says what was missed, and what the cron room knows of an operation
// about it.
func missMark(m *cron.Miss) mark {
	text := "Nothing ran for " + clockTime(m.Slot) + "; the deadline was " + clockTime(m.Deadline) + "."
	if m.Operation != "" {
		text += " It ran until " + m.Operation + " moved the environment, and has not since."
	}
	if m.Quiet {
		text += " It was noticed while an operation was under way."
	}
	return mark{at: m.Slot, bad: true, text: text, operation: m.Operation, quiet: m.Quiet}
}

func bandOf(runs []cron.Run) cron.Band {
	var durations []time.Duration
	for i := range runs {
		if r := &runs[i]; r.State == cron.Succeeded && r.Timed {
			durations = append(durations, r.Duration)
		}
	}
	return cron.BandOf(durations)
}

func failure(r *cron.Run) string {
	if r.State == cron.Lost {
		return "The run of " + clockTime(r.At) + " began and was not heard of again."
	}
	text := "The run of " + clockTime(r.At) + " failed"
	switch {
	case r.Error != "":
		text += ": " + hostile.Line(r.Error, 200)
	case r.StatusCode != 0:
		text += " with HTTP " + strconv.Itoa(r.StatusCode)
	case r.ExitCode > 0:
		text += " with exit code " + strconv.Itoa(r.ExitCode)
	}
	return text + "."
}

func slow(r *cron.Run, b cron.Band) string {
	if r.State == cron.Lost {
		return "The run of " + clockTime(r.At) + " is over its time limit."
	}
	return fmt.Sprintf("The run of %s took %s; usual is %s.", clockTime(r.At), rounded(r.Duration), cmp.Or(rounded(b.Median), "not known"))
}

func rounded(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(100 * time.Millisecond).String()
	}
}

func clockTime(t time.Time) string { return t.UTC().Format("15:04:05") + " UTC" }
