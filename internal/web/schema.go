package web

import (
	"cmp"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// migrationView is one file of migrations, with its statements.
type migrationView struct {
	Path       ui.Text
	Class      ui.Badge
	Reason     ui.Text
	Gone       bool
	Open       bool // its text is in sight at once
	Statements []statementView
	More       int
}

type statementView struct {
	Line   int
	Text   ui.Text
	Class  ui.Badge
	Reason ui.Text
}

// standView is how a build stands on the schema.
type standView struct {
	State ui.Badge
	Why   ui.Text
}

// classBadge is a class for people. What is not known to be safe is never
// green.
func classBadge(c release.SchemaClass) ui.Badge {
	switch c {
	case release.SchemaExpand:
		return ui.Badge{Icon: "ok", Word: "Only adds", Tone: ui.Good}
	case release.SchemaContract:
		return ui.Badge{Icon: "failed", Word: "Takes away", Tone: ui.Bad}
	default:
		return ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}
	}
}

// migrations shows the files by what weighs most.
func (v *changesView) migrations(sheet release.Sheet) {
	read := map[string]bool{}
	for _, m := range sheet.Schema {
		read[m.Path] = true
		one := migrationView{
			Path: ui.Reason(m.Path), Class: classBadge(m.Class), Reason: ui.Reason(m.Reason), Gone: m.Gone, More: m.More,
			Open: m.Class == release.SchemaContract && !m.Gone,
		}
		for _, s := range m.Statements {
			if s.Text == "" { // of a file that could not be read
				continue
			}
			one.Statements = append(one.Statements, statementView{s.Line, ui.Lines(s.Text), classBadge(s.Class), ui.Reason(s.Reason)})
		}
		v.Schema = append(v.Schema, one)
	}
	slices.SortStableFunc(v.Schema, func(a, b migrationView) int { return cmp.Compare(weight(b.Class), weight(a.Class)) })
	for _, m := range sheet.Migrations {
		if !read[m] {
			v.Files = append(v.Files, ui.Reason(m))
		}
	}
}

func weight(b ui.Badge) int {
	switch b.Tone {
	case ui.Good:
		return 0
	case ui.Bad:
		return 2
	default:
		return 1
	}
}

// schemaGates say whether production could go back after the release.
func schemaGates(sheet release.Sheet, now time.Time) []gate {
	worst := release.SchemaClass("")
	path := ""
	for _, m := range sheet.Schema {
		if !m.Gone && (worst == "" || weight(classBadge(m.Class)) > weight(classBadge(worst))) {
			worst, path = m.Class, m.Path
		}
	}
	g := gate{Name: "Can be taken back", At: now, State: passed(), Text: "Its migrations only add: what is live now runs on the schema that it leaves."}
	switch worst {
	case "":
		return nil
	case release.SchemaExpand:
	case release.SchemaContract:
		g.State = ui.Badge{Icon: "failed", Word: "No", Tone: ui.Bad}
		g.Text = ui.Reason("What is live now may not run on the schema that it leaves, because of " + path + ". When it is bad, envdeck asks instead of going back by itself.")
	default:
		g.State = ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}
		g.Text = ui.Reason("Whether what is live now runs on the schema that it leaves is not known, because of " + path + ".")
	}
	return []gate{g}
}

// newStand shows a footing, nil for none.
func newStand(f *release.Footing) *standView {
	if f == nil {
		return nil
	}
	v := &standView{State: ui.Badge{Icon: "unknown", Word: "Schema unknown", Tone: ui.Unknown}, Why: ui.Reason(f.Why)}
	switch f.Stand {
	case release.StandsOK:
		v.State = ui.Badge{Icon: "ok", Word: "Schema OK", Tone: ui.Good}
	case release.StandsBelow:
		v.State = ui.Badge{Icon: "failed", Word: "Below the floor", Tone: ui.Bad}
	}
	return v
}
