package passkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/access/passkey"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// device is an authenticator in software: one ES256 key, a counter, and a
// browser around it that says where it is.
type device struct {
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte // the user, as the site named them
	count  uint32
	origin string
	rpid   string
	flags  byte // user present, user verified
}

const (
	present  = 0x01
	verified = 0x04
	attested = 0x40
)

func newDevice(t *testing.T) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &device{key: key, id: id, origin: "https://deck.example.com", rpid: "deck.example.com", flags: present | verified}
}

// options are what both ceremonies need of the site's options.
type options struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	} `json:"publicKey"`
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (d *device) client(t *testing.T, kind string, raw json.RawMessage) (options, []byte) {
	t.Helper()
	var o options
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]any{"type": kind, "challenge": o.PublicKey.Challenge, "origin": d.origin, "crossOrigin": false})
	if err != nil {
		t.Fatal(err)
	}
	return o, data
}

func (d *device) authData(flags byte, rest []byte) []byte {
	sum := sha256.Sum256([]byte(d.rpid))
	out := append(sum[:], flags)
	out = binary.BigEndian.AppendUint32(out, d.count)
	return append(out, rest...)
}

func (d *device) create(t *testing.T, raw json.RawMessage) []byte {
	t.Helper()
	o, client := d.client(t, "webauthn.create", raw)
	handle, err := base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	d.handle = handle
	point, err := d.key.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		t.Fatal(err)
	}
	cose, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	rest := make([]byte, 16) // AAGUID
	rest = binary.BigEndian.AppendUint16(rest, uint16(len(d.id)))
	rest = append(append(rest, d.id...), cose...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": d.authData(d.flags|attested, rest)})
	if err != nil {
		t.Fatal(err)
	}
	return answer(t, d.id, map[string]any{"clientDataJSON": b64(client), "attestationObject": b64(object)})
}

func (d *device) get(t *testing.T, raw json.RawMessage) []byte {
	t.Helper()
	_, client := d.client(t, "webauthn.get", raw)
	d.count++
	auth := d.authData(d.flags, nil)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(slices.Clip(auth), sum[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return answer(t, d.id, map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(auth), "signature": b64(sig), "userHandle": b64(d.handle),
	})
}

func answer(t *testing.T, id []byte, response map[string]any) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"id": b64(id), "rawId": b64(id), "type": "public-key", "response": response})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

type ahead struct {
	clock.Clock
	by time.Duration
}

func (a *ahead) Now() time.Time { return a.Clock.Now().Add(a.by) }

type world struct {
	*passkey.Passkeys
	control *access.Control
	clock   *ahead
	boot    access.Bootstrapped
}

func newWorld(t *testing.T) *world {
	t.Helper()
	keys, err := access.NewKeys(secret.New("a master key for tests, 32 characters or more"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{clock: &ahead{Clock: clock.Real()}}
	w.control, err = access.New(t.Context(), access.Config{Store: storetest.Open(t), Keys: keys, Clock: w.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if w.boot, err = w.control.Bootstrap(t.Context(), access.OperatorActor("test"), true); err != nil {
		t.Fatal(err)
	}
	if w.Passkeys, err = passkey.New(&url.URL{Scheme: "https", Host: "deck.example.com"}, w.control); err != nil {
		t.Fatal(err)
	}
	return w
}

// byLink is a session of the SUPER_ADMIN that a link opened.
func (w *world) byLink(t *testing.T) access.Actor {
	t.Helper()
	link, err := w.control.SignInLink(t.Context(), access.OperatorActor("test"), w.boot.SuperAdminID)
	if err != nil {
		t.Fatal(err)
	}
	in, err := w.control.Redeem(t.Context(), link.Reveal(), access.Visit{})
	if err != nil {
		t.Fatal(err)
	}
	return w.who(t, in)
}

func (w *world) who(t *testing.T, in access.SignedIn) access.Actor {
	t.Helper()
	a, err := w.control.Authenticate(t.Context(), access.Credentials{Cookie: in.Cookie.Reveal()})
	if err != nil || !a.Known() {
		t.Fatal(a, err)
	}
	return a
}

func (w *world) register(t *testing.T, a access.Actor, d *device) error {
	t.Helper()
	options, cookie, err := w.BeginRegister(t.Context(), a)
	if err != nil {
		return err
	}
	return w.FinishRegister(t.Context(), a, cookie.Reveal(), "my key", d.create(t, options))
}

func (w *world) signIn(t *testing.T, d *device) (access.SignedIn, error) {
	t.Helper()
	options, cookie, err := w.BeginSignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w.FinishSignIn(t.Context(), cookie.Reveal(), d.get(t, options), access.Visit{})
}

func (w *world) mayPromote(t *testing.T, a access.Actor) error {
	t.Helper()
	_, err := w.control.Gate.Allow(t.Context(), a, access.Promote, access.On{})
	return err
}

func TestPasskey(t *testing.T) {
	w, d := newWorld(t), newDevice(t)
	a := w.byLink(t)
	if err := w.register(t, a, d); err != nil {
		t.Fatal(err)
	}
	if err := w.register(t, a, d); err == nil {
		t.Error("the same passkey was registered twice")
	}
	in, err := w.signIn(t, d)
	if err != nil {
		t.Fatal(err)
	}
	a = w.who(t, in)
	if a.ID != w.boot.SuperAdminID || a.Method != access.PasskeyMethod || !a.SecondFactor {
		t.Fatalf("%+v", a)
	}
	if err := w.mayPromote(t, a); err != nil {
		t.Fatal(err)
	}

	// After five minutes a write needs the passkey again, and gets a new cookie.
	w.clock.by += 6 * time.Minute
	if err := w.mayPromote(t, a); !errors.Is(err, access.ErrPresence) {
		t.Fatalf("an old proof is good enough: %v", err)
	}
	options, cookie, err := w.BeginProve(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	proven, err := w.FinishProve(t.Context(), a, cookie.Reveal(), d.get(t, options), access.Visit{})
	if err != nil {
		t.Fatal(err)
	}
	if old, _ := w.control.Authenticate(t.Context(), access.Credentials{Cookie: in.Cookie.Reveal()}); old.Known() {
		t.Error("the old cookie still works")
	}
	if err := w.mayPromote(t, w.who(t, proven)); err != nil {
		t.Fatal(err)
	}

	// A session that one factor opened may look and not touch.
	one := w.byLink(t)
	if err := w.mayPromote(t, one); !errors.Is(err, access.ErrPresence) {
		t.Fatalf("one factor is enough: %v", err)
	}
	if err := w.register(t, one, newDevice(t)); !errors.Is(err, access.ErrPresence) {
		t.Fatalf("one factor is enough to register another passkey: %v", err)
	}
	if _, err := w.control.Gate.Allow(t.Context(), one, access.ViewStatus, access.On{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.control.Tokens(t.Context(), one, false); err != nil {
		t.Fatalf("looking at one's tokens needs a proof: %v", err)
	}
	list, err := w.control.Passkeys(t.Context(), one)
	if err != nil || len(list) != 1 || list[0].Name != "my key" || list[0].UsedAt.IsZero() {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := w.control.RemovePasskey(t.Context(), one, list[0].ID); !errors.Is(err, access.ErrPresence) {
		t.Fatalf("one factor is enough to remove the other: %v", err)
	}
	if err := w.control.RemovePasskey(t.Context(), w.who(t, proven), list[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.signIn(t, d); !fault.Is(err, fault.Unauthenticated) {
		t.Fatalf("a removed passkey signs in: %v", err)
	}
}

func TestPasskeyAttacks(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, w *world, d *device){
		"a phishing site":       func(_ *testing.T, _ *world, d *device) { d.origin = "https://deck.example.com.evil.example" },
		"plain http":            func(_ *testing.T, _ *world, d *device) { d.origin = "http://deck.example.com" },
		"another site's key":    func(_ *testing.T, _ *world, d *device) { d.rpid = "evil.example" },
		"without verification":  func(_ *testing.T, _ *world, d *device) { d.flags = present },
		"without presence":      func(_ *testing.T, _ *world, d *device) { d.flags = verified },
		"a copied key":          func(_ *testing.T, _ *world, d *device) { d.count = 0 },
		"another key":           func(t *testing.T, _ *world, d *device) { d.key = newDevice(t).key },
		"an unknown credential": func(t *testing.T, _ *world, d *device) { d.id = newDevice(t).id },
		"another user":          func(_ *testing.T, w *world, d *device) { d.handle = []byte(w.boot.AdminID) },
		"nobody":                func(_ *testing.T, _ *world, d *device) { d.handle = []byte("usr_nobody") },
		"a disabled user": func(t *testing.T, w *world, _ *device) {
			yes := true
			if _, err := w.control.CreateUser(t.Context(), access.OperatorActor("test"), access.NewUser{Login: "other", Role: access.SuperAdmin}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.control.ChangeUser(t.Context(), access.OperatorActor("test"), w.boot.SuperAdminID, access.UserChange{Disabled: &yes}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, d := newWorld(t), newDevice(t)
			if err := w.register(t, w.byLink(t), d); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := w.signIn(t, d); err != nil {
					t.Fatal(err)
				}
			}
			spoil(t, w, d)
			if in, err := w.signIn(t, d); !fault.Is(err, fault.Unauthenticated) || in.Cookie.Set() {
				t.Fatalf("signed in: %v", err)
			}
		})
	}
	t.Run("replay", func(t *testing.T) {
		w, d := newWorld(t), newDevice(t)
		if err := w.register(t, w.byLink(t), d); err != nil {
			t.Fatal(err)
		}
		options, cookie, err := w.BeginSignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		heard := d.get(t, options)
		if _, err := w.FinishSignIn(t.Context(), cookie.Reveal(), heard, access.Visit{}); err != nil {
			t.Fatal(err)
		}
		_, other, err := w.BeginSignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []secret.Text{cookie, other} {
			if _, err := w.FinishSignIn(t.Context(), c.Reveal(), heard, access.Visit{}); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("an answer that was heard works again: %v", err)
			}
		}
	})
	t.Run("the answer to another ceremony", func(t *testing.T) {
		w, d := newWorld(t), newDevice(t)
		a := w.byLink(t)
		if err := w.register(t, a, d); err != nil {
			t.Fatal(err)
		}
		options, cookie, err := w.BeginSignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.FinishProve(t.Context(), a, cookie.Reveal(), d.get(t, options), access.Visit{}); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("a sign-in proves presence: %v", err)
		}
	})
}

func TestSitesWithoutPasskeys(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://deck.example.com": true, "http://localhost:4280": true, "http://deck.example.com": false, "http://127.0.0.1:4280": false, "https://10.0.0.1": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := passkey.New(u, nil); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}
