package access

import (
	"regexp"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/fault"
)

func TestTokenText(t *testing.T) {
	// The pattern that secret scanners get in the documentation.
	pattern := regexp.MustCompile(`^edk_(api|ping|report|mcp)_[0-9A-Za-z]{36}$`)
	seen := map[string]bool{}
	for _, scope := range Scopes() {
		for range 100 {
			text := newTokenText(scope)
			if !pattern.MatchString(text) || seen[text] {
				t.Fatalf("the token %q has the wrong form, or came twice", text)
			}
			seen[text] = true
			if got, err := parseToken(text); err != nil || got != scope {
				t.Fatalf("parse: %q, %v", got, err)
			}
		}
	}
}

func TestTokenTextUsesTheWholeAlphabet(t *testing.T) {
	counts := map[rune]int{}
	const n = 62 * 2000
	for _, r := range randomBase62(n) {
		counts[r]++
	}
	if len(counts) != 62 {
		t.Fatalf("%d characters of 62 came", len(counts))
	}
	for r, c := range counts {
		// 2,000 expected, standard deviation 44: eight of them is never.
		if c < 1648 || c > 2352 {
			t.Errorf("%q came %d times, want about 2000", r, c)
		}
	}
}

func TestMalformedTokens(t *testing.T) {
	good := newTokenText(API)
	flipped := []byte(good)
	flipped[20] = base62[(strings.IndexByte(base62, flipped[20])+1)%62]
	for _, text := range []string{
		"", "edk_", "edk_api_", good[:len(good)-1], good + "0", strings.ToUpper(good), string(flipped),
		strings.Replace(good, "edk_api_", "edk_root_", 1), strings.Replace(good, "edk_", "ghp_", 1), " " + good, good + "\n",
		"edk_api_" + strings.Repeat("-", 36), "edk_api_" + strings.Repeat("é", 18),
	} {
		_, err := parseToken(text)
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: %v", text, err)
		} else if text != "" && len(text) > 4 && strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats the token %q", text)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(newTokenText(API))
	f.Add("edk_ping_000000000000000000000000000000000000")
	f.Add("edk__")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		scope, err := parseToken(text)
		if err != nil {
			return
		}
		body := text[len(text)-36:]
		if sum := checksum(body[:30]); !scope.Valid() || text != "edk_"+string(scope)+"_"+body || string(sum[:]) != body[30:] {
			t.Errorf("%q was taken for a token", text)
		}
	})
}
