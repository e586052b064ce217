package cron

import "time"

// State is how a run stands.
type State int8

// The states. They are stored: new ones go to the end.
const (
	Running   State = iota
	Succeeded       // ended well
	Failed          // ended badly
	Lost            // began, and neither ended within its limit nor was heard of since
	Noted           // only a line in the log, no run
)

var stateNames = [...]string{"running", "success", "failure", "lost", "note"}

// String is the state on the wire.
func (s State) String() string { return stateNames[s] }

// Ended says that the run is over.
func (s State) Ended() bool { return s == Succeeded || s == Failed }

// Timing is how a run's start relates to the times it was due.
type Timing int8

// The timings. They are stored: new ones go to the end.
const (
	Unscheduled Timing = iota // nothing is known of when it is due
	OnTime
	Early      // before its time, and counted for it
	Late       // after the grace of its slot
	Duplicate  // its slot had a run already
	Unexpected // at no time it was due
)

var timingNames = [...]string{"unscheduled", "on time", "early", "late", "duplicate", "unexpected"}

// String is the timing on the wire.
func (t Timing) String() string { return timingNames[t] }

// Run is one execution of a job as it was reported.
type Run struct {
	Job int64
	At  time.Time // when it began, as far as anybody said
	Seq int       // tells runs of one instant apart
	ID  string    // the caller's id of it, "" when there was none

	State  State
	Timing Timing
	Slot   time.Time // the time it was due, zero when it has none

	EndedAt time.Time // zero while it runs
	// Duration counts only where Timed: else nobody said when it began.
	Duration time.Duration
	Timed    bool
	// Begun says that its start was reported, not only its end.
	Begun bool
	// Overran says that it took longer than it may.
	Overran bool

	StatusCode int    // of HTTP, 0: none
	ExitCode   int    // of a process; -1: none
	Error      string // one line
	Via        string // the dialect of the report
	Commit     string // of the build it ran on, "" when nobody said
	Output     int    // bytes of output that are kept
	OutputID   int64  // where the store keeps them, 0: nothing is kept

	heard time.Time // when it last showed that it is alive
}

// Signal is what a report says.
type Signal int

// The signals.
const (
	Start Signal = iota + 1
	Success
	Failure
	Log
)

// Report is one message about a job's run, whichever way it came.
type Report struct {
	To     Target
	Signal Signal
	RunID  string
	// Received is when it arrived, by our clock; zero is now.
	Received time.Time
	// Ended is the moment the reporter gives for the end of the run, by its own
	// clock; SentAt is when it says it sent the report, by the same clock.
	Ended, SentAt time.Time
	Duration      time.Duration
	Timed         bool // Duration was said

	StatusCode int
	ExitCode   int // -1: none
	Error      string
	Output     []byte // its end; see OutputLimit
	Via        string
	Commit     string
}

// Target names the job a report is about.
type Target struct {
	// Ping is a job's own ping address; when set nothing else counts.
	Ping        string
	Project     string // "" is the first
	Environment string // "" is production
	// Path is the job's path, or Slug what stands for it in an address.
	Path, Slug string
	// Schedule tells the jobs of one path apart, and is the timetable of a job
	// that is made by its first report.
	Timetable
	// Create makes the job when there is none.
	Create bool
}

// Accepted is a report that is on disk.
type Accepted struct {
	Job     Job
	Run     Run
	Created bool // the job is new
	Known   bool // the run was there already: nothing was counted twice
}

// Miss is a slot that passed without a run while we were watching.
type Miss struct {
	Job       int64
	Slot      time.Time
	Deadline  time.Time
	NoticedAt time.Time
	// Operation is the one that the job has been silent since: it ran before
	// production moved, and has not since. "" when nothing points at one.
	Operation string
	// Quiet says that an operation was still under way when it was noticed: its
	// own watch decides first, and nobody has to be woken twice.
	Quiet bool
}

// Sum is what happened in an hour or a day.
type Sum struct {
	Job                        int64
	At                         time.Time
	Good, Failed, Late, Missed int64
	Timed                      int64
	Total, Max                 time.Duration
}

// Add adds what else happened in the same hour or day.
func (s *Sum) Add(o Sum) {
	s.Good += o.Good
	s.Failed += o.Failed
	s.Late += o.Late
	s.Missed += o.Missed
	s.Timed += o.Timed
	s.Total += o.Total
	s.Max = max(s.Max, o.Max)
}
