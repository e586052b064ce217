package access_test

import (
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// show answers who comes with the cookie.
func (w *world) show(t testing.TB, in access.SignedIn, polling bool) access.Actor {
	t.Helper()
	a, err := w.Authenticate(t.Context(), access.Credentials{Cookie: in.Cookie.Reveal(), Polling: polling})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestSessionEnds(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		t.Run("when nobody sits there, though the page polls", func(t *testing.T) {
			in := w.signIn(t, w.boot.AdminID)
			for range 59 {
				w.clock.advance(30 * time.Second)
				if !w.show(t, in, true).Known() {
					t.Fatal("it ended early")
				}
			}
			w.clock.advance(31 * time.Second)
			if w.show(t, in, true).Known() || w.show(t, in, false).Known() {
				t.Fatal("polling kept the session alive")
			}
		})
		t.Run("after 12 hours, though somebody works", func(t *testing.T) {
			in := w.signIn(t, w.boot.AdminID)
			begun := w.clock.Now()
			for w.clock.Now().Sub(begun) < access.SessionLife {
				if !w.show(t, in, false).Known() {
					t.Fatalf("it ended after %v", w.clock.Now().Sub(begun))
				}
				w.clock.advance(20 * time.Minute)
			}
			if w.show(t, in, false).Known() {
				t.Fatal("it never ends")
			}
		})
		t.Run("at sign-out, at once", func(t *testing.T) {
			in, other := w.signIn(t, w.boot.AdminID), w.signIn(t, w.boot.AdminID)
			if err := w.SignOut(t.Context(), w.show(t, in, false)); err != nil {
				t.Fatal(err)
			}
			if w.show(t, in, false).Known() || !w.show(t, other, false).Known() {
				t.Fatal("it should have ended this session and no other")
			}
		})
	})
}

func TestOwnSessionsOnly(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		mine, mine2, theirs := w.signIn(t, w.boot.AdminID), w.signIn(t, w.boot.AdminID), w.signIn(t, w.boot.SuperAdminID)
		list, err := w.Sessions(ctx, mine.Actor)
		if err != nil || len(list) != 2 {
			t.Fatalf("%d sessions, %v; want 2", len(list), err)
		}
		for _, s := range list {
			if s.Hash != "" {
				t.Error("the list shows the hash of a session")
			}
		}
		wantKind(t, w.EndSession(ctx, mine.Actor, theirs.Actor.SessionID), fault.NotFound)
		if n, err := w.EndOtherSessions(ctx, mine.Actor); err != nil || n != 1 {
			t.Fatalf("ended %d, %v; want 1", n, err)
		}
		if !w.show(t, mine, false).Known() || w.show(t, mine2, false).Known() || !w.show(t, theirs, false).Known() {
			t.Fatal("the wrong sessions ended")
		}
		// Another person's list needs the right to see people.
		_, err = w.SessionsOf(ctx, mine.Actor, w.boot.SuperAdminID)
		wantKind(t, err, fault.Denied)
		if _, err = w.SessionsOf(ctx, theirs.Actor, w.boot.AdminID); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMadeUpCookiesAreNobody(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	in := w.signIn(t, w.boot.AdminID)
	for _, cookie := range []string{"x", in.Actor.SessionID, in.Cookie.Reveal()[1:], in.Cookie.Reveal() + "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\x00", "' OR 1=1 --"} {
		a, err := w.Authenticate(t.Context(), access.Credentials{Cookie: cookie})
		if err != nil || a.Known() {
			t.Errorf("%q: %+v, %v", cookie, a, err)
		}
	}
}

// Signing in, proving presence and a new role give a new cookie, and the old
// one is dead.
func TestSessionFixation(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		const password = "velvet anchor piano forty"
		_, err := w.CreateUser(ctx, access.OperatorActor("test"), access.NewUser{Login: "Anna", Role: access.Admin, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		first, err := w.SignIn(ctx, "anna", password, access.Visit{})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.advance(10 * time.Minute)
		proven, err := w.ConfirmPassword(ctx, w.show(t, first, false), password, access.Visit{})
		if err != nil {
			t.Fatal(err)
		}
		if proven.Cookie == first.Cookie || w.show(t, first, false).Known() {
			t.Fatal("the cookie from before the proof still works")
		}
		if a := w.show(t, proven, false); !a.ProvenAt.Equal(w.clock.Now()) || !proven.Expires.Equal(first.Expires) {
			t.Fatalf("proven at %v, ends %v; want %v, %v", a.ProvenAt, proven.Expires, w.clock.Now(), first.Expires)
		}
		role := access.SuperAdmin
		if _, err := w.ChangeUser(ctx, access.OperatorActor("test"), proven.Actor.ID, access.UserChange{Role: &role}); err != nil {
			t.Fatal(err)
		}
		if w.show(t, proven, false).Known() {
			t.Fatal("the session from before the new role still works")
		}
	})
}

// Every way of taking a right away counts at once here and within a second on
// another replica, for sessions, tokens and streams.
func TestRevocation(t *testing.T) {
	yes, admin := true, access.Admin
	tests := []struct {
		name string
		do   func(t *testing.T, w *world, super access.Actor, user string, token string) error
		left access.Role // what is left of the token's right
	}{
		{"disabled", func(t *testing.T, w *world, by access.Actor, user, _ string) error {
			_, err := w.ChangeUser(t.Context(), by, user, access.UserChange{Disabled: &yes})
			return err
		}, ""},
		{"demoted", func(t *testing.T, w *world, by access.Actor, user, _ string) error {
			_, err := w.ChangeUser(t.Context(), by, user, access.UserChange{Role: &admin})
			return err
		}, access.Admin},
	}
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		super := w.actor(t, w.boot.SuperAdmin)
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				ctx := t.Context()
				u, err := w.CreateUser(ctx, super, access.NewUser{Login: "u-" + test.name, Role: access.SuperAdmin})
				if err != nil {
					t.Fatal(err)
				}
				in := w.signIn(t, u.ID)
				tok, text, err := w.IssueToken(ctx, in.Actor, access.TokenRequest{Scope: access.API, Name: "ci"})
				if err != nil {
					t.Fatal(err)
				}
				other := w.replica(t)
				rooms := []struct {
					name string
					*access.Control
				}{{"here", w.Control}, {"on another replica", other}}
				byToken := access.Credentials{Bearer: text.Reveal()}
				byCookie := access.Credentials{Cookie: in.Cookie.Reveal()}
				var stream access.Actor
				for _, room := range rooms { // both remember the rights now
					if stream, err = room.Authenticate(ctx, byToken); err != nil {
						t.Fatal(err)
					}
					if a, err := room.Authenticate(ctx, byCookie); err != nil || !a.Known() {
						t.Fatal(a, err)
					}
					if err := room.Still(ctx, in.Actor); err != nil {
						t.Fatal(err)
					}
				}
				if err := test.do(t, w, super, u.ID, tok.ID); err != nil {
					t.Fatal(err)
				}
				for _, room := range rooms {
					name := room.name
					if room.Control == other {
						w.clock.advance(time.Second)
					}
					a, err := room.Authenticate(ctx, byToken)
					if a.Role != test.left || (err != nil) != (test.left == "") {
						t.Errorf("%s the token is good for %q, %v", name, a.Role, err)
					}
					if _, err := room.Gate.Allow(ctx, a, access.Promote, access.On{}); err == nil {
						t.Errorf("%s the token can still promote", name)
					}
					if a, _ := room.Authenticate(ctx, byCookie); a.Known() {
						t.Errorf("%s the session goes on", name)
					}
					if err := room.Still(ctx, in.Actor); !fault.Is(err, fault.Unauthenticated) {
						t.Errorf("%s the session's stream goes on: %v", name, err)
					}
					if err := room.Still(ctx, stream); !fault.Is(err, fault.Unauthenticated) {
						t.Errorf("%s the token's stream goes on: %v", name, err)
					}
				}
			})
		}
	})
}

func TestStepUp(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	in := w.signIn(t, w.boot.SuperAdminID)
	a := in.Actor
	a.SecondFactor = true
	allow := func(u access.UseCase) error {
		_, err := w.Gate.Allow(t.Context(), a, u, access.On{})
		return err
	}
	if err := allow(access.Promote); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(5*time.Minute + time.Second)
	if err := allow(access.Promote); !isPresence(err) {
		t.Fatalf("an old proof is good enough: %v", err)
	}
	if err := allow(access.ViewStatus); err != nil {
		t.Fatalf("reading needs a proof: %v", err)
	}
	if err := allow(access.ManageOwnSessions); err != nil {
		t.Fatalf("signing out needs a proof: %v", err)
	}
	a.SecondFactor = false
	if err := allow(access.Promote); err != nil {
		t.Fatalf("without a second factor: %v", err)
	}
}
