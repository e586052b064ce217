// Package ping speaks the protocols in which cron jobs all over the world say
// that they ran: those of Healthchecks.io and Cronitor under /ping/, Uptime
// Kuma's push address, and Sentry's check-in over HTTP. Clients of each work
// with nothing changed but the address.
//
// A face: it turns addresses into reports and what became of them into the
// answers that those clients expect, byte for byte. It must hold no rule about
// jobs and runs. The routes are open to the internet without a login, since
// the credential is a part of the address; so nothing is read or asked of the
// database for a caller that comes too often, and what does not exist looks
// like what one may not use.
package ping

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
)

// Options is what the face speaks for.
type Options struct {
	Door    *door.Door
	Control *access.Control
	Crons   *cron.Book
	Clock   clock.Clock
}

// Limits of what one credential may send. A run is two or three pings, and
// schedulers start at the full minute.
var (
	perJob     = door.Rate{PerSecond: 1, Burst: 10}
	perKey     = door.Rate{PerSecond: 200, Burst: 2000}
	perGuesser = door.Rate{PerSecond: 5, Burst: 50}
)

// bodyLimit is how much of a body is read at most; of that the end is kept.
const bodyLimit = 1 << 20

// Face is the ping protocols.
type Face struct {
	o        Options
	seed     maphash.Seed
	jobs     *door.Buckets[uint64]
	keys     *door.Buckets[uint64]
	guessers *door.Buckets[netip.Addr]
}

// Mount opens the routes.
func Mount(o Options) *Face {
	seed := maphash.MakeSeed()
	f := &Face{
		o: o, seed: seed, jobs: door.NewBuckets[uint64](perJob, seed), keys: door.NewBuckets[uint64](perKey, seed),
		guessers: door.NewBuckets[netip.Addr](perGuesser, seed),
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} { // GET takes HEAD too
		open := func(pattern string, h door.Handler) {
			o.Door.Handle(method+" "+pattern, access.FacePing, access.SendPing, h)
		}
		open("/ping/{rest...}", f.ping)
		open("/api/push/{token}", f.push)
		open("/api/{project}/cron/{slug}/{key}", f.checkIn)
		open("/api/{project}/cron/{slug}/{key}/{$}", f.checkIn)
	}
	return f
}

// errUnknown is every credential that does not work, and every job that is not
// there.
var errUnknown = fault.New(fault.NotFound, "not found")

// credential is who sends a ping, and for which job when the address is one
// job's own.
type credential struct {
	text string // the UUID, or the token
	slug string // what the bucket of a token is for, too
}

// admit finds out who a credential stands for, within the limits: they are
// asked before the database is. What is not known to work is counted by the
// address it comes from.
func (f *Face) admit(r *http.Request, nobody access.Actor, c credential) (access.Actor, string, error) {
	now := f.o.Clock.Now()
	if id, err := uuid.Parse(c.text); err == nil && len(c.text) <= 36 {
		a, ok := f.o.Crons.Pinger(id.String())
		if !ok {
			return a, "", f.guessed(r, now)
		}
		a.Face, a.Address, a.RequestID = nobody.Face, nobody.Address, nobody.RequestID
		return a, id.String(), door.Wait(f.jobs.Bucket(maphash.String(f.seed, id.String())), now, tooOften)
	}
	key := maphash.String(f.seed, c.text)
	known := f.keys.Find(key)
	if known != nil {
		if err := door.Wait(known, now, tooOften); err != nil {
			return access.Actor{}, "", err
		}
		if err := door.Wait(f.jobs.Bucket(maphash.String(f.seed, c.text+"/"+c.slug)), now, tooOften); err != nil {
			return access.Actor{}, "", err
		}
	} else if f.guessers.Bucket(network(f.o.Door.Client(r))).TokensAt(now) < 1 {
		return access.Actor{}, "", f.guessed(r, now)
	}
	a, err := f.o.Control.Authenticate(r.Context(), access.Credentials{Bearer: c.text, Face: access.FacePing, Address: nobody.Address, RequestID: nobody.RequestID})
	if fault.Is(err, fault.Unauthenticated) || err == nil && !access.Permits(a, access.SendPing) {
		return access.Actor{}, "", f.guessed(r, now)
	}
	if err == nil && known == nil {
		f.keys.Bucket(key)
		err = door.Wait(f.jobs.Bucket(maphash.String(f.seed, c.text+"/"+c.slug)), now, tooOften)
	}
	return a, "", err
}

const tooOften = "This job reports too often."

// guessed counts a credential that does not work.
func (f *Face) guessed(r *http.Request, now time.Time) error {
	if err := door.Wait(f.guessers.Bucket(network(f.o.Door.Client(r))), now, "Too many pings to addresses that do not exist come from here."); err != nil {
		return err
	}
	return errUnknown
}

// network is what one customer of a provider has: an IPv4 address, or an IPv6
// /64.
func network(a netip.Addr) netip.Addr {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// report hands a report over on behalf of the credential.
func (f *Face) report(ctx context.Context, a access.Actor, r cron.Report) (cron.Accepted, error) {
	if r.Via == "" {
		r.Via = "ping"
	}
	return f.o.Crons.Report(ctx, a, r)
}

// ending reads a body and keeps its end: what went wrong stands there.
func ending(r *http.Request) []byte {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	var kept []byte
	buf := make([]byte, 16<<10)
	for read := 0; read < bodyLimit; {
		n, err := r.Body.Read(buf)
		read += n
		kept = append(kept, buf[:n]...)
		if len(kept) > 2*cron.OutputLimit {
			kept = append(kept[:0], kept[len(kept)-cron.OutputLimit:]...)
		}
		if err != nil {
			break // its end, or the sender's: what came counts
		}
	}
	return kept[max(0, len(kept)-cron.OutputLimit):]
}

// timetable reads what a first ping may say about when its job is due.
func timetable(q map[string][]string, get func(string) string) (t cron.Timetable, err error) {
	t = cron.Timetable{Schedule: get("schedule"), Zone: get("tz")}
	for name, into := range map[string]*time.Duration{"grace": &t.Grace, "max": &t.MaxRun, "early": &t.Early, "period": &t.Period} {
		if len(q[name]) == 0 {
			continue
		}
		if *into, err = span(get(name)); err != nil {
			return t, &fault.Error{Kind: fault.Invalid, Message: name + " is neither a number of seconds nor a time such as 10m.", Err: err}
		}
	}
	return t, nil
}

// span reads "600" or "10m".
func span(text string) (time.Duration, error) {
	if n, err := strconv.ParseInt(text, 10, 32); err == nil && n >= 0 {
		return time.Duration(n) * time.Second, nil
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = errors.New("negative")
	}
	return d, err
}

// say answers in plain text, as most of these protocols do.
func say(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "max-age=0, no-cache, no-store, must-revalidate, private")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the reader has gone: nobody is left to tell
}

// refuse answers why not, and when to try again.
func refuse(w http.ResponseWriter, err error) {
	f := fault.From(err)
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
	}
	text := strings.ToLower(f.Kind.Title())
	switch f.Kind {
	case fault.NotFound, fault.TooLarge, fault.Unauthenticated, fault.Denied:
		say(w, http.StatusNotFound, "not found")
		return
	case fault.Conflict:
		text = "ambiguous slug"
	case fault.Invalid:
		text = f.Message
		for _, p := range f.Places {
			text += " " + p.Where + ": " + p.Problem
		}
	case fault.RateLimited:
		text = "rate limited"
	}
	say(w, f.Kind.Status(), text)
}
