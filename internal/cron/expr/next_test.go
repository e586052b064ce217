package expr

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/quick"
	"time"
)

func mustParse(t testing.TB, text string, d Dialect) Schedule {
	t.Helper()
	s, err := Parse(text, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustLoad(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// TestNextAndPrevAgree goes from random moments of four centuries: Next is
// strictly later, Prev of it is not after the start, and every run is one that
// the fields name or that the rule for gaps explains.
func TestNextAndPrevAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	changes := clockChanges()
	for range 5000 {
		x := newRandomExpr(r)
		zone := changes[r.IntN(len(changes))].zone
		d := Unix
		if _, err := Parse(x.text, K8s); err == nil && r.IntN(3) == 0 {
			d = K8s
		}
		s := mustParse(t, x.text, d)
		start := time.Unix(r.Int64N(400*365*secondsPerDay)-200*365*secondsPerDay, r.Int64N(1e9))
		from := start
		for range 3 {
			at, ok := s.Next(from, zone)
			if !ok {
				break
			}
			if !at.After(from) || at.Nanosecond() != 0 || at.Second() != 0 {
				t.Fatalf("%s %q in %s: Next(%s) = %s", d, x.text, zone, from, at)
			}
			if p, ok := s.Prev(at, zone); ok && p.After(from) {
				t.Fatalf("%s %q in %s: %s lies between %s and its Next %s", d, x.text, zone, p, from, at)
			}
			if p, ok := s.Prev(at.Add(1), zone); !ok || !p.Equal(at) {
				t.Fatalf("%s %q in %s: Prev just after %s = %s", d, x.text, zone, at, p)
			}
			if !s.Runs(at, zone) || s.Runs(at.Add(time.Second), zone) {
				t.Fatalf("%s %q in %s: Runs is wrong about %s", d, x.text, zone, at)
			}
			if d == Unix && !explained(&x, at) {
				t.Fatalf("%q in %s: nothing explains the run at %s", x.text, zone, at)
			}
			from = at
		}
	}
}

// explained reports whether the wall clock at a run matches, or a minute that
// the clock has just jumped over does.
func explained(x *randomExpr, at time.Time) bool {
	wall := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
	if x.matches(wall) {
		return true
	}
	_, now := at.Zone()
	_, before := at.Add(-time.Minute).Zone()
	for gap := time.Duration(now-before) * time.Second; gap > 0; gap -= time.Minute {
		if x.fixed() && x.matches(wall.Add(-gap).Truncate(time.Minute)) {
			return true
		}
	}
	return false
}

func TestBetween(t *testing.T) {
	zone := mustLoad(t, "Europe/Berlin")
	from := time.Date(2026, 3, 28, 2, 30, 0, 0, zone)
	to := time.Date(2026, 3, 31, 2, 30, 0, 0, zone)
	s := mustParse(t, "30 2 * * *", Unix)
	var got []string
	for at := range s.Between(from, to, zone) {
		got = append(got, at.Format("02 15:04"))
	}
	if want := []string{"28 02:30", "29 03:00", "30 02:30"}; !slices.Equal(got, want) {
		t.Errorf("Between = %v, want %v: the start belongs to it and the end does not", got, want)
	}
	for at := range s.Between(from, to, zone) {
		if !at.Equal(from) {
			t.Errorf("after a break the walk went on to %s", at)
		}
		break
	}
	for at := range s.Between(to, from, zone) {
		t.Errorf("a window that ends before it starts has the run %s", at)
	}
	n := s.NextN(from, zone, 2)
	if len(n) != 2 || !n[1].Equal(time.Date(2026, 3, 30, 2, 30, 0, 0, zone)) {
		t.Errorf("NextN = %v", n)
	}
}

func TestSchedulersInUTCIgnoreTheZone(t *testing.T) {
	after := time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC)
	for _, d := range []Dialect{Vercel, Cloudflare} {
		at, ok := mustParse(t, "30 2 * * *", d).Next(after, mustLoad(t, "America/New_York"))
		if want := time.Date(2026, 3, 8, 2, 30, 0, 0, time.UTC); !ok || !at.Equal(want) || at.Location() != time.UTC {
			t.Errorf("%s: %s, want %s", d, at, want)
		}
	}
	if at, _ := mustParse(t, "30 2 * * *", Unix).Next(after, nil); at.Location() != time.UTC {
		t.Errorf("without a zone the result is in %s, want UTC", at.Location())
	}
}

func TestTheEndsOfTime(t *testing.T) {
	s := mustParse(t, "0 0 29 2 *", Unix)
	for _, at := range []time.Time{{}, time.Unix(1<<62, 0), time.Unix(-1<<62, 0), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if next, ok := s.Next(at, nil); ok && (!next.After(at) || next.Year() > 9999) {
			t.Errorf("Next(%v) = %v", at, next)
		}
		if prev, ok := s.Prev(at, nil); ok && (!prev.Before(at) || prev.Year() < 1) {
			t.Errorf("Prev(%v) = %v", at, prev)
		}
	}
	if _, ok := (Schedule{}).Next(time.Unix(0, 0), nil); ok {
		t.Error("the zero Schedule runs")
	}
	if _, ok := (Schedule{}).Prev(time.Unix(0, 0), nil); ok {
		t.Error("the zero Schedule has run")
	}
}

func TestCalendarAgreesWithPackageTime(t *testing.T) {
	check := func(n int32) bool {
		number := int64(n) % 4_000_000 // some eleven thousand years either way
		want := time.Unix(number*secondsPerDay, 0).UTC()
		year, month, day := date(number)
		return year == int64(want.Year()) && month == int(want.Month()) && day == want.Day() &&
			dayNumber(year, month, day) == number && weekdayOf(number) == int(want.Weekday()) &&
			monthLength(year, month) == time.Date(want.Year(), want.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 20000}); err != nil {
		t.Error(err)
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	zone := mustLoad(t, "America/New_York")
	after := time.Date(2026, 11, 1, 5, 45, 0, 0, time.UTC)
	for _, text := range []string{"30 1 * * *", "*/7 * * * *", "0 0 29 2 1#5", "0 0 30 2 *"} {
		s := mustParse(t, text, Unix)
		if n := testing.AllocsPerRun(20, func() { s.Next(after, zone); s.Prev(after, zone) }); n != 0 {
			t.Errorf("%q: %v allocations", text, n)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := Parse("*/15 8-18/2 1,15,L * MON-FRI", Unix); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	zone := mustLoad(b, "America/New_York")
	for name, text := range map[string]string{
		"fixed": "30 2 * * *", "star": "*/7 * * * *", "rare": "0 0 29 2 *",
		"never": "0 0 30 2 *", "never-in-a-zone": "*/30 2 * 3 0#2",
	} {
		b.Run(name, func(b *testing.B) {
			s := mustParse(b, text, Unix)
			after := time.Date(2026, 3, 7, 12, 0, 0, 0, time.UTC)
			b.ReportAllocs()
			for b.Loop() {
				s.Next(after, zone)
			}
		})
	}
}

func BenchmarkParseAndNext(b *testing.B) {
	zone := mustLoad(b, "Europe/Berlin")
	after := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		s, err := Parse("30 2 * * MON-FRI", Unix)
		if err != nil {
			b.Fatal(err)
		}
		s.Next(after, zone)
	}
}

func BenchmarkText(b *testing.B) {
	s := mustParse(b, "*/15 9-17 * * MON-FRI", Unix)
	for b.Loop() {
		s.Text()
	}
}
