package config

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// A reference is written ${env:NAME}, but YAML does not allow braces in a plain
// text inside {…}, which is where people write tokens. So the braces of
// references become private characters for the parser; the columns stay.
const (
	open, shut = '\uE000', '\uE001'
)

var (
	reference = regexp.MustCompile(`\$\{([^{}\n]*)\}`)
	unveil    = strings.NewReplacer(string(open), "{", string(shut), "}")
)

func veil(data string) string {
	return reference.ReplaceAllString(data, "$$"+string(open)+"${1}"+string(shut))
}

// source is the text of the file for showing lines of it.
type source struct {
	lines [][]rune
	stars map[int][]span // what must not be shown, by line from 1
}

type span struct{ from, to int } // columns from 1, to exclusive

func newSource(data string) *source {
	s := &source{stars: map[int][]span{}}
	for line := range strings.Lines(data) {
		s.lines = append(s.lines, []rune(strings.TrimRight(line, "\r\n")))
	}
	return s
}

// hide keeps a value out of every snippet, a long one with all its lines.
func (s *source) hide(n ast.Node) {
	ast.Walk(hider{s}, n)
}

type hider struct{ *source }

func (h hider) Visit(n ast.Node) ast.Visitor {
	if literal, ok := n.(*ast.LiteralNode); ok {
		// A block text: everything deeper than its key, to be safe.
		tk := literal.GetToken()
		for line := tk.Position.Line + 1; line <= len(h.lines); line++ {
			if text := strings.TrimSpace(string(h.lines[line-1])); text != "" && indent(h.lines[line-1]) <= indent(h.lines[tk.Position.Line-1]) {
				break
			}
			h.star(line, 1, len(h.lines[line-1])+1)
		}
		return nil
	}
	if _, ok := n.(ast.ScalarNode); ok {
		h.starToken(n.GetToken())
	}
	return h
}

func (s *source) starToken(tk *token.Token) {
	if tk == nil || tk.Position == nil || tk.Position.Line < 1 {
		return
	}
	// Quotes and folded lines make the source longer than the value; up to
	// the end of the line is safe, and the next separator is close enough.
	line, from := tk.Position.Line, tk.Position.Column
	rows := strings.Count(strings.TrimSpace(tk.Origin), "\n")
	for i := 0; i <= rows && line+i <= len(s.lines); i++ {
		to := len(s.lines[line+i-1]) + 1
		if rows == 0 {
			to = min(to, from+len([]rune(strings.TrimSpace(tk.Origin))))
		}
		s.star(line+i, from, to)
		from = 1
	}
}

func (s *source) star(line, from, to int) {
	s.stars[line] = append(s.stars[line], span{max(from, 1), to})
}

func indent(line []rune) int {
	return len(line) - len([]rune(strings.TrimLeft(string(line), " ")))
}

// hideGuess is for a file that cannot be parsed, where nobody knows what is a
// secret: whatever stands after a key that sounds like one, and every long
// word without a space.
func (s *source) hideGuess() {
	for i, line := range s.lines {
		text := string(line)
		for _, m := range append(sounding.FindAllStringSubmatchIndex(text, -1), longWord.FindAllStringSubmatchIndex(text, -1)...) {
			from := len([]rune(text[:m[2]])) + 1
			s.star(i+1, from, from+len([]rune(text[m[2]:m[3]])))
		}
	}
}

var (
	sounding = regexp.MustCompile(`(?i)(?:token|secret|password|passwd|key|url|dsn)\w*["']?\s*:\s*([^,}\s][^,}]*)`)
	longWord = regexp.MustCompile(`([^\s:,{}\[\]"']{20,})`)
)

// snippet is a line with a caret under a column.
func (s *source) snippet(line, column int) string {
	if line < 1 || line > len(s.lines) {
		return ""
	}
	shown := []rune(string(s.lines[line-1]))
	for _, sp := range s.stars[line] {
		for i := sp.from - 1; i < min(sp.to-1, len(shown)); i++ {
			shown[i] = '*'
		}
	}
	for i, r := range shown {
		if r == '\t' || r < ' ' || r == 0x7f {
			shown[i] = ' '
		}
	}
	// A long line is cut around the caret.
	const width = 110
	from := 0
	if column > width*2/3 {
		from = min(column-width/2, max(len(shown)-width, 0))
	}
	to := min(from+width, len(shown))
	return "  | " + strings.TrimRight(string(shown[from:to]), " ") + "\n  | " + strings.Repeat(" ", max(column-1-from, 0)) + "^"
}
