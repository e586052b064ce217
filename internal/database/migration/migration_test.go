package migration_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/envdeck/envdeck/internal/database/migration"
)

type (
	row  = migration.Row
	want = migration.Standing
)

// folder makes a folder of "path" or "path=text".
func folder(files ...string) migration.Folder {
	var f migration.Folder
	for _, file := range files {
		path, text, read := strings.Cut(file, "=")
		one := migration.File{Path: path}
		if read {
			one.Text = []byte(text)
		}
		f.Files = append(f.Files, one)
	}
	return f
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

const early, late, later = "2026-01-01T10:00:00Z", "2026-02-01T10:00:00Z", "2026-03-01T10:00:00Z"

func prismaRow(name, text, finished, rolledBack string) row {
	r := row{"migration_name": name, "checksum": sum(text), "started_at": early}
	if finished != "" {
		r["finished_at"] = finished
	}
	if rolledBack != "" {
		r["rolled_back_at"] = rolledBack
	}
	return r
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name, tool string
		folder     migration.Folder
		rows       []row
		want       want
	}{
		{
			"failed blocks and is not pending, rolled back is pending again, edited and unknown files are named", "prisma",
			folder("migration_lock.toml", "1_init/migration.sql=a", "2_edit/migration.sql=changed", "3_back/migration.sql=c", "4_bad/migration.sql=d", "5_new/migration.sql=e", "6_empty/readme.md"),
			[]row{
				prismaRow("1_init", "a", early, ""), prismaRow("2_edit", "b", late, ""), prismaRow("3_back", "c", "", late),
				prismaRow("4_bad", "d", "", ""), prismaRow("0_squashed", "z", early, ""),
			},
			want{
				Latest: "2_edit", Applied: []string{"0_squashed", "1_init", "2_edit"}, Pending: []string{"3_back", "5_new"}, Failed: []string{"4_bad"},
				Edited: []string{"2_edit"}, RolledBack: []string{"3_back"}, DatabaseOnly: []string{"0_squashed"},
			},
		},
		{
			"rolled back, mended and applied counts once, with the sum of what was applied", "prisma",
			folder("1_a/migration.sql=mended"),
			[]row{prismaRow("1_a", "broken", "", early), prismaRow("1_a", "mended", late, "")},
			want{Latest: "1_a", Applied: []string{"1_a"}, Pending: []string{}, Failed: []string{}},
		},
		{
			"another row that failed blocks although one was applied", "prisma",
			folder("1_a/migration.sql=a"),
			[]row{prismaRow("1_a", "a", late, ""), prismaRow("1_a", "a", "", "")},
			want{Applied: []string{}, Pending: []string{}, Failed: []string{"1_a"}},
		},
		{
			"line ends do not count", "prisma", folder("1_a/migration.sql=a\r\nb\r\n"),
			[]row{prismaRow("1_a", "a\nb\n", early, "")},
			want{Latest: "1_a", Applied: []string{"1_a"}, Pending: []string{}, Failed: []string{}},
		},
		{
			"a text that was not read is not called edited", "prisma", folder("1_a/migration.sql"),
			[]row{prismaRow("1_a", "a", early, "")},
			want{Latest: "1_a", Applied: []string{"1_a"}, Pending: []string{}, Failed: []string{}},
		},
		{
			"what came in later with an earlier time is skipped for ever", "drizzle",
			folder(`meta/_journal.json={"entries":[{"tag":"0000_a","when":100},{"tag":"0001_late","when":150},{"tag":"0002_b","when":200},{"tag":"0003_c","when":300}]}`,
				"0000_a.sql=a", "0001_late.sql=l", "0002_b.sql=changed", "0003_c.sql=c"),
			[]row{{"id": "1", "hash": sum("a"), "created_at": "100"}, {"id": "2", "hash": sum("b"), "created_at": "200"}},
			want{
				Latest: "0002_b", Applied: []string{"0000_a", "0002_b"}, Pending: []string{"0003_c"}, Skipped: []string{"0001_late"}, Edited: []string{"0002_b"},
				Unknown: map[string]string{"failed": "Drizzle keeps no record of a migration that failed."},
			},
		},
		{
			"of what is in no file the time is known", "drizzle",
			folder(`meta/_journal.json={"entries":[{"tag":"0000_a","when":100}]}`, "0000_a.sql=a"),
			[]row{{"id": "1", "hash": sum("x"), "created_at": "50"}, {"id": "2", "hash": sum("a"), "created_at": "100.0"}},
			want{
				Latest: "0000_a", Applied: []string{"of 50", "0000_a"}, Pending: []string{}, Skipped: []string{}, DatabaseOnly: []string{"of 50"},
				Unknown: map[string]string{"failed": "Drizzle keeps no record of a migration that failed."},
			},
		},
		{
			"what went down has lost its row or has a newer one", "goose",
			folder("00001_a.sql", "00002_b.go", "00003_c.sql", "20240101_d.sql", "helpers.go", "00002_b_test.go", "sub/00009_x.sql"),
			[]row{
				{"id": "1", "version_id": "0", "is_applied": "true"},
				{"id": "2", "version_id": "1", "is_applied": "true"},
				{"id": "3", "version_id": "2", "is_applied": "true"},
				{"id": "4", "version_id": "2", "is_applied": "false"},
				{"id": "5", "version_id": "3", "is_applied": "1"},
			},
			want{
				Latest: "00003_c.sql", Applied: []string{"00001_a.sql", "00003_c.sql"}, Pending: []string{"00002_b.go", "20240101_d.sql"}, RolledBack: []string{"00002_b.go"},
				Unknown: map[string]string{"failed": "goose keeps no record of a migration that failed."},
			},
		},
		{
			"one row says where it stands", "golang-migrate",
			folder("1_a.up.sql", "1_a.down.sql", "2_b.up.sql", "10_c.up.sql", "10_c.down.sql", "README.md"),
			[]row{{"version": "2", "dirty": "false"}},
			want{
				Latest: "2_b", Applied: []string{"1_a", "2_b"}, Pending: []string{"10_c"}, Failed: []string{}, Skipped: []string{},
				Unknown: map[string]string{"edited": "golang-migrate keeps no sums of what it applied."},
			},
		},
		{
			"a dirty version did not end", "golang-migrate",
			folder("1_a.up.sql", "2_b.up.sql", "3_c.up.sql"),
			[]row{{"version": "2", "dirty": "1"}},
			want{
				Latest: "1_a", Applied: []string{"1_a"}, Pending: []string{"3_c"}, Failed: []string{"2_b"}, Skipped: []string{},
				Unknown: map[string]string{"edited": "golang-migrate keeps no sums of what it applied."},
			},
		},
		{
			"no row is nothing applied", "golang-migrate", folder("1_a.up.sql"), nil,
			want{
				Applied: []string{}, Pending: []string{"1_a"}, Failed: []string{}, Skipped: []string{},
				Unknown: map[string]string{"edited": "golang-migrate keeps no sums of what it applied."},
			},
		},
		{
			"history is read by rank: undone, deleted, ignored, repeated", "flyway",
			folder("V1__init.sql=create;\n", "V1.1__late.sql", "V2__b.sql", "V3__c.sql", "V4__new.sql", "R__views.sql=new\n", "R__same.sql=same\r\n", "U3__c.sql", "sub/V0_1__base.sql"),
			[]row{
				{"installed_rank": "0", "type": "SCHEMA", "script": "\"app\"", "success": "true"},
				{"installed_rank": "1", "version": "0.1", "description": "base", "type": "BASELINE", "script": "<< baseline >>", "success": "true"},
				{"installed_rank": "2", "version": "1", "description": "init", "type": "SQL", "script": "V1__init.sql", "checksum": "12", "success": "true"},
				{"installed_rank": "3", "version": "2", "description": "b", "type": "SQL", "script": "V2__b.sql", "checksum": "1", "success": "true"},
				{"installed_rank": "4", "version": "3", "description": "c", "type": "SQL", "script": "V3__c.sql", "checksum": "1", "success": "true"},
				{"installed_rank": "5", "version": "3", "description": "c", "type": "UNDO_SQL", "script": "U3__c.sql", "checksum": "1", "success": "true"},
				{"installed_rank": "6", "description": "views", "type": "SQL", "script": "R__views.sql", "checksum": "5", "success": "true"},
				{"installed_rank": "7", "description": "same", "type": "SQL", "script": "R__same.sql", "checksum": fmt.Sprint(flywaySame), "success": "true"},
			},
			want{
				Latest: "R__same.sql", Applied: []string{"V1__init.sql", "V2__b.sql", "R__views.sql", "R__same.sql"},
				Pending: []string{"V3__c.sql", "V4__new.sql", "R__views.sql"}, Failed: []string{}, Skipped: []string{"V1.1__late.sql"},
				Edited: []string{"V1__init.sql"}, RolledBack: []string{"V3__c.sql"},
			},
		},
		{
			"a row without success failed", "flyway", folder("V1__a.sql", "V2__b.sql"),
			[]row{{"installed_rank": "1", "version": "1", "description": "a", "type": "SQL", "script": "V1__a.sql", "success": "0"}},
			want{Applied: []string{}, Pending: []string{"V2__b.sql"}, Failed: []string{"V1__a.sql"}, Skipped: []string{}},
		},
		{
			"versions are numbers, folders do not count", "rails",
			folder("20240101000000_create_users.rb", "archive/20230101000000_old.rb", "20240301000000_add.blorgh.rb", "README"),
			[]row{{"version": "20240101000000"}, {"version": "20220101000000"}},
			want{
				Latest: "20240101000000_create_users.rb", Applied: []string{"20220101000000", "20240101000000_create_users.rb"},
				Pending: []string{"20230101000000_old.rb", "20240301000000_add.blorgh.rb"}, DatabaseOnly: []string{"20220101000000"},
				Unknown: map[string]string{"failed": "Rails keeps no record of a migration that failed."},
			},
		},
		{
			"versions are texts", "dbmate", folder("001_a.sql", "2_b.sql", "20240101_c.sql", "schema.sql"),
			[]row{{"version": "001"}, {"version": "02"}},
			want{
				Latest: "02", Applied: []string{"001_a.sql", "02"}, Pending: []string{"20240101_c.sql", "2_b.sql"}, DatabaseOnly: []string{"02"},
				Unknown: map[string]string{"failed": "dbmate keeps no record of a migration that failed."},
			},
		},
		{
			"by number", "ecto", folder("20240101000000_a.exs", ".formatter.exs", "20240102000000_b.exs"),
			[]row{{"version": "20240101000000", "inserted_at": early}},
			want{
				Latest: "20240101000000_a.exs", Applied: []string{"20240101000000_a.exs"}, Pending: []string{"20240102000000_b.exs"},
				Unknown: map[string]string{"failed": "Ecto keeps no record of a migration that failed."},
			},
		},
		{
			"compiled in the database, not in the repository", "knex", folder("20240101_a.ts", "20240102_b.ts", "20240103_c.d.ts", "notes.md"),
			[]row{{"id": "1", "name": "20240101_a.js", "batch": "1", "migration_time": early}},
			want{
				Latest: "20240101_a.ts", Applied: []string{"20240101_a.ts"}, Pending: []string{"20240102_b.ts"},
				Unknown: map[string]string{"failed": "Knex keeps no record of a migration that failed."},
			},
		},
		{
			"names have no endings", "kysely", folder("2024-01_a.ts", "2024-02_b.ts", "types.d.ts", "x.cjs"),
			[]row{{"name": "2024-02_b", "timestamp": late}, {"name": "2024-01_a", "timestamp": early}},
			want{
				Latest: "2024-02_b", Applied: []string{"2024-01_a", "2024-02_b"}, Pending: []string{},
				Unknown: map[string]string{"failed": "Kysely keeps no record of a migration that failed."},
			},
		},
		{
			"17 digits are a time", "node-pg-migrate", folder("1_a.js", "20240101000000000_b.sql", "1704067200001_c.ts", ".hidden", "1_a.d.ts"),
			[]row{{"id": "1", "name": "1_a", "run_on": early}, {"id": "2", "name": "0_gone", "run_on": early}},
			want{
				Latest: "0_gone", Applied: []string{"1_a", "0_gone"}, Pending: []string{"20240101000000000_b", "1704067200001_c"}, DatabaseOnly: []string{"0_gone"},
				Unknown: map[string]string{"failed": "node-pg-migrate keeps no record of a migration that failed."},
			},
		},
		{
			"the class has the name, without its text the time has", "typeorm",
			folder("1700000000001-CreateUsers.ts=export class CreateUsers1700000000001 implements MigrationInterface {",
				"1700000000002-renamed.ts=export class Other1700000000002 implements MigrationInterface {\n  name = 'Kept1700000000002'\n",
				"1700000000003-Unread.ts", "1700000000004-next.ts=class Next1700000000004 {", "helper.ts=export const x = 1"),
			[]row{
				{"id": "1", "timestamp": "1700000000001", "name": "CreateUsers1700000000001"},
				{"id": "2", "timestamp": "1700000000002", "name": "Kept1700000000002"},
				{"id": "3", "timestamp": "1700000000003", "name": "unreadIndeed1700000000003"},
			},
			want{
				Latest: "Unread1700000000003", Applied: []string{"CreateUsers1700000000001", "Kept1700000000002", "Unread1700000000003"}, Pending: []string{"Next1700000000004"},
				Unknown: map[string]string{"failed": "TypeORM keeps no record of a migration that failed."},
			},
		},
	} {
		t.Run(c.tool+" "+c.name, func(t *testing.T) {
			tool := migration.Named(c.tool)
			list, err := tool.List(c.folder)
			if err != nil {
				t.Fatal(err)
			}
			got := tool.Judge(c.rows, migration.List{Known: true, Migrations: list})
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("standing differs (-want +got):\n%s", diff)
			}
			if got.Pending == nil {
				t.Error("pending is nil, which says that it is not known")
			}
			unread(t, tool, c.rows)
		})
	}
}

// flywaySame is the CRC-32 of "same", as Java writes it.
const flywaySame = -61804220

// unread says that without the list nothing is called pending, by any tool.
func unread(t *testing.T, tool migration.Tool, rows []row) {
	t.Helper()
	got := tool.Judge(rows, migration.List{})
	if got.Pending != nil || got.Unknown["pending"] == "" {
		t.Errorf("without the list of files pending is %v because of %q; want unknown with a reason", got.Pending, got.Unknown["pending"])
	}
	if len(got.Edited) > 0 || len(got.Skipped) > 0 || len(got.DatabaseOnly) > 0 {
		t.Errorf("without the list of files it still says %v edited, %v skipped, %v only in the database", got.Edited, got.Skipped, got.DatabaseOnly)
	}
}

func TestFoldersThatToolsRefuse(t *testing.T) {
	for _, c := range []struct {
		tool   string
		folder migration.Folder
	}{
		{"drizzle", folder("0000_a.sql=a")},
		{"drizzle", folder("meta/_journal.json=nonsense")},
		{"drizzle", folder(`meta/_journal.json={"entries":[{"tag":"0000_gone","when":1}]}`)},
		{"drizzle", folder("meta/_journal.json", "0000_a.sql")},
		{"goose", folder("1_a.sql", "001_b.sql")},
		{"golang-migrate", folder("1_a.up.sql", "1_b.up.sql")},
		{"golang-migrate", folder("99999999999999999999999_a.up.sql")},
		{"rails", folder("1_a.rb", "sub/1_b.rb")},
		{"flyway", folder("V1__a.sql", "V1_0__b.sql")},
	} {
		if list, err := migration.Named(c.tool).List(c.folder); err == nil {
			t.Errorf("%s takes %v as %v", c.tool, c.folder, list)
		}
	}
}

func TestPrismaNextHasNothingToCount(t *testing.T) {
	got := migration.Named("prisma-8").Judge([]row{{"core_hash": "sha256:b", "updated_at": later}, {"core_hash": "sha256:a", "updated_at": early}}, migration.List{Known: true})
	if got.Latest != "contract sha256:b" || got.Pending != nil || got.Applied != nil || got.Unknown["pending"] == "" || got.Unknown["applied"] == "" {
		t.Errorf("got %+v", got)
	}
}

func TestGolangMigrateWithoutTheList(t *testing.T) {
	tool := migration.Named("golang-migrate")
	clean := tool.Judge([]row{{"version": "7", "dirty": "false"}}, migration.List{})
	if clean.Latest != "7" || clean.Applied != nil || clean.Unknown["applied"] == "" {
		t.Errorf("clean: %+v", clean)
	}
	dirty := tool.Judge([]row{{"version": "7", "dirty": "true"}}, migration.List{})
	if dirty.Latest != "" || dirty.Unknown["latest"] == "" || len(dirty.Failed) != 1 {
		t.Errorf("dirty: %+v", dirty)
	}
}

func TestChoose(t *testing.T) {
	table := func(schema, name string, columns ...string) migration.Found {
		return migration.Found{Schema: schema, Name: name, Columns: columns}
	}
	for _, c := range []struct {
		name, tool string
		found      []migration.Found
		folder     []string
		home       string
		want       string // tool schema.table, or the error's words
	}{
		{"by columns: golang-migrate", "", []migration.Found{table("public", "schema_migrations", "version", "dirty")}, nil, "public", "golang-migrate public.schema_migrations"},
		{"by columns: Ecto", "", []migration.Found{table("public", "schema_migrations", "version", "inserted_at")}, nil, "public", "ecto public.schema_migrations"},
		{"by its neighbour: Rails", "", []migration.Found{table("public", "schema_migrations", "version"), table("public", "ar_internal_metadata", "key")}, nil, "public", "rails public.schema_migrations"},
		{"without it: dbmate", "", []migration.Found{table("public", "schema_migrations", "version")}, nil, "public", "dbmate public.schema_migrations"},
		{"Laravel's is not TypeORM's", "", []migration.Found{table("public", "migrations", "id", "timestamp", "name", "batch")}, nil, "public", "no table"},
		{"another schema than the first", "prisma", []migration.Found{table("app", "_prisma_migrations", "migration_name", "checksum", "started_at", "finished_at", "rolled_back_at")}, nil, "public", "prisma app._prisma_migrations"},
		{"the connection's own schema goes first", "goose", []migration.Found{table("public", "goose_db_version", "id", "version_id", "is_applied"), table("app", "goose_db_version", "id", "version_id", "is_applied")}, nil, "app", "goose app.goose_db_version"},
		{"nobody knows which of two", "goose", []migration.Found{table("a", "goose_db_version", "id", "version_id", "is_applied"), table("b", "goose_db_version", "id", "version_id", "is_applied")}, nil, "c", "no table"},
		{"Prisma 8 leaves the old table", "prisma", []migration.Found{table("public", "_prisma_migrations", "migration_name", "checksum", "started_at", "finished_at", "rolled_back_at"), table("prisma_contract", "marker", "core_hash")}, nil, "public", "prisma-8 prisma_contract.marker"},
		{"the folder tells two tools apart", "", []migration.Found{table("public", "goose_db_version", "id", "version_id", "is_applied"), table("public", "_prisma_migrations", "migration_name", "checksum", "started_at", "finished_at", "rolled_back_at")}, []string{"1_a/migration.sql"}, "public", "prisma public._prisma_migrations"},
		{"two tools and no folder", "", []migration.Found{table("public", "goose_db_version", "id", "version_id", "is_applied"), table("public", "kysely_migration", "name", "timestamp")}, nil, "public", "several tools"},
		{"another tool's table of the same name", "golang-migrate", []migration.Found{table("public", "schema_migrations", "version")}, nil, "public", "no table"},
		{"an empty database", "knex", nil, nil, "public", "no table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got string
			choice, err := migration.Choose(migration.Named(c.tool), c.found, c.folder, c.home)
			if err != nil {
				got = err.Error()
			} else {
				got = choice.Tool.Name() + " " + choice.Schema + "." + choice.Table
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("chose %q, want %q", got, c.want)
			}
		})
	}
}

func TestDetectFolder(t *testing.T) {
	for want, paths := range map[string][]string{
		"prisma": {"migration_lock.toml"}, "drizzle": {"0000_a.sql", "meta/_journal.json"}, "golang-migrate": {"1_a.up.sql"}, "flyway": {"V1__a.sql"},
		"rails": {"20240101_a.rb"}, "ecto": {"1_a.exs"}, "typeorm": {"1700000000000-A.ts"}, "": {"1_a.sql", "README.md"},
	} {
		got := ""
		if tool := migration.DetectFolder(paths); tool != nil {
			got = tool.Name()
		}
		if got != want {
			t.Errorf("%v is %q, want %q", paths, got, want)
		}
	}
}
