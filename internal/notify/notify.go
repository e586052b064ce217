// Package notify carries messages out: as JSON to a webhook, which is our own
// small client, or in words to one of the services that a library knows.
//
// Addresses of receivers are secrets. What a service or the library says of a
// failure is never repeated, since it may hold the address: errors are made
// from the kind of receiver and a status. The package must not know what is
// worth telling, to whom, or how often it is tried.
package notify

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// Config is one receiver.
type Config struct {
	URL secret.Text
	// Secret signs what a webhook is sent; it may be left out.
	Secret secret.Text
	// Private says that the operator expects the host inside their own network.
	Private bool
	// UserAgent names envdeck to webhooks.
	UserAgent string
}

// Sender sends to one receiver.
type Sender struct {
	// Kind is what it is: "webhook", "slack", "smtp".
	Kind string
	send func(ctx context.Context, d alert.Delivery) error
}

// Send delivers once. Its errors are fit to be shown and kept.
func (s *Sender) Send(ctx context.Context, d alert.Delivery) error { return s.send(ctx, d) }

// refused are services of the library that are of no use here, and why.
var refused = map[string]string{
	"generic": "give the https address itself: it gets JSON, and is guarded",
	"logger":  "envdeck's own log has everything already",
}

// Open makes a sender. fault.Invalid says what is wrong with the address,
// without a word of it.
func Open(c Config) (*Sender, error) {
	if !c.URL.Set() {
		return nil, invalid("is missing")
	}
	u, err := url.Parse(c.URL.Reveal())
	if err != nil || u.Scheme == "" {
		return nil, invalid("is no address: it must begin with https:// or with a service such as slack://, discord://, telegram:// or smtp://")
	}
	switch scheme := strings.ToLower(u.Scheme); scheme {
	case "http", "https":
		return webhook(u, c)
	default:
		return service(scheme, c)
	}
}

func invalid(problem string) error { return fault.New(fault.Invalid, "%s", problem) }

func service(scheme string, c Config) (*Sender, error) {
	name, _, _ := strings.Cut(scheme, "+")
	if why, no := refused[name]; no {
		return nil, invalid("is of a service that is not taken here: " + why)
	}
	var library router.ServiceRouter
	if known := library.ListServices(); !slices.Contains(known, name) {
		slices.Sort(known)
		known = slices.DeleteFunc(known, func(s string) bool { return refused[s] != "" })
		return nil, invalid("names no service that envdeck knows; there are https, " + strings.Join(known, ", "))
	}
	if c.Secret.Set() {
		return nil, invalid("is of a service that takes no signature: leave out secret, which is for webhooks")
	}
	if _, err := library.Locate(c.URL.Reveal()); err != nil {
		return nil, invalid("is not how an address of " + name + " looks: see https://shoutrrr.nickfedor.com for its form")
	}
	return &Sender{Kind: name, send: func(ctx context.Context, d alert.Delivery) error { return inWords(ctx, name, c.URL, d) }}, nil
}
