package expr

import (
	"bufio"
	"compress/gzip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAgainstCronsim holds the engine against another implementation, written
// by other people (testdata/cronsim/README.md). A difference has to be
// explained by a look at every minute of real time; the ten that are known may
// not become more.
func TestAgainstCronsim(t *testing.T) {
	f, err := os.Open("testdata/cronsim/runs.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	cases, explained := 0, 0
	for lines := bufio.NewScanner(z); lines.Scan(); cases++ {
		part := strings.Split(lines.Text(), "\t")
		zone, err := time.LoadLocation(part[0])
		if err != nil {
			t.Fatal(err)
		}
		from, err := time.Parse("2006-01-02T15:04Z07:00", part[1])
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(part[2], Unix)
		if err != nil {
			t.Fatalf("%q: %v", part[2], err)
		}
		got := s.NextN(from, zone, 5)
		if text := minutesSince(from, got); text != part[3] {
			if seen := shownMinutes(part[2], from, got[len(got)-1], zone); slices.EqualFunc(got, seen, time.Time.Equal) {
				explained++
				continue
			}
			t.Errorf("%s from %s, %q:\n   ours %s\ncronsim %s", part[0], from.In(zone), part[2], text, part[3])
		}
	}
	if cases != 10_000 || explained > 10 {
		t.Errorf("%d cases, %d explained differences: want 10000 and at most 10", cases, explained)
	}
}

func minutesSince(from time.Time, runs []time.Time) string {
	var all []string
	for _, at := range runs {
		all = append(all, strconv.Itoa(int(at.Sub(from)/time.Minute)))
	}
	return strings.Join(all, " ")
}

// shownMinutes is every minute that the clock on the wall shows and the expression
// names: what cron(8) says of a job that begins with a star, worked out without
// the engine. nil for a job that does not.
func shownMinutes(expression string, from, to time.Time, zone *time.Location) (all []time.Time) {
	fields := strings.Fields(expression)
	if !strings.HasPrefix(fields[0], "*") && !strings.HasPrefix(fields[1], "*") {
		return nil
	}
	limits := [5][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}
	named := func(i, value int) bool { return names(fields[i], value, limits[i]) }
	for at := from.Add(time.Minute); !at.After(to); at = at.Add(time.Minute) {
		wall := at.In(zone)
		weekday := int(wall.Weekday())
		dom, dow := named(2, wall.Day()), named(4, weekday) || weekday == 0 && named(4, 7)
		day := dom || dow
		if strings.HasPrefix(fields[2], "*") || strings.HasPrefix(fields[4], "*") {
			day = dom && dow
		}
		if day && named(0, wall.Minute()) && named(1, wall.Hour()) && named(3, int(wall.Month())) {
			all = append(all, at)
		}
	}
	return all
}

// names says whether a field of numbers, lists, ranges and steps names a value.
func names(field string, value int, limit [2]int) bool {
	return slices.ContainsFunc(strings.Split(field, ","), func(item string) bool {
		span, step, stepped := strings.Cut(item, "/")
		lo, hi := limit[0], limit[1]
		if span != "*" {
			a, b, ranged := strings.Cut(span, "-")
			lo, _ = strconv.Atoi(a)
			if hi = lo; ranged {
				hi, _ = strconv.Atoi(b)
			}
		}
		by := 1
		if stepped {
			by, _ = strconv.Atoi(step)
		}
		return value >= lo && value <= hi && (value-lo)%by == 0
	})
}
