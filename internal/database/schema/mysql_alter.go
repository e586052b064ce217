package schema

import (
	"strings"

	"github.com/sqlc-dev/marino/ast"
	kinds "github.com/sqlc-dev/marino/mysql"
)

func myAlterTable(s *ast.AlterTableStmt) []act {
	on := myTable(s.Table)
	acts := []act{}
	for _, spec := range s.Specs {
		for _, a := range mySpec(on, spec) {
			if a.of == "" {
				a.on, a.of, a.is = on, relations, "table"
			}
			acts = append(acts, a)
		}
	}
	return acts
}

// mySpec is one clause of ALTER TABLE.
func mySpec(on name, s *ast.AlterTableSpec) []act {
	switch s.Tp {
	case ast.AlterTableAddColumns:
		acts := []act{}
		for _, d := range s.NewColumns {
			acts = append(acts, act{do: addsColumn, col: myColumn(on, d), maybe: s.IfNotExists})
		}
		for _, c := range s.NewConstraints {
			acts = append(acts, myConstraint(on, c)...)
		}
		return acts
	case ast.AlterTableDropColumn:
		return []act{{do: dropsColumn, column: s.OldColumnName.Name.L}}
	case ast.AlterTableModifyColumn, ast.AlterTableChangeColumn:
		return myRedefine(on, s)
	case ast.AlterTableRenameColumn:
		return []act{{do: renamesColumn, column: s.OldColumnName.Name.L, to: name{name: s.NewColumnName.Name.L}}}
	case ast.AlterTableAlterColumn:
		column := s.NewColumns[0].Name.Name.L
		if o := s.NewColumns[0].Options; len(o) == 0 || myNull(o[0].Expr) {
			return []act{{do: dropsDefault, column: column}}
		}
		return []act{{do: setsDefault, column: column}}
	case ast.AlterTableRenameTable:
		return []act{{do: renames, to: myTable(s.NewTable)}}
	case ast.AlterTableAddConstraint:
		return myConstraint(on, s.Constraint)
	case ast.AlterTableDropPrimaryKey:
		return []act{{do: dropsConstraint, name: "PRIMARY"}}
	case ast.AlterTableDropForeignKey:
		return []act{{do: dropsConstraint, name: s.Name}}
	case ast.AlterTableDropCheck:
		return []act{{do: dropsConstraint, name: s.Constraint.Name}}
	case ast.AlterTableDropIndex:
		return []act{myDropIndex(on, s.Name)}
	case ast.AlterTableRenameIndex:
		return []act{
			{do: changes, of: others, is: "index", on: myIndex(on, s.FromKey.O), class: Unknown, reason: "Index " + quoted(s.FromKey.O) + " gets another name: queries and error messages may name it."},
		}
	case ast.AlterTableOption:
		acts := []act{}
		for _, o := range s.Options {
			acts = append(acts, myOption(on, o))
		}
		return acts
	}
	return []act{mySettings(on, s)}
}

// mySettings are clauses that say how a table is kept.
func mySettings(on name, s *ast.AlterTableSpec) act {
	switch s.Tp {
	case ast.AlterTableAlgorithm, ast.AlterTableLock, ast.AlterTableForce, ast.AlterTableEnableKeys, ast.AlterTableDisableKeys, ast.AlterTableOrderByColumns,
		ast.AlterTableWithoutValidation, ast.AlterTableWithValidation, ast.AlterTableOptimizePartition, ast.AlterTableRebuildPartition, ast.AlterTableCheckPartitions:
		return change(Expand, "It says how rows are kept, and changes none.")
	case ast.AlterTableAddPartitions:
		return change(Expand, "A partition is added, which takes what older releases could not write.")
	case ast.AlterTableDropPartition, ast.AlterTableTruncatePartition, ast.AlterTableExchangePartition, ast.AlterTableDiscardPartitionTablespace, ast.AlterTableDiscardTablespace:
		return change(Contract, "Rows of "+quoted(on.String())+" go with a part of it: older releases do not find them any more.")
	case ast.AlterTableIndexInvisible:
		if s.Visibility == ast.IndexVisibilityVisible {
			return change(Expand, "It says how rows are found, and changes none.")
		}
	}
	return change(Unknown, "What this change of the table does to older releases, nobody can tell.")
}

// myOption is an option of a table.
func myOption(on name, o *ast.TableOption) act {
	switch o.Tp {
	case ast.TableOptionComment, ast.TableOptionAutoIncrement, ast.TableOptionAvgRowLength, ast.TableOptionCheckSum, ast.TableOptionTableCheckSum,
		ast.TableOptionCompression, ast.TableOptionKeyBlockSize, ast.TableOptionMaxRows, ast.TableOptionMinRows, ast.TableOptionDelayKeyWrite,
		ast.TableOptionRowFormat, ast.TableOptionStatsPersistent, ast.TableOptionStatsAutoRecalc, ast.TableOptionStatsSamplePages, ast.TableOptionPackKeys,
		ast.TableOptionEncryption, ast.TableOptionAutoextendSize:
		return change(Expand, "It says how rows are kept, and changes none.")
	case ast.TableOptionCharset, ast.TableOptionCollate:
		if o.UintValue == ast.TableOptionCharsetWithConvertTo && o.Tp == ast.TableOptionCharset {
			return change(Unknown, "The letters of "+quoted(on.String())+" are kept and compared otherwise from now on: whether what older releases write fits, nobody can tell.")
		}
		return change(Expand, "It says what columns that are added later are like, and changes no row.")
	}
	return change(Unknown, "What this option of the table does to older releases, nobody can tell.")
}

// myRedefine is MODIFY and CHANGE: the whole of a column is written anew.
func myRedefine(on name, s *ast.AlterTableSpec) []act {
	d := s.NewColumns[0]
	acts := []act{}
	if old := s.OldColumnName; old != nil && old.Name.L != d.Name.Name.L {
		acts = append(acts, act{do: renamesColumn, column: old.Name.L, to: name{name: d.Name.Name.L}})
	}
	col := myColumn(on, d)
	acts = append(acts, act{do: redefines, column: col.name, col: col})
	acts = append(acts, col.checks...)
	keyed := act{name: col.name, columns: []string{col.name}}
	if col.unique {
		keyed.do = addsUnique
		acts = append(acts, keyed)
	}
	if col.primary {
		keyed.do = addsConstraint
		acts = append(acts, keyed)
	}
	return acts
}

// myConstraint is a rule for the rows of a table, or an index.
func myConstraint(on name, c *ast.Constraint) []act {
	a := myKeys(on, c.Keys)
	a.of, a.on, a.is, a.name = "", name{}, "", c.Name
	index := act{do: creates, of: others, is: "index", on: myIndex(on, c.Name), maybe: c.IfNotExists}
	switch c.Tp {
	case ast.ConstraintKey, ast.ConstraintIndex, ast.ConstraintFulltext:
		if c.Name == "" {
			return []act{a}
		}
		return []act{a, index}
	case ast.ConstraintUniq, ast.ConstraintUniqKey, ast.ConstraintUniqIndex:
		a.do = addsUnique
		if c.Name == "" {
			return []act{a}
		}
		return []act{a, index}
	case ast.ConstraintForeignKey:
		a.do, a.note = addsForeignKey, myPoints(c.Refer, on)
		if c.Refer != nil && c.Refer.Match != ast.MatchNone && c.Refer.Match != ast.MatchSimple {
			a.do = addsConstraint
		}
	case ast.ConstraintCheck:
		a.do, a.columns, a.tolerant = addsCheck, myColumns(c.Expr), myTolerant(c.Expr)
	default:
		a.do = addsConstraint
	}
	return []act{a}
}

// myColumn reads a new column.
func myColumn(on name, d *ast.ColumnDef) *column {
	c := &column{name: d.Name.Name.L}
	for _, o := range d.Options {
		switch o.Tp {
		case ast.ColumnOptionNotNull:
			c.notNull = true
		case ast.ColumnOptionDefaultValue:
			c.deflt, c.each = !myNull(o.Expr), myEach(o.Expr)
		case ast.ColumnOptionAutoIncrement:
			c.notNull, c.deflt, c.each = true, true, true
		case ast.ColumnOptionPrimaryKey:
			c.primary = true
		case ast.ColumnOptionUniqKey:
			c.unique = true
		case ast.ColumnOptionGenerated:
			c.computed, c.risky = true, true // what it makes may be too long for the column
		case ast.ColumnOptionReference:
			c.refers, c.note = true, myPoints(o.Refer, on)
		case ast.ColumnOptionCheck:
			c.checks = append(c.checks, act{do: addsCheck, name: o.ConstraintName, columns: myColumns(o.Expr), tolerant: myTolerant(o.Expr)})
		}
	}
	// A required ENUM that is left out gets the first of its values.
	if c.notNull && !c.deflt && d.Tp.GetType() == kinds.TypeEnum {
		c.deflt = true
	}
	return c
}

// myNull says that a default is none.
func myNull(n ast.ExprNode) bool {
	if p, ok := n.(*ast.ParenthesesExpr); ok {
		return myNull(p.Expr)
	}
	v, ok := n.(ast.ValueExpr)
	return n == nil || ok && v.GetValue() == nil
}

// myEach says that a default is another one in every row.
func myEach(n ast.ExprNode) bool {
	if p, ok := n.(*ast.ParenthesesExpr); ok {
		return myEach(p.Expr)
	}
	f, ok := n.(*ast.FuncCallExpr)
	return ok && (f.FnName.L == "uuid" || f.FnName.L == "uuid_to_bin" && len(f.Args) > 0 && myEach(f.Args[0]))
}

// myColumns are the columns that an expression speaks of.
func myColumns(n ast.ExprNode) []string {
	out := []string{}
	myWalk(n, func(x ast.Node) {
		if c, ok := x.(*ast.ColumnName); ok {
			out = append(out, c.Name.L)
		}
	})
	return out
}

// myTolerant says that a check lets through a row whose columns in it are all
// empty: every comparison in it is then unknown, which passes.
func myTolerant(n ast.ExprNode) bool {
	switch x := n.(type) {
	case *ast.ParenthesesExpr:
		return myTolerant(x.Expr)
	case *ast.BinaryOperationExpr:
		switch op := strings.ToLower(x.Op.String()); op {
		case "and", "or":
			return myTolerant(x.L) && myTolerant(x.R)
		case "eq", "ne", "lt", "le", "gt", "ge":
			return myStrict(x.L)
		}
	case *ast.PatternInExpr:
		return myStrict(x.Expr)
	case *ast.BetweenExpr:
		return myStrict(x.Expr)
	case *ast.PatternLikeOrIlikeExpr:
		return myStrict(x.Expr)
	}
	return false
}

// myStrict says that an expression is empty when its column is.
func myStrict(n ast.ExprNode) bool {
	switch x := n.(type) {
	case *ast.ParenthesesExpr:
		return myStrict(x.Expr)
	case *ast.ColumnNameExpr:
		return true
	case *ast.FuncCallExpr:
		switch x.FnName.L {
		case "length", "char_length", "lower", "upper", "abs", "octet_length":
			return len(x.Args) == 1 && myStrict(x.Args[0])
		}
	}
	return false
}

// myRisky says that an expression of an index may fail on some value.
func myRisky(n ast.ExprNode) bool {
	switch x := n.(type) {
	case *ast.ParenthesesExpr:
		return myRisky(x.Expr)
	case *ast.ColumnNameExpr:
		return false
	case *ast.FuncCallExpr:
		return !steady[x.FnName.L] || len(x.Args) != 1 || myRisky(x.Args[0])
	}
	return true
}
