package schema

import (
	"reflect"
	"strings"

	"github.com/sqlc-dev/marino/ast"
	"github.com/sqlc-dev/marino/parser"
)

// mysql reads a statement of MySQL or MariaDB. Where it has comments that
// servers of some versions run and others skip, it is read both ways: what is
// done in only one of them may or may not happen.
func mysql(text string) ([]act, error) {
	run, skipped, err := readings(text)
	if err != nil {
		return nil, err
	}
	acts, err := myActs(run)
	if err != nil || run == skipped {
		return acts, err
	}
	bare, err := myActs(skipped)
	if err != nil {
		return nil, err
	}
	both, moved := []act{}, false
	one := func(all, other []act) {
		for _, a := range all {
			if !holds(other, a) {
				a.maybe = true
				moved = moved || a.do != says && a.do != changes && a.do != creates
			} else if holds(both, a) {
				continue
			}
			both = append(both, a)
		}
	}
	one(acts, bare)
	one(bare, acts)
	if moved {
		both = append(both, blind("What it does depends on the version of the server."))
	}
	return both, nil
}

func holds(all []act, a act) bool {
	for _, b := range all {
		if reflect.DeepEqual(a, b) {
			return true
		}
	}
	return false
}

func myActs(text string) ([]act, error) {
	stmts, _, err := parser.New().Parse(text, "", "")
	if err != nil {
		return nil, errUnread
	}
	var acts []act
	for _, s := range stmts {
		acts = append(acts, myStatement(s)...)
	}
	return acts, nil
}

// myStatement says what one statement does.
func myStatement(s ast.StmtNode) []act {
	switch x := s.(type) {
	case *ast.CreateTableStmt:
		return myCreateTable(x)
	case *ast.AlterTableStmt:
		return myAlterTable(x)
	case *ast.CreateIndexStmt:
		return myCreateIndex(x)
	case *ast.DropIndexStmt:
		return []act{myDropIndex(myTable(x.Table), x.IndexName)}
	case *ast.RenameTableStmt:
		acts := []act{}
		for _, r := range x.TableToTables {
			acts = append(acts, act{do: renames, of: relations, is: "table", on: myTable(r.OldTable), to: myTable(r.NewTable)})
		}
		return acts
	case *ast.DropTableStmt:
		return myDropTable(x)
	case *ast.CreateDatabaseStmt:
		return []act{{do: creates, of: schemas, is: "database", on: name{name: x.Name.O}, maybe: x.IfNotExists}}
	case *ast.DropDatabaseStmt:
		return []act{{do: drops, of: schemas, is: "database", on: name{name: x.Name.O}}}
	case *ast.TruncateTableStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt, *ast.SelectStmt, *ast.SetOprStmt, *ast.DoStmt, *ast.ExplainStmt, *ast.SetStmt,
		*ast.LoadDataStmt, *ast.CallStmt, *ast.PrepareStmt, *ast.ExecuteStmt:
		return myData(s)
	case *ast.CreateViewStmt, *ast.AlterViewStmt, *ast.CreateTriggerStmt, *ast.DropTriggerStmt, *ast.ProcedureInfo, *ast.DropProcedureStmt, *ast.CreateFunctionStmt,
		*ast.DropFunctionStmt, *ast.CreateEventStmt, *ast.AlterEventStmt, *ast.DropEventStmt, *ast.AlterProcedureStmt, *ast.AlterFunctionStmt:
		return myCode(s)
	}
	return []act{myRest(s)}
}

// myRest are statements about the session, about rights and about the rest.
func myRest(s ast.StmtNode) act {
	switch s.(type) {
	case *ast.BeginStmt, *ast.CommitStmt, *ast.SavepointStmt, *ast.ReleaseSavepointStmt, *ast.LockTablesStmt, *ast.UnlockTablesStmt, *ast.AnalyzeTableStmt,
		*ast.OptimizeTableStmt, *ast.CheckTableStmt, *ast.ChecksumTableStmt, *ast.ShowStmt, *ast.DeallocateStmt:
		return harmless
	case *ast.RollbackStmt, *ast.UseStmt:
		a := harmless
		a.forget = true // of a database that is used, names mean other things from here on
		return a
	case *ast.CreateUserStmt:
		return expand("A new user takes nothing from an older release.")
	case *ast.GrantStmt, *ast.GrantRoleStmt, *ast.GrantProxyStmt:
		return granted(true)
	case *ast.RevokeStmt, *ast.RevokeRoleStmt, *ast.RevokeProxyStmt:
		return granted(false)
	case *ast.DropUserStmt, *ast.RenameUserStmt:
		return contract("The user may be the one that an older release works as.")
	case *ast.AlterUserStmt, *ast.SetPwdStmt, *ast.SetDefaultRoleStmt, *ast.SetRoleStmt:
		return unknown("Users or their rights change: whether the user of an older release keeps its rights, nobody can tell.")
	}
	return blind("What this statement does to older releases, nobody can tell.")
}

func myCreateTable(s *ast.CreateTableStmt) []act {
	on := myTable(s.Table)
	create := act{do: creates, of: relations, is: "table", on: on, maybe: s.IfNotExists || s.TemporaryKeyword != ast.TemporaryNone}
	for _, c := range s.Constraints {
		if c.Tp == ast.ConstraintForeignKey {
			create.note = myPoints(c.Refer, on)
		}
	}
	acts := []act{}
	if s.Select != nil {
		acts = myRun(s.Select)
	}
	return append(acts, create)
}

func myDropTable(s *ast.DropTableStmt) []act {
	acts := []act{}
	for _, t := range s.Tables {
		a := act{do: drops, of: relations, is: "table", on: myTable(t)}
		switch {
		case s.IsView:
			a.is = "view"
		case s.TemporaryKeyword != ast.TemporaryNone:
			a = harmless // MySQL drops no other table by this
		}
		acts = append(acts, a)
	}
	return acts
}

// myCode are views, routines, triggers and events.
func myCode(s ast.StmtNode) []act {
	hidden := func(what string) []act {
		return []act{unknown(what + ": whether an older release minds, nobody can tell.")}
	}
	switch x := s.(type) {
	case *ast.CreateViewStmt:
		on := myTable(x.ViewName)
		if x.OrReplace {
			return []act{{do: changes, of: relations, is: "view", on: on, class: Unknown, reason: "View " + quoted(on.String()) + " may answer otherwise than before: that is in its query."}}
		}
		return []act{{do: creates, of: relations, is: "view", on: on}}
	case *ast.CreateTriggerStmt:
		on := myTable(x.Table)
		return []act{
			{do: changes, of: relations, is: "table", on: on, class: Unknown, reason: "A trigger runs when older releases write to " + quoted(on.String()) + "."},
			{do: creates, of: others, is: "trigger", on: myTable(x.TriggerName), maybe: x.IfNotExists},
		}
	case *ast.DropTriggerStmt:
		return []act{{do: drops, of: others, is: "trigger", on: myTable(x.TriggerName)}}
	case *ast.ProcedureInfo:
		return []act{{do: creates, of: functions, is: "procedure", on: myTable(x.ProcedureName), maybe: x.IfNotExists}}
	case *ast.DropProcedureStmt:
		return []act{{do: drops, of: functions, is: "procedure", on: myTable(x.ProcedureName)}}
	case *ast.CreateFunctionStmt:
		return []act{{do: creates, of: functions, is: "function", on: myTable(x.FunctionName), maybe: x.IfNotExists}}
	case *ast.CreateEventStmt:
		return hidden("An event runs by itself from now on")
	case *ast.AlterViewStmt:
		return hidden("A view may answer otherwise than before")
	case *ast.AlterProcedureStmt, *ast.AlterFunctionStmt, *ast.AlterEventStmt:
		return hidden("How a routine or an event runs changes")
	}
	return []act{contract("What it drops may be what an older release works with.")}
}

// myTable is a name as it is written. Whether users and Users are one table is
// up to the server's machine, so they are two here.
func myTable(t *ast.TableName) name {
	if t == nil {
		return name{}
	}
	return name{t.Schema.O, t.Name.O}
}

// myPoints says what a foreign key means for the table it points at.
func myPoints(r *ast.ReferenceDef, from name) string {
	if r == nil {
		return ""
	}
	to := myTable(r.Table)
	if to == from {
		return ""
	}
	if r.OnDelete != nil {
		switch r.OnDelete.ReferOpt {
		case ast.ReferOptionCascade, ast.ReferOptionSetNull, ast.ReferOptionSetDefault:
			return ""
		}
	}
	return pointedAt(to)
}

// myIndex is the name of an index: it is one of its table's.
func myIndex(table name, index string) name {
	return name{name: table.String() + "." + strings.ToLower(index)}
}

func myDropIndex(table name, index string) act {
	return act{
		do: changes, of: others, is: "index", on: myIndex(table, index), class: Unknown,
		reason: "Index " + quoted(index) + " of " + quoted(table.String()) + " goes: if it was a unique one, ON DUPLICATE KEY of an older release needs it; if not, it only gets slower, unless a query names it.",
	}
}

func myCreateIndex(s *ast.CreateIndexStmt) []act {
	on := myTable(s.Table)
	a := myKeys(on, s.IndexPartSpecifications)
	switch s.KeyType {
	case ast.IndexKeyTypeNone, ast.IndexKeyTypeFulltext:
	case ast.IndexKeyTypeUnique:
		a.do = addsUnique
	default:
		a.class, a.reason = Unknown, "What this kind of index asks of rows, nobody can tell."
	}
	return []act{a, {do: creates, of: others, is: "index", on: myIndex(on, s.IndexName), maybe: s.IfNotExists}}
}

// myKeys is an index over columns and expressions.
func myKeys(on name, parts []*ast.IndexPartSpecification) act {
	a := act{do: addsIndex, of: relations, is: "table", on: on, class: Expand, reason: "An index changes no row and no answer."}
	for _, p := range parts {
		switch {
		case p.Column != nil:
			a.columns = append(a.columns, p.Column.Name.L)
		case myRisky(p.Expr):
			a.class, a.reason = Unknown, "The index has an expression that may fail on what older releases write."
		}
	}
	return a
}
