package health

import (
	"regexp"
	"strings"

	"github.com/envdeck/envdeck/internal/hostile"
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

// clean makes hostile text fit to show: one line of at most limit characters,
// nothing that controls or deceives, no password of an address.
func clean(text string, limit int) string {
	// Eight bytes a character, and some for what is going to be removed: the
	// rest of a long text need not be walked.
	if most := 8*limit + 64; len(text) > most {
		text = text[:most]
	}
	return hostile.Line(userinfo.ReplaceAllString(text, "$1"), limit)
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
