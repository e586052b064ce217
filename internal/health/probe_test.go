package health_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/health"
)

func at(t *testing.T, address string, kind catalog.Kind) health.Target {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return health.Target{Project: "shop", Environment: "prod", Kind: kind, URL: u}
}

func probe(t *testing.T, target health.Target) health.Sample {
	t.Helper()
	p := health.NewProber([]health.Target{target}, health.ProberConfig{Clock: clock.Real(), UserAgent: "envdeck/test"})
	return p.Probe(t.Context(), target)
}

func TestProbeReadsAnAnswer(t *testing.T) {
	var asked *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		w.Header().Set("X-Vercel-Cache", "HIT")
		_, _ = w.Write([]byte(`{"status":"ok","commit":"abc1234","checks":{"database":"ok"}}`))
	}))
	defer server.Close()
	s := probe(t, at(t, server.URL+"/api/health?detailed=true", catalog.Production))
	if s.Verdict != health.Healthy || s.Commit != "abc1234" || s.Status != 200 || !s.Cached || len(s.Parts) != 1 {
		t.Errorf("sample %+v", s)
	}
	if s.Phases.Connect <= 0 || s.Phases.FirstByte <= 0 || s.Phases.Total < s.Phases.FirstByte || s.Phases.TLS != 0 {
		t.Errorf("phases %+v", s.Phases)
	}
	if asked.Header.Get("Cache-Control") != "no-cache" || asked.UserAgent() != "envdeck/test" || asked.URL.RawQuery != "detailed=true" {
		t.Errorf("asked %v %v", asked.URL, asked.Header)
	}
}

func TestProbeFollowsNoRedirect(t *testing.T) {
	var trapped bool
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped = true }))
	defer trap.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, trap.URL+"/login?state=canary-secret", http.StatusFound)
	}))
	defer server.Close()
	s := probe(t, at(t, server.URL, catalog.Production))
	if s.Verdict != health.Unknown || s.Status != 302 || trapped {
		t.Errorf("sample %+v, followed %v", s, trapped)
	}
	if !strings.Contains(s.Reason, trap.URL) || strings.Contains(s.Reason, "canary") {
		t.Errorf("reason %q: want the host and no query", s.Reason)
	}
}

func TestProbeReadsNoMoreThanAReport(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"ok","pad":"` + strings.Repeat("x", 70<<10) + `"}`))
	}))
	defer server.Close()
	if s := probe(t, at(t, server.URL, catalog.Production)); s.Verdict != health.Unknown || s.Reason != "answers more than 64 KiB, which no health report is" {
		t.Errorf("%s %q", s.Verdict, s.Reason)
	}
}

// raw serves one canned answer to whoever connects.
func raw(t *testing.T, answer string, reset bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte(answer))
			if reset {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestFailuresAreNamed(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	nobody := "http://" + closed.Addr().String() + "/health?key=canary-secret"
	for _, c := range []struct {
		name, url string
		kind      catalog.Kind
		want      health.Verdict
		reason    string
		offline   bool
	}{
		{"refused", nobody, catalog.Production, health.Down, "connection refused", false},
		{"refused on a local one", nobody, catalog.Local, health.Unknown, "not running (connection refused)", true},
		{"not HTTP", raw(t, "SSH-2.0-canary\r\n\r\n", false), catalog.Production, health.Down, "answers something that is not HTTP", false},
		{"closed", raw(t, "", false), catalog.Production, health.Down, "closed the connection without an answer", false},
		{"reset", raw(t, "", true), catalog.Production, health.Down, "connection reset", false},
		{"broken off", raw(t, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", false), catalog.Production, health.Down, "the answer broke off", false},
		{"plain on a TLS port", strings.Replace(raw(t, "HTTP/1.1 400 Bad\r\n\r\n", false), "http:", "https:", 1), catalog.Production, health.Down, "does not speak TLS on this port", false},
		{"metadata", "http://169.254.169.254/latest", catalog.Local, health.Unknown, "was not asked: its name leads to an address inside a private network or reserved for something else; if it is meant to, set private: true for the environment", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := probe(t, at(t, c.url, c.kind))
			if s.Verdict != c.want || s.Reason != c.reason || s.Offline != c.offline {
				t.Errorf("%s %q offline %v, want %s %q %v", s.Verdict, s.Reason, s.Offline, c.want, c.reason, c.offline)
			}
			if strings.Contains(s.Reason, "canary") {
				t.Errorf("reason %q repeats what is not ours to show", s.Reason)
			}
		})
	}
}

func TestCertificatesAreNamed(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name     string
		from, to time.Time
		host     string
		trusted  bool
		want     string
	}{
		{"good", now.Add(-time.Hour), now.Add(time.Hour), "127.0.0.1", true, ""},
		{"expired", now.Add(-48 * time.Hour), now.Add(-24 * time.Hour), "127.0.0.1", true, "TLS certificate expired on " + now.Add(-24*time.Hour).UTC().Format(time.DateOnly)},
		{"early", now.Add(24 * time.Hour), now.Add(48 * time.Hour), "127.0.0.1", true, "TLS certificate is not valid before " + now.Add(24*time.Hour).UTC().Format(time.DateOnly)},
		{"other host", now.Add(-time.Hour), now.Add(time.Hour), "10.9.9.9", true, "TLS certificate is for another host"},
		{"unknown authority", now.Add(-time.Hour), now.Add(time.Hour), "127.0.0.1", false, "TLS certificate is from an unknown authority"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cert, pool := certificate(t, c.from, c.to, c.host)
			if !c.trusted {
				pool = x509.NewCertPool()
			}
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			server.Config.ErrorLog = discard()
			server.StartTLS()
			defer server.Close()
			target := at(t, server.URL, catalog.Production)
			p := health.NewProber([]health.Target{target}, health.ProberConfig{Clock: clock.Real()})
			health.Trust(p, pool)
			s := p.Probe(t.Context(), target)
			if s.Reason != c.want || (s.Verdict == health.Healthy) != (c.want == "") {
				t.Errorf("%s %q, want %q", s.Verdict, s.Reason, c.want)
			}
			if c.want == "" && s.Phases.TLS <= 0 {
				t.Errorf("phases %+v: want the time of the handshake", s.Phases)
			}
		})
	}
}

// certificate makes one that signs itself, and the pool that trusts it.
func certificate(t *testing.T, from, to time.Time, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: from, NotAfter: to,
		IPAddresses: []net.IP{net.ParseIP(host)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// Every way to hang ends at the target's own deadline, and says where it hung.
func TestHangsEndAtTheDeadline(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   catalog.Kind
		serve  func(net.Conn) // nil: the connection never comes about
		after  time.Duration
		reason string
	}{
		{"connect", catalog.Production, nil, 5 * time.Second, "no connection within 5 s"},
		{"connect, local", catalog.Local, nil, 3 * time.Second, "not running (no connection within 3 s)"},
		{"headers", catalog.Production, func(net.Conn) {}, 5 * time.Second, "no answer within 5 s"},
		{"headers, local", catalog.Local, func(net.Conn) {}, 3 * time.Second, "no answer within 3 s"},
		{"body", catalog.Production, func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n{")) }, 5 * time.Second, "the answer did not end within 5 s"},
		{"a byte a second", catalog.Production, func(c net.Conn) {
			_, err := c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
			for tick := time.NewTicker(time.Second); err == nil; <-tick.C {
				_, err = c.Write([]byte("{"))
			}
		}, 5 * time.Second, "the answer did not end within 5 s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
					if c.serve == nil {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					here, there := net.Pipe()
					go func() {
						_, _ = there.Read(make([]byte, 4096))
						c.serve(there)
						_, _ = there.Read(make([]byte, 1)) // until the prober hangs up
						_ = there.Close()
					}()
					return here, nil
				}
				target := at(t, "http://app.example.com/health", c.kind)
				p := health.NewProber(nil, health.ProberConfig{Clock: clock.Real(), Dial: dial})
				start := time.Now()
				s := p.Probe(t.Context(), target)
				if took := time.Since(start); took != c.after || s.Reason != c.reason || s.Verdict == health.Healthy {
					t.Errorf("%s %q after %v, want %q after %v", s.Verdict, s.Reason, took, c.reason, c.after)
				}
				if s.Phases.Total != float64(c.after.Milliseconds()) {
					t.Errorf("total %v ms", s.Phases.Total)
				}
				pass(5 * time.Second) // the transport lets go of a dial a little later
			})
		})
	}
}
