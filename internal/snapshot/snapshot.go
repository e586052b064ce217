// Package snapshot makes an answer once per change, for every reader: its JSON,
// the same compressed, and a tag of what it says. A reader costs one atomic
// load.
//
// It must not know what an answer means.
package snapshot

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Snapshot is a finished answer: made once per change, shared by every reader,
// never written to again.
type Snapshot[T any] struct {
	Value T
	JSON  []byte
	Gzip  []byte // JSON, compressed
	ETag  string // quoted; covers the facts, not the time of the answer
}

// Stamped is an answer that says when it last changed.
type Stamped[T any] interface {
	// Stamp answers a copy that carries the time.
	Stamp(at time.Time) T
}

// Published holds the current snapshot of an answer. The zero value holds
// none.
type Published[T Stamped[T]] struct {
	mu      sync.Mutex        // one publisher at a time
	facts   [sha256.Size]byte // hash of the JSON without the stamp
	current atomic.Pointer[Snapshot[T]]
}

// Load is the current answer, nil before the first.
func (p *Published[T]) Load() *Snapshot[T] { return p.current.Load() }

// zippers are reused: each has 800 kB of tables.
var zippers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// Publish makes value the current answer if it says anything new.
func (p *Published[T]) Publish(value T, now time.Time) (changed bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	facts, err := json.Marshal(value.Stamp(time.Time{}))
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(facts)
	if sum == p.facts {
		return false, nil
	}
	value = value.Stamp(now)
	body, err := json.Marshal(value)
	if err != nil {
		return false, err
	}
	body = slices.Concat(body, []byte("\n")) // append would make room for a quarter more
	s := &Snapshot[T]{Value: value, JSON: body, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	var zipped bytes.Buffer
	w, _ := zippers.Get().(*gzip.Writer)
	defer zippers.Put(w)
	w.Reset(&zipped)
	if _, err := w.Write(body); err != nil {
		return false, err
	}
	if err := w.Close(); err != nil {
		return false, err
	}
	s.Gzip = bytes.Clone(zipped.Bytes())
	p.facts = sum
	p.current.Store(s)
	return true, nil
}
