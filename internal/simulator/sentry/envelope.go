package sentry

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

// envelopeRoutes are where SDKs and Sentry's own tool send what they have to
// say: lines of JSON, each item with a header before it.
func (f *Face) envelopeRoutes() []wire.Route {
	query := []wire.Param{{Name: "sentry_key", Type: wire.String}, {Name: "sentry_version", Type: wire.String}, {Name: "sentry_client", Type: wire.String}}
	return []wire.Route{{
		Pattern: "POST /api/{project}/envelope/{$}", Doc: "takes check-ins and more", Open: true, Query: query,
		Body: wire.LinesBody("envelope"), Handle: f.on(takeEnvelope),
	}}
}

type envelopeHeader struct {
	EventID string `json:"event_id"`
	DSN     string `json:"dsn"`
}

type itemHeader struct {
	Type   string `json:"type"`
	Length *int   `json:"length"`
}

// takeEnvelope keeps the check-ins of an envelope. Errors, sessions and the rest
// are let in and forgotten: those of this world come from its builds.
func takeEnvelope(i *in) (*wire.Answer, error) {
	line, rest, _ := bytes.Cut(i.RawBody(), []byte("\n"))
	var head envelopeHeader
	if err := json.Unmarshal(line, &head); err != nil {
		return nil, bad("invalid envelope header")
	}
	if !i.publicKey() && head.DSN == "" {
		return nil, wire.Refuse(wire.Unauthorized, "missing authorization information")
	}
	for len(bytes.TrimSpace(rest)) > 0 {
		var item itemHeader
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if err := json.Unmarshal(line, &item); err != nil || item.Type == "" {
			return nil, bad("invalid item header")
		}
		var payload []byte
		switch {
		case item.Length == nil: // as far as the line goes
			payload, rest, _ = bytes.Cut(rest, []byte("\n"))
		case *item.Length < 0 || *item.Length > len(rest):
			return nil, bad("unexpected end of file")
		default:
			payload, rest = rest[:*item.Length], bytes.TrimPrefix(rest[*item.Length:], []byte("\n"))
		}
		var c checkinBody
		if item.Type == "check_in" && json.Unmarshal(payload, &c) == nil && c.Slug != "" && c.Status != nil {
			i.take(c, &checkin{slug: c.Slug, environment: "production", duration: -1})
		}
	}
	out := obj{}
	if head.EventID != "" {
		out["id"] = head.EventID
	}
	return wire.OK(out), nil
}

// publicKey says whether a header or the query names the key of a DSN.
func (i *in) publicKey() bool {
	for _, name := range []string{"X-Sentry-Auth", "Authorization"} {
		if h := i.Request.Header.Get(name); strings.HasPrefix(strings.ToLower(h), "sentry ") && strings.Contains(h, "sentry_key=") {
			return true
		}
	}
	return i.Has("sentry_key")
}
