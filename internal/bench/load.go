package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// target is one address under load.
type target struct {
	url, token, ifNoneMatch string
}

func (t target) request(ctx context.Context) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+t.token)
	r.Header.Set("Accept-Encoding", "identity")
	if t.ifNoneMatch != "" {
		r.Header.Set("If-None-Match", t.ifNoneMatch)
	}
	return r, nil
}

func (t target) etag(ctx context.Context) (string, error) {
	r, err := t.request(ctx)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("ETag") == "" {
		return "", fmt.Errorf("%s answered %s without an ETag", t.url, answer.Status)
	}
	return answer.Header.Get("ETag"), nil
}

func newClient(connections int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections, DisableCompression: true}}
}

func (t target) once(ctx context.Context, c *http.Client) bool {
	r, err := t.request(ctx)
	if err != nil {
		return false
	}
	answer, err := c.Do(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return err == nil && (answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusNotModified)
}

// act is one request and whether it got what it wanted.
type act func(ctx context.Context, c *http.Client) bool

// closedLoop answers the good answers per second of clients that each wait
// for their answer before they ask again.
func closedLoop(ctx context.Context, once act, clients int, length time.Duration) float64 {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	c := newClient(clients)
	defer c.CloseIdleConnections()
	var good atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				if once(ctx, c) {
					good.Add(1)
				}
			}
		})
	}
	all.Wait()
	return float64(good.Load()) / time.Since(began).Seconds()
}

// openLoop sends at a constant rate and answers each request's time from when
// it was due, so that a slow answer cannot hide the ones behind it.
func openLoop(ctx context.Context, once act, rate int, length time.Duration) (times []time.Duration, bad int) {
	c := newClient(256)
	defer c.CloseIdleConnections()
	n := int(length.Seconds() * float64(rate))
	times = make([]time.Duration, n)
	var failed atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		all.Go(func() {
			if !once(ctx, c) {
				failed.Add(1)
			}
			times[i] = time.Since(due)
		})
	}
	all.Wait()
	return times, int(failed.Load())
}
