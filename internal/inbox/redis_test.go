package inbox_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/inbox"
	"github.com/envdeck/envdeck/internal/secret"
)

// startRedis is a real Redis: TEST_REDIS_URL, or one of the test's own. Without
// either the test is skipped, and fails where CI=true.
func startRedis(t *testing.T) (redis.Conn, secret.Text) {
	t.Helper()
	url := os.Getenv("TEST_REDIS_URL")
	if url == "" {
		socket := ownRedis(t, "--port", "0")
		return connect(t, "unix", socket), secret.New("unix://" + socket)
	}
	client, err := redis.DialURL(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, secret.New(url)
}

// ownRedis is one of the test's own, listening on a socket and where the
// arguments say.
func ownRedis(t *testing.T, args ...string) (socket string) {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no redis-server")
		}
		t.Skip("SKIPPED: no redis-server")
	}
	dir, err := os.MkdirTemp("", "redis") //nolint:usetesting // a socket's path may not be long
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	cmd := exec.Command(binary, append(args, "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	for range 500 {
		if c, err := net.Dial("unix", socket); err == nil {
			_ = c.Close()
			return socket
		}
		if clock.Real().Sleep(t.Context(), 10*time.Millisecond) != nil {
			break
		}
	}
	t.Fatal("redis-server did not start")
	return ""
}

func connect(t *testing.T, network, address string, options ...redis.DialOption) redis.Conn {
	t.Helper()
	client, err := redis.Dial(network, address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func do(t *testing.T, client redis.Conn, command string, args ...any) {
	t.Helper()
	if _, err := client.Do(command, args...); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) (port string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = free.Close() }()
	_, port, err = net.SplitHostPort(free.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestWhatIsNoAddressOfARedis(t *testing.T) {
	for _, text := range []string{
		"", "http://default:hunter2@localhost", "redis:default:hunter2", "redis://default:hunter2@local host", "redis://:hunter2@localhost/first",
		"redis://:hunter2@localhost/-1", "redis://:hunter2@localhost/1?db=2", "redis://:hunter2@localhost?pool_size=9", "unix://:hunter2@", "redis://:hunter2@localhost:x",
	} {
		_, err := inbox.Open(inbox.Options{URL: secret.New(text)})
		if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A user of its own, a database of its own, and TLS: what hosted services ask for.
func TestAUserItsDatabaseAndTLS(t *testing.T) {
	certificate, key, roots := certificate(t)
	port := freePort(t)
	socket := ownRedis(t, "--port", "0", "--tls-port", port, "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no",
		"--user", "reader", "on", ">hunter2", "~cron:*", "+@read", "+select", "+scan", "-hello", "-client")
	client := connect(t, "unix", socket, redis.DialDatabase(3))
	write(t, client, "/api/cron/known", time.Now(), "success", false)
	at := "@127.0.0.1:" + port

	c := &crons{runs: map[string]cron.Report{}}
	in := open(t, secret.New("rediss://reader:hunter2"+at+"/3"), c)
	err := in.Look(t.Context())
	if unknown := new(x509.UnknownAuthorityError); !errors.As(err, unknown) {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	in = open(t, secret.New("rediss://reader:hunter2"+at+"/3"), c)
	inbox.Trust(in, roots)
	if err := in.Look(t.Context()); err != nil || len(c.runs) != 1 {
		t.Errorf("%v, runs %v", err, c.runs)
	}
	in = open(t, secret.New("rediss://reader:hunter3"+at+"/3"), c)
	inbox.Trust(in, roots)
	if err := in.Look(t.Context()); !fault.Is(err, fault.Unavailable) || !strings.Contains(errors.Unwrap(err).Error(), "WRONGPASS") {
		t.Errorf("with another password: %v", err)
	}
}

// certificate is one for 127.0.0.1, which roots vouch for.
func certificate(t *testing.T) (certificate, key string, roots *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	own := server.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(t.TempDir(), "certificate"), filepath.Join(t.TempDir(), "key")
	for name, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: own.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return certificate, key, roots
}

// Hosted services close what lies idle for a minute.
func TestAConnectionThatWasClosedIsMadeAnew(t *testing.T) {
	client, url := startRedis(t)
	c := &crons{runs: map[string]cron.Report{}}
	in := open(t, url, c)
	for i := range 3 {
		write(t, client, "/api/cron/known", time.Now().Add(time.Duration(i)*time.Minute), "success", false)
		if err := in.Look(t.Context()); err != nil || len(c.runs) != i+1 {
			t.Fatalf("look %d: %v, %d runs", i, err, len(c.runs))
		}
		do(t, client, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	}
}

// silent listens and says nothing but what answer makes of a line.
func silent(t *testing.T, answer func(line string) string) (address string) {
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
			go func() {
				defer func() { _ = c.Close() }()
				for lines := bufio.NewScanner(c); lines.Scan(); {
					if _, err := c.Write([]byte(answer(lines.Text()))); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// Redis repeats what it does not understand.
func TestAPasswordThatIsRepeatedIsNotTold(t *testing.T) {
	address := silent(t, func(line string) string {
		if line != "hunter2" {
			return ""
		}
		return "-ERR unknown command 'AUTH', with args beginning with: 'default' 'hunter2'\r\n"
	})
	var told strings.Builder
	in, err := inbox.Open(inbox.Options{
		URL: secret.New("redis://default:hunter2@" + address), Crons: &crons{}, Clock: clock.Real(), Log: slog.New(slog.NewTextHandler(&told, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	err = in.Look(t.Context())
	if !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), "hunter2") {
			t.Errorf("the password is in %q", e)
		}
	}
	if said := errors.Unwrap(err).Error(); !strings.Contains(said, "it answers ERR") {
		t.Errorf("it is not told what Redis said: %q", said)
	}
}

// A server that stops does not wait for a Redis that does not answer.
func TestASilentRedisHoldsNothingUp(t *testing.T) {
	address := silent(t, func(string) string { return "" })
	for _, url := range []string{"redis://" + address, "redis://:password@" + address, "rediss://" + address} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		began := time.Now()
		err := open(t, secret.New(url), &crons{}).Look(ctx)
		cancel()
		if took := time.Since(began); !fault.Is(err, fault.Unavailable) || took > 3*time.Second {
			t.Errorf("%s: %v after %v", url, err, took)
		}
	}
}
