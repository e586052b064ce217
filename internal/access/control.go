package access

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
)

// Config is what the room needs. All fields but the head's are required.
type Config struct {
	Store Store
	Keys  Keys
	Clock clock.Clock
	Log   *slog.Logger
	// OnHead gets the head of the audit chain after every HeadEvery-th entry,
	// to be kept where a writer of the database can not reach: a log line, a
	// webhook. It must not block. Nil for none; HeadEvery is 100 when 0.
	OnHead    func(Head)
	HeadEvery int64
	// PasswordCost is for tests that sign in hundreds of times; zero is what
	// people's passwords get.
	PasswordCost Cost
}

// Control is the room: who people are, what they may do, what they did.
type Control struct {
	// Gate is the door to every use case.
	Gate *Gate

	store Store
	keys  Keys
	clock clock.Clock
	log   *slog.Logger
	chain *chain

	credentials *fresh[[32]byte, proof] // by SHA-256 of what was shown
	handles     *fresh[string, proof]   // by id of the token or session, for streams
	touched     *touched
	passwords   *passwords
}

// New opens the room. Conflict when the database belongs to another master key:
// its tokens would all be refused and its audit chain would not verify.
func New(ctx context.Context, cfg Config) (*Control, error) {
	remembered, err := cfg.Store.KeyCheck(ctx, cfg.Keys.check)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(remembered), []byte(cfg.Keys.check)) != 1 {
		return nil, fault.New(fault.Conflict, "This database was made with another master key. Put the key file that belongs to it back, or the same master key into every replica's configuration.")
	}
	every := cfg.HeadEvery
	if every <= 0 {
		every = 100
	}
	ch := &chain{key: cfg.Keys.audit}
	if cfg.OnHead != nil {
		ch.landed = func(e Entry) {
			if e.Seq%every == 0 {
				cfg.OnHead(Head{Seq: e.Seq, Hash: e.Hash, At: e.At})
			}
		}
	}
	return &Control{
		Gate:  newGate(cfg.Clock, ch, cfg.Store, cfg.Log),
		store: cfg.Store, keys: cfg.Keys, clock: cfg.Clock, log: cfg.Log, chain: ch,
		credentials: newFresh[[32]byte, proof](cfg.Clock),
		handles:     newFresh[string, proof](cfg.Clock),
		touched:     &touched{at: map[string]time.Time{}},
		passwords:   newPasswords(cfg.Clock, cfg.PasswordCost),
	}, nil
}

// Loaded records that a server has begun to work with a configuration; digest
// tells whether it is the one from before.
func (c *Control) Loaded(ctx context.Context, digest, version string) error {
	permit, err := c.Gate.Allow(ctx, SystemActor("serve"), Automate, On{})
	if err != nil {
		return err
	}
	_, err = c.store.AppendAudit(ctx, permit.Receipt(Note{Act: "configuration_loaded", Object: "envdeck " + version, Detail: Detail{Digest: digest}}))
	return err
}

// Run sweeps what has ended and writes held-back refusals; it ends with ctx.
func (c *Control) Run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- c.Gate.Run(ctx) }()
	for {
		if err := c.clock.Sleep(ctx, time.Hour); err != nil {
			return <-done
		}
		if err := c.store.Prune(ctx, c.clock.Now()); err != nil {
			c.log.WarnContext(ctx, "ended sessions could not be swept", "error", err)
		}
		c.passwords.guesses.sweep()
		c.touched.sweep(c.clock.Now())
	}
}

// now is the present as the store keeps it.
func (c *Control) now() time.Time { return c.clock.Now().Truncate(time.Microsecond) }

// forget makes every change of a right count at once in this process; other
// replicas follow within freshFor.
func (c *Control) forget() {
	c.credentials.clear()
	c.handles.clear()
}
