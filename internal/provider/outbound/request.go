package outbound

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
)

// Request is one call.
type Request struct {
	Method string // "" is GET
	// Route is the path under the base URL with its variable parts in braces,
	// "/v9/projects/{project}". It is also the call's name in meters and logs,
	// so no id ever becomes a label.
	Route string
	Args  []string // one for each brace, escaped here; {name...} keeps slashes
	// Under is put before the route, where a vendor has several APIs: it is no
	// part of the name.
	Under string
	Query url.Values
	Body  any // sent as JSON; nil is no body
	// Reads says that a POST changes nothing (a GraphQL query): its lost
	// answer leaves no doubt behind, and it has the deadline of a read.
	Reads bool
}

// Answer is what came back, read to its end.
type Answer struct {
	Status    int
	Header    http.Header
	Body      []byte
	RequestID string // the vendor's, cleaned, for the log; "" when it gave none
}

// Do makes one call and reads the answer to its end. Every status outside 2xx
// is an error: a *fault.Error whose cause is a *Failure. A GET is asked again
// up to twice where the network or the vendor stumbled; anything else leaves
// the process exactly once, and provider.OutcomeUnknown tells whether it may
// have been carried out.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	path, err := r.path()
	if err != nil {
		return Answer{}, err
	}
	k := &call{method: r.Method, route: r.Route, header: http.Header{"Accept": {"application/json"}}, url: c.Base()}
	maps.Copy(k.header, c.conf.Header)
	if k.method == "" {
		k.method = http.MethodGet
	}
	k.write = r.writes()
	raw := k.url.EscapedPath() + r.Under + path
	if k.url.Path, err = url.PathUnescape(raw); err != nil {
		return Answer{}, fault.Wrap(fault.Internal, err, "the path of %s cannot be built", r.Route)
	}
	k.url.RawPath = raw
	k.url.RawQuery = r.Query.Encode()
	if r.Body != nil {
		if k.body, err = json.Marshal(r.Body); err != nil {
			return Answer{}, fault.Wrap(fault.Internal, err, "the body of %s cannot be built", r.Route)
		}
		k.header.Set("Content-Type", "application/json")
	}
	return c.run(ctx, k)
}

// writes says whether the request may change something.
func (r Request) writes() bool {
	return r.Method != "" && r.Method != http.MethodGet && r.Method != http.MethodHead && !r.Reads
}

// JSON makes a call and decodes its answer. A write whose answer cannot be
// read was still accepted, so its outcome is unknown.
func JSON[T any](ctx context.Context, c *Client, r Request) (T, Answer, error) {
	var none T
	answer, err := c.Do(ctx, r)
	if err != nil {
		return none, answer, err
	}
	v, err := Decode[T](answer.Body)
	if err != nil {
		err = c.Unusable(r.Route, err)
		failureOf(err).unknown = r.writes()
		return none, answer, err
	}
	return v, answer, nil
}

// path fills the route's braces. An argument may be anything but empty or a
// dot segment, which would name another resource.
func (r Request) path() (string, error) {
	var out strings.Builder
	rest, args := r.Route, r.Args
	for {
		before, after, found := strings.Cut(rest, "{")
		out.WriteString(before)
		if !found {
			break
		}
		name, after, closed := strings.Cut(after, "}")
		if !closed || len(args) == 0 {
			return "", fault.New(fault.Internal, "the route %s lacks an argument", r.Route)
		}
		segments := args[:1]
		if name, found = strings.CutSuffix(name, "..."); found {
			segments = strings.Split(args[0], "/")
		}
		for i, s := range segments {
			if s == "" || s == "." || s == ".." {
				return "", fault.New(fault.Invalid, "the %s is empty or no name at all", name)
			}
			if i > 0 {
				out.WriteByte('/')
			}
			out.WriteString(url.PathEscape(s))
		}
		rest, args = after, args[1:]
	}
	if len(args) > 0 {
		return "", fault.New(fault.Internal, "the route %s has too many arguments", r.Route)
	}
	return out.String(), nil
}

// call is one request as it will be sent, as often as it is.
type call struct {
	method string
	route  string
	url    *url.URL
	header http.Header
	body   []byte
	write  bool
}

func (k *call) request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, "http://placeholder", body)
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = k.url, ""
	req.Header = k.header.Clone()
	return req, nil
}

// run takes a call through the policies under the deadline of the whole.
func (c *Client) run(ctx context.Context, k *call) (Answer, error) {
	limit := c.conf.Read
	if k.write {
		limit = c.conf.Write
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	var last error
	answer, err := c.through(ctx, k, func() (*Answer, error) {
		var a *Answer
		a, last = c.attempt(ctx, k)
		return a, last
	})
	if err == nil {
		return *answer, nil
	}
	// A policy that saw the context end answers the bare context error; what
	// the attempt itself found says more.
	if _, ok := errors.AsType[*fault.Error](err); !ok && last != nil {
		err = last
	}
	f := c.refine(ctx, k, err)
	c.logFailure(ctx, k, f, time.Since(start))
	if answer == nil {
		answer = new(Answer)
	}
	return *answer, f
}
