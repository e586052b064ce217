package access_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

func TestIdempotent(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		// Waiting for the first request is done on the real clock.
		c, err := access.New(t.Context(), access.Config{Store: db, Keys: testKeys(t), Clock: clock.Real()})
		if err != nil {
			t.Fatal(err)
		}
		a := access.Actor{Kind: access.Machine, ID: "usr_a"}
		var ran atomic.Int64
		answer := access.Answer{Status: 202, Header: map[string]string{"Location": "/x"}, Body: []byte(`{"operationId":"op_1"}`)}
		do := func(context.Context) (access.Answer, error) {
			ran.Add(1)
			return answer, nil
		}
		var wg sync.WaitGroup
		var replayed atomic.Int64
		for range 100 {
			wg.Go(func() {
				got, err := c.Idempotent(t.Context(), a, "key-1", []byte("POST /promote {}"), do)
				if err != nil || got.Status != 202 || string(got.Body) != string(answer.Body) || got.Header["Location"] != "/x" {
					t.Errorf("%+v, %v", got, err)
				}
				if got.Replayed {
					replayed.Add(1)
				}
			})
		}
		wg.Wait()
		if ran.Load() != 1 || replayed.Load() != 99 {
			t.Fatalf("it ran %d times and was replayed %d times", ran.Load(), replayed.Load())
		}

		_, err = c.Idempotent(t.Context(), a, "key-1", []byte("POST /promote {other}"), do)
		wantKind(t, err, fault.Conflict)
		if _, err = c.Idempotent(t.Context(), access.Actor{Kind: access.Machine, ID: "usr_b"}, "key-1", []byte("x"), do); err != nil || ran.Load() != 2 {
			t.Fatalf("another person's key is in the way: %v", err)
		}
		_, err = c.Idempotent(t.Context(), a, "key\n", nil, do)
		wantKind(t, err, fault.Invalid)
		_, err = c.Idempotent(t.Context(), access.Actor{}, "key", nil, do)
		wantKind(t, err, fault.Unauthenticated)

		// What failed may be tried again.
		_, err = c.Idempotent(t.Context(), a, "key-2", nil, func(context.Context) (access.Answer, error) {
			return access.Answer{}, fault.New(fault.Unavailable, "away")
		})
		wantKind(t, err, fault.Unavailable)
		if got, err := c.Idempotent(t.Context(), a, "key-2", nil, do); err != nil || got.Replayed {
			t.Fatal(got, err)
		}
	})
}

// A first request that was cut off blocks its key instead of running twice.
func TestIdempotentAfterACrash(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		a := w.actor(t, w.boot.SuperAdmin)
		func() {
			defer func() { _ = recover() }()
			_, _ = w.Idempotent(t.Context(), a, "key", nil, func(context.Context) (access.Answer, error) { panic("killed") })
		}()
		do := func(context.Context) (access.Answer, error) { return access.Answer{Status: 200}, nil }
		w.clock.advance(time.Hour)
		_, err := w.Idempotent(t.Context(), a, "key", nil, do)
		wantKind(t, err, fault.Conflict)
		w.clock.advance(24 * time.Hour) // then it is over
		if _, err := w.Idempotent(t.Context(), a, "key", nil, do); err != nil {
			t.Fatal(err)
		}
	})
}
