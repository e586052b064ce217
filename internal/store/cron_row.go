package store

import (
	"database/sql"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
)

// runRow is a run as it is kept, in the table and in the journal: times in
// microseconds since 1970, of which 0 is none.
type runRow struct {
	Job      int64       `json:"j"`
	At       int64       `json:"t"`
	Seq      int         `json:"n,omitempty"`
	ID       string      `json:"id,omitempty"`
	State    cron.State  `json:"s"`
	Timing   cron.Timing `json:"m,omitempty"`
	Slot     int64       `json:"sl,omitempty"`
	EndedAt  int64       `json:"e,omitempty"`
	Duration int64       `json:"d,omitempty"`
	Timed    bool        `json:"td,omitempty"`
	Begun    bool        `json:"b,omitempty"`
	Overran  bool        `json:"or,omitempty"`
	Status   int         `json:"h,omitempty"`
	Exit     int         `json:"x"`
	Error    string      `json:"er,omitempty"`
	Via      string      `json:"v,omitempty"`
	Commit   string      `json:"c,omitempty"`
	Output   int         `json:"o,omitempty"`
	OutputID int64       `json:"oi,omitempty"`
}

func rowOf(r *cron.Run) runRow {
	return runRow{
		Job: r.Job, At: r.At.UnixMicro(), Seq: r.Seq, ID: r.ID, State: r.State, Timing: r.Timing,
		Slot: micros(r.Slot).Int64, EndedAt: micros(r.EndedAt).Int64, Duration: r.Duration.Microseconds(), Timed: r.Timed,
		Begun: r.Begun, Overran: r.Overran, Status: r.StatusCode, Exit: r.ExitCode, Error: r.Error, Via: r.Via, Commit: r.Commit,
		Output: r.Output, OutputID: r.OutputID,
	}
}

func (r *runRow) run() cron.Run {
	run := cron.Run{
		Job: r.Job, At: moment(r.At), Seq: r.Seq, ID: r.ID, State: r.State, Timing: r.Timing,
		Slot: timeOf(some(r.Slot)), EndedAt: timeOf(some(r.EndedAt)), Timed: r.Timed,
		Begun: r.Begun, Overran: r.Overran, StatusCode: r.Status, ExitCode: r.Exit, Error: r.Error, Via: r.Via, Commit: r.Commit,
		Output: r.Output, OutputID: r.OutputID,
	}
	if r.Timed {
		run.Duration = microseconds(r.Duration)
	}
	return run
}

// some is a number that is NULL when it is 0.
func some(n int64) sql.NullInt64 { return sql.NullInt64{Int64: n, Valid: n != 0} }

func (r *runRow) duration() sql.NullInt64 { return sql.NullInt64{Int64: r.Duration, Valid: r.Timed} }

// values appends the columns of a run, in the order of runColumns.
func (r *runRow) values(to []any) []any {
	return append(to,
		r.Job, r.At, r.Seq, r.ID, int(r.State), int(r.Timing), some(r.Slot), some(r.EndedAt), r.duration(), r.Overran,
		r.Status, r.Exit, r.Error, r.Via, r.Commit, r.Output, r.OutputID, r.Begun)
}

// before says that a run is in front of a place.
func (r *runRow) before(at int64, seq int) bool { return r.At < at || r.At == at && r.Seq < seq }

func (r *runRow) after(o *cron.Run) bool {
	at := o.At.UnixMicro()
	return at < r.At || at == r.At && o.Seq < r.Seq
}

func (r *runRow) same(o *cron.Run) bool { return o.At.UnixMicro() == r.At && o.Seq == r.Seq }

// sumRow is what is added to a job's hour, as the journal keeps it.
type sumRow struct {
	Job    int64 `json:"j"`
	At     int64 `json:"t"`
	Good   int64 `json:"g,omitempty"`
	Failed int64 `json:"f,omitempty"`
	Late   int64 `json:"l,omitempty"`
	Missed int64 `json:"m,omitempty"`
	Timed  int64 `json:"td,omitempty"`
	Total  int64 `json:"d,omitempty"`
	Max    int64 `json:"x,omitempty"`
}

func sumRowOf(s *cron.Sum) sumRow {
	return sumRow{s.Job, s.At.UnixMicro(), s.Good, s.Failed, s.Late, s.Missed, s.Timed, s.Total.Microseconds(), s.Max.Microseconds()}
}

func (s *sumRow) sum() cron.Sum {
	return cron.Sum{
		Job: s.Job, At: moment(s.At), Good: s.Good, Failed: s.Failed, Late: s.Late, Missed: s.Missed,
		Timed: s.Timed, Total: microseconds(s.Total), Max: microseconds(s.Max),
	}
}

func moment(us int64) time.Time           { return time.UnixMicro(us).UTC() }
func microseconds(us int64) time.Duration { return time.Duration(us) * time.Microsecond }
