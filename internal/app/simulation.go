package app

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/envdeck/envdeck/internal/simulator"
)

// Simulation is the simulator on an address of its own.
type Simulation struct {
	*simulator.Simulator
	listener net.Listener
}

// NewSimulation listens; Run serves.
func NewSimulation(ctx context.Context, address string, o simulator.Options) (*Simulation, error) {
	l, err := listen(ctx, address)
	if err != nil {
		return nil, err
	}
	return &Simulation{Simulator: simulator.New(o), listener: l}, nil
}

// Address is where it listens.
func (s *Simulation) Address() string { return s.listener.Addr().String() }

// Run serves until the context ends.
func (s *Simulation) Run(ctx context.Context) error {
	var running sync.WaitGroup
	var worldErr error
	running.Go(func() { worldErr = s.Simulator.Run(ctx) })
	// Calls that hang on a fault would hold the end up for ever.
	stop := context.AfterFunc(ctx, s.Exchange().Release)
	defer stop()
	err := serve(ctx, s.listener, s.Handler())
	running.Wait()
	return errors.Join(err, worldErr)
}
