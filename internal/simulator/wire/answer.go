package wire

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// Answer is what a handler or a dialect says. It is buffered, so that a fault
// can spoil any part of it.
type Answer struct {
	// Status is the HTTP status; 0 is 200.
	Status int
	Header http.Header
	// Body is sent as JSON, but for []byte and string, which are sent as they
	// are. nil is no body at all; use json.RawMessage("null") for a null.
	Body any
	// ContentType overrides "application/json; charset=utf-8".
	ContentType string
}

// OK answers 200 with a JSON body.
func OK(body any) *Answer { return &Answer{Status: http.StatusOK, Body: body} }

// JSON answers with a status and a JSON body.
func JSON(status int, body any) *Answer { return &Answer{Status: status, Body: body} }

// Empty answers with a status and no body.
func Empty(status int) *Answer { return &Answer{Status: status} }

// Raw answers with bytes of another type than JSON.
func Raw(status int, contentType string, body []byte) *Answer {
	return &Answer{Status: status, ContentType: contentType, Body: body}
}

// Set adds a header and returns the answer.
func (a *Answer) Set(key, value string) *Answer {
	if a.Header == nil {
		a.Header = http.Header{}
	}
	a.Header.Set(key, value)
	return a
}

// rendered is an answer turned into bytes.
type rendered struct {
	status int
	header http.Header
	body   []byte
}

func (a *Answer) render() (rendered, error) {
	out := rendered{status: a.Status, header: a.Header.Clone()}
	if out.status == 0 {
		out.status = http.StatusOK
	}
	if out.header == nil {
		out.header = http.Header{}
	}
	contentType := a.ContentType
	switch body := a.Body.(type) {
	case nil:
		return out, nil
	case []byte:
		out.body = body
	case string:
		out.body = []byte(body)
	default:
		text, err := encode(body)
		if err != nil {
			return out, err
		}
		out.body = text
	}
	if contentType == "" {
		contentType = "application/json; charset=utf-8"
	}
	out.header.Set("Content-Type", contentType)
	return out, nil
}

// encode writes JSON the way the vendors do: without escaping < and >.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}
