package schema

import (
	"testing"

	"github.com/sqlc-dev/meyer/parser"
	"github.com/sqlc-dev/oliphant"
)

// FuzzClassify feeds anything: it never panics, and what no parser reads is
// never expand.
func FuzzClassify(f *testing.F) {
	for _, seed := range []string{
		"CREATE TABLE a (i int); DROP TABLE b;", "DO $$ BEGIN EXECUTE 'x'; END $$;", "ALTER TABLE a ADD b int, DROP c;", "-- +goose Up\nSELECT 1;\n-- +goose Down\n",
		"COPY a FROM STDIN;\n1\n\\.\n", "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;", "E'\\'';", "$a$;$a$", "/* /* */", "\\connect x", "WITH x AS (DELETE FROM a) SELECT 1",
		"DELIMITER //\nDROP TABLE a//\n", "/*!50000 DROP TABLE a */;", "ALTER TABLE `a` MODIFY `b` int, CHANGE c d int; # x", `ALTER TABLE a COMMENT 'x\'; '`,
		"class A < ActiveRecord::Migration[7.1]\n def change\n  add_column :a, :b, :string\n end\nend", "exports.up = (knex) => knex.schema.dropTable('a')",
	} {
		for _, tool := range []string{"", "goose", "drizzle", "node-pg-migrate"} {
			f.Add("", tool, "a.sql", seed)
		}
		f.Add("mysql", "", "a.sql", seed)
		f.Add("", "rails", "a.rb", seed)
		f.Add("", "knex", "a.ts", seed)
	}
	f.Fuzz(func(t *testing.T, dialect, tool, path, text string) {
		for _, m := range Classify(Options{Tool: tool, Dialect: Dialect(dialect)}, []File{{Path: path, Text: []byte(text)}}) {
			class := Expand
			for _, s := range m.Statements {
				class = Worse(class, s.Class)
				if s.Reason == "" || s.Line < 1 {
					t.Errorf("a verdict without a reason or a line: %+v", s)
				}
				if s.Class != Expand || len(s.Text) > longestText || shapeOf(tool, path) != shapeSQL {
					continue
				}
				if _, err := oliphant.Parse(s.Text); err == nil {
					continue
				}
				if _, err := parser.ParseString(s.Text); err == nil {
					continue
				}
				if _, err := parse(MySQL, s.Text); err != nil {
					t.Errorf("%q does not parse, and is called expand: %s", s.Text, s.Reason)
				}
			}
			if m.Class != class {
				t.Errorf("the file is %s, and its worst statement %s", m.Class, class)
			}
		}
	})
}
