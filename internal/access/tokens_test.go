package access_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

func TestTokens(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		admin, super := w.signIn(t, w.boot.AdminID).Actor, w.signIn(t, w.boot.SuperAdminID).Actor

		w.clock.advance(time.Second)
		tok, text, err := w.IssueToken(ctx, admin, access.TokenRequest{Scope: access.API, Name: "ci"})
		if err != nil {
			t.Fatal(err)
		}
		if tok.Hash != "" || !strings.HasSuffix(text.Reveal(), tok.LastFour) || !tok.ExpiresAt.Equal(w.clock.Now().Add(access.TokenLife)) {
			t.Errorf("the token is %+v", tok)
		}
		if a := w.actor(t, text); a.ID != admin.ID || a.TokenID != tok.ID || a.Role != access.Admin {
			t.Errorf("it belongs to %+v", a)
		}

		// Other people's tokens are not there for an ADMIN.
		_, _, err = w.IssueToken(ctx, admin, access.TokenRequest{Scope: access.API, Name: "x", Owner: super.ID})
		wantKind(t, err, fault.Denied)
		_, err = w.Tokens(ctx, admin, true)
		wantKind(t, err, fault.Denied)
		theirs := w.actor(t, w.boot.SuperAdmin).TokenID
		wantKind(t, w.RevokeToken(ctx, admin, theirs, ""), fault.NotFound)
		// A token of an ADMIN does not breed.
		_, _, err = w.IssueToken(ctx, w.actor(t, text), access.TokenRequest{Scope: access.API, Name: "child"})
		wantKind(t, err, fault.Denied)

		for _, bad := range []access.TokenRequest{
			{Scope: "root", Name: "x"},
			{Name: "x"},
			{Scope: access.API},
			{Scope: access.API, Name: " "},
			{Scope: access.API, Name: "x", Expires: -1},
			{Scope: access.API, Name: "x", Expires: access.MaxTokenLife + 1},
		} {
			_, _, err := w.IssueToken(ctx, super, bad)
			wantKind(t, err, fault.Invalid)
		}
		ping, _, err := w.IssueToken(ctx, super, access.TokenRequest{Scope: access.Ping, Name: "cron"})
		if err != nil || !ping.ExpiresAt.IsZero() {
			t.Fatalf("a ping token ends at %v, %v", ping.ExpiresAt, err)
		}

		w.clock.advance(2 * time.Minute)
		w.actor(t, text)
		list, err := w.Tokens(ctx, admin, false)
		if err != nil || len(list) != 2 || list[0].ID != tok.ID || !list[0].UsedAt.Equal(w.clock.Now()) {
			t.Fatalf("the list is %+v, %v", list, err)
		}

		if err := w.RevokeToken(ctx, admin, tok.ID, "left in a log"); err != nil {
			t.Fatal(err)
		}
		_, err = w.Authenticate(ctx, access.Credentials{Bearer: text.Reveal()})
		wantKind(t, err, fault.Unauthenticated)

		_, short, err := w.IssueToken(ctx, admin, access.TokenRequest{Scope: access.MCP, Name: "agent", Expires: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		w.actor(t, short)
		w.clock.advance(time.Hour)
		_, err = w.Authenticate(ctx, access.Credentials{Bearer: short.Reveal()})
		wantKind(t, err, fault.Unauthenticated)
	})
}

// The database holds nothing that signs anybody in.
func TestNothingUsableIsStored(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		in := w.signIn(t, w.boot.AdminID)
		link, err := w.SignInLink(t.Context(), access.OperatorActor("test"), w.boot.AdminID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Idempotent(t.Context(), in.Actor, "key", nil, func(context.Context) (access.Answer, error) {
			return access.Answer{Status: 200, Body: []byte(w.boot.Report.Reveal())}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		secrets := []secret.Text{in.Cookie, link, w.boot.Admin, w.boot.SuperAdmin, w.boot.Report}
		raw := storetest.Raw(t, db)
		cells := 0
		for _, table := range []string{"settings", "users", "tokens", "sessions", "links", "idempotency_keys", "audit_entries"} {
			eachCell(t, raw, table, func(column, text string) {
				cells++
				for _, s := range secrets {
					if strings.Contains(text, s.Reveal()) || strings.Contains(text, s.Reveal()[9:]) {
						t.Errorf("%s.%s holds a secret", table, column)
					}
				}
			})
		}
		if cells < 50 {
			t.Fatalf("only %d cells were looked at", cells)
		}
	})
}

func eachCell(t *testing.T, db *sql.DB, table string, look func(column, text string)) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT * FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row := make([]any, len(columns))
		for i := range row {
			row[i] = new(any)
		}
		if err := rows.Scan(row...); err != nil {
			t.Fatal(err)
		}
		for i, v := range row {
			look(columns[i], fmt.Sprint(*v.(*any)))
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherMasterKeyIsRefused(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	keys, err := access.NewKeys(secret.New("another master key, 32 characters or more"))
	if err != nil {
		t.Fatal(err)
	}
	w.keys = keys
	_, err = access.New(t.Context(), access.Config{Store: w.db, Keys: keys, Clock: w.clock})
	wantKind(t, err, fault.Conflict)
}

// Eight principals at once, never one seen as another.
func TestPrincipalsDoNotMix(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	type principal struct {
		cred access.Credentials
		id   string
		role access.Role
	}
	var all []principal
	for n := range 4 {
		role := access.Roles()[n%2]
		u, err := w.CreateUser(t.Context(), access.OperatorActor("test"), access.NewUser{Login: fmt.Sprint("user", n), Role: role})
		if err != nil {
			t.Fatal(err)
		}
		in := w.signIn(t, u.ID)
		_, text, err := w.IssueToken(t.Context(), in.Actor, access.TokenRequest{Scope: access.API, Name: "t"})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, principal{access.Credentials{Cookie: in.Cookie.Reveal()}, u.ID, role},
			principal{access.Credentials{Bearer: text.Reveal()}, u.ID, role})
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 1250 {
				p := all[(n*i+i)%len(all)]
				p.cred.RequestID = fmt.Sprint(n, "-", i)
				a, err := w.Authenticate(t.Context(), p.cred)
				if err != nil || a.ID != p.id || a.Role != p.role || a.RequestID != p.cred.RequestID {
					t.Errorf("%s came back as %+v, %v", p.id, a, err)
					return
				}
				if i%100 == 0 {
					w.clock.advance(300 * time.Millisecond)
				}
			}
		})
	}
	wg.Wait()
}
