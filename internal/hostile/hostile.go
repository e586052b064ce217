// Package hostile makes text from outside fit to keep, to answer and to show:
// commit messages, titles, names, error texts and links that anybody may have
// written.
//
// It only removes what deceives or floods: control characters, invisible
// direction marks, endless lines, odd links. Escaping belongs to the faces,
// each in its own language. It must not know where the text came from.
package hostile

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits in characters.
const (
	TitleLimit = 300
	NameLimit  = 120
	ErrorLimit = 4096
)

// Line makes s one line of at most limit characters. Control characters become
// spaces; marks that reorder or hide text become the replacement character,
// so that a reader sees that something was there.
func Line(s string, limit int) string {
	var b strings.Builder
	written, space := 0, false
	for _, r := range s {
		switch {
		case r == utf8.RuneError, deceives(r):
			r = utf8.RuneError
		case unicode.IsControl(r), unicode.IsSpace(r):
			space = written > 0
			continue
		}
		if written >= limit {
			return cut(b.String())
		}
		if space && written+1 >= limit { // the space would take the last place
			return b.String() + "…"
		}
		if space {
			b.WriteByte(' ')
			written++
			space = false
		}
		b.WriteRune(r)
		written++
	}
	return b.String()
}

// FirstLine is Line of what stands before the first line break: a commit's
// title.
func FirstLine(s string, limit int) string {
	s = strings.TrimLeft(s, "\r\n\t ")
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i]
	}
	return Line(s, limit)
}

// escape is what terminals obey and nobody reads: colours, cursor moves, titles.
var escape = regexp.MustCompile("\x1b(?:\\[[0-9;:?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[ -/][0-~]|[@-~])")

// Lines makes s text of many lines, as a program prints it: spaces, tabs and
// line breaks stay, what terminals obey is left out, and every other control
// character and mark that deceives becomes the replacement character.
func Lines(s string) string {
	s = strings.ReplaceAll(escape.ReplaceAllString(s, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r == '\r':
			return '\n'
		case deceives(r), unicode.IsControl(r):
			return utf8.RuneError
		}
		return r
	}, s)
}

// Link answers s when it is an https address without user info, or an http one
// of this machine; "" otherwise. A host is made of what host names are made of:
// what else Go takes for one, a browser may read in another way, and letters of
// other alphabets can look like those of a name that people trust.
func Link(s string) string {
	if len(s) > 2048 {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsFunc(s, unicode.IsControl) || strings.ContainsFunc(u.Hostname(), strange) {
		return ""
	}
	if u.Scheme == "https" || u.Scheme == "http" && Loopback(u.Hostname()) {
		return u.String()
	}
	return ""
}

// strange says that a character is in no host name or address.
func strange(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_' && r != ':'
}

// Loopback says whether a host name or address is this machine.
func Loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// Commit answers s when it is a commit hash of 7 to 40 hexadecimal digits,
// in lower case; "" otherwise.
func Commit(s string) string {
	if len(s) < 7 || len(s) > 40 {
		return ""
	}
	s = strings.ToLower(s)
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return ""
		}
	}
	return s
}

// Short is the first 7 digits of a commit hash.
func Short(commit string) string { return commit[:min(len(commit), 7)] }

// deceives says whether a character changes how its neighbours are read
// without being seen: directional marks, invisible joiners and tags.
func deceives(r rune) bool {
	switch {
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, // embeddings, overrides, isolates
		r == 0x200E, r == 0x200F, r == 0x061C, // marks
		r == 0x200B, r == 0x2060, r == 0xFEFF, // nothing to see
		r >= 0xE0000 && r <= 0xE007F: // tags
		return true
	}
	return false
}

func cut(s string) string {
	_, size := utf8.DecodeLastRuneInString(s)
	return strings.TrimRight(s[:len(s)-size], " ") + "…"
}
