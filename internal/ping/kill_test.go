package ping_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// TestServeUntilKilled is the process that TestNothingAcknowledgedIsLost kills.
func TestServeUntilKilled(t *testing.T) {
	dir := os.Getenv("ENVDECK_KILL_DIR")
	if dir == "" {
		return // it is no test here: TestNothingAcknowledgedIsLost runs it as a process of its own
	}
	s := openDir(t, dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("listening %s\n", l.Addr())
	_ = http.Serve(l, s) // until it is killed
}

// A ping that was answered with 200 is on disk, whatever happens to the
// process then. KILL_ROUNDS=50 does it fifty times.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	rounds := 2
	if text := os.Getenv("KILL_ROUNDS"); text != "" {
		if _, err := fmt.Sscan(text, &rounds); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	var addresses []string
	t.Run("jobs", func(t *testing.T) { // closes the database at its end
		s := openDir(t, dir)
		var jobs []cron.Planned
		for i := range 300 {
			jobs = append(jobs, cron.Planned{Path: fmt.Sprintf("/job/%d", i)})
		}
		if err := s.book.Plan(t.Context(), "shop", "prod", cron.FromConfig, jobs); err != nil {
			t.Fatal(err)
		}
		all, err := s.db.CronJobs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range all {
			addresses = append(addresses, j.Ping)
		}
	})
	total := 0
	for round := range rounds {
		acknowledged := killRound(t, dir, addresses, 150+50*(round%5))
		total += len(acknowledged)
		t.Run("look", func(t *testing.T) { lost(t, dir, acknowledged) })
	}
	t.Logf("%d rounds, %d acknowledged pings", rounds, total)
}

// killRound pings a server from many sides until so many are acknowledged,
// kills it, and answers the ids of the acknowledged runs.
func killRound(t *testing.T, dir string, addresses []string, enough int) map[string]bool {
	t.Helper()
	server := exec.Command(os.Args[0], "-test.run", "^TestServeUntilKilled$", "-test.v")
	server.Env = append(os.Environ(), "ENVDECK_KILL_DIR="+dir)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	address := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, after, ok := strings.Cut(lines.Text(), "listening "); ok {
			address = after
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	killed := sync.OnceFunc(func() { _ = server.Process.Kill() })
	var pinging sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	for side := range 16 {
		pinging.Go(func() {
			for i := side; ctx.Err() == nil; i += 16 {
				id := uuid.NewString()
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/ping/"+addresses[i%len(addresses)]+"?rid="+id, strings.NewReader(strings.Repeat("x", 2000)))
				if err != nil {
					t.Error(err)
					return
				}
				answer, err := client.Do(r)
				if err != nil {
					return // it was killed
				}
				_ = answer.Body.Close()
				if answer.StatusCode == http.StatusOK {
					mu.Lock()
					acknowledged[id] = true
					if len(acknowledged) >= enough {
						killed()
					}
					mu.Unlock()
				}
			}
		})
	}
	pinging.Wait()
	_ = server.Wait()
	return acknowledged
}

func lost(t *testing.T, dir string, acknowledged map[string]bool) {
	t.Helper()
	db := storetest.OpenDir(t, dir)
	jobs, err := db.CronJobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		runs, err := db.CronRuns(t.Context(), j.ID, time.Unix(0, 0), time.Now().Add(time.Hour), 100_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range runs {
			if body, err := db.CronOutput(t.Context(), j.ID, r.At, r.Seq); err == nil && len(body) == 2000 {
				delete(acknowledged, r.ID)
			}
		}
	}
	if len(acknowledged) != 0 {
		t.Errorf("%d acknowledged pings are not on disk", len(acknowledged))
	}
}
