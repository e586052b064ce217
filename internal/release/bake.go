package release

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/health"
)

// How a new build is watched.
const (
	probeEvery  = 2 * time.Second
	window      = 5 // of so many probes
	badInWindow = 3 // so many bad ones make it sick
	errorsEvery = 30 * time.Second
	lookEvery   = 10 * time.Second
	maxDots     = 450 // 15 minutes of probes; the counts go on
	maxCounts   = 30  // the same of measurements of errors

	// Errors: under minErrors nobody can tell a trend from chance.
	minErrors    = 20
	errorsFactor = 3
	errorsSigma  = 4
	errorsFloor  = 2 // a minute
	errorsTwice  = 2 // measurements in a row
)

// Watch is what the watch over a new build has seen.
type Watch struct {
	Since time.Time `json:"since"`
	// Until is when it ends if nothing happens; it is later when the evidence
	// is not enough by then.
	Until    time.Time `json:"until"`
	Probes   int       `json:"probes"`
	Healthy  int       `json:"healthy"`
	Degraded int       `json:"degraded"`
	Bad      int       `json:"bad"`
	Unknown  int       `json:"unknown"`
	// Dots are the newest probes, one letter each, the newest last.
	Dots   string `json:"dots" doc:"One letter a probe, the newest last: h healthy, d degraded, b bad, u could not be told, o another build answered."`
	Health string `json:"health,omitempty" doc:"What the last probe that was not healthy said."`

	Errors     *Rate   `json:"errors" doc:"Errors since the switch. null: not known."`
	Before     *Rate   `json:"errorsBefore" doc:"Errors in the hour before. null: not known."`
	ErrorsSay  Verdict `json:"errorsVerdict,omitempty" enum:"pass,fail,inconclusive,error"`
	ErrorsText string  `json:"errorsText,omitempty"`
	ErrorFails int     `json:"-"`
	// Counts are the newest measurements of errors, the newest last.
	Counts []Rate `json:"counts,omitempty" nullable:"false" doc:"The newest measurements of errors, the newest last."`

	SickBefore bool `json:"sickBefore" doc:"Production was unhealthy before the release, so envdeck does not roll back by itself."`
	Unproven   bool `json:"unproven" doc:"The site does not say which commit it serves."`
}

// Rate is a number of errors over a time.
type Rate struct {
	Count int64         `json:"count"`
	Over  time.Duration `json:"overNs"`
}

// PerMinute is the rate.
func (r Rate) PerMinute() float64 { return r.perMinute() }

// ErrorLimit is the rate of errors, a minute, from which on a new build counts
// as bad; false when there is nothing to compare with.
func (w *Watch) ErrorLimit() (float64, bool) {
	if w.Before == nil || w.Before.Over <= 0 {
		return 0, false
	}
	return max(errorsFloor, errorsFactor*w.Before.perMinute()), true
}

// Rules of the watch, for faces that draw it.
const (
	BadInWindow = badInWindow
	ProbeWindow = window
	LeastErrors = minErrors
)

func (r Rate) perMinute() float64 {
	if r.Over <= 0 {
		return 0
	}
	return float64(r.Count) / r.Over.Minutes()
}

func (r Rate) String() string {
	return fmt.Sprintf("%d in %s (%.1f a minute)", r.Count, r.Over.Round(time.Second), r.perMinute())
}

// dot is a probe in one letter. Unhealthy answers of a build that is not the
// target say nothing of the target.
func dot(s health.Sample, commit string) byte {
	if s.Commit != "" && commit != "" && !served(s.Commit, commit) {
		return 'o'
	}
	switch s.Verdict {
	case health.Healthy:
		return 'h'
	case health.Degraded:
		return 'd'
	case health.Down:
		return 'b'
	default:
		return 'u'
	}
}

// add counts a probe.
func (w *Watch) add(d byte, reason string) {
	w.Probes++
	switch d {
	case 'h':
		w.Healthy++
	case 'd':
		w.Degraded++
	case 'b':
		w.Bad++
	default:
		w.Unknown++
	}
	if d != 'h' && reason != "" {
		w.Health = reason
	}
	w.Dots = push(w.Dots, d, maxDots)
}

// push adds a dot and forgets the oldest.
func push(dots string, d byte, most int) string {
	dots += string(d)
	return dots[max(0, len(dots)-most):]
}

// sick says that enough of the last probes were bad. One blip is not, and nor
// is a slow flicker.
func sick(dots string) bool {
	return strings.Count(last(dots), "b") >= badInWindow
}

func last(dots string) string { return dots[max(0, len(dots)-window):] }

// health is the verdict of the probes when the time is over.
func (w *Watch) health() (Verdict, string) {
	known := w.Healthy + w.Degraded + w.Bad
	switch {
	case w.Probes == 0:
		return Inconclusive, "nobody could ask the site"
	case sick(w.Dots):
		return Fail, w.Health
	case known*2 < w.Probes:
		return Inconclusive, fmt.Sprintf("of %d probes only %d could tell", w.Probes, known)
	case strings.Contains(last(w.Dots), "b"):
		return Inconclusive, "it flickers: " + w.Health
	case w.Healthy < w.Degraded:
		return Inconclusive, "mostly degraded: " + w.Health
	case w.Unproven:
		return Inconclusive, "the site does not say which commit it serves"
	}
	return Pass, fmt.Sprintf("%d of %d probes healthy", w.Healthy, w.Probes)
}

// judgeErrors compares the errors since the switch with those of the hour
// before. It fails only what is many in itself, several times as many as
// before, and too many to be chance.
func judgeErrors(before *Rate, now Rate) (Verdict, string) {
	switch {
	case before == nil || before.Over <= 0:
		return Inconclusive, "the errors of the hour before are not known"
	case now.Count < minErrors:
		return Inconclusive, fmt.Sprintf("%s; under %d nobody can tell a trend from chance", now, minErrors)
	}
	expected := before.perMinute() * now.Over.Minutes()
	sigma := (float64(now.Count) - expected) / math.Sqrt(expected+1)
	if now.perMinute() >= errorsFloor && now.perMinute() >= errorsFactor*before.perMinute() && sigma >= errorsSigma {
		return Fail, fmt.Sprintf("%s, against %s before: more than %d times as many, and no chance (%.1f σ)", now, before, errorsFactor, sigma)
	}
	return Pass, fmt.Sprintf("%s, against %s before", now, before)
}
