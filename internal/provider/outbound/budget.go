package outbound

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/provider"
)

// EpochBudget reads limit headers of the form <prefix>Limit, <prefix>Remaining
// and <prefix>Reset, the last in Unix seconds. The budget is named after the
// route, or after what <prefix>Resource says where that is a plain word.
func EpochBudget(prefix string) func(http.Header, string) (provider.Budget, bool) {
	return func(h http.Header, route string) (provider.Budget, bool) {
		limit, ok1 := count(h.Get(prefix + "Limit"))
		remaining, ok2 := count(h.Get(prefix + "Remaining"))
		if !ok1 || !ok2 {
			return provider.Budget{}, false
		}
		b := provider.Budget{Name: route, Limit: limit, Remaining: remaining}
		if resource := h.Get(prefix + "Resource"); Plain(resource, 40) {
			b.Name = resource
		}
		if reset, ok := count(h.Get(prefix + "Reset")); ok {
			b.ResetAt = epoch(reset)
		}
		return b, true
	}
}

// WindowBudget reads `Ratelimit: "default";r=50;t=30` and the policy beside
// it, the form of the IETF draft that Cloudflare sends: r are left for t more
// seconds. now says when the header came.
func WindowBudget(now func() time.Time) func(http.Header, string) (provider.Budget, bool) {
	return func(h http.Header, _ string) (provider.Budget, bool) {
		name, left := window(h.Get("Ratelimit"))
		remaining, ok := count(left["r"])
		if !ok {
			return provider.Budget{}, false
		}
		if !Plain(name, 40) {
			name = "api"
		}
		b := provider.Budget{Name: name, Remaining: remaining}
		_, policy := window(h.Get("Ratelimit-Policy"))
		b.Limit, _ = count(policy["q"])
		if seconds, ok := count(left["t"]); ok && seconds < 1<<31 {
			b.ResetAt = now().Add(time.Duration(seconds) * time.Second)
		}
		return b, true
	}
}

// window takes the first item of such a header apart.
func window(header string) (name string, params map[string]string) {
	item, _, _ := strings.Cut(header, ",")
	parts := strings.Split(item, ";")
	params = map[string]string{}
	for _, p := range parts[1:] {
		if k, v, ok := strings.Cut(strings.TrimSpace(p), "="); ok {
			params[k] = v
		}
	}
	return strings.Trim(strings.TrimSpace(parts[0]), `"`), params
}

func count(s string) (int64, bool) {
	if !digits(s) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// epoch takes seconds, and milliseconds too: some limits are sent in those by
// mistake.
func epoch(n int64) time.Time {
	if n > 1e11 {
		return time.UnixMilli(min(n, 1e14)).UTC()
	}
	return time.Unix(n, 0).UTC()
}
