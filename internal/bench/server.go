package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/app"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/provider/all"
)

// runServer runs the demo and, beside it, the least that a handler can do:
// the same check of the caller, the same bytes.
func runServer(ctx context.Context) error {
	var blocks []config.BlockKind
	for _, k := range all.Kinds() {
		blocks = append(blocks, config.BlockKind{Name: k.Name, Block: k.Block, FromEnv: k.FromEnv})
	}
	demo, err := app.NewDemo(ctx, app.DemoOptions{
		Listen: "127.0.0.1:0", Speed: 1, Version: "bench", Log: slog.New(slog.DiscardHandler), Getenv: os.Getenv, Blocks: blocks,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { _ = demo.Run(ctx) })
	defer running.Wait()

	token := demo.Tokens.SuperAdmin.Reveal()
	if err := demo.Filled(ctx); err != nil {
		return err
	}
	body, headers, err := fetch(ctx, demo.URL()+"/api/admin/environments/status", token)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // lives as long as the process
	if err != nil {
		return err
	}
	// Without deadlines: on loopback, for a minute.
	mux := http.NewServeMux()
	mux.Handle("/", bareHandler(demo.Control(), body, headers))
	mux.HandleFunc("POST /changed", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, demo.Changed()) })
	bare := &http.Server{Handler: mux}
	go func() { _ = bare.Serve(l) }()
	tokens, err := viewers(ctx, demo)
	if err != nil {
		return err
	}
	err = json.NewEncoder(os.Stdout).Encode(addresses{Ours: demo.URL(), Bare: "http://" + l.Addr().String() + "/", Token: token, Tokens: tokens})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return bare.Close()
}

// viewers are tokens for as many viewers as hold the streams of the fan-out: no
// one of them may hold all.
func viewers(ctx context.Context, demo *app.Demo) ([]string, error) {
	var all []string
	for i := range streams/streamsEach + 1 {
		_, text, err := demo.Control().IssueToken(ctx, access.OperatorActor("bench"), access.TokenRequest{
			Owner: demo.Tokens.AdminID, Scope: access.API, Name: "viewer " + strconv.Itoa(i), Reason: "bench",
		})
		if err != nil {
			return nil, err
		}
		all = append(all, text.Reveal())
	}
	return all, nil
}

// bareHandler checks the caller as we do and writes the same bytes, headers
// and all: what is left between the two is our own work.
func bareHandler(control *access.Control, body []byte, headers http.Header) http.Handler {
	etag := headers.Get("ETag")
	headers.Del("Date") // the server writes its own
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := control.Authenticate(r.Context(), access.Credentials{Bearer: access.Bearer(r.Header.Get("Authorization"))})
		if err != nil || !access.Permits(a, access.ViewStatus) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h := w.Header()
		maps.Copy(h, headers)
		if r.Header.Get("If-None-Match") == etag {
			delete(h, "Content-Length")
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(body)
	})
}

func fetch(ctx context.Context, url, token string) (body []byte, headers http.Header, err error) {
	t := target{url: url, token: token}
	r, err := t.request(ctx)
	if err != nil {
		return nil, nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err = io.ReadAll(answer.Body)
	return body, answer.Header, err
}
