package migration

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strconv"
	"strings"
)

// prisma is Prisma up to version 7. A failed migration keeps its row without
// an end and blocks everything behind it until somebody marks it.
type prisma struct{}

func (prisma) Name() string { return "prisma" }

func (prisma) Tables() []Table {
	return []Table{{
		Name: "_prisma_migrations", Must: 5,
		Columns: []string{"migration_name", "checksum", "started_at", "finished_at", "rolled_back_at"},
	}}
}

func (prisma) Wants(file string) bool {
	dir, base := path.Split(file)
	return base == "migration.sql" && strings.Count(dir, "/") == 1
}

// List takes every folder that holds a migration.sql, by name.
func (p prisma) List(f Folder) ([]Migration, error) {
	var all []Migration
	for _, file := range f.Files {
		if p.Wants(file.Path) {
			name := path.Dir(file.Path)
			all = append(all, Migration{Name: name, Key: name, Sums: prismaSums(file.Text)})
		}
	}
	slices.SortFunc(all, func(a, b Migration) int { return strings.Compare(a.Key, b.Key) })
	return all, nil
}

// prismaSums are the sums of a text with the line ends that git may have given
// it. Old versions wrote bytes below 16 with one digit.
func prismaSums(text []byte) []string {
	if text == nil {
		return nil
	}
	unix := bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	dos := bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	var sums []string
	for _, t := range [][]byte{text, unix, dos} {
		sum := sha256.Sum256(t)
		var old strings.Builder
		for _, b := range sum {
			old.WriteString(strconv.FormatUint(uint64(b), 16))
		}
		for _, s := range []string{hex.EncodeToString(sum[:]), old.String()} {
			if !slices.Contains(sums, s) {
				sums = append(sums, s)
			}
		}
	}
	return sums
}

// Judge is the rule of "migrate deploy": pending is what has no row that was
// not rolled back. "migrate status" has another one, by which a migration that
// was rolled back is not pending: it would be applied all the same.
func (prisma) Judge(rows []Row, list List) Standing {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int {
		if c := a.moment("finished_at").Compare(b.moment("finished_at")); c != 0 {
			return c
		}
		return strings.Compare(a["migration_name"], b["migration_name"])
	})
	// Of several rows of one name the one that stands counts, and one that
	// failed before one that was applied: either blocks or is what was meant.
	best := map[string]entry{}
	var order []string
	rank := func(e entry) int {
		switch {
		case e.failed:
			return 2
		case !e.undone:
			return 1
		}
		return 0
	}
	for _, r := range rows {
		e := entry{key: r["migration_name"], name: r["migration_name"], sum: r["checksum"]}
		e.undone = r.has("rolled_back_at")
		e.failed = !e.undone && !r.has("finished_at")
		old, seen := best[e.key]
		if !seen {
			order = append(order, e.key)
		}
		if !seen || rank(e) >= rank(old) {
			best[e.key] = e
			order = append(slices.DeleteFunc(order, func(k string) bool { return k == e.key }), e.key)
		}
	}
	entries := make([]entry, 0, len(order))
	for _, key := range order {
		entries = append(entries, best[key])
	}
	return compare(entries, list)
}

// prismaNext is Prisma from version 8 on, which compares whole schemas: there
// are no names to count.
type prismaNext struct{}

func (prismaNext) Name() string { return "prisma-8" }

func (prismaNext) Tables() []Table {
	return []Table{{Schema: "prisma_contract", Name: "marker", Columns: []string{"core_hash", "profile_hash", "updated_at"}, Must: 1}}
}

func (prismaNext) Wants(string) bool { return false }

func (prismaNext) List(Folder) ([]Migration, error) { return nil, nil }

func (prismaNext) Judge(rows []Row, _ List) Standing {
	const why = "Prisma 8 compares a database with the whole schema that the app was made for: it has no list of migrations to count."
	var s Standing
	slices.SortStableFunc(rows, func(a, b Row) int { return a.moment("updated_at").Compare(b.moment("updated_at")) })
	if len(rows) > 0 {
		s.Latest = "contract " + rows[len(rows)-1]["core_hash"]
	}
	s.unknown(why, Applied, Pending, Failed, Skipped, Edited, OnlyInDB)
	return s
}
