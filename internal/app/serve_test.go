package app

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/door"
)

// T23: huge bodies, bombs of headers and clients that never finish are cut
// off, while others are served.
func TestT23GreedyAndSlowClientsAreCutOff(t *testing.T) {
	d := openDemo(t)
	server := newServer(d.app.Handler())
	if server.ReadHeaderTimeout == 0 || server.ReadTimeout == 0 || server.WriteTimeout == 0 || server.IdleTimeout == 0 || server.MaxHeaderBytes == 0 {
		t.Fatalf("a limit is missing: %+v", server)
	}
	server.ReadHeaderTimeout, server.ReadTimeout = 200*time.Millisecond, 400*time.Millisecond
	l, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	defer func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	address, token := l.Addr().String(), d.Tokens.SuperAdmin.Reveal()

	post := func(body io.Reader) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/api/admin/environments/users", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer
	}
	if got := post(strings.NewReader(strings.Repeat("x", door.MaxBody+1))); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body that is too long: %s", got.Status)
	}
	if got := post(io.LimitReader(strings.NewReader(strings.Repeat("x", 4*door.MaxBody)), 4*door.MaxBody)); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of unknown length: %s", got.Status)
	}

	talk := func(lines string) (string, error) {
		var dialer net.Dialer
		c, err := dialer.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		stop := context.AfterFunc(t.Context(), func() { _ = c.Close() })
		defer stop()
		if _, err := io.WriteString(c, lines); err != nil {
			return "", err
		}
		text, err := io.ReadAll(bufio.NewReader(c)) // ends when the server hangs up
		return string(text), err
	}
	bomb := "GET /livez HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Bomb: "+strings.Repeat("a", 100)+"\r\n", 400) + "\r\n"
	if text, err := talk(bomb); err == nil && !strings.HasPrefix(text, "HTTP/1.1 431 ") {
		t.Errorf("a bomb of headers: %.60q", text)
	}
	if text, _ := talk("GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: "); strings.HasPrefix(text, "HTTP/1.1 200") {
		t.Errorf("headers that never end: %.60q", text)
	}
	slow := "POST /api/admin/environments/users HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 100\r\n\r\n{"
	if text, _ := talk(slow); !strings.HasPrefix(text, "HTTP/1.1 400 ") || !strings.Contains(text, "did not arrive in time") {
		t.Errorf("a body that never ends: %.200q", text)
	}
	if text, err := talk("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil || !strings.HasPrefix(text, "HTTP/1.1 200 ") {
		t.Errorf("an honest client: %.60q %v", text, err)
	}
}
