package access

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
)

// ErrPresence is wrapped by a refusal that a fresh proof of presence would
// lift: the face sends the person to their second factor and back.
var ErrPresence = errors.New("access: proof of presence is missing or too old")

// presence is how old a proof may be for a write from a browser.
const presence = 5 * time.Minute

// Gate is the one door to every use case: it decides, and it yields the audit
// entry that has to be committed with the act.
type Gate struct {
	clock   clock.Clock
	chain   *chain
	denials *denials
}

func newGate(c clock.Clock, ch *chain, store Store, log *slog.Logger) *Gate {
	return &Gate{clock: c, chain: ch, denials: newDenials(c, ch, store, log)}
}

// Permit is the Gate's yes. For a use case that writes, it makes the receipt
// that the store wants.
type Permit struct {
	actor Actor
	use   UseCase
	on    On
	at    time.Time
	chain *chain
}

// Actor is who was let through.
func (p Permit) Actor() Actor { return p.actor }

// Receipt is the audit entry of the act, to be committed with it. The permit
// of a use case that only reads makes a receipt that no store accepts.
func (p Permit) Receipt(n Note) Receipt {
	if p.chain == nil || !p.use.Writes() {
		return Receipt{}
	}
	if n.Object != "" {
		p.on.Object = n.Object
	}
	action := p.use.String()
	if n.Act != "" {
		action += "." + n.Act
	}
	return p.chain.receipt(p.at, p.actor, action, p.on, n)
}

// Allow decides whether the actor may do the use case. Unauthenticated when
// nobody is asking, Denied when somebody is who may not, with ErrPresence
// inside when only a proof of presence is missing. Every refusal is audited,
// in sums when there are many. An allowed read costs no memory and no query.
func (g *Gate) Allow(ctx context.Context, a Actor, u UseCase, on On) (Permit, error) {
	if !Permits(a, u) {
		return Permit{}, g.refuse(ctx, a, u, on)
	}
	if !u.Writes() {
		return Permit{actor: a, use: u}, nil
	}
	now := g.clock.Now()
	if a.SecondFactor && a.BySession() && !u.Open() && u != ManageOwnSessions && now.Sub(a.ProvenAt) > presence {
		g.denials.note(ctx, a, u, on, "presence")
		return Permit{}, fault.Wrap(fault.Denied, ErrPresence,
			"This changes something, and your last proof of presence is more than 5 minutes old. Confirm with your second factor and try again.")
	}
	return Permit{actor: a, use: u, on: on, at: now, chain: g.chain}, nil
}

// See decides whether the actor may look at what the use case changes: the
// list of their own tokens needs the right, and no proof of presence.
func (g *Gate) See(ctx context.Context, a Actor, u UseCase, on On) error {
	if !Permits(a, u) {
		return g.refuse(ctx, a, u, on)
	}
	return nil
}

func (g *Gate) refuse(ctx context.Context, a Actor, u UseCase, on On) error {
	g.denials.note(ctx, a, u, on, "policy")
	if !a.Known() {
		return fault.New(fault.Unauthenticated, "Nobody is signed in. Sign in, or send a token as a bearer.")
	}
	if a.Kind == Machine && a.Scope != API {
		return fault.New(fault.Denied, "A token of scope %q may not do this (%s).", a.Scope, u)
	}
	return fault.New(fault.Denied, "%s is %s, and that role may not do this (%s). A SUPER_ADMIN can.", a.Label(), a.Role, u)
}

// Run writes the sums of refusals that were held back; it ends with ctx.
func (g *Gate) Run(ctx context.Context) error { return g.denials.run(ctx) }
