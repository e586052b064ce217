// Package secret holds the one type that tokens travel in. Whatever prints,
// logs, encodes or formats it shows "[redacted]"; only Reveal gives the value,
// so every place that lets a token out can be found by searching for it.
//
// It must not know what the secret is for.
package secret

import (
	"fmt"
	"log/slog"
	"unique"
)

const redacted = "[redacted]"

// Text is a secret string. The zero value is "not set". Values are comparable,
// but compare secrets from outside with crypto/subtle.
//
// The value is kept behind a pointer because fmt calls no method on a field
// that is not exported: it would print a string in there as it stands. Of a
// pointer inside a struct it prints the address.
type Text struct{ value unique.Handle[string] }

// New wraps a secret.
func New(value string) Text {
	if value == "" {
		return Text{}
	}
	return Text{value: unique.Make(value)}
}

// Reveal is the secret itself. Call it only where the value leaves for the
// service that it belongs to.
func (t Text) Reveal() string {
	if !t.Set() {
		return ""
	}
	return t.value.Value()
}

// Set says whether there is a value.
func (t Text) Set() bool { return t != Text{} }

func (t Text) String() string {
	if !t.Set() {
		return ""
	}
	return redacted
}

// GoString keeps %#v from walking into the struct.
func (t Text) GoString() string { return "secret.Text(" + t.String() + ")" }

// Format covers every verb, %x and %q of the fields included.
func (t Text) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(t.String())) }

// LogValue is what slog writes.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText is what JSON and YAML write.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
