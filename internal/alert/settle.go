package alert

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/release"
)

// finding is what a condition looks like now.
type finding struct {
	key   Key
	rule  Rule
	marks []mark
	// title and reason are the incident's, should one open.
	title, reason string
	operation     string
	remains       []string
	// silentSince is the operation that a job has been silent since; quiet says
	// that an operation was under way when the newest miss was noticed.
	silentSince string
	quiet       bool
	// gone says that nothing is expected any more, so nothing can be wrong.
	gone string
	call *Call
}

// decide turns a finding into a change. again is when to look next though
// nothing happens, zero for never.
func (e *Engine) decide(ctx context.Context, f finding) (c Change, again time.Time, err error) {
	now := e.clock.Now()
	cond, err := e.store.Condition(ctx, f.key)
	if err != nil {
		return c, again, err
	}
	marks := since(f.marks, cond.Since)
	cond.Flips = recent(cond.Flips, now)
	switch {
	case !cond.Bad && f.gone == "" && f.rule.opens(marks):
		return e.open(ctx, f, cond, marks)
	case cond.Bad && f.gone != "":
		return e.close(ctx, cond, f.gone)
	case cond.Bad && f.rule.closes(marks):
		return e.recovered(ctx, cond, marks)
	case cond.Bad:
		c = more(cond, marks)
	}
	return c, again, nil
}

// more puts new bad outcomes of an incident on its timeline.
func more(cond Condition, marks []mark) (c Change) {
	for _, m := range marks {
		if m.bad && m.at.After(cond.Seen) {
			cond.Seen = m.at
			c.Entries = append(c.Entries, entry(cond.Incident, m.at, Evidence, m.text))
		}
	}
	if len(c.Entries) > 0 {
		c.Conditions = []Condition{cond}
	}
	return c
}

// recovered closes, unless it came and went too often to be believed.
func (e *Engine) recovered(ctx context.Context, cond Condition, marks []mark) (c Change, again time.Time, err error) {
	inc, err := e.store.Incident(ctx, cond.Incident)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return c, again, err
	}
	if inc.Flapping && !cond.Folded {
		last := cond.Seen
		if m, ok := lastBad(marks); ok {
			last = m.at
		}
		if until := last.Add(flapHold); e.clock.Now().Before(until) {
			return more(cond, marks), until, nil
		}
	}
	return e.close(ctx, cond, "It is well again.")
}

// open decides what a condition that has become bad is: part of a release,
// part of an environment that is down, or an incident of its own.
func (e *Engine) open(ctx context.Context, f finding, cond Condition, marks []mark) (c Change, again time.Time, err error) {
	now := e.clock.Now()
	last, _ := lastBad(marks)
	cond.Bad, cond.Seen = true, last.at
	if f.operation != "" || f.key.Environment == "" {
		return e.incident(ctx, f, cond, marks, nil)
	}
	ops, err := e.operationsOf(ctx, f.key)
	if err != nil {
		return c, again, err
	}
	host, until, err := e.release(ctx, ops, &f)
	switch {
	case err != nil || !until.IsZero():
		return c, until, err
	case host != nil:
		return e.foldInto(host, f, cond, "while the release ran"), again, nil
	}
	if f.key.Event != HealthDown {
		host, err := e.openIncident(ctx, Key{f.key.Project, f.key.Environment, HealthDown, ""})
		if err != nil {
			return c, again, err
		}
		if host != nil {
			return e.foldInto(host, f, cond, "while "+f.key.Environment+" is down"), again, nil
		}
		sick, err := e.looksSick(ctx, f.key)
		if err != nil {
			return c, again, err
		}
		if sick && f.call != nil && now.Sub(f.call.At) < doubt {
			return Change{}, now.Add(lookAgain), nil
		}
	}
	return e.incident(ctx, f, cond, marks, ops)
}

// release says what a running release makes of an alarm: until is when to look
// again while it runs or has only just ended; host is its own incident. A
// release that takes long keeps nobody from hearing: then it is a suspect.
func (e *Engine) release(ctx context.Context, ops []release.Operation, f *finding) (host *Incident, until time.Time, err error) {
	now := e.clock.Now()
	limit := patience
	if f.quiet {
		limit = quietPatience
	}
	patient := f.call != nil && now.Sub(f.call.At) < limit
	for i := range ops {
		o := &ops[i]
		switch {
		case !o.Switched(): // nothing was changed, or not yet
			continue
		case !o.Phase.Ended():
			if patient {
				return nil, now.Add(lookAgain), nil
			}
			return nil, time.Time{}, nil
		case o.EndedAt == nil || now.Sub(*o.EndedAt) >= settle:
			continue
		}
		if event := eventOf(o.Phase); event != "" && event != ReleaseSucceeded {
			host, err = e.openIncident(ctx, Key{o.Project, o.Environment, event, o.ID})
			if err != nil || host != nil {
				return host, time.Time{}, err
			}
		}
		if patient {
			return nil, o.EndedAt.Add(settle), nil
		}
	}
	return nil, time.Time{}, nil
}

// openIncident is the open one of a condition, nil when there is none.
func (e *Engine) openIncident(ctx context.Context, k Key) (*Incident, error) {
	cond, err := e.store.Condition(ctx, k)
	if err != nil || !cond.Bad || cond.Incident == "" {
		return nil, err
	}
	inc, err := e.store.Incident(ctx, cond.Incident)
	if fault.Is(err, fault.NotFound) || err == nil && !inc.Open() {
		return nil, nil
	}
	return &inc, err
}

// looksSick says that an environment's newest sample is bad: its jobs' alarms
// may be its own.
func (e *Engine) looksSick(ctx context.Context, k Key) (bool, error) {
	now := e.clock.Now()
	samples, err := e.store.SamplesSince(ctx, k.Project, k.Environment, now.Add(-2*e.interval-10*time.Second))
	if err != nil || len(samples) == 0 {
		return false, err
	}
	return samples[len(samples)-1].Verdict == health.Down && !samples[len(samples)-1].Offline, nil
}

// foldInto makes a condition a part of an incident that is open.
func (e *Engine) foldInto(host *Incident, f finding, cond Condition, why string) (c Change) {
	cond.Incident, cond.Folded = host.ID, true
	host.Folded++
	return Change{
		Conditions: []Condition{cond}, Incidents: []Incident{*host},
		Entries: []Entry{entry(host.ID, cond.Seen, FoldedIn, f.title+" ("+why+")")},
	}
}

// incident opens one.
func (e *Engine) incident(ctx context.Context, f finding, cond Condition, marks []mark, ops []release.Operation) (c Change, again time.Time, err error) {
	now := e.clock.Now()
	cond.Flips = append(cond.Flips, now)
	inc := Incident{
		ID: newID("inc"), Project: f.key.Project, Environment: f.key.Environment, Event: f.key.Event, Subject: f.key.Subject,
		Severity: f.key.Event.severity(), Title: hostile.Line(f.title, hostile.TitleLimit), Reason: hostile.Line(f.reason, hostile.TitleLimit), OpenedAt: now,
		Operation: f.operation, Remains: f.remains, RemindAt: now.Add(remindEvery), Flapping: len(cond.Flips) > flapLimit,
	}
	cond.Incident = inc.ID
	inc.Suspects = suspects(ops, now)
	if err := e.blame(ctx, &inc, f.silentSince); err != nil {
		return Change{}, again, err
	}
	c.Entries = append(c.Entries, entry(inc.ID, now, Opened, inc.Title))
	for _, m := range tail(marks, f.rule.Of) {
		if m.bad {
			c.Entries = append(c.Entries, entry(inc.ID, m.at, Evidence, m.text))
		}
	}
	kind := TellOpened
	if inc.Flapping {
		kind = TellFlapping
		inc.Title = "Flapping: " + inc.Title
		inc.Reason += " It has come and gone several times within the hour; envdeck says no more until it has been good for " + spoken(flapHold) + "."
		c.Entries = append(c.Entries, entry(inc.ID, now, Flapping, "It came and went too often, so it is held open."))
	}
	c.Conditions = []Condition{cond}
	if f.key.Event == HealthDown {
		if err := e.gather(ctx, &inc, &c); err != nil {
			return Change{}, again, err
		}
	}
	c.Messages = e.tell(&inc, kind, inc.Title, e.messageText(&inc))
	c.Incidents = append([]Incident{inc}, c.Incidents...)
	return c, again, nil
}

// gather makes what was open of an environment a part of its being down.
func (e *Engine) gather(ctx context.Context, host *Incident, c *Change) error {
	open, err := e.store.Incidents(ctx, Query{Project: host.Project, Open: true, Limit: 500})
	if err != nil {
		return err
	}
	for i := range open {
		inc := &open[i]
		young := host.OpenedAt.Sub(inc.OpenedAt) < max(doubt, 10*e.interval)
		if inc.Environment != host.Environment || inc.Event.family() == "release" || !young && inc.Event != HealthDegraded {
			continue
		}
		conds, err := e.store.ConditionsOf(ctx, inc.ID)
		if err != nil {
			return err
		}
		for _, cond := range conds {
			cond.Incident, cond.Folded = host.ID, true
			c.Conditions = append(c.Conditions, cond)
		}
		inc.ClosedAt, inc.ClosedBy, inc.Parent, inc.RemindAt = &host.OpenedAt, "part of "+host.ID, host.ID, time.Time{}
		host.Folded++
		c.Incidents = append(c.Incidents, *inc)
		c.Silence = append(c.Silence, inc.ID)
		c.Entries = append(c.Entries, entry(inc.ID, host.OpenedAt, Closed, "It became part of "+host.ID+": "+host.Title),
			entry(host.ID, inc.OpenedAt, FoldedIn, inc.Title))
	}
	return nil
}

// close ends what a condition has to do with its incident.
func (e *Engine) close(ctx context.Context, cond Condition, why string) (c Change, again time.Time, err error) {
	now := e.clock.Now()
	id, folded := cond.Incident, cond.Folded
	cond.Bad, cond.Incident, cond.Folded = false, "", false
	c.Conditions = []Condition{cond}
	inc, err := e.store.Incident(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && !inc.Open() {
		return c, again, nil
	}
	if err != nil {
		return Change{}, again, err
	}
	if folded {
		c.Entries = []Entry{entry(id, now, Evidence, part(cond.Key)+": "+why)}
		return c, again, nil
	}
	c.Conditions[0].Flips = append(cond.Flips, now)
	err = e.end(ctx, &inc, &c, why, why)
	return c, again, err
}

// part names a condition within another's incident.
func part(k Key) string {
	if k.Subject != "" {
		return string(k.Event) + " of " + k.Subject
	}
	return string(k.Event)
}

// end closes an incident, tells of it, and sets free what was part of it: only
// what goes wrong from now on counts against that.
func (e *Engine) end(ctx context.Context, inc *Incident, c *Change, by, why string) error {
	now := e.clock.Now()
	inc.ClosedAt, inc.ClosedBy, inc.RemindAt = &now, by, time.Time{}
	c.Incidents = append(c.Incidents, *inc)
	c.Entries = append(c.Entries, entry(inc.ID, now, Closed, why))
	c.Messages = append(c.Messages, e.tell(inc, TellClosed, "Over after "+spoken(now.Sub(inc.OpenedAt))+": "+inc.Title, why)...)
	parts, err := e.store.ConditionsOf(ctx, inc.ID)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.Folded {
			p.Bad, p.Incident, p.Folded, p.Since = false, "", false, now
			c.Conditions = append(c.Conditions, p)
		}
	}
	return nil
}

// suspects are the releases that changed an environment not long before.
func suspects(ops []release.Operation, now time.Time) []Suspect {
	var all []Suspect
	for i := range ops {
		if o := &ops[i]; o.Switched() && now.Sub(o.CreatedAt) < suspectSpan && len(all) < 3 {
			all = append(all, suspectOf(o))
		}
	}
	return all
}

// blame names the operation that a job has been silent since, however long ago
// that was: a job that runs once a day is missed a day later.
func (e *Engine) blame(ctx context.Context, inc *Incident, operation string) error {
	if operation == "" || inc.Operation != "" {
		return nil
	}
	o, err := e.store.Operation(ctx, operation)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	inc.Operation = o.ID
	others := slices.DeleteFunc(inc.Suspects, func(s Suspect) bool { return s.Operation == o.ID })
	inc.Suspects = append([]Suspect{suspectOf(&o)}, others...)
	return nil
}

// operationsPath is where the page of an operation is.
const operationsPath = "/admin/environments/operations/"

func (e *Engine) messageText(i *Incident) string {
	text := i.Reason
	switch {
	case len(i.Suspects) == 0:
	case i.Operation == i.Suspects[0].Operation && i.Event == CronMissed:
		s := i.Suspects[0]
		text += fmt.Sprintf(" %s was the %s of %s", s.Operation, s.Action, i.Environment)
		if s.To != "" {
			text += " to " + hostile.Short(s.To)
		}
		text += "."
		if e.url != "" {
			text += " " + e.url + operationsPath + s.Operation
		}
	default:
		s := i.Suspects[0]
		text += fmt.Sprintf(" Not long before, %s (%s) changed %s", s.Operation, s.Action, i.Environment)
		if s.To != "" {
			text += " to " + hostile.Short(s.To)
		}
		text += "."
	}
	return text
}

// entry makes a line of a timeline. Ids grow, so that lines of one moment stay
// in their order.
func entry(incident string, at time.Time, kind EntryKind, text string) Entry {
	return Entry{Incident: incident, ID: uuid.Must(uuid.NewV7()).String(), At: at, Kind: kind, Text: hostile.Line(text, hostile.TitleLimit)}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// spoken is a duration in the words of people, one unit.
func spoken(d time.Duration) string {
	for _, u := range []struct {
		d    time.Duration
		word string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int64(d / u.d); n == 1 {
			return "1 " + u.word
		} else if n > 1 {
			return number(n) + " " + u.word + "s"
		}
	}
	return number(int64(d/time.Second)) + " s"
}
