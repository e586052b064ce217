package outbound

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line is the first line of a text from outside, without control characters
// and at most `most` bytes long. It is still hostile text: whoever shows it
// escapes it.
func Line(s string, most int) string {
	s = strings.TrimLeft(s, " \t\r\n")
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u200c' || r == '\u200d':
			return r // joiners: emoji and several scripts need them
		case r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1 // Cf holds the marks that reverse the direction of what follows
		}
		return r
	}, s)
	if len(s) > most {
		cut := most - len("…")
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strings.TrimSpace(s)
}

// Link is raw if it is an https address on one of the hosts or below it, or an
// address on the API's own host; else "". A vendor's links are hostile text,
// and a link is followed by people.
func (c *Client) Link(raw string, hosts ...string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || len(raw) > 2000 {
		return ""
	}
	if u.Host == c.base.Host && u.Scheme == c.base.Scheme {
		return u.String()
	}
	if u.Scheme != "https" {
		return ""
	}
	for _, h := range hosts {
		if u.Host == h || strings.HasSuffix(u.Host, "."+h) {
			return u.String()
		}
	}
	return ""
}
