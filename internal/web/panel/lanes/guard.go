package lanes

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

const (
	guardsPath = "/admin/environments/guards"
	untilForm  = "2 Jan 15:04 MST"
)

// guarded says across the page what stands in front of production, and on the
// button what it will meet. ops are the newest operations.
func (v *View) guarded(g release.Guards, ops []release.Operation, s status.Status, by panel.Viewer) {
	path := guardsPath
	if by.Project != "" {
		path += "?" + url.Values{"project": {by.Project}}.Encode()
	}
	name := ui.Name(g.Environment)
	if len(ops) > 0 && ops[0].Glass != nil && !ops[0].Phase.Ended() {
		v.banner(Banner{
			Icon: "failed", Tone: ui.Bad, Head: "The glass is broken.", Text: ui.Reason(ops[0].By.Name + " passes what stood in the way: " + ops[0].Reason),
			Path: operationPath + url.PathEscape(ops[0].ID), Do: "Watch it",
		})
	}
	for _, h := range g.Holds {
		v.banner(Banner{
			Icon: "lock", Tone: ui.Bad, Head: name + " is held", Text: ui.Reason(fmt.Sprintf("by %s until %s: %s", h.By.Name, h.ExpiresAt.UTC().Format(untilForm), h.Reason)),
			Path: path, Do: "Lift it",
		})
	}
	if w := g.Frozen; w != nil {
		v.banner(Banner{Icon: "lock", Tone: ui.Warn, Head: name + " is frozen", Text: ui.Reason("until " + w.Until.UTC().Format(untilForm) + ": " + w.Reason), Path: path, Do: "See the freezes"})
	}
	if w := g.Freezing; w != nil {
		v.banner(Banner{Icon: "stale", Tone: ui.Quiet, Head: "A freeze begins", Text: ui.Reason(w.From.UTC().Format(untilForm) + ": " + w.Reason), Path: path, Do: "See the freezes"})
	}
	v.pinned(g.Pin, s, path)
	v.outside(ops, s, by.Now)
	waits := slices.DeleteFunc(slices.Clone(g.Waiting), func(ap release.Approval) bool { return ap.State != release.ApprovalOpen })
	if len(waits) > 0 {
		v.banner(Banner{
			Icon: "queued", Tone: ui.Busy, Head: ui.Text(ui.Plural(len(waits), "request waits", "requests wait") + " for an approval"),
			Text: ui.Reason(waits[0].By.Name + " asks: " + waits[0].Reason), At: waits[0].CreatedAt, Path: path, Do: "Look and decide",
		})
	}
	if v.Promotion == nil {
		return
	}
	switch {
	case len(g.Holds) > 0:
		v.Promotion.Guard = ui.Reason("Held by " + g.Holds[0].By.Name)
	case g.Frozen != nil:
		v.Promotion.Guard = ui.Reason("Frozen until " + g.Frozen.Until.UTC().Format(untilForm))
	}
	for i := range v.Lanes {
		if v.Lanes[i].Production && v.Promotion.Guard != "" {
			v.Lanes[i].Guard = &ui.Badge{Icon: "lock", Word: strings.SplitN(string(v.Promotion.Guard), " ", 2)[0], Tone: ui.Warn}
		}
	}
}

// outside notes on production's lane that somebody moved it on the platform
// itself.
func (v *View) outside(ops []release.Operation, s status.Status, now time.Time) {
	live := liveCommit(s)
	left, moved := release.MovedOutside(ops, production(s), live, now)
	if !moved {
		return
	}
	for j := range v.Lanes {
		if v.Lanes[j].Production {
			v.Lanes[j].Notes = append(v.Lanes[j].Notes, Note{
				Icon: "split", Tone: ui.Warn,
				Text: ui.Reason("Moved outside of envdeck: the last release here left " + short(left) + " live, and the platform shows " + live + "."),
			})
		}
	}
}

// production is the name of the production environment, "" when there is none.
func production(s status.Status) string {
	for name, e := range s.Environments {
		if e != nil && e.Kind == string(catalog.Production) {
			return name
		}
	}
	return ""
}

func (v *View) banner(b Banner) { v.Banners = append(v.Banners, b) }

// pinned says that production rests on a rollback. The platform says whether
// it does; who took it back and why is known of those that envdeck made.
func (v *View) pinned(p *release.Pin, s status.Status, path string) {
	live := liveCommit(s)
	pinned := false
	for i := range v.Lanes {
		if !v.Lanes[i].Production {
			continue
		}
		v.Lanes[i].Notes = slices.DeleteFunc(v.Lanes[i].Notes, func(n Note) bool {
			pinned = pinned || n.Icon == "pin"
			return n.Icon == "pin"
		})
	}
	if !pinned {
		return
	}
	b := Banner{Icon: "pin", Tone: ui.Warn, Head: "Rolled back.", Path: path, Do: "Resume"}
	const stays = "Pushes to the production branch do not go live."
	switch {
	case p == nil || p.To == nil || live != "" && p.To.Commit != "" && !strings.HasPrefix(p.To.Commit, live):
		b.Head, b.Text = "Rolled back outside of envdeck.", "Somebody took production back on the platform itself. "+stays
	default:
		who := p.By.Name
		if p.Automatic {
			who = "envdeck itself"
		}
		b.Head = ui.Reason(fmt.Sprintf("Rolled back from %s to %s", short(p.From), short(p.To)))
		b.Text = ui.Reason(fmt.Sprintf("by %s, because %s %s", who, sentence(p.Reason), stays))
		b.At = p.At
	}
	v.banner(b)
}

func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return "nobody said why."
	}
	if strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}

func short(b *release.Build) string {
	switch {
	case b == nil:
		return "an unknown build"
	case b.Commit != "":
		return b.Commit[:min(7, len(b.Commit))]
	default:
		return b.ID
	}
}

func liveCommit(s status.Status) string {
	for _, e := range s.Environments {
		if e != nil && e.Kind == string(catalog.Production) && e.Commit != nil {
			return *e.Commit
		}
	}
	return ""
}
