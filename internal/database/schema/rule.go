package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// state is what a release created so far: nobody older uses it.
type state struct {
	things  map[string]bool              // space and name
	perhaps map[string]bool              // made with IF NOT EXISTS: new, or older
	columns map[name]map[string]*newBorn // new columns of tables that are older
	gone    map[name]map[string]bool     // constraints that were dropped, by name
}

// newBorn is a column that the release added to an older table. bound says that
// something holds of it only while older releases leave it empty.
type newBorn struct{ notNull, deflt, bound bool }

func newState() *state {
	return &state{things: map[string]bool{}, perhaps: map[string]bool{}, columns: map[name]map[string]*newBorn{}, gone: map[name]map[string]bool{}}
}

// forget drops what is known: something happened that cannot be seen.
func (s *state) forget() { *s = *newState() }

func (s *state) clone() *state {
	c := newState()
	maps.Copy(c.things, s.things)
	maps.Copy(c.perhaps, s.perhaps)
	for t, cols := range s.columns {
		c.columns[t] = map[string]*newBorn{}
		for n, b := range cols {
			kept := *b
			c.columns[t][n] = &kept
		}
	}
	for t, names := range s.gone {
		c.gone[t] = maps.Clone(names)
	}
	return c
}

func key(of space, n name) string { return string(of) + "\x00" + n.schema + "\x00" + n.name }

func (s *state) isNew(of space, n name) bool {
	return s.things[key(of, n)] || n.schema != "" && s.things[key(schemas, name{name: n.schema})]
}

// newColumns says whether all columns were added by this release.
func (s *state) newColumns(table name, columns []string) bool {
	return len(columns) > 0 && !slices.ContainsFunc(columns, func(c string) bool { return s.columns[table][c] == nil })
}

// leftOut says whether one of the columns is NULL in every row that an older
// release writes: it does not know the column, and nothing fills it.
func (s *state) leftOut(table name, columns []string) bool {
	return slices.ContainsFunc(columns, func(c string) bool {
		b := s.columns[table][c]
		return b != nil && !b.deflt && !b.notNull
	})
}

// judge is the verdict on a statement, which may do several things at once:
// the worst of them counts. What it creates is known from then on.
func (s *state) judge(acts []act) (Class, string) {
	class := Expand
	reasons := map[Class][]string{}
	for _, a := range acts {
		c, reason := s.one(a)
		class = Worse(class, c)
		if reason != "" && !slices.Contains(reasons[c], reason) {
			reasons[c] = append(reasons[c], reason)
		}
	}
	said := reasons[class]
	if len(said) > 4 {
		said = append(said[:3:3], fmt.Sprintf("And %d more.", len(said)-3))
	}
	if len(said) == 0 {
		return class, "It changes nothing that a release uses."
	}
	return class, strings.Join(said, " ")
}

// one judges one act and remembers it.
func (s *state) one(a act) (Class, string) {
	if a.forget {
		defer s.forget()
	}
	fresh := s.isNew(a.of, a.on)
	switch a.do {
	case creates:
		if a.maybe {
			s.perhaps[key(a.of, a.on)] = true
			return Expand, noted(upper(a.thing())+" is new, or there already.", a.note)
		}
		s.things[key(a.of, a.on)] = true
		return Expand, noted(upper(a.thing())+" is new: no older release uses it.", a.note)
	case inserts, updates, deletes:
		return s.written(a, fresh)
	}
	if fresh {
		return s.changed(a)
	}
	class, reason := s.old(a)
	if class == Contract && s.perhaps[key(a.of, a.on)] {
		return Unknown, upper(a.thing()) + " was made IF NOT EXISTS, so it is new or older, which this file does not say. If it is older: " + reason
	}
	return class, reason
}

func noted(reason, note string) string {
	if note == "" {
		return reason
	}
	return reason + " " + note
}

// changed judges a change of something that this release made.
func (s *state) changed(a act) (Class, string) {
	switch a.do {
	case drops:
		delete(s.things, key(a.of, a.on))
	case renames:
		delete(s.things, key(a.of, a.on))
		s.things[key(a.of, a.to)] = true
	case says:
		return a.class, a.reason
	}
	return Expand, noted(upper(a.thing())+" is new in this release: no older one uses it.", a.note)
}

// written judges a change of rows.
func (s *state) written(a act, fresh bool) (Class, string) {
	switch {
	case fresh:
		return Expand, "Only " + a.thing() + " is written, which is new in this release."
	case a.do == deletes && s.perhaps[key(a.of, a.on)]:
		return Unknown, upper(a.thing()) + " is emptied, and this file does not say whether it is older."
	case a.do == deletes:
		return Contract, "Rows of " + quoted(a.on.String()) + " are deleted that older releases may need."
	case a.do == updates && s.newColumns(a.on, a.columns):
		return Expand, "Only columns that are new in this release are filled in " + quoted(a.on.String()) + "."
	case a.do == updates:
		return Unknown, "Rows of " + quoted(a.on.String()) + " are changed: whether an older release can live with that depends on the data."
	}
	return Unknown, "Rows are added to " + quoted(a.on.String()) + ": whether an older release can live with them depends on the data."
}

// old judges a change of something that older releases know.
func (s *state) old(a act) (Class, string) {
	table := quoted(a.on.String())
	col := quoted(a.column)
	born := s.columns[a.on][a.column]
	switch a.do {
	case drops:
		return Contract, upper(a.thing()) + " is dropped: an older release that uses it fails."
	case renames:
		return Contract, upper(a.thing()) + " gets another name: an older release looks for the old one."
	case addsColumn:
		return s.addColumn(a)
	case dropsColumn:
		if born != nil {
			delete(s.columns[a.on], a.column)
			return Expand, "Column " + col + " is new in this release, and goes again."
		}
		return Contract, "Column " + col + " of " + table + " is dropped: an older release that reads or writes it fails."
	case renamesColumn:
		if born != nil {
			delete(s.columns[a.on], a.column)
			s.columns[a.on][a.to.name] = born
			return Expand, "Column " + col + " is new in this release, and gets its name now."
		}
		return Contract, "Column " + col + " of " + table + " gets another name: an older release uses the old one."
	case changesType:
		if born != nil {
			return Expand, "Column " + col + " is new in this release, so no older one minds its type."
		}
		return Contract, "Column " + col + " of " + table + " gets another type: what an older release reads or writes there may not fit."
	case redefines:
		return s.redefine(a, born)
	case setsNotNull:
		if born == nil {
			return Contract, "Column " + col + " of " + table + " becomes required: an older release may leave it empty."
		}
		born.notNull = true
		if born.deflt {
			return Expand, "Column " + col + " is new in this release and has a default, which rows of older releases get."
		}
		return Contract, "Column " + col + " of " + table + " becomes required and has no default: older releases do not know it and cannot fill it."
	case setsDefault:
		if born != nil {
			born.deflt = true
		}
		if born != nil && born.bound {
			return Unknown, "Column " + col + " of " + table + " has to meet a constraint, and rows of older releases get a default there: whether it does, nobody can tell."
		}
		return Expand, "Column " + col + " of " + table + " gets a default: rows that leave it out are still taken."
	case dropsDefault:
		return s.dropDefault(a, born)
	case addsUnique, addsForeignKey, addsCheck, addsConstraint, addsIndex, dropsConstraint:
		return s.constrain(a)
	default:
		return a.class, noted(a.reason, a.note)
	}
}

// redefine judges a column that is written anew. What it was stands in no
// statement: it may be another comment, a wider type, a narrower one.
func (s *state) redefine(a act, born *newBorn) (Class, string) {
	col, table := quoted(a.column), quoted(a.on.String())
	if born == nil {
		return Unknown, "Column " + col + " of " + table + " is defined anew, and the statement does not say how it was: if it takes less than before, what an older release writes may not fit."
	}
	born.notNull, born.deflt = a.col.notNull || a.col.primary, a.col.deflt || a.col.computed
	switch {
	case born.notNull && !born.deflt:
		return Contract, "Column " + col + " of " + table + " becomes required and has no default: older releases do not know it and cannot fill it."
	case born.bound && born.deflt, a.col.risky:
		return Unknown, "Column " + col + " of " + table + " has to meet a constraint or is computed: whether rows of older releases do, nobody can tell."
	}
	return Expand, "Column " + col + " is new in this release, so no older one minds how it is defined."
}

func (s *state) dropDefault(a act, born *newBorn) (Class, string) {
	if born == nil {
		return Contract, "Column " + quoted(a.column) + " of " + quoted(a.on.String()) + " loses its default: an older release that leaves it out may fail."
	}
	born.deflt = false
	if born.notNull {
		return Contract, "Column " + quoted(a.column) + " of " + quoted(a.on.String()) + " is required and loses its default: older releases do not know it and cannot fill it."
	}
	return Expand, "Column " + quoted(a.column) + " is new in this release and may be empty."
}

// addColumn judges a new column of an older table.
func (s *state) addColumn(a act) (Class, string) {
	c := a.col
	verdict := act{class: Expand, reason: "Column " + quoted(c.name) + " is new: older releases leave it out, and their rows get NULL."}
	if c.deflt {
		verdict.reason = "Column " + quoted(c.name) + " is new: older releases leave it out, and their rows get the default."
	}
	if c.computed {
		verdict.reason = "Column " + quoted(c.name) + " is new, and the database computes it."
	}
	bad := func(class Class, reason string) {
		verdict = worstOf(verdict, act{class: class, reason: "Column " + quoted(c.name) + " of " + quoted(a.on.String()) + " " + reason})
	}
	switch {
	case c.computed && c.risky:
		bad(Unknown, "is computed by an expression that may fail on what older releases write.")
	case c.computed && c.notNull:
		bad(Unknown, "is computed and required: whether it can be empty for what older releases write, nobody can tell.")
	case (c.notNull || c.primary) && !c.deflt && !c.computed:
		bad(Contract, "is required and has no default: older releases do not know it, so their inserts fail.")
	}
	if (c.unique || c.primary) && (c.deflt && !c.each || c.computed) {
		bad(Contract, "has to be unique, and every row of an older release gets the same default.")
	}
	if c.refers && c.deflt {
		bad(Unknown, "refers to another table and has a default: whether that row is there, nobody can tell.")
	}
	if !a.maybe {
		if s.columns[a.on] == nil {
			s.columns[a.on] = map[string]*newBorn{}
		}
		s.columns[a.on][c.name] = &newBorn{notNull: c.notNull || c.primary, deflt: c.deflt || c.computed, bound: c.unique || c.refers || len(c.checks) > 0}
	}
	for _, check := range c.checks {
		foreign := slices.ContainsFunc(check.columns, func(n string) bool { return n != c.name && s.columns[a.on][n] == nil })
		switch {
		case foreign || !c.deflt && !check.tolerant:
			bad(Contract, "brings a check that rows of older releases may break.")
		case c.deflt && !check.tolerant:
			bad(Unknown, "brings a check: whether its default meets it, nobody can tell.")
		}
	}
	return verdict.class, noted(verdict.reason, c.note)
}

// constrain judges a new rule or index on an older table.
func (s *state) constrain(a act) (Class, string) {
	table := quoted(a.on.String())
	left := s.leftOut(a.on, a.columns)
	again := a.name != "" && s.gone[a.on][a.name]
	defer func() {
		for _, c := range a.columns {
			if b := s.columns[a.on][c]; b != nil && a.do != addsIndex {
				b.bound = true
			}
		}
	}()
	switch a.do {
	case dropsConstraint:
		if s.gone[a.on] == nil {
			s.gone[a.on] = map[string]bool{}
		}
		s.gone[a.on][a.name] = true
		return Unknown, "Constraint " + quoted(a.name) + " of " + table + " goes: an older release may rely on it, as ON CONFLICT and cascades do."
	case addsIndex:
		return a.class, a.reason
	case addsUnique:
		if left && !a.distinct {
			return Expand, "Rows of older releases leave a new column empty, and empty ones are never equal."
		}
	case addsForeignKey:
		if left {
			return Expand, noted("Rows of older releases leave a new column empty, which refers to nothing.", a.note)
		}
	case addsCheck:
		if s.newColumns(a.on, a.columns) && a.tolerant && left {
			return Expand, "The check lets through the empty new columns that rows of older releases have."
		}
	}
	if again {
		return Unknown, "Constraint " + quoted(a.name) + " of " + table + " is made anew under its name: whether it asks for more than before, nobody can tell from this file."
	}
	what := map[verb]string{
		addsUnique: "has to be unique", addsForeignKey: "has to refer to a row that exists", addsCheck: "has to pass a check", addsConstraint: "has to meet a constraint",
	}[a.do]
	return Contract, "What older releases write to " + table + " " + what + " from now on, and they do not know."
}
