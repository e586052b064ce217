package release_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/database/schema"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// reader is the room that reads migrations, as the product has it.
type reader struct{}

func (reader) Concerns(path string) bool { return schema.Concerns("prisma", path) }

func (reader) Read(files []release.MigrationFile) []release.SheetMigration {
	in := []schema.File{}
	for _, f := range files {
		in = append(in, schema.File(f))
	}
	out := []release.SheetMigration{}
	for _, m := range schema.Classify(schema.Options{Tool: "prisma"}, in) {
		one := release.SheetMigration{Path: m.Path, Class: release.SchemaClass(m.Class), Reason: m.Reason}
		for _, s := range m.Statements {
			one.Statements = append(one.Statements, release.SheetStatement{Line: s.Line, Text: s.Text, Class: release.SchemaClass(s.Class), Reason: s.Reason})
		}
		out = append(out, one)
	}
	return out
}

func withSchema(o *release.Options) {
	for i := range o.Projects {
		o.Projects[i].Schema = reader{}
		o.Projects[i].Rules.Bake = 2 * time.Minute
	}
}

// stage makes a build with a migration the staged one, and waits for it.
func (r *rig) stage(name, sql string) {
	r.t.Helper()
	r.change(func(s *world.State) {
		_, d := s.PushCommit(world.Push{Branch: "main", Message: "feat(db): " + name, Author: s.People[1], Changes: []world.FileChange{world.MigrationFile(time.Now(), name, sql)}})
		r.staged = *d
	})
	waitFor(r, 10*time.Minute)
	r.sim.World().View(func(s *world.State) { r.staged = *s.Deployment(r.staged.ID) })
}

const (
	adds      = "-- AlterTable\nALTER TABLE \"User\" ADD COLUMN \"nick\" TEXT;\n"
	contracts = "-- AlterTable\nALTER TABLE \"User\" DROP COLUMN \"name\";\n"
	hides     = "DO $$ BEGIN EXECUTE 'SELECT 1'; END $$;\n"
)

// TestTheFloorStopsARollbackByRule: a release that is bad goes back by itself
// only where the build before it runs on the schema.
func TestTheFloorStopsARollbackByRule(t *testing.T) {
	down := world.Ill{Kind: world.IllDatabase, After: 25 * time.Second}
	for name, c := range map[string]struct {
		sql   string
		spoil func(*rig)
		ask   func(*release.PromoteRequest)
		rules func(*release.Options)
		phase release.Phase
		cause release.Cause
		stand release.Stand
		verbs string
	}{
		"it only adds":             {sql: adds, phase: release.RolledBack, cause: release.CauseSick, stand: release.StandsOK, verbs: "promote rollback"},
		"it takes a column away":   {sql: contracts, phase: release.NeedsHuman, cause: release.CauseBelowFloor, stand: release.StandsBelow, verbs: "promote"},
		"nobody can tell":          {sql: hides, phase: release.NeedsHuman, cause: release.CauseSchemaUnknown, stand: release.StandsUnknown, verbs: "promote"},
		"nobody can tell, allowed": {sql: hides, rules: func(o *release.Options) { o.Projects[0].Rules.BackOnUnknown = true }, phase: release.RolledBack, cause: release.CauseSick, stand: release.StandsUnknown, verbs: "promote rollback"},
		"the glass is broken": {
			sql: contracts, ask: func(q *release.PromoteRequest) { q.BreakGlass, q.Reason = "prod", "the shop is closed otherwise" },
			phase: release.RolledBack, cause: release.CauseSick, stand: release.StandsBelow, verbs: "promote rollback",
		},
		"its text cannot be read": {sql: adds, spoil: func(r *rig) {
			r.spoil(wire.Rule{Provider: "github", Method: "GET", Path: "*/contents/*", Preset: "bad_gateway"})
		}, phase: release.NeedsHuman, cause: release.CauseSchemaUnknown, stand: release.StandsUnknown, verbs: "promote"},
		"nothing can be compared": {
			sql: contracts, spoil: func(r *rig) { r.spoil(wire.Rule{Provider: "github", Preset: "hang"}) },
			phase: release.RolledBack, cause: release.CauseSick, stand: release.StandsUnknown, verbs: "promote rollback",
		},
		"github dies after the switch": {
			sql: contracts, spoil: func(r *rig) { r.spoil(wire.Rule{Provider: "github", Preset: "hang", After: 40}) },
			phase: release.NeedsHuman, cause: release.CauseBelowFloor, stand: release.StandsBelow, verbs: "promote",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				r.stage("change", c.sql)
				ill(r, down)
				if c.spoil != nil {
					c.spoil(r)
				}
				changes := []func(*release.Options){withSchema}
				if c.rules != nil {
					changes = append(changes, c.rules)
				}
				d, _ := r.desk(changes...)
				var asked []func(*release.PromoteRequest)
				if c.ask != nil {
					asked = append(asked, c.ask)
				}
				op := r.end(d, r.promote(d, asked...).ID)
				want(t, op, c.phase, c.cause)
				if op.Floor == nil || op.Floor.Stand != c.stand {
					t.Errorf("the floor is %+v, and should be %s", op.Floor, c.stand)
				}
				if got := r.verbs(); got != c.verbs {
					t.Errorf("written was %q, and should be %q", got, c.verbs)
				}
				r.verifyAudit()
			})
		})
	}
}

// TestGoingBelowTheFloorByHand: it takes one word more, and is never refused
// for good.
func TestGoingBelowTheFloorByHand(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		r.stage("change", contracts)
		d, _ := r.desk(withSchema)
		before := r.live.ID
		want(t, r.end(d, r.promote(d).ID), release.Succeeded, "")

		all, err := d.Targets(t.Context(), r.boss, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if c.Schema == nil || c.Schema.Stand == release.StandsOK {
				t.Errorf("%s stands %+v on a schema that lost a column since", c.Build.ID, c.Schema)
			}
			if c.Build.ID == before && (c.Schema.Stand != release.StandsBelow || !strings.Contains(c.Schema.Why, "name") || !c.Possible) {
				t.Errorf("the build before: possible %v, %+v", c.Possible, c.Schema)
			}
		}

		_, err = d.Rollback(t.Context(), r.boss, release.RollbackRequest{DeploymentID: before, Reason: "it is worse"})
		if no, ok := errors.AsType[*release.No](err); !ok || no.Cause != release.CauseBelowFloor || !strings.Contains(err.Error(), "belowFloor") {
			t.Fatalf("without the word it is answered with %v", err)
		}
		op, err := d.Rollback(t.Context(), r.boss, release.RollbackRequest{DeploymentID: before, Reason: "it is worse", BelowFloor: true})
		if err != nil {
			t.Fatal(err)
		}
		op = r.end(d, op.ID)
		want(t, op, release.Succeeded, "")
		if op.Floor == nil || op.Floor.Stand != release.StandsBelow || !op.Floor.Confirmed || r.liveID() != before {
			t.Errorf("it is at %s, and its floor is %+v", r.liveID(), op.Floor)
		}
		entries, err := r.db.AuditEntries(t.Context(), 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		recorded := 0
		for _, e := range entries {
			if strings.Contains(e.Detail, string(release.CauseBelowFloor)) {
				recorded++
			}
		}
		if recorded != 2 { // the refusal, and the act
			t.Errorf("%d entries of the audit log name the floor", recorded)
		}
		r.verifyAudit()
	})
}

// TestGoingBackByHandWithoutGitHub: what cannot be found out keeps nobody from
// going back.
func TestGoingBackByHandWithoutGitHub(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk(withSchema)
		r.spoil(wire.Rule{Provider: "github", Preset: "hang"})
		began := time.Now()
		op, err := d.Rollback(t.Context(), r.boss, release.RollbackRequest{Reason: "it is bad"})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it was accepted after %s", took)
		}
		op = r.end(d, op.ID)
		want(t, op, release.Succeeded, "")
		if op.Floor == nil || op.Floor.Stand != release.StandsUnknown {
			t.Errorf("its floor is %+v", op.Floor)
		}
	})
}

// TestTheSheetHasMigrationsByClass, with their text, and its hash knows them.
func TestTheSheetHasMigrationsByClass(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		r.stage("change", "-- AlterTable\nALTER TABLE \"User\" ADD COLUMN \"nick\" TEXT;\nDROP TABLE \"Old\";\n")
		d, _ := r.desk(withSchema)
		sheet, err := d.Compare(t.Context(), r.boss, "", "prod", r.staged.ID)
		if err != nil {
			t.Fatal(err)
		}
		var found *release.SheetMigration
		for i := range sheet.Schema {
			if strings.HasSuffix(sheet.Schema[i].Path, "_change/migration.sql") {
				found = &sheet.Schema[i]
			}
		}
		if found == nil || found.Class != release.SchemaContract || len(found.Statements) != 2 || found.Statements[1].Line != 3 || found.Statements[1].Text != `DROP TABLE "Old";` {
			t.Fatalf("the sheet has %+v", sheet.Schema)
		}
		r.spoil(wire.Rule{Provider: "github", Method: "GET", Path: "*/contents/*", Preset: "bad_gateway"})
		again, err := d.Compare(t.Context(), r.boss, "", "prod", r.staged.ID)
		if err != nil || again.Hash != sheet.Hash {
			t.Errorf("what was read once is read again: %v", err)
		}
		other, _ := r.desk(withSchema)
		blind, err := other.Compare(t.Context(), r.boss, "", "prod", r.staged.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range blind.Schema {
			if m.Class != release.SchemaUnknown || !strings.Contains(m.Reason, "could not be read") {
				t.Errorf("a file that cannot be read is %s: %s", m.Class, m.Reason)
			}
		}
		if blind.Hash == sheet.Hash {
			t.Error("a comparison that could not read its migrations has the same hash")
		}
	})
}
