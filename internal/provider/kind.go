package provider

import (
	"context"
	"log/slog"
	"net"

	"github.com/envdeck/envdeck/internal/clock"
)

// Kind is one vendor: how its block of the configuration looks and how it is
// opened. provider/all lists them; nothing else names a vendor.
type Kind struct {
	// Name is the block's key under a project, and the name of its facts.
	Name string
	// Block answers a pointer to a new, empty configuration block with yaml
	// tags and secret.Text fields. It implements interface{ Validate() error }
	// where more than the types must hold.
	Block func() any
	// FromEnv fills a block from the well-known environment variables, for
	// running without a file; false when they are not set.
	FromEnv func(getenv func(string) string) (block any, ok bool)
	// Open makes the client of a filled block. It makes no call.
	Open func(block any, deps Deps) (any, error)
}

// Deps is what every client is given.
type Deps struct {
	Project string
	Clock   clock.Clock
	Meter   Meter
	Log     *slog.Logger
	// UserAgent names envdeck and its version to the vendor.
	UserAgent string
	// Dial opens the connections; nil is the machine's network. Tests put an
	// in-memory network here, which is how deadlines are proved without waiting.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Define makes a Kind of a typed block, so that no vendor's room needs a type
// assertion.
func Define[B any](name string, fromEnv func(getenv func(string) string) (*B, bool), open func(*B, Deps) (any, error)) Kind {
	return Kind{
		Name:    name,
		Block:   func() any { return new(B) },
		FromEnv: func(getenv func(string) string) (any, bool) { return fromEnv(getenv) },
		Open:    func(block any, deps Deps) (any, error) { return open(block.(*B), deps) },
	}
}

// Meter counts what is asked of the vendors. Implementations are safe for
// concurrent use and never block.
type Meter interface {
	// Called records one attempt that left the process: status is 0 when
	// nothing came back.
	Called(provider, route string, status int)
	// Budget records a limit that a vendor's headers spoke of.
	Budget(provider string, b Budget)
}
