package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/secret"
)

// client talks to a running server as a person's token.
type client struct {
	url     string
	token   secret.Text
	project string
	output  string
	http    *http.Client
}

// flags are what every command that talks to a server takes.
func (c *client) flags(f *pflag.FlagSet, s Streams) {
	f.StringVar(&c.url, "url", s.Getenv("ENVDECK_URL"), "address of the server (ENVDECK_URL)")
	f.StringVar(&c.project, "project", "", "another project than the first")
	f.StringVarP(&c.output, "output", "o", "table", "table or json")
	c.token = secret.New(s.Getenv("ENVDECK_TOKEN"))
}

func (c *client) check() error {
	if c.output != "table" && c.output != "json" {
		return fault.New(fault.Invalid, "--output takes table or json, not %q.", c.output)
	}
	if c.url == "" {
		c.url = "http://127.0.0.1:4280"
	}
	u, err := url.Parse(c.url)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fault.New(fault.Invalid, "The server's address %q is not a URL such as https://deck.example.com. Set ENVDECK_URL or --url.", c.url)
	}
	if u.Scheme == "http" && !hostile.Loopback(u.Hostname()) {
		return fault.New(fault.Invalid, "The token would travel unencrypted to %s. Use https.", u.Host)
	}
	if !c.token.Set() {
		return fault.New(fault.Unauthenticated, "No token to show to %s. Set ENVDECK_TOKEN to one of scope api.", u.Host)
	}
	c.http = &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return nil
}

// get reads a route into v and answers the raw body too.
func (c *client) get(ctx context.Context, path string, v any) ([]byte, error) {
	return c.do(ctx, http.MethodGet, path, nil, v)
}

func (c *client) do(ctx context.Context, method, path string, body, v any) ([]byte, error) {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		payload = bytes.NewReader(text)
	}
	target := strings.TrimSuffix(c.url, "/") + path
	if c.project != "" {
		and := "?"
		if strings.Contains(path, "?") {
			and = "&"
		}
		target += and + "project=" + url.QueryEscape(c.project)
	}
	r, err := http.NewRequestWithContext(ctx, method, target, payload)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The address %q cannot be used.", target)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.send(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	if err != nil {
		return nil, unreachable(c.url, err)
	}
	if answer.StatusCode >= 300 {
		return nil, refused(c.url, answer.StatusCode, text)
	}
	if v != nil {
		if err := json.Unmarshal(text, v); err != nil {
			return nil, fault.Wrap(fault.BadResponse, err, "%s answered something that is not envdeck's JSON. Is it the right address?", c.url)
		}
	}
	return text, nil
}

// send asks as the token's owner.
func (c *client) send(r *http.Request) (*http.Response, error) {
	if c.token.Set() {
		r.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	r.Header.Set("Accept", "application/json")
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, unreachable(c.url, err)
	}
	return answer, nil
}

func unreachable(address string, err error) error {
	kind, why := fault.Unavailable, "could not be reached"
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		kind, why = fault.Timeout, "did not answer in time"
	}
	return fault.Wrap(kind, err, "The server at %s %s. Is it running, and is ENVDECK_URL right?", address, why)
}

// refused makes the server's problem our fault again, kind and all.
func refused(address string, status int, body []byte) error {
	var p door.Problem
	if json.Unmarshal(body, &p) != nil || p.Kind == "" {
		return fault.New(fault.BadResponse, "%s answered %d without saying why. Is it an envdeck server?", address, status)
	}
	f := &fault.Error{Message: hostile.Line(p.Detail, hostile.ErrorLimit), Provider: p.Provider, RetryAfter: time.Duration(p.RetryAfter) * time.Second}
	for _, k := range fault.Kinds() {
		if k.String() == p.Kind {
			f.Kind = k
		}
	}
	for _, e := range p.Errors {
		f.Places = append(f.Places, fault.Place{Where: hostile.Line(e.Location, 200), Problem: hostile.Line(e.Message, 300)})
	}
	return f
}
