package release

import (
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// facts are what a decision before the switch rests on, all read just now.
type facts struct {
	live   provider.Live
	target provider.Deployment
}

// judgePromotion says why a build may not be promoted, nil when it may.
func judgePromotion(ask Ask, f facts, environment string) *refusal {
	if r := judgeCurrent(ask, f.live, environment); r != nil {
		return r
	}
	if r := judgeQuiet(f.live, environment); r != nil {
		return r
	}
	t := f.target
	switch {
	case t.ID == f.live.Deployment.ID:
		return no(CauseAlreadyLive, "%s is what %s serves already.", t.ID, environment)
	case t.State != provider.Ready:
		return no(CauseNotReady, "%s is %s and not READY. Wait for its build, or choose another one.", t.ID, hostile.Line(string(t.State), 40))
	case t.Target != provider.TargetProduction && !ask.Rebuild:
		return no(CausePreview, "%s was built for %s, with other variables than production's. Ask with rebuild to have it built for production first.", t.ID, where(t))
	case t.Target != provider.TargetProduction, ask.Rebuild:
		return nil
	case t.Stage == provider.Promoted && !undoes(f.live, t.ID):
		return no(CauseWasLive, "%s was live before, so it is rolled back to and not promoted.", t.ID)
	case t.Stage == provider.Rolling:
		return no(CauseRolling, "%s is being released gradually.", t.ID)
	}
	return nil
}

// judgeCurrent compares what the person saw with what is.
func judgeCurrent(ask Ask, live provider.Live, environment string) *refusal {
	if ask.ExpectedCurrent == "" || is(live.Deployment, ask.ExpectedCurrent) {
		return nil
	}
	return no(CauseMoved, "%s has changed since you looked: it serves %s (%s) now, and you expected %s. Look again, then decide.",
		environment, live.Deployment.ID, hostile.Short(live.Deployment.Commit), hostile.Line(ask.ExpectedCurrent, 100))
}

// judgeQuiet says whether something else is moving production.
func judgeQuiet(live provider.Live, environment string) *refusal {
	switch {
	case running(live.Switch):
		return no(CauseOtherSwitch, "The platform is moving %s to %s at this moment. Wait until that has ended.", environment, hostile.Line(live.Switch.To, 100))
	case live.Rolling:
		return no(CauseRolling, "A rolling release is set up for %s. envdeck promotes all at once and would complete it by accident: finish or switch it off on the platform first.", environment)
	case live.Split:
		return no(CauseSplit, "The domains of %s do not all point at the same build. Roll back to one, or finish the switch on the platform.", environment)
	}
	return nil
}

// judgeRollback says why production may not go back to a build, nil when it
// may. It knows no holds, freezes or approvals on purpose.
func judgeRollback(ask Ask, f facts, environment string) *refusal {
	if r := judgeCurrent(ask, f.live, environment); r != nil {
		return r
	}
	if f.target.ID == f.live.Deployment.ID && !f.live.Split {
		return no(CauseAlreadyLive, "%s is what %s serves already.", f.target.ID, environment)
	}
	return canGoBack(f.target)
}

// canGoBack says why production cannot go back to a build.
func canGoBack(t provider.Deployment) *refusal {
	switch {
	case t.State == provider.Deleted:
		return no(CauseNotKept, "%s was deleted on the platform.", t.ID)
	case t.State != provider.Ready:
		return no(CauseNotReady, "%s is %s and not READY.", t.ID, hostile.Line(string(t.State), 40))
	case t.Target != provider.TargetProduction:
		return no(CauseNeverLive, "%s was built for %s and was never live.", t.ID, where(t))
	case t.Stage == provider.Staged:
		return no(CauseNeverLive, "%s was never live: promote it instead.", t.ID)
	case t.RollbackCandidate != nil && !*t.RollbackCandidate:
		return no(CauseNotKept, "The platform does not let production go back to %s: its plan reaches back to the previous build only, or the build is not kept any more.", t.ID)
	}
	return nil
}

// where is what a build was made for, in words.
func where(d provider.Deployment) string {
	if d.Custom != "" {
		return d.Custom
	}
	return d.Target
}

// is says whether a build is the one that somebody named by id or commit.
func is(d provider.Deployment, name string) bool {
	commit := hostile.Commit(name)
	return d.ID == name || commit != "" && strings.HasPrefix(d.Commit, commit)
}

// undoes says that promoting the build takes back a rollback, which the
// platform allows though it was live before.
func undoes(live provider.Live, id string) bool {
	return live.RolledBack && live.Switch != nil && live.Switch.From == id
}

func running(s *provider.Switch) bool {
	return s != nil && (s.Status == "pending" || s.Status == "in-progress")
}

// sameSwitch says that two looks saw the same switch, which may have moved on.
// Times are the platform's own, so its clock may be as wrong as it likes.
func sameSwitch(a, b *provider.Switch) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.To == b.To && a.Kind == b.Kind && a.RequestedAt.Equal(b.RequestedAt)
}

// sign is what a look at production says of a change that was asked for.
type sign uint8

const (
	noSign  sign = iota // as before: nothing of it is to be seen
	moving              // it is under way
	arrived             // every domain points at the target
	partly              // it failed, and some domains had moved by then
	nothing             // it failed, and nothing had moved
	skipped             // the platform passed it over
	others              // somebody else moved, or moves, production
	waiting             // somebody else's switch was under way when we asked, and still is
)

// read says what production shows of a call.
func (c *Call) read(live provider.Live, from string) sign {
	at := live.Deployment.ID
	if at == c.Target && !live.Split {
		return arrived
	}
	sw := live.Switch
	switch {
	case sameSwitch(sw, c.Seen):
		if running(sw) && sw.To != c.Target {
			return waiting
		}
		if at != from && at != c.Target {
			return others
		}
		return noSign
	case sw == nil:
		return noSign
	case sw.To != c.Target:
		return others
	}
	switch sw.Status {
	case "failed":
		if pointsAt(live, c.Target) {
			return partly
		}
		return nothing
	case "skipped":
		return skipped
	default: // pending, in progress, succeeded a moment before the domains show it, or a new word
		return moving
	}
}

func pointsAt(live provider.Live, id string) bool {
	return slices.ContainsFunc(live.Domains, func(d provider.Domain) bool { return d.DeploymentID == id }) || live.Deployment.ID == id
}

// pickBack chooses where a rollback goes when nobody said: the newest build
// that a release of ours proved good, else what was live before this, else the
// newest that was live before. bad are builds that were rolled back from.
func pickBack(live provider.Live, candidates []provider.Deployment, verified []string, bad map[string]bool) (provider.Deployment, bool) {
	usable := func(id string) (provider.Deployment, bool) {
		i := slices.IndexFunc(candidates, func(d provider.Deployment) bool { return d.ID == id })
		if i < 0 || id == live.Deployment.ID || bad[id] || canGoBack(candidates[i]) != nil {
			return provider.Deployment{}, false
		}
		return candidates[i], true
	}
	for _, id := range verified { // newest first
		if d, ok := usable(id); ok {
			return d, true
		}
	}
	if s := live.Switch; s != nil && !live.RolledBack && s.To == live.Deployment.ID {
		if d, ok := usable(s.From); ok {
			return d, true
		}
	}
	for _, d := range candidates {
		if d, ok := usable(d.ID); ok && d.CreatedAt.Before(live.Deployment.CreatedAt) {
			return d, true
		}
	}
	return provider.Deployment{}, false
}

// served says whether a commit that a site names is a build's: sites name it
// short or in full.
func served(named, commit string) bool {
	named = hostile.Commit(named)
	return named != "" && commit != "" && strings.HasPrefix(commit, named)
}

// fresh is how old a look may be for a decision to rest on it.
const fresh = 10 * time.Second
