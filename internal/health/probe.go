package health

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
)

// maxBody is how much of an answer is read.
const maxBody = 64 << 10

// Prober probes targets over HTTP. It is safe for concurrent use.
type Prober struct {
	client *http.Client
	clock  clock.Clock
	agent  string
}

// ProberConfig is what a Prober is made of. Clock must be set.
type ProberConfig struct {
	Clock clock.Clock
	// UserAgent names envdeck to the apps, so that they can leave its probes
	// out of their statistics.
	UserAgent string
	// Dial replaces the network where there is none, as in tests of time. It
	// is unguarded. nil is the guarded dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolver looks names up; nil is the machine's.
	Resolver *net.Resolver
}

// NewProber makes a prober of these targets. The guard against private
// addresses opens only as far as the targets say; see guard.go.
func NewProber(targets []Target, c ProberConfig) *Prober {
	dial := c.Dial
	if dial == nil {
		dial = guardedDial(targets, c.Resolver, guard)
	}
	return &Prober{
		clock: c.Clock,
		agent: c.UserAgent,
		client: &http.Client{
			Transport:     transport(dial),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func transport(dial dialFunc) *http.Transport {
	return &http.Transport{
		Proxy: nil, // the address dialled is what the guard decides on
		// The transport lets a dial outlive the request that wanted it, in the
		// hope of another; so dials need deadlines of their own.
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, remoteTimeout)
			defer cancel()
			return dial(ctx, network, address)
		},
		TLSHandshakeTimeout: remoteTimeout,
		// A new connection each time: a probe that reuses one would notice
		// neither a certificate that ran out nor a name that moved.
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxBody,
	}
}

// guardedDial chooses the guard by the host that is dialled. A host that no
// target names gets the strictest.
func guardedDial(targets []Target, resolver *net.Resolver, guard func(reach) control) dialFunc {
	dialers := [...]*net.Dialer{
		public:   {Control: guard(public), Resolver: resolver},
		loopback: {Control: guard(loopback), Resolver: resolver},
		private:  {Control: guard(private), Resolver: resolver},
	}
	hosts := map[string]reach{}
	for _, t := range targets {
		host := strings.ToLower(t.URL.Hostname())
		hosts[host] = max(hosts[host], reachOf(t))
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return dialers[hosts[strings.ToLower(host)]].DialContext(ctx, network, address)
	}
}

// Probe asks one target once and says what it found. It always answers, within
// the target's own deadline (3 s for a local environment, 5 s for the others);
// what went wrong is in the sample.
func (p *Prober) Probe(ctx context.Context, t Target) Sample {
	ctx, cancel := context.WithTimeout(ctx, t.timeout())
	defer cancel()
	tr := &trace{begin: time.Now()}
	s := Sample{At: p.clock.Now()}
	if err := p.ask(httptrace.WithClientTrace(ctx, tr.hooks()), t, &s); err != nil {
		s.Verdict, s.Reason, s.Offline = failed(t, err, tr.stage(t.URL.Scheme == "https"))
	}
	s.Phases = tr.end()
	return s
}

func (p *Prober) ask(ctx context.Context, t Target, s *Sample) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL.String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/health+json, application/json, text/plain;q=0.5, */*;q=0.1")
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("User-Agent", p.agent)
	res, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	s.Status, s.Cached = res.StatusCode, cached(res.Header)
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return err
	}
	large := len(body) > maxBody
	if large {
		body = nil
	}
	r := Read(res.StatusCode, res.Header.Get("Content-Type"), body)
	if large && r.Verdict == Healthy {
		r.Verdict, r.Reason = Unknown, fmt.Sprintf("answers more than %d KiB, which no health report is", maxBody>>10)
	}
	if to := redirect(t.URL, res); to != "" {
		r.Reason = to
	}
	s.Verdict, s.Reason, s.Parts = r.Verdict, r.Reason, r.Parts
	s.Commit, s.Branch, s.Version = r.Commit, r.Branch, r.Version
	return nil
}

// redirect says where a redirect leads: the scheme and host alone, since the
// path and query of a login redirect carry state. "" when it is none.
func redirect(from *url.URL, res *http.Response) string {
	to, err := res.Location()
	if err != nil || res.StatusCode < 300 || res.StatusCode > 399 {
		return ""
	}
	where := "another path of the same host"
	if to.Host != from.Host || to.Scheme != from.Scheme {
		where = clean(to.Scheme+"://"+to.Host, maxLabel)
	}
	return fmt.Sprintf("redirects to %s (HTTP %d); a login page, or the configured address is not the final one", where, res.StatusCode)
}

// cached says whether a cache gave the answer. Age is the standard's word (RFC
// 9111, 5.1); the others are what Vercel's and Cloudflare's edges say.
func cached(h http.Header) bool {
	if age := h.Get("Age"); age != "" && strings.Trim(age, "0") != "" {
		return true
	}
	for _, name := range []string{"X-Vercel-Cache", "Cf-Cache-Status", "X-Cache"} {
		word, _, _ := strings.Cut(strings.ToUpper(h.Get(name)), " ")
		switch word {
		case "HIT", "STALE", "PRERENDER", "UPDATING", "REVALIDATED":
			return true
		}
	}
	return false
}
