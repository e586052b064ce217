package door

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
)

// MaxBody is the most that a request of the JSON API may send: nothing there
// takes files.
const MaxBody = 64 << 10

// readBody takes the whole body before anything is done with it: a request is
// acted on when it is whole, and a slow one holds nothing but its connection.
func readBody(w http.ResponseWriter, r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		return bodyFault(err)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

func bodyFault(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.Wrap(fault.TooLarge, err, "The body is longer than %d KiB.", MaxBody>>10)
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return fault.Wrap(fault.Invalid, err, "The body did not arrive in time.")
	}
	return fault.Wrap(fault.Invalid, err, "The body was cut off.")
}

const (
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotent-Replayed"
)

// repeated are the headers that belong to an answer and come again with it.
var repeated = []string{"Content-Type", "Location", "Retry-After"}

// errPassing says that an answer is of the moment and must not be kept: the
// same request may get another one later.
var errPassing = errors.New("door: the answer is not final")

// once runs the route at most once for the caller's idempotency key, and gives
// everybody who repeats the request the answer that the first one got.
func (d *Door) once(w http.ResponseWriter, r *http.Request, a access.Actor, rt *Route, h Handler) {
	keys := r.Header[keyHeader]
	if len(keys) != 1 || keys[0] == "" {
		d.Fail(w, r, rt.Face, fault.New(fault.Invalid, "Send one Idempotency-Key, or none."))
		return
	}
	request, err := requestBytes(r)
	if err != nil {
		d.Fail(w, r, rt.Face, err)
		return
	}
	kept := &keptAnswer{w: w}
	answer, err := d.control.Idempotent(r.Context(), a, keys[0], request, func(ctx context.Context) (access.Answer, error) {
		h(kept, r.WithContext(ctx), a)
		if kept.passing() {
			return access.Answer{}, errPassing
		}
		return kept.answer(), nil
	})
	switch {
	case errors.Is(err, errPassing):
		kept.send()
	case err != nil:
		d.Fail(w, r, rt.Face, err)
	case !answer.Replayed:
		kept.send()
	default:
		for name, value := range answer.Header {
			w.Header().Set(name, value)
		}
		w.Header().Set(replayedHeader, "true")
		w.WriteHeader(answer.Status)
		_, _ = w.Write(answer.Body) // the reader has gone: nobody is left to tell
	}
}

// requestBytes is the request as far as it must be the same again.
func requestBytes(r *http.Request) ([]byte, error) {
	var text bytes.Buffer
	text.WriteString(r.Method + " " + r.URL.RequestURI() + "\n" + r.Header.Get("Content-Type") + "\n")
	if r.Body == nil {
		return text.Bytes(), nil
	}
	start := text.Len()
	if _, err := text.ReadFrom(r.Body); err != nil {
		return nil, bodyFault(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(bytes.Clone(text.Bytes()[start:])))
	return text.Bytes(), nil
}

// keptAnswer holds an answer back until it is known to be kept. Its headers go
// to the real answer, which has its own set already.
type keptAnswer struct {
	w      http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (k *keptAnswer) Header() http.Header { return k.w.Header() }

func (k *keptAnswer) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

func (k *keptAnswer) Write(p []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	return k.body.Write(p)
}

// passing says that the answer depends on the moment: it is our defect or an
// outside service's, or the caller has to sign in, confirm or wait first.
func (k *keptAnswer) passing() bool {
	switch k.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	default:
		return k.status >= http.StatusInternalServerError
	}
}

func (k *keptAnswer) answer() access.Answer {
	k.WriteHeader(http.StatusOK)
	a := access.Answer{Status: k.status, Header: map[string]string{}, Body: k.body.Bytes()}
	for _, name := range repeated {
		if value := k.Header().Get(name); value != "" {
			a.Header[name] = value
		}
	}
	return a
}

func (k *keptAnswer) send() {
	k.WriteHeader(http.StatusOK)
	k.w.WriteHeader(k.status)
	_, _ = k.w.Write(k.body.Bytes()) // the reader has gone: nobody is left to tell
}
