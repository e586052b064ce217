package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
)

func TestFastRunsNTimesAsFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.Fast(60)
		start, real := c.Now(), time.Now()
		if err := c.Sleep(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(real); got != time.Minute {
			t.Errorf("an hour at speed 60 took %v, want 1m", got)
		}
		if got := c.Now().Sub(start); got != time.Hour {
			t.Errorf("the clock moved %v, want 1h", got)
		}
	})
}

func TestSleepEndsWithItsContext(t *testing.T) {
	for name, c := range map[string]clock.Clock{"real": clock.Real(), "fast": clock.Fast(10)} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := c.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: Sleep = %v, want the deadline", name, err)
			}
		})
	}
}
