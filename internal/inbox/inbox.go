// Package inbox brings in the runs that apps write to Redis by themselves:
// the newest of each job under cron:last_run:{path}, and a list of them, the
// newest first, under cron:history:{path}.
//
// It knows Redis and what those keys look like, and hands every run to the
// cron room as a report. A run is merged once however often it is read: the
// reporter's own time stamp says which run it is. It must not decide what a
// run means, and nothing but these keys is read: commands cost money at hosted
// Redis services, so one look is a single command unless something changed.
package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/secret"
)

// Options is what an Inbox is made of.
type Options struct {
	URL     secret.Text // redis://… or rediss://…
	Crons   Crons
	Project string // whose runs these are
	Clock   clock.Clock
	Log     *slog.Logger
	// Every is how often it is looked; at least a minute, which is also the
	// default.
	Every time.Duration
	// Prefix stands before last_run: and history:; "" is "cron:".
	Prefix string
}

// Crons is the cron room as the inbox uses it.
type Crons interface {
	Report(ctx context.Context, a access.Actor, r cron.Report) (cron.Accepted, error)
	// Paths are the paths of a project's jobs.
	Paths(project string) []string
}

const (
	leastEvery = time.Minute
	// lookAround is how often keys of jobs are looked for that nobody else
	// told of.
	lookAround = time.Hour
	scanCalls  = 50
	scanCount  = 500
	// A history is read in short pieces; whole when that does not reach back
	// to what was read before. Writers keep 673 entries.
	shortPiece = 50
	wholePiece = 673
	callLimit  = 10 * time.Second
	mostPaths  = 2000
)

// Inbox reads one Redis.
type Inbox struct {
	o      Options
	pool   *redis.Pool
	seen   map[string]seen
	looked time.Time
}

// seen is what was read of one job.
type seen struct {
	raw    string    // the newest, as it was written
	newest time.Time // end of the newest run that was merged
}

// Open reads the address. fault.Invalid when it is none; nothing is asked of
// Redis before Run.
func Open(o Options) (*Inbox, error) {
	address, err := parse(o.URL.Reveal())
	if err != nil {
		return nil, err
	}
	if o.Every < leastEvery {
		o.Every = leastEvery
	}
	if o.Prefix == "" {
		o.Prefix = "cron:"
	}
	return &Inbox{o: o, pool: &redis.Pool{MaxIdle: 1, DialContext: address.dial}, seen: map[string]seen{}}, nil
}

// Close ends the connection.
func (in *Inbox) Close() error { return in.pool.Close() }

// Run looks until the context ends. Redis that cannot be reached is told of
// once, and asked more and more rarely.
func (in *Inbox) Run(ctx context.Context) error {
	wait, failing := in.o.Every, false
	for {
		err := in.Look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			if !failing {
				in.o.Log.WarnContext(ctx, "the cron runs in Redis cannot be read; trying again", "error", err)
			}
			failing, wait = true, min(2*wait, 10*time.Minute)
		default:
			if failing {
				in.o.Log.InfoContext(ctx, "the cron runs in Redis can be read again")
			}
			failing, wait = false, in.o.Every
		}
		if in.o.Clock.Sleep(ctx, wait) != nil {
			return nil
		}
	}
}

// Look reads what is new and merges it.
func (in *Inbox) Look(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	paths := in.o.Crons.Paths(in.o.Project)
	if now := in.o.Clock.Now(); in.looked.IsZero() || now.Sub(in.looked) >= lookAround {
		more, err := in.scan(call)
		if err != nil {
			return unreachable(err)
		}
		for _, p := range more {
			if _, known := in.seen[p]; !known {
				in.seen[p] = seen{}
			}
		}
		in.looked = now
	}
	for p := range in.seen {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	if len(paths) == 0 {
		return nil
	}
	paths = paths[:min(len(paths), mostPaths)]
	changed, newest, err := in.changed(call, paths)
	if err != nil {
		return unreachable(err)
	}
	return in.merge(ctx, changed, newest)
}

// changed reads the newest run of every job, in one command.
func (in *Inbox) changed(ctx context.Context, paths []string) (changed []string, newest map[string]string, err error) {
	keys := make(redis.Args, len(paths))
	for i, p := range paths {
		keys[i] = in.o.Prefix + "last_run:" + p
	}
	values, err := redis.Values(in.ask(ctx, command{"MGET", keys}))
	if err != nil {
		return nil, nil, err
	}
	if len(values) != len(paths) {
		return nil, nil, errors.New("MGET with another number of values than of keys")
	}
	newest = map[string]string{}
	for i, v := range values {
		text, ok := v.([]byte)
		if ok && string(text) != in.seen[paths[i]].raw {
			changed, newest[paths[i]] = append(changed, paths[i]), string(text)
		}
	}
	return changed, newest, nil
}

// merge reads the histories of changed jobs, all in one round trip, and
// reports what is new in them, the oldest first.
func (in *Inbox) merge(ctx context.Context, changed []string, newest map[string]string) error {
	histories, err := in.histories(ctx, changed, func(p string) int {
		if in.seen[p].newest.IsZero() {
			return wholePiece
		}
		return shortPiece
	})
	if err != nil {
		return unreachable(err)
	}
	var again []string // a short piece that did not reach back far enough
	for _, p := range changed {
		known := in.seen[p].newest
		if runs := histories[p]; !known.IsZero() && len(runs) == shortPiece && runs[len(runs)-1].ended.After(known) {
			again = append(again, p)
		}
	}
	whole, err := in.histories(ctx, again, func(string) int { return wholePiece })
	if err != nil {
		return unreachable(err)
	}
	maps.Copy(histories, whole)
	for _, p := range changed {
		runs := histories[p]
		if last, ok := read(newest[p]); ok && !slices.ContainsFunc(runs, last.same) {
			runs = append([]written{last}, runs...)
		}
		known := in.seen[p].newest
		for _, w := range slices.Backward(runs) {
			// Runs may end out of order, so a little further back than known.
			if !known.IsZero() && w.ended.Before(known.Add(-10*time.Minute)) {
				continue
			}
			if err := in.report(ctx, p, w); err != nil {
				return err
			}
			if w.ended.After(in.seen[p].newest) {
				in.seen[p] = seen{newest: w.ended}
			}
		}
		in.seen[p] = seen{raw: newest[p], newest: in.seen[p].newest}
	}
	return nil
}

func (in *Inbox) histories(ctx context.Context, paths []string, length func(path string) int) (map[string][]written, error) {
	out := map[string][]written{}
	if len(paths) == 0 {
		return out, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	commands := make([]command, len(paths))
	for i, p := range paths {
		commands[i] = command{"LRANGE", redis.Args{in.o.Prefix + "history:" + p, 0, length(p) - 1}}
	}
	replies, err := in.askAll(ctx, commands)
	if err != nil {
		return nil, err
	}
	for i, p := range paths {
		// A key of another type fails alone.
		for _, text := range texts(replies[i]) {
			if w, ok := read(text); ok {
				out[p] = append(out[p], w)
			}
		}
	}
	return out, nil
}

// scan looks for jobs that nobody told of.
func (in *Inbox) scan(ctx context.Context) (paths []string, err error) {
	prefix := in.o.Prefix + "last_run:"
	var cursor uint64
	for range scanCalls {
		var keys []string
		reply, err := redis.Values(in.ask(ctx, command{"SCAN", redis.Args{cursor, "MATCH", prefix + "*", "COUNT", scanCount}}))
		if err != nil {
			return nil, err
		}
		if _, err := redis.Scan(reply, &cursor, &keys); err != nil {
			return nil, err
		}
		for _, k := range keys {
			if p := strings.TrimPrefix(k, prefix); p == hostile.Line(p, 512) && p != "" {
				paths = append(paths, p)
			}
		}
		if cursor == 0 {
			break
		}
	}
	return paths, nil
}

// written is a run as an app wrote it.
type written struct {
	Path         string   `json:"path"`
	Timestamp    string   `json:"timestamp"`
	DurationMs   *float64 `json:"durationMs"`
	Status       string   `json:"status"`
	StatusCode   int      `json:"statusCode"`
	ErrorMessage string   `json:"errorMessage"`

	ended time.Time
}

func (w written) same(o written) bool {
	return w.ended.Equal(o.ended) && w.Status == o.Status && w.StatusCode == o.StatusCode
}

// read understands JSON, and JSON that a client library encoded a second time
// as a string. What is neither is passed over: the keys are not ours.
func read(text string) (w written, ok bool) {
	if strings.HasPrefix(text, `"`) {
		var inner string
		if json.Unmarshal([]byte(text), &inner) != nil {
			return w, false
		}
		text = inner
	}
	if json.Unmarshal([]byte(text), &w) != nil || w.Status != "success" && w.Status != "failure" {
		return w, false
	}
	at, err := time.Parse(time.RFC3339Nano, w.Timestamp)
	w.ended = at
	return w, err == nil && (w.DurationMs == nil || *w.DurationMs >= 0 && *w.DurationMs < 1e10)
}

// app is who these reports come from: whoever may write to that Redis.
var app = access.Actor{Kind: access.Machine, ID: "inbox", Name: "Redis", Role: access.Admin, Scope: access.Report}

func (in *Inbox) report(ctx context.Context, path string, w written) error {
	r := cron.Report{
		To: cron.Target{Project: in.o.Project, Path: path, Create: true}, Signal: cron.Success, Ended: w.ended,
		StatusCode: w.StatusCode, ExitCode: -1, Error: w.ErrorMessage, Via: "redis",
	}
	if w.Status == "failure" {
		r.Signal = cron.Failure
	}
	if w.DurationMs != nil {
		r.Duration, r.Timed = time.Duration(*w.DurationMs*float64(time.Millisecond)), true
	}
	_, err := in.o.Crons.Report(ctx, app, r)
	if fault.Is(err, fault.Invalid) {
		return nil // a clock that is years off, or a path that is none: passed over
	}
	return err
}

func unreachable(err error) error {
	return fault.Wrap(fault.Unavailable, fmt.Errorf("redis: %w", err), "Redis cannot be read.")
}
