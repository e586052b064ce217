package schema

import (
	"path"
	"regexp"
	"strings"
)

// shape is how a file of the folder is read.
type shape uint8

const (
	shapeNone shape = iota // not a migration, or the way back
	shapeSQL
	shapeCode
)

// notes are files beside migrations that no tool runs: locks, snapshots, text
// for people.
var notes = map[string]bool{
	".md": true, ".txt": true, ".toml": true, ".lock": true, ".snap": true, ".sum": true, ".prisma": true,
	".gitkeep": true, ".gitignore": true, ".gitattributes": true, ".editorconfig": true, ".keep": true,
}

// flywayUndo is a migration that takes another one back.
var flywayUndo = regexp.MustCompile(`^U[0-9][0-9._]*__`)

// shapeOf says what a file is to the tool that keeps the folder. What is not
// known to be left alone is a migration.
func shapeOf(tool, file string) shape {
	base := path.Base(file)
	ext := strings.ToLower(path.Ext(base))
	stem := strings.TrimSuffix(base, path.Ext(base))
	switch {
	case notes[ext], tool == "drizzle" && ext == ".json": // its snapshots
		return shapeNone
	case ext != ".sql":
		return shapeCode
	}
	switch tool {
	case "golang-migrate", "migrate":
		if strings.HasSuffix(stem, ".down") {
			return shapeNone
		}
	case "flyway":
		if flywayUndo.MatchString(base) {
			return shapeNone
		}
	case "prisma":
		if base != "migration.sql" { // Prisma runs no other
			return shapeNone
		}
	case "dbmate":
		if base == "schema.sql" { // its dump of the whole
			return shapeNone
		}
	}
	return shapeSQL
}

// order is what files are run by. Flyway's versions come first and its
// repeatable ones last; the rest goes by name.
func order(file string) string {
	dir, base := path.Split(file)
	if strings.HasPrefix(base, "R__") {
		return dir + "\xff" + base
	}
	// Numbers are compared as numbers: V2 before V10.
	return dir + digits.ReplaceAllStringFunc(base, func(n string) string {
		n = strings.TrimLeft(n, "0")
		return strings.Repeat("0", max(0, 20-len(n))) + n
	})
}

var digits = regexp.MustCompile(`[0-9]+`)

// mark is a comment that a tool divides its files with.
type mark struct {
	up, down *regexp.Regexp
	// needed says that a file without the first mark is none of the tool's.
	needed bool
	// begin and end hold a statement with semicolons together.
	begin, end *regexp.Regexp
}

// marks are the tools that keep both ways in one file. A comment is taken for
// a mark only where the tool itself takes it for one, to the letter: elsewhere
// what follows it is run.
var marks = map[string]mark{
	"goose": {
		up: regexp.MustCompile(`(?i)^\s*--\s*\+goose\s+Up\s*$`), down: regexp.MustCompile(`(?i)^\s*--\s*\+goose\s+Down\s*$`), needed: true,
		begin: regexp.MustCompile(`(?i)^\s*--\s*\+goose\s+StatementBegin\s*$`), end: regexp.MustCompile(`(?i)^\s*--\s*\+goose\s+StatementEnd\s*$`),
	},
	"sql-migrate": {
		up: regexp.MustCompile(`^-- \+migrate Up(\s|$)`), down: regexp.MustCompile(`^-- \+migrate Down(\s|$)`), needed: true,
		begin: regexp.MustCompile(`^-- \+migrate StatementBegin(\s|$)`), end: regexp.MustCompile(`^-- \+migrate StatementEnd(\s|$)`),
	},
	"dbmate":          {up: regexp.MustCompile(`^--\s*migrate:up(\s*$|\s+\S+)`), down: regexp.MustCompile(`^--\s*migrate:down(\s*$|\s+\S+)`), needed: true},
	"node-pg-migrate": {up: regexp.MustCompile(`(?i)^\s*--[\s-]*up\s+migration`), down: regexp.MustCompile(`(?i)^\s*--[\s-]*down\s+migration`)},
	"tern":            {down: regexp.MustCompile(`^---- create above / drop below ----\s*$`)},
}

// envsub is goose's way to put variables into statements.
var envsub = regexp.MustCompile(`(?im)^\s*--\s*\+goose\s+ENVSUB\s+ON\b`)

// forwards is the part of a file that runs forwards, in pieces that hold whole
// statements, or why it cannot be told.
func forwards(tool, text string) (parts []piece, why string) {
	if tool == "goose" && envsub.MatchString(text) {
		return nil, "goose puts variables into this file, so its statements are only known when it runs."
	}
	if tool == "drizzle" {
		at := 1
		for part := range strings.SplitSeq(text, "--> statement-breakpoint") {
			parts = append(parts, piece{part, at})
			at += strings.Count(part, "\n")
		}
		return parts, ""
	}
	m, marked := marks[tool]
	switch {
	case !marked, m.up != nil && !m.needed && !anyLine(m.up, text):
		return []piece{{text, 1}}, "" // what has no mark runs whole
	case m.needed && !anyLine(m.up, text):
		return nil, "The file has no mark of " + tool + " that says which part runs forwards."
	}
	return m.cut(text), ""
}

// cut takes the lines that run forwards.
func (m mark) cut(text string) (parts []piece) {
	up := m.up == nil
	now, begun := strings.Builder{}, 1
	flush := func(next int) {
		if now.Len() > 0 {
			parts = append(parts, piece{now.String(), begun})
		}
		now.Reset()
		begun = next
	}
	for i, l := range strings.SplitAfter(text, "\n") {
		switch {
		case m.up != nil && m.up.MatchString(l):
			flush(i + 2)
			up = true
		case m.down.MatchString(l):
			flush(i + 2)
			up = false
		case m.begin != nil && (m.begin.MatchString(l) || m.end.MatchString(l)):
			flush(i + 2)
		case up:
			now.WriteString(l)
		}
	}
	flush(0)
	return parts
}

func anyLine(r *regexp.Regexp, text string) bool {
	for l := range strings.Lines(text) {
		if r.MatchString(l) {
			return true
		}
	}
	return false
}
