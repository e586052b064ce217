package health

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"

	"github.com/envdeck/envdeck/internal/catalog"
)

// reach is how far into the operator's own network a target may lead.
//
// Only the configuration names targets, never a request. Still a public name
// may come to resolve to an inside address, by mistake or by malice, and then
// a probe would carry the inside's answers out to the dashboard. So the
// address that is about to be dialled decides, at every attempt, and not the
// name nor an earlier look-up of it.
type reach uint8

const (
	public   reach = iota // addresses of the internet only
	loopback              // and this machine
	private               // and the private ranges
)

// reachOf is what a target was meant to reach: a literal address or a name
// that cannot be public speaks for itself; for any other name the operator
// says so with private.
func reachOf(t Target) reach {
	host := strings.ToLower(strings.TrimSuffix(t.URL.Hostname(), "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		switch {
		case ip.IsLoopback():
			return loopback
		case slices.ContainsFunc(privateRanges, func(p netip.Prefix) bool { return p.Contains(ip) }):
			return private
		default:
			return public
		}
	}
	switch {
	case host == "localhost", strings.HasSuffix(host, ".localhost"):
		return loopback
	case t.Private, t.Kind == catalog.Local, !strings.Contains(host, "."):
		return private
	}
	for _, suffix := range []string{".local", ".lan", ".internal", ".intranet", ".home.arpa", ".test"} {
		if strings.HasSuffix(host, suffix) {
			return private
		}
	}
	return public
}

var (
	loopbackRanges = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	privateRanges  = []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
		netip.MustParsePrefix("100.64.0.0/10"), // shared address space: overlay networks live here
		netip.MustParsePrefix("fc00::/7"),
	}
	// metadata is where clouds hand out credentials to whoever asks from
	// inside. No environment lives there, whatever the configuration says.
	// The link-local ones are refused with their range.
	metadata = []netip.Addr{
		netip.MustParseAddr("fd00:ec2::254"),   // AWS
		netip.MustParseAddr("fd20:ce::254"),    // Google
		netip.MustParseAddr("100.100.100.200"), // Alibaba
		netip.MustParseAddr("168.63.129.16"),   // Azure; an address of the public space
	}
)

// errRefused is why a dial was not made.
var errRefused = errors.New("health: address refused")

type control func(network, address string, conn syscall.RawConn) error

// guard is the dialer's control function for a reach.
func guard(r reach) control {
	var allowed []netip.Prefix
	if r >= loopback {
		allowed = append(allowed, loopbackRanges...)
	}
	if r >= private {
		allowed = append(allowed, privateRanges...)
	}
	v4 := slices.DeleteFunc(slices.Clone(allowed), func(p netip.Prefix) bool { return p.Addr().Is6() })
	v6 := slices.DeleteFunc(slices.Clone(allowed), func(p netip.Prefix) bool { return p.Addr().Is4() })
	guardian := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	return func(network, address string, conn syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(address); err == nil && slices.Contains(metadata, at.Addr().Unmap().WithZone("")) {
			return fmt.Errorf("%w: %s hands out a cloud's credentials", errRefused, at.Addr())
		}
		if err := guardian.Safe(network, address, conn); err != nil {
			return fmt.Errorf("%w: %w", errRefused, err)
		}
		return nil
	}
}
