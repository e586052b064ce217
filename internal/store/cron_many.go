package store

import (
	"strconv"
	"strings"
	"sync"
)

// many is a statement that inserts rows, of which a transaction has many: 32,
// 8 or one at a time, because most of what a row costs is its statement.
type many struct {
	head, tail string // around the values
	columns    int

	once  sync.Once
	texts [len(atOnce)]string // for Postgres
	lite  [len(atOnce)]string // for SQLite, which takes $1 for a name and looks each up
}

// atOnce are the numbers of rows that a statement of many can have.
var atOnce = [...]int{32, 8, 1}

// text is the statement for atOnce[size] rows.
func (m *many) text(size int, lite bool) string {
	m.once.Do(func() {
		for i, rows := range atOnce {
			m.texts[i] = m.write(rows, func(n int) string { return "$" + strconv.Itoa(n) })
			m.lite[i] = m.write(rows, func(int) string { return "?" })
		}
	})
	if lite {
		return m.lite[size]
	}
	return m.texts[size]
}

func (m *many) write(rows int, place func(n int) string) string {
	var b strings.Builder
	b.WriteString(m.head)
	for i := range rows * m.columns {
		switch {
		case i%m.columns != 0:
			b.WriteString(", ")
		case i == 0:
			b.WriteString(" (")
		default:
			b.WriteString("), (")
		}
		b.WriteString(place(i + 1))
	}
	b.WriteString(")")
	b.WriteString(m.tail)
	return b.String()
}

// insert inserts n rows; add appends the values of one.
func (l *cronLedger) insert(m *many, n int, add func(args []any, i int) []any) error {
	for i, size := 0, 0; i < n; {
		rows := atOnce[size]
		if rows > n-i {
			size++
			continue
		}
		l.args = l.args[:0]
		for range rows {
			l.args = add(l.args, i)
			i++
		}
		s, err := l.prepared(m.text(size, l.lite))
		if err != nil {
			return err
		}
		l.written += rows
		if _, err := s.ExecContext(l.ctx, l.args...); err != nil {
			return err
		}
	}
	return nil
}
