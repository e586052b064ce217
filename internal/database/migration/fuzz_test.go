package migration_test

import (
	"testing"

	"github.com/envdeck/envdeck/internal/database/migration"
)

// FuzzFolder hands every tool names and texts from outside: it may refuse them
// and may not fall over, and what it lists it finds pending in an empty
// database.
func FuzzFolder(f *testing.F) {
	f.Add("1_a/migration.sql", "select 1", "meta/_journal.json", `{"entries":[{"tag":"a","when":1}]}`)
	f.Add("V1.0__a.sql", "a\r\nb", "R__b.sql", "\xef\xbb\xbfx")
	f.Add("1700000000000-A.ts", "class A1700000000000", "99999999999999999999_a.up.sql", "")
	f.Fuzz(func(t *testing.T, path1, text1, path2, text2 string) {
		files := migration.Folder{Files: []migration.File{{Path: path1, Text: []byte(text1)}, {Path: path2, Text: []byte(text2)}}}
		for _, name := range migration.Names() {
			tool := migration.Named(name)
			list, err := tool.List(files)
			if err != nil {
				continue
			}
			s := tool.Judge(nil, migration.List{Known: true, Migrations: list})
			if name != "prisma-8" && len(s.Pending) != len(list) {
				t.Fatalf("%s lists %v and finds %v pending in an empty database", name, list, s.Pending)
			}
			tool.Judge([]migration.Row{{"version": path1, "name": path2, "created_at": text1, "checksum": text2}, {}}, migration.List{Known: true, Migrations: list})
		}
	})
}
