package health

import (
	"context"
	"time"
)

// Keep is how long samples are kept.
const Keep = 7 * 24 * time.Hour

// Record is a sample with the environment that it is of.
type Record struct {
	Project     string
	Environment string
	Sample      Sample
}

// Store keeps samples. Each method is one transaction.
type Store interface {
	// AppendSamples writes a batch, all or nothing. A record whose project,
	// environment and time are there already is skipped: a batch is sent again
	// when nobody can tell whether it was written.
	AppendSamples(ctx context.Context, batch []Record) error
	// SamplesSince answers an environment's samples that began at since or
	// later, oldest first; none is an empty slice and no error.
	SamplesSince(ctx context.Context, project, environment string, since time.Time) ([]Sample, error)
	// VerdictsSince is SamplesSince with nothing but the times, the verdicts and
	// whether a local environment was offline: of a whole day there are many.
	VerdictsSince(ctx context.Context, project, environment string, since time.Time) ([]Sample, error)
	// PruneSamples deletes what began before the time and answers how many
	// samples that were.
	PruneSamples(ctx context.Context, before time.Time) (int64, error)
}
