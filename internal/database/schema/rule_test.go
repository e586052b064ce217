package schema

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// verdicts are the classes of a script's statements, as one word each.
func verdicts(tool string, files ...string) string {
	all := []File{}
	for i, text := range files {
		all = append(all, File{Path: string(rune('a'+i)) + ".sql", Text: []byte(text)})
	}
	out := []string{}
	for _, m := range Classify(Options{Tool: tool}, all) {
		for _, s := range m.Statements {
			out = append(out, string(s.Class[0]))
		}
	}
	return strings.Join(out, "")
}

// TestStatements holds the rule to the ways in which a change can look like
// another one. e is expand, c contract, u unknown.
func TestStatements(t *testing.T) {
	for name, c := range map[string]struct{ sql, want string }{
		"several actions at once":               {`ALTER TABLE a ADD b int, DROP c;`, "c"},
		"on one line":                           {`CREATE TABLE a (i int); DROP TABLE b; CREATE INDEX x ON a (i);`, "ece"},
		"no semicolon at the end":               {`DROP TABLE users`, "c"},
		"nothing":                               {"\n  -- only a word\n/* and another */\n", ""},
		"in a comment":                          {"-- DROP TABLE users;\nSELECT 1;", "e"},
		"comments within comments":              {"/* /* DROP TABLE a; */ */ DROP TABLE b;", "c"},
		"a quote in a comment":                  {"-- it's\nDROP TABLE b;\n-- it's", "c"},
		"a comment in a quote":                  {`COMMENT ON TABLE a IS '--'; DROP TABLE b;`, "ec"},
		"a semicolon in a quote":                {`COMMENT ON TABLE a IS 'x; DROP TABLE b;';`, "e"},
		"an escaped quote":                      {`COMMENT ON TABLE a IS E'it\'s; '; DROP TABLE b;`, "ec"},
		"a backslash that escapes nothing":      {`COMMENT ON TABLE a IS '\'; DROP TABLE b; --'`, "ec"},
		"quotes that the server reads anew":     {`SET standard_conforming_strings = off; COMMENT ON TABLE a IS 'x';`, "ue"},
		"dollars":                               {`COMMENT ON TABLE a IS $x$ DROP TABLE b; $$ ; $x$; DROP TABLE c;`, "ec"},
		"dollars of a function":                 {`CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$; DROP TABLE c;`, "ec"},
		"a body without quotes":                 {"CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC DELETE FROM a; DELETE FROM b; END; DROP TABLE c;", "ec"},
		"quoted identifiers":                    {`CREATE TABLE "a;b" (i int); DROP TABLE "a;b"; DROP TABLE "A;b";`, "eec"},
		"names in another case":                 {`CREATE TABLE Foo (i int); DROP TABLE "Foo";`, "ec"},
		"psql's own commands":                   {"\\connect other\nDROP TABLE a;", "u"},
		"a variable of psql":                    {"DROP TABLE :name;", "u"},
		"a placeholder of Flyway":               {"CREATE TABLE ${schema}.a (i int);", "u"},
		"not SQL":                               {"please drop users;", "u"},
		"unfinished":                            {"CREATE TABLE a (i int", "u"},
		"made if it is not there":               {`CREATE TABLE IF NOT EXISTS a (i int); DROP TABLE a; ALTER TABLE a ALTER i SET NOT NULL;`, "euu"},
		"dropped if it is there":                {`DROP TABLE IF EXISTS a; CREATE TABLE a (i int); ALTER TABLE a DROP i;`, "cee"},
		"made and dropped":                      {`CREATE TABLE a (i int); DROP TABLE a; DROP TABLE a;`, "eec"},
		"made and named otherwise":              {`CREATE TABLE a (i int); ALTER TABLE a RENAME TO b; DROP TABLE b; DROP TABLE a;`, "eeec"},
		"named like an old one":                 {`ALTER TABLE users RENAME TO a; DROP TABLE a;`, "cc"},
		"taken back":                            {`BEGIN; CREATE TABLE a (i int); ROLLBACK; DROP TABLE a;`, "eeec"},
		"another path":                          {`CREATE TABLE a (i int); SET search_path = old; DROP TABLE a;`, "eec"},
		"another path by a function":            {`CREATE TABLE a (i int); SELECT set_config('search_path', 'old', false); DROP TABLE a;`, "euc"},
		"with a schema and without":             {`CREATE TABLE a (i int); DROP TABLE public.a; DROP TABLE other.a;`, "ecc"},
		"a new schema":                          {`CREATE SCHEMA s; CREATE TABLE s.a (i int); ALTER TABLE s.a ADD j int NOT NULL; DROP TABLE a;`, "eeec"},
		"a schema with its tables":              {`CREATE SCHEMA s CREATE TABLE a (i int); DROP TABLE a;`, "ec"},
		"a temporary table hides an old one":    {`CREATE TEMP TABLE users (i int); DROP TABLE users; DROP TABLE users;`, "euu"},
		"a partition is written by old ones":    {`CREATE TABLE p PARTITION OF events FOR VALUES IN (1); ALTER TABLE p ADD CHECK (i > 0);`, "eu"},
		"a partition is taken off":              {`ALTER TABLE events DETACH PARTITION p;`, "c"},
		"an old table becomes a partition":      {`ALTER TABLE events ATTACH PARTITION p FOR VALUES IN (1);`, "u"},
		"after code that cannot be seen":        {`CREATE TABLE a (i int); DO $$ BEGIN EXECUTE 'x'; END $$; DROP TABLE a;`, "euc"},
		"required, with a default":              {`ALTER TABLE a ADD b int NOT NULL DEFAULT 1;`, "e"},
		"required, with NULL for a default":     {`ALTER TABLE a ADD b int NOT NULL DEFAULT NULL;`, "c"},
		"required, with a NULL that is cast":    {`ALTER TABLE a ADD b text NOT NULL DEFAULT NULL::text;`, "c"},
		"required later, no default":            {`ALTER TABLE a ADD b int; ALTER TABLE a ALTER b SET NOT NULL;`, "ec"},
		"required later, with a default":        {`ALTER TABLE a ADD b int; ALTER TABLE a ALTER b SET DEFAULT 1; ALTER TABLE a ALTER b SET NOT NULL;`, "eee"},
		"the default goes again":                {`ALTER TABLE a ADD b int NOT NULL DEFAULT 1; ALTER TABLE a ALTER b DROP DEFAULT;`, "ec"},
		"the default goes, it may be empty":     {`ALTER TABLE a ADD b int DEFAULT 1; ALTER TABLE a ALTER b DROP DEFAULT;`, "ee"},
		"an old default goes":                   {`ALTER TABLE a ALTER b DROP DEFAULT;`, "c"},
		"a default of NULL":                     {`ALTER TABLE a ALTER b SET DEFAULT NULL;`, "c"},
		"unique, left empty":                    {`ALTER TABLE a ADD b int UNIQUE;`, "e"},
		"unique, one default for all":           {`ALTER TABLE a ADD b int UNIQUE DEFAULT 1;`, "c"},
		"unique, another default each":          {`ALTER TABLE a ADD b uuid UNIQUE DEFAULT gen_random_uuid();`, "e"},
		"unique first, the default later":       {`ALTER TABLE a ADD b int; CREATE UNIQUE INDEX ON a (b); ALTER TABLE a ALTER b SET DEFAULT 1;`, "eeu"},
		"unique where NULLs are equal":          {`ALTER TABLE a ADD b int; CREATE UNIQUE INDEX ON a (b) NULLS NOT DISTINCT;`, "ec"},
		"unique with an old column":             {`ALTER TABLE a ADD b int; CREATE UNIQUE INDEX ON a (old, b);`, "ee"},
		"unique over an old column":             {`CREATE UNIQUE INDEX CONCURRENTLY ON a (old);`, "c"},
		"unique over an expression":             {`CREATE UNIQUE INDEX ON a (lower(email));`, "c"},
		"a key of a new column":                 {`ALTER TABLE a ADD b int; ALTER TABLE a ADD PRIMARY KEY (b);`, "ec"},
		"a check that wants a value":            {`ALTER TABLE a ADD b int; ALTER TABLE a ADD CHECK (b IS NOT NULL);`, "ec"},
		"a check that wants one in hiding":      {`ALTER TABLE a ADD b int CHECK (coalesce(b, 0) > 0);`, "c"},
		"a check of nothing":                    {`ALTER TABLE a ADD b int CHECK (b > 0 AND 1 = 0);`, "c"},
		"a check with an old column":            {`ALTER TABLE a ADD b int CHECK (b > old);`, "c"},
		"a check that lets empty ones through":  {`ALTER TABLE a ADD b int CHECK (b > 0 AND b < 100);`, "e"},
		"a reference that is left empty":        {`ALTER TABLE a ADD b int REFERENCES c (id);`, "e"},
		"a reference with a default":            {`ALTER TABLE a ADD b int DEFAULT 1 REFERENCES c (id);`, "u"},
		"a reference that is not checked":       {`ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (id) NOT VALID;`, "c"},
		"an index whose expression may fail":    {`CREATE INDEX ON a ((data::int));`, "u"},
		"an index on what JSON holds":           {`CREATE INDEX ON a ((data ->> 'kind'));`, "e"},
		"a column that is computed":             {`ALTER TABLE a ADD b int GENERATED ALWAYS AS (1 / c) STORED;`, "u"},
		"a column that is numbered":             {`ALTER TABLE a ADD b int GENERATED BY DEFAULT AS IDENTITY;`, "e"},
		"a value of an enum":                    {`ALTER TYPE s ADD VALUE IF NOT EXISTS 'x' BEFORE 'y';`, "e"},
		"a value gets another name":             {`ALTER TYPE s RENAME VALUE 'x' TO 'y';`, "c"},
		"row level security":                    {`ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON a AS RESTRICTIVE USING (true);`, "cc"},
		"row level security of a new table":     {`CREATE TABLE a (i int); ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON a USING (true);`, "eee"},
		"a policy goes":                         {`DROP POLICY p ON a;`, "c"},
		"rows go, in a query":                   {`WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x;`, "c"},
		"rows go, in what is explained":         {`EXPLAIN ANALYZE DELETE FROM a;`, "c"},
		"rows go, in a merge":                   {`MERGE INTO a USING b ON a.i = b.i WHEN MATCHED THEN DELETE;`, "c"},
		"rows go, of a new table":               {`CREATE TABLE a (i int); DELETE FROM a; TRUNCATE a;`, "eee"},
		"every row goes":                        {`TRUNCATE a, b CASCADE;`, "c"},
		"a function is asked":                   {`SELECT drop_everything();`, "u"},
		"a function of somebody else":           {`SELECT mine.lower('A');`, "u"},
		"a function that fills":                 {`ALTER TABLE a ADD b text; UPDATE a SET b = mine(c);`, "eu"},
		"a query":                               {`SELECT count(*) FROM a WHERE lower(b) = 'x';`, "e"},
		"rows from outside":                     {"COPY a FROM STDIN;\n1\tx; DROP TABLE b;\n\\.\nDROP TABLE c;", "uc"},
		"rows from a program":                   {`COPY a FROM PROGRAM 'rm -rf /';`, "u"},
		"rights":                                {`GRANT SELECT ON a TO b; REVOKE SELECT ON a FROM b;`, "ec"},
		"an old view":                           {`CREATE OR REPLACE VIEW v AS SELECT 1; DROP VIEW v;`, "uc"},
		"another language":                      {`DO LANGUAGE plpython3u $$ BEGIN x; END $$;`, "u"},
		"a block that tries":                    {"DO $$ BEGIN\n CREATE TYPE t AS ENUM ('a');\nEXCEPTION\n WHEN duplicate_object THEN null;\nEND $$;", "e"},
		"a block that tries something bad":      {"DO $$ BEGIN\n DROP TABLE t;\nEXCEPTION\n WHEN undefined_table THEN null;\nEND $$;", "c"},
		"a block whose handler is bad":          {"DO $$ BEGIN\n CREATE TABLE t();\nEXCEPTION\n WHEN others THEN DROP TABLE a;\nEND $$;", "u"},
		"a block with a condition":              {"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 't') THEN CREATE TYPE t AS ENUM ('a'); END IF; END $$;", "e"},
		"a block whose condition is bad":        {"DO $$ BEGIN IF EXISTS (SELECT wipe()) THEN CREATE TYPE t AS ENUM ('a'); END IF; END $$;", "u"},
		"a block that makes what is there":      {"DO $$ BEGIN CREATE TABLE t (i int); EXCEPTION WHEN duplicate_table THEN null; END $$; DROP TABLE t;", "eu"},
		"the database's own settings":           {`ALTER SYSTEM SET fsync = off; ALTER DATABASE d SET search_path = x;`, "uu"},
		"SQLite: a table is built anew":         {"PRAGMA foreign_keys=OFF; CREATE TABLE n (i integer primary key autoincrement); INSERT INTO n SELECT i FROM a; DROP TABLE a; ALTER TABLE n RENAME TO a;", "eeece"},
		"SQLite: a trigger's semicolons":        {"CREATE TABLE `a` (i integer); CREATE TRIGGER t AFTER INSERT ON `a` BEGIN UPDATE `a` SET i = 1; DELETE FROM b; END; DROP TABLE c;", "eec"},
		"SQLite: its schema by hand":            {"PRAGMA writable_schema = 1; DROP TABLE `a`;", "uc"},
		"MySQL: a comment that it runs":         {"CREATE TABLE a (i int) /*! ; DROP TABLE b */;", "c"},
		"MySQL: a comment that is all there is": {"/*!40000 DROP TABLE b */;", "c"},
		"MySQL: it looks like a quoted text":    {`CREATE TABLE a (i text DEFAULT '\'', j text); DROP TABLE b; -- ' )`, "ec"},
		"MySQL: it looks like a comment":        {"SELECT 1 /* /* */; DROP TABLE b; -- */", "ec"},
	} {
		if got := verdicts("", c.sql); got != c.want {
			t.Errorf("%s: %s is %q, and should be %q", name, c.sql, got, c.want)
		}
	}
}

// TestMarks reads the part that runs forwards, and only where the tool has it.
func TestMarks(t *testing.T) {
	for name, c := range map[string]struct{ tool, text, want string }{
		"goose":                            {"goose", "-- +goose Up\nCREATE TABLE a();\n-- +goose Down\nDROP TABLE a;", "e"},
		"goose, the other way round":       {"goose", "-- +goose Down\nDROP TABLE a;\n-- +goose Up\nCREATE TABLE a();", "e"},
		"goose, not marked":                {"goose", "CREATE TABLE a();", "u"},
		"goose, with variables":            {"goose", "-- +goose Up\n-- +goose ENVSUB ON\nCREATE TABLE a();", "u"},
		"goose's marks mean nothing here":  {"prisma", "-- +goose Up\nCREATE TABLE a();\n-- +goose Down\nDROP TABLE b;", "ec"},
		"dbmate":                           {"dbmate", "-- migrate:up\nCREATE TABLE a();\n-- migrate:down\nDROP TABLE a;", "e"},
		"dbmate takes no space before it":  {"dbmate", "-- migrate:up\nCREATE TABLE a();\n  -- migrate:down\nDROP TABLE b;", "ec"},
		"node-pg-migrate":                  {"node-pg-migrate", "-- Up Migration\nCREATE TABLE a();\n-- Down Migration\nDROP TABLE a;", "e"},
		"node-pg-migrate, one mark":        {"node-pg-migrate", "CREATE TABLE a();\n-- Down Migration\nDROP TABLE b;", "ec"},
		"drizzle":                          {"drizzle", "CREATE TABLE a();--> statement-breakpoint DROP TABLE b;", "ec"},
		"an unknown tool runs all of it":   {"sqitch", "-- Up\nCREATE TABLE a();\n-- Down\nDROP TABLE b;", "ec"},
		"sql-migrate wants it to the dash": {"sql-migrate", "-- +migrate Up\nCREATE TABLE a();\n --  +migrate Down\nDROP TABLE b;", "ec"},
	} {
		text := c.text
		if c.tool == "prisma" {
			m := Classify(Options{Tool: "prisma"}, []File{{Path: "1_x/migration.sql", Text: []byte(text)}})
			got := ""
			for _, s := range m[0].Statements {
				got += string(s.Class[0])
			}
			if got != c.want {
				t.Errorf("%s: %q, and should be %q", name, got, c.want)
			}
			continue
		}
		if got := verdicts(c.tool, text); got != c.want {
			t.Errorf("%s: %q, and should be %q", name, got, c.want)
		}
	}
}

func TestWhatIsAMigration(t *testing.T) {
	for _, c := range []struct {
		tool, path string
		want       shape
	}{
		{"prisma", "20240101_x/migration.sql", shapeSQL},
		{"prisma", "migration_lock.toml", shapeNone},
		{"prisma", "20240101_x/down.sql", shapeNone},
		{"drizzle", "meta/0001_snapshot.json", shapeNone},
		{"liquibase", "changelog.json", shapeCode},
		{"golang-migrate", "1_x.up.sql", shapeSQL},
		{"golang-migrate", "1_x.down.sql", shapeNone},
		{"flyway", "U1__x.sql", shapeNone},
		{"flyway", "R__view.sql", shapeSQL},
		{"rails", "20240101_x.rb", shapeCode},
		{"knex", "20240101_x.ts", shapeCode},
		{"goose", "00001_x.go", shapeCode},
		{"goose", "README.md", shapeNone},
		{"flyway", "V1__x.java", shapeCode},
		{"", "x.exe", shapeCode},
	} {
		if got := shapeOf(c.tool, c.path); got != c.want {
			t.Errorf("%s %s is %d, and should be %d", c.tool, c.path, got, c.want)
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	for name, f := range map[string]File{
		"not there":  {Path: "a.sql", Unreadable: "it is not in the repository"},
		"UTF-16":     {Path: "a.sql", Text: []byte{0xFF, 0xFE, 'D', 0, 'R', 0}},
		"Latin-1":    {Path: "a.sql", Text: []byte("-- caf\xe9\nCREATE TABLE a ();")},
		"a NUL":      {Path: "a.sql", Text: []byte("CREATE TABLE a ();\x00")},
		"a program":  {Path: "a.go", Text: []byte("package x")},
		"very long":  {Path: "a.sql", Text: []byte("SELECT '" + strings.Repeat("x", longestStatement) + "';")},
		"very deep":  {Path: "a.sql", Text: []byte("SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000))},
		"deep calls": {Path: "a.sql", Text: []byte("SELECT " + strings.Repeat("a(", 20000))},
	} {
		m := Classify(Options{}, []File{f})
		if len(m) != 1 || m[0].Class != Unknown || m[0].Reason == "" {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// TestOrder reads files as they run: what the first creates is new to the next.
func TestOrder(t *testing.T) {
	m := Classify(Options{Tool: "flyway"}, []File{
		{Path: "R__z.sql", Text: []byte("ALTER TABLE a DROP i;")},
		{Path: "V10__b.sql", Text: []byte("ALTER TABLE a DROP j;")},
		{Path: "V9__a.sql", Text: []byte("CREATE TABLE a (i int, j int);")},
	})
	order := []string{}
	for _, x := range m {
		order = append(order, x.Path+" "+string(x.Class))
	}
	if want := []string{"V9__a.sql expand", "V10__b.sql expand", "R__z.sql expand"}; !slices.Equal(order, want) {
		t.Errorf("they run as %q, and should as %q", order, want)
	}
}

// TestLargeFiles reads a megabyte of anything, and says how long that takes.
func TestLargeFiles(t *testing.T) {
	for name, unit := range map[string]string{
		"rows": "INSERT INTO a (b) VALUES (1, 'some words that go on for a while');\n", "quotes": "x'", "brackets": "(((((", "dollars": "x $a$ ",
		"not": "SELECT NOT NOT NOT NOT;", "tables": "CREATE TABLE IF NOT EXISTS t (i int, j int);\n", "begins": "CREATE TRIGGER BEGIN;",
	} {
		text := []byte(strings.Repeat(unit, (1<<20)/len(unit)))
		began := time.Now()
		m := Classify(Options{}, []File{{Path: "a.sql", Text: text}})
		if m[0].Class != Unknown || len(m[0].Statements) > mostStatements+1 {
			t.Errorf("a megabyte of %s is %s, in %d statements", name, m[0].Class, len(m[0].Statements))
		}
		t.Logf("a megabyte of %s: %s", name, time.Since(began).Round(time.Millisecond))
	}
}
