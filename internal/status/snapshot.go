package status

import (
	"time"

	"github.com/envdeck/envdeck/internal/snapshot"
)

// Snapshot is a finished answer, see package snapshot.
type Snapshot[T any] = snapshot.Snapshot[T]

// Stamp answers a copy that says when it last changed.
func (s Status) Stamp(at time.Time) Status { s.LastUpdated = at; return s }

// Stamp answers a copy that says when it last changed.
func (d Deployments) Stamp(at time.Time) Deployments { d.LastUpdated = at; return d }
