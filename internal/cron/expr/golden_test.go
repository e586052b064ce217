package expr

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestGolden checks the runs of testdata/runs.txt forwards with Next and
// backwards with Prev.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/runs.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for n, line := range strings.Split(string(data), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cols := strings.Split(line, "|")
		if len(cols) != 5 {
			t.Fatalf("line %d has %d columns, want 5", n+1, len(cols))
		}
		for i := range cols {
			cols[i] = strings.TrimSpace(cols[i])
		}
		cases++
		t.Run(strings.ReplaceAll(strings.Join(cols[:3], " "), "/", "|"), func(t *testing.T) { checkGolden(t, n+1, cols) })
	}
	if cases < 80 {
		t.Errorf("only %d cases were read", cases)
	}
}

func checkGolden(t *testing.T, line int, cols []string) {
	s, err := Parse(cols[2], Dialect(cols[0]))
	if err != nil {
		t.Fatalf("line %d: %v", line, err)
	}
	zone, err := time.LoadLocation(cols[1])
	if err != nil {
		t.Fatal(err)
	}
	after, err := time.Parse(time.RFC3339, cols[3])
	if err != nil {
		t.Fatal(err)
	}
	if cols[4] == "none" {
		if at, ok := s.Next(after, zone); ok {
			t.Errorf("line %d: Next = %s, want none", line, at)
		}
		return
	}
	want := strings.Fields(cols[4])
	var got []string
	runs := s.NextN(after, zone, len(want))
	for _, at := range runs {
		got = append(got, at.Format(time.RFC3339))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("line %d (-want +got):\n%s", line, diff)
	}
	for i := len(runs) - 1; i > 0; i-- {
		if at, ok := s.Prev(runs[i], zone); !ok || !at.Equal(runs[i-1]) {
			t.Errorf("line %d: Prev(%s) = %s, want %s", line, runs[i], at, runs[i-1])
		}
	}
}
