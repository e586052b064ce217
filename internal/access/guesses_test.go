package access

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
)

// Somebody who never stops gets few tries, and the owner gets in again.
func TestGuessingIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuesses(clock.Real())
		tries := func(span time.Duration) int {
			n := 0
			for end := time.Now().Add(span); time.Now().Before(end); pass(t, 600*time.Millisecond) {
				// From a new address each time: the account is what is slow.
				if g.begin("anna", fmt.Sprintf("2001:db8:%x::1", n)) == nil {
					n++
				}
			}
			return n
		}
		if n := tries(10 * time.Minute); n > 20 {
			t.Errorf("%d tries in 10 minutes, want 20 at most", n)
		}
		if n := tries(24 * time.Hour); n > 100 {
			t.Errorf("%d tries in a day, want 100 at most", n)
		}
		pass(t, longestDelay)
		if err := g.begin("anna", "192.0.2.1"); err != nil {
			t.Errorf("the owner is locked out: %v", err)
		}
		g.success("anna")
		for range freeTries {
			if err := g.begin("anna", ""); err != nil {
				t.Errorf("after success, a typing mistake costs: %v", err)
			}
		}
	})
}

// pass lets virtual time go by.
func pass(t *testing.T, d time.Duration) {
	if err := clock.Real().Sleep(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func TestGuessingPerNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, addresses := range []func(int) string{
			func(int) string { return "192.0.2.7" },
			func(int) string { return "::ffff:192.0.2.7" },
			func(n int) string { return fmt.Sprintf("2001:db8::%x:1", n) }, // one /64
		} {
			g := newGuesses(clock.Real())
			allowed := 0
			for n := range 200 {
				err := g.begin(fmt.Sprint("name", n), addresses(n))
				if err == nil {
					allowed++
				} else if f := fault.From(err); f.Kind != fault.RateLimited || f.RetryAfter < time.Second {
					t.Fatalf("%+v", f)
				}
				pass(t, 100*time.Millisecond)
			}
			if allowed > perNetwork+2 {
				t.Errorf("%d tries of one network in 20 s, want %d", allowed, perNetwork)
			}
			pass(t, triesDecay)
			g.sweep()
			if len(g.accounts)+len(g.networks) != 0 {
				t.Errorf("%d accounts and %d networks are kept for ever", len(g.accounts), len(g.networks))
			}
		}
	})
}
