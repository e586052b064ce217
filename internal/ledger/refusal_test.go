package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/database/migration"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/ledger"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// unsaid is what must be in no error.
var unsaid = []string{"hunter2", "alice-of-wonder", "inside.example", "secretdb"}

func TestNoErrorHoldsTheAddress(t *testing.T) {
	real, err := url.Parse(storetest.Postgres(t).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(u *url.URL)) string {
		u := *real
		u.User = url.UserPassword(u.User.Username(), "hunter2")
		change(&u)
		return u.String()
	}
	mute := listener(t, func(c net.Conn) { _ = c.Close() })
	liar := listener(t, func(c net.Conn) { // a server that says back what nobody may see
		_, _ = c.Write([]byte("E\x00\x00\x00\x1fSFATAL\x00C28P01\x00Mhunter2\x00\x00"))
		_ = c.Close()
	})
	for name, c := range map[string]struct {
		address string
		kind    fault.Kind
	}{
		"no address":             {"alice-of-wonder:hunter2", fault.Invalid},
		"odd characters":         {"postgres://alice-of-wonder:hunter2%zz@inside.example/secretdb", fault.Invalid},
		"a port that is none":    {"postgres://alice-of-wonder:hunter2@inside.example:hunter2/secretdb", fault.Invalid},
		"an odd mode":            {"postgres://alice-of-wonder:hunter2@inside.example/secretdb?sslmode=hunter2", fault.Invalid},
		"no such user":           {with(func(u *url.URL) { u.User = url.UserPassword("alice-of-wonder", "hunter2") }), fault.Rejected},
		"no such database":       {with(func(u *url.URL) { u.Path = "/secretdb" }), fault.NotFound},
		"a server that hangs up": {"postgres://alice-of-wonder:hunter2@" + mute + "/secretdb?sslmode=disable", fault.Unavailable},
		"a server that repeats":  {"postgres://alice-of-wonder:hunter2@" + liar + "/secretdb?sslmode=disable", fault.Unavailable},
		"a name without address": {"postgres://alice-of-wonder:hunter2@inside.example.invalid/secretdb", fault.Unavailable},
		"a cloud's credentials":  {"postgres://alice-of-wonder:hunter2@169.254.169.254:80/secretdb", fault.Invalid},
		"mysql: odd characters":  {"mysql://alice-of-wonder:hunter2%zz@inside.example/secretdb", fault.Invalid},
		"mysql: no name":         {"mysql://alice-of-wonder:hunter2@inside.example", fault.Invalid},
		"mysql: hangs up":        {"mysql://alice-of-wonder:hunter2@" + mute + "/secretdb", fault.Unavailable},
		"mysql: no address":      {"mysql://alice-of-wonder:hunter2@inside.example.invalid/secretdb", fault.Unavailable},
		"mysql: credentials":     {"mysql://alice-of-wonder:hunter2@169.254.169.254/secretdb", fault.Invalid},
		"sqlite: no file":        {"sqlite:///" + filepath.Join(t.TempDir(), "secretdb"), fault.NotFound},
		"sqlite: a folder":       {"sqlite://" + t.TempDir(), fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ledger.Read(t.Context(), secret.New(c.address), ledger.Ask{Tool: migration.Named("prisma")})
			if err == nil {
				t.Fatal("it was read")
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				said := fmt.Sprintf("%v %+v %#v", e, e, e)
				for _, word := range unsaid {
					if strings.Contains(said, word) {
						t.Errorf("the error says %s: %s", word, said)
					}
				}
			}
			if fault.KindOf(err) != c.kind {
				t.Errorf("kind %s of %q, want %s", fault.KindOf(err), err, c.kind)
			}
		})
	}
}

func listener(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answer(c)
		}
	}()
	return l.Addr().String()
}

func TestALookEndsWithItsCaller(t *testing.T) {
	silent := listener(t, func(c net.Conn) { t.Cleanup(func() { _ = c.Close() }) })
	for _, scheme := range []string{"postgres", "mysql"} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := ledger.Read(ctx, secret.New(scheme+"://alice-of-wonder:hunter2@"+silent+"/secretdb"), ledger.Ask{})
		if !fault.Is(err, fault.Timeout) {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestWhatAnAppWritesIntoItsAddressIsLeftOut(t *testing.T) {
	address := storetest.Postgres(t)
	db := handle(t, "pgx", address.Reveal())
	exec(t, db, `CREATE SCHEMA app`)
	for _, schema := range []string{"public", "app"} {
		exec(t, db, `CREATE TABLE `+schema+`._prisma_migrations(migration_name text, checksum text, started_at timestamptz, finished_at timestamptz, rolled_back_at timestamptz)`)
	}
	exec(t, db, `INSERT INTO app._prisma_migrations VALUES ('1_a', 'x', now(), now(), NULL)`)
	theirs := secret.New(address.Reveal() + "&schema=app&connection_limit=1&pgbouncer=true&pool_timeout=5")
	got, err := ledger.Read(t.Context(), theirs, ledger.Ask{Tool: migration.Named("prisma")})
	if err != nil || len(got.Rows) != 1 {
		t.Errorf("%+v, %v; want the one row of the schema that the address names", got, err)
	}
	exec(t, db, `CREATE ROLE outsider_`+t.Name()[:4]+` LOGIN`)
	t.Cleanup(func() {
		exec(t, db, `DROP ROLE outsider_`+t.Name()[:4])
	})
	u, err := url.Parse(address.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("outsider_" + strings.ToLower(t.Name()[:4]))
	if _, err := ledger.Read(t.Context(), secret.New(u.String()), ledger.Ask{Tool: migration.Named("prisma")}); !fault.Is(err, fault.Denied) {
		t.Errorf("a user without rights: %v", err)
	}
}
