package expr

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		dialect  Dialect
		expr     string
		field    string
		position int
		says     string
	}{
		{Unix, "", "", 0, "it is empty"},
		{Unix, " \t", "", 0, "it is empty"},
		{Unix, "* * * *", "", 7, "4 of 5 fields"},
		{Unix, "0 * * * * *", "", 10, "6 fields instead of 5"},
		{Unix, "* * * * * * * *", "", 10, "8 fields instead of 5"},
		{Unix, "TZ=UTC * * * * *", "", 0, "time zone"},
		{Unix, "@reboot", "", 0, "@reboot"},
		{Unix, "@every 5m", "", 0, "@every"},
		{Unix, "@fortnightly", "", 0, "there is no"},
		{Unix, "@daily 5", "", 6, "nothing may follow @daily"},
		{Unix, "60 * * * *", "minute", 0, `"60" is not between 0 and 59; write 0`},
		{Unix, "* 24 * * *", "hour", 2, "write 0"},
		{Unix, "* * 0 * *", "day of month", 4, "between 1 and 31"},
		{Unix, "* * 32 * *", "day of month", 4, "between 1 and 31"},
		{Unix, "* * * 13 *", "month", 6, "between 1 and 12"},
		{Unix, "* * * * 8", "day of week", 8, "between 0 and 7"},
		{Unix, "99999999999999999999 * * * *", "minute", 0, "between 0 and 59"},
		{Unix, "-1 * * * *", "minute", 0, "not a value"},
		{Unix, "1- * * * *", "minute", 2, "a value is missing"},
		{Unix, "1-2-3 * * * *", "minute", 3, "not understood"},
		{Unix, "5-1 * * * *", "minute", 0, "goes backwards"},
		{Unix, "0 22-2 * * *", "hour", 2, "write 22-23,0-2"},
		{Unix, "0 0 * * FRI-SUN", "day of week", 8, "write 5-7"},
		{Unix, "1,,2 * * * *", "minute", 2, "empty"},
		{Unix, ", * * * *", "minute", 0, "empty"},
		{Unix, "1, * * * *", "minute", 2, "empty"},
		{Unix, "*/0 * * * *", "minute", 2, "the step is 0"},
		{Unix, "*/ * * * *", "minute", 2, "the step is missing"},
		{Unix, "*/-5 * * * *", "minute", 2, "not a number"},
		{Unix, "*/5/2 * * * *", "minute", 3, "not a number"},
		{Unix, "*/99999999999 * * * *", "minute", 2, "too large"},
		{Unix, "*5 * * * *", "minute", 1, "not understood"},
		{Unix, "*-5 * * * *", "minute", 1, "not understood"},
		{Unix, "? * * * *", "minute", 0, "does not take ?"},
		{Unix, "* * ?/2 * *", "day of month", 5, "? takes no step"},
		{Unix, "MON * * * *", "minute", 0, "not a value"},
		{Unix, "* * * JANUARY *", "month", 9, "not understood"},
		{Unix, "* * * * MO", "day of week", 8, "or SUN to SAT"},
		{Unix, "* * * * L", "day of week", 8, "L needs a weekday"},
		{Unix, "* * * * 5#0", "day of week", 9, "between #1 and #5"},
		{Unix, "* * * * 5#22", "day of week", 9, "between #1 and #5"},
		{Unix, "* * * * #2", "day of week", 8, "not a value"},
		{Unix, "* * * * 9L", "day of week", 8, "between 0 and 7"},
		{Unix, "* * 15W * *", "day of month", 4, "only L and LW"},
		{Unix, "* * L/2 * *", "day of month", 4, "only L and LW"},
		{Unix, "L * * * *", "minute", 0, "not a value"},
		{Unix, "１ * * * *", "minute", 0, "not a value"},
		{Unix, "\xff\xfe\x00 * * * *", "minute", 0, "not a value"},
		{Unix, strings.Repeat("1,", 200) + "1 * * * *", "", 256, "longer than 256"},
		{Vercel, "0 0 * * MON", "day of week", 8, "write 1 for MON"},
		{Vercel, "@daily", "", 0, "write 0 0 * * *"},
		{Vercel, "0 0 L * *", "day of month", 4, "digits and , - * / only"},
		{Vercel, "0 0 ? * 1", "day of month", 4, "does not take ?"},
		{Vercel, "5/15 * * * *", "minute", 0, "write 5-59/15"},
		{Vercel, "0 22-2 * * *", "hour", 2, "goes backwards"},
		{Cloudflare, "0 0 * * 0", "day of week", 8, "Sunday is 1"},
		{Cloudflare, "*/60 * * * *", "minute", 2, "refuses a step over 59"},
		{Cloudflare, "0 0 1,L * *", "day of month", 4, "only on its own"},
		{Cloudflare, "0 0 *,5 * *", "day of month", 4, "star only on its own"},
		{Cloudflare, "0 0 L-31 * *", "day of month", 4, "between 1 and 30"},
		{Cloudflare, "0 0 32W * *", "day of month", 4, "between 1 and 31"},
		{Cloudflare, "0 0 L3 * *", "day of month", 4, "not a value"},
		{Cloudflare, "@hourly", "", 0, "does not know @hourly"},
		{K8s, "0 0 * * 7", "day of week", 8, "Sunday is 0"},
		{K8s, "0 0 L * *", "day of month", 4, "does not know"},
		{K8s, "0 0 * * 5#2", "day of week", 8, "does not know"},
		{K8s, ",, * * * *", "minute", 0, "the list is empty"},
		{"quartz", "* * * * *", "", 0, "no dialect"},
	} {
		_, err := Parse(c.expr, c.dialect)
		wrong := new(SyntaxError)
		if !errors.As(err, &wrong) {
			t.Errorf("%s %q: %v, want a SyntaxError", c.dialect, c.expr, err)
			continue
		}
		if wrong.Field != c.field || wrong.Position != c.position || !strings.Contains(wrong.Error(), c.says) {
			t.Errorf("%s %q: field %q at %d: %v; want field %q at %d saying %q",
				c.dialect, c.expr, wrong.Field, wrong.Position, wrong, c.field, c.position, c.says)
		}
		if len(wrong.Error()) > 400 {
			t.Errorf("the message for %.20q… is %d bytes long", c.expr, len(wrong.Error()))
		}
	}
}

func TestCanonicalForm(t *testing.T) {
	for _, c := range []struct {
		dialect    Dialect
		expr, want string
	}{
		{"", "  5,1,3-7\t*  * * *  ", "1,3-7 * * * *"},
		{Unix, "@weekly", "0 0 * * 0"},
		{Unix, "0 0 * JAN-mar sun,MON,7", "0 0 * 1-3 0,1"},
		{Unix, "*,5 * * * *", "* * * * *"},
		{Unix, "*/15,7 * * * *", "*/15,7 * * * *"},
		{Unix, "*/1 * * * *", "* * * * *"},
		{Unix, "0-59 * * * *", "0-59 * * * *"}, // not a star: a fixed time
		{Unix, "5/15 * * * *", "5-50/15 * * * *"},
		{Unix, "0 0 L,LW,1 * 5L,1#2,3", "0 0 1,L,LW * 3,1#2,5L"},
		{Unix, "0 0 ? * 1", "0 0 * * 1"},
		{Vercel, "0 0 *,5 * 1", "0 0 1-31 * 1"},
		{Vercel, "0 0 * * 7", "0 0 * * 0"},
		{Cloudflare, "0 0 * * 2-6", "0 0 * * MON-FRI"},
		{Cloudflare, "0 0 * * 6L", "0 0 * * FRIL"},
		{Cloudflare, "0 0 L-3W * *", "0 0 L-3W * *"},
		{K8s, "0 0 5,* * ?", "0 0 * * *"},
	} {
		s, err := Parse(c.expr, c.dialect)
		if err != nil {
			t.Errorf("%q: %v", c.expr, err)
			continue
		}
		if got := s.String(); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.dialect, c.expr, got, c.want)
		}
	}
}

func TestParseDialect(t *testing.T) {
	for _, d := range Dialects() {
		if got, err := ParseDialect(strings.ToUpper(string(d))); err != nil || got != d {
			t.Errorf("ParseDialect(%q) = %q, %v", strings.ToUpper(string(d)), got, err)
		}
	}
	if d, err := ParseDialect(""); err != nil || d != Unix {
		t.Errorf("the default is %q, %v", d, err)
	}
	if _, err := ParseDialect("quartz"); err == nil || !strings.Contains(err.Error(), "cloudflare") {
		t.Errorf("ParseDialect(quartz): %v, want an error that lists the dialects", err)
	}
}

// meaning is a schedule without what is kept for messages only.
func meaning(s Schedule) Schedule {
	s.source, s.steps, s.wraps, s.dowDigits, s.dowSeven = "", [5]uint32{}, [5]bool{}, false, false
	return s
}

// checkCanonical fails unless the canonical form means the same and is its own
// canonical form.
func checkCanonical(s Schedule) error {
	text := s.String()
	again, err := Parse(text, s.dialect)
	if err != nil {
		return fmt.Errorf("%s %q: canonical form %q: %w", s.dialect, s.source, text, err)
	}
	if meaning(again) != meaning(s) {
		return fmt.Errorf("%s %q: canonical form %q means %+v, want %+v", s.dialect, s.source, text, meaning(again), meaning(s))
	}
	if again.String() != text {
		return fmt.Errorf("%s %q: canonical form %q has the canonical form %q", s.dialect, s.source, text, again)
	}
	return nil
}

func TestParsedSetsAndCanonicalFormOfRandomExpressions(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 5000 {
		x := newRandomExpr(r)
		for _, d := range Dialects() {
			s, err := Parse(x.text, d)
			if err != nil {
				if d == Unix {
					t.Fatal(err)
				}
				continue // what the others refuse is tested by name
			}
			if err := checkCanonical(s); err != nil {
				t.Fatal(err)
			}
			if d == Unix {
				sets := [5]uint64{s.minute, uint64(s.hour), uint64(s.dom), uint64(s.month), uint64(s.dow)}
				for i, values := range x.values {
					for v := range 64 {
						if values[v] != (sets[i]&(1<<v) != 0) {
							t.Fatalf("%q: %s %d is %v, want %v", x.text, fieldNames[i], v, !values[v], values[v])
						}
					}
				}
			}
		}
	}
}
