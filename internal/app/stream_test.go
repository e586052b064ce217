package app_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
)

// firstEvents cuts a stream off after the two things that it says at once: one
// never ends by itself.
type firstEvents struct{ http.RoundTripper }

func withoutTheRest(c *http.Client) *http.Client {
	cut := *c
	if cut.Transport == nil {
		cut.Transport = http.DefaultTransport
	}
	cut.Transport = firstEvents{cut.Transport}
	return &cut
}

func (f firstEvents) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := f.RoundTripper.RoundTrip(r)
	if err != nil || answer.Header.Get("Content-Type") != "text/event-stream" {
		return answer, err
	}
	defer func() { _ = answer.Body.Close() }()
	var said bytes.Buffer
	lines := bufio.NewReader(answer.Body)
	for ends := 0; ends < 2; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, err
		}
		said.WriteString(line)
		if line == "\n" {
			ends++
		}
	}
	answer.Body = io.NopCloser(&said)
	return answer, nil
}
