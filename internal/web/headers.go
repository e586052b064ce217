package web

import "net/http"

// headers is the header set of every answer, made once.
//
// The policy allows one script and one style sheet of our own and nothing
// inline. Trusted Types let only the policy "envdeck" of app.js turn text into
// a document, and that text is always a panel of ours.
type headers map[string][]string

func newHeaders(hsts bool) headers {
	h := headers{
		"Content-Security-Policy": {"default-src 'none'; object-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
			"font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
			"require-trusted-types-for 'script'; trusted-types envdeck"},
		"X-Content-Type-Options":       {"nosniff"},
		"Referrer-Policy":              {"no-referrer"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Permissions-Policy":           {"camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
		"Cache-Control":                {"no-store"},
	}
	if hsts {
		h["Strict-Transport-Security"] = []string{"max-age=63072000; includeSubDomains"}
	}
	return h
}

func (h headers) set(w http.ResponseWriter) {
	to := w.Header()
	for name, value := range h {
		to[name] = value
	}
}

func (h headers) wrap(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.set(w)
		next(w, r)
	})
}
