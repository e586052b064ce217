package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// Payload is what a webhook is sent.
type Payload struct {
	// ID is the same for every try of one message.
	ID       string `json:"id"`
	Event    string `json:"event"`
	Kind     string `json:"kind"`
	Incident string `json:"incident,omitempty"`
	alert.Content
	URL    string `json:"url,omitempty"`
	Snooze string `json:"snoozeUrl,omitempty"`
	// Attempt counts the tries, from 1.
	Attempt int `json:"attempt"`
}

// dialects are addresses of chat services that take a field of their own and
// no other.
var dialects = map[string]string{"hooks.slack.com": "text", "discord.com": "content", "discordapp.com": "content"}

func webhook(u *url.URL, c Config) (*Sender, error) {
	host := strings.ToLower(u.Hostname())
	switch {
	case host == "":
		return nil, invalid("names no host")
	case u.User != nil:
		return nil, invalid("holds a name or password before the host; use a path or query that is hard to guess, or secret")
	case u.Scheme == "http" && !hostile.Loopback(host) && !c.Private:
		return nil, invalid("must begin with https://; with private: true it may be http of your own network")
	}
	field, name := dialects[host], "webhook"
	if field != "" {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "hooks."), ".com")
	}
	client := &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // the address dialled is what the guard decides on
			DialContext:            guarded(host, c.Private),
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  10 * time.Second,
			MaxResponseHeaderBytes: 16 << 10,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	address := u.String()
	return &Sender{Kind: name, send: func(ctx context.Context, d alert.Delivery) error {
		body, err := encode(field, d)
		if err != nil {
			return err
		}
		return post(ctx, client, address, body, name, c, d)
	}}, nil
}

func encode(field string, d alert.Delivery) ([]byte, error) {
	if field == "" {
		return json.Marshal(Payload{
			ID: d.ID, Event: string(d.Event), Kind: string(d.Kind), Incident: d.Incident, Content: d.Content, URL: d.URL, Snooze: d.Snooze, Attempt: d.Attempts + 1,
		})
	}
	body := map[string]any{field: words(d)}
	if field == "content" {
		body["allowed_mentions"] = map[string][]string{"parse": {}}
	}
	return json.Marshal(body)
}

func post(ctx context.Context, client *http.Client, address string, body []byte, name string, c Config, d alert.Delivery) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fault.New(fault.Invalid, "The address of this webhook is not usable.")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", c.UserAgent)
	r.Header.Set("Idempotency-Key", d.ID)
	if c.Secret.Set() {
		r.Header.Set("Envdeck-Signature", Sign(c.Secret.Reveal(), time.Now(), body))
	}
	answer, err := client.Do(r)
	if err != nil {
		return unreachable(name, err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return nil
	}
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // a date is rare here, and then the usual pause is right
	return statusFault("The "+name, answer.StatusCode, time.Duration(max(0, min(seconds, 3600)))*time.Second)
}

// unreachable says why without the address, which the error of the library
// holds.
func unreachable(name string, err error) error {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, errRefused):
		return fault.New(fault.Unavailable, "The %s leads to an address inside a network, and private is not set for it.", name)
	case errors.As(err, &dns):
		return fault.New(fault.Unavailable, "The name of the %s could not be found.", name)
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Timeout, "The %s did not answer in time.", name)
	default:
		return fault.New(fault.Unavailable, "The %s could not be reached.", name)
	}
}

// Sign is the signature of a body: the time in seconds and the HMAC-SHA256 of
// "time.body" in hex. A receiver refuses what is older than it expects.
func Sign(key string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
