package door

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/access"
)

// Client is the address of who asks. A proxy's word counts only when the proxy
// is one of ours: then the X-Forwarded-For list is read from the right, where
// our own proxies write, up to the first address that is not ours. Everything
// to the left of that was written by whoever asks, and may be invented.
//
// The zero Addr stands for an address that can not be read.
func (d *Door) Client(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := plain(peer.Addr())
	if len(d.proxies) == 0 || !d.trusted(addr) {
		return addr
	}
	for _, line := range slices.Backward(r.Header.Values("X-Forwarded-For")) {
		for line != "" {
			i := strings.LastIndexByte(line, ',')
			hop, err := netip.ParseAddr(strings.TrimSpace(line[i+1:]))
			if err != nil {
				return addr // the nearest one that is known
			}
			if addr = plain(hop); !d.trusted(addr) {
				return addr
			}
			line = line[:max(i, 0)]
		}
	}
	return addr
}

func (d *Door) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(d.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Vouched is whom a proxy that signs people in vouches for in this request, by
// its address, its secret and its headers; nil for nobody.
func (d *Door) Vouched(r *http.Request) *access.Identity {
	if d.vouches == nil {
		return nil
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return nil
	}
	if id, ok := d.vouches.Identify(peer.Addr(), r.Header); ok {
		return &id
	}
	return nil
}

// plain is the address without what the same address can also be written with.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// address is the client's address as it is recorded.
func (d *Door) address(r *http.Request) string {
	if a := d.Client(r); a.IsValid() {
		return a.String()
	}
	return r.RemoteAddr // a test's, or a socket that has no address
}
