package access

import (
	"crypto/rand"
	"hash/crc32"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
)

// A token reads edk_{scope}_{30 random}{6 check}: base62 throughout, 178 bits
// from the system's generator, and the CRC-32 of the random part. The prefix
// lets scanners find a leaked token, and the check lets us refuse a mistyped
// or made-up one without asking the database.
const (
	tokenPrefix = "edk_"
	tokenRandom = 30
	tokenCheck  = 6
	base62      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// newTokenText makes a token of the scope.
func newTokenText(s Scope) string {
	body := randomBase62(tokenRandom)
	sum := checksum(body)
	return tokenPrefix + string(s) + "_" + body + string(sum[:])
}

// randomBase62 draws n characters without bias: bytes that would favour the
// first characters of the alphabet are drawn again.
func randomBase62(n int) string {
	const fair = 256 - 256%len(base62)
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		_, _ = rand.Read(buf[:]) // never fails: the program ends instead
		for _, b := range buf {
			if int(b) < fair && len(out) < n {
				out = append(out, base62[int(b)%len(base62)])
			}
		}
	}
	return string(out)
}

// checksum is an array, not a string, because the hot path makes one.
func checksum(body string) (out [tokenCheck]byte) {
	var buf [tokenRandom]byte
	sum := crc32.ChecksumIEEE(buf[:copy(buf[:], body)])
	for i := tokenCheck - 1; i >= 0; i-- { // 62^6 is more than 2^32
		out[i] = base62[sum%uint32(len(base62))]
		sum /= uint32(len(base62))
	}
	return out
}

// parseToken answers the scope of a well-formed token. Unauthenticated for
// anything else; the message does not repeat it.
func parseToken(s string) (Scope, error) {
	rest, ok := strings.CutPrefix(s, tokenPrefix)
	if !ok {
		return "", malformed()
	}
	name, body, ok := strings.Cut(rest, "_")
	scope := Scope(name)
	if !ok || !scope.Valid() || len(body) != tokenRandom+tokenCheck {
		return "", malformed()
	}
	for i := range len(body) {
		if !isBase62(body[i]) {
			return "", malformed()
		}
	}
	if sum := checksum(body[:tokenRandom]); string(sum[:]) != body[tokenRandom:] {
		return "", malformed()
	}
	return scope, nil
}

func isBase62(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// One text for every token that does not work: which part was wrong is nobody's
// business.
const badToken = "This token is not valid: it is mistyped, expired, revoked, or its owner was disabled."

func malformed() error { return fault.New(fault.Unauthenticated, badToken) }
