package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	cronJobs    = 1650
	runsOfEach  = 1213 // 2 million in all, in a week
	runsApart   = 7 * 24 * time.Hour / (runsOfEach + 1)
	cronAddress = "127.0.0.1:42810"
)

// crons puts pings and readers on the program with 1,650 jobs, first when
// nothing has run and then with 2 million runs behind it. What grows in
// between has to be neither the time of a ping nor that of a page.
func crons(ctx context.Context, binary, dir string) error {
	data := filepath.Join(dir, "crons")
	d := &deck{binary: binary, config: filepath.Join(dir, "crons.yaml"), tokens: filepath.Join(dir, "tokens.json"), database: filepath.Join(data, "envdeck.db")}
	text := "listen: " + cronAddress + "\ndata: " + data + "\nprojects:\n  - name: shop\n    environments:\n      prod: {kind: production, url: http://127.0.0.1:9}\n"
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		return err
	}
	if err := d.measure(ctx, "no runs", d.makeJobs); err != nil {
		return err
	}
	began := time.Now()
	runs, err := fill(ctx, d.database)
	if err != nil {
		return err
	}
	fmt.Printf("%-34s %.1f s for %d\n", "(runs put into the database)", time.Since(began).Seconds(), runs)
	return d.measure(ctx, "2 M runs", nil)
}

// deck is the program on a folder of its own.
type deck struct {
	binary, config, tokens, database string

	addresses   []string // of the jobs' pings
	super, jobs string   // tokens
	next        atomic.Int64
}

// measure starts the program, takes every figure, and ends it.
func (d *deck) measure(ctx context.Context, name string, first func(context.Context) error) (err error) {
	cmd := exec.CommandContext(ctx, d.binary, "serve", "--config", d.config, "--bootstrap-tokens", d.tokens)
	if first == nil {
		cmd.Args = cmd.Args[:4]
	}
	cmd.Stderr = io.Discard
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() }()
	if err := ready(began, cronAddress); err != nil {
		return err
	}
	started := time.Since(began)
	if first != nil {
		if err := first(ctx); err != nil {
			return err
		}
	}
	line := func(what, format string, args ...any) {
		fmt.Printf("%-34s "+format+"\n", append([]any{name + ", " + what}, args...)...)
	}
	line("exec to first 200", "%v", started.Round(time.Millisecond))
	const length = 8 * time.Second
	for _, rate := range []int{100, 500} {
		times, bad := openLoop(ctx, d.ping, rate, length)
		line(fmt.Sprintf("pings of 2 kB at %d/s", rate), "p50 %v p99 %v, %d of %d not taken   (goal p99 < 100ms)", percentile(times, 0.5), percentile(times, 0.99), bad, len(times))
	}
	line("pings of 2 kB, 64 clients", "%.0f/s", closedLoop(ctx, d.ping, 64, 3*time.Second))
	pid := cmd.Process.Pid
	line("memory after it", "%.1f MiB, of which %.1f anonymous   (goal < 60)", statusKiB(pid, "VmRSS:")/1024, statusKiB(pid, "RssAnon:")/1024)
	for _, page := range []struct{ what, path string }{
		{"API of all jobs", "/api/admin/environments/crons"},
		{"page of all jobs", "/admin/environments/crons"},
		{"page of one job", "/admin/environments/crons/job?environment=prod&path=" + url.QueryEscape("job-7")},
	} {
		times, size, err := readMany(ctx, target{url: "http://" + cronAddress + page.path, token: d.super})
		if err != nil {
			return err
		}
		line(page.what, "p50 %v p99 %v, %.0f kB", percentile(times, 0.5), percentile(times, 0.99), float64(size)/1000)
	}
	return nil
}

// makeJobs has every job report itself once, and finds the ping address that it
// got.
func (d *deck) makeJobs(ctx context.Context) error {
	text, err := os.ReadFile(d.tokens)
	if err != nil {
		return err
	}
	var tokens map[string]string
	if err := json.Unmarshal(text, &tokens); err != nil {
		return err
	}
	d.super = tokens["SUPER_ADMIN"]
	key, err := exec.CommandContext(ctx, d.binary, "token", "create", "--config", d.config, "--owner", "super-admin", "--scope", "ping", "--name", "jobs").Output()
	if err != nil {
		return fmt.Errorf("no token for pings: %w", err)
	}
	d.jobs = strings.TrimSpace(string(key))
	c := newClient(16)
	defer c.CloseIdleConnections()
	var next, bad atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for i := next.Add(1); i <= cronJobs; i = next.Add(1) {
				if !post(ctx, c, fmt.Sprintf("%s/job-%d?create=1", d.jobs, i), nil) {
					bad.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := bad.Load(); n != 0 {
		return fmt.Errorf("%d jobs were not made", n)
	}
	db, err := sql.Open("sqlite", "file:"+d.database+"?mode=ro")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(ctx, `SELECT ping FROM cron_jobs ORDER BY random()`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var ping string
		if err := rows.Scan(&ping); err != nil {
			return err
		}
		d.addresses = append(d.addresses, ping)
	}
	return rows.Err()
}

var printed = []byte(strings.Repeat("0123456789abcde\n", 125)) // 2 kB

// ping is the next job's turn to say that it ran.
func (d *deck) ping(ctx context.Context, c *http.Client) bool {
	i := int(d.next.Add(1)) % len(d.addresses)
	return post(ctx, c, d.addresses[i], printed)
}

func post(ctx context.Context, c *http.Client, ping string, body []byte) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+cronAddress+"/ping/"+ping, bytes.NewReader(body))
	if err != nil {
		return false
	}
	answer, err := c.Do(r)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusCreated
}

// readMany reads an address again and again, one after the other.
func readMany(ctx context.Context, t target) (times []time.Duration, size int, err error) {
	for range 40 {
		began := time.Now()
		body, _, err := fetch(ctx, t.url, t.token)
		if err != nil {
			return nil, 0, err
		}
		times, size = append(times, time.Since(began)), len(body)
	}
	return times, size, nil
}

// fill puts a week of runs into the tables as the store keeps them, in the
// order of their key: as pings they would take minutes.
func fill(ctx context.Context, database string) (runs int64, err error) {
	db, err := sql.Open("sqlite", "file:"+database+"?_pragma=synchronous(OFF)&_pragma=cache_size(-65536)")
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	now := time.Now().UnixMicro()
	res, err := db.ExecContext(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO cron_runs (job, at, seq, run_id, state, timing, slot, ended_at, duration_us, overran, status_code, exit_code, error, via, commit_sha, output, output_id, begun)
		SELECT j.id, $2 - ($1 - n.i + 1) * $3, 0, '', 1, 1, NULL, $2 - ($1 - n.i + 1) * $3 + 900000, 900000, FALSE, 200, -1, '', 'ping', '', 0, 0, FALSE
		FROM cron_jobs j CROSS JOIN n ORDER BY j.id, n.i`, runsOfEach, now-time.Hour.Microseconds(), runsApart.Microseconds())
	if err != nil {
		return 0, err
	}
	if runs, err = res.RowsAffected(); err != nil {
		return 0, err
	}
	_, err = db.ExecContext(ctx, `INSERT INTO cron_sums (job, span, at, good, failed, late, missed, timed, total_us, max_us)
		SELECT job, 'h', at - at % 3600000000, COUNT(*), 0, 0, 0, COUNT(*), SUM(duration_us), MAX(duration_us)
		FROM cron_runs WHERE at < $1 GROUP BY job, at - at % 3600000000 ON CONFLICT DO NOTHING`, now-time.Hour.Microseconds())
	return runs, err
}
