package app

import "github.com/envdeck/envdeck/internal/door"

// Routes lists every route of the demo's server, for tests that must try them
// all.
func (d *Demo) Routes() []door.Route { return d.app.door.Routes() }

// Metrics is the address of the listener for metrics.
func (d *Demo) Metrics() string { return "http://" + d.app.metrics.Addr().String() }
