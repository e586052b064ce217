package workers

import (
	"fmt"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/web/ui"
	"github.com/envdeck/envdeck/internal/worker"
)

// Deployed is who gave the traffic to what serves, when and why.
type Deployed struct {
	At      time.Time
	By      ui.Text
	With    ui.Text
	Message ui.Text
}

func newCard(w *worker.Worker, project string) Card {
	c := Card{
		ID: ui.Name("worker-" + w.Name), Name: ui.Name(w.Name), Path: pathOf(w.Name, project), State: state(w),
		Figures: figures(w), Routes: routes(w.Routes), Notes: notes(w.Notes), Sampled: w.Stats.Sampled,
	}
	if w.ScriptName != w.Name {
		c.Script = ui.Name(w.ScriptName)
	}
	if c.Spark = newSpark(w.Hours); c.Spark == nil {
		c.SparkWhy = why(w, "hours")
	}
	for _, s := range w.Serving {
		c.Serving = append(c.Serving, newShare(s))
	}
	if w.LastDeployed == nil {
		c.WhyNot = why(w, "lastDeployed")
	} else {
		c.Deployed = &Deployed{At: *w.LastDeployed, By: name(w.DeployedBy), With: name(w.DeployedWith), Message: name(w.Message)}
	}
	if w.Routes == nil {
		c.RouteWhy = why(w, "routes")
	}
	return c
}

// why is the reason of a field that is not known.
func why(w *worker.Worker, field string) ui.Text { return ui.NotKnown(w.Unknown[field]).Why }

// state says what a look is enough for. It is about what serves and whether
// anything was counted, and never about how well: no number here is a verdict.
func state(w *worker.Worker) ui.Badge {
	switch {
	case len(w.Serving) > 1:
		return ui.Badge{Icon: "split", Word: "Gradual", Tone: ui.Busy}
	case len(w.Serving) == 0:
		return ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}
	case w.Stats.Flow == worker.FlowNone:
		return ui.Badge{Icon: "offline", Word: "No traffic", Tone: ui.Quiet}
	case w.Stats.Flow == worker.FlowUnknown:
		return ui.Badge{Icon: "unknown", Word: "Traffic unknown", Tone: ui.Unknown}
	default:
		return ui.Badge{Icon: "live", Word: "Serving", Tone: ui.Quiet}
	}
}

func figures(w *worker.Worker) []Figure {
	t := w.Stats
	bad := t.Errors24h != nil && *t.Errors24h > 0
	all := []Figure{
		{Label: "Requests", Hint: "in 24 hours", Value: count(t.Requests24h, w, "stats.requests24h")},
		{Label: "Invocation errors", Value: count(t.Errors24h, w, "stats.errors24h"), Bad: bad},
		{Label: "p50", Hint: "half of the requests took less", Value: milliseconds(t.P50Latency, w, "stats.p50Latency")},
		{Label: "p99", Hint: "one in a hundred took more", Value: milliseconds(t.P99Latency, w, "stats.p99Latency")},
		{Label: "CPU", Hint: "processor time per request, on average", Value: milliseconds(t.CPUTimeAvg, w, "stats.cpuTimeAvg")},
	}
	if t.ErrorRate != nil {
		all[1].Value.Detail = percent(*t.ErrorRate)
	}
	return all
}

// percent writes a share: "0.5 %", "< 0.01 %", "0 %".
func percent(p float64) ui.Text {
	if p > 0 && p < 0.01 {
		return "< 0.01 %"
	}
	return ui.Text(strconv.FormatFloat(float64(int64(p*100+0.5))/100, 'f', -1, 64) + " %")
}

func count(n *int64, w *worker.Worker, field string) ui.Fact {
	if n == nil {
		return ui.NotKnown(w.Unknown[field])
	}
	return ui.Known(ui.Text(ui.Count(*n)))
}

// milliseconds is a time, or a dash where there was no traffic to take any: then
// nothing is unknown.
func milliseconds(ms *float64, w *worker.Worker, field string) ui.Fact {
	switch {
	case ms != nil:
		return ui.Known(ui.Text(ui.Milliseconds(*ms)))
	case w.Stats.Flow == worker.FlowNone:
		return ui.Known("–")
	default:
		return ui.NotKnown(w.Unknown[field])
	}
}

func newShare(s worker.Share) Share {
	out := Share{
		Version: ui.Name(s.VersionID[:min(len(s.VersionID), 8)]), Full: ui.Name(s.VersionID), Width: s.Percent,
		Percent: strconv.FormatFloat(s.Percent, 'f', -1, 64) + " %", Message: name(s.Message), Author: name(s.Author),
	}
	if s.Tag != nil {
		out.Version = ui.Name(*s.Tag)
	}
	if s.Number != nil {
		out.Number = *s.Number
	}
	return out
}

func name(s *string) ui.Text {
	if s == nil {
		return ""
	}
	return ui.Title(*s)
}

// newSpark draws the requests of a day over its errors; nil when the hours are
// not known.
func newSpark(hours []worker.Hour) *ui.Spark {
	if hours == nil {
		return nil
	}
	s := ui.NewSpark(len(hours), true)
	var most, worst, requests, bad int64
	for _, h := range hours {
		most, worst = max(most, h.Requests), max(worst, h.Errors)
		requests, bad = requests+h.Requests, bad+h.Errors
	}
	for i, h := range hours {
		title := fmt.Sprintf("%s UTC: %s, %s", h.At.UTC().Format("15:04"), ui.Plural(int(h.Requests), "request", "requests"), ui.Plural(int(h.Errors), "error", "errors"))
		s.Bar(h.Requests, most, title, i == len(hours)-1)
		s.Below(h.Errors, worst, title)
	}
	s.Most = ui.Text(ui.Count(most))
	s.Label = fmt.Sprintf("%s and %s in the last %d hours, at most %s an hour", ui.Plural(int(requests), "request", "requests"), ui.Plural(int(bad), "invocation error", "invocation errors"), len(hours), ui.Count(most))
	return s
}

// Whole is one worker with what it was before.
type Whole struct {
	Card     Card
	Back     string // the page for going back
	Rollouts []Rollout
	RollWhy  ui.Text
	Versions []Version
	VersWhy  ui.Text
	Triggers []Trigger
	TrigWhy  ui.Text
}

// Rollout is one deployment in the table.
type Rollout struct {
	ID      ui.Text
	At      time.Time
	Live    bool
	Shares  []Share
	By      ui.Text
	With    ui.Text
	Trigger ui.Text
	Message ui.Text
}

// Version is one upload in the table.
type Version struct {
	ID      ui.Text
	Short   ui.Text
	Number  int
	Tag     ui.Text
	Message ui.Text
	Author  ui.Text
	At      time.Time
	Percent string // "" when it has no traffic
}

// Trigger is one time at which it starts by itself.
type Trigger struct {
	Schedule ui.Text
	Human    ui.Text
	Next     time.Time
	Problem  ui.Text
}

// listed is how many versions the page shows.
const listed = 20

func newWhole(h worker.History, project string) *Whole {
	o := &Whole{Card: newCard(&h.Worker, project), Back: backOf(h.Name, project)}
	if h.Rollouts == nil {
		o.RollWhy = why(&h.Worker, "deployments")
	}
	for _, d := range h.Rollouts {
		r := Rollout{
			ID: ui.Name(d.ID), At: d.CreatedAt, Live: d.Live, By: ui.Name(d.By), With: ui.Name(d.With), Trigger: ui.Name(d.Trigger), Message: ui.Title(d.Message),
		}
		for _, s := range d.Versions {
			r.Shares = append(r.Shares, newShare(s))
		}
		o.Rollouts = append(o.Rollouts, r)
	}
	if h.Versions == nil {
		o.VersWhy = why(&h.Worker, "versions")
	}
	for _, v := range h.Versions[:min(len(h.Versions), listed)] {
		one := Version{
			ID: ui.Name(v.ID), Short: ui.Name(v.ID[:min(len(v.ID), 8)]), Number: v.Number, Tag: ui.Name(v.Tag), Message: ui.Title(v.Message),
			Author: ui.Name(v.Author), At: v.CreatedAt,
		}
		if v.Percent > 0 {
			one.Percent = strconv.FormatFloat(v.Percent, 'f', -1, 64) + " %"
		}
		o.Versions = append(o.Versions, one)
	}
	if h.Triggers == nil {
		o.TrigWhy = why(&h.Worker, "triggers")
	}
	for _, t := range h.Triggers {
		one := Trigger{Schedule: ui.Name(t.Schedule), Human: ui.Title(t.Human), Problem: ui.Reason(t.Problem)}
		if t.NextRun != nil {
			one.Next = *t.NextRun
		}
		o.Triggers = append(o.Triggers, one)
	}
	return o
}
