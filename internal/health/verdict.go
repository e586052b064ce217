// Package health asks every environment whether it is well: it probes the
// health endpoints, reads whichever of the common answers they give, keeps the
// latest sample of each at hand and the samples of the last days in a Store.
//
// The rules of the room: a probe of one target never waits for another; what
// could not be told is Unknown with a reason and never Healthy; everything an
// endpoint answers is hostile text.
//
// It must not know which platform serves an environment, what is deployed
// there, how a sample is stored, nor what anybody does about a bad one:
// comparing the served commit with the deployed one belongs to status, and
// taking a release back to release.
package health

import "time"

// Verdict is what a probe says of an environment. Unknown is not Down: it
// means that nobody could tell.
type Verdict string

// The verdicts, in the words of the API.
const (
	Healthy  Verdict = "healthy"
	Degraded Verdict = "degraded"
	Down     Verdict = "down"
	Unknown  Verdict = "unknown"
)

// severity orders the verdicts for worst-of. Unknown is worse than Healthy, so
// that it is never shown green, and better than what is known to be bad.
func (v Verdict) severity() int {
	switch v {
	case Healthy:
		return 0
	case Degraded:
		return 2
	case Down:
		return 3
	default:
		return 1
	}
}

// Worst is the worse of two verdicts: Down, Degraded, Unknown, Healthy.
func Worst(a, b Verdict) Verdict {
	if b.severity() > a.severity() {
		return b
	}
	return a
}

// Sample is what one probe found.
type Sample struct {
	// At is when the probe began.
	At      time.Time `json:"at"`
	Verdict Verdict   `json:"verdict"`
	// Reason says in a few words why the verdict is not Healthy, "" when it
	// is. At most 200 characters, without control characters.
	Reason string `json:"reason,omitempty"`
	// Offline says that nothing listens there: normal for a local environment.
	Offline bool `json:"offline,omitempty"`
	// Cached says that a cache on the way gave the answer, so it proves
	// nothing of what the app serves now.
	Cached bool `json:"cached,omitempty"`
	Status int  `json:"statusCode,omitempty"` // HTTP status, 0 when none came
	// Commit that the app says it serves, 7 to 40 lower-case hex digits, ""
	// when it does not say.
	Commit  string `json:"commit,omitempty"`
	Branch  string `json:"branch,omitempty"`
	Version string `json:"version,omitempty"`
	Parts   []Part `json:"parts,omitempty"` // at most 50, the worst first
	Phases  Phases `json:"phases"`
}

// Part is one component that the app reports on: its database, its cache. One
// that is switched off or not set up is Unknown, and its Detail says so.
type Part struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail,omitempty"`
}

// Phases is where the time of a probe went, in milliseconds; a phase that was
// not reached, or not needed on an address without TLS, is zero.
type Phases struct {
	DNS     float64 `json:"dnsMs"`
	Connect float64 `json:"connectMs"`
	TLS     float64 `json:"tlsMs"`
	// FirstByte is the app's own time: from the request written to the first
	// byte of the answer.
	FirstByte float64 `json:"firstByteMs"`
	Total     float64 `json:"totalMs"`
}
