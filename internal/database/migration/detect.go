package migration

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Found is a table that a database has.
type Found struct {
	Schema  string
	Name    string
	Columns []string
}

// Candidates are the names of the tables that any tool could keep count in,
// and of those that tell two of them apart. One tool alone: those of its own.
func Candidates(only Tool) []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range Names() {
		for _, t := range tools[name].Tables() {
			if only == nil || only.Name() == name {
				add(t.Name)
				add(t.Beside)
				add(t.Alone)
			}
		}
	}
	// A project may have moved from the one to the other.
	if only != nil && only.Name() == "prisma" {
		add("marker")
	}
	return names
}

// Choice is a tool and the table in which it keeps count.
type Choice struct {
	Tool    Tool
	Schema  string
	Table   string
	Columns []string // those of the tool's that the table has
}

// ErrNoTable says that none of the tables is there.
var ErrNoTable = errors.New("no table of a tool that moves schemas is there")

// Choose finds the table that counts. Tool may be nil: the tables then say
// which it is, with the folder's help where several tools share one. Home is
// the schema that the connection looks in first.
func Choose(tool Tool, found []Found, folder []string, home string) (Choice, error) {
	if tool != nil && tool.Name() == "prisma" {
		// Prisma 8 leaves the old table where it is.
		if c, ok := pick(prismaNext{}, found, home); ok && c.Schema == "prisma_contract" {
			return c, nil
		}
	}
	var fits []Choice
	for _, name := range Names() {
		if tool != nil && tool.Name() != name {
			continue
		}
		if c, ok := pick(tools[name], found, home); ok {
			fits = append(fits, c)
		}
	}
	if len(fits) > 1 {
		if t := DetectFolder(folder); t != nil {
			fits = slices.DeleteFunc(fits, func(c Choice) bool { return c.Tool.Name() != t.Name() })
		}
	}
	switch len(fits) {
	case 0:
		return Choice{}, ErrNoTable
	case 1:
		return fits[0], nil
	}
	var names []string
	for _, c := range fits {
		names = append(names, c.Tool.Name())
	}
	return Choice{}, fmt.Errorf("the tables of several tools are there (%s)", strings.Join(names, ", "))
}

// pick finds a tool's table: in its own schema, else where the connection
// looks first, else in the one schema that has it.
func pick(tool Tool, found []Found, home string) (Choice, bool) {
	for _, t := range tool.Tables() {
		var fits []Found
		for _, f := range found {
			if f.Name == t.Name && t.fits(f, found) && (t.Schema == "" || f.Schema == t.Schema) {
				fits = append(fits, f)
			}
		}
		for _, schema := range []string{t.Schema, home, "public"} {
			for _, f := range fits {
				if f.Schema == schema {
					return t.choice(tool, f), true
				}
			}
		}
		if len(fits) == 1 {
			return t.choice(tool, fits[0]), true
		}
	}
	return Choice{}, false
}

func (t Table) fits(f Found, all []Found) bool {
	for _, c := range t.Columns[:t.Must] {
		if !slices.Contains(f.Columns, c) {
			return false
		}
	}
	for _, c := range t.Strange {
		if slices.Contains(f.Columns, c) {
			return false
		}
	}
	there := func(name string) bool {
		return slices.ContainsFunc(all, func(o Found) bool { return o.Name == name && o.Schema == f.Schema })
	}
	return (t.Beside == "" || there(t.Beside)) && (t.Alone == "" || !there(t.Alone))
}

func (t Table) choice(tool Tool, f Found) Choice {
	c := Choice{Tool: tool, Schema: f.Schema, Table: f.Name}
	for _, column := range t.Columns {
		if slices.Contains(f.Columns, column) {
			c.Columns = append(c.Columns, column)
		}
	}
	return c
}

var folderSigns = []struct {
	tool string
	sign *regexp.Regexp
}{
	{"prisma", regexp.MustCompile(`^(migration_lock\.toml|[^/]+/migration\.sql)$`)},
	{"drizzle", regexp.MustCompile(`^meta/_journal\.json$`)},
	{"golang-migrate", regexp.MustCompile(`^[0-9]+_[^/]*\.up\.[^/.]+$`)},
	{"flyway", regexp.MustCompile(`^(.*/)?([VU][0-9._]+|R)__[^/]+\.(sql|java|kt)$`)},
	{"rails", regexp.MustCompile(`^(.*/)?[0-9]+_[_a-z0-9.]+\.rb$`)},
	{"ecto", regexp.MustCompile(`^[0-9]+_[^/]+\.exs$`)},
	{"typeorm", regexp.MustCompile(`^[0-9]{13}-[^/]+\.[cm]?[jt]s$`)},
}

// DetectFolder says which tool a folder's files belong to, nil where their
// names alone do not say.
func DetectFolder(paths []string) Tool {
	for _, s := range folderSigns {
		if slices.ContainsFunc(paths, func(p string) bool { return s.sign.MatchString(path.Clean(p)) }) {
			return tools[s.tool]
		}
	}
	return nil
}
