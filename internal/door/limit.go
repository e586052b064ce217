package door

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
)

// Rate is how much is let through: so many a second on average, and Burst at
// once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Limits says how much a caller may ask before it is told to wait. A zero Rate
// is the default.
type Limits struct {
	// Caller is for one token or session that is valid. Routes whose answer
	// lies ready are not counted: refusing costs as much as answering.
	Caller Rate
	// Address is for everything that comes from one address (IPv6: one /64,
	// which is what one customer is given) without a credential that is known
	// to be valid. It is asked before the database is.
	Address Rate
}

// The defaults leave room for scripts and for an office behind one address.
var (
	defaultCaller  = Rate{PerSecond: 100, Burst: 500}
	defaultAddress = Rate{PerSecond: 100, Burst: 200}
)

// limiter keeps the two sorts of buckets. A caller whose credential was valid
// a moment ago has a bucket of its own; whoever has none is counted by
// address. So neither a flood of strangers nor one mad script keeps others
// out, not even those behind the same address.
type limiter struct {
	seed      maphash.Seed
	callers   *Buckets[uint64] // by hash of the credential; a collision only shares a bucket
	addresses *Buckets[netip.Addr]
}

func newLimiter(l Limits) *limiter {
	if l.Caller == (Rate{}) {
		l.Caller = defaultCaller
	}
	if l.Address == (Rate{}) {
		l.Address = defaultAddress
	}
	seed := maphash.MakeSeed()
	return &limiter{seed: seed, callers: NewBuckets[uint64](l.Caller, seed), addresses: NewBuckets[netip.Addr](l.Address, seed)}
}

// caller is the key of what a request shows; 0 when it shows nothing.
func (l *limiter) caller(bearer, cookie string) uint64 {
	switch {
	case bearer != "":
		return maphash.String(l.seed, bearer)
	case cookie != "":
		return maphash.String(l.seed, cookie)
	default:
		return 0
	}
}

// stranger charges an address.
func (l *limiter) stranger(a netip.Addr, now time.Time) error {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			a = p.Addr()
		}
	}
	return Wait(l.addresses.Bucket(a), now, "Too many requests without a valid token or session come from this address.")
}

// Wait takes one token, or answers how long to wait and why.
func Wait(b *rate.Limiter, now time.Time, why string) error {
	r := b.ReserveN(now, 1)
	delay := r.DelayFrom(now)
	if delay <= 0 {
		return nil
	}
	r.CancelAt(now)
	return &fault.Error{Kind: fault.RateLimited, RetryAfter: max(delay, time.Second), Message: why + " Wait a moment and try again."}
}

// Buckets are token buckets by key. Memory is bounded: when the young ones are
// many, those that were not used since the last time are forgotten, which at
// worst gives a caller a full bucket again.
type Buckets[K comparable] struct {
	rate   Rate
	seed   maphash.Seed
	shards [bucketShards]shard[K]
}

const (
	bucketShards = 16
	// youngBuckets is how many a shard holds before it forgets: with two
	// generations at most 16*2*1024 buckets of about 150 bytes.
	youngBuckets = 1024
)

type shard[K comparable] struct {
	mu         sync.Mutex
	young, old map[K]*rate.Limiter
}

// NewBuckets makes buckets of one rate; the seed spreads the keys.
func NewBuckets[K comparable](r Rate, seed maphash.Seed) *Buckets[K] {
	return &Buckets[K]{rate: r, seed: seed}
}

func (b *Buckets[K]) shard(key K) *shard[K] {
	return &b.shards[maphash.Comparable(b.seed, key)%bucketShards]
}

// Find answers the key's bucket, nil when there is none.
func (b *Buckets[K]) Find(key K) *rate.Limiter {
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(key)
}

func (s *shard[K]) find(key K) *rate.Limiter {
	if l := s.young[key]; l != nil {
		return l
	}
	l := s.old[key]
	if l != nil {
		s.put(key, l)
	}
	return l
}

func (s *shard[K]) put(key K, l *rate.Limiter) {
	if len(s.young) >= youngBuckets || s.young == nil {
		s.old, s.young = s.young, make(map[K]*rate.Limiter)
	}
	s.young[key] = l
}

// Bucket answers the key's bucket and makes it when there is none.
func (b *Buckets[K]) Bucket(key K) *rate.Limiter {
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.find(key)
	if l == nil {
		l = rate.NewLimiter(rate.Limit(b.rate.PerSecond), b.rate.Burst)
		s.put(key, l)
	}
	return l
}

func (b *Buckets[K]) forget(key K) {
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.young, key)
	delete(s.old, key)
}

// who finds out who asks, within the limits.
func (d *Door) who(w http.ResponseWriter, r *http.Request, rt *Route, cookie string) (access.Actor, error) {
	if d.fixed != nil {
		a := *d.fixed
		a.RequestID = requestID(w)
		return a, nil
	}
	bearer := access.Bearer(r.Header.Get("Authorization"))
	client := d.Client(r)
	caller := d.limits.caller(bearer, cookie)
	var bucket *rate.Limiter
	if caller != 0 {
		bucket = d.limits.callers.Find(caller)
	}
	// Pings carry their credential in the address; the ping face counts them
	// by it.
	counted := rt.Face != access.FacePing && (!rt.Ready || !rt.Use.Open())
	if bucket == nil && counted {
		if err := d.limits.stranger(client, d.clock.Now()); err != nil {
			return access.Actor{}, err
		}
	}
	a, err := d.identify(r, rt.Face, bearer, cookie, requestID(w), rt.Stream || polls(r))
	switch {
	case err != nil || !a.Known():
		if bucket != nil && (err == nil || fault.Is(err, fault.Unauthenticated)) {
			d.limits.callers.forget(caller) // it was valid a moment ago
		}
		return a, err
	case bucket == nil:
		bucket = d.limits.callers.Bucket(caller)
	}
	if rt.Ready {
		return a, nil
	}
	return a, Wait(bucket, d.clock.Now(), "This token or session asks too often.")
}
