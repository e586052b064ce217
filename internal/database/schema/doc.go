// Package schema reads migrations and says what each statement means for the
// releases that came before it: expand, when every older release that ran on
// the schema keeps running on it; contract, when one may not; unknown, when
// nobody can tell from the text.
//
// Text goes one way: files.go knows how each tool lays out its files and which
// part of them runs forwards, split.go cuts that part into statements, a
// dialect (postgres.go, sqlite.go, mysql.go) has a real parser read each one
// and says what it does in words that all dialects share (act.go), and rule.go
// judges.
// Calls of migration builders (code.go) end in the same words. One rule
// therefore judges them all, and it remembers what the same release created
// before: nobody old uses that, so it may be changed and dropped at will.
//
// What does not parse, is not text, is too long or too deep, or runs code that
// cannot be seen is unknown and never expand. The splitter is no parser and
// needs to be no good one: a wrong cut makes a statement that does not parse,
// and text that the splitter took for a comment is still shown to the parser.
//
// The room must not know where files come from, which release is live or what
// is done with a verdict. Nothing happens before the first call.
package schema
