package operations

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Chart is measurements as dots against the limit that rolls back, drawn on a
// plane of 400 by 64.
type Chart struct {
	Dots  []Dot
	Limit float64 // its height
	Base  float64 // height of what was before, 0 for nothing to compare with
	// Says is the picture in words: the measurements and the condition.
	Says ui.Text
	Rule string
}

// Dot is one measurement.
type Dot struct {
	X, Y float64
	Tone string
	Word string
}

// The plane: the dots stand between the margins.
const (
	chartWidth  = 400.0
	chartTop    = 8.0
	chartBottom = 56.0
	most        = 60 // probes that are drawn
)

// probes draws each probe at the height of how many of the last five were bad.
func probes(w *release.Watch) Chart {
	all := w.Dots[max(0, len(w.Dots)-most-release.ProbeWindow):]
	height := func(bad int) float64 {
		return round(chartBottom - float64(bad)*(chartBottom-chartTop)/float64(release.ProbeWindow))
	}
	c := Chart{
		Limit: height(release.BadInWindow),
		Rule:  fmt.Sprintf("%d bad of the last %d roll back", release.BadInWindow, release.ProbeWindow),
		Says:  ui.Text(fmt.Sprintf("%d of %d checks healthy, %d bad", w.Healthy, w.Probes, w.Bad)),
	}
	first := max(0, len(all)-most)
	step := chartWidth / float64(most)
	for i := first; i < len(all); i++ {
		tone, word := look(all[i])
		bad := strings.Count(all[max(0, i-release.ProbeWindow+1):i+1], "b")
		c.Dots = append(c.Dots, Dot{X: round((float64(i-first) + 0.5) * step), Y: height(bad), Tone: tone, Word: word})
	}
	return c
}

// counts draws the rates of errors, nil when none was measured.
func counts(w *release.Watch) *Chart {
	limit, known := w.ErrorLimit()
	if len(w.Counts) == 0 || !known {
		return nil
	}
	// The limit stands at two thirds, so that what is above it is seen.
	height := func(rate float64) float64 {
		return round(max(chartTop, chartBottom-rate/limit*(chartBottom-chartTop)*2/3))
	}
	c := &Chart{
		Limit: height(limit), Base: height(w.Before.PerMinute()),
		Rule: fmt.Sprintf("From %s a minute and %d errors on, twice in a row, it rolls back", number(limit), release.LeastErrors),
	}
	step := chartWidth / float64(max(len(w.Counts), 10))
	for i, r := range w.Counts {
		tone := "good"
		if r.PerMinute() >= limit {
			tone = "bad"
			if r.Count < release.LeastErrors {
				tone = "unknown" // too few to tell
			}
		}
		c.Dots = append(c.Dots, Dot{X: round((float64(i) + 0.5) * step), Y: height(r.PerMinute()), Tone: tone, Word: number(r.PerMinute()) + " a minute"})
	}
	c.Says = ui.Text("the last count is " + c.Dots[len(c.Dots)-1].Word)
	return c
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

func round(f float64) float64 { return float64(int(f*10+0.5)) / 10 }

func look(c byte) (tone, word string) {
	switch c {
	case 'h':
		return "good", "healthy"
	case 'd':
		return "warn", "degraded"
	case 'b':
		return "bad", "bad"
	case 'o':
		return "busy", "another build answered"
	default:
		return "unknown", "could not be told"
	}
}

// guards puts what was confirmed, approved and passed into the view.
func (v *View) guards(op *release.Operation) {
	if op.Sheet != "" {
		v.Sheet = "/admin/environments/sheets/" + url.PathEscape(op.Sheet)
	}
	if op.Worker == nil && op.From != nil && op.To != nil && op.From.ID != "" && op.To.ID != "" {
		v.Compare = "/admin/environments/compare?" + url.Values{"from": {op.From.ID}, "to": {op.To.ID}, "project": {op.Project}}.Encode()
	}
	if a := op.Approval; a != nil {
		v.Approved, v.Request = ui.Name(a.By.Name), "/admin/environments/approvals/"+url.PathEscape(a.ID)
		if a.Solo {
			v.Approved += ", solo: nobody else could"
		}
	}
	if op.Glass != nil {
		for _, p := range op.Glass.Passed {
			v.Glass = append(v.Glass, ui.Reason(p.Text))
		}
	}
}
