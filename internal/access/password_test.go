package access

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/trustelem/zxcvbn/frequency"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
)

func TestCheckPassword(t *testing.T) {
	weak := []string{
		"", "short", "fourteen chars", "password12345678", "Password2026!!!!", "P@ssw0rd12345678", "passwordpassword", "aaaaaaaaaaaaaaaaaaaa",
		"qwertyuiopasdfgh", "1234567890123456", "abcdefghijklmnop", "zyxwvutsrqponmlkj", "letmeinletmein123", "correcthorsebatterystaple",
		"iloveyouforever99", "Summer2026Winter2027", "1q2w3e4r5t6y7u8i", "EnvdeckEnvdeck2026", "abcabcabcabcabcabc", "annamustermann2026", "tab\tin the password here",
		"\xff\xfe\xfd0123456789abcdefgh", strings.Repeat("wX4 ", 100),
	}
	for _, p := range weak {
		if err := CheckPassword(p, "anna.mustermann", "Anna Mustermann"); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q was taken: %v", p, err)
		} else if len(p) > 8 && strings.Contains(err.Error(), p) {
			t.Errorf("the error repeats %q", p)
		}
	}
	for _, p := range []string{
		"velvet anchor piano forty", "k7#Lq9!vRz2&Wm4x", "grün ist die Gießkanne", "ein Pferd frisst keinen Gurkensalat", "7c1e0f6b9a2d4488", strings.Repeat("x7 ", 5) + "mandolin teapot",
		"пароль никому не скажу",
	} {
		if err := CheckPassword(p, "anna.mustermann", "Anna Mustermann"); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
}

// TestLeakedPasswordsAreRefused: what leaks had most often, whole and in
// pieces; and four ordinary words are not among it.
func TestLeakedPasswordsAreRefused(t *testing.T) {
	long := 0
	for _, p := range frequency.FrequencyLists["passwords"] {
		if len(p) < MinPassword {
			continue
		}
		long++
		if err := CheckPassword(p); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "leaked") {
			t.Errorf("%q was taken: %v", p, err)
		}
	}
	if long < 20 {
		t.Errorf("%d leaked passwords are long enough to be tried: nothing is proved", long)
	}
	for _, p := range []string{"Q1W2E3R4T5Y6U7I8", "passwordstandard1", "football12baseball", "MyDogRover2024!!", "Liverpool1234567", "111222333444555666", "qazwsxedcrfvtgbyhn", "fuckyou!fuckyou2!"} {
		if err := CheckPassword(p); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q was taken: %v", p, err)
		}
	}
	words := frequency.FrequencyLists["english_wikipedia"][500:12_000]
	draw := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		p := ""
		for range 4 {
			p += " " + words[draw.IntN(len(words))]
		}
		if err := CheckPassword(p[1:]); err != nil && len(p) > MinPassword {
			t.Errorf("%q: %v", p[1:], err)
		}
	}
}

func TestHashAndMatch(t *testing.T) {
	p := newPasswords(clock.Real(), Cost{})
	encoded, err := p.hash(t.Context(), "velvet anchor piano forty")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(encoded, "$argon2id$v=19$m=65536,t=3,p=1$") {
		t.Fatalf("the hash reads %q", encoded)
	}
	for _, test := range []struct {
		encoded, password string
		want              bool
	}{
		{encoded, "velvet anchor piano forty", true},
		{encoded, "velvet anchor piano fortx", false},
		{encoded, "", false},
		{"", "velvet anchor piano forty", false},
		{"", "", false},
		{"$2a$10$abcdefghijklmnopqrstuv", "x", false},
	} {
		if got, err := p.match(t.Context(), test.encoded, test.password); err != nil || got != test.want {
			t.Errorf("match(%.20q, %q) = %v, %v", test.encoded, test.password, got, err)
		}
	}
}

// Of many sign-ins at once, two are worked on, twenty wait, the rest hear so
// at once and cost nothing.
func TestHashingIsBounded(t *testing.T) {
	p := newPasswords(clock.Real(), Cost{})
	for range hashesAtOnce {
		p.waiting <- struct{}{}
		p.running <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	results := make(chan error, hashesQueued)
	for range hashesQueued {
		p2 := make(chan struct{})
		wg.Go(func() {
			close(p2)
			_, err := p.derive(ctx, "x", make([]byte, argonSalt))
			results <- err
		})
		<-p2
	}
	for len(p.waiting) < cap(p.waiting) { // the goroutines above are on their way
		runtime.Gosched()
	}
	for range 500 {
		_, err := p.derive(t.Context(), "x", make([]byte, argonSalt))
		if !fault.Is(err, fault.RateLimited) {
			t.Fatalf("the queue has no end: %v", err)
		}
	}
	cancel()
	wg.Wait()
	for range hashesQueued {
		if err := <-results; !fault.Is(err, fault.Timeout) {
			t.Fatalf("whoever waits and gives up gets %v", err)
		}
	}
}
