package health

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
)

func TestGuardRefusesWhatIsNotPublic(t *testing.T) {
	check := guard(public)
	for _, ip := range []string{
		"0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1", "192.0.0.192", "192.0.2.1",
		"192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
		"2002:7f00:1::", "fc00::1", "fe80::1", "fec0::1", "ff02::1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16",
	} {
		if err := dialled(check, ip); !errors.Is(err, errRefused) {
			t.Errorf("%s: %v, want a refusal", ip, err)
		}
	}
	for _, ip := range []string{"93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"} {
		if err := dialled(check, ip); err != nil {
			t.Errorf("%s: %v, want it to pass", ip, err)
		}
	}
}

func TestGuardOpensOnlyAsFarAsMeant(t *testing.T) {
	for _, c := range []struct {
		reach reach
		ip    string
		want  bool
	}{
		{loopback, "127.0.0.1", true},
		{loopback, "::1", true},
		{loopback, "10.0.0.1", false},
		{loopback, "93.184.216.34", true},
		{private, "127.0.0.1", true},
		{private, "10.0.0.1", true},
		{private, "fd12::1", true},
		{private, "100.64.0.1", true},
		// Whatever the operator allows, a cloud's credentials stay out of reach.
		{private, "169.254.169.254", false},
		{private, "fe80::1", false},
		{private, "fd00:ec2::254", false},
		{private, "100.100.100.200", false},
		{private, "0.0.0.0", false},
	} {
		if err := dialled(guard(c.reach), c.ip); (err == nil) != c.want {
			t.Errorf("reach %d to %s: %v", c.reach, c.ip, err)
		}
	}
}

func dialled(check control, ip string) error {
	network := "tcp4"
	if netip.MustParseAddr(ip).Is6() {
		network = "tcp6"
	}
	return check(network, net.JoinHostPort(ip, "443"), nil)
}

func TestReachIsReadFromTheTarget(t *testing.T) {
	for _, c := range []struct {
		url     string
		kind    catalog.Kind
		private bool
		want    reach
	}{
		{"https://example.com", catalog.Production, false, public},
		{"https://example.com", catalog.Production, true, private},
		{"http://localhost:3000", catalog.Production, false, loopback},
		{"http://localhost.:3000", catalog.Production, false, loopback},
		{"http://app.localhost", catalog.Staging, false, loopback},
		{"http://127.0.0.1:1", catalog.Staging, false, loopback},
		{"http://[::1]:1", catalog.Staging, false, loopback},
		{"http://10.0.0.7", catalog.Staging, false, private},
		{"http://dev.example.com", catalog.Local, false, private},
		{"http://web:8080", catalog.Staging, false, private},
		{"http://nas.lan", catalog.Staging, false, private},
		{"http://169.254.169.254", catalog.Local, false, public},
		{"http://2130706433", catalog.Production, false, private}, // a name to us; the guard sees what it resolves to
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachOf(Target{URL: u, Kind: c.kind, Private: c.private}); got != c.want {
			t.Errorf("%s as %s (private %v): reach %d, want %d", c.url, c.kind, c.private, got, c.want)
		}
	}
}

// A public name that turns to an inside address, between two look-ups or
// within one answer, is not followed there.
func TestRebindingNeverReachesTheInside(t *testing.T) {
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer trap.Close()
	var sprung atomic.Int64
	go func() {
		for {
			c, err := trap.Accept()
			if err != nil {
				return
			}
			sprung.Add(1)
			_ = c.Close()
		}
	}()

	outside, inside := netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr("127.0.0.1")
	var asked atomic.Int64
	answers := func() []netip.Addr {
		switch asked.Add(1) % 3 {
		case 0:
			return []netip.Addr{inside}
		case 1:
			return []netip.Addr{outside}
		default:
			return []netip.Addr{outside, inside}
		}
	}
	// Nothing may leave for the real internet: what the guard lets through
	// ends here, at the last moment before the connection.
	errPassed := errors.New("passed the guard")
	var passed, refused atomic.Int64
	stopped := func(r reach) control {
		check := guard(r)
		return func(network, address string, conn syscall.RawConn) error {
			if err := check(network, address, conn); err != nil {
				refused.Add(1)
				return err
			}
			passed.Add(1)
			if netip.MustParseAddrPort(address).Addr() != outside {
				t.Errorf("the guard let %s pass", address)
				return nil
			}
			return errPassed
		}
	}

	u := &url.URL{Scheme: "http", Host: net.JoinHostPort("app.example.com", strconv.Itoa(trap.Addr().(*net.TCPAddr).Port)), Path: "/health"}
	target := Target{Project: "p", Environment: "prod", Kind: catalog.Production, URL: u}
	p := NewProber([]Target{target}, ProberConfig{Clock: clock.Real()})
	p.client.Transport = transport(guardedDial([]Target{target}, resolver(answers), stopped))
	for range 300 {
		if s := p.Probe(t.Context(), target); s.Status != 0 || s.Verdict == Healthy {
			t.Fatalf("an answer came from somewhere: %+v", s)
		}
	}
	if sprung.Load() != 0 || passed.Load() == 0 || refused.Load() == 0 {
		t.Errorf("trap hit %d times, %d dials passed, %d refused; want 0 and some of each", sprung.Load(), passed.Load(), refused.Load())
	}
}

// resolver answers every question for an IPv4 address with what answers says,
// over a pipe: Go's resolver speaks DNS over TCP on a stream.
func resolver(answers func() []netip.Addr) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go serveDNS(there, answers)
		return here, nil
	}}
}

func serveDNS(c net.Conn, answers func() []netip.Addr) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(query); err != nil || len(m.Questions) == 0 {
			return
		}
		m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			for _, a := range answers() {
				m.Answers = append(m.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: a.As4()},
				})
			}
		}
		reply, err := m.Pack()
		if err != nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}
