package release

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// SchemaClass is what a change of the schema means for the releases before it.
type SchemaClass string

// The classes. What is no word of these is unknown.
const (
	SchemaExpand   SchemaClass = "expand"
	SchemaContract SchemaClass = "contract"
	SchemaUnknown  SchemaClass = "unknown"
)

// SheetMigration is one file of migrations with what it does.
type SheetMigration struct {
	Path   string      `json:"path"`
	Class  SchemaClass `json:"class" enum:"expand,contract,unknown" doc:"expand: every older release keeps running. contract: one may not. unknown: nobody can tell from the file."`
	Reason string      `json:"reason" doc:"Why, of the statement that weighs most."`
	// Gone says that the file is of what would be gone: what it did stays.
	Gone       bool             `json:"gone" doc:"It is of commits that would be gone. What it did to the schema stays."`
	Statements []SheetStatement `json:"statements" nullable:"false"`
	More       int              `json:"more" doc:"Statements beyond those in the list."`
}

// SheetStatement is one statement of it.
type SheetStatement struct {
	Line   int         `json:"line"`
	Text   string      `json:"text"`
	Class  SchemaClass `json:"class" enum:"expand,contract,unknown"`
	Reason string      `json:"reason"`
}

// Sizes of what a comparison shows of migrations. All of them are judged.
const (
	mostMigrations = 60
	mostStatements = 40
	statementLimit = 1200
	readsAtOnce    = 4
)

// migrations reads and judges the migrations that a comparison brings. What
// cannot be read is unknown.
func (s *site) migrations(ctx context.Context, c provider.Comparison) []SheetMigration {
	out := []SheetMigration{}
	if s.Schema == nil || s.Rules.Migrations == "" {
		return out
	}
	if kept, ok := s.read.get(c.Base, c.Head); ok {
		return kept
	}
	files := []MigrationFile{}
	for _, f := range c.Files {
		if migration(s.Rules.Migrations, f) && s.Schema.Concerns(f) {
			files = append(files, MigrationFile{Path: f})
		}
	}
	slices.SortFunc(files, func(a, b MigrationFile) int { return cmp.Compare(a.Path, b.Path) })
	whole := s.fill(ctx, files, c.Head)
	for _, m := range s.Schema.Read(files) {
		out = append(out, m.fit())
	}
	if c.Truncated {
		out = append(out, SheetMigration{
			Path: strings.Trim(s.Rules.Migrations, "/"), Class: SchemaUnknown, Statements: []SheetStatement{},
			Reason: "So many files changed that the list of them is cut: there may be migrations that are not in it.",
		})
	}
	if whole {
		s.read.put(c.Base, c.Head, out)
	}
	return out
}

// fill fetches the files' texts; false when one could not be had.
func (s *site) fill(ctx context.Context, files []MigrationFile, commit string) bool {
	whole := true
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, readsAtOnce)
	for i := range files {
		f := &files[i]
		switch {
		case i >= mostMigrations:
			f.Unreadable = fmt.Sprintf("the release has more than %d migrations", mostMigrations)
			continue
		case s.files == nil:
			f.Unreadable = "no provider of this project reads files of the repository"
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			text, err := s.files.File(ctx, f.Path, commit)
			switch {
			case fault.Is(err, fault.NotFound):
				f.Unreadable = "it is not in the repository at " + hostile.Short(commit) + ": the change deletes it, and what it did stays"
			case err != nil:
				f.Unreadable = fault.From(err).Message
				mu.Lock()
				whole = false
				mu.Unlock()
			default:
				f.Text = text
			}
		})
	}
	all.Wait()
	return whole
}

// fit bounds a migration and takes out of its text what is no text: it comes
// from outside.
func (m SheetMigration) fit() SheetMigration {
	m.Path, m.Reason = hostile.Line(m.Path, hostile.TitleLimit), hostile.Line(m.Reason, maxReason)
	if n := len(m.Statements); n > mostStatements {
		// What weighs most stays in sight.
		slices.SortStableFunc(m.Statements, func(a, b SheetStatement) int { return cmp.Compare(b.Class.weight(), a.Class.weight()) })
		m.Statements, m.More = m.Statements[:mostStatements:mostStatements], n-mostStatements
		slices.SortStableFunc(m.Statements, func(a, b SheetStatement) int { return cmp.Compare(a.Line, b.Line) })
	}
	m.Statements = append([]SheetStatement{}, m.Statements...)
	for i := range m.Statements {
		st := &m.Statements[i]
		st.Text, st.Reason = block(st.Text, statementLimit), hostile.Line(st.Reason, maxReason)
	}
	return m
}

// block is a text of several lines, cut to a length.
func block(s string, most int) string {
	s = hostile.Lines(s)
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func (c SchemaClass) weight() int {
	switch c {
	case SchemaExpand:
		return 0
	case SchemaContract:
		return 2
	default:
		return 1
	}
}

// readings keeps what was read between two commits: that never changes. It is
// bounded, and forgets the oldest.
type readings struct {
	mu    sync.Mutex
	found map[string][]SheetMigration
	order []string
}

const mostReadings = 64

func newReadings() *readings { return &readings{found: map[string][]SheetMigration{}} }

func (r *readings) get(base, head string) ([]SheetMigration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.found[base+head]
	return slices.Clone(m), ok
}

func (r *readings) put(base, head string, m []SheetMigration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := base + head
	if _, there := r.found[key]; !there {
		r.order = append(r.order, key)
	}
	r.found[key] = slices.Clone(m)
	if len(r.order) > mostReadings {
		delete(r.found, r.order[0])
		r.order = r.order[1:]
	}
}
