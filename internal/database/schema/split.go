package schema

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of what is parsed. A hand-written migration is far below them, and
// parsers take time and stack that grow with the depth.
const (
	longestStatement = 64 << 10
	mostBrackets     = 4000
)

// piece is text with the line it begins in.
type piece struct {
	text string
	line int
}

// plain is a file's text without its byte order mark, or why it is no text.
func plain(b []byte) (text, why string) {
	if len(b) >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF {
		b = b[3:]
	}
	if !utf8.Valid(b) || strings.IndexByte(string(b), 0) >= 0 {
		return "", "The file is not UTF-8 text, so it cannot be read."
	}
	return string(b), ""
}

// split cuts a script at the semicolons that end statements. Comments before a
// statement are left out of its text unless there is nothing else.
func split(d Dialect, p piece) []piece {
	c := cutter{text: p.text, line: p.line, dialect: d}
	for c.at < len(c.text) {
		c.step()
	}
	c.end()
	return c.out
}

// cutter walks over a script once.
type cutter struct {
	text    string
	at      int
	from    int // where the present statement begins
	line    int // of from
	begun   bool
	dialect Dialect
	words   []string // the first words of the statement
	last    string   // the last word
	deep    int
	opened  bool   // the statement had a BEGIN
	ends    string // what ends a statement, when somebody said DELIMITER
	out     []piece
}

func (c *cutter) step() {
	rest := c.text[c.at:]
	switch b := rest[0]; {
	case c.ends != "" && strings.HasPrefix(rest, c.ends):
		c.end()
		c.at += len(c.ends)
		c.from = c.at
	case c.dialect == MySQL && !c.begun && (rest[0] == 'd' || rest[0] == 'D') && delimiter.MatchString(rest):
		c.delimit(rest)
	case c.lineComment(rest):
		c.skip(lineEnd(rest))
	case strings.HasPrefix(rest, "/*!"), strings.HasPrefix(rest, "/*M!"): // which MySQL runs
		c.take(comment(rest, c.dialect == Postgres))
	case strings.HasPrefix(rest, "/*"):
		c.skip(comment(rest, c.dialect == Postgres))
	case b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '\f' || b == '\v':
		c.skip(1)
	case b == ';':
		c.at++
		if c.deep == 0 && c.ends == "" && !c.inBody() {
			c.end()
		}
	case b == '\'' || b == '"' || b == '`' && c.dialect != Postgres:
		c.take(quote(rest, b, c.escapes(b)))
	case b == '$' && c.dialect == Postgres:
		c.take(dollar(rest))
	case b == '(' || b == '[':
		c.deep++
		c.take(1)
	case b == ')' || b == ']':
		c.deep = max(c.deep-1, 0)
		c.take(1)
	case word(b):
		n := 1
		for n < len(rest) && (word(rest[n]) || rest[n] >= '0' && rest[n] <= '9' || rest[n] == '$') && (c.ends == "" || !strings.HasPrefix(rest[n:], c.ends)) {
			n++
		}
		c.last = strings.ToUpper(rest[:n])
		c.opened = c.opened || c.last == "BEGIN"
		if len(c.words) < 12 {
			c.words = append(c.words, c.last)
		}
		c.take(n)
	default:
		c.take(1)
	}
}

// delimiter is how scripts for MySQL's own client say what ends a statement, so
// that bodies can have semicolons.
var delimiter = regexp.MustCompile(`(?i)^DELIMITER[ \t]+[^\s]+[ \t]*(\r?\n|$)`)

func (c *cutter) delimit(rest string) {
	line := rest[:lineEnd(rest)]
	c.ends = strings.Fields(line)[1]
	if c.ends == ";" {
		c.ends = ""
	}
	c.skip(len(line))
}

func (c *cutter) lineComment(rest string) bool {
	if c.dialect == MySQL {
		return myLineComment(rest)
	}
	return strings.HasPrefix(rest, "--")
}

// escapes says that a backslash takes the meaning from a quote.
func (c *cutter) escapes(q byte) bool {
	if c.dialect == MySQL {
		return q != '`'
	}
	return q == '\'' && c.dialect == Postgres && strings.EqualFold(c.last, "e") && c.at > 0 && (c.text[c.at-1] == 'e' || c.text[c.at-1] == 'E')
}

// inBody says that a semicolon is one inside of a trigger's or a function's
// body, which ends with END.
func (c *cutter) inBody() bool {
	w := c.words
	if len(w) == 0 || w[0] != "CREATE" || c.last == "END" {
		return false
	}
	all := " " + strings.Join(w, " ") + " "
	switch c.dialect {
	case SQLite:
		return strings.Contains(all, " TRIGGER ")
	case MySQL:
		return c.opened && (strings.Contains(all, " TRIGGER ") || strings.Contains(all, " PROCEDURE ") || strings.Contains(all, " FUNCTION ") || strings.Contains(all, " EVENT "))
	default:
		return (strings.Contains(all, " FUNCTION ") || strings.Contains(all, " PROCEDURE ")) && strings.Contains(c.text[c.from:c.at], "BEGIN ATOMIC")
	}
}

// skip passes over what stands between statements, or inside of one.
func (c *cutter) skip(n int) {
	if !c.begun {
		c.line += strings.Count(c.text[c.at:c.at+n], "\n")
		c.from = c.at + n
	}
	c.at += n
}

func (c *cutter) take(n int) {
	c.begun = true
	c.at += n
}

// end closes the present statement. The rows after COPY … FROM STDIN are no
// statements.
func (c *cutter) end() {
	text := strings.TrimSpace(c.text[c.from:c.at])
	passed := strings.Count(c.text[c.from:c.at], "\n")
	if c.begun {
		c.out = append(c.out, piece{text, c.line})
	}
	if c.dialect == Postgres && len(c.words) > 0 && c.words[0] == "COPY" && strings.Contains(" "+strings.Join(c.words, " ")+" ", " STDIN ") {
		if i := strings.Index(c.text[c.at:], "\n\\."); i >= 0 {
			rows := i + 3
			passed += strings.Count(c.text[c.at:c.at+rows], "\n")
			c.at += rows
		}
	}
	c.line += passed
	c.from, c.begun, c.words, c.last, c.deep, c.opened = c.at, false, nil, "", 0, false
}

func word(b byte) bool { return b == '_' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80 }

func lineEnd(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i + 1
	}
	return len(s)
}

// comment is how long a block comment is; Postgres nests them.
func comment(s string, nests bool) int {
	depth, i := 0, 0
	for i < len(s) {
		switch {
		case strings.HasPrefix(s[i:], "/*") && (nests || depth == 0):
			depth++
			i += 2
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return len(s)
}

// quote is how long a quoted text is; a doubled quote stands for one.
func quote(s string, q byte, escapes bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == q && i+1 < len(s) && s[i+1] == q:
			i++
		case s[i] == q:
			return i + 1
		}
	}
	return len(s)
}

// ambiguous says that dialects may not agree on where quotes and comments end:
// there is a backslash or a sharp, a comment that only MySQL runs, dashes that
// begin a comment for all but MySQL, or a comment in a comment.
func ambiguous(s string) bool {
	if strings.ContainsAny(s, "\\#") || strings.Contains(s, "/*!") || strings.Contains(s, "/*M!") {
		return true
	}
	for rest := s; ; {
		_, after, found := strings.Cut(rest, "--")
		if !found {
			break
		}
		if after != "" && after[0] > ' ' {
			return true
		}
		rest = after
	}
	for rest := s; ; {
		_, after, found := strings.Cut(rest, "/*")
		if !found {
			return false
		}
		inner, next, _ := strings.Cut(after, "*/")
		if strings.Contains(inner, "/*") {
			return true
		}
		rest = next
	}
}

// dollar is how long a dollar-quoted text is, 1 when it is none.
func dollar(s string) int {
	n := 1
	for n < len(s) && (word(s[n]) || n > 1 && s[n] >= '0' && s[n] <= '9') {
		n++
	}
	if n == len(s) || s[n] != '$' {
		return 1
	}
	tag := s[:n+1]
	if i := strings.Index(s[len(tag):], tag); i >= 0 {
		return len(tag) + i + len(tag)
	}
	return len(s)
}

// brackets counts what opens: how deep a statement can be at most, however
// its text is quoted.
func brackets(s string) int { return strings.Count(s, "(") + strings.Count(s, "[") }
