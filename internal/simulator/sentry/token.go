package sentry

import (
	"net/http"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

// Token is what a secret stands for.
type Token struct {
	Name string // as the call log shows it
	// Scopes are those of an internal integration or a personal token; nil is
	// org:read, project:read, event:read and project:releases.
	Scopes []string
	// Organization tokens (sntrys_…) have a fixed set made for CI: they write
	// releases and read no numbers.
	Organization bool
	Expired      bool
}

// What routes need: any one of them.
const (
	needOrg      = "org:read|org:write|org:admin"
	needProject  = "project:read|project:write|project:admin"
	needEvent    = "event:read|event:write|event:admin"
	needReleases = "project:releases|project:read|project:write|project:admin|org:ci"
	needRelease  = "project:releases|project:write|project:admin|org:ci"
	needMonitors = "alerts:read|org:read|org:write|org:admin"
	needCheckins = "alerts:read|project:read|project:write|project:admin"
	needAny      = ""
)

func (t Token) scopes() []string {
	switch {
	case t.Organization:
		return []string{"org:ci"}
	case t.Scopes == nil:
		return []string{"event:read", "org:read", "project:read", "project:releases"}
	}
	return t.Scopes
}

func (f *Face) authenticate(r *http.Request, need string) (wire.Caller, error) {
	secret, ok := wire.Bearer(r)
	if !ok {
		return wire.Caller{}, wire.Refuse(wire.Unauthorized, "Authentication credentials were not provided.")
	}
	t, ok := f.tokens[secret]
	if !ok || t.Expired {
		return wire.Caller{}, wire.Refuse(wire.Unauthorized, "Invalid token")
	}
	caller := wire.Caller{Name: t.Name, Grant: t}
	if need == needAny {
		return caller, nil
	}
	for one := range strings.SplitSeq(need, "|") {
		if slices.Contains(t.scopes(), one) {
			return caller, nil
		}
	}
	return caller, wire.Refuse(wire.Forbidden, "You do not have permission to perform this action.")
}
