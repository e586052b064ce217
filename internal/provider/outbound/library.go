package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/envdeck/envdeck/internal/fault"
)

// Transport lends the client to a vendor's own Go library: the library builds
// requests and reads answers, and everything between is the kit's. Every
// answer outside 2xx, and every 2xx whose body is not one JSON object or list,
// comes back as an error, so the library never sees text that it might quote.
func (c *Client) Transport() http.RoundTripper { return library{c} }

type library struct{ c *Client }

type routeKey struct{}

// WithRoute names the route of a call that goes through Transport, for meters
// and logs.
func WithRoute(ctx context.Context, route string) context.Context {
	return context.WithValue(ctx, routeKey{}, route)
}

// RoundTrip implements http.RoundTripper.
func (l library) RoundTrip(req *http.Request) (*http.Response, error) {
	u := *req.URL
	k := &call{method: req.Method, url: &u, header: req.Header.Clone(), write: req.Method != http.MethodGet}
	k.header.Del("Authorization")
	k.route, _ = req.Context().Value(routeKey{}).(string)
	if k.route == "" {
		k.route = "other"
	}
	if req.Body != nil {
		defer func() { _ = req.Body.Close() }()
		var err error
		if k.body, err = io.ReadAll(req.Body); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "the body of %s cannot be read", k.route)
		}
	}
	a, err := l.c.run(req.Context(), k)
	if err != nil {
		return nil, err
	}
	if err := wellFormed(a.Body); err != nil && a.Status != http.StatusNoContent {
		return nil, l.c.Unusable(k.route, err)
	}
	h := a.Header.Clone()
	h.Set("Content-Length", strconv.Itoa(len(a.Body)))
	return &http.Response{
		Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: req,
		Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)),
	}, nil
}

// FromLibrary makes a fault of whatever a library on Transport answered. Its
// own errors are about answers that it could not decode, and may quote them.
func (c *Client) FromLibrary(ctx context.Context, route string, err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if ctx.Err() != nil {
		return c.lost(ctx, &call{method: http.MethodGet, route: route}, ctx.Err(), false)
	}
	return c.Unusable(route, nil)
}
