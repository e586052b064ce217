package access

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
)

// denials records refusals without letting a flood of them fill the log: the
// first of its sort is written at once, the rest of the window as one sum.
type denials struct {
	clock clock.Clock
	chain *chain
	store Store
	log   *slog.Logger

	mu     sync.Mutex
	held   map[denial]*sum
	opened time.Time // when the window began
	kinds  int       // how many entries were written at once in this window
}

// denial is one sort of refusal. Nobodies are one sort per use case whatever
// their address, because addresses cost an attacker nothing.
type denial struct {
	kind   Kind
	id     string
	token  string
	action string
	rule   string
}

type sum struct {
	actor Actor
	on    On
	count int64
}

const (
	denialWindow = time.Minute
	denialKinds  = 60 // entries written at once in a window; further sorts share one sum
)

func newDenials(c clock.Clock, ch *chain, store Store, log *slog.Logger) *denials {
	return &denials{clock: c, chain: ch, store: store, log: log, held: map[denial]*sum{}}
}

func (d *denials) note(ctx context.Context, a Actor, u UseCase, on On, rule string) {
	d.noteAction(ctx, a, u.String(), on, rule)
}

func (d *denials) noteAction(ctx context.Context, a Actor, action string, on On, rule string) {
	now := d.clock.Now()
	key := denial{kind: a.Kind, id: a.ID, token: a.TokenID, action: action, rule: rule}

	d.mu.Lock()
	due := d.take(now)
	switch s, seen := d.held[key]; {
	case seen:
		s.count++
	case d.kinds >= denialKinds:
		key = denial{action: "access.refused", rule: "many"}
		if d.held[key] == nil {
			d.held[key] = &sum{}
		}
		d.held[key].count++
	default:
		d.kinds++
		d.held[key] = &sum{actor: a, on: on}
		due = append(due, d.chain.receipt(now, a, action, on, Note{Result: Denied, Detail: Detail{Rule: rule}}))
	}
	d.mu.Unlock()
	d.write(ctx, due)
}

// take ends a window that is over and answers the sums of it. The lock is held.
func (d *denials) take(now time.Time) []Receipt {
	if now.Sub(d.opened) < denialWindow {
		return nil
	}
	due := d.sums(now)
	clear(d.held)
	d.opened, d.kinds = now, 0
	return due
}

func (d *denials) sums(now time.Time) []Receipt {
	var due []Receipt
	for key, s := range d.held {
		if s.count == 0 {
			continue
		}
		due = append(due, d.chain.receipt(now, s.actor, key.action, s.on, Note{
			Result: Denied, Detail: Detail{Rule: key.rule, Count: s.count, Note: "more of the same within a minute"},
		}))
	}
	return due
}

// write does not fail the caller: the answer is a refusal either way, and it
// must not depend on whether the disk is full.
func (d *denials) write(ctx context.Context, due []Receipt) {
	ctx = context.WithoutCancel(ctx) // a caller who hangs up is recorded all the same
	for _, r := range due {
		if _, err := d.store.AppendAudit(ctx, r); err != nil {
			d.log.ErrorContext(ctx, "a refusal could not be recorded", "action", r.entry.Action, "error", err)
		}
	}
}

func (d *denials) run(ctx context.Context) error {
	for {
		err := d.clock.Sleep(ctx, denialWindow)
		now := d.clock.Now()
		d.mu.Lock()
		due := d.take(now)
		if err != nil { // the end: what is held would be lost
			due = append(due, d.sums(now)...)
			clear(d.held)
		}
		d.mu.Unlock()
		d.write(ctx, due)
		if err != nil {
			return err
		}
	}
}
