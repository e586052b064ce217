// Package outbound is the one way a provider's room talks to its vendor: an
// HTTP client that is pinned to one host, follows no redirect, ends every call
// at a deadline that covers the body, reads no more than a fixed amount, asks
// again only where asking is harmless, and stays away for as long as the
// vendor said.
//
// What a vendor answers is hostile text. Nothing that leaves this room as an
// error or a log line holds any of it but a status, a request id and a code
// that the room above listed beforehand. The token is put on each request at
// the last moment and on nothing else.
//
// It must not know any vendor: what differs between them is in Config.
package outbound

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/secret"
)

// Defaults of Config.
const (
	DefaultRead  = 10 * time.Second
	DefaultWrite = 30 * time.Second
	DefaultBody  = 4 << 20
)

// Config is what one vendor's client differs in.
type Config struct {
	Provider string // "vercel": the name in errors, meters and logs
	Title    string // "Vercel": the name in messages
	// BaseURL is where the API is. Plain http is for loopback hosts alone,
	// because the token would travel in the clear.
	BaseURL string
	Token   secret.Text
	// Header goes with every call: a version of the API, an own kind of JSON.
	Header http.Header

	// Codes are the vendor's error codes that may be shown; any other is
	// dropped. Code finds the code in the body of a refusal.
	Codes []string
	Code  func(body []byte) string
	// Explain says what a refusal means; its zero answer takes the kit's words.
	Explain func(Refusal) Meaning
	// RequestID names the header with the vendor's id of a request.
	RequestID string
	// Budget reads the vendor's limit headers; nil when it has none.
	Budget func(h http.Header, route string) (provider.Budget, bool)
	// ThrottlesWith403 says that a 403 with Retry-After or an empty budget is
	// the vendor's way to say "too often".
	ThrottlesWith403 bool
	// ThrottleCode is the one of Codes that says "too often" whatever the
	// status; "" when there is none.
	ThrottleCode string
	// ETags keeps small answers and asks whether they still hold.
	ETags bool

	// Rate is how many calls may leave in Per; 0 is no limit of our own.
	Rate uint
	Per  time.Duration

	// Read and Write bound a whole call, retries and body included; Body is
	// the most bytes an answer may have, after decompression. 0 is the default.
	Read, Write time.Duration
	Body        int64
}

// Client talks to one vendor for one project. It is safe for concurrent use.
type Client struct {
	conf      Config
	base      *url.URL
	project   string
	agent     string
	clock     clock.Clock
	meter     provider.Meter
	log       *slog.Logger
	transport *http.Transport
	gate      gate
	etags     etags
	policies
}

// New makes a client. It makes no call. fault.Invalid: the base URL or the
// token cannot be used.
func New(conf Config, deps provider.Deps) (*Client, error) {
	base, err := BaseURL(conf.Provider+".base_url", conf.BaseURL)
	if err != nil {
		return nil, err
	}
	if !conf.Token.Set() {
		return nil, Missing(conf.Provider, "token")
	}
	if strings.ContainsFunc(conf.Token.Reveal(), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, invalid(conf.Provider+".token", "holds a space, a line break or another character that no token has; was it copied whole and alone?")
	}
	if conf.Read <= 0 {
		conf.Read = DefaultRead
	}
	if conf.Write <= 0 {
		conf.Write = DefaultWrite
	}
	if conf.Body <= 0 {
		conf.Body = DefaultBody
	}
	c := &Client{
		conf: conf, base: base, project: deps.Project, agent: deps.UserAgent,
		clock: deps.Clock, meter: deps.Meter, log: deps.Log,
		transport: transport(deps.Dial),
		policies:  newPolicies(conf),
	}
	if c.clock == nil {
		c.clock = clock.Real()
	}
	if c.meter == nil {
		c.meter = deaf{}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Base is the API's address, without a slash at the end.
func (c *Client) Base() *url.URL {
	u := *c.base
	return &u
}

// transport is a plain connection to the vendor: no proxy from the process's
// environment, because whoever can set it could read the token.
func transport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dial,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// BaseURL reads a base URL out of a configuration: where names the field.
func BaseURL(where, raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return nil, invalid(where, "is not an address; write https://host, with a path if the API is under one")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, invalid(where, "may hold a host and a path only, no user, query or fragment")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, invalid(where, "is plain http, which would show the token to the network; write https (http is for this machine alone)")
	}
	return u, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Missing is the fault of a field that must be set and is not.
func Missing(provider, field string) error {
	return invalid(provider+"."+field, "is missing")
}

// invalid is a fault of one field of a vendor's block.
func invalid(where, problem string) error {
	f := fault.New(fault.Invalid, "%s %s.", where, strings.TrimSuffix(problem, "."))
	f.Places = []fault.Place{{Where: where, Problem: problem}}
	return f
}

// Invalid is the fault of a field with a wrong value, which it does not repeat.
func Invalid(provider, field, problem string) error { return invalid(provider+"."+field, problem) }

// deaf is the meter of a client that nobody counts.
type deaf struct{}

func (deaf) Called(string, string, int)     {}
func (deaf) Budget(string, provider.Budget) {}
