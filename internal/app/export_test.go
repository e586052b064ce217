package app

import (
	"context"
	"net/http"

	"github.com/envdeck/envdeck/internal/door"
)

// Routes lists every route of the demo's server, for tests that must try them
// all.
func (d *Demo) Routes() []door.Route { return d.app.door.Routes() }

// Metrics is the address of the listener for metrics.
func (d *Demo) Metrics() string { return "http://" + d.app.metrics.Addr().String() }

// Simulation is the outside, for whoever wants to break it.
func (d *Demo) Simulation() *Simulation { return d.simulation }

// Refresh asks every source now and waits for what they say.
func (d *Demo) Refresh(ctx context.Context) {
	for _, b := range d.app.boards {
		b.Refresh(ctx)
	}
	for _, b := range d.app.workers {
		b.Refresh(ctx)
	}
	d.app.crons.Refresh(ctx)
	d.app.data.Refresh(ctx)
}

// Handler is the demo's whole server, for tests that bring their own network.
func (d *Demo) Handler() http.Handler { return d.app.Handler() }
