package release_test

import (
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/release"
)

func TestMovedOutside(t *testing.T) {
	now := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	long, justNow := now.Add(-time.Hour), now.Add(-time.Minute)
	build := func(commit string) *release.Build { return &release.Build{ID: "dpl_" + commit, Commit: commit} }
	done := func(phase release.Phase, ended time.Time) release.Operation {
		return release.Operation{Environment: "prod", Phase: phase, To: build("bbbbbbb"), Back: build("aaaaaaa"), EndedAt: &ended}
	}
	back := done(release.RolledBack, long)
	back.Work.BackTo = build("ccccccc")
	elsewhere := done(release.Succeeded, long)
	elsewhere.Environment = "next"
	nameless := done(release.Succeeded, long)
	nameless.To = build("")
	for name, c := range map[string]struct {
		ops    []release.Operation
		commit string
		left   string
		moved  bool
	}{
		"nothing was released":          {nil, "ddddddd", "", false},
		"as it was left":                {[]release.Operation{done(release.Succeeded, long)}, "bbbb", "bbbbbbb", false},
		"somebody else moved it":        {[]release.Operation{done(release.Succeeded, long)}, "ddddddd", "bbbbbbb", true},
		"the facts are on their way":    {[]release.Operation{done(release.Succeeded, justNow)}, "aaaaaaa", "bbbbbbb", false},
		"nobody knows what is live":     {[]release.Operation{done(release.Succeeded, long)}, "", "bbbbbbb", false},
		"a build without a commit":      {[]release.Operation{nameless}, "ddddddd", "", false},
		"went back, and stayed":         {[]release.Operation{done(release.RolledBack, long)}, "aaaaaaa", "aaaaaaa", false},
		"went back to a named one":      {[]release.Operation{back}, "aaaaaaa", "ccccccc", true},
		"the newest changed nothing":    {[]release.Operation{done(release.Refused, justNow), done(release.Succeeded, long)}, "ddddddd", "bbbbbbb", true},
		"one is under way":              {[]release.Operation{done(release.Switching, long), done(release.Succeeded, long)}, "ddddddd", "", false},
		"one of another environment":    {[]release.Operation{elsewhere}, "ddddddd", "", false},
		"one that nobody could tell of": {[]release.Operation{done(release.NeedsHuman, long), done(release.Succeeded, long)}, "ddddddd", "", false},
	} {
		left, moved := release.MovedOutside(c.ops, "prod", c.commit, now)
		got := ""
		if left != nil {
			got = left.Commit
		}
		if moved != c.moved || got != c.left {
			t.Errorf("%s: left %q, moved %v; want %q, %v", name, got, moved, c.left, c.moved)
		}
	}
}
