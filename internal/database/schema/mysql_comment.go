package schema

import "strings"

// readings are the two texts that a statement of MySQL can be: with the
// comments that servers run, and without them. Which server runs which depends
// on its version and its make. What is a comment to all of them is in neither.
func readings(text string) (run, skipped string, err error) {
	var with, without strings.Builder
	for len(text) > 0 {
		n, skips := myToken(text)
		switch {
		case !skips:
			with.WriteString(text[:n])
			without.WriteString(text[:n])
		case strings.HasPrefix(text, "/*!"), strings.HasPrefix(text, "/*M!"):
			if !strings.HasSuffix(text[:n], "*/") {
				return "", "", errUnread
			}
			inner := text[strings.IndexByte(text, '!')+1 : n-2]
			code := strings.TrimLeft(inner, "0123456789")
			if digits := len(inner) - len(code); strings.Contains(code, "/*") || digits != 0 && digits != 5 && digits != 6 {
				return "", "", unread("It has a comment that MySQL runs, and where that ends depends on the server, so nobody can tell what it does.")
			}
			with.WriteString(" " + code + " ")
			without.WriteString(" ")
		default:
			with.WriteString(" ")
			without.WriteString(" ")
		}
		text = text[n:]
	}
	return with.String(), without.String(), nil
}

// myToken is how long what a text begins with is, and whether it is a comment.
func myToken(s string) (n int, skipped bool) {
	switch b := s[0]; {
	case myLineComment(s):
		return lineEnd(s), true
	case strings.HasPrefix(s, "/*"):
		return comment(s, false), true
	case b == '\'' || b == '"' || b == '`':
		return quote(s, b, b != '`'), false
	}
	return 1, false
}

// myLineComment says that the rest of the line is a comment. Two dashes begin
// one only with white space behind them: 1--1 is a sum.
func myLineComment(s string) bool {
	return s[0] == '#' || strings.HasPrefix(s, "--") && (len(s) == 2 || s[2] <= ' ')
}
