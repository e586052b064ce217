package hostile_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/envdeck/envdeck/internal/hostile"
)

func TestLine(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Fix login (#12)", "Fix login (#12)"},
		{"  two\n\tlines\r\n and\x00\x1b[31m more ", "two lines and [31m more"},
		{"abc\u202Egnp.exe", "abc\uFFFDgnp.exe"},
		{"zero\u200Bwidth", "zero\uFFFDwidth"},
		{"\xff\xfe", "\uFFFD\uFFFD"},
		{"", ""},
		{"ééééé", "ééééé"},
		{"<script>alert(1)</script>", "<script>alert(1)</script>"}, // escaping is the face's
	} {
		if got := hostile.Line(c.in, 40); got != c.want {
			t.Errorf("Line(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	if got := hostile.Line(strings.Repeat("x", 10<<20), 300); utf8.RuneCountInString(got) != 300 || !strings.HasSuffix(got, "…") {
		t.Errorf("a 10 MB line became %d characters", utf8.RuneCountInString(got))
	}
	if got := hostile.FirstLine("\n\nTitle\n\nBody", 40); got != "Title" {
		t.Errorf("FirstLine = %q", got)
	}
}

func TestLink(t *testing.T) {
	good := []string{"https://spike.land/x?y=1#z", "http://127.0.0.1:3000/", "http://localhost:4280/a", "http://[::1]:80/"}
	bad := []string{
		"", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "http://example.com/", "//example.com", "/path",
		"https://%253Cscript%253E/", "https://\uff1cscript\uff1e/x", "https://exampl\u0435.com/", "https://a b/", "https://:443/", "https://a%00.b/", "https://[fe80::1%25eth0]/",
		"https://user:pw@example.com/", "https:///nohost", "https://a.b/\x00", "ftp://x.y/", "vbscript:x", "https://" + strings.Repeat("a", 3000),
	}
	for _, s := range good {
		if hostile.Link(s) == "" {
			t.Errorf("Link(%q) was refused", s)
		}
	}
	for _, s := range bad {
		if got := hostile.Link(s); got != "" {
			t.Errorf("Link(%q) = %q, want it refused", s, got)
		}
	}
}

func TestCommit(t *testing.T) {
	for in, want := range map[string]string{
		"ABCDEF1": "abcdef1", strings.Repeat("a", 40): strings.Repeat("a", 40), strings.Repeat("a", 41): "", "abc": "", "abcdefg": "", "../../etc": "",
	} {
		if got := hostile.Commit(in); got != want {
			t.Errorf("Commit(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("plain", 10)
	f.Add("\u202E\x00\xff", 3)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = min(max(limit, 1), 1000)
		got := hostile.Line(s, limit)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > limit+1 {
			t.Errorf("Line(%q, %d) = %q", s, limit, got)
		}
		if strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("control characters are left in %q", got)
		}
	})
}

func TestLines(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\nb\rc\n\td": "a\nb\nc\n\td",
		"\x1b[1;31mred\x1b[0m \x1b]0;title\x07end": "red end",
		"\x1b[2J\x1bcx\x00\u202ey":                 "x\ufffd\ufffdy",
		"\x1bM\x1b(B\x1b":                          "\ufffd",
	} {
		if got := hostile.Lines(in); got != want {
			t.Errorf("Lines(%q) = %q, want %q", in, got, want)
		}
	}
}
