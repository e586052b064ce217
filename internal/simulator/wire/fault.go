package wire

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
)

// FaultKind names what a rule does to a call.
type FaultKind string

// The faults. docs/simulator.md says what each one looks like from outside.
const (
	Latency          FaultKind = "latency"
	Status           FaultKind = "status"
	RateLimited      FaultKind = "rate_limited"
	Hang             FaultKind = "hang"
	HangBody         FaultKind = "hang_body"
	Drip             FaultKind = "drip"
	Reset            FaultKind = "reset"
	Close            FaultKind = "close"
	Malformed        FaultKind = "malformed"
	Huge             FaultKind = "huge"
	GzipBomb         FaultKind = "gzip_bomb"
	EmptyBody        FaultKind = "empty"
	PartialPage      FaultKind = "partial_page"
	LoopingPage      FaultKind = "looping_page"
	Redirect         FaultKind = "redirect"
	EchoToken        FaultKind = "echo_token"
	AppliedButFailed FaultKind = "applied_but_failed"
	NotAppliedButOK  FaultKind = "not_applied_but_ok"
	Skew             FaultKind = "skew"
)

// FaultKinds lists every kind.
func FaultKinds() []FaultKind {
	return []FaultKind{
		Latency, Status, RateLimited, Hang, HangBody, Drip, Reset, Close, Malformed, Huge, GzipBomb, EmptyBody,
		PartialPage, LoopingPage, Redirect, EchoToken, AppliedButFailed, NotAppliedButOK, Skew,
	}
}

// RetryShapes are the forms of Retry-After that rate_limited can take.
func RetryShapes() []string {
	return []string{"vendor", "none", "seconds", "date", "garbage", "ten_days", "negative"}
}

// MalformedShapes are the forms that malformed can take.
func MalformedShapes() []string {
	return []string{"truncated", "wrong_types", "null_root", "html", "bom", "deep", "duplicate_keys", "float_ids", "text"}
}

// Duration is a time.Duration that is written "1m30s" in JSON.
type Duration time.Duration

// UnmarshalJSON reads "1m30s".
func (d *Duration) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("a duration is written as text, such as \"1m30s\": %w", err)
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	*d = Duration(parsed)
	return nil
}

// MarshalJSON writes "1m30s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// Rule says which calls to spoil, when, and how.
type Rule struct {
	// ID is given when the rule is added.
	ID string `json:"id,omitempty"`

	// Which calls: empty fields match all. Path and Route are globs in which *
	// stands for anything; Query wants every key with a value (also a glob).
	Provider string            `json:"provider,omitempty"`
	Method   string            `json:"method,omitempty"`
	Path     string            `json:"path,omitempty"`
	Route    string            `json:"route,omitempty"`
	Query    map[string]string `json:"query,omitempty"`

	// When: skip the first After matching calls, end after Times spoiled ones
	// (0 is no end), spoil each with Probability (0 is always), and end when
	// the world's clock has moved on by For (0 is never).
	After       int      `json:"after,omitempty"`
	Times       int      `json:"times,omitempty"`
	Probability float64  `json:"probability,omitempty"`
	For         Duration `json:"for,omitempty"`

	// Preset fills in Kind and its fields; see [Presets].
	Preset string    `json:"preset,omitempty"`
	Kind   FaultKind `json:"kind,omitempty"`

	// Delay and DelayMax: how long latency waits (drawn between the two when
	// DelayMax is set), how long drip waits between bytes, and how long
	// applied_but_failed waits when Then is "timeout". All in real time.
	Delay    Duration `json:"delay,omitempty"`
	DelayMax Duration `json:"delay_max,omitempty"`
	// Status for status, rate_limited, redirect, malformed, echo_token and
	// applied_but_failed.
	Status int `json:"status,omitempty"`
	// Body replaces the vendor's own: JSON, or a JSON string for plain text.
	Body json.RawMessage `json:"body,omitempty"`
	// Headers are set on the answer last.
	Headers map[string]string `json:"headers,omitempty"`
	// RetryAfter is one of [RetryShapes].
	RetryAfter string `json:"retry_after,omitempty"`
	// Seconds is the number in Retry-After for "seconds" and "date".
	Seconds int `json:"seconds,omitempty"`
	// Variant picks among the shapes a vendor has for one refusal.
	Variant string `json:"variant,omitempty"`
	// Shape is one of [MalformedShapes].
	Shape string `json:"shape,omitempty"`
	// MB is the size of huge and gzip_bomb after decompression.
	MB int `json:"mb,omitempty"`
	// Location is where redirect points.
	Location string `json:"location,omitempty"`
	// Then is what applied_but_failed answers: status, timeout or reset.
	Then string `json:"then,omitempty"`
	// By is how far skew shifts the provider's clock.
	By Duration `json:"by,omitempty"`

	// Seen and Hits count matching and spoiled calls.
	Seen int `json:"seen"`
	Hits int `json:"hits"`
	// Added is the world's time at which the rule was added.
	Added time.Time `json:"added"`

	draw *rand.Rand
	gone chan struct{}
}

// Faults is the list of rules. Rules are tried oldest first: every matching
// latency and skew applies, and the first other rule that matches.
type Faults struct {
	clock clock.Clock
	seed  uint64
	mu    sync.Mutex
	next  int
	rules []*Rule
}

func newFaults(c clock.Clock, seed uint64) *Faults { return &Faults{clock: c, seed: seed} }

// Add checks a rule and puts it in force; the answer carries its id.
func (f *Faults) Add(rule Rule) (Rule, error) {
	if err := rule.complete(); err != nil {
		return Rule{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	rule.ID = "f" + strconv.Itoa(f.next)
	rule.Seen, rule.Hits = 0, 0
	rule.Added = f.clock.Now()
	rule.draw = rand.New(rand.NewPCG(f.seed, uint64(f.next)))
	rule.gone = make(chan struct{})
	f.rules = append(f.rules, &rule)
	return rule, nil
}

// List is every rule in force.
func (f *Faults) List() []Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire()
	list := make([]Rule, 0, len(f.rules))
	for _, r := range f.rules {
		list = append(list, *r)
	}
	return list
}

// Delete ends one rule and the calls that hang on it; false if there is none.
func (f *Faults) Delete(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.rules, func(r *Rule) bool { return r.ID == id })
	if i < 0 {
		return false
	}
	close(f.rules[i].gone)
	f.rules = slices.Delete(f.rules, i, i+1)
	return true
}

// Clear ends every rule and says how many there were.
func (f *Faults) Clear() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		close(r.gone)
	}
	n := len(f.rules)
	f.rules = nil
	return n
}

// expire drops rules whose time or count is over. Calls that hang on a rule
// that ran out of hits go on hanging; a rule is only ended by Delete or Clear.
func (f *Faults) expire() {
	now := f.clock.Now()
	f.rules = slices.DeleteFunc(f.rules, func(r *Rule) bool {
		over := r.For > 0 && now.Sub(r.Added) >= time.Duration(r.For)
		if over {
			close(r.gone)
		}
		return over
	})
}

// pick returns the rules that spoil this call: any latency and skew, and at
// most one other.
func (f *Faults) pick(provider, route string, r *http.Request) (around []Rule, main *Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.rules) == 0 {
		return nil, nil
	}
	f.expire()
	for _, rule := range f.rules {
		side := rule.Kind == Latency || rule.Kind == Skew
		if (!side && main != nil) || !rule.match(provider, route, r) {
			continue
		}
		rule.Seen++
		if rule.Seen <= rule.After || (rule.Times > 0 && rule.Hits >= rule.Times) {
			continue
		}
		if rule.Probability > 0 && rule.draw.Float64() >= rule.Probability {
			continue
		}
		rule.Hits++
		copied := *rule
		if copied.Kind == Latency && copied.DelayMax > copied.Delay {
			copied.Delay += Duration(rule.draw.Int64N(int64(copied.DelayMax-copied.Delay) + 1))
		}
		if side {
			around = append(around, copied)
		} else {
			main = &copied
		}
	}
	return around, main
}

func (r *Rule) match(provider, route string, req *http.Request) bool {
	if (r.Provider != "" && r.Provider != provider) || (r.Method != "" && r.Method != req.Method) ||
		(r.Path != "" && !glob(r.Path, req.URL.Path)) || (r.Route != "" && !glob(r.Route, route)) {
		return false
	}
	if len(r.Query) == 0 {
		return true
	}
	query := req.URL.Query()
	for key, want := range r.Query {
		if !slices.ContainsFunc(query[key], func(value string) bool { return glob(want, value) }) {
			return false
		}
	}
	return true
}

// glob matches text against a pattern in which * stands for anything,
// slashes included.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, last)
}
