package alert

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/release"
)

// Desk is what faces talk to: each use case passes the Gate.
type Desk struct {
	*Engine
	gate *access.Gate
}

// NewDesk makes the desk of an engine.
func NewDesk(e *Engine, g *access.Gate) *Desk { return &Desk{e, g} }

const (
	pageLimit = 200
	maxReason = 1000
	// longestSnooze keeps a forgotten one from lasting for ever.
	longestSnooze = 7 * 24 * time.Hour
)

// List answers incidents, newest first.
func (d *Desk) List(ctx context.Context, a access.Actor, q Query) ([]Incident, error) {
	if _, err := d.gate.Allow(ctx, a, access.ViewIncidents, access.On{}); err != nil {
		return nil, err
	}
	p, ok := d.catalog.Project(q.Project)
	if !ok {
		return nil, fault.New(fault.NotFound, "There is no project %q in the configuration.", hostile.Line(q.Project, hostile.NameLimit))
	}
	q.Project = p.Name
	if q.Limit <= 0 || q.Limit > pageLimit {
		q.Limit = pageLimit
	}
	return d.store.Incidents(ctx, q)
}

// Open counts the incidents that last.
func (d *Desk) Open(ctx context.Context, a access.Actor, project string) (int, error) {
	if _, err := d.gate.Allow(ctx, a, access.ViewIncidents, access.On{}); err != nil {
		return 0, err
	}
	p, ok := d.catalog.Project(project)
	if !ok {
		return 0, nil
	}
	return d.store.OpenIncidents(ctx, p.Name)
}

// Incident answers one with its timeline, the steps of its operation among it.
func (d *Desk) Incident(ctx context.Context, a access.Actor, id string) (Incident, error) {
	if _, err := d.gate.Allow(ctx, a, access.ViewIncidents, access.On{}); err != nil {
		return Incident{}, err
	}
	inc, err := d.store.Incident(ctx, id)
	// A job's incident names an operation as its suspect: the steps are on the
	// operation's own page.
	if err != nil || inc.Operation == "" || inc.Event.family() != "release" {
		return inc, err
	}
	o, err := d.store.Operation(ctx, inc.Operation)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return inc, err
	}
	for i := range o.Steps {
		inc.Timeline = append(inc.Timeline, stepEntry(&o.Steps[i]))
	}
	slices.SortStableFunc(inc.Timeline, func(a, b Entry) int { return a.At.Compare(b.At) })
	return inc, nil
}

func stepEntry(s *release.Step) Entry {
	text := strings.ReplaceAll(s.Name, "_", " ")
	if more := cmp.Or(s.Observation, s.Intent); more != "" {
		text += ": " + more
	}
	return Entry{At: s.StartedAt, Kind: StepTaken, Text: hostile.Line(text, hostile.TitleLimit)}
}

// change passes the gate and applies what a person wants of an open incident.
func (d *Desk) change(ctx context.Context, a access.Actor, id string, n access.Note, do func(inc *Incident, now time.Time, c *Change) error) (Incident, error) {
	inc, err := d.store.Incident(ctx, id)
	on := access.On{Object: hostile.Line(id, 100)}
	if err == nil {
		on = access.On{Project: inc.Project, Environment: inc.Environment, Object: inc.ID}
	}
	permit, gerr := d.gate.Allow(ctx, a, access.ManageIncidents, on)
	if gerr != nil {
		return Incident{}, gerr
	}
	if err != nil {
		return Incident{}, err
	}
	if !inc.Open() {
		return Incident{}, fault.New(fault.Conflict, "This incident is over since %s.", clockTime(*inc.ClosedAt))
	}
	now := d.clock.Now()
	c := Change{}
	if err := do(&inc, now, &c); err != nil {
		return Incident{}, err
	}
	receipt := permit.Receipt(n)
	c.Receipt = &receipt
	if err := d.commit(ctx, c); err != nil {
		return Incident{}, err
	}
	return d.Incident(ctx, a, id)
}

func (d *Desk) commit(ctx context.Context, c Change) error {
	err := d.apply(ctx, c)
	if err != nil && ignoreMoved(err) == nil {
		return fault.New(fault.Conflict, "The incident has changed in the meantime. Look at it again.")
	}
	return err
}

func by(e Entry, name string) Entry {
	e.By = hostile.Line(name, hostile.NameLimit)
	return e
}

// Acknowledge says that somebody is on it: reminders come once a day then.
func (d *Desk) Acknowledge(ctx context.Context, a access.Actor, id, reason string) (Incident, error) {
	reason = hostile.Line(reason, maxReason)
	return d.change(ctx, a, id, access.Note{Act: "acknowledged", Reason: reason}, func(inc *Incident, now time.Time, c *Change) error {
		if inc.AcknowledgedAt != nil {
			return fault.New(fault.Conflict, "%s is on it already.", inc.AcknowledgedBy)
		}
		inc.AcknowledgedAt, inc.AcknowledgedBy, inc.RemindAt = &now, hostile.Line(a.Label(), hostile.NameLimit), now.Add(remindKnown)
		c.Incidents = []Incident{*inc}
		c.Entries = []Entry{by(entry(inc.ID, now, Acknowledged, cmp.Or(reason, "Somebody is on it.")), a.Label())}
		return nil
	})
}

// Snooze silences an incident for a while.
func (d *Desk) Snooze(ctx context.Context, a access.Actor, id string, span time.Duration, reason string) (Incident, error) {
	reason = hostile.Line(reason, maxReason)
	until := d.clock.Now().Add(span)
	return d.change(ctx, a, id, access.Note{Act: "snoozed", Reason: reason, Detail: access.Detail{Until: until.Format(time.RFC3339)}}, func(inc *Incident, now time.Time, c *Change) error {
		if span < time.Minute || span > longestSnooze {
			return &fault.Error{Kind: fault.Invalid, Message: "An incident is silenced for 1 minute to 7 days.", Places: []fault.Place{{Where: "body.minutes", Problem: "must be 1 to 10080"}}}
		}
		snooze(inc, now, until, reason, a.Label(), c)
		return nil
	})
}

func snooze(inc *Incident, now, until time.Time, reason, name string, c *Change) {
	inc.SnoozedUntil, inc.RemindAt = &until, until
	text := "Nobody is reminded until " + until.UTC().Format("2 January 15:04:05 MST") + "."
	if reason != "" {
		text += " " + reason
	}
	c.Incidents = append(c.Incidents, *inc)
	c.Entries = append(c.Entries, by(entry(inc.ID, now, Snoozed, text), name))
}

// Close ends an incident by hand. What went wrong before counts no more.
func (d *Desk) Close(ctx context.Context, a access.Actor, id, reason string) (Incident, error) {
	reason = strings.TrimSpace(hostile.Line(reason, maxReason))
	return d.change(ctx, a, id, access.Note{Act: "closed", Reason: reason}, func(inc *Incident, now time.Time, c *Change) error {
		if reason == "" {
			return &fault.Error{Kind: fault.Invalid, Message: "Say in a few words why it is over.", Places: []fault.Place{{Where: "body.reason", Problem: "is missing"}}}
		}
		conds, err := d.store.ConditionsOf(ctx, inc.ID)
		if err != nil {
			return err
		}
		for _, cond := range conds {
			if !cond.Folded {
				cond.Bad, cond.Incident, cond.Since, cond.Flips = false, "", now, nil
				c.Conditions = append(c.Conditions, cond)
			}
		}
		name := hostile.Line(a.Label(), hostile.NameLimit)
		if err := d.end(ctx, inc, c, name, name+" closed it: "+reason); err != nil {
			return err
		}
		for i := range c.Entries {
			if c.Entries[i].Kind == Closed && c.Entries[i].Incident == inc.ID {
				c.Entries[i].By = name
			}
		}
		return nil
	})
}

// LinkOf reads a link without using it: whoever only looks, a preview robot
// too, changes nothing.
func (d *Desk) LinkOf(ctx context.Context, a access.Actor, link string) (Incident, error) {
	if err := d.gate.See(ctx, a, access.SnoozeByLink, access.On{}); err != nil {
		return Incident{}, err
	}
	id, _, _, err := d.links.read(link, d.clock.Now())
	if err != nil {
		return Incident{}, err
	}
	inc, err := d.store.Incident(ctx, id)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.Invalid, badLink)
	}
	inc.Timeline = nil
	return inc, err
}

// SnoozeByLink silences the incident of a link for an hour, once.
func (d *Desk) SnoozeByLink(ctx context.Context, a access.Actor, link string) (Incident, error) {
	now := d.clock.Now()
	id, message, end, err := d.links.read(link, now)
	if err != nil {
		return Incident{}, err
	}
	inc, err := d.store.Incident(ctx, id)
	if err != nil {
		return Incident{}, fault.Wrap(fault.Invalid, err, badLink)
	}
	permit, err := d.gate.Allow(ctx, a, access.SnoozeByLink, access.On{Project: inc.Project, Environment: inc.Environment, Object: inc.ID})
	if err != nil {
		return Incident{}, err
	}
	if !inc.Open() {
		return Incident{}, fault.New(fault.Conflict, "This incident is over since %s: there is nothing to silence.", clockTime(*inc.ClosedAt))
	}
	c := Change{Link: message, LinkEnd: end}
	snooze(&inc, now, now.Add(LinkSnooze), "", "the link in a message", &c)
	receipt := permit.Receipt(access.Note{Act: "snoozed", Detail: access.Detail{Until: now.Add(LinkSnooze).Format(time.RFC3339)}})
	c.Receipt = &receipt
	if err := d.commit(ctx, c); err != nil {
		return Incident{}, err
	}
	inc.Timeline = nil
	return inc, nil
}
