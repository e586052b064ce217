package migration

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stem is a file's name without its last ending.
func stem(file string) string { return strings.TrimSuffix(file, path.Ext(file)) }

// typed says that a file is a declaration of types, which nothing runs.
func typed(file string) bool {
	return strings.HasSuffix(file, ".d.ts") || strings.HasSuffix(file, ".d.mts") || strings.HasSuffix(file, ".d.cts")
}

// scripts are the files right in a folder with one of the endings.
func scripts(f Folder, endings ...string) []File {
	var out []File
	for _, file := range f.top() {
		if slices.Contains(endings, path.Ext(file.Path)) && !typed(file.Path) {
			out = append(out, file)
		}
	}
	return out
}

// byName compares by a column of names, in the order of the rows.
func byName(rows []Row, list List, key func(Row) string) Standing {
	entries := make([]entry, 0, len(rows))
	for _, r := range rows {
		entries = append(entries, entry{key: key(r), name: r["name"]})
	}
	return compare(entries, list)
}

func sortedBy(rows []Row, columns ...string) []Row {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int {
		for _, c := range columns {
			if order := a.moment(c).Compare(b.moment(c)); order != 0 {
				return order
			}
			if order := a.whole(c) - b.whole(c); order != 0 {
				return int(max(min(order, 1), -1))
			}
		}
		return 0
	})
	return rows
}

// knex is Knex. A row holds the file's whole name; a project that compiles its
// migrations has other endings in the database than in the repository, so the
// endings are left out of the comparison.
type knex struct{}

func (knex) Name() string { return "knex" }

func (knex) Tables() []Table {
	return []Table{{Name: "knex_migrations", Columns: []string{"id", "name", "batch", "migration_time"}, Must: 3}}
}

func (knex) Wants(string) bool { return false }

func (knex) List(f Folder) ([]Migration, error) {
	var all []Migration
	for _, file := range scripts(f, ".co", ".coffee", ".eg", ".iced", ".js", ".cjs", ".mjs", ".litcoffee", ".ls", ".ts") {
		all = append(all, Migration{Name: file.Path, Key: stem(file.Path)})
	}
	return all, nil
}

func (knex) Judge(rows []Row, list List) Standing {
	return byName(sortedBy(rows, "id"), list, func(r Row) string { return stem(r["name"]) }).keepsNoFailures("Knex")
}

// kysely is Kysely's migrator.
type kysely struct{}

func (kysely) Name() string { return "kysely" }

func (kysely) Tables() []Table {
	return []Table{{Name: "kysely_migration", Columns: []string{"name", "timestamp"}, Must: 2}}
}

func (kysely) Wants(string) bool { return false }

func (kysely) List(f Folder) ([]Migration, error) {
	var all []Migration
	for _, file := range scripts(f, ".js", ".ts", ".mjs", ".mts") {
		all = append(all, Migration{Name: stem(file.Path), Key: stem(file.Path)})
	}
	slices.SortFunc(all, func(a, b Migration) int { return strings.Compare(a.Key, b.Key) })
	return all, nil
}

func (kysely) Judge(rows []Row, list List) Standing {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int {
		if order := a.moment("timestamp").Compare(b.moment("timestamp")); order != 0 {
			return order
		}
		return strings.Compare(a["name"], b["name"])
	})
	return byName(rows, list, func(r Row) string { return r["name"] }).keepsNoFailures("Kysely")
}

// nodePgMigrate is node-pg-migrate.
type nodePgMigrate struct{}

func (nodePgMigrate) Name() string { return "node-pg-migrate" }

func (nodePgMigrate) Tables() []Table {
	return []Table{{Name: "pgmigrations", Columns: []string{"id", "name", "run_on"}, Must: 3}}
}

func (nodePgMigrate) Wants(string) bool { return false }

// List takes every file whose name begins with a number, by that number; one
// of 17 digits is a time.
func (nodePgMigrate) List(f Folder) ([]Migration, error) {
	var all []Migration
	for _, file := range f.top() {
		digits := leadingDigits(file.Path)
		if digits == "" || typed(file.Path) {
			continue
		}
		all = append(all, Migration{Name: stem(file.Path), Key: stem(file.Path), When: prefixTime(digits)})
	}
	slices.SortStableFunc(all, func(a, b Migration) int {
		if a.When != b.When {
			return int(max(min(a.When-b.When, 1), -1))
		}
		return strings.Compare(a.Key, b.Key)
	})
	return all, nil
}

func leadingDigits(s string) string {
	return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
}

func prefixTime(digits string) int64 {
	if len(digits) == 17 {
		if t, err := time.Parse("20060102150405.000", digits[:14]+"."+digits[14:]); err == nil {
			return t.UnixMilli()
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (nodePgMigrate) Judge(rows []Row, list List) Standing {
	return byName(sortedBy(rows, "run_on", "id"), list, func(r Row) string { return r["name"] }).keepsNoFailures("node-pg-migrate")
}

// typeorm is TypeORM. A row holds the name of the class, which ends in the 13
// digits of a time, and the time again.
type typeorm struct{}

func (typeorm) Name() string { return "typeorm" }

func (typeorm) Tables() []Table {
	return []Table{{Name: "migrations", Columns: []string{"id", "timestamp", "name"}, Must: 3, Strange: []string{"batch"}}}
}

func (typeorm) Wants(file string) bool {
	return !strings.Contains(file, "/") && slices.Contains([]string{".ts", ".js", ".mts", ".mjs", ".cts", ".cjs"}, path.Ext(file)) && !typed(file)
}

var (
	typeormClass = regexp.MustCompile(`(?m)\bclass\s+([\p{L}_$][\p{L}\d_$]*\d{13})\b`)
	typeormName  = regexp.MustCompile(`(?m)^\s*(?:public\s+|readonly\s+)*name\s*(?::\s*string\s*)?=\s*['"]([^'"\n]*\d{13})['"]`)
	typeormFile  = regexp.MustCompile(`^(\d{13})-(.+)\.[cm]?[jt]s$`)
)

// List takes the name that the class gives itself, else the class's own, else
// the time that TypeORM writes before a file's name.
func (t typeorm) List(f Folder) ([]Migration, error) {
	var all []Migration
	for _, file := range f.top() {
		if !t.Wants(file.Path) {
			continue
		}
		name, guess := "", false
		if m := typeormName.FindSubmatch(file.Text); m != nil {
			name = string(m[1])
		} else if m := typeormClass.FindSubmatch(file.Text); m != nil {
			name = string(m[1])
		} else if m := typeormFile.FindStringSubmatch(file.Path); m != nil && file.Text == nil {
			name, guess = m[2]+m[1], true
		}
		if name == "" {
			continue // a helper beside the migrations
		}
		when := name[len(name)-13:]
		at, err := strconv.ParseInt(when, 10, 64)
		if err != nil {
			continue
		}
		all = append(all, Migration{Name: name, Key: name, When: at, Guess: guess})
	}
	slices.SortStableFunc(all, func(a, b Migration) int { return int(max(min(a.When-b.When, 1), -1)) })
	return all, nil
}

func (typeorm) Judge(rows []Row, list List) Standing {
	guessed := map[int64]string{}
	for _, m := range list.Migrations {
		if m.Guess {
			guessed[m.When] = m.Key
		}
	}
	return byName(sortedBy(rows, "id"), list, func(r Row) string {
		return cmp.Or(guessed[r.whole("timestamp")], r["name"])
	}).keepsNoFailures("TypeORM")
}
