package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// SnoozePath is where the link in a message leads.
const SnoozePath = "/incidents/snooze"

// LinkLife is how long such a link works, and LinkSnooze how long it silences.
const (
	LinkLife   = 24 * time.Hour
	LinkSnooze = time.Hour
)

// Links signs links that silence one incident, once, and do nothing else.
type Links struct{ Key secret.Text }

const badLink = "This link does not work (any more): it silences one incident once, for a day after the message. Open the incident's page instead."

// snooze makes the link of a message about an incident.
func (l Links) snooze(incident, message string, until time.Time) string {
	text := incident + "." + message + "." + strconv.FormatInt(until.Unix(), 36)
	return text + "." + l.sign(text)
}

func (l Links) sign(text string) string {
	mac := hmac.New(sha256.New, []byte(l.Key.Reveal()))
	mac.Write([]byte("snooze\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// read checks a link: the incident and message that it is of, and its end.
func (l Links) read(link string, now time.Time) (incident, message string, until time.Time, err error) {
	bad := fault.New(fault.Invalid, badLink)
	i := strings.LastIndexByte(link, '.')
	if i < 0 || len(link) > 300 || !l.Key.Set() || !hmac.Equal([]byte(l.sign(link[:i])), []byte(link[i+1:])) {
		return "", "", until, bad
	}
	parts := strings.Split(link[:i], ".")
	if len(parts) != 3 {
		return "", "", until, bad
	}
	seconds, perr := strconv.ParseInt(parts[2], 36, 64)
	until = time.Unix(seconds, 0)
	if perr != nil || !now.Before(until) {
		return "", "", until, bad
	}
	return parts[0], parts[1], until, nil
}
