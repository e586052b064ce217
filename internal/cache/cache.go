// Package cache keeps the facts that outside services answered, so that a
// reader never waits for one of them and a service is asked once per key and
// lifetime however many people look.
//
// A Keeper refreshes each key in the background: at its lifetime while somebody
// watches or a rule needs it, slowly while nobody does. A reader gets the last
// good value with its age, always at once. An error never replaces a value.
//
// The room must not know what the values mean or who serves them. Nothing that
// must not be lost may live here: the store behind it can be emptied at any
// moment.
package cache

import (
	"context"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
)

// Fact is a value with its age: what a reader gets.
type Fact[T any] struct {
	Value T
	// Known says that there is a value at all.
	Known bool
	// FetchedAt is when the value was last confirmed, ChangedAt when it last
	// became another one, AskedAt when the last answer or failure came.
	FetchedAt, ChangedAt, AskedAt time.Time
	// Err is why the last attempt failed, nil when it did not.
	Err *fault.Error
	// RetryAt is when the next attempt is due after a failure.
	RetryAt time.Time
	ttl     time.Duration
}

// Stale says that the value can no longer be taken for the present: the last
// attempt failed, or the value has outlived twice its lifetime.
func (f Fact[T]) Stale(now time.Time) bool {
	return f.Known && (f.Err != nil || now.Sub(f.FetchedAt) > 2*f.ttl)
}

// Key is one cached fact and how it is had.
type Key[T any] struct {
	// Name is the key in the store, shared by every replica.
	Name string
	// TTL is how long a value counts as fresh; one load per TTL at most.
	TTL time.Duration
	// Schema changes when T's shape does, so that a replica of another version
	// does not read what it cannot understand.
	Schema int
	// Load gets the value. It runs under the Keeper's own context with a
	// deadline, never under a reader's.
	Load func(ctx context.Context) (T, error)
}

// Record is what a Store holds under a key.
type Record struct {
	Schema    int              `json:"v"`
	Value     []byte           `json:"value,omitempty"` // JSON; empty when there never was one
	FetchedAt time.Time        `json:"fetchedAt,omitzero"`
	ChangedAt time.Time        `json:"changedAt,omitzero"`
	AskedAt   time.Time        `json:"askedAt"`
	Failure   *RecordedFailure `json:"failure,omitempty"`
}

// RecordedFailure is a fault in a form that travels between replicas.
type RecordedFailure struct {
	Kind     fault.Kind `json:"kind"`
	Message  string     `json:"message"`
	Provider string     `json:"provider,omitempty"`
	RetryAt  time.Time  `json:"retryAt,omitzero"`
	Count    int        `json:"count"` // failures in a row
}

// Store holds records: in this process, or in Redis for many replicas. It may
// lose anything at any time. Its errors never reach a reader.
type Store interface {
	// Get answers the record of a key; false when there is none.
	Get(ctx context.Context, key string) (Record, bool, error)
	// Set stores a record and may drop it after keep.
	Set(ctx context.Context, key string, r Record, keep time.Duration) error
	// Lock lets one replica load a key; it ends by itself after ttl. ok is
	// false when another holds it.
	Lock(ctx context.Context, key string, ttl time.Duration) (unlock func(), ok bool, err error)
}
