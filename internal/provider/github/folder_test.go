package github_test

import (
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider/github"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func TestAFolderIsListedAndReadAtACommit(t *testing.T) {
	simulate(t, "good", "", func(t *testing.T, c *github.Client, w *world.World, _ *wire.Exchange) {
		_, head := span(w)
		want := map[string]string{}
		w.View(func(s *world.State) {
			for _, f := range s.Tree(head) {
				if below, ok := strings.CutPrefix(f.Path, "prisma/migrations/"); ok {
					want[below] = f.Text
				}
			}
		})
		folder, err := c.Folder(t.Context(), "prisma/migrations/", head)
		if err != nil {
			t.Fatal(err)
		}
		if folder.Incomplete || len(folder.Files) != len(want) || len(want) < 3 {
			t.Fatalf("%d files (incomplete: %v), want %d", len(folder.Files), folder.Incomplete, len(want))
		}
		texts, err := c.Texts(t.Context(), folder.Files)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range folder.Files {
			if text, ok := want[f.Path]; !ok || string(texts[f.ID]) != text || f.Size != len(text) {
				t.Errorf("%s of %d bytes is %q, want %q", f.Path, f.Size, texts[f.ID], text)
			}
		}
		if root, err := c.Folder(t.Context(), "prisma", head); err != nil || len(root.Files) <= len(folder.Files)-1 {
			t.Errorf("a folder of the root: %d files, %v", len(root.Files), err)
		}
		if _, err := c.Folder(t.Context(), "prisma/nowhere", head); !fault.Is(err, fault.NotFound) {
			t.Errorf("a folder that is not there: %v", err)
		}
		if _, err := c.Folder(t.Context(), "prisma/../secret", head); !fault.Is(err, fault.Invalid) {
			t.Errorf("a path that climbs out: %v", err)
		}
		if _, err := c.Folder(t.Context(), "prisma/migrations", sha(0xdead)); !fault.Is(err, fault.NotFound) {
			t.Errorf("a commit that is gone: %v", err)
		}
	})
}
