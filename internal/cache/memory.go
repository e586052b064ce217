package cache

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
)

// maxRecords bounds the memory store: far above what any configuration needs,
// so that reaching it means a defect, not a busy day.
const maxRecords = 100_000

// Memory is the store of a single process.
type Memory struct {
	records *otter.Cache[string, kept]
}

type kept struct {
	Record
	keep time.Duration
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{records: otter.Must(&otter.Options[string, kept]{
		MaximumSize: maxRecords,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, kept]) time.Duration {
			return e.Value.keep
		}),
	})}
}

// Close stops the store's housekeeping.
func (m *Memory) Close() { m.records.StopAllGoroutines() }

// Get answers the record of a key.
func (m *Memory) Get(_ context.Context, key string) (Record, bool, error) {
	k, ok := m.records.GetIfPresent(key)
	return k.Record, ok, nil
}

// Set stores a record.
func (m *Memory) Set(_ context.Context, key string, r Record, keep time.Duration) error {
	m.records.Set(key, kept{Record: r, keep: keep})
	return nil
}

// Lock always succeeds: inside one process the Keeper has one loader per key.
func (m *Memory) Lock(context.Context, string, time.Duration) (func(), bool, error) {
	return func() {}, true, nil
}
