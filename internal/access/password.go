package access

import (
	"time"

	"github.com/envdeck/envdeck/internal/clock"
)

type passwords struct {
	clock clock.Clock
}

func newPasswords(c clock.Clock) *passwords { return &passwords{clock: c} }
func (p *passwords) sweep()                 {}

var _ time.Duration
