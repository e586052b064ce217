package app

import "net/http"

// Handler is the demo's whole server, for tests that bring their own network.
func (d *Demo) Handler() http.Handler { return d.app.Handler() }
