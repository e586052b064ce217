package notify

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// limits is how long a message may be where a service takes less than a page.
const textLimit = 1500

// inWords sends a delivery through the library. It takes no context: a call
// that hangs is left behind, and its message is tried again.
func inWords(ctx context.Context, name string, address secret.Text, d alert.Delivery) error {
	var library router.ServiceRouter
	s, err := library.Locate(address.Reveal())
	if err != nil { // it was looked at when the server started
		return fault.New(fault.Invalid, "The address of this %s receiver is not usable.", name)
	}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if recover() != nil { // the library's defects are not ours to die of
				done <- fault.New(fault.BadResponse, "The %s service could not be used.", name)
			}
		}()
		done <- s.Send(words(d), &types.Params{"title": plain(d.Title)})
	}()
	select {
	case err := <-done:
		return told(name, err)
	case <-ctx.Done():
		return fault.New(fault.Timeout, "The %s service did not answer in time.", name)
	}
}

// status is a number in the library's error that can only be HTTP's.
var status = regexp.MustCompile(`\b([45]\d\d)\b`)

// told makes a library's error one that may be shown: the text itself holds the
// receiver's whole address.
func told(name string, err error) error {
	if err == nil {
		return nil
	}
	for _, found := range status.FindAllString(strings.ReplaceAll(err.Error(), "/", " / "), 3) {
		if code, aerr := strconv.Atoi(found); aerr == nil && strings.Contains(err.Error(), " "+found) {
			return statusFault("The "+name+" service", code, 0)
		}
	}
	if strings.Contains(err.Error(), "timeout") || strings.Contains(err.Error(), "deadline") {
		return fault.New(fault.Timeout, "The %s service did not answer in time.", name)
	}
	return fault.New(fault.Unavailable, "The %s service could not be reached, or refused the message.", name)
}

func statusFault(who string, code int, after time.Duration) error {
	f := fault.New(fault.Unavailable, "%s answered HTTP %d.", who, code)
	switch code {
	case http.StatusTooManyRequests:
		f.Kind = fault.RateLimited
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		f.Kind = fault.Rejected
		f.Message += " Is its address still right?"
	}
	f.RetryAfter = after
	return f
}

// neutral takes from text of others what chat services read as more than text:
// mentions of everybody, markup, links with another face.
var neutral = strings.NewReplacer("<", "‹", ">", "›", "@", "＠", "](", "] (", "`", "'", "&", "＆")

func plain(s string) string { return neutral.Replace(s) }

// words is a delivery as text. What others wrote is made plain; the links are
// ours.
func words(d alert.Delivery) string {
	d.Title, d.Text = plain(d.Title), plain(d.Text)
	text := d.Line()
	if len(text) > textLimit {
		d.Text = ""
		text = d.Line()
	}
	return text
}
