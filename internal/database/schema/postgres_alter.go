package schema

import (
	"strings"

	"github.com/sqlc-dev/oliphant/ast"
)

func pgAlterTable(s *ast.AlterTableStmt) []act {
	on := pgTable(s.GetRelation())
	switch s.GetObjtype() {
	case ast.ObjectType_OBJECT_TABLE, ast.ObjectType_OBJECT_FOREIGN_TABLE:
	default:
		is := pgKind(s.GetObjtype())
		return []act{{do: changes, of: relations, is: is, on: on, class: Unknown, reason: upper(is) + " " + quoted(on.String()) + " changes: whether an older release minds, nobody can tell."}}
	}
	acts := make([]act, 0, len(s.GetCmds()))
	for _, c := range s.GetCmds() {
		for _, a := range pgCommand(on, c.GetAlterTableCmd()) {
			a.on, a.of, a.is = on, relations, "table"
			acts = append(acts, a)
		}
	}
	return acts
}

// pgCommand is one action of ALTER TABLE.
func pgCommand(on name, c *ast.AlterTableCmd) []act {
	column := c.GetName()
	switch c.GetSubtype() {
	case ast.AlterTableType_AT_AddColumn:
		return []act{{do: addsColumn, col: pgColumn(on, c.GetDef().GetColumnDef()), maybe: c.GetMissingOk()}}
	case ast.AlterTableType_AT_DropColumn:
		return []act{{do: dropsColumn, column: column}}
	case ast.AlterTableType_AT_ColumnDefault:
		if null(c.GetDef()) {
			return []act{{do: dropsDefault, column: column}}
		}
		return []act{{do: setsDefault, column: column}}
	case ast.AlterTableType_AT_SetNotNull:
		return []act{{do: setsNotNull, column: column}}
	case ast.AlterTableType_AT_DropNotNull:
		return []act{change(Expand, "Column "+quoted(column)+" may be empty from now on: nothing older fails until a newer release leaves it empty.")}
	case ast.AlterTableType_AT_AlterColumnType:
		return []act{{do: changesType, column: column}}
	case ast.AlterTableType_AT_AddConstraint:
		return []act{pgConstraint(on, c.GetDef().GetConstraint())}
	case ast.AlterTableType_AT_DropConstraint:
		return []act{{do: dropsConstraint, name: column}}
	case ast.AlterTableType_AT_AttachPartition, ast.AlterTableType_AT_AddInherit:
		return []act{change(Unknown, "Another table becomes a part of "+quoted(on.String())+": rows of older releases may not fit it.")}
	case ast.AlterTableType_AT_DetachPartition, ast.AlterTableType_AT_DetachPartitionFinalize, ast.AlterTableType_AT_DropInherit:
		return []act{change(Contract, "A part of "+quoted(on.String())+" is taken off: older releases do not find its rows any more.")}
	case ast.AlterTableType_AT_EnableRowSecurity, ast.AlterTableType_AT_ForceRowSecurity:
		return []act{change(Contract, "Row level security is switched on for "+quoted(on.String())+": an older release sees only what a policy allows it.")}
	case ast.AlterTableType_AT_AddIdentity:
		if pgAlways(c.GetDef()) {
			return []act{change(Contract, "Column "+quoted(column)+" is always numbered by the database: an older release that writes it fails.")}
		}
		return []act{{do: setsDefault, column: column}}
	case ast.AlterTableType_AT_DropIdentity, ast.AlterTableType_AT_DropExpression:
		return []act{{do: dropsDefault, column: column}}
	}
	return []act{pgSettings(c)}
}

// pgSettings are actions that say how a table is kept.
func pgSettings(c *ast.AlterTableCmd) act {
	switch c.GetSubtype() {
	case ast.AlterTableType_AT_SetStatistics, ast.AlterTableType_AT_SetOptions, ast.AlterTableType_AT_ResetOptions, ast.AlterTableType_AT_SetStorage,
		ast.AlterTableType_AT_SetCompression, ast.AlterTableType_AT_ClusterOn, ast.AlterTableType_AT_DropCluster, ast.AlterTableType_AT_SetLogged,
		ast.AlterTableType_AT_SetUnLogged, ast.AlterTableType_AT_SetTableSpace, ast.AlterTableType_AT_SetAccessMethod, ast.AlterTableType_AT_SetRelOptions,
		ast.AlterTableType_AT_ResetRelOptions, ast.AlterTableType_AT_ReplaceRelOptions, ast.AlterTableType_AT_ReplicaIdentity, ast.AlterTableType_AT_DropOids:
		return change(Expand, "It says how rows are kept, and changes none.")
	case ast.AlterTableType_AT_ValidateConstraint:
		return change(Expand, "A rule that holds for new rows already is checked for old ones.")
	case ast.AlterTableType_AT_DisableRowSecurity, ast.AlterTableType_AT_NoForceRowSecurity:
		return change(Expand, "Row level security is switched off: nobody sees less than before.")
	}
	return change(Unknown, "What this change of the table does to older releases, nobody can tell.")
}

func pgAlways(n *ast.Node) bool { return n.GetConstraint().GetGeneratedWhen() == "a" }

// pgConstraint is a rule for the rows of a table.
func pgConstraint(on name, c *ast.Constraint) act {
	a := act{do: addsConstraint, name: c.GetConname(), columns: pgStrings(c.GetKeys())}
	switch c.GetContype() {
	case ast.ConstrType_CONSTR_UNIQUE:
		a.do, a.distinct = addsUnique, c.GetNullsNotDistinct()
	case ast.ConstrType_CONSTR_FOREIGN:
		a.do, a.columns, a.note = addsForeignKey, pgStrings(c.GetFkAttrs()), foreignNote(c, on)
		if c.GetFkMatchtype() == "f" { // MATCH FULL refuses what is empty in part
			a.do = addsConstraint
		}
	case ast.ConstrType_CONSTR_CHECK:
		a.do, a.columns, a.tolerant = addsCheck, pgColumns(c.GetRawExpr()), tolerant(c.GetRawExpr())
	case ast.ConstrType_CONSTR_NOTNULL:
		a.do = setsNotNull
		if len(a.columns) == 1 {
			a.column = a.columns[0]
		}
	}
	return a
}

// serials are types that number rows by themselves.
var serials = map[string]bool{"serial": true, "bigserial": true, "smallserial": true, "serial2": true, "serial4": true, "serial8": true}

// pgColumn reads a new column.
func pgColumn(on name, d *ast.ColumnDef) *column {
	c := &column{name: d.GetColname(), notNull: d.GetIsNotNull()}
	if serials[pgNameOf(d.GetTypeName().GetNames()).name] {
		c.notNull, c.deflt, c.each = true, true, true
	}
	for _, n := range d.GetConstraints() {
		k := n.GetConstraint()
		switch k.GetContype() {
		case ast.ConstrType_CONSTR_NOTNULL:
			c.notNull = true
		case ast.ConstrType_CONSTR_DEFAULT:
			c.deflt = !null(k.GetRawExpr())
			c.each = eachNew(k.GetRawExpr())
		case ast.ConstrType_CONSTR_IDENTITY:
			c.notNull, c.deflt, c.each = true, true, true
		case ast.ConstrType_CONSTR_GENERATED:
			c.computed, c.risky = true, pgRisky(k.GetRawExpr())
		case ast.ConstrType_CONSTR_PRIMARY:
			c.primary = true
		case ast.ConstrType_CONSTR_UNIQUE:
			c.unique = true
		case ast.ConstrType_CONSTR_CHECK:
			c.checks = append(c.checks, pgConstraint(on, k))
		case ast.ConstrType_CONSTR_FOREIGN:
			c.refers, c.note = true, foreignNote(k, on)
		}
	}
	return c
}

// null says that a default is none.
func null(n *ast.Node) bool {
	if t := n.GetTypeCast(); t != nil {
		return null(t.GetArg())
	}
	return n == nil || n.GetNode() == nil || n.GetAConst().GetIsnull()
}

// eachNew says that a default is another one in every row.
func eachNew(n *ast.Node) bool {
	switch pgNameOf(n.GetFuncCall().GetFuncname()).name {
	case "gen_random_uuid", "uuid_generate_v4", "uuid_generate_v1", "uuid_generate_v7", "uuidv7", "uuidv4", "nextval":
		return true
	}
	return false
}

// pgColumns are the columns that an expression speaks of.
func pgColumns(n *ast.Node) []string {
	out := []string{}
	walk(n, func(x *ast.Node) {
		if ref := x.GetColumnRef(); ref != nil {
			parts := pgStrings(ref.GetFields())
			out = append(out, parts[len(parts)-1])
		}
	})
	return out
}

// tolerant says that a check lets through a row whose columns in it are all
// empty: every comparison in it is then unknown, which passes.
func tolerant(n *ast.Node) bool {
	switch x := n.GetNode().(type) {
	case *ast.Node_BoolExpr:
		for _, a := range x.BoolExpr.GetArgs() {
			if !tolerant(a) {
				return false
			}
		}
		return true
	case *ast.Node_AExpr:
		e := x.AExpr
		switch e.GetKind() {
		case ast.A_Expr_Kind_AEXPR_OP, ast.A_Expr_Kind_AEXPR_IN, ast.A_Expr_Kind_AEXPR_LIKE, ast.A_Expr_Kind_AEXPR_ILIKE,
			ast.A_Expr_Kind_AEXPR_BETWEEN, ast.A_Expr_Kind_AEXPR_OP_ANY:
			return strict(e.GetLexpr())
		}
	}
	return false
}

// strict says that an expression is empty when its column is.
func strict(n *ast.Node) bool {
	switch x := n.GetNode().(type) {
	case *ast.Node_ColumnRef:
		return true
	case *ast.Node_TypeCast:
		return strict(x.TypeCast.GetArg())
	case *ast.Node_FuncCall:
		args := x.FuncCall.GetArgs()
		switch pgNameOf(x.FuncCall.GetFuncname()).name {
		case "length", "char_length", "lower", "upper", "btrim", "abs", "octet_length", "cardinality":
			return len(args) > 0 && strict(args[0])
		}
	}
	return false
}

// steady are functions of an index or a computed column that fail on no value.
var steady = map[string]bool{
	"lower": true, "upper": true, "btrim": true, "ltrim": true, "rtrim": true, "md5": true, "length": true, "char_length": true,
	"jsonb_extract_path": true, "jsonb_extract_path_text": true, "abs": true, "reverse": true,
}

// pgRisky says that an expression may fail on some value: a cast, a division,
// a function that is not known to take everything.
func pgRisky(n *ast.Node) bool {
	bad := false
	walk(n, func(x *ast.Node) {
		switch x := x.GetNode().(type) {
		case *ast.Node_FuncCall:
			bad = bad || !steady[pgNameOf(x.FuncCall.GetFuncname()).name]
		case *ast.Node_TypeCast:
			to := pgNameOf(x.TypeCast.GetTypeName().GetNames()).name
			_, constant := x.TypeCast.GetArg().GetNode().(*ast.Node_AConst)
			bad = bad || to != "text" && !constant
		case *ast.Node_AExpr:
			bad = bad || !safeOperator(x.AExpr)
		case *ast.Node_SubLink:
			bad = true
		}
	})
	return bad
}

func safeOperator(e *ast.A_Expr) bool {
	if e.GetKind() != ast.A_Expr_Kind_AEXPR_OP {
		return true // IN, IS DISTINCT FROM, BETWEEN, LIKE
	}
	op := strings.Join(pgStrings(e.GetName()), ".")
	switch op {
	case "=", "<>", "<", ">", "<=", ">=", "||", "->", "->>", "#>", "#>>", "@>", "<@", "?", "&&":
		return true
	}
	return false
}
