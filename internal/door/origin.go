package door

import (
	"net/http"
	"net/url"

	"github.com/envdeck/envdeck/internal/fault"
)

// sameOrigin refuses a write that carries a session cookie and cannot prove
// that it comes from our own pages.
//
// The standard library's protection lets three kinds through that a browser of
// today never sends from our pages: neither Sec-Fetch-Site nor Origin, a
// "none" for a request that no page made, and an Origin of another scheme. A
// write with a cookie must not be any of them.
func (d *Door) sameOrigin(r *http.Request) error {
	refused := func(cause error) error {
		return fault.Wrap(fault.Denied, cause, "This request did not come from envdeck's own pages. Open the page itself and try again.")
	}
	if err := d.origins.Check(r); err != nil {
		return refused(err)
	}
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site == "" && origin == "" || site != "" && site != "same-origin" {
		return refused(nil)
	}
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host != r.Host {
		return refused(err)
	}
	if want := d.scheme(r); u.Scheme != want {
		return refused(nil)
	}
	return nil
}

// scheme is the one that people reach the server by.
func (d *Door) scheme(r *http.Request) string {
	if d.secure(r) {
		return "https"
	}
	return "http"
}
