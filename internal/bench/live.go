package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The fan-out: so many pages are told of each change, and no viewer holds more
// than streamsEach of them.
const (
	streams     = 1000
	streamsEach = 15
	changes     = 20
)

// fanOut tells a thousand viewers of changes and prints when the last of them
// knew, and what each costs the server's memory. Ours is the time from the word
// of the change to the last byte of the event, on loopback.
func fanOut(ctx context.Context, where addresses, pid int) error {
	before := residentKiB(pid)
	heard := make(chan heardOf, streams)
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	for i := range streams {
		lines, err := listen(ctx, where.Ours, where.Tokens[i/streamsEach])
		if err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
		all.Go(func() { hear(i, lines, heard) })
	}
	after := residentKiB(pid)
	var times []time.Duration
	for range changes {
		took, err := oneChange(ctx, where.Bare, heard)
		if err != nil {
			return err
		}
		times = append(times, took...)
		time.Sleep(100 * time.Millisecond)
	}
	fmt.Printf("%-34s p50 %v p99 %v   %.0f KiB a viewer   (goals <= 20ms, <= 40 KiB)\n", "1,000 viewers told of a change", percentile(times, 0.5), percentile(times, 0.99), (after-before)/streams)
	return nil
}

// oneChange answers how long after it each viewer knew. A viewer knows who was
// told of it or of a later one: the demo has changes of its own.
func oneChange(ctx context.Context, bare string, heard <-chan heardOf) ([]time.Duration, error) {
	began := time.Now()
	number, err := change(ctx, bare)
	if err != nil {
		return nil, err
	}
	know := map[int]time.Duration{}
	for len(know) < streams {
		select {
		case h := <-heard:
			if _, told := know[h.viewer]; !told && h.number >= number {
				know[h.viewer] = h.at.Sub(began)
			}
		case <-time.After(5 * time.Second):
			return nil, fmt.Errorf("%d of %d viewers were not told of change %d", streams-len(know), streams, number)
		}
	}
	return slices.Collect(maps.Values(know)), nil
}

// heardOf is one event of one stream: the number of the change up to which the
// viewer then knows.
type heardOf struct {
	viewer, number int
	at             time.Time
}

// listen opens a stream over a connection of its own, with as little as it
// takes: the client shares the machine with what is measured.
func listen(ctx context.Context, base, token string) (*bufio.Reader, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = c.Close() })
	if _, err := fmt.Fprintf(c, "GET /admin/environments/live HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", u.Host, token); err != nil {
		return nil, err
	}
	lines := bufio.NewReaderSize(c, 512)
	for {
		line, err := lines.ReadString('\n')
		switch {
		case err != nil:
			return nil, err
		case strings.HasPrefix(line, "HTTP/") && !strings.Contains(line, " 200 "):
			return nil, fmt.Errorf("the server answers %q", line)
		case strings.HasPrefix(line, "retry: "):
			return lines, nil
		}
	}
}

func hear(viewer int, lines *bufio.Reader, heard chan<- heardOf) {
	number := 0
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if mark, ok := strings.CutPrefix(line, "id: "); ok {
			if number, err = numberOf(mark); err != nil {
				return // the one who waits for this viewer says that it was not told
			}
		}
		if strings.HasPrefix(line, "data: ") {
			heard <- heardOf{viewer, number, time.Now()}
		}
	}
}

// numberOf is the number in a mark, which counts the changes.
func numberOf(mark string) (int, error) {
	_, digits, _ := strings.Cut(strings.TrimSpace(mark), "-")
	return strconv.Atoi(digits)
}

// change has the server tell of one, and answers its number.
func change(ctx context.Context, bare string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, bare+"changed", http.NoBody)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	mark, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	return numberOf(string(mark))
}
