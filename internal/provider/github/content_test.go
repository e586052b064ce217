package github_test

import (
	"testing"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider/github"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// TestFilesOfTheRepository reads files as they are at a commit, says what is
// none, and takes nothing else for one.
func TestFilesOfTheRepository(t *testing.T) {
	simulate(t, "good", "", func(t *testing.T, c *github.Client, w *world.World, x *wire.Exchange) {
		_, head := span(w)
		var want string
		w.View(func(s *world.State) { want = s.Files(head)["vercel.json"] })
		got, err := c.File(t.Context(), "/vercel.json", head)
		if err != nil || string(got) != want || want == "" {
			t.Fatalf("vercel.json is %q, %v; want %q", got, err, want)
		}
		if _, err := c.File(t.Context(), "vercel.json", ""); err != nil {
			t.Errorf("of the default branch: %v", err)
		}
		for what, ask := range map[string]struct {
			path, ref string
			kind      fault.Kind
		}{
			"no such file":         {"prisma/none.sql", head, fault.NotFound},
			"a folder":             {"prisma", head, fault.NotFound},
			"no such commit":       {"vercel.json", "0123456789012345678901234567890123456789", fault.NotFound},
			"out of the folder":    {"../secret", head, fault.Invalid},
			"the root":             {"/", head, fault.Invalid},
			"a ref like an option": {"vercel.json", "--upload-pack", fault.Invalid},
		} {
			if _, err := c.File(t.Context(), ask.path, ask.ref); fault.KindOf(err) != ask.kind {
				t.Errorf("%s: %v, and should be %v", what, err, ask.kind)
			}
		}
		if _, err := x.Faults.Add(wire.Rule{Provider: "github", Preset: "bad_gateway"}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.File(t.Context(), "vercel.json", head); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("GitHub is down: %v", err)
		}
	})
}
