package outbound

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"syscall"

	"github.com/envdeck/envdeck/internal/fault"
)

// lost makes the fault of a call without a whole answer. The error's own text
// is not used: net/http quotes malformed answers in it, and those may hold
// anything.
func (c *Client) lost(ctx context.Context, k *call, err error, unknown bool) *fault.Error {
	why := c.failure(k, nil, reason(err))
	why.unknown = unknown
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled) || errors.Is(err, context.Canceled):
		// Whoever asked gave up: nothing is known against the vendor.
		why.Why, why.cause = "given up by the caller", context.Canceled
		return c.wrap(fault.Timeout, why, "the call to %s was given up before it answered", c.conf.Title)
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded):
		why.Why, why.trouble, why.cause = "no answer in time", true, context.DeadlineExceeded
		return c.wrap(fault.Timeout, why, "%s did not answer in time; its status page may say more", c.conf.Title)
	}
	why.trouble, why.again = true, true
	if corrupt(err) || malformed(err) {
		why.again = false
		return c.wrap(fault.BadResponse, why, "%s gave an answer of no use: %s", c.conf.Title, why.Why)
	}
	return c.wrap(fault.Unavailable, why, "%s could not be reached: %s", c.conf.Title, why.Why)
}

// reason says in our words what happened to the connection.
func reason(err error) string {
	var (
		dns     *net.DNSError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns):
		return "its host name has no address"
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid), errors.As(err, &verify):
		return "its certificate cannot be trusted"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to it"
	case corrupt(err):
		return "its answer could not be unpacked"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return "the connection ended in the middle of the answer"
	case malformed(err):
		return "it is not HTTP as it should be"
	default:
		return "the network failed"
	}
}

func corrupt(err error) bool {
	var bits flate.CorruptInputError
	return errors.As(err, &bits) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum)
}

// malformed says that something answered, and that it was not HTTP. net/http
// has no type for most of these.
func malformed(err error) bool {
	var head textproto.ProtocolError
	return errors.As(err, &head) || strings.Contains(err.Error(), "malformed HTTP")
}
