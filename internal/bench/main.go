// Command bench prints the figures of docs/speed.md, all in one run on one
// machine: ours beside a bare net/http handler that makes the same check and
// writes the same bytes. It compares; it asserts nothing, because a wall time
// on somebody's machine proves nothing about the program.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "server":
		err = runServer(ctx)
	case len(os.Args) > 1 && os.Args[1] == "crons": // that part alone
		err = run(ctx, crons)
	default:
		err = run(ctx, startUp, readers, crons)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run builds the binary and takes one kind of figures after the other.
func run(ctx context.Context, parts ...func(ctx context.Context, binary, dir string) error) error {
	dir, err := os.MkdirTemp("", "envdeck-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "envdeck")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/envdeck")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("the binary does not build: %w", err)
	}
	for _, part := range parts {
		if err := part(ctx, binary, dir); err != nil {
			return err
		}
	}
	return nil
}

// readers starts both servers in a process of their own, and puts load on them
// in turns.
func readers(ctx context.Context, _, _ string) error {
	server, where, err := startServers(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = server.Process.Signal(os.Interrupt); _ = server.Wait() }()
	ours := target{url: where.Ours + "/api/admin/environments/status", token: where.Token}
	bare := target{url: where.Bare, token: where.Token}
	etag, err := ours.etag(ctx)
	if err != nil {
		return err
	}
	throughput(ctx, "status 200", ours, bare)
	ours.ifNoneMatch, bare.ifNoneMatch = etag, etag
	throughput(ctx, "status 304", ours, bare)
	ours.ifNoneMatch, bare.ifNoneMatch = "", ""
	latency(ctx, ours, bare)
	return fanOut(ctx, where, server.Process.Pid)
}

// addresses is what the server process prints when it is ready.
type addresses struct {
	Ours, Bare, Token string
	Tokens            []string // one for each viewer
}

func startServers(ctx context.Context) (*exec.Cmd, addresses, error) {
	cmd := exec.CommandContext(ctx, os.Args[0], "server")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, addresses{}, err
	}
	if err := cmd.Start(); err != nil {
		return nil, addresses{}, err
	}
	var where addresses
	if err := json.NewDecoder(out).Decode(&where); err != nil {
		return nil, where, fmt.Errorf("the server process did not start: %w", err)
	}
	return cmd, where, nil
}

// throughput runs short interleaved rounds against both and prints the ratio
// of the medians.
func throughput(ctx context.Context, name string, ours, bare target) {
	const rounds, length, clients = 5, 3 * time.Second, 64
	var a, b []float64
	for range rounds {
		b = append(b, closedLoop(ctx, bare.once, clients, length))
		a = append(a, closedLoop(ctx, ours.once, clients, length))
	}
	fmt.Printf("%-34s %8.0f/s   bare %8.0f/s   ratio %.2f   (goal >= 0.85)\n", name+", 64 clients", median(a), median(b), median(a)/median(b))
}

// latency sends at a constant rate, whatever the answers do, and prints p50
// and p99 of both.
func latency(ctx context.Context, ours, bare target) {
	const rounds, rate, length = 3, 300, 8 * time.Second
	var a, b []time.Duration
	for range rounds {
		times, _ := openLoop(ctx, bare.once, rate, length)
		b = append(b, times...)
		times, _ = openLoop(ctx, ours.once, rate, length)
		a = append(a, times...)
	}
	ap, bp := percentile(a, 0.99), percentile(b, 0.99)
	fmt.Printf("%-34s p50 %v p99 %v   bare p50 %v p99 %v   ratio of p99 %.2f   (goal <= 1.5)\n", "status 200, 300/s open loop",
		percentile(a, 0.5), ap, percentile(b, 0.5), bp, float64(ap)/float64(bp))
}

// startUp measures the time from exec to the first 200, and what idle costs.
func startUp(ctx context.Context, binary, dir string) error {
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	fmt.Printf("%-34s %.1f MB   (goal <= 28)\n", "stripped static binary", float64(info.Size())/1e6)
	config := filepath.Join(dir, "envdeck.yaml")
	const address = "127.0.0.1:42809"
	text := "listen: " + address + "\ndata: " + filepath.Join(dir, "data") + "\nprojects:\n  - name: idle\n    environments:\n      prod: {kind: production, url: http://127.0.0.1:9}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	var times []time.Duration
	var rss float64
	for i := range 7 {
		took, kib, err := oneStart(ctx, binary, config, address, i == 6)
		if err != nil {
			return err
		}
		if i > 0 { // the first one makes the database
			times = append(times, took)
		}
		rss = max(rss, kib)
	}
	fmt.Printf("%-34s p50 %v   (goal <= 60ms)\n", "exec to first 200", percentile(times, 0.5).Round(100*time.Microsecond))
	fmt.Printf("%-34s %.1f MiB   (goal <= 30)\n", "idle RSS of serve after 4 s", rss/1024)
	return nil
}

func oneStart(ctx context.Context, binary, config, address string, idle bool) (time.Duration, float64, error) {
	cmd := exec.CommandContext(ctx, binary, "serve", "--config", config)
	cmd.Stderr = io.Discard
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	defer func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() }()
	if err := ready(began, address); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	if !idle {
		return took, 0, nil
	}
	time.Sleep(4 * time.Second)
	return took, residentKiB(cmd.Process.Pid), nil
}

// ready waits for the first 200.
func ready(began time.Time, address string) error {
	for {
		r, err := http.Get("http://" + address + "/api/health") //nolint:noctx // a loop with its own end
		if err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		if time.Since(began) > 30*time.Second {
			return fmt.Errorf("no answer from %s within 30 s", address)
		}
		time.Sleep(500 * time.Microsecond)
	}
}

// residentKiB reads the resident set from /proc; 0 where there is none.
func residentKiB(pid int) float64 { return statusKiB(pid, "VmRSS:") }

// statusKiB reads one line of /proc/PID/status.
func statusKiB(pid int, name string) float64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib
		}
	}
	return 0
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

func percentile(v []time.Duration, p float64) time.Duration {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return v[min(len(v)-1, int(p*float64(len(v))))].Round(10 * time.Microsecond)
}
