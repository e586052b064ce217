package schema

import (
	"strings"

	"github.com/sqlc-dev/oliphant"
	"github.com/sqlc-dev/oliphant/ast"
)

func postgres(text string) ([]act, error) {
	tree, err := oliphant.Parse(text)
	if err != nil {
		return nil, errUnread
	}
	var acts []act
	for _, raw := range tree.GetStmts() {
		acts = append(acts, pgStatement(raw.GetStmt())...)
	}
	return acts, nil
}

// harmless are statements that no release notices.
var harmless = expand("It changes nothing that a release uses.")

// pgStatement says what one statement does.
func pgStatement(n *ast.Node) []act {
	switch x := n.GetNode().(type) {
	case *ast.Node_CreateStmt:
		return pgCreateTable(x.CreateStmt)
	case *ast.Node_CreateForeignTableStmt:
		return []act{{do: creates, of: relations, is: "foreign table", on: pgTable(x.CreateForeignTableStmt.GetBaseStmt().GetRelation())}}
	case *ast.Node_CreateTableAsStmt:
		s := x.CreateTableAsStmt
		return append(pgRun(s.GetQuery()), act{do: creates, of: relations, is: "table", on: pgTable(s.GetInto().GetRel()), maybe: s.GetIfNotExists() || s.GetInto().GetRel().GetRelpersistence() == "t"})
	case *ast.Node_AlterTableStmt:
		return pgAlterTable(x.AlterTableStmt)
	case *ast.Node_IndexStmt:
		return pgIndex(x.IndexStmt)
	case *ast.Node_RenameStmt:
		return pgRename(x.RenameStmt)
	case *ast.Node_AlterObjectSchemaStmt:
		s := x.AlterObjectSchemaStmt
		if s.GetRelation() != nil {
			on := pgTable(s.GetRelation())
			return []act{{do: renames, of: relations, is: "table", on: on, to: name{s.GetNewschema(), on.name}}}
		}
		return []act{contract("It moves to another schema: an older release looks for it in the old one.")}
	case *ast.Node_DropStmt:
		return pgDrop(x.DropStmt)
	case *ast.Node_SelectStmt, *ast.Node_InsertStmt, *ast.Node_UpdateStmt, *ast.Node_DeleteStmt, *ast.Node_MergeStmt, *ast.Node_CopyStmt,
		*ast.Node_TruncateStmt, *ast.Node_ExplainStmt, *ast.Node_DoStmt, *ast.Node_CallStmt, *ast.Node_ExecuteStmt, *ast.Node_PrepareStmt:
		return pgData(n)
	case *ast.Node_ViewStmt, *ast.Node_CreateFunctionStmt, *ast.Node_CreateTrigStmt, *ast.Node_RuleStmt, *ast.Node_CreateSeqStmt, *ast.Node_AlterSeqStmt,
		*ast.Node_CreatePolicyStmt, *ast.Node_AlterPolicyStmt, *ast.Node_AlterFunctionStmt, *ast.Node_RefreshMatViewStmt:
		return pgCode(n)
	case *ast.Node_CreateSchemaStmt, *ast.Node_CreateEnumStmt, *ast.Node_AlterEnumStmt, *ast.Node_CompositeTypeStmt, *ast.Node_CreateRangeStmt,
		*ast.Node_CreateDomainStmt, *ast.Node_AlterDomainStmt:
		return pgType(n)
	default:
		return pgRest(n)
	}
}

// pgRest are statements about the session, about rights and about the rest.
func pgRest(n *ast.Node) []act {
	switch x := n.GetNode().(type) {
	case *ast.Node_VariableSetStmt:
		s := x.VariableSetStmt
		a := harmless
		// Names mean other things from here on.
		switch strings.ToLower(s.GetName()) {
		case "search_path", "role", "session_authorization", "":
			a.forget = true
		case "standard_conforming_strings", "backslash_quote", "escape_string_warning", "client_encoding":
			a = blind("From here on the server reads quotes otherwise than the parser does.")
		}
		return []act{a}
	case *ast.Node_TransactionStmt:
		a := harmless
		switch x.TransactionStmt.GetKind() {
		case ast.TransactionStmtKind_TRANS_STMT_ROLLBACK, ast.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO, ast.TransactionStmtKind_TRANS_STMT_ROLLBACK_PREPARED,
			ast.TransactionStmtKind_TRANS_STMT_PREPARE:
			a.forget = true
		}
		return []act{a}
	case *ast.Node_DiscardStmt:
		a := harmless
		a.forget = true
		return []act{a}
	case *ast.Node_CommentStmt, *ast.Node_SecLabelStmt, *ast.Node_VariableShowStmt, *ast.Node_LockStmt, *ast.Node_ConstraintsSetStmt, *ast.Node_ReindexStmt,
		*ast.Node_ClusterStmt, *ast.Node_VacuumStmt, *ast.Node_CheckPointStmt, *ast.Node_CreateStatsStmt, *ast.Node_AlterStatsStmt, *ast.Node_NotifyStmt,
		*ast.Node_DeallocateStmt, *ast.Node_ListenStmt, *ast.Node_UnlistenStmt:
		return []act{harmless}
	case *ast.Node_CreateExtensionStmt:
		return []act{expand("An extension adds what no older release uses.")}
	case *ast.Node_CreateRoleStmt:
		return []act{expand("A new role takes nothing from an older release.")}
	case *ast.Node_GrantStmt:
		return []act{granted(x.GrantStmt.GetIsGrant())}
	case *ast.Node_GrantRoleStmt:
		return []act{granted(x.GrantRoleStmt.GetIsGrant())}
	case *ast.Node_AlterDefaultPrivilegesStmt:
		return []act{granted(x.AlterDefaultPrivilegesStmt.GetAction().GetIsGrant())}
	case *ast.Node_DropdbStmt, *ast.Node_DropRoleStmt, *ast.Node_DropOwnedStmt, *ast.Node_DropTableSpaceStmt, *ast.Node_DropUserMappingStmt, *ast.Node_DropSubscriptionStmt:
		return []act{contract("What it drops may be what an older release works with.")}
	case *ast.Node_AlterOwnerStmt, *ast.Node_ReassignOwnedStmt, *ast.Node_AlterRoleStmt, *ast.Node_AlterRoleSetStmt:
		return []act{unknown("Owners or rights of roles change: whether the role of an older release keeps its rights, nobody can tell.")}
	}
	return []act{blind("What this statement does to older releases, nobody can tell.")}
}

func granted(is bool) act {
	if is {
		return expand("Rights are granted: nobody loses any.")
	}
	return contract("Rights are taken away that an older release may need.")
}

func pgCreateTable(s *ast.CreateStmt) []act {
	on := pgTable(s.GetRelation())
	// Older releases may write to a new partition, through its parent. A
	// temporary table is gone before the next file, and hides another one.
	seen := s.GetPartbound() != nil || s.GetRelation().GetRelpersistence() == "t"
	create := act{do: creates, of: relations, is: "table", on: on, maybe: s.GetIfNotExists() || seen}
	acts := []act{}
	for _, e := range append(s.GetTableElts(), s.GetConstraints()...) {
		cons := e.GetColumnDef().GetConstraints()
		if e.GetConstraint() != nil {
			cons = []*ast.Node{e}
		}
		for _, c := range cons {
			if c := c.GetConstraint(); c.GetContype() == ast.ConstrType_CONSTR_FOREIGN {
				create.note = foreignNote(c, on)
			}
		}
	}
	for _, parent := range s.GetInhRelations() {
		a := act{do: changes, of: relations, is: "table", on: pgTable(parent.GetRangeVar()), class: Expand, reason: "A partition is added, which takes what older releases could not write."}
		switch {
		case s.GetPartbound() == nil:
			a.class, a.reason = Unknown, "Rows of the new table are seen in its older parent too."
		case len(s.GetTableElts()) > 0:
			a.class, a.reason = Unknown, "The new partition has rules of its own, which rows of older releases may break."
		}
		acts = append(acts, a)
	}
	return append(acts, create)
}

// foreignNote says what a foreign key means for the table it points at.
func foreignNote(c *ast.Constraint, from name) string {
	to := pgTable(c.GetPktable())
	if act := c.GetFkDelAction(); act == "c" || act == "n" || act == "d" || to == from {
		return ""
	}
	return pointedAt(to)
}

func pgIndex(s *ast.IndexStmt) []act {
	a := act{do: addsIndex, of: relations, is: "table", on: pgTable(s.GetRelation()), class: Expand, reason: "An index changes no row and no answer.", distinct: s.GetNullsNotDistinct()}
	risky := pgRisky(s.GetWhereClause())
	for _, p := range s.GetIndexParams() {
		e := p.GetIndexElem()
		if e.GetName() != "" {
			a.columns = append(a.columns, e.GetName())
		}
		risky = risky || pgRisky(e.GetExpr())
	}
	switch {
	case s.GetUnique():
		a.do = addsUnique
	case risky:
		a.class, a.reason = Unknown, "The index has an expression that may fail on what older releases write."
	}
	acts := []act{a}
	if s.GetIdxname() != "" {
		acts = append(acts, act{do: creates, of: relations, is: "index", on: name{a.on.schema, s.GetIdxname()}, maybe: s.GetIfNotExists()})
	}
	return acts
}

func pgRename(s *ast.RenameStmt) []act {
	on := pgTable(s.GetRelation())
	to := name{on.schema, s.GetNewname()}
	switch s.GetRenameType() {
	case ast.ObjectType_OBJECT_TABLE, ast.ObjectType_OBJECT_VIEW, ast.ObjectType_OBJECT_MATVIEW, ast.ObjectType_OBJECT_SEQUENCE, ast.ObjectType_OBJECT_FOREIGN_TABLE:
		return []act{{do: renames, of: relations, is: pgKind(s.GetRenameType()), on: on, to: to}}
	case ast.ObjectType_OBJECT_COLUMN, ast.ObjectType_OBJECT_ATTRIBUTE:
		return []act{{do: renamesColumn, of: relations, is: "table", on: on, column: s.GetSubname(), to: name{name: s.GetNewname()}}}
	case ast.ObjectType_OBJECT_INDEX:
		return []act{{do: changes, of: relations, is: "index", on: on, class: Unknown, reason: "Index " + quoted(on.String()) + " gets another name: statements and error messages may name it, or its constraint."}}
	case ast.ObjectType_OBJECT_TABCONSTRAINT, ast.ObjectType_OBJECT_DOMCONSTRAINT:
		return []act{{do: changes, of: relations, is: "table", on: on, class: Unknown, reason: "Constraint " + quoted(s.GetSubname()) + " gets another name: ON CONFLICT and error messages may name it."}}
	case ast.ObjectType_OBJECT_POLICY:
		return []act{expand("A policy gets another name, and allows what it did.")}
	case ast.ObjectType_OBJECT_TRIGGER, ast.ObjectType_OBJECT_RULE:
		return []act{{do: changes, of: relations, is: "table", on: on, class: Unknown, reason: "Triggers and rules run in the order of their names, which changes."}}
	case ast.ObjectType_OBJECT_TYPE, ast.ObjectType_OBJECT_DOMAIN:
		n := pgName(s.GetObject())
		return []act{{do: renames, of: types, is: "type", on: n, to: name{n.schema, s.GetNewname()}}}
	case ast.ObjectType_OBJECT_SCHEMA:
		return []act{{do: renames, of: schemas, is: "schema", on: name{name: s.GetSubname()}, to: name{name: s.GetNewname()}}}
	}
	return []act{contract("It gets another name: an older release uses the old one.")}
}

func pgDrop(s *ast.DropStmt) []act {
	acts := make([]act, 0, len(s.GetObjects()))
	for _, o := range s.GetObjects() {
		n := pgName(o)
		a := act{do: drops, of: relations, is: pgKind(s.GetRemoveType()), on: n}
		switch s.GetRemoveType() {
		case ast.ObjectType_OBJECT_INDEX:
			a.do, a.class, a.reason = changes, Unknown, "Index "+quoted(n.String())+" goes: if it was a unique one, ON CONFLICT of an older release needs it; if not, it only gets slower."
		case ast.ObjectType_OBJECT_TYPE, ast.ObjectType_OBJECT_DOMAIN:
			a.of = types
		case ast.ObjectType_OBJECT_FUNCTION, ast.ObjectType_OBJECT_PROCEDURE, ast.ObjectType_OBJECT_ROUTINE, ast.ObjectType_OBJECT_AGGREGATE:
			a.of = functions
		case ast.ObjectType_OBJECT_SCHEMA:
			a.of = schemas
		case ast.ObjectType_OBJECT_TRIGGER, ast.ObjectType_OBJECT_POLICY, ast.ObjectType_OBJECT_RULE:
			a.of = others
			if table, last := pgOwned(o); table != (name{}) {
				a.on = name{table.String(), last}
			}
		case ast.ObjectType_OBJECT_STATISTIC_EXT:
			a = harmless
		case ast.ObjectType_OBJECT_TABLE, ast.ObjectType_OBJECT_VIEW, ast.ObjectType_OBJECT_MATVIEW, ast.ObjectType_OBJECT_SEQUENCE, ast.ObjectType_OBJECT_FOREIGN_TABLE:
		default:
			a.of = others
		}
		acts = append(acts, a)
	}
	return acts
}

// pgKind is a kind of object in words.
func pgKind(t ast.ObjectType) string {
	word := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(t.String(), "OBJECT_"), "_", " "))
	switch word {
	case "matview":
		return "materialized view"
	case "tabconstraint":
		return "constraint"
	}
	return word
}

// pgTable is a name as it is written: what an unqualified one means is up to
// the search path, so users and public.users are two names here.
func pgTable(r *ast.RangeVar) name { return name{r.GetSchemaname(), r.GetRelname()} }

// pgStrings are the parts of a name.
func pgStrings(all []*ast.Node) []string {
	out := make([]string, 0, len(all))
	for _, n := range all {
		out = append(out, n.GetString_().GetSval())
	}
	return out
}

func pgNameOf(all []*ast.Node) name {
	parts := pgStrings(all)
	switch len(parts) {
	case 0:
		return name{}
	case 1:
		return name{name: parts[0]}
	}
	return name{parts[len(parts)-2], parts[len(parts)-1]}
}

// pgName is the name of an object, however the grammar puts it.
func pgName(n *ast.Node) name {
	switch x := n.GetNode().(type) {
	case *ast.Node_List:
		return pgNameOf(x.List.GetItems())
	case *ast.Node_TypeName:
		return pgNameOf(x.TypeName.GetNames())
	case *ast.Node_ObjectWithArgs:
		return pgNameOf(x.ObjectWithArgs.GetObjname())
	case *ast.Node_String_:
		return name{name: x.String_.GetSval()}
	case *ast.Node_RangeVar:
		return pgTable(x.RangeVar)
	}
	return name{}
}

// pgOwned is the table and the name of what belongs to a table.
func pgOwned(n *ast.Node) (name, string) {
	items := n.GetList().GetItems()
	if len(items) < 2 {
		return name{}, ""
	}
	return pgNameOf(items[:len(items)-1]), items[len(items)-1].GetString_().GetSval()
}
