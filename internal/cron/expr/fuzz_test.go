package expr

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var fuzzSeeds = []string{
	"* * * * *", "*/7 */5 */2 */5 */2", "0 0 L,LW,1 * 5L,1#2", "0 0 L-3W * 2#5", "@daily", "@reboot",
	"5/15 22-2 ? JAN-dec FRI-MON", "0 0 30 2 *", "1,,2 * * * *", "\xff * * * *", "0 0 31W * L", "*/99999 * * * *", "0 0 *,LW,1 1 0-6,5L",
}

// FuzzParse holds Parse to its word: a schedule whose canonical form means the
// same and whose text can be read back, or a SyntaxError that points into the
// text.
func FuzzParse(f *testing.F) {
	for _, seed := range fuzzSeeds {
		f.Add(seed, uint8(len(seed)))
	}
	f.Fuzz(func(t *testing.T, text string, dialect uint8) {
		d := Dialects()[int(dialect)%len(Dialects())]
		s, err := Parse(text, d)
		if err != nil {
			wrong := new(SyntaxError)
			if !errors.As(err, &wrong) || wrong.Position < 0 || wrong.Position > len(text) || len(err.Error()) > 1200 {
				t.Fatalf("%s %q: %#v", d, text, err)
			}
			if msg := err.Error(); strings.ContainsAny(msg, "\n\r\x00\x1b") || !utf8.ValidString(msg) {
				t.Fatalf("%s %q: the message %q lets control characters through", d, text, msg)
			}
			return
		}
		if err := checkCanonical(s); err != nil {
			t.Fatal(err)
		}
		checkReadsBack(t, s)
		s.Warnings(time.UTC, time.Unix(0, 0))
	})
}

// FuzzNext looks for a run that is not strictly later or earlier, or a search
// that does not end, at any moment in odd zones.
func FuzzNext(f *testing.F) {
	for i, seed := range fuzzSeeds {
		f.Add(seed, uint8(i), int64(i)*1_000_000_000, uint16(i))
	}
	changes := clockChanges()
	f.Fuzz(func(t *testing.T, text string, dialect uint8, at int64, zone uint16) {
		s, err := Parse(text, Dialects()[int(dialect)%len(Dialects())])
		if err != nil {
			return
		}
		loc := changes[int(zone)%len(changes)].zone
		from := time.Unix(at, 0)
		next, ok := s.Next(from, loc)
		if ok && !next.After(from) {
			t.Fatalf("%q in %s: Next(%d) = %s", text, loc, at, next)
		}
		if prev, was := s.Prev(next, loc); ok && was && prev.After(from) {
			t.Fatalf("%q in %s: %s lies between %d and its Next %s", text, loc, prev, at, next)
		}
		if prev, ok := s.Prev(from, loc); ok && !prev.Before(from) {
			t.Fatalf("%q in %s: Prev(%d) = %s", text, loc, at, prev)
		}
		n := 0
		for range s.Between(from, from.Add(48*time.Hour), loc) {
			if n++; n > 48*60 {
				t.Fatalf("%q in %s: more than %d runs in two days", text, loc, n-1)
			}
		}
		s.Warnings(loc, from)
	})
}
