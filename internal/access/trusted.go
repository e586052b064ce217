package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/netip"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// TrustedHeader lets a proxy that has signed people in say who they are. It is
// off unless configured, and believes only a peer of the named networks that
// also knows the secret: headers alone are typed by anybody, and an address
// alone is every program on that machine.
type TrustedHeader struct {
	Networks []netip.Prefix
	Secret   secret.Text
	// Names of the headers. The secret travels in SecretHeader; RolesHeader
	// has groups with commas between them.
	SecretHeader, UserHeader, NameHeader, RolesHeader string
	// SuperAdmin and Admin are the groups that stand for a role.
	SuperAdmin, Admin []string
}

// TrustedIssuer is the issuer of people that a proxy vouches for, and
// ProxyMethod how their sessions begin.
const (
	TrustedIssuer = "trusted-proxy"
	ProxyMethod   = "proxy"
)

// Check is Invalid when the settings would let too much through.
func (t TrustedHeader) Check() error {
	if len(t.Networks) == 0 {
		return fault.New(fault.Invalid, "The trusted header needs the networks that the proxy connects from.")
	}
	for _, n := range t.Networks {
		if !n.IsValid() || n.Bits() == 0 {
			return fault.New(fault.Invalid, "A trusted network that is the whole internet lets anybody be anybody.")
		}
	}
	if len(t.Secret.Reveal()) < 32 {
		return fault.New(fault.Invalid, "The trusted header needs a shared secret of at least 32 characters.")
	}
	if t.SecretHeader == "" || t.UserHeader == "" || t.RolesHeader == "" {
		return fault.New(fault.Invalid, "The trusted header needs the names of the secret's, the user's and the groups' header.")
	}
	return nil
}

// Identify answers whom the proxy vouches for. peer is the address of the
// connection itself, never one from a header; header is as net/http gives it.
// False when the request does not come from the proxy, or is ambiguous. Give
// the identity to Federate with ProxyMethod.
func (t TrustedHeader) Identify(peer netip.Addr, header map[string][]string) (Identity, bool) {
	if t.Check() != nil {
		return Identity{}, false
	}
	peer = peer.Unmap().WithZone("")
	if !slices.ContainsFunc(t.Networks, func(n netip.Prefix) bool { return n.Contains(peer) }) {
		return Identity{}, false
	}
	var values [4]string
	for i, name := range [...]string{t.SecretHeader, t.UserHeader, t.RolesHeader, t.NameHeader} {
		v, ok := single(header, name)
		if !ok {
			return Identity{}, false
		}
		values[i] = v
	}
	// Hashes first: the time says nothing about the length either.
	got, want := sha256.Sum256([]byte(values[0])), sha256.Sum256([]byte(t.Secret.Reveal()))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || values[1] == "" {
		return Identity{}, false
	}
	id := Identity{Issuer: TrustedIssuer, Subject: values[1], Name: values[3]}
	for group := range strings.SplitSeq(values[2], ",") {
		switch group = strings.TrimSpace(group); {
		case group != "" && slices.Contains(t.SuperAdmin, group):
			id.Role = SuperAdmin
		case group != "" && slices.Contains(t.Admin, group) && id.Role == "":
			id.Role = Admin
		}
	}
	return id, true
}

// single reads the one value of a header. Proxies and servers between us may
// treat X_User as X-User, so a request that has both, or one twice, was made
// to confuse somebody: false.
func single(header map[string][]string, name string) (string, bool) {
	if name == "" {
		return "", true
	}
	value, seen := "", 0
	for key, values := range header {
		if !strings.EqualFold(strings.ReplaceAll(key, "_", "-"), strings.ReplaceAll(name, "_", "-")) {
			continue
		}
		if strings.Contains(key, "_") && !strings.Contains(name, "_") {
			return "", false
		}
		seen += len(values)
		if len(values) > 0 {
			value = values[0]
		}
	}
	return strings.TrimSpace(value), seen <= 1
}
