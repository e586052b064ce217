package access_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// Whoever signs in costs one hash, known or not, with a password or without:
// the time says nothing about who exists. Here all places are taken, so the
// one who gets as far as the hash hears so.
func TestEverySignInHashes(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	disabled := true
	u, err := w.CreateUser(t.Context(), access.OperatorActor("test"), access.NewUser{Login: "gone", Role: access.Admin})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ChangeUser(t.Context(), access.OperatorActor("test"), u.ID, access.UserChange{Disabled: &disabled}); err != nil {
		t.Fatal(err)
	}
	w.FillPasswordQueue()
	for _, try := range [][2]string{{"admin", "x"}, {"admin", ""}, {"nobody", "x"}, {"gone", "x"}, {"", ""}, {"admin", strings.Repeat("x", 10_000)}} {
		_, err := w.SignIn(t.Context(), try[0], try[1], access.Visit{})
		if f := fault.From(err); f == nil || f.Kind != fault.RateLimited || !strings.Contains(f.Message, "people are signing in") {
			t.Errorf("%.20q ended before the hash: %v", try, err)
		}
	}
}

// counted is the store with a count of the questions about credentials.
type counted struct {
	access.Store
	asked atomic.Int64
}

func (c *counted) TokenByHash(ctx context.Context, hash string) (access.Token, access.User, error) {
	c.asked.Add(1)
	return c.Store.TokenByHash(ctx, hash)
}

func TestMistypedTokensAskNobody(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	store := &counted{Store: w.db}
	c, err := access.New(t.Context(), access.Config{Store: store, Keys: w.keys, Clock: w.clock, Log: slog.New(slog.DiscardHandler), PasswordCost: access.Cost{Memory: 256, Passes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	good := w.boot.Admin.Reveal()
	texts := map[string]bool{}
	for _, bad := range []string{good[:len(good)-1] + "-", good[:len(good)-1], good + good, "edk_api_" + strings.Repeat("0", 36), "x"} {
		_, err := c.Authenticate(t.Context(), access.Credentials{Bearer: bad})
		wantKind(t, err, fault.Unauthenticated)
		texts[err.Error()] = true
	}
	if n := store.asked.Load(); n != 0 {
		t.Errorf("mistyped tokens made %d queries", n)
	}
	_, err = c.Authenticate(t.Context(), access.Credentials{Bearer: access.NewTokenText(access.API)})
	wantKind(t, err, fault.Unauthenticated)
	texts[err.Error()] = true
	if len(texts) != 1 || store.asked.Load() != 1 {
		t.Errorf("the refusals differ, or the store was asked %d times: %v", store.asked.Load(), texts)
	}
	for range 100 {
		if _, err := c.Authenticate(t.Context(), access.Credentials{Bearer: good}); err != nil {
			t.Fatal(err)
		}
	}
	if n := store.asked.Load(); n != 2 {
		t.Errorf("100 requests with one token made %d queries, want 1", n-1)
	}
}
