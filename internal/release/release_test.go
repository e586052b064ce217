package release_test

import (
	"testing"

	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func TestAGoodBuildIsPromotedProvenAndWatched(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk()
		op := r.end(d, r.promote(d).ID)
		want(t, op, release.Succeeded, "")
		if r.verbs() != "promote" || r.liveID() != r.staged.ID {
			t.Errorf("wrote %q, live is %s", r.verbs(), r.liveID())
		}
		if op.From.ID != r.live.ID || op.To.ID != r.staged.ID || op.Back.ID != r.live.ID {
			t.Errorf("from %v to %v back %v", op.From, op.To, op.Back)
		}
		r.verifyAudit()
	})
}

func TestABadBuildIsTakenBack(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk()
		r.change(func(s *world.State) {
			s.Deployment(r.staged.ID).LiveIlls = []world.Ill{{Kind: world.IllDatabase, After: 25_000_000_000}}
		})
		op := r.end(d, r.promote(d).ID)
		want(t, op, release.RolledBack, release.CauseSick)
		if r.verbs() != "promote rollback" || r.liveID() != r.live.ID || !op.Automatic {
			t.Errorf("wrote %q, live is %s, automatic %v", r.verbs(), r.liveID(), op.Automatic)
		}
		t.Log(show(op), r.audit())
		r.verifyAudit()
	})
}
