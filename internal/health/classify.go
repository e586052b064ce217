package health

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"syscall"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
)

// failed says what an error of a probe means for the environment. The reason
// is built from the kind of error alone: the text of a network error repeats
// the address with its query, and that of a protocol error what the peer sent.
//
// Down is what the environment is to blame for. When our own resolver or
// network fails, nobody could tell.
func failed(t Target, err error, at stage) (v Verdict, reason string, offline bool) {
	if errors.Is(err, errRefused) {
		return Unknown, "was not asked: its name leads to an address inside a private network or reserved for something else; " +
			"if it is meant to, set private: true for the environment", false
	}
	v, reason = kindOf(t, err, at)
	// Nothing listens on a developer's machine that is off, and that is normal.
	if t.Kind == catalog.Local && at <= atConnect {
		return Unknown, "not running (" + reason + ")", true
	}
	return v, reason, false
}

func kindOf(t Target, err error, at stage) (Verdict, string) {
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		if name.IsNotFound {
			return Down, "its name does not resolve"
		}
		return Unknown, "its name could not be looked up: the resolver did not answer"
	}
	if reason := tlsReason(err); reason != "" {
		return Down, reason
	}
	switch {
	case isTimeout(err):
		return Down, timeoutReason(t, at)
	case errors.Is(err, syscall.ECONNREFUSED):
		return Down, "connection refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ENETDOWN):
		return Unknown, "envdeck's own network has no way there"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EHOSTDOWN):
		return Down, "host unreachable"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Down, "connection reset"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return Unknown, "envdeck has too many open files"
	case errors.Is(err, io.ErrUnexpectedEOF) && at == atBody:
		return Down, "the answer broke off"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Down, "closed the connection without an answer"
	}
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok || strings.Contains(err.Error(), "malformed") {
		return Down, "answers something that is not HTTP"
	}
	return Down, "no usable answer"
}

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT) {
		return true
	}
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

func timeoutReason(t Target, at stage) string {
	within := t.timeout() / time.Second
	switch at {
	case atDNS:
		return fmt.Sprintf("its name was not resolved within %d s", within)
	case atConnect:
		return fmt.Sprintf("no connection within %d s", within)
	case atTLS:
		return fmt.Sprintf("no TLS handshake within %d s", within)
	case atAnswer:
		return fmt.Sprintf("no answer within %d s", within)
	default:
		return fmt.Sprintf("the answer did not end within %d s", within)
	}
}

// tlsReason names what is wrong with the certificate or the handshake, "" when
// the error is of another sort.
func tlsReason(err error) string {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired && e.Cert != nil {
			if e.Cert.NotAfter.Before(time.Now()) {
				return "TLS certificate expired on " + e.Cert.NotAfter.UTC().Format(time.DateOnly)
			}
			return "TLS certificate is not valid before " + e.Cert.NotBefore.UTC().Format(time.DateOnly)
		}
		return "TLS certificate is not valid"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "TLS certificate is from an unknown authority"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "TLS certificate is for another host"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "TLS certificate could not be verified"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "does not speak TLS on this port"
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return "TLS handshake refused"
	}
	return ""
}
