package provider

import (
	"context"
	"time"
)

// CronSource is a platform that runs jobs by a timetable.
type CronSource interface {
	// Crons is the timetable that the platform runs right now, of production.
	// fault.Unsupported: it does not say.
	Crons(ctx context.Context) (CronSet, error)
}

// CronRunner can run a job outside of its timetable.
type CronRunner interface {
	// RunCron asks for a run now and answers when it was begun. The run itself
	// is reported as any other. fault.NotFound: the platform does not know the
	// job.
	RunCron(ctx context.Context, job CronJob) (time.Time, error)
}

// FileReader reads files of the app's repository.
type FileReader interface {
	// File is a file's content at a commit or branch; "" is the default branch.
	// fault.NotFound: there is no such file; fault.TooLarge: it is larger than
	// a megabyte.
	File(ctx context.Context, path, ref string) ([]byte, error)
}
