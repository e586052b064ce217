package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/envdeck/envdeck/internal/database/migration"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// Limits of one look.
const (
	deadline   = 15 * time.Second // a database that sleeps takes some seconds to wake
	connectFor = 10 * time.Second
	statement  = 3 * time.Second
	mostRows   = 20000 // nobody has so many migrations
	mostTables = 2000
	cellLimit  = 1000 // bytes
)

// Ask is what is looked for.
type Ask struct {
	Tool   migration.Tool // nil: the tables say which
	Folder []string       // the files of the folder, where they are known
}

// kind is what one kind of database does in its own way.
type kind struct {
	begin []string // first statements of the transaction
	// home names the schema that is looked in first.
	home string
	// tables lists schema, table and column of the tables named in its %s.
	tables string
	// any counts the tables of the app.
	any string
	// hides says that tables are not listed for who may not read them, so
	// that a missing one proves nothing.
	hides bool
	quote func(name string) string
	// explain says what a driver's error means; nil: nothing it knows.
	explain func(error) *fault.Error
}

// Read looks once. The faults say nothing of the address.
func Read(ctx context.Context, address secret.Text, ask Ask) (migration.Ledger, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	db, k, err := open(address)
	if err != nil {
		return migration.Ledger{}, err
	}
	defer func() { _ = db.Close() }() // nothing was written
	db.SetMaxOpenConns(1)
	out, err := look(ctx, db, k, ask)
	if err != nil {
		return migration.Ledger{}, k.fault(ctx, err)
	}
	return out, nil
}

func open(address secret.Text) (*sql.DB, kind, error) {
	scheme, _, _ := strings.Cut(address.Reveal(), ":")
	switch strings.ToLower(scheme) {
	case "postgres", "postgresql":
		return openPostgres(address)
	case "mysql", "mariadb":
		return openMySQL(address)
	case "sqlite", "sqlite3", "file":
		return openSQLite(address)
	}
	return nil, kind{}, fault.New(fault.Invalid, "The database's address is of no kind that is known here: it begins with postgres://, mysql:// or sqlite:")
}

func look(ctx context.Context, db *sql.DB, k kind, ask Ask) (out migration.Ledger, err error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return out, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	home, err := text(ctx, tx, k.home)
	if err != nil {
		return out, err
	}
	for _, s := range k.begin {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return out, err
		}
	}
	found, err := tables(ctx, tx, fmt.Sprintf(k.tables, literals(migration.Candidates(ask.Tool))))
	if err != nil {
		return out, err
	}
	choice, err := migration.Choose(ask.Tool, found, ask.Folder, home)
	switch {
	case errors.Is(err, migration.ErrNoTable):
		return absent(ctx, tx, k, ask)
	case err != nil:
		return out, fault.New(fault.Conflict, "Which tool counts cannot be told: %s. Set migrations.tool.", err.Error())
	}
	out.Tool = choice.Tool.Name()
	out.Rows, err = rows(ctx, tx, k, choice)
	return out, err
}

// absent tells a database in which nothing was ever made from one in which the
// tool's table is somewhere else.
func absent(ctx context.Context, tx *sql.Tx, k kind, ask Ask) (migration.Ledger, error) {
	n, err := text(ctx, tx, k.any)
	if err != nil {
		return migration.Ledger{}, err
	}
	name := "any tool that is known here"
	if ask.Tool != nil {
		name = ask.Tool.Name()
	}
	if n != "0" || k.hides || ask.Tool == nil {
		return migration.Ledger{}, fault.New(fault.NotFound, "The database has no table of %s that its user may see: either nothing was ever applied there, or the tool keeps count under another name.", name)
	}
	return migration.Ledger{Tool: ask.Tool.Name(), Empty: true}, nil
}

func text(ctx context.Context, tx *sql.Tx, query string) (string, error) {
	var s sql.NullString
	err := tx.QueryRowContext(ctx, query).Scan(&s)
	return s.String, err
}

func tables(ctx context.Context, tx *sql.Tx, query string) ([]migration.Found, error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // read to its end below
	var found []migration.Found
	for n := 0; rows.Next() && n < mostTables; n++ {
		var schema, table, column string
		if err := rows.Scan(&schema, &table, &column); err != nil {
			return nil, err
		}
		if last := len(found) - 1; last < 0 || found[last].Schema != schema || found[last].Name != table {
			found = append(found, migration.Found{Schema: schema, Name: table})
		}
		found[len(found)-1].Columns = append(found[len(found)-1].Columns, column)
	}
	return found, rows.Err()
}

// literals are names of ours as a list of SQL texts.
func literals(names []string) string {
	quoted := make([]string, 0, len(names))
	for _, n := range names {
		quoted = append(quoted, "'"+strings.ReplaceAll(n, "'", "''")+"'")
	}
	return strings.Join(quoted, ",")
}

func rows(ctx context.Context, tx *sql.Tx, k kind, c migration.Choice) ([]migration.Row, error) {
	columns := make([]string, 0, len(c.Columns))
	for _, name := range c.Columns {
		columns = append(columns, k.quote(name))
	}
	table := k.quote(c.Table)
	if c.Schema != "" {
		table = k.quote(c.Schema) + "." + table
	}
	// All names are from the catalogue of the database itself, and quoted.
	answer, err := tx.QueryContext(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+table+" LIMIT "+strconv.Itoa(mostRows+1)) //nolint:gosec // see above
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Close() }() // read to its end below
	out := []migration.Row{}
	for answer.Next() {
		if len(out) == mostRows {
			return nil, fault.New(fault.TooLarge, "The tool's table has more than %d rows: it is not what a tool writes.", mostRows)
		}
		cells := make([]any, len(c.Columns))
		into := make([]any, len(cells))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := answer.Scan(into...); err != nil {
			return nil, err
		}
		row := migration.Row{}
		for i, cell := range cells {
			if cell != nil {
				row[c.Columns[i]] = written(cell)
			}
		}
		out = append(out, row)
	}
	return out, answer.Err()
}

// written is a cell as a Row has it.
func written(cell any) string {
	var s string
	switch v := cell.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case []byte:
		s = string(v)
	case string:
		s = v
	case bool:
		return strconv.FormatBool(v)
	default:
		s = fmt.Sprint(v)
	}
	if len(s) > cellLimit {
		s = s[:cellLimit]
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

// fault says an error anew. What the driver said stays here: it may hold the
// address, and what a server answers is hostile text.
func (k kind) fault(ctx context.Context, err error) *fault.Error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if f := k.explain(err); f != nil {
		return f
	}
	if f := unreachable(err); f != nil {
		return f
	}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		return fault.New(fault.Timeout, "The database did not answer in time.")
	}
	return fault.New(fault.Unavailable, "The database could not be read.")
}
