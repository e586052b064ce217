package migration

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tool is the rules of one tool.
type Tool interface {
	// Name is the tool's, as it is written in the configuration.
	Name() string
	// Tables are where it keeps count, the most likely one first.
	Tables() []Table
	// Wants says that the text of a file is needed to tell what it is.
	Wants(path string) bool
	// List picks the migrations of a folder, in the order in which the tool
	// takes them. The error is for people: the tool itself would refuse the
	// folder.
	List(f Folder) ([]Migration, error)
	// Judge compares what was applied with the list.
	Judge(rows []Row, list List) Standing
}

// Table is a table that a tool may keep count in.
type Table struct {
	Schema  string // "" is wherever the connection looks first
	Name    string
	Columns []string // without any of the first Must of them it is another tool's
	Must    int
	// Strange are columns by which it is known to be another tool's.
	Strange []string
	// Beside is a table that must be there too, "" for none; Alone is one that
	// must not be.
	Beside, Alone string
}

// Folder is the folder of the migrations at one commit.
type Folder struct {
	Files []File
}

// File is one file of the folder.
type File struct {
	Path string // inside the folder, with slashes
	// Text is nil when it was not read.
	Text []byte
}

// text is the text of a file, nil when there is none or it was not read.
func (f Folder) text(path string) (text []byte, there bool) {
	for _, file := range f.Files {
		if file.Path == path {
			return file.Text, true
		}
	}
	return nil, false
}

// top are the files right in the folder, in the order of their names.
func (f Folder) top() []File {
	var out []File
	for _, file := range f.Files {
		if !strings.Contains(file.Path, "/") {
			out = append(out, file)
		}
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// Migration is one migration of the folder. It holds nothing of its text but
// sums.
type Migration struct {
	Name string `json:"name"` // for people
	Key  string `json:"key"`  // what its row is found by
	// Sums are what its row may hold for its text; none: it was not read, or
	// the tool keeps none.
	Sums []string `json:"sums,omitempty"`
	// When is what a tool orders by that keeps a time, in milliseconds.
	When int64 `json:"when,omitempty"`
	// Again says that it is applied again whenever its text has changed.
	Again bool `json:"again,omitempty"`
	// Guess says that the name was made of the file's, without its text.
	Guess bool `json:"guess,omitempty"`
}

// List is the migrations of a commit, or why they are not known.
type List struct {
	Known      bool
	Migrations []Migration
}

// Row is one row of the tool's table: the columns that are not NULL, as text.
// Times are in RFC 3339, numbers in decimal, truths "true" and "false".
type Row map[string]string

func (r Row) has(column string) bool { _, ok := r[column]; return ok }

func (r Row) whole(column string) int64 {
	text, _, _ := strings.Cut(r[column], ".") // a number that some drivers write with a fraction
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (r Row) truth(column string) bool { return r[column] == "true" || r.whole(column) != 0 }

func (r Row) moment(column string) time.Time {
	for _, form := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02 15:04:05.999999999-07:00"} {
		if t, err := time.Parse(form, r[column]); err == nil {
			return t
		}
	}
	if ms, err := strconv.ParseInt(r[column], 10, 64); err == nil {
		return time.UnixMilli(ms) // SQLite keeps what the tool likes
	}
	return time.Time{}
}

// Standing is how a database stands against a list. A nil slice is not known,
// an empty one is known to be empty; why it is not known is in Unknown under
// the field's name.
type Standing struct {
	Latest  string // the newest one that was applied, "" when none was
	Applied []string
	Pending []string
	Failed  []string
	// Skipped will never be applied by the tool, which does not say so.
	Skipped []string
	Edited  []string
	// RolledBack were marked as not applied after they had failed.
	RolledBack []string
	// DatabaseOnly were applied and are in no file: normal after a squash.
	DatabaseOnly []string
	Unknown      map[string]string
}

// Fields of a standing that may be unknown.
const (
	Latest   = "latest"
	Applied  = "applied"
	Pending  = "pending"
	Failed   = "failed"
	Skipped  = "skipped"
	Edited   = "edited"
	OnlyInDB = "databaseOnly"
)

func (s *Standing) unknown(why string, fields ...string) {
	if s.Unknown == nil {
		s.Unknown = map[string]string{}
	}
	for _, f := range fields {
		s.Unknown[f] = why
	}
}

// noList is said of what depends on the list of files.
const noList = "Which migrations the commit has is not known."

// tools are all of them, by name.
var tools = func() map[string]Tool {
	all := map[string]Tool{}
	for _, t := range []Tool{prisma{}, prismaNext{}, drizzle{}, goose{}, golangMigrate{}, flyway{}, rails{}, knex{}, typeorm{}, kysely{}, nodePgMigrate{}, dbmate{}, ecto{}} {
		all[t.Name()] = t
	}
	return all
}()

// Named is the tool of a name, nil when there is none.
func Named(name string) Tool { return tools[name] }

// Names are the names of all tools, sorted.
func Names() []string { return slices.Sorted(maps.Keys(tools)) }

// Ledger is what a database says of itself.
type Ledger struct {
	Tool string `json:"tool"` // whose table it is
	Rows []Row  `json:"rows"`
	// Empty says that the database has no tables at all, so nothing was
	// applied.
	Empty bool `json:"empty,omitempty"`
}
