package access_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

func isPresence(err error) bool { return errors.Is(err, access.ErrPresence) }

// However many are demoted and disabled at once, one SUPER_ADMIN stays.
func TestLastSuperAdminStays(t *testing.T) {
	admin, yes := access.Admin, true
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx, operator := t.Context(), access.OperatorActor("test")
		ids := []string{w.boot.SuperAdminID}
		for n := range 7 {
			u, err := w.CreateUser(ctx, operator, access.NewUser{Login: fmt.Sprint("super", n), Role: access.SuperAdmin})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, u.ID)
		}
		var wg sync.WaitGroup
		for n, id := range ids {
			change := access.UserChange{Role: &admin}
			if n%2 == 0 {
				change = access.UserChange{Disabled: &yes}
			}
			wg.Go(func() {
				if _, err := w.ChangeUser(ctx, operator, id, change); err != nil && !fault.Is(err, fault.Conflict) {
					t.Errorf("change: %v", err)
				}
			})
		}
		wg.Wait()
		if n, err := db.SuperAdmins(ctx); err != nil || n != 1 {
			t.Fatalf("%d SUPER_ADMINs are left, %v; want 1", n, err)
		}
	})
}

func TestUsers(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		super, admin := w.actor(t, w.boot.SuperAdmin), w.actor(t, w.boot.Admin)

		_, err := w.CreateUser(ctx, admin, access.NewUser{Login: "eve", Role: access.SuperAdmin})
		wantKind(t, err, fault.Denied)
		for _, bad := range []access.NewUser{
			{Login: "", Role: access.Admin},
			{Login: "has space", Role: access.Admin},
			{Login: "eve", Role: "ROOT"},
			{Login: "eve", Role: ""},
			{Login: "eve", Role: access.Admin, Email: "not an address"},
			{Login: "eve", Role: access.Admin, Email: "Eve <eve@example.com>"},
			{Login: "eve", Role: access.Admin, Password: "short"},
		} {
			_, err := w.CreateUser(ctx, super, bad)
			wantKind(t, err, fault.Invalid)
		}
		u, err := w.CreateUser(ctx, super, access.NewUser{Login: " Eve ", Name: "Eve\u202e A", Role: access.Admin})
		if err != nil {
			t.Fatal(err)
		}
		if u.Subject != "eve" || u.Name != "Eve\ufffd A" {
			t.Errorf("the user is %+v", u)
		}
		_, err = w.CreateUser(ctx, super, access.NewUser{Login: "EVE", Role: access.Admin})
		wantKind(t, err, fault.Conflict)
		role := access.SuperAdmin
		_, err = w.ChangeUser(ctx, admin, admin.ID, access.UserChange{Role: &role})
		wantKind(t, err, fault.Denied)
		_, err = w.ChangeUser(ctx, super, "usr_nobody", access.UserChange{Role: &role})
		wantKind(t, err, fault.NotFound)
		_, err = w.Users(ctx, admin)
		wantKind(t, err, fault.Denied)
		list, err := w.Users(ctx, super)
		if err != nil || len(list) != 3 {
			t.Fatalf("%d users, %v; want 3", len(list), err)
		}
	})
}

func TestSignIn(t *testing.T) {
	const password = "velvet anchor piano forty"
	// Each of the tries costs a quarter of a second; the SQL of it is tested on
	// both databases elsewhere.
	w := newWorld(t, storetest.Open(t))
	ctx, operator := t.Context(), access.OperatorActor("test")
	u, err := w.CreateUser(ctx, operator, access.NewUser{Login: "anna", Role: access.Admin, Password: password})
	if err != nil || u.Password != "" {
		t.Fatal(u, err)
	}
	in, err := w.SignIn(ctx, "Anna", password, access.Visit{Address: "192.0.2.1"})
	if err != nil || in.Actor.ID != u.ID || in.Actor.Method != "password" {
		t.Fatal(in, err)
	}

	// A wrong name, a wrong password, no password and a disabled account
	// can not be told apart.
	disabled := true
	gone, err := w.CreateUser(ctx, operator, access.NewUser{Login: "gone", Role: access.Admin, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ChangeUser(ctx, operator, gone.ID, access.UserChange{Disabled: &disabled}); err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	for _, try := range [][2]string{{"anna", "wrong"}, {"nobody", password}, {"gone", password}, {"admin", ""}, {"", ""}} {
		_, err := w.SignIn(ctx, try[0], try[1], access.Visit{})
		wantKind(t, err, fault.Unauthenticated)
		texts[err.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("the refusals differ: %v", texts)
	}

	in, err = w.ChangePassword(ctx, in.Actor, password, "another piano in the attic", access.Visit{})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.advance(time.Hour)
	_, err = w.SignIn(ctx, "anna", password, access.Visit{})
	wantKind(t, err, fault.Unauthenticated)
	_, err = w.ChangePassword(ctx, in.Actor, "wrong", "a third piano in the garden", access.Visit{})
	wantKind(t, err, fault.Denied)
}

func TestSetUp(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := &world{clock: newHand(), db: db, keys: testKeys(t)}
		w.Control = w.replica(t)
		ctx, operator := t.Context(), access.OperatorActor("test")
		if needed, err := w.NeedsSetUp(ctx); err != nil || !needed {
			t.Fatal(needed, err)
		}
		setUp := func(link, name string) (access.SignedIn, error) {
			return w.SetUp(ctx, link, name, "velvet anchor piano forty", access.Visit{})
		}
		for _, link := range []string{"", "x", "000000000000000000000000000000"} {
			_, err := setUp(link, "eve")
			wantKind(t, err, fault.Unauthenticated)
		}
		late, err := w.SetUpLink(ctx, operator)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.advance(access.SetUpLinkLife)
		_, err = setUp(late.Reveal(), "eve")
		wantKind(t, err, fault.Unauthenticated)

		link, err := w.SetUpLink(ctx, operator)
		if err != nil {
			t.Fatal(err)
		}
		second, err := w.SetUpLink(ctx, operator)
		if err != nil {
			t.Fatal(err)
		}
		// A set-up link is no sign-in link.
		_, err = w.Redeem(ctx, link.Reveal(), access.Visit{})
		wantKind(t, err, fault.Unauthenticated)
		in, err := setUp(link.Reveal(), "Anna")
		if err != nil || in.Actor.Role != access.SuperAdmin || !w.show(t, in, false).Known() {
			t.Fatal(in.Actor, err)
		}
		_, err = setUp(link.Reveal(), "eve")
		wantKind(t, err, fault.Unauthenticated)
		_, err = setUp(second.Reveal(), "eve")
		wantKind(t, err, fault.Conflict)
		_, err = w.SetUpLink(ctx, operator)
		wantKind(t, err, fault.Conflict)
		_, err = w.Bootstrap(ctx, operator, true)
		wantKind(t, err, fault.Conflict)
	})
}
