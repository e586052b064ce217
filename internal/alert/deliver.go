package alert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// How messages are delivered.
const (
	sendLimit = 15 * time.Second // for one try
	claimTTL  = 30 * time.Second // longer than a try and its bookkeeping
	sendEvery = 2 * time.Second
	giveUp    = 24 * time.Hour
	backOff   = 5 * time.Second
	backLimit = 30 * time.Minute
)

// deliver sends the messages of one receiver, so that one that hangs keeps no
// other from hearing.
func (e *Engine) deliver(ctx context.Context, r *Receiver, wake <-chan struct{}) {
	for {
		sent, err := e.sendOne(ctx, r)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			e.log.WarnContext(ctx, "a notification's row could not be read or written; it is tried again", "receiver", r.Name, "error", err)
		}
		if sent && err == nil {
			continue
		}
		timer, stop := e.clock.Timer(sendEvery)
		select {
		case <-ctx.Done():
			stop()
			return
		case <-timer:
		case <-wake:
		}
		stop()
	}
}

// sendOne takes up a message and tries to send it; false when none is due.
func (e *Engine) sendOne(ctx context.Context, r *Receiver) (bool, error) {
	claim := MessageClaim{Receiver: r.Name, Owner: e.owner, Now: e.clock.Now(), Real: e.real.Now(), TTL: claimTTL}
	m, ok, err := e.store.ClaimMessage(ctx, claim)
	if err != nil || !ok {
		return false, err
	}
	try, cancel := context.WithTimeout(ctx, sendLimit)
	err = r.Send(try, e.delivery(m))
	cancel()
	if err != nil && ctx.Err() != nil {
		return false, nil // stopped in the middle: whoever is alive sends it again
	}
	e.outcome(&m, err)
	err = e.store.EndMessage(context.WithoutCancel(ctx), m, claim, e.traced(&m))
	if errors.Is(err, ErrMoved) {
		return true, nil
	}
	return true, err
}

// delivery adds what is not kept: a link that silences is only in the message.
func (e *Engine) delivery(m Message) Delivery {
	d := Delivery{Message: m}
	if e.url == "" {
		return d
	}
	if m.Path != "" {
		d.URL = e.url + m.Path
	}
	if m.Incident != "" && m.Kind != TellClosed {
		d.Snooze = e.url + SnoozePath + "?link=" + e.links.snooze(m.Incident, m.ID, m.CreatedAt.Add(LinkLife))
	}
	return d
}

// outcome says what becomes of a message after a try.
func (e *Engine) outcome(m *Message, err error) {
	now := e.clock.Now()
	m.Attempts++
	if err == nil {
		m.DoneAt, m.Outcome, m.Problem = now, Delivered, ""
		return
	}
	f := fault.From(err)
	m.Problem = hostile.Line(f.Message, 200)
	if f.Kind == fault.Internal {
		m.Problem = "It could not be sent."
	}
	wait := backLimit
	if m.Attempts < 12 {
		wait = min(backOff<<(m.Attempts-1), backLimit)
	}
	m.DueAt = now.Add(max(wait, min(f.RetryAfter, time.Hour)))
	if m.DueAt.Sub(m.CreatedAt) > giveUp {
		m.DoneAt, m.Outcome = now, GivenUp
	}
}

// traced is what the timeline says of a try: that it arrived, the first trouble,
// and that it was given up. nil for everything between.
func (e *Engine) traced(m *Message) *Entry {
	if m.Incident == "" {
		return nil
	}
	now := e.clock.Now()
	var out Entry
	switch {
	case m.Outcome == Delivered && m.Attempts > 1:
		out = entry(m.Incident, now, Sent, fmt.Sprintf("%s was told (%s), on try %d.", m.Receiver, m.Kind, m.Attempts))
	case m.Outcome == Delivered:
		out = entry(m.Incident, now, Sent, fmt.Sprintf("%s was told (%s).", m.Receiver, m.Kind))
	case m.Outcome == GivenUp:
		out = entry(m.Incident, now, Undelivered, fmt.Sprintf("%s could not be told (%s) for a day, so it was given up: %s", m.Receiver, m.Kind, m.Problem))
	case m.Attempts == 1:
		out = entry(m.Incident, now, Undelivered, fmt.Sprintf("%s could not be told (%s): %s It is tried again for a day.", m.Receiver, m.Kind, m.Problem))
	default:
		return nil
	}
	return &out
}
