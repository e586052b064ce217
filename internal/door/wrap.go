package door

import "net/http"

// Headers puts the headers of every answer on a handler that is not behind a
// Door, as in tests of a face alone.
func Headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header(), r.URL.Path)
		next.ServeHTTP(w, r)
	})
}
