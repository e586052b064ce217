package lanes

import (
	"net/url"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

const (
	promotePath   = "/admin/environments/promote"
	operationPath = "/admin/environments/operations/"

	// livePace is how often the page asks while a release runs, in seconds.
	livePace = 3
)

// released puts the newest operation of each environment into its lane, and
// the way to promote between them. ops are the newest first.
func (v *View) released(ops []release.Operation, by panel.Viewer) {
	for i := range v.Lanes {
		lane := &v.Lanes[i]
		for j := range ops {
			if ui.Name(ops[j].Environment) == lane.Name {
				lane.Release = newRelease(&ops[j])
				break
			}
		}
		if lane.Release != nil && lane.Release.Running {
			lane.Lifecycle = ui.Badge{Icon: "deploying", Word: "Deploying…", Tone: ui.Busy}
			lane.LifecycleWhy = ""
		}
	}
	if v.Promotion == nil {
		return
	}
	p := v.Promotion
	for i := range v.Lanes {
		if r := v.Lanes[i].Release; v.Lanes[i].ID == p.Before && r != nil && r.Running {
			p.Watch = r.Path
		}
	}
	switch {
	case p.Watch != "":
	case !access.Permits(by.Actor, access.Promote):
		p.ActWhy = "Only a SUPER_ADMIN can promote."
	case p.Same:
		p.ActWhy = "Nothing waits to be promoted."
	default:
		q := url.Values{"from": {string(p.From)}}
		if by.Project != "" {
			q.Set("project", by.Project)
		}
		p.Act = promotePath + "?" + q.Encode()
	}
}

// newRelease is what of an environment's newest operation is worth a line in
// the lane: one that ended badly is said until another follows. Nil for one
// that ended well.
func newRelease(op *release.Operation) *Release {
	r := &Release{Path: operationPath + op.ID, Text: ui.Reason(op.Message)}
	switch {
	case !op.Phase.Ended():
		r.Running, r.Icon, r.Tone = true, "deploying", ui.Busy
		return r
	case op.Phase == release.RolledBack:
		r.Icon, r.Tone = "degraded", ui.Warn
	case op.Phase == release.RollbackFailed || op.Phase == release.NeedsHuman:
		r.Icon, r.Tone = "failed", ui.Bad
	default:
		return nil
	}
	return r
}
