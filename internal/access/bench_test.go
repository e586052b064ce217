package access_test

import (
	"testing"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// hot is a room on the real clock, as the status route sees it.
func hot(tb testing.TB) (*access.Control, access.Bootstrapped) {
	tb.Helper()
	c, err := access.New(tb.Context(), access.Config{Store: storetest.Open(tb), Keys: testKeys(tb), Clock: clock.Real()})
	if err != nil {
		tb.Fatal(err)
	}
	boot, err := c.Bootstrap(tb.Context(), access.OperatorActor("test"), true)
	if err != nil {
		tb.Fatal(err)
	}
	return c, boot
}

// A read costs no memory: neither knowing who asks nor letting them.
func TestHotPathAllocatesNothing(t *testing.T) {
	c, boot := hot(t)
	cred := access.Credentials{Bearer: boot.Admin.Reveal(), Face: access.FaceAPI, Address: "192.0.2.1"}
	ctx := t.Context()
	n := testing.AllocsPerRun(1000, func() {
		a, err := c.Authenticate(ctx, cred)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Gate.Allow(ctx, a, access.ViewStatus, access.On{}); err != nil {
			t.Fatal(err)
		}
	})
	// The renewal that happens twice a second is in the average.
	if n >= 1 {
		t.Errorf("%v allocations for a read", n)
	}
}

func BenchmarkAuthenticateAndAllow(b *testing.B) {
	c, boot := hot(b)
	cred := access.Credentials{Bearer: boot.Admin.Reveal(), Face: access.FaceAPI, Address: "192.0.2.1"}
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a, err := c.Authenticate(ctx, cred)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := c.Gate.Allow(ctx, a, access.ViewStatus, access.On{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
