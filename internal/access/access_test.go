package access_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// hand is a clock that a test moves by hand; sleepers wait for their context.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func newHand() *hand { return &hand{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hand) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *hand) Sleep(ctx context.Context, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

func (h *hand) Timer(time.Duration) (<-chan time.Time, func()) {
	return make(chan time.Time), func() {}
}

// world is a room on a database, with the bootstrapped people.
type world struct {
	*access.Control
	clock *hand
	db    *store.DB
	keys  access.Keys
	boot  access.Bootstrapped
}

func testKeys(t testing.TB) access.Keys {
	t.Helper()
	keys, err := access.NewKeys(secret.New("a master key for tests, 32 characters or more"))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func newWorld(t testing.TB, db *store.DB) *world {
	t.Helper()
	w := &world{clock: newHand(), db: db, keys: testKeys(t)}
	w.Control = w.replica(t)
	boot, err := w.Bootstrap(t.Context(), access.OperatorActor("test"), true)
	if err != nil {
		t.Fatal(err)
	}
	w.boot = boot
	return w
}

// replica is another process on the same database.
func (w *world) replica(t testing.TB) *access.Control {
	t.Helper()
	c, err := access.New(t.Context(), access.Config{
		Store: w.db, Keys: w.keys, Clock: w.clock, Log: slog.New(slog.DiscardHandler),
		PasswordCost: access.Cost{Memory: 256, Passes: 1}, // password_test.go takes the real one
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// actor is who a token belongs to.
func (w *world) actor(t testing.TB, token secret.Text) access.Actor {
	t.Helper()
	a, err := w.Authenticate(t.Context(), access.Credentials{Bearer: token.Reveal(), Face: access.FaceAPI})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// signIn is a browser session of the user.
func (w *world) signIn(t testing.TB, user string) access.SignedIn {
	t.Helper()
	link, err := w.SignInLink(t.Context(), access.OperatorActor("test"), user)
	if err != nil {
		t.Fatal(err)
	}
	in, err := w.Redeem(t.Context(), link.Reveal(), access.Visit{Face: access.FaceWeb, Address: "192.0.2.1", Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func wantKind(t testing.TB, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("got %v, want a fault of kind %s", err, kind)
	}
}

func TestBootstrap(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		super, admin := w.actor(t, w.boot.SuperAdmin), w.actor(t, w.boot.Admin)
		if super.Role != access.SuperAdmin || admin.Role != access.Admin {
			t.Fatalf("roles are %s and %s", super.Role, admin.Role)
		}
		if _, err := w.Gate.Allow(t.Context(), admin, access.ViewStatus, access.On{}); err != nil {
			t.Fatal(err)
		}
		_, err := w.Gate.Allow(t.Context(), admin, access.Promote, access.On{})
		wantKind(t, err, fault.Denied)
		if _, err = w.Gate.Allow(t.Context(), super, access.Promote, access.On{}); err != nil {
			t.Fatal(err)
		}

		_, err = w.Bootstrap(t.Context(), access.OperatorActor("test"), true)
		wantKind(t, err, fault.Conflict)
		again, err := w.Bootstrap(t.Context(), access.OperatorActor("test"), false)
		if err != nil {
			t.Fatal(err)
		}
		if again.SuperAdminID != w.boot.SuperAdminID || again.SuperAdmin == w.boot.SuperAdmin {
			t.Fatal("a second bootstrap should keep the people and make new tokens")
		}
		if w.actor(t, again.SuperAdmin).ID != super.ID {
			t.Fatal("the new token belongs to somebody else")
		}
	})
}

func TestSignInLinkWorksOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		link, err := w.SignInLink(t.Context(), access.OperatorActor("test"), w.boot.AdminID)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		var ins []access.SignedIn
		for range 10 {
			wg.Go(func() {
				in, err := w.Redeem(t.Context(), link.Reveal(), access.Visit{})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					ins = append(ins, in)
				} else if !fault.Is(err, fault.Unauthenticated) {
					t.Errorf("redeem: %v", err)
				}
			})
		}
		wg.Wait()
		if len(ins) != 1 {
			t.Fatalf("the link worked %d times, want once", len(ins))
		}
		a, err := w.Authenticate(t.Context(), access.Credentials{Cookie: ins[0].Cookie.Reveal()})
		if err != nil || a.ID != w.boot.AdminID || !a.BySession() {
			t.Fatalf("the session is %+v, %v", a, err)
		}

		late, err := w.SignInLink(t.Context(), access.OperatorActor("test"), w.boot.AdminID)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.advance(access.SignInLinkLife)
		_, err = w.Redeem(t.Context(), late.Reveal(), access.Visit{})
		wantKind(t, err, fault.Unauthenticated)
	})
}
