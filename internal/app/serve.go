package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"github.com/envdeck/envdeck/internal/fault"
)

const (
	// drain is how long running requests get when the server stops. It must
	// stay under what supervisors wait before they kill.
	drain = 15 * time.Second
	// maxConnections bounds memory and file descriptors against slow clients.
	maxConnections = 4096
)

// listen opens an address, and says who may be in the way when it cannot.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return netutil.LimitListener(l, maxConnections), nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fault.Wrap(fault.Invalid, err, "Another program listens on %s already. Stop it, or choose another address with listen: (or --listen).", address)
	case errors.Is(err, syscall.EACCES):
		return nil, fault.Wrap(fault.Invalid, err, "This account may not listen on %s. Choose a port above 1023 with listen: (or --listen).", address)
	default:
		return nil, fault.Wrap(fault.Invalid, err, "Cannot listen on %s. The address must be one of this machine's, with a port: 127.0.0.1:4280.", address)
	}
}

// newServer is an HTTP server with every limit set. Streams extend their own
// write deadline.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
}

// serve answers requests until the context ends, then lets the running ones
// finish.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := newServer(h)
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		stopped <- server.Shutdown(grace)
	})
	err := server.Serve(l)
	if stop() { // it ended by itself
		return err
	}
	if err := <-stopped; err != nil {
		return server.Close()
	}
	return nil
}
