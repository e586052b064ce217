package migration

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strconv"
)

// drizzle is Drizzle before version 1. It looks at one row alone, the one with
// the newest time, and applies what is newer: a migration that was made
// earlier and came in later, as happens when branches are merged, is passed
// over for ever and nobody is told.
type drizzle struct{}

const drizzleJournal = "meta/_journal.json"

func (drizzle) Name() string { return "drizzle" }

func (drizzle) Tables() []Table {
	columns := []string{"id", "hash", "created_at"}
	return []Table{
		{Schema: "drizzle", Name: "__drizzle_migrations", Columns: columns, Must: 3},
		{Name: "__drizzle_migrations", Columns: columns, Must: 3},
	}
}

func (drizzle) Wants(file string) bool {
	return file == drizzleJournal || path.Ext(file) == ".sql" && path.Dir(file) == "."
}

func (drizzle) List(f Folder) ([]Migration, error) {
	text, there := f.text(drizzleJournal)
	if !there {
		return nil, errors.New("the folder has no " + drizzleJournal + ", which lists Drizzle's migrations (Drizzle 1.0 keeps none, and is not known here yet)")
	}
	if text == nil {
		return nil, errors.New(drizzleJournal + " could not be read")
	}
	var journal struct {
		Entries []struct {
			Tag  string `json:"tag"`
			When int64  `json:"when"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(text, &journal); err != nil {
		return nil, errors.New(drizzleJournal + " is not the JSON that Drizzle writes")
	}
	all := make([]Migration, 0, len(journal.Entries))
	for _, e := range journal.Entries {
		sql, there := f.text(e.Tag + ".sql")
		if !there {
			return nil, errors.New("the journal names a migration whose file is missing: Drizzle refuses to run at all")
		}
		m := Migration{Name: e.Tag, Key: strconv.FormatInt(e.When, 10), When: e.When}
		if sql != nil {
			sum := sha256.Sum256(sql)
			m.Sums = []string{hex.EncodeToString(sum[:])}
		}
		all = append(all, m)
	}
	return all, nil
}

func (drizzle) Judge(rows []Row, list List) Standing {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int { return int(a.whole("created_at") - b.whole("created_at")) })
	var newest int64
	if len(rows) > 0 {
		newest = rows[len(rows)-1].whole("created_at")
	}
	s := Standing{Applied: []string{}, Unknown: nil}
	byHash, byTime := map[string]Migration{}, map[int64]Migration{}
	for _, m := range list.Migrations {
		byTime[m.When] = m
		for _, sum := range m.Sums {
			byHash[sum] = m
		}
	}
	applied := map[string]bool{}
	for _, r := range rows {
		when := r.whole("created_at")
		m, same := byHash[r["hash"]]
		if !same {
			m, same = byTime[when]
			if same && len(m.Sums) > 0 {
				s.Edited = append(s.Edited, m.Name)
			}
		}
		name := m.Name
		if !same {
			name = "of " + r["created_at"]
			if list.Known {
				s.DatabaseOnly = append(s.DatabaseOnly, name)
			}
		}
		applied[m.Key] = same || applied[m.Key]
		s.Applied = append(s.Applied, name)
	}
	if len(rows) > 0 {
		s.Latest = s.Applied[len(s.Applied)-1]
	}
	if !list.Known {
		s.unknown(noList, Pending, Skipped, Edited, OnlyInDB)
		return s.keepsNoFailures("Drizzle")
	}
	s.Pending, s.Skipped = []string{}, []string{}
	for _, m := range list.Migrations {
		switch {
		case len(rows) == 0 || m.When > newest:
			s.Pending = append(s.Pending, m.Name)
		case !applied[m.Key]:
			s.Skipped = append(s.Skipped, m.Name)
		}
	}
	return s.keepsNoFailures("Drizzle")
}
