package expr

import (
	"fmt"
	"strings"
)

// SyntaxError says what is wrong with an expression, where, and how to mend it.
type SyntaxError struct {
	// Text is the expression as it was given. It may be anything at all: quote
	// it before showing it.
	Text    string
	Dialect Dialect
	// Field is "minute", "hour", "day of month", "month" or "day of week", and
	// empty where the expression as a whole is wrong.
	Field string
	// Position is the offset in bytes into Text at which the trouble starts.
	Position int
	// Problem and Hint are for people. Hint may be empty.
	Problem string
	Hint    string
}

// Error gives all of it in one line, at most a few hundred bytes however long
// the expression was.
func (e *SyntaxError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cron expression %s", quote(e.Text))
	if e.Field != "" {
		fmt.Fprintf(&b, ", %s field (character %d)", e.Field, e.Position+1)
	}
	b.WriteString(": " + e.Problem)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// quote makes hostile text fit for a message: escaped, and cut.
func quote(text string) string {
	const most = 80
	if len(text) > most {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(text[:most], ""))
	}
	return fmt.Sprintf("%q", text)
}
