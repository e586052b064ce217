package schema

import "strings"

// code reads a migration that is a program.
func code(_, _, text string, known *state) []Statement {
	known.forget()
	return []Statement{{Text: clip(strings.TrimSpace(text)), Line: 1, Class: Unknown, Reason: "The migration is a program: what it does is only known when it runs."}}
}
