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

// Sample is what one probe found.
type Sample struct {
	At      time.Time `json:"at"`
	Verdict Verdict   `json:"verdict"`
	// Reason says in a few words why the verdict is not Healthy, "" when it is.
	Reason string `json:"reason,omitempty"`
	// Offline says that nothing listens there: normal for a local environment.
	Offline bool `json:"offline,omitempty"`
	Status  int  `json:"statusCode,omitempty"` // HTTP status, 0 when none came
	// Commit that the app says it serves, "" when it does not say.
	Commit  string        `json:"commit,omitempty"`
	Branch  string        `json:"branch,omitempty"`
	Version string        `json:"version,omitempty"`
	Parts   []Part        `json:"parts,omitempty"`
	Phases  Phases        `json:"phases"`
	Total   time.Duration `json:"-"`
}

// Part is one component that the app reports on: its database, its cache.
type Part struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail,omitempty"`
}

// Phases is where the time of a probe went, in milliseconds; a phase that was
// not reached, or not needed on an address without TLS, is zero.
type Phases struct {
	DNS       float64 `json:"dnsMs"`
	Connect   float64 `json:"connectMs"`
	TLS       float64 `json:"tlsMs"`
	FirstByte float64 `json:"firstByteMs"`
	Total     float64 `json:"totalMs"`
}
