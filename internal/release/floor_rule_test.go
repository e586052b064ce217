package release

import (
	"strings"
	"testing"
)

// TestFootings is the rule of the floor: what lies between a release and the
// one before decides for everything older.
func TestFootings(t *testing.T) {
	file := func(class SchemaClass) []SheetMigration {
		return []SheetMigration{{Path: "m/" + string(class) + ".sql", Class: class, Reason: "because."}}
	}
	gone := file(SchemaContract)
	gone[0].Gone = true
	both := append(file(SchemaUnknown), file(SchemaContract)...)
	for name, c := range map[string]struct {
		strides []stride
		want    string
	}{
		"no migrations":               {[]stride{{}, {}}, "ok ok"},
		"only additions":              {[]stride{{migrations: file(SchemaExpand)}, {migrations: file(SchemaExpand)}}, "ok ok"},
		"a contract last":             {[]stride{{migrations: file(SchemaContract)}, {}, {migrations: file(SchemaExpand)}}, "below below below"},
		"a contract long ago":         {[]stride{{}, {migrations: file(SchemaContract)}, {}}, "ok below below"},
		"unknown, then a contract":    {[]stride{{migrations: file(SchemaUnknown)}, {migrations: file(SchemaContract)}}, "unknown below"},
		"unknown, then an addition":   {[]stride{{migrations: file(SchemaUnknown)}, {migrations: file(SchemaExpand)}}, "unknown unknown"},
		"a contract beside unknown":   {[]stride{{migrations: both}}, "below"},
		"could not be read":           {[]stride{{unread: "github is down."}, {}}, "unknown unknown"},
		"could not be read, contract": {[]stride{{unread: "x."}, {migrations: file(SchemaContract)}}, "unknown below"},
		"a word that is none of ours": {[]stride{{migrations: file("harmless")}}, "unknown"},
		"what the newer one dropped":  {[]stride{{migrations: gone}}, "ok"},
	} {
		got := []string{}
		for _, f := range footings(c.strides) {
			got = append(got, string(f.Stand))
			if f.Why == "" {
				t.Errorf("%s: a footing without a reason", name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, and should be %q", name, got, c.want)
		}
	}
}

// TestWhatStops holds a rollback by rule to its footing.
func TestWhatStops(t *testing.T) {
	for _, c := range []struct {
		footing *Footing
		rules   Rules
		cause   Cause
		stops   bool
	}{
		{nil, Rules{}, "", false},
		{&Footing{Stand: StandsOK}, Rules{}, "", false},
		{&Footing{Stand: StandsBelow, Path: "a"}, Rules{}, CauseBelowFloor, true},
		{&Footing{Stand: StandsBelow, Path: "a"}, Rules{BackOnUnknown: true}, CauseBelowFloor, true},
		{&Footing{Stand: StandsUnknown, Path: "a"}, Rules{}, CauseSchemaUnknown, true},
		{&Footing{Stand: StandsUnknown, Path: "a"}, Rules{BackOnUnknown: true}, CauseSchemaUnknown, false},
		{&Footing{Stand: StandsUnknown}, Rules{}, "", false},
	} {
		if cause, stops := c.footing.stops(c.rules); cause != c.cause || stops != c.stops {
			t.Errorf("%+v: %q %v, and should be %q %v", c.footing, cause, stops, c.cause, c.stops)
		}
	}
}

func TestHostileMigrations(t *testing.T) {
	m := SheetMigration{Path: "a\x1b[31m\u202e.sql", Reason: "x\ny", Statements: []SheetStatement{{Text: "DROP\n\tTABLE \u202e\x00a" + strings.Repeat("x", 3000), Class: SchemaContract}}}
	for range 100 {
		m.Statements = append([]SheetStatement{{Line: 1, Text: "SELECT 1", Class: SchemaExpand}}, m.Statements...)
	}
	got := m.fit()
	last := got.Statements[len(got.Statements)-1]
	if got.More != 61 || len(got.Statements) != mostStatements {
		t.Errorf("%d statements are shown, and %d more", len(got.Statements), got.More)
	}
	kept := false
	for _, s := range got.Statements {
		kept = kept || s.Class == SchemaContract
		if len([]rune(s.Text)) > statementLimit+1 || strings.ContainsAny(s.Text, "\x00\u202e\x1b") {
			t.Errorf("a text of %d letters: %.60q", len(s.Text), s.Text)
		}
	}
	if !kept || strings.ContainsAny(got.Path+got.Reason, "\x1b\u202e\n") {
		t.Errorf("%q %q, the contract is kept: %v %v", got.Path, got.Reason, kept, last.Class)
	}
}
