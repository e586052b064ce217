package schema

import (
	"strings"

	"github.com/sqlc-dev/meyer/ast"
	"github.com/sqlc-dev/meyer/parser"
)

func sqlite(text string) ([]act, error) {
	stmts, err := parser.ParseString(text)
	if err != nil {
		return nil, errUnread
	}
	var acts []act
	for _, s := range stmts {
		acts = append(acts, liteStatement(s)...)
	}
	return acts, nil
}

func liteStatement(s ast.Stmt) []act {
	switch x := s.(type) {
	case *ast.CreateTableStmt:
		create := act{do: creates, of: relations, is: "table", on: liteName(x.Name), maybe: x.IfNotExists || x.Temp}
		if x.Select != nil {
			return append(liteRun(x.Select), create)
		}
		return []act{create}
	case *ast.CreateVirtualTableStmt:
		return []act{{do: creates, of: relations, is: "table", on: liteName(x.Name), maybe: x.IfNotExists}}
	case *ast.CreateViewStmt:
		return []act{{do: creates, of: relations, is: "view", on: liteName(x.Name), maybe: x.IfNotExists}}
	case *ast.CreateIndexStmt:
		return liteIndex(x)
	case *ast.CreateTriggerStmt:
		on := liteName(x.Table)
		return []act{
			{do: changes, of: relations, is: "table", on: on, class: Unknown, reason: "A trigger runs when older releases write to " + quoted(on.String()) + "."},
			{do: creates, of: others, is: "trigger", on: liteName(x.Name), maybe: x.IfNotExists},
		}
	case *ast.AlterTableStmt:
		a := liteAlter(x)
		a.on, a.of, a.is = liteName(x.Table), relations, "table"
		return []act{a}
	case *ast.DropTableStmt:
		return []act{{do: drops, of: relations, is: "table", on: liteName(x.Name)}}
	case *ast.DropViewStmt:
		return []act{{do: drops, of: relations, is: "view", on: liteName(x.Name)}}
	case *ast.DropIndexStmt:
		on := liteName(x.Name)
		return []act{{do: changes, of: relations, is: "index", on: on, class: Unknown, reason: "Index " + quoted(on.String()) + " goes: if it was a unique one, ON CONFLICT of an older release needs it; if not, it only gets slower."}}
	case *ast.DropTriggerStmt:
		return []act{{do: drops, of: others, is: "trigger", on: liteName(x.Name)}}
	case *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt, *ast.SelectStmt:
		if acts := liteRun(s); len(acts) > 0 {
			return acts
		}
		return []act{harmless}
	}
	return liteRest(s)
}

func liteRest(s ast.Stmt) []act {
	a := harmless
	switch x := s.(type) {
	case *ast.BeginStmt, *ast.CommitStmt, *ast.SavepointStmt, *ast.ReleaseStmt, *ast.VacuumStmt, *ast.AnalyzeStmt, *ast.ReindexStmt, *ast.ExplainStmt:
	case *ast.RollbackStmt:
		a.forget = true
	case *ast.PragmaStmt:
		switch liteName(x.Name).name {
		case "foreign_keys", "defer_foreign_keys", "journal_mode", "synchronous", "busy_timeout", "cache_size", "foreign_key_check", "integrity_check", "optimize", "user_version", "legacy_alter_table":
		default:
			a = blind("What this setting does to older releases, nobody can tell.")
		}
	default:
		a = blind("What this statement does to older releases, nobody can tell.")
	}
	return []act{a}
}

// liteName is a name as SQLite compares it, without regard to case.
func liteName(n *ast.QualifiedName) name {
	if n == nil {
		return name{}
	}
	out := name{name: liteIdent(n.Name)}
	if s := liteIdent(n.Schema); s != "main" {
		out.schema = s
	}
	return out
}

func liteIdent(i *ast.Ident) string {
	if i == nil {
		return ""
	}
	return strings.ToLower(i.Name)
}

func liteIndex(x *ast.CreateIndexStmt) []act {
	table := name{name: liteIdent(x.Table)}
	if x.Name != nil {
		table.schema = liteName(x.Name).schema
	}
	a := act{do: addsIndex, of: relations, is: "table", on: table, class: Expand, reason: "An index changes no row and no answer."}
	for _, c := range x.Columns {
		if i, ok := c.Expr.(*ast.Ident); ok {
			a.columns = append(a.columns, liteIdent(i))
		} else {
			a.class, a.reason = Unknown, "The index has an expression that may fail on what older releases write."
		}
	}
	if x.Unique {
		a.do = addsUnique
	}
	return []act{a, {do: creates, of: relations, is: "index", on: liteName(x.Name), maybe: x.IfNotExists}}
}

func liteAlter(x *ast.AlterTableStmt) act {
	column := liteIdent(x.Column)
	switch x.Action {
	case ast.AlterRenameTable:
		return act{do: renames, to: name{liteName(x.Table).schema, liteIdent(x.NewName)}}
	case ast.AlterRenameColumn:
		return act{do: renamesColumn, column: column, to: name{name: liteIdent(x.NewName)}}
	case ast.AlterAddColumn:
		return act{do: addsColumn, col: liteColumn(x.ColumnDef)}
	case ast.AlterDropColumn:
		return act{do: dropsColumn, column: column}
	case ast.AlterDropConstraint:
		return act{do: dropsConstraint, name: liteIdent(x.ConstraintName)}
	case ast.AlterSetNotNull:
		return act{do: setsNotNull, column: column}
	case ast.AlterDropNotNull:
		return act{do: changes, class: Expand, reason: "Column " + quoted(column) + " may be empty from now on: nothing older fails until a newer release leaves it empty."}
	case ast.AlterAddConstraintCheck:
		return act{do: addsCheck, name: liteIdent(x.ConstraintName)}
	}
	return blind("What this change of the table does to older releases, nobody can tell.")
}

func liteColumn(d *ast.ColumnDef) *column {
	c := &column{name: liteIdent(d.Name)}
	for _, k := range d.Constraints {
		switch k.Kind {
		case ast.ColumnNotNull:
			c.notNull = true
		case ast.ColumnDefault:
			l, literal := k.Expr.(*ast.Literal)
			c.deflt = !literal || !strings.EqualFold(l.Raw, "null")
		case ast.ColumnPrimaryKey:
			c.primary = true
		case ast.ColumnUnique:
			c.unique = true
		case ast.ColumnCheck:
			c.checks = append(c.checks, act{do: addsCheck, columns: []string{c.name}})
		case ast.ColumnReferences:
			c.refers = true
		case ast.ColumnGenerated:
			c.computed, c.risky = true, true
		}
	}
	return c
}

// liteRun is what a query changes, wherever in it that is written.
func liteRun(s ast.Node) []act {
	acts := []act{}
	ast.Walk(s, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.InsertStmt:
			acts = append(acts, act{do: inserts, of: relations, is: "table", on: liteName(x.Table)})
			if x.Replace || len(x.Upserts) > 0 {
				acts = append(acts, act{do: updates, of: relations, is: "table", on: liteName(x.Table)})
			}
		case *ast.UpdateStmt:
			acts = append(acts, liteUpdate(x))
		case *ast.DeleteStmt:
			acts = append(acts, act{do: deletes, of: relations, is: "table", on: liteName(x.Table)})
		case *ast.FuncCall:
			if liteIdent(x.Name) == "load_extension" || liteIdent(x.Name) == "writefile" {
				acts = append(acts, blind("It calls code that cannot be seen here."))
			}
		}
		return true
	})
	return acts
}

func liteUpdate(x *ast.UpdateStmt) act {
	a := act{do: updates, of: relations, is: "table", on: liteName(x.Table)}
	for _, p := range x.Set {
		for _, c := range p.Columns {
			a.columns = append(a.columns, liteIdent(c))
		}
	}
	return a
}
