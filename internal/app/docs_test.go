package app_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/access"
)

// rolesTable is the policy as docs/security.md shows it.
func rolesTable() string {
	session := func(r access.Role) access.Actor {
		return access.Actor{Kind: access.Person, ID: "u", Role: r, SessionID: "s"}
	}
	token := func(s access.Scope, r access.Role) access.Actor {
		return access.Actor{Kind: access.Machine, ID: "u", Role: r, Scope: s, TokenID: "t"}
	}
	callers := []struct {
		title string
		actor access.Actor
	}{
		{"nobody", access.Actor{}},
		{"ADMIN", session(access.Admin)},
		{"SUPER_ADMIN", session(access.SuperAdmin)},
		{"`api` of ADMIN", token(access.API, access.Admin)},
		{"`api` of SUPER_ADMIN", token(access.API, access.SuperAdmin)},
		{"`mcp`", token(access.MCP, access.SuperAdmin)},
		{"`ping`", token(access.Ping, access.SuperAdmin)},
		{"`report`", token(access.Report, access.SuperAdmin)},
	}
	var b strings.Builder
	b.WriteString("| use case |")
	for _, c := range callers {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat(":-:|", len(callers)) + "\n")
	for _, use := range access.UseCases() {
		fmt.Fprintf(&b, "| `%s` |", use)
		for _, c := range callers {
			if access.Permits(c.actor, use) {
				b.WriteString(" yes |")
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func securityPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestSecurityPageShowsThePolicyAsItIs(t *testing.T) {
	if table := rolesTable(); !strings.Contains(securityPage(t), table) {
		t.Errorf("docs/security.md does not show the policy of internal/access/policy.go. The table should be:\n\n%s", table)
	}
}

// TestSecurityPageNamesTestsThatExist: a promise on the page has a test, and a
// test that was renamed takes its name on the page with it.
func TestSecurityPageNamesTestsThatExist(t *testing.T) {
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			there[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)\\w+)`").FindAllStringSubmatch(securityPage(t), -1)
	for _, m := range named {
		if !there[m[1]] {
			t.Errorf("docs/security.md names %s, which does not exist", m[1])
		}
	}
	if len(named) < 40 {
		t.Errorf("docs/security.md names %d tests: is the table still there?", len(named))
	}
}
