package health

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"
)

// trace notes when each phase of a probe began and ended. Its times are real
// ones, not the injected clock's: what is measured is the network.
//
// The dialer races addresses and may call back after the request has ended, so
// every access holds the lock.
type trace struct {
	mu                          sync.Mutex
	begin                       time.Time
	dnsStart, dnsEnd            time.Time
	connectStart, connectEnd    time.Time
	tlsStart, tlsEnd            time.Time
	written, firstByte, lastEnd time.Time
}

func (t *trace) hooks() *httptrace.ClientTrace {
	// The first start and the last end of a phase count.
	first := func(at *time.Time) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if at.IsZero() {
			*at = time.Now()
		}
	}
	last := func(at *time.Time) {
		t.mu.Lock()
		defer t.mu.Unlock()
		*at = time.Now()
	}
	return &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { first(&t.dnsStart) },
		DNSDone:      func(httptrace.DNSDoneInfo) { last(&t.dnsEnd) },
		ConnectStart: func(string, string) { first(&t.connectStart) },
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				first(&t.connectEnd)
			}
		},
		TLSHandshakeStart: func() { first(&t.tlsStart) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				last(&t.tlsEnd)
			}
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { last(&t.written) },
		GotFirstResponseByte: func() { first(&t.firstByte) },
	}
}

// end closes the measurement and answers where the time went.
func (t *trace) end() Phases {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastEnd = time.Now()
	return Phases{
		DNS:       between(t.dnsStart, t.dnsEnd),
		Connect:   between(t.connectStart, t.connectEnd),
		TLS:       between(t.tlsStart, t.tlsEnd),
		FirstByte: between(t.written, t.firstByte),
		Total:     between(t.begin, t.lastEnd),
	}
}

// stage is how far a probe got, for the reason when its time ran out.
type stage uint8

const (
	atDNS stage = iota
	atConnect
	atTLS
	atAnswer
	atBody
)

func (t *trace) stage(secure bool) stage {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !t.firstByte.IsZero():
		return atBody
	case !t.written.IsZero():
		return atAnswer
	case !t.connectEnd.IsZero() && secure:
		return atTLS
	case !t.dnsStart.IsZero() && t.dnsEnd.IsZero():
		return atDNS
	default:
		return atConnect
	}
}

// between is the milliseconds from one time to another, 0 when either is
// missing.
func between(from, to time.Time) float64 {
	if from.IsZero() || to.IsZero() || to.Before(from) {
		return 0
	}
	return float64(to.Sub(from).Microseconds()) / 1000
}
