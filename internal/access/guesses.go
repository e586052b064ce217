package access

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
)

// guesses slows the guessing of passwords down. It keeps its counts in memory:
// a restart gives a guesser five more tries, which is nothing against what a
// row per wrong guess would give them to write. Nobody is locked out for ever,
// and sign-in by link, identity provider or passkey is not slowed at all.
type guesses struct {
	clock clock.Clock

	mu       sync.Mutex
	accounts map[string]*account
	networks map[netip.Prefix]*rate.Limiter
	all      *rate.Limiter
}

type account struct {
	tries int
	last  time.Time
	until time.Time // no try before
}

const (
	freeTries    = 5
	longestDelay = 15 * time.Minute
	triesDecay   = 24 * time.Hour
	perNetwork   = 20 // in networkSpan
	networkSpan  = 5 * time.Minute
	perSecond    = 10
	manyAccounts = 20_000
)

func newGuesses(c clock.Clock) *guesses {
	return &guesses{
		clock: c, accounts: map[string]*account{}, networks: map[netip.Prefix]*rate.Limiter{},
		all: rate.NewLimiter(perSecond, perSecond),
	}
}

// begin counts a try before it is made, so that parallel tries count too.
// RateLimited, the same for names that exist and names that do not.
func (g *guesses) begin(name, address string) error {
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.accounts[name]
	if a != nil && now.Sub(a.last) >= triesDecay {
		a = nil
	}
	if a != nil && now.Before(a.until) {
		return slowDown(a.until.Sub(now))
	}
	if network, ok := networkOf(address); ok {
		l := g.networks[network]
		if l == nil {
			l = rate.NewLimiter(rate.Every(networkSpan/perNetwork), perNetwork)
			g.networks[network] = l
		}
		if !l.AllowN(now, 1) {
			return slowDown(networkSpan / perNetwork)
		}
	}
	if !g.all.AllowN(now, 1) {
		return slowDown(time.Second)
	}
	if a == nil {
		if len(g.accounts) >= manyAccounts {
			g.drop(now)
		}
		a = &account{}
		g.accounts[name] = a
	}
	a.tries++
	a.last = now
	if over := a.tries - freeTries; over >= 0 {
		a.until = now.Add(min(time.Second<<min(over, 12), longestDelay))
	}
	return nil
}

// success forgets the account's tries; the network's stay counted.
func (g *guesses) success(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.accounts, name)
}

func (g *guesses) sweep() {
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, a := range g.accounts {
		if now.Sub(a.last) >= triesDecay {
			delete(g.accounts, name)
		}
	}
	for network, l := range g.networks {
		if l.TokensAt(now) >= perNetwork {
			delete(g.networks, network)
		}
	}
}

// drop makes room when somebody tries very many names: the ones with the
// fewest tries go first, so that an account under attack stays slow.
func (g *guesses) drop(now time.Time) {
	for name, a := range g.accounts {
		if a.tries < freeTries || now.After(a.until) && now.Sub(a.last) > time.Hour {
			delete(g.accounts, name)
		}
	}
}

// networkOf is what one client can easily have many addresses of: a single
// IPv4 address, or an IPv6 /64.
func networkOf(address string) (netip.Prefix, bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}, false
	}
	ip = ip.Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	return p, err == nil
}

func slowDown(wait time.Duration) error {
	return &fault.Error{Kind: fault.RateLimited, RetryAfter: max(wait, time.Second), Message: "Too many tries. Wait a little and try again."}
}
