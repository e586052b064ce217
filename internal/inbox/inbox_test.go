package inbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/inbox"
	"github.com/envdeck/envdeck/internal/secret"
)

// crons remembers what was reported, as the cron room does: the same end and
// length is the same run.
type crons struct {
	mu   sync.Mutex
	runs map[string]cron.Report
	sent int
	fail error
}

func (c *crons) Paths(string) []string { return []string{"/api/cron/known"} }

func (c *crons) Report(_ context.Context, a access.Actor, r cron.Report) (cron.Accepted, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return cron.Accepted{}, c.fail
	}
	if a.Scope != access.Report || !r.To.Create {
		return cron.Accepted{}, fmt.Errorf("not a report: %+v", a)
	}
	c.sent++
	c.runs[r.To.Path+r.Ended.String()] = r
	return cron.Accepted{}, nil
}

// write does what apps do: last_run, and the history with its trimming.
func write(t *testing.T, client redis.Conn, path string, at time.Time, status string, double bool) {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"path": path, "timestamp": at.UTC().Format("2006-01-02T15:04:05.000Z"), "durationMs": 812, "status": status, "statusCode": 200,
	})
	if err == nil && double {
		text, err = json.Marshal(string(text))
	}
	if err != nil {
		t.Fatal(err)
	}
	do(t, client, "SET", "cron:last_run:"+path, text)
	do(t, client, "LPUSH", "cron:history:"+path, text)
	do(t, client, "LTRIM", "cron:history:"+path, 0, 672)
	do(t, client, "EXPIRE", "cron:history:"+path, 7*24*3600)
}

func open(t *testing.T, url secret.Text, c *crons) *inbox.Inbox {
	t.Helper()
	in, err := inbox.Open(inbox.Options{URL: url, Crons: c, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	return in
}

func TestRunsInRedisAreMergedOnce(t *testing.T) {
	client, url := startRedis(t)
	c := &crons{runs: map[string]cron.Report{}}
	in := open(t, url, c)
	look := func() {
		t.Helper()
		if err := in.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	look() // nothing there: no error
	began := time.Now().Add(-3 * time.Hour).Truncate(time.Millisecond)
	for i := range 80 {
		write(t, client, "/api/cron/known", began.Add(time.Duration(i)*time.Minute), "success", i%2 == 0)
	}
	look()
	if len(c.runs) != 80 || c.sent != 80 {
		t.Fatalf("after the first look: %d runs in %d reports, want 80", len(c.runs), c.sent)
	}
	if r := c.runs["/api/cron/known"+began.UTC().String()]; r.Duration != 812*time.Millisecond || r.Via != "redis" || r.Signal != cron.Success {
		t.Errorf("a run: %+v", r)
	}
	look()
	if c.sent != 80 {
		t.Errorf("nothing was new, and %d reports were sent", c.sent-80)
	}
	// More than one short piece while we did not look.
	for i := 80; i < 160; i++ {
		write(t, client, "/api/cron/known", began.Add(time.Duration(i)*time.Minute), "failure", false)
	}
	look()
	if len(c.runs) != 160 {
		t.Errorf("after 80 more: %d runs", len(c.runs))
	}
}

func TestJobsThatNobodyToldOfAreFound(t *testing.T) {
	client, url := startRedis(t)
	c := &crons{runs: map[string]cron.Report{}}
	write(t, client, "/api/cron/found", time.Now(), "success", false)
	do(t, client, "SET", "cron:last_run:/rubbish", "not json")
	do(t, client, "SET", "cron:history:/rubbish", "not a list")
	do(t, client, "SET", "cron:last_run:/null", "null")
	do(t, client, "LPUSH", "cron:last_run:/list", "x") // not even a string
	do(t, client, "SET", "other", "x")
	if err := open(t, url, c).Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(c.runs) != 1 {
		t.Errorf("runs: %v", c.runs)
	}
}

// A run that could not be handed over is not forgotten.
func TestWhatWasNotTakenIsBroughtAgain(t *testing.T) {
	client, url := startRedis(t)
	c := &crons{runs: map[string]cron.Report{}, fail: fault.New(fault.Unavailable, "busy")}
	in := open(t, url, c)
	write(t, client, "/api/cron/known", time.Now(), "success", false)
	if err := in.Look(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	c.fail = nil
	if err := in.Look(t.Context()); err != nil || len(c.runs) != 1 {
		t.Errorf("%v, runs %v", err, c.runs)
	}
}

// One look at any number of jobs is one command, and one more per change.
func TestALookIsCheap(t *testing.T) {
	client, url := startRedis(t)
	c := &crons{runs: map[string]cron.Report{}}
	for i := range 30 {
		write(t, client, fmt.Sprintf("/api/cron/%d", i), time.Now(), "success", false)
	}
	in := open(t, url, c)
	if err := in.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	count := func() (n int64) {
		info, err := redis.String(client.Do("INFO", "stats"))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(info, "total_commands_processed:")
		_, _ = fmt.Sscan(rest, &n)
		return n
	}
	before := count()
	for range 10 {
		if err := in.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if used := count() - before - 1; used != 10 { // less the counting itself
		t.Errorf("ten looks at 30 jobs used %d commands", used)
	}
}
