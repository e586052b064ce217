package wire

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"time"
)

// spoil answers a call the way a rule wants it.
func (t *turn) spoil(rule *Rule) {
	switch rule.Kind {
	case Status:
		t.send(t.failure(rule, kindOfStatus(rule.Status)))
	case RateLimited:
		t.send(t.rateLimited(rule))
	case Hang:
		t.linger(rule)
		t.cut()
	case HangBody:
		t.half(t.answer())
		t.linger(rule)
		t.cut()
	case Drip:
		t.drip(rule)
	case Reset:
		t.reset()
	case Close:
		t.half(t.answer())
		t.cut()
	case Malformed:
		out := malform(t.answer(), rule.Shape)
		if rule.Status != 0 {
			out.status = rule.Status
		}
		t.send(out)
	case Huge:
		t.huge(rule, nil)
	case GzipBomb:
		t.huge(rule, gzipped)
	case EmptyBody:
		t.send(rendered{status: http.StatusOK, header: t.answer().header})
	case PartialPage, LoopingPage:
		t.send(t.page(rule))
	case Redirect:
		t.send(t.dress(Empty(rule.Status).Set("Location", rule.Location)))
	case EchoToken:
		t.send(t.echo(rule))
	case AppliedButFailed:
		t.lost(rule)
	case NotAppliedButOK:
		t.send(t.pretend(rule))
	default: // latency and skew never come here
		t.send(t.answer())
	}
}

// failure is the vendor's own answer for a status, or the rule's body.
func (t *turn) failure(rule *Rule, kind Kind) rendered {
	t.entry.Refused = kind
	answer := t.face.dialect(t.call.Request, &Error{
		Kind: kind, Status: rule.Status, Variant: rule.Variant, Retry: time.Duration(rule.Seconds) * time.Second,
	})
	if rule.Status < 300 && rule.Status != 0 {
		answer = JSON(rule.Status, map[string]any{})
	}
	if rule.Body != nil {
		answer = replaceBody(answer, rule.Body)
	}
	return t.dress(answer)
}

// replaceBody swaps the body for the rule's: a JSON string is plain text.
func replaceBody(a *Answer, body json.RawMessage) *Answer {
	var text string
	if json.Unmarshal(body, &text) == nil {
		return &Answer{Status: a.Status, Header: a.Header, ContentType: "text/plain; charset=utf-8", Body: text}
	}
	return &Answer{Status: a.Status, Header: a.Header, Body: body}
}

func (t *turn) rateLimited(rule *Rule) rendered {
	out := t.failure(rule, TooMany)
	switch rule.RetryAfter {
	case "none":
		out.header.Del("Retry-After")
	case "seconds":
		out.header.Set("Retry-After", strconv.Itoa(rule.Seconds))
	case "date":
		out.header.Set("Retry-After", t.call.Now.Add(time.Duration(rule.Seconds)*time.Second).UTC().Format(http.TimeFormat))
	case "garbage":
		out.header.Set("Retry-After", "in a little while")
	case "ten_days":
		out.header.Set("Retry-After", strconv.Itoa(10*24*3600))
	case "negative":
		out.header.Set("Retry-After", "-30")
	}
	return out
}

// linger holds the call until the client leaves or the rule is deleted.
func (t *turn) linger(rule *Rule) {
	select {
	case <-rule.gone:
	case <-t.call.Request.Context().Done():
	}
}

// cut ends the connection without the rest of the answer.
func (t *turn) cut() { panic(http.ErrAbortHandler) }

// half promises the whole answer and sends the first half.
func (t *turn) half(out rendered) {
	out.header.Set("Content-Length", strconv.Itoa(max(len(out.body), 2)))
	t.head(out)
	_, _ = t.w.Write(out.body[:len(out.body)/2])
	t.flush()
}

func (t *turn) flush() { _ = http.NewResponseController(t.w).Flush() }

func (t *turn) drip(rule *Rule) {
	out := t.answer()
	out.header.Set("Content-Length", strconv.Itoa(len(out.body)))
	t.head(out)
	for i := range out.body {
		if _, err := t.w.Write(out.body[i : i+1]); err != nil {
			return
		}
		t.flush()
		if t.wait(time.Duration(rule.Delay), rule.gone) {
			continue
		}
		if t.call.Request.Context().Err() == nil {
			_, _ = t.w.Write(out.body[i+1:]) // the rule is gone: the rest at once
		}
		return
	}
}

// reset closes the connection so that the client sees RST rather than EOF.
func (t *turn) reset() {
	conn, _, err := http.NewResponseController(t.w).Hijack()
	if err != nil {
		t.cut()
	}
	if tcp, ok := socket(conn).(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// socket looks through what a listener may have wrapped around a connection
// (netutil.LimitListener embeds it), as only a bare TCP connection can be reset.
func socket(conn net.Conn) net.Conn {
	for {
		v := reflect.Indirect(reflect.ValueOf(conn))
		if _, ok := conn.(*net.TCPConn); ok || v.Kind() != reflect.Struct {
			return conn
		}
		inner := v.FieldByName("Conn")
		if !inner.IsValid() || !inner.CanInterface() {
			return conn
		}
		wrapped, ok := reflect.TypeAssert[net.Conn](inner)
		if !ok {
			return conn
		}
		conn = wrapped
	}
}

// unhurried takes the server's own deadlines off the connection: a fault may
// last longer than any honest answer, and a read deadline that passes would
// look as if the client had left. Connections without deadlines stay as they are.
func (t *turn) unhurried() {
	control := http.NewResponseController(t.w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
}

// huge streams one JSON string of so many megabytes; pack may compress a part.
func (t *turn) huge(rule *Rule, pack func([]byte) []byte) {
	out := t.dress(OK(nil))
	out.header.Set("Content-Type", "application/json; charset=utf-8")
	if pack != nil {
		out.header.Set("Content-Encoding", "gzip")
	} else {
		pack = func(part []byte) []byte { return part }
	}
	t.head(out)
	middle := pack(bytes.Repeat([]byte(" "), 1<<20))
	if _, err := t.w.Write(pack([]byte(`{"padding":"`))); err != nil {
		return
	}
	for range rule.MB {
		if _, err := t.w.Write(middle); err != nil || t.call.Request.Context().Err() != nil {
			return
		}
	}
	_, _ = t.w.Write(pack([]byte(`"}`)))
}

// gzipped is one gzip member. Members in a row are one stream to every
// reader, so a part is compressed once and sent many times.
func gzipped(part []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, _ = z.Write(part) // a bytes.Buffer does not fail
	_ = z.Close()
	return buf.Bytes()
}

// echo is a refusal that repeats the caller's Authorization value, as a
// careless proxy does.
func (t *turn) echo(rule *Rule) rendered {
	kind := kindOfStatus(rule.Status)
	t.entry.Refused = kind
	value := t.call.Request.Header.Get("Authorization")
	answer := t.face.dialect(t.call.Request, &Error{
		Kind: kind, Status: rule.Status, Message: "request with Authorization: " + value + " was refused", Got: value,
	})
	out := t.dress(answer)
	out.header.Set("X-Debug-Authorization", value)
	if !bytes.Contains(out.body, []byte(value)) {
		text, _ := encode("request with Authorization: " + value + " was refused")
		out.body = text
	}
	return out
}

// lost does what was asked and loses the answer.
func (t *turn) lost(rule *Rule) {
	_ = t.answer()
	switch rule.Then {
	case "reset":
		t.reset()
	case "timeout":
		t.wait(time.Duration(rule.Delay), rule.gone)
		t.cut()
	default:
		t.send(t.failure(rule, kindOfStatus(rule.Status)))
	}
}

// pretend answers success and does nothing.
func (t *turn) pretend(rule *Rule) rendered {
	if err := t.check(); err != nil {
		return t.refuse(err)
	}
	route := t.call.Route
	status := route.PretendStatus
	fill(&status, http.StatusOK)
	answer := JSON(status, map[string]any{})
	if status == http.StatusNoContent {
		answer = Empty(status)
	}
	if route.Pretend != nil {
		pretended, err := route.Pretend(t.call)
		if err != nil {
			return t.refuse(err)
		}
		answer = pretended
	}
	if rule.Body != nil {
		answer = replaceBody(answer, rule.Body)
	}
	if rule.Status != 0 {
		answer.Status = rule.Status
	}
	t.call.changed = false
	return t.dress(answer)
}

// page loses half of a list and says it is the last, or says for ever that
// the same page follows.
func (t *turn) page(rule *Rule) rendered {
	out := t.answer()
	tree, err := decodeTree(out.body)
	if err != nil {
		return out
	}
	pages := t.face.pages
	if rule.Kind == LoopingPage {
		if pages.Loop != nil {
			pages.Loop(t.call.Request, tree, out.header)
		}
	} else {
		find := pages.Items
		if find == nil {
			find = firstList
		}
		if items, replace := find(tree); items != nil {
			kept := items[:len(items)/2]
			if replace == nil {
				tree = kept
			} else {
				replace(kept)
			}
		}
		if pages.Last != nil {
			pages.Last(t.call.Request, tree, out.header)
		}
	}
	if text, err := encode(tree); err == nil {
		out.body = text
	}
	return out
}
