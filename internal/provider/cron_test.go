package provider_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/provider"
)

// timetable reads "path schedule; path schedule".
func timetable(text string) (jobs []provider.CronJob) {
	for one := range strings.SplitSeq(text, ";") {
		if path, schedule, ok := strings.Cut(strings.TrimSpace(one), " "); ok {
			jobs = append(jobs, provider.CronJob{Path: path, Schedule: schedule})
		}
	}
	return jobs
}

func TestCronChanges(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		want          []provider.CronChange
	}{
		"the same in another order": {"/a 1; /b 2", "/b 2; /a 1", nil},
		"nothing to something":      {"", "/a 1", []provider.CronChange{{"/a", "", "1"}}},
		"something to nothing":      {"/a 1", "", []provider.CronChange{{"/a", "1", ""}}},
		"another schedule":          {"/a 1; /b 2", "/a 3; /b 2", []provider.CronChange{{"/a", "1", "3"}}},
		"all three":                 {"/a 1; /b 2; /z 9", "/b 3; /c 4; /z 9", []provider.CronChange{{"/a", "1", ""}, {"/b", "2", "3"}, {"/c", "", "4"}}},
		"one of two schedules":      {"/a 1; /a 2", "/a 1; /a 3", []provider.CronChange{{"/a", "2", "3"}}},
		"a second schedule":         {"/a 1", "/a 1; /a 2", []provider.CronChange{{"/a", "", "2"}}},
		"nobody knows which":        {"/a 1; /a 2", "/a 3; /a 4", []provider.CronChange{{"/a", "", "3"}, {"/a", "", "4"}, {"/a", "1", ""}, {"/a", "2", ""}}},
		"said twice":                {"/a 1; /a 1", "/a 1", nil},
	} {
		if diff := cmp.Diff(c.want, provider.CronChanges(timetable(c.before), timetable(c.after))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
