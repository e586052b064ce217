package door

import (
	"net/http"
	"strings"
)

// The headers of every answer, as ready slices: setting them copies nothing.
// Nothing inline may run, nothing may be loaded from elsewhere, nobody may put
// a page of ours into a frame.
var (
	pagePolicy = []string{"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
		"manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types envdeck"}
	dataPolicy = []string{"default-src 'none'; frame-ancestors 'none'"}

	transport   = []string{"max-age=63072000; includeSubDomains"}
	noSniff     = []string{"nosniff"}
	noReferrer  = []string{"no-referrer"}
	sameOrigin  = []string{"same-origin"}
	permissions = []string{"camera=(), geolocation=(), microphone=(), payment=(), usb=()"}
	noStore     = []string{"no-store"}
)

func setHeaders(h http.Header, path string) {
	h["Content-Security-Policy"] = pagePolicy
	if strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/ping/") {
		h["Content-Security-Policy"] = dataPolicy
	}
	h["Strict-Transport-Security"] = transport
	h["X-Content-Type-Options"] = noSniff
	h["Referrer-Policy"] = noReferrer
	h["Cross-Origin-Opener-Policy"] = sameOrigin
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	h["Permissions-Policy"] = permissions
	h["Cache-Control"] = noStore
}
