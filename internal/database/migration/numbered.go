package migration

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// numbered picks files by a pattern whose first group is the version. Leading
// zeros do not count where whole is set.
func numbered(files []File, pattern *regexp.Regexp, whole bool) []Migration {
	var all []Migration
	for _, file := range files {
		base := path.Base(file.Path)
		m := pattern.FindStringSubmatch(base)
		if m == nil {
			continue
		}
		key := m[1]
		if whole {
			key = plain(key)
		}
		all = append(all, Migration{Name: base, Key: key})
	}
	if whole {
		slices.SortStableFunc(all, func(a, b Migration) int { return byNumber(a.Key, b.Key) })
	}
	return all
}

// plain is a version without leading zeros.
func plain(version string) string {
	if version = strings.TrimLeft(version, "0"); version == "" {
		return "0"
	}
	return version
}

// byNumber orders plain versions, however long they are.
func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// twice answers an error when two files have one version, which the tool
// refuses.
func twice(tool string, all []Migration) ([]Migration, error) {
	seen := map[string]string{}
	for _, m := range all {
		if other, again := seen[m.Key]; again {
			return nil, fmt.Errorf("%s and %s have the same version: %s refuses to run", other, m.Name, tool)
		}
		seen[m.Key] = m.Name
	}
	return all, nil
}

// goose is goose, version 3.
type goose struct{}

func (goose) Name() string { return "goose" }

func (goose) Tables() []Table {
	return []Table{{Name: "goose_db_version", Columns: []string{"id", "version_id", "is_applied"}, Must: 3}}
}

func (goose) Wants(string) bool { return false }

var gooseFile = regexp.MustCompile(`^([0-9]+)_.*\.(?:sql|go)$`)

func (goose) List(f Folder) ([]Migration, error) {
	files := slices.DeleteFunc(f.top(), func(file File) bool { return strings.HasSuffix(file.Path, "_test.go") })
	all := slices.DeleteFunc(numbered(files, gooseFile, true), func(m Migration) bool { return m.Key == "0" })
	return twice("goose", all)
}

// Judge: version 0 is the table's own first row. A version that went down has
// lost its row, or in old versions a newer one that says so.
func (goose) Judge(rows []Row, list List) Standing {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int { return int(a.whole("id") - b.whole("id")) })
	return byVersion(rows, list, "version_id", func(r Row) bool { return !r.truth("is_applied") }).keepsNoFailures("goose")
}

// byVersion compares by a column of versions; the newest is the highest.
func byVersion(rows []Row, list List, column string, undone func(Row) bool) Standing {
	last := map[string]entry{}
	for _, r := range rows {
		version := plain(r[column])
		if version == "0" || r[column] == "" {
			continue
		}
		last[version] = entry{key: version, name: r[column], undone: undone != nil && undone(r)}
	}
	entries := make([]entry, 0, len(last))
	for _, e := range last {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int { return byNumber(a.key, b.key) })
	return compare(entries, list)
}

// rails is Active Record.
type rails struct{}

func (rails) Name() string { return "rails" }

func (rails) Tables() []Table {
	return []Table{{Name: "schema_migrations", Columns: []string{"version"}, Must: 1, Strange: []string{"dirty", "inserted_at"}, Beside: "ar_internal_metadata"}}
}

func (rails) Wants(string) bool { return false }

var railsFile = regexp.MustCompile(`^([0-9]+)_([_a-z0-9]*)\.?([_a-z0-9]*)?\.rb$`)

// List goes into folders, as Rails does.
func (rails) List(f Folder) ([]Migration, error) {
	files := slices.Clone(f.Files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return twice("Rails", numbered(files, railsFile, true))
}

func (rails) Judge(rows []Row, list List) Standing {
	return byVersion(rows, list, "version", nil).keepsNoFailures("Rails")
}

// ecto is Ecto, of Elixir.
type ecto struct{}

func (ecto) Name() string { return "ecto" }

func (ecto) Tables() []Table {
	return []Table{{Name: "schema_migrations", Columns: []string{"version", "inserted_at"}, Must: 2, Strange: []string{"dirty"}}}
}

func (ecto) Wants(string) bool { return false }

var ectoFile = regexp.MustCompile(`^([0-9]+)_.+\.exs$`)

func (ecto) List(f Folder) ([]Migration, error) {
	return twice("Ecto", numbered(f.top(), ectoFile, true))
}

func (ecto) Judge(rows []Row, list List) Standing {
	return byVersion(rows, list, "version", nil).keepsNoFailures("Ecto")
}

// dbmate is dbmate. Its versions are texts: 1 and 001 are two.
type dbmate struct{}

func (dbmate) Name() string { return "dbmate" }

func (dbmate) Tables() []Table {
	return []Table{{Name: "schema_migrations", Columns: []string{"version"}, Must: 1, Strange: []string{"dirty", "inserted_at"}, Alone: "ar_internal_metadata"}}
}

func (dbmate) Wants(string) bool { return false }

var dbmateFile = regexp.MustCompile(`^([0-9]+).*\.sql$`)

func (dbmate) List(f Folder) ([]Migration, error) {
	return numbered(f.top(), dbmateFile, false), nil
}

func (dbmate) Judge(rows []Row, list List) Standing {
	entries := make([]entry, 0, len(rows))
	for _, r := range rows {
		entries = append(entries, entry{key: r["version"], name: r["version"]})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return compare(entries, list).keepsNoFailures("dbmate")
}

// golangMigrate is golang-migrate, version 4. Its table has one row: where it
// stands, and whether the way there ended.
type golangMigrate struct{}

func (golangMigrate) Name() string { return "golang-migrate" }

func (golangMigrate) Tables() []Table {
	return []Table{{Name: "schema_migrations", Columns: []string{"version", "dirty"}, Must: 2}}
}

func (golangMigrate) Wants(string) bool { return false }

var golangMigrateFile = regexp.MustCompile(`^([0-9]+)_(.*)\.(down|up)\.(.*)$`)

// List takes a version once, under the name of the file that goes up. One that
// only goes down is a step that changes nothing, and a step all the same.
func (golangMigrate) List(f Folder) ([]Migration, error) {
	byKey := map[string]Migration{}
	seen := map[string]bool{}
	for _, file := range f.top() {
		m := golangMigrateFile.FindStringSubmatch(file.Path)
		if m == nil {
			continue
		}
		if _, err := strconv.ParseUint(m[1], 10, 64); err != nil {
			return nil, errors.New(file.Path + " has a version that golang-migrate cannot read")
		}
		key := plain(m[1])
		if seen[key+m[3]] {
			return nil, fmt.Errorf("two files go %s to version %s: golang-migrate refuses to run", m[3], m[1])
		}
		seen[key+m[3]] = true
		if _, there := byKey[key]; !there || m[3] == "up" {
			byKey[key] = Migration{Name: m[1] + "_" + m[2], Key: key}
		}
	}
	all := make([]Migration, 0, len(byKey))
	for _, m := range byKey {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Migration) int { return byNumber(a.Key, b.Key) })
	return all, nil
}

func (golangMigrate) Judge(rows []Row, list List) Standing {
	s := Standing{Failed: []string{}, Skipped: []string{}}
	s.unknown("golang-migrate keeps no sums of what it applied.", Edited)
	at, dirty, stands := "", false, len(rows) > 0 && !strings.HasPrefix(rows[0]["version"], "-")
	if len(rows) > 0 {
		dirty = rows[0].truth("dirty")
	}
	if stands {
		at = plain(rows[0]["version"])
	}
	name := at
	if list.Known {
		s.Applied, s.Pending = []string{}, []string{}
		found := false
		for _, m := range list.Migrations {
			switch c := byNumber(m.Key, at); {
			case !stands || c > 0:
				s.Pending = append(s.Pending, m.Name)
			case c < 0 || !dirty:
				s.Applied = append(s.Applied, m.Name)
			}
			if stands && m.Key == at {
				name, found = m.Name, true
			}
		}
		if stands && !found {
			s.DatabaseOnly = append(s.DatabaseOnly, at)
			if !dirty {
				s.Applied = append(s.Applied, at)
			}
		}
	} else {
		s.unknown(noList, Pending, OnlyInDB)
		if stands {
			s.unknown("golang-migrate keeps the version alone: how many lie before it, the commit would say.", Applied)
		} else {
			s.Applied = []string{}
		}
	}
	switch {
	case dirty && !stands:
		s.Failed = append(s.Failed, "the way down from the first one")
	case dirty:
		s.Failed = append(s.Failed, name)
		if len(s.Applied) > 0 {
			s.Latest = s.Applied[len(s.Applied)-1]
		} else if !list.Known {
			s.unknown("The last migration did not end, and which one lies before it is not known.", Latest)
		}
	case stands:
		s.Latest = name
	}
	return s
}
