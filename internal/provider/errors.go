package provider

import (
	"context"
	"time"
)

// ErrorCounter knows how many errors the app reported.
type ErrorCounter interface {
	// ErrorCounts counts error events of the last window by the counter's own
	// environment name, for all environments in one call. An environment
	// without errors has no entry; events without environment are under "".
	ErrorCounts(ctx context.Context, window time.Duration) (map[string]int64, error)
}

// ErrorCharter knows when the app reported its errors.
//
// Sentry: GET /api/0/organizations/{org}/events-timeseries/.
type ErrorCharter interface {
	// ErrorHours counts the error events of the last day by the hour, for all
	// environments in one call.
	ErrorHours(ctx context.Context) (ErrorDay, error)
}

// ErrorDay is when errors were reported.
type ErrorDay struct {
	// From is the start of the first hour and To the end of the last, which is
	// not over.
	From, To time.Time
	// ByEnvironment has no entry for an environment without errors. An hour
	// that is missing in an entry was not counted: it is no hour without errors.
	ByEnvironment map[string][]ErrorHour
	// Truncated says that there were more environments than are told apart: one
	// without an entry may have had errors all the same.
	Truncated bool
}

// ErrorHour is one hour of an environment.
type ErrorHour struct {
	At    time.Time
	Count int64
	Open  bool // events of it are still coming in
}
