package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/notify"
	"github.com/envdeck/envdeck/internal/secret"
)

// token is in every receiver's address here, and must be nowhere else.
const token = "tok/en+S3CRET&x"

func delivery() alert.Delivery {
	return alert.Delivery{
		Message: alert.Message{ID: "msg_1", Incident: "inc_1", Event: alert.HealthDown, Kind: alert.TellOpened, Content: alert.Content{
			Project: "shop", Environment: "prod", Title: "prod is down", Text: "HTTP 502", At: time.Unix(1, 0).UTC(),
		}},
		URL: "https://deck.example.com/admin/environments/incidents/inc_1",
	}
}

func open(t *testing.T, c notify.Config) *notify.Sender {
	t.Helper()
	s, err := notify.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// to is the address of a server with the token in it.
func to(s *httptest.Server) secret.Text {
	return secret.New(s.URL + "/" + url.PathEscape(token) + "?key=" + url.QueryEscape(token))
}

// hides fails when an error holds the token as it is or in any way of writing
// it, or the address.
func hides(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	for _, bad := range []string{token, url.PathEscape(token), url.QueryEscape(token), "S3CRET", "127.0.0.1", "Authorization"} {
		if strings.Contains(text, bad) {
			t.Errorf("the error holds %q: %s", bad, text)
		}
	}
}

// trap is a listener that must never be called.
func trap(t *testing.T) (port string, calls *atomic.Int64) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	calls = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			_ = c.Close()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, calls
}

// Addresses inside a network are refused before anything is dialled, however
// they are written. 0.0.0.0 and :: would reach the trap; loopback written as such
// is the operator's own machine and is taken.
func TestAddressesInsideANetworkAreRefused(t *testing.T) {
	port, calls := trap(t)
	for _, host := range []string{
		"0.0.0.0", "[::]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "[fe80::1]", "[fd00::1]", "[fd00:ec2::254]", "100.100.100.200",
	} {
		err := open(t, notify.Config{URL: secret.New("https://" + host + ":" + port + "/" + url.PathEscape(token))}).Send(t.Context(), delivery())
		if err == nil || !strings.Contains(err.Error(), "private is not set") {
			t.Errorf("%s: %v", host, err)
			continue
		}
		hides(t, err)
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// What the operator expects in their network is reached, and a cloud's
// credentials still are not.
func TestPrivate(t *testing.T) {
	for _, host := range []string{"169.254.169.254", "100.100.100.200", "[fd00:ec2::254]", "[fd20:ce::254]", "[fe80::1]"} {
		err := open(t, notify.Config{URL: secret.New("http://" + host + "/"), Private: true}).Send(t.Context(), delivery())
		if err == nil || !strings.Contains(err.Error(), "inside a network") {
			t.Errorf("%s: %v", host, err)
		}
	}
	port, calls := trap(t)
	_ = open(t, notify.Config{URL: secret.New("http://127.0.0.1:" + port + "/"), Private: true}).Send(t.Context(), delivery())
	if calls.Load() == 0 {
		t.Error("private: true reaches nothing")
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	port, calls := trap(t)
	for _, code := range []int{301, 302, 303, 307, 308} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:"+port+"/", code)
		}))
		err := open(t, notify.Config{URL: to(s)}).Send(t.Context(), delivery())
		hides(t, err)
		if !strings.Contains(err.Error(), strconv.Itoa(code)) {
			t.Errorf("%d: %v", code, err)
		}
		s.Close()
	}
	if calls.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestSignatureAndPayload(t *testing.T) {
	var got *http.Request
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer s.Close()
	if err := open(t, notify.Config{URL: to(s), Secret: secret.New("shared"), UserAgent: "envdeck/1"}).Send(t.Context(), delivery()); err != nil {
		t.Fatal(err)
	}
	header := got.Header.Get("Envdeck-Signature")
	stamp, _, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Minute {
		t.Errorf("signed at %q", stamp)
	}
	if notify.Sign("shared", time.Unix(seconds, 0), body) != header || notify.Sign("other", time.Unix(seconds, 0), body) == header || notify.Sign("shared", time.Unix(seconds, 0), append(body, ' ')) == header {
		t.Errorf("the signature %q is not one of this body by this key", header)
	}
	if got.Header.Get("Idempotency-Key") != "msg_1" || got.Header.Get("User-Agent") != "envdeck/1" {
		t.Errorf("headers %v", got.Header)
	}
	var p notify.Payload
	if err := json.Unmarshal(body, &p); err != nil || p.ID != "msg_1" || p.Event != "health.down" || p.Title != "prod is down" || p.Attempt != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	// Made with openssl dgst -sha256 -hmac.
	const known = "t=1700000000,v1=e8a57bb8048d18391d3eb8464b2c3398b36bce5c7b179e65e3ef49430731b313"
	if sign := notify.Sign("shared", time.Unix(1_700_000_000, 0), []byte(`{"a":1}`)); sign != known {
		t.Errorf("signed %s, want %s", sign, known)
	}
}

func TestWhatAWebhookAnswers(t *testing.T) {
	for code, want := range map[int]fault.Kind{
		429: fault.RateLimited, 500: fault.Unavailable, 503: fault.Unavailable, 401: fault.Rejected, 404: fault.Rejected, 410: fault.Rejected, 400: fault.Unavailable,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "90")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, r.URL.String()) // a service that repeats the address
		}))
		err := open(t, notify.Config{URL: to(s)}).Send(t.Context(), delivery())
		hides(t, err)
		if f := fault.From(err); f.Kind != want || f.RetryAfter != 90*time.Second {
			t.Errorf("%d: %+v", code, err)
		}
		s.Close()
	}
}

// A receiver that never answers, and one that nobody listens at.
func TestHangAndNobodyThere(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	host := strings.TrimPrefix(s.URL, "http://")
	ntfy := secret.New("ntfy://user:S3CRET@" + host + "/topic?scheme=http")
	for name, address := range map[string]secret.Text{"webhook": to(s), "ntfy": ntfy} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := open(t, notify.Config{URL: address}).Send(ctx, delivery())
		cancel()
		hides(t, err)
		if !fault.Is(err, fault.Timeout) {
			t.Errorf("%s: %v", name, err)
		}
	}
	close(hang)
	s.Close()
	for name, address := range map[string]secret.Text{"webhook": to(s), "ntfy": ntfy} {
		err := open(t, notify.Config{URL: address}).Send(t.Context(), delivery())
		hides(t, err)
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the library says holds the whole address; what is told of it does not.
func TestTheLibrarysErrorsAreNotRepeated(t *testing.T) {
	code := http.StatusInternalServerError
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"error":"`+r.URL.String()+r.Header.Get("Authorization")+`"}`)
	}))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	for _, address := range []string{
		"ntfy://user:S3CRET@" + host + "/topic?scheme=http", "gotify://" + host + "/AS3CRETS3CRETab?disabletls=yes",
	} {
		sender := open(t, notify.Config{URL: secret.New(address)})
		for _, code = range []int{401, 404, 429, 500, 503} {
			hides(t, sender.Send(t.Context(), delivery()))
		}
		code = http.StatusOK
		d := delivery()
		d.Title = "<!channel> @everyone [x](https://evil.example)"
		if err := sender.Send(t.Context(), d); err != nil && sender.Kind == "ntfy" {
			t.Errorf("%s: %v", sender.Kind, err)
		}
		for _, bad := range []string{"<!channel>", "@everyone", "](http"} {
			if strings.Contains(string(body), bad) {
				t.Errorf("%s was sent %s", sender.Kind, body)
			}
		}
	}
}

func TestBadAddressesAreRefusedWithoutAWordOfThem(t *testing.T) {
	for _, address := range []string{
		"", "S3CRET", "://S3CRET", "http://S3CRET.example.com/", "https://S3CRET:x@example.com/", "https:///S3CRET", "generic://S3CRET", "logger://S3CRET", "nosuch://S3CRET", "slack://S3CRET", "telegram://S3CRET", "generic+https://S3CRET",
	} {
		_, err := notify.Open(notify.Config{URL: secret.New(address)})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", address, err)
			continue
		}
		hides(t, err)
	}
	if _, err := notify.Open(notify.Config{URL: secret.New("ntfy://u:S3CRET@example.com/t"), Secret: secret.New("S3CRET")}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a signature for a service: %v", err)
	}
}
