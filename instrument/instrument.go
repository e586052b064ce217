// Package instrument tells an envdeck server about the runs of a Go program's
// cron jobs:
//
//	deck := instrument.New(instrument.Options{URL: "https://deck.example.com", Token: os.Getenv("ENVDECK_TOKEN")})
//	err := deck.Run(ctx, "nightly-backup", func(ctx context.Context) error { … })
//	http.Handle("/api/cron/pulse", deck.Handler("/api/cron/pulse", pulse))
//
// It never delays or breaks the job: reports leave in the background, each in
// two seconds at most, and a server that is down costs the reports and nothing
// else. What the job returns or panics with is what its caller gets. Call
// Flush before the process ends.
//
// It must not import anything of envdeck: it is for programs that are not.
package instrument

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options says where reports go. Without URL or Token nothing is reported and
// jobs just run.
type Options struct {
	URL   string // of the server
	Token string // of scope report
	// Project and Environment are the server's defaults when empty: its first
	// project, and production.
	Project, Environment string
	Commit               string // of the build, 7 to 40 hexadecimal digits
	// Client sends the reports; nil for one with a limit of two seconds.
	Client *http.Client
	// OnError is told of reports that were lost; nil for nobody. It is called
	// from another goroutine.
	OnError func(error)
}

// Deck reports runs. It is safe for concurrent use; the zero value and nil run
// jobs without reporting.
type Deck struct {
	o       Options
	sending sync.WaitGroup
	places  chan struct{}
}

// sendLimit is how long one report may take, and sendPlaces how many may be
// under way: what does not fit is lost rather than kept in memory.
const (
	sendLimit  = 2 * time.Second
	sendPlaces = 64
	errorLimit = 4096
)

// New makes a Deck.
func New(o Options) *Deck {
	if o.Client == nil {
		o.Client = &http.Client{
			Timeout:       sendLimit,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	o.URL = strings.TrimSuffix(o.URL, "/")
	return &Deck{o: o, places: make(chan struct{}, sendPlaces)}
}

// report is the body of POST /api/cron/report.
type report struct {
	Path         string `json:"path"`
	Phase        string `json:"phase"`
	RunID        string `json:"runId"`
	Timestamp    string `json:"timestamp,omitempty"`
	SentAt       string `json:"sentAt"`
	DurationMs   *int64 `json:"durationMs,omitempty"`
	Status       string `json:"status,omitempty"`
	StatusCode   int    `json:"statusCode,omitempty"`
	ErrorMessage string `json:"errorMessage,omitempty"`
	Project      string `json:"project,omitempty"`
	Environment  string `json:"environment,omitempty"`
	Commit       string `json:"commit,omitempty"`
	Schedule     string `json:"schedule,omitempty"`
	Dialect      string `json:"dialect,omitempty"`
}

// Run runs a job and reports its start and its end. It returns what the job
// returns, and panics with what the job panics with.
func (d *Deck) Run(ctx context.Context, path string, job func(context.Context) error) error {
	run := d.begin(path, "")
	ended := false
	defer func() {
		if !ended { // a panic, or runtime.Goexit: it goes on by itself
			run.end(0, "the job panicked")
		}
	}()
	err := job(ctx)
	ended = true
	text := ""
	if err != nil {
		text = err.Error()
		if text == "" {
			text = "the job failed"
		}
	}
	run.end(0, text)
	return err
}

// Handler runs an HTTP handler as a job: a status of 400 and more is a
// failure. The schedule that Vercel sends along is passed on.
func (d *Deck) Handler(path string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		run := d.begin(path, r.Header.Get("X-Vercel-Cron-Schedule"))
		answer := &statusWriter{ResponseWriter: w}
		ended := false
		defer func() {
			if !ended {
				run.end(http.StatusInternalServerError, "the handler panicked")
			}
		}()
		next.ServeHTTP(answer, r)
		ended = true
		status, text := answer.code(), ""
		if status >= http.StatusBadRequest {
			text = http.StatusText(status)
		}
		run.end(status, text)
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// Unwrap lets http.ResponseController through.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// run is one run that has begun.
type run struct {
	deck  *Deck
	began time.Time
	base  report
	first chan struct{} // closed when the start has left, or was lost
}

func (d *Deck) begin(path, schedule string) *run {
	r := &run{deck: d, began: time.Now(), base: report{Path: path, RunID: rand.Text(), Schedule: schedule}}
	if schedule != "" {
		r.base.Dialect = "vercel"
	}
	start := r.base
	start.Phase = "start"
	r.first = d.send(start, nil)
	return r
}

// end reports how the run ended; text is "" for a success.
func (r *run) end(status int, text string) {
	took := time.Since(r.began).Milliseconds()
	end := r.base
	end.Phase, end.Status, end.StatusCode, end.DurationMs = "finish", "success", status, &took
	end.Timestamp = time.Now().UTC().Format(time.RFC3339Nano)
	if text != "" {
		end.Status, end.ErrorMessage = "failure", text[:min(len(text), errorLimit)]
	}
	r.deck.send(end, r.first)
}

// send sends in the background, after what has to arrive before.
func (d *Deck) send(r report, after <-chan struct{}) chan struct{} {
	sent := make(chan struct{})
	if d == nil || d.o.URL == "" || d.o.Token == "" {
		close(sent)
		return sent
	}
	select {
	case d.places <- struct{}{}:
	default:
		close(sent)
		d.lost(fmt.Errorf("envdeck: too many reports are under way; one of %s was dropped", r.Path))
		return sent
	}
	d.sending.Go(func() {
		defer close(sent)
		defer func() { <-d.places }()
		if after != nil {
			<-after
		}
		if err := d.post(r); err != nil {
			d.lost(err)
		}
	})
	return sent
}

func (d *Deck) lost(err error) {
	if d.o.OnError != nil {
		d.o.OnError(err)
	}
}

func (d *Deck) post(r report) error {
	r.Project, r.Environment, r.Commit = d.o.Project, d.o.Environment, d.o.Commit
	r.SentAt = time.Now().UTC().Format(time.RFC3339Nano)
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	// The job's own context may end with the job; the report outlives it.
	ctx, cancel := context.WithTimeout(context.Background(), sendLimit)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, d.o.URL+"/api/cron/report", bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+d.o.Token)
	q.Header.Set("Content-Type", "application/json")
	answer, err := d.o.Client.Do(q)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("envdeck: a report of %s was answered with %s", r.Path, answer.Status)
	}
	return nil
}

// Flush waits until every report has left or was lost, or the context ends.
func (d *Deck) Flush(ctx context.Context) error {
	if d == nil {
		return nil
	}
	done := make(chan struct{})
	go func() { d.sending.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
