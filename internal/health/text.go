package health

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Caps on what an endpoint may make us keep and show.
const (
	maxReason = 200
	maxDetail = 200
	maxName   = 80
	maxLabel  = 100 // a branch, a version
	maxParts  = 50
)

// userinfo is a password in an address, which components like to repeat in
// their error texts: postgres://user:pass@host.
var userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@]*@`)

// clean makes hostile text fit to show: valid UTF-8, one line, no control or
// direction characters, no password of an address, at most max characters.
func clean(text string, limit int) string {
	// Four bytes a character, and some for what is going to be removed: the
	// rest of a long text need not be walked.
	if most := 8*limit + 64; len(text) > most {
		text = text[:most]
	}
	text = userinfo.ReplaceAllString(strings.ToValidUTF8(text, "\uFFFD"), "$1")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.C, r): // control, format, private use
			return -1
		default:
			return r
		}
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}

var (
	commitID = regexp.MustCompile(`^[0-9a-f]{7,40}$`)
	fullID   = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// commit is the text as a commit id, "" when it is none.
func commit(text string) string {
	id := strings.ToLower(strings.TrimSpace(text))
	if !commitID.MatchString(id) {
		return ""
	}
	return id
}
