package ledger

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
)

// errRefused is why a dial was not made.
var errRefused = errors.New("ledger: address refused")

// metadata is where clouds hand out credentials, besides the link-local
// addresses.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"),
	netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16"),
}

// dial connects anywhere but to where no database can be. Private addresses
// are allowed: databases live there, often under public names, and only the
// configuration names them.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: connectFor, KeepAlive: 15 * time.Second, Control: refuse}
	return d.DialContext(ctx, network, address)
}

func refuse(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil //nolint:nilerr // a unix socket
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || slices.Contains(metadata, ip) {
		return errRefused
	}
	return nil
}

// unreachable explains what went wrong on the way, nil for anything else.
func unreachable(err error) *fault.Error {
	if errors.Is(err, errRefused) {
		return fault.New(fault.Invalid, "The database's name leads to an address at which no database can be.")
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fault.New(fault.Unavailable, "The database's host name is not known.")
	}
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, signer := errors.AsType[x509.UnknownAuthorityError](err)
	if cert || record || signer {
		return fault.New(fault.Unavailable, "The database's certificate cannot be trusted, or it speaks no TLS.")
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return fault.New(fault.Timeout, "The database did not answer in time.")
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return fault.New(fault.Unavailable, "The database could not be reached.")
	}
	return nil
}
