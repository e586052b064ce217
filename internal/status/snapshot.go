package status

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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

// published holds the current snapshot of an answer.
type published[T stamped[T]] struct {
	mu      sync.Mutex // one publisher at a time
	facts   []byte     // JSON without the stamp
	current atomic.Pointer[Snapshot[T]]
}

// stamped is an answer that says when it last changed.
type stamped[T any] interface {
	stamp(at time.Time) T
}

func (s Status) stamp(at time.Time) Status           { s.LastUpdated = at; return s }
func (d Deployments) stamp(at time.Time) Deployments { d.LastUpdated = at; return d }

// publish makes value the current answer if it says anything new.
func (p *published[T]) publish(value T, now time.Time) (changed bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	facts, err := json.Marshal(value.stamp(time.Time{}))
	if err != nil {
		return false, err
	}
	if bytes.Equal(facts, p.facts) {
		return false, nil
	}
	value = value.stamp(now)
	body, err := json.Marshal(value)
	if err != nil {
		return false, err
	}
	body = append(body, '\n')
	sum := sha256.Sum256(facts)
	s := &Snapshot[T]{Value: value, JSON: body, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write(body); err != nil {
		return false, err
	}
	if err := w.Close(); err != nil {
		return false, err
	}
	s.Gzip = zipped.Bytes()
	p.facts = facts
	p.current.Store(s)
	return true, nil
}
