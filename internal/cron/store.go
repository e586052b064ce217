package cron

import (
	"context"
	"time"

	"github.com/envdeck/envdeck/internal/access"
)

// Store keeps jobs, runs and sums.
type Store interface {
	// RecordCrons runs do in one transaction that is on disk when it returns.
	// It may run do again after an error that says so, and whenever it fails
	// nothing of it was written.
	RecordCrons(ctx context.Context, do func(Ledger) error) error
	// CronsShared says that other processes write to the same database.
	CronsShared() bool

	CronJobs(ctx context.Context) ([]Job, error)
	// CronKept is what has to be known of jobs before anything can be decided:
	// open runs, the newest runs (oldest first), hourly sums since a time, and
	// unanswered misses.
	CronKept(ctx context.Context, job int64, recent int, since time.Time) (Kept, error)
	// CronWatches are the spans in which servers were there, from a time on.
	CronWatches(ctx context.Context, since time.Time) ([]Watch, error)

	// CronRuns lists a job's runs that began in [from, to), newest first.
	CronRuns(ctx context.Context, job int64, from, to time.Time, limit int) ([]Run, error)
	// CronOutput is what a run printed, nil when nothing is kept.
	CronOutput(ctx context.Context, job int64, at time.Time, seq int) ([]byte, error)
	CronMisses(ctx context.Context, job int64, from, to time.Time) ([]Miss, error)
	// CronSums are a job's sums by day (daily) or hour in [from, to).
	CronSums(ctx context.Context, job int64, daily bool, from, to time.Time) ([]Sum, error)
	// CronRunAsked records that somebody asked for a run now.
	CronRunAsked(ctx context.Context, r access.Receipt) error
	// SweepCrons sums up a job's whole days and deletes what is older than it is kept,
	// a bounded amount at a time; more says that there is more to do.
	SweepCrons(ctx context.Context, job int64, keep Keep) (more bool, err error)
	SweepCronWatches(ctx context.Context, before time.Time) error
}

// Keep says how far back things are kept.
type Keep struct {
	Raw, Hours, Days time.Time // what is older goes
}

// Kept is what the store knows of one job.
type Kept struct {
	Open, Recent []Run
	Hours        []Sum
	Misses       []Miss
}

// Watch is a span in which a server was there to take reports.
type Watch struct {
	ID       string
	From, To time.Time
}

// Ledger is what one transaction writes.
type Ledger interface {
	// PutJob inserts a job without id, and gives it one, or changes one. A job
	// that another process made in the meantime is answered as it is.
	PutJob(j Job) (Job, error)
	// AddRun inserts a run; false when one of its id or its time is there.
	AddRun(r Run) (bool, error)
	// ChangeRun writes what may change of a run.
	ChangeRun(r Run) error
	// PutOutput keeps what a run printed, in the place id or, for 0, in a new
	// one, and answers the place.
	PutOutput(id int64, body []byte) (int64, error)
	DropOutput(id int64) error
	AddMiss(m Miss) (bool, error)
	DropMiss(job int64, slot time.Time) error
	AddSums(hours []Sum) error
	PutWatch(w Watch) error
	// Call asks whoever alarms to look at a job: it is written with the fact
	// that is news, so that neither can be lost without the other.
	Call(job int64, at time.Time) error
	// Kept is the job's state as of this transaction, for shared databases; it
	// holds other processes off the job until the end.
	Kept(job int64, recent int) (Kept, error)
	// Job finds one as of this transaction, for shared databases.
	Job(project, environment, path, variant string) (Job, bool, error)
}
