package wire

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"
)

// ringSize is how many calls the log remembers; its counters never roll over.
const ringSize = 10_000

// Entry is one call as the log keeps it. It never holds a token.
type Entry struct {
	Seq      int64  `json:"seq"`
	Provider string `json:"provider"`
	// Time is the world's time at which the call came.
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	// Route is the pattern that matched, or "" for an unknown path.
	Route string `json:"route"`
	Query string `json:"query,omitempty"`
	// Status is what was sent; 0 when the connection ended without one.
	Status int `json:"status"`
	// DurationMS is real time, whatever the world's speed.
	DurationMS float64 `json:"durationMs"`
	// Fault is the id of the rule that spoiled the call.
	Fault string `json:"fault,omitempty"`
	// Refused is the kind of refusal, when the call was refused.
	Refused Kind `json:"refused,omitempty"`
	// Changed says that the call changed the world.
	Changed bool `json:"changed"`
	// Token is the name of the caller's token.
	Token     string `json:"token,omitempty"`
	UserAgent string `json:"userAgent,omitempty"`
	BodyBytes int    `json:"bodyBytes,omitempty"`
	BodyHash  string `json:"bodySha256,omitempty"`
	// Body is the JSON body of a write, secrets taken out; absent when large.
	Body  json.RawMessage `json:"body,omitempty"`
	Notes []string        `json:"notes,omitempty"`
}

// Filter picks entries; a zero field picks all.
type Filter struct {
	Provider string
	Method   string
	Route    string
	// Path is a glob in which * stands for anything.
	Path  string
	Token string
	// Since picks entries with a larger Seq.
	Since int64
	// Changed picks only calls that changed the world.
	Changed bool
	// Faulted picks only calls that a rule spoiled.
	Faulted bool
	// Limit keeps the newest so many; 0 is no limit.
	Limit int
}

func (f Filter) match(e Entry) bool {
	return (f.Provider == "" || f.Provider == e.Provider) &&
		(f.Method == "" || f.Method == e.Method) &&
		(f.Route == "" || glob(f.Route, e.Route)) &&
		(f.Path == "" || glob(f.Path, e.Path)) &&
		(f.Token == "" || f.Token == e.Token) &&
		e.Seq > f.Since && (!f.Changed || e.Changed) && (!f.Faulted || e.Fault != "")
}

// Count is how often one route was called since the log was cleared.
type Count struct {
	Provider string `json:"provider"`
	Method   string `json:"method"`
	Route    string `json:"route"`
	Calls    int64  `json:"calls"`
	// Changed counts the calls that changed the world.
	Changed int64 `json:"changed"`
	// Faulted counts the calls that a rule spoiled.
	Faulted  int64         `json:"faulted"`
	Statuses map[int]int64 `json:"statuses"`
}

type countKey struct{ provider, method, route string }

// Log remembers the last calls and counts all of them.
type Log struct {
	mu     sync.Mutex
	seq    int64
	ring   []Entry
	counts map[countKey]*Count
}

func newLog() *Log { return &Log{counts: map[countKey]*Count{}} }

func (l *Log) add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Seq = l.seq
	if len(l.ring) < ringSize {
		l.ring = append(l.ring, e)
	} else {
		l.ring[(l.seq-1)%ringSize] = e
	}
	key := countKey{e.Provider, e.Method, e.Route}
	c := l.counts[key]
	if c == nil {
		c = &Count{Provider: e.Provider, Method: e.Method, Route: e.Route, Statuses: map[int]int64{}}
		l.counts[key] = c
	}
	c.Calls++
	c.Statuses[e.Status]++
	if e.Changed {
		c.Changed++
	}
	if e.Fault != "" {
		c.Faulted++
	}
}

// List is the remembered entries that a filter picks, oldest first.
func (l *Log) List(f Filter) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	picked := []Entry{}
	for _, e := range l.ring {
		if f.match(e) {
			picked = append(picked, e)
		}
	}
	slices.SortFunc(picked, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	if f.Limit > 0 && len(picked) > f.Limit {
		picked = picked[len(picked)-f.Limit:]
	}
	return picked
}

// Counts are the counters of every route called, of one provider, method or
// route where those are not "".
func (l *Log) Counts(provider, method, route string) []Count {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := []Count{}
	for key, c := range l.counts {
		if (provider == "" || provider == key.provider) && (method == "" || method == key.method) && (route == "" || glob(route, key.route)) {
			copied := *c
			copied.Statuses = map[int]int64{}
			maps.Copy(copied.Statuses, c.Statuses)
			list = append(list, copied)
		}
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Method, b.Method))
	})
	return list
}

// Last is the sequence number of the newest call.
func (l *Log) Last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq
}

// Clear forgets entries and counters; sequence numbers go on.
func (l *Log) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts = map[countKey]*Count{}
	// The ring is indexed by sequence number, so it starts anew from its
	// first slot only when the numbers do; blank entries keep it in step.
	for i := range l.ring {
		l.ring[i] = Entry{Seq: -1}
	}
}
