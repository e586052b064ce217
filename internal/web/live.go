package web

import (
	"cmp"
	"io"
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/panel"
)

// LivePath is the stream that tells a page to look again.
const LivePath = Home + "/live"

// Live tells who watches a project that something of it changed. The channel
// is closed when the server stops; stop must be called. fault.RateLimited and
// fault.Unavailable: there are too many.
type Live interface {
	// Mark says up to which change somebody knows who looks from now on.
	Mark(project string) string
	// Watch tells whoever has seen another mark than the present one at once.
	Watch(project, viewer, seen string) (news <-chan struct{}, stop func(), err error)
}

const (
	// heartbeat is how often a silent stream says that it is alive, which
	// proxies want to hear, and how often it is asked whether the viewer may
	// still watch.
	heartbeat = 15 * time.Second
	// streamWrite is how long a browser may take to accept a few bytes.
	streamWrite = 10 * time.Second
	// comeBack is how many milliseconds a browser waits before it connects
	// again.
	comeBack = "2000"
)

// live is an event stream (the WHATWG's server-sent events) whose events say
// nothing but "look again". What is seen then comes the ordinary way, with the
// rights of whoever looks.
func (s *Web) live(w http.ResponseWriter, r *http.Request, a access.Actor) {
	v, err := s.viewer(r, a)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	project := s.project(v)
	out := stream{w, http.NewResponseController(w)}
	// The server gives a request some seconds; a stream takes its own.
	if s.deps.Live == nil || out.control.SetReadDeadline(time.Time{}) != nil {
		s.Problem(w, r, fault.New(fault.Unsupported, "Pages are not told of changes here. They ask by themselves."))
		return
	}
	seen := cmp.Or(r.Header.Get("Last-Event-ID"), v.Query.Get("seen"))
	news, stop, err := s.deps.Live.Watch(project, a.ID+" "+cmp.Or(a.SessionID, a.TokenID), seen)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	defer stop()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold the events back
	if out.say("retry: " + comeBack + "\n\n") {
		s.follow(r, a, news, func() bool {
			return out.say("id: " + s.deps.Live.Mark(project) + "\nevent: changed\ndata: look\n\n")
		}, out)
	}
}

// stream is an answer that goes on.
type stream struct {
	w       io.Writer
	control *http.ResponseController
}

// say sends a text now; false when the browser does not take it.
func (s stream) say(text string) bool {
	if s.control.SetWriteDeadline(time.Now().Add(streamWrite)) != nil {
		return false
	}
	_, err := io.WriteString(s.w, text)
	return err == nil && s.control.Flush() == nil
}

// still says whether whoever began a stream may go on with it: signed out,
// disabled or with another role, they may not.
func (s *Web) still(r *http.Request, a access.Actor) bool {
	r.Header.Set(door.PollHeader, "1") // nobody has to sit there for it to be asked
	now, err := s.deps.Access.Actor(r)
	return err == nil && now.ID == a.ID && now.Role == a.Role
}

// project is the one that somebody looks at.
func (s *Web) project(v panel.Viewer) string {
	if names := s.deps.Projects(v.Actor); v.Project == "" && len(names) > 0 {
		return names[0]
	}
	return v.Project
}

// mark is up to which change a page knows that is drawn from now on.
func (s *Web) mark(v panel.Viewer) string {
	if s.deps.Live == nil {
		return ""
	}
	return s.deps.Live.Mark(s.project(v))
}

// follow passes the news on until the browser leaves, may no longer watch, or
// the server stops.
func (s *Web) follow(r *http.Request, a access.Actor, news <-chan struct{}, tell func() bool, out stream) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case _, open := <-news:
			if !open || !tell() {
				return
			}
		case <-beat.C:
			if !s.still(r, a) || !out.say(": still here\n\n") {
				return
			}
		}
	}
}
