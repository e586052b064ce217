package schema

import (
	"fmt"
	"strings"
)

// parse reads one statement as a cutter cut it: what it does, nil when it is
// nothing but comments, or why it cannot be read.
func parse(d Dialect, text string) (acts []act, err error) {
	defer func() {
		// A parser that trips over a text has not understood it.
		if r := recover(); r != nil {
			acts, err = nil, errUnread
		}
	}()
	switch {
	case len(text) > longestStatement:
		return nil, unread(fmt.Sprintf("The statement is longer than %d kB, so it is not read.", longestStatement>>10))
	case brackets(text) > mostBrackets:
		return nil, unread(fmt.Sprintf("The statement has more than %d brackets, so it is not read.", mostBrackets))
	case d == MySQL:
		return mysql(text)
	case strings.Contains(text, "/*!") || strings.Contains(text, "/*M!"):
		return nil, unread("It has a comment that MySQL runs, so nobody can tell what it does.")
	case d == SQLite:
		return sqlite(text)
	default:
		return postgres(text)
	}
}

// unread is a statement that no parser understood.
type unread string

func (u unread) Error() string { return string(u) }

const errUnread unread = "The parser does not understand it, so nobody can tell what it does."
