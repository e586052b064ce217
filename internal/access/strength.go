package access

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/envdeck/envdeck/internal/fault"
)

// Lengths of a password. Long ones are welcome; the cap only keeps a request's
// body small.
const (
	MinPassword = 15 // characters
	MaxPassword = 256
	minStrength = 10 // what has to remain when everything guessable is counted as one or two characters
)

// common are the pieces that lists of leaked passwords are made of. A password
// of 15 characters that is on such a list is nearly always some of these put
// together, with digits behind them and letters replaced by look-alikes; so
// the pieces are kept and not the lists.
const common = `
password passwort passwd contrasena motdepasse senha parola haslo
welcome willkommen bienvenue letmein login admin administrator root superuser user guest default master
secret private access system server database backup manager operator support service test testing demo example sample
changeme change please trustno hello goodbye iloveyou loveyou love lovely forever princess prince queen king angel
monkey dragon tiger lion eagle wolf horse bear panda puppy kitty cat dog bird fish turtle
football baseball basketball soccer hockey tennis golf fishing hunting running
sunshine summer winter spring autumn january february march april june july august september october november december
monday tuesday wednesday thursday friday saturday sunday morning evening night midnight
superman batman spiderman starwars pokemon naruto matrix gandalf merlin hunter ranger shadow ninja samurai warrior
michael jennifer jessica jordan thomas robert daniel andrew joshua matthew ashley nicole amanda charlie george
computer internet google facebook twitter instagram linkedin amazon apple microsoft windows linux android iphone samsung
freedom whatever nothing something everything chocolate cookie banana orange cheese pepper ginger coffee whiskey
london berlin paris madrid america england germany france canada australia mexico russia china india
money dollar million lottery lucky winner success power energy magic mustang ferrari porsche mercedes harley yamaha
company office business corporate enterprise production staging release deploy deployment promote rollback environment
envdeck vercel github cloudflare sentry neon postgres sqlite kubernetes docker container pipeline jenkins
abcd asdf qwer zxcv qaz wsx edc qwerty qwertz azerty asdfgh zxcvbn letter correct battery staple horsebattery`

// rows are what fingers run along; runs are read in both directions.
const rows = "abcdefghijklmnopqrstuvwxyz 01234567890 qwertyuiop asdfghjkl zxcvbnm qwertzuiop azertyuiop 1q2w3e4r5t6y7u8i9o0p 1qaz2wsx3edc4rfv5tgb6yhn7ujm"

// lookalikes undoes the usual replacements, a byte for a byte.
var lookalikes = strings.NewReplacer("4", "a", "@", "a", "8", "b", "3", "e", "6", "g", "1", "i", "!", "i", "0", "o", "5", "s", "$", "s", "7", "t", "+", "t", "2", "z")

// CheckPassword is Invalid with what to do when the password is too short or
// too easy to guess for the person with these names.
func CheckPassword(password string, names ...string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return fault.New(fault.Invalid, "The password has characters that can not be typed.")
	case n < MinPassword:
		return fault.New(fault.Invalid, "The password is too short: it needs at least %d characters. Four or five words that have nothing to do with each other are easy to remember.", MinPassword)
	case len(password) > MaxPassword:
		return fault.New(fault.Invalid, "The password is too long: %d bytes are enough.", MaxPassword)
	}
	lower := strings.ToLower(password)
	known := leaked()
	if _, ok := known[lower]; ok {
		return fault.New(fault.Invalid, "The password is on a list of leaked passwords that everybody who guesses tries first. Four or five words that have nothing to do with each other are better.")
	}
	words := strings.Fields(common)
	for _, name := range names {
		for part := range strings.FieldsFuncSeq(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if len(part) >= 3 {
				words = append(words, part)
			}
		}
	}
	if strength(lower, words, known) < minStrength {
		return fault.New(fault.Invalid, "The password is easy to guess: it is made of common words, names, repetitions or rows of keys. Four or five words that have nothing to do with each other are better.")
	}
	return nil
}

// Pieces of a leaked password that is on the list.
const (
	minLeaked = 4
	maxLeaked = 24
	topLeaked = 1000 // of so many a guesser tries each beside each
)

//go:embed leaked.txt
var leakedText string

// leaked are the passwords of 30,000 that leaks had most often, by rank. They
// are read anew each time: it takes some milliseconds, hashing the password
// takes more, and nobody sets one often.
func leaked() map[string]int {
	_, list, _ := strings.Cut(leakedText, "\n\n") // behind its license
	known := make(map[string]int, strings.Count(list, "\n"))
	for word := range strings.Lines(list) {
		known[strings.TrimSuffix(word, "\n")] = len(known)
	}
	return known
}

// strength is the least number of choices that a guesser needs who knows the
// pieces: a character is one, a known word, a run or one of the first leaked
// passwords two, another one of these three, a year or a repetition one.
func strength(s string, words []string, known map[string]int) int {
	plain := lookalikes.Replace(s)
	cost := make([]int, len(s)+1)
	for i := 1; i <= len(s); i++ {
		cost[i] = cost[i-1] + 1
		if s[i-1] >= utf8.RuneSelf && !utf8.RuneStart(s[i-1]) {
			cost[i] = cost[i-1] // the rest of a longer character
		}
		for _, w := range words {
			if strings.HasSuffix(s[:i], w) || strings.HasSuffix(plain[:i], w) {
				cost[i] = min(cost[i], cost[i-len(w)]+2)
			}
		}
		for j := range i {
			if rank, ok := find(known, s[j:i], plain[j:i]); ok {
				choices := 3
				if rank < topLeaked {
					choices = 2
				}
				cost[i] = min(cost[i], cost[j]+choices)
			}
			if piece := s[j:i]; len(piece) >= 4 && isRun(piece) || len(piece) >= 3 && isOne(piece) {
				cost[i] = min(cost[i], cost[j]+2)
			}
			if i-j == 4 && isYear(s[j:i]) {
				cost[i] = min(cost[i], cost[j]+1)
			}
			// What was there just before.
			if size := i - j; size >= 2 && j >= size && s[j:i] == s[j-size:j] {
				cost[i] = min(cost[i], cost[j]+1)
			}
		}
	}
	return cost[len(s)]
}

// find is the rank of a piece, as it is or with its look-alikes undone.
func find(known map[string]int, pieces ...string) (rank int, ok bool) {
	for _, piece := range pieces {
		if len(piece) < minLeaked || len(piece) > maxLeaked {
			continue
		}
		if rank, ok = known[piece]; ok {
			return rank, true
		}
	}
	return 0, false
}

func isOne(s string) bool { return strings.Count(s, s[:1]) == len(s) }

func isYear(s string) bool {
	return (s[:2] == "19" || s[:2] == "20") && s[2] >= '0' && s[2] <= '9' && s[3] >= '0' && s[3] <= '9'
}

func isRun(s string) bool {
	if strings.Contains(s, " ") {
		return false
	}
	if strings.Contains(rows, s) {
		return true
	}
	back := []byte(s)
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	return strings.Contains(rows, string(back))
}
