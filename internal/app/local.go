package app

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/api"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/store"
)

// Local is the part of the API that needs no server (people, tokens, the audit
// log) on the database beside it, for whoever runs the command line there: who
// can read the database's files needs no other proof, and is recorded as the
// operator. A server may be running on the same database.
type Local struct {
	db       *store.DB
	control  *access.Control
	operator access.Actor
	server   *http.Server
	in       *pipe
}

// OpenLocal opens the configuration's database. NotFound when there is none: a
// command in the wrong folder must not make one.
func OpenLocal(ctx context.Context, cfg config.Config, operator access.Actor, log *slog.Logger) (*Local, error) {
	if !cfg.DatabaseURL.Set() {
		_, err := os.Stat(filepath.Join(cfg.Data, store.SQLiteFile))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.New(fault.NotFound, "There is no database in %s. Run this in the server's own folder, or name its configuration with --config; a new server makes its database when it first starts.", cfg.Data)
		}
	}
	a := &App{o: Options{Config: cfg, Clock: clock.Real(), Log: log}}
	if err := a.openAccess(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	d := door.New(door.Options{Control: a.Control, Log: log, Fixed: &operator})
	api.MountAccess(api.Options{Door: d, Control: a.Control})
	l := &Local{db: a.db, control: a.Control, operator: operator, server: newServer(d), in: newPipe()}
	go func() { _ = l.server.Serve(l.in) }() // ends with Close
	return l, nil
}

// Dial connects to the API within this process; it fits http.Transport.
func (l *Local) Dial(ctx context.Context, _, _ string) (net.Conn, error) { return l.in.dial(ctx) }

// Backup copies the embedded database to a new file while it is in use.
func (l *Local) Backup(ctx context.Context, path string) error { return l.db.Backup(ctx, path) }

// Archive moves what is older than a time out of the record and into w; keep
// has to make that safe before anything leaves.
func (l *Local) Archive(ctx context.Context, before time.Time, reason string, w io.Writer, keep func() error) (access.Manifest, error) {
	return l.control.ArchiveAudit(ctx, l.operator, before, reason, w, keep)
}

// VerifyArchive checks a file that Archive wrote.
func (l *Local) VerifyArchive(ctx context.Context, r io.Reader, exported ...access.Head) (access.Verification, error) {
	return l.control.VerifyArchive(ctx, l.operator, r, exported...)
}

// Verify checks the record from the newest archive on.
func (l *Local) Verify(ctx context.Context, exported ...access.Head) (access.Verification, error) {
	return l.control.VerifyAudit(ctx, l.operator, exported...)
}

// Close closes the database.
func (l *Local) Close() error { return errors.Join(l.server.Close(), l.db.Close()) }

// pipe is a listener that only this process can reach.
type pipe struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipe() *pipe { return &pipe{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipe) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipe) Addr() net.Addr { return p }

func (p *pipe) Network() string { return "pipe" }

func (p *pipe) String() string { return "this process" }
