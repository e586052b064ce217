package schema

import "strings"

// act is one thing that a statement does, in words that all dialects share.
type act struct {
	do verb
	on name   // the table, type, view, function… it is done to
	to name   // of a renaming
	of space  // which names on is one of
	is string // what on is, in words: table, view, enum type

	column  string
	columns []string // of a constraint, an index or an update
	col     *column  // of addColumn
	// maybe says that it may not have been this statement that made it: IF NOT
	// EXISTS, or inside a condition.
	maybe bool
	// distinct says that NULLs count as equal in a unique index.
	distinct bool
	// tolerant says of a check that it lets NULL in every one of its columns
	// through.
	tolerant bool
	name     string // of a constraint

	// A verdict that needs no state.
	class  Class
	reason string
	note   string // what to know although it is safe
	forget bool   // nothing that was known of names holds any more
}

type verb uint8

const (
	says verb = iota // class and reason
	creates
	drops
	renames
	addsColumn
	dropsColumn
	renamesColumn
	changesType
	redefines // a whole column, whatever it was: name, type, required, default
	setsNotNull
	setsDefault
	dropsDefault
	addsUnique
	addsForeignKey
	addsCheck
	addsConstraint // any other
	dropsConstraint
	addsIndex
	changes // something else of a thing: fine when it is new, else class
	inserts
	updates
	deletes
)

// name is a name in a schema, "" where none was written.
type name struct{ schema, name string }

func (n name) String() string {
	if n.schema == "" {
		return n.name
	}
	return n.schema + "." + n.name
}

// space is a set of names: a table and a type may be called the same.
type space string

const (
	relations space = "relation"
	types     space = "type"
	functions space = "function"
	schemas   space = "schema"
	others    space = "other"
)

// column is a column as it is added.
type column struct {
	name    string
	notNull bool
	deflt   bool // has a default that is not NULL
	each    bool // the default is another one in every row
	primary bool
	unique  bool
	// computed says that the database computes it; risky that the computation
	// may fail on what older releases write.
	computed, risky bool
	refers          bool
	checks          []act // addsCheck
	note            string
}

func expand(format string) act   { return act{class: Expand, reason: format} }
func contract(reason string) act { return act{class: Contract, reason: reason} }
func unknown(reason string) act  { return act{class: Unknown, reason: reason} }
func blind(reason string) act    { return act{class: Unknown, reason: reason, forget: true} }

// change is a verdict that holds unless the table is new.
func change(class Class, reason string) act { return act{do: changes, class: class, reason: reason} }

// pointedAt is what to know of a foreign key although it is safe.
func pointedAt(to name) string {
	return "Rows of " + quoted(to.String()) + " that it points at cannot be deleted while it does."
}

func quoted(n string) string { return "“" + cut(n, 80) + "”" }
func (a act) thing() string  { return a.is + " " + quoted(a.on.String()) }
func worstOf(a, b act) act {
	if b.class.weight() > a.class.weight() {
		return b
	}
	return a
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// cut shortens a name that somebody made very long.
func cut(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}
