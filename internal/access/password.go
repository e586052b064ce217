package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
)

// Cost is what one hash of a password costs.
type Cost struct {
	Memory uint32 // KiB
	Passes uint32
}

// Parameters of argon2id: OWASP's first choice, about a quarter of a second.
const (
	argonThreads = 1
	argonSalt    = 16
	argonKey     = 32
)

var argonCost = Cost{Memory: 64 * 1024, Passes: 3}

// How many passwords are hashed at once, and how many wait for it. One, as each
// takes 64 MiB and a processor, and pings and pages go on meanwhile. Whoever
// comes after them is told to try again at once: a queue without an end would
// let strangers fill the memory.
const (
	hashesAtOnce = 1
	hashesQueued = 20
)

// passwords hashes and compares, within bounds, and slows guessing down.
type passwords struct {
	cost    Cost
	running chan struct{}
	waiting chan struct{}
	dummy   string // compared with for users that do not exist
	guesses *guesses
}

func newPasswords(c clock.Clock, cost Cost) *passwords {
	if cost == (Cost{}) {
		cost = argonCost
	}
	return &passwords{
		cost:    cost,
		running: make(chan struct{}, hashesAtOnce),
		waiting: make(chan struct{}, hashesAtOnce+hashesQueued),
		// A hash that no password fits, of the same cost as a real one.
		dummy:   cost.encode(make([]byte, argonSalt), make([]byte, argonKey)),
		guesses: newGuesses(c),
	}
}

// hash is the PHC text of a new password's hash.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt)
	key, err := p.derive(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return p.cost.encode(salt, key), nil
}

// match compares. An empty or foreign hash costs as much as a real one and
// never fits, so that nobody learns from the time who exists.
func (p *passwords) match(ctx context.Context, encoded, password string) (bool, error) {
	salt, want, ok := p.cost.decode(encoded)
	if !ok {
		salt, want, _ = p.cost.decode(p.dummy)
	}
	got, err := p.derive(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && ok, nil
}

func (p *passwords) derive(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		return nil, &fault.Error{Kind: fault.RateLimited, RetryAfter: 2 * time.Second, Message: "Too many people are signing in at this moment. Try again in a few seconds."}
	}
	select {
	case p.running <- struct{}{}:
		defer func() { <-p.running }()
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Timeout, ctx.Err(), "Signing in took too long. Try again.")
	}
	// The 64 MiB of this hash would otherwise stay until the heap has doubled,
	// and a burst of sign-ins would take several times what one of them needs.
	defer runtime.GC()
	return argon2.IDKey([]byte(password), salt, p.cost.Passes, p.cost.Memory, argonThreads, argonKey), nil
}

func (c Cost) encode(salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// decode reads hashes of this cost only: there are no others.
func (c Cost) decode(encoded string) (salt, key []byte, ok bool) {
	prefix := fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, c.Memory, c.Passes, argonThreads)
	rest, ok := strings.CutPrefix(encoded, prefix)
	if !ok {
		return nil, nil, false
	}
	first, second, ok := strings.Cut(rest, "$")
	if !ok {
		return nil, nil, false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(first)
	key, err2 := base64.RawStdEncoding.DecodeString(second)
	return salt, key, err1 == nil && err2 == nil && len(salt) == argonSalt && len(key) == argonKey
}
