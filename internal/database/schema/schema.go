package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Class is what a change of the schema means for the releases before it.
type Class string

// The classes.
const (
	Expand   Class = "expand"   // every older release keeps running
	Contract Class = "contract" // an older release may not
	Unknown  Class = "unknown"  // nobody can tell from the text
)

// weight orders the classes: what is worse is what counts.
func (c Class) weight() int {
	switch c {
	case Expand:
		return 0
	case Contract:
		return 2
	default:
		return 1
	}
}

// Worse is the worse of two classes: one contract change makes a file one.
func Worse(a, b Class) Class {
	if b.weight() > a.weight() {
		return b
	}
	return a
}

// File is one file of a folder of migrations, as it is at a commit.
type File struct {
	Path string
	Text []byte
	// Unreadable says why Text could not be had, "" when it could.
	Unreadable string
}

// Migration is a file with its verdict.
type Migration struct {
	Path   string
	Class  Class
	Reason string // of the worst statement, a whole sentence
	// Statements are in the order they run. A file that could not be read as
	// SQL has one, which is its beginning.
	Statements []Statement
}

// Statement is one statement with its verdict.
type Statement struct {
	Text   string // as it stands in the file, without the comments before it
	Line   int    // where it begins, from 1
	Class  Class
	Reason string
}

// Options say what the files are.
type Options struct {
	Tool string // prisma, drizzle, goose…: what the configuration calls it
	// Dialect is the database's, "" when it is not known: then each file is
	// read in the first dialect that understands all of it.
	Dialect Dialect
}

// Dialect is a database's SQL.
type Dialect string

// The dialects that are read.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
	MySQL    Dialect = "mysql" // MariaDB too
)

// Classify reads the migrations of one release in the order they run, which is
// that of their names. Files that are no migrations (locks, snapshots, notes,
// the way back) are left out.
func Classify(o Options, files []File) []Migration {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(order(a.Path), order(b.Path)) })
	known := newState()
	all := make([]Migration, 0, len(files))
	for _, f := range files {
		if m, ok := o.classify(f, known); ok {
			all = append(all, m)
		}
	}
	return all
}

// Concerns says whether a file of the folder is a migration that runs
// forwards, so that what is none needs not to be fetched.
func Concerns(tool, path string) bool { return shapeOf(tool, path) != shapeNone }

// classify reads one file; false when it is no migration.
func (o Options) classify(f File, known *state) (Migration, bool) {
	shape := shapeOf(o.Tool, f.Path)
	if shape == shapeNone {
		return Migration{}, false
	}
	m := Migration{Path: f.Path}
	if f.Unreadable != "" {
		known.forget()
		m.say(Statement{Line: 1, Class: Unknown, Reason: "The file could not be read: " + strings.TrimSuffix(f.Unreadable, ".") + "."})
		return m.sum(), true
	}
	text, why := plain(f.Text)
	switch {
	case why != "":
		known.forget()
		m.say(Statement{Line: 1, Class: Unknown, Reason: why})
	case shape == shapeCode:
		m.Statements = code(o.Tool, f.Path, text, known)
	default:
		m.Statements = o.script(text, known)
	}
	return m.sum(), true
}

func (m *Migration) say(s Statement) { m.Statements = append(m.Statements, s) }

// sum gives the file the worst class of its statements, and that one's reason.
func (m *Migration) sum() Migration {
	m.Class, m.Reason = Expand, "It changes nothing."
	for i, s := range m.Statements {
		if i == 0 || s.Class.weight() > m.Class.weight() {
			m.Class, m.Reason = s.Class, s.Reason
		}
	}
	return *m
}

// script reads the part of an SQL file that runs forwards.
func (o Options) script(text string, known *state) []Statement {
	part, why := forwards(o.Tool, text)
	if why != "" {
		known.forget()
		return []Statement{{Text: clip(strings.TrimSpace(text)), Line: 1, Class: Unknown, Reason: why}}
	}
	if o.Dialect != "" {
		said, _ := read(o.Dialect, part, known)
		return said
	}
	return anyDialect(part, known)
}

// anyDialect reads a script whose dialect is not known, in the first one that
// understands all of it. Where the dialects do not agree on what is a quote and
// what is a comment, one could hide a statement from another, so the worst of
// the readings counts.
func anyDialect(part []piece, known *state) []Statement {
	before := known.clone()
	said, whole := read(Postgres, part, known)
	torn := slices.ContainsFunc(part, func(p piece) bool { return ambiguous(p.text) })
	for _, d := range []Dialect{SQLite, MySQL} {
		if whole && !torn {
			break
		}
		other := before.clone()
		again, all := readAs(d, part, other, true)
		if all && (!whole || weightOf(again) > weightOf(said)) {
			said, whole = again, true
			*known = *other
		}
	}
	return said
}

func weightOf(all []Statement) int {
	class := Expand
	for _, s := range all {
		class = Worse(class, s.Class)
	}
	return class.weight()
}

// read judges every statement of a script; false when one did not parse.
func read(d Dialect, parts []piece, known *state) ([]Statement, bool) {
	return readAs(d, parts, known, false)
}

// readAs can leave off at the first statement that does not parse.
func readAs(d Dialect, parts []piece, known *state, allOrNothing bool) ([]Statement, bool) {
	all, whole := []Statement{}, true
	for _, p := range parts {
		for _, chunk := range split(d, p) {
			if len(all) == mostStatements {
				known.forget()
				return append(all, Statement{Line: chunk.line, Class: Unknown, Reason: fmt.Sprintf("The file has more than %d statements; the rest is not read.", mostStatements)}), false
			}
			acts, err := parse(d, chunk.text)
			if err != nil && allOrNothing {
				return nil, false
			}
			if err != nil {
				whole = false
				known.forget()
				all = append(all, Statement{Text: clip(chunk.text), Line: chunk.line, Class: Unknown, Reason: err.Error()})
				continue
			}
			if acts == nil { // nothing but comments
				continue
			}
			class, reason := known.judge(acts)
			all = append(all, Statement{Text: clip(chunk.text), Line: chunk.line, Class: class, Reason: reason})
		}
	}
	return all, whole
}

// mostStatements is how many statements of a file are read.
const mostStatements = 2000

// longestText is how much of a statement is shown.
const longestText = 4000

func clip(text string) string {
	if len(text) <= longestText {
		return text
	}
	cut := longestText
	for cut > 0 && text[cut]&0xC0 == 0x80 { // not in the middle of a letter
		cut--
	}
	return text[:cut] + "…"
}
