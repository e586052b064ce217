package migration

import "slices"

// entry is what a row says: one migration and whether it counts as applied.
type entry struct {
	key, name string // name is for when no file has the key
	sum       string
	failed    bool
	undone    bool // it was applied once and does not count any more
}

// compare is the rule that most tools share: what has no row is pending, in
// the order of the files. Entries are in the order in which they were applied;
// of one key the last one counts. Tools differ in what they keep: failed and
// edited are the caller's to declare unknown.
func compare(entries []entry, list List) Standing {
	last := map[string]entry{}
	var order []string
	for _, e := range entries {
		if _, seen := last[e.key]; seen {
			order = slices.DeleteFunc(order, func(k string) bool { return k == e.key })
		}
		order = append(order, e.key)
		last[e.key] = e
	}
	names := map[string]Migration{}
	for _, m := range list.Migrations {
		names[m.Key] = m
	}
	s := Standing{Applied: []string{}, Failed: []string{}}
	for _, key := range order {
		e := last[key]
		name := e.name
		m, listed := names[key]
		if listed {
			name = m.Name
		}
		switch {
		case e.failed:
			s.Failed = append(s.Failed, name)
		case e.undone:
			s.RolledBack = append(s.RolledBack, name)
		default:
			s.Applied = append(s.Applied, name)
			if list.Known && !listed {
				s.DatabaseOnly = append(s.DatabaseOnly, name)
			}
			if listed && e.sum != "" && len(m.Sums) > 0 && !m.Again && !slices.Contains(m.Sums, e.sum) {
				s.Edited = append(s.Edited, name)
			}
		}
	}
	if len(s.Applied) > 0 {
		s.Latest = s.Applied[len(s.Applied)-1]
	}
	if !list.Known {
		s.unknown(noList, Pending, Edited, Skipped, OnlyInDB)
		return s
	}
	s.Pending = []string{}
	for _, m := range list.Migrations {
		e, there := last[m.Key]
		again := there && m.Again && e.sum != "" && len(m.Sums) > 0 && !slices.Contains(m.Sums, e.sum)
		if !there || e.undone || again {
			s.Pending = append(s.Pending, m.Name)
		}
	}
	return s
}

// keepsNoFailures marks a standing of a tool that writes a row only after a
// migration has succeeded.
func (s Standing) keepsNoFailures(tool string) Standing {
	s.Failed = nil
	s.unknown(tool+" keeps no record of a migration that failed.", Failed)
	return s
}
