package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/envdeck/envdeck/internal/hostile"
)

// errRefused is why a dial was not made.
var errRefused = errors.New("notify: address refused")

// guarded dials public addresses only, and those of the operator's own network
// where they said so. It decides on the address that is dialled, at every
// attempt, since a name may come to mean another place.
func guarded(host string, private bool) func(ctx context.Context, network, address string) (net.Conn, error) {
	var v4, v6 []netip.Prefix
	if hostile.Loopback(host) || private {
		v4, v6 = append(v4, netip.MustParsePrefix("127.0.0.0/8")), append(v6, netip.MustParsePrefix("::1/128"))
	}
	if private {
		v4 = append(v4, netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"))
		v6 = append(v6, netip.MustParsePrefix("fc00::/7"))
	}
	guardian := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: func(network, address string, conn syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(address); err == nil && credentials[at.Addr().Unmap().WithZone("")] {
			return fmt.Errorf("%w: %s hands out a cloud's credentials", errRefused, at.Addr())
		}
		if err := guardian.Safe(network, address, conn); err != nil {
			return fmt.Errorf("%w: %w", errRefused, err)
		}
		return nil
	}}
	return dialer.DialContext
}

// credentials are where clouds hand out theirs to whoever asks from inside; the
// link-local ones are refused with their range.
var credentials = map[netip.Addr]bool{
	netip.MustParseAddr("fd00:ec2::254"): true, netip.MustParseAddr("fd20:ce::254"): true,
	netip.MustParseAddr("100.100.100.200"): true, netip.MustParseAddr("168.63.129.16"): true,
}
