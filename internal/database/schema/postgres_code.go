package schema

import (
	"github.com/sqlc-dev/oliphant/ast"
)

// pgCode are views, functions, triggers and what else the database runs.
func pgCode(n *ast.Node) []act {
	switch x := n.GetNode().(type) {
	case *ast.Node_ViewStmt:
		s := x.ViewStmt
		on := pgTable(s.GetView())
		if s.GetReplace() {
			return []act{{do: changes, of: relations, is: "view", on: on, class: Unknown, reason: "View " + quoted(on.String()) + " may answer otherwise than before: that is in its query."}}
		}
		return []act{{do: creates, of: relations, is: "view", on: on}}
	case *ast.Node_CreateFunctionStmt:
		s := x.CreateFunctionStmt
		on := pgNameOf(s.GetFuncname())
		if s.GetReplace() {
			return []act{unknown("Function " + quoted(on.String()) + " may be there already and do something else from now on: that is in its body.")}
		}
		return []act{{do: creates, of: functions, is: "function", on: on}}
	case *ast.Node_AlterFunctionStmt:
		return []act{unknown("How a function runs changes: whether an older release minds, nobody can tell.")}
	case *ast.Node_CreateTrigStmt:
		s := x.CreateTrigStmt
		on := pgTable(s.GetRelation())
		return []act{
			{do: changes, of: relations, is: "table", on: on, class: Unknown, reason: "A trigger runs when older releases write to " + quoted(on.String()) + ": what it does is in its function."},
			{do: creates, of: others, is: "trigger", on: name{on.String(), s.GetTrigname()}, maybe: s.GetReplace()},
		}
	case *ast.Node_RuleStmt:
		on := pgTable(x.RuleStmt.GetRelation())
		return []act{{do: changes, of: relations, is: "table", on: on, class: Unknown, reason: "A rule rewrites what older releases ask of " + quoted(on.String()) + "."}}
	case *ast.Node_CreateSeqStmt:
		s := x.CreateSeqStmt
		return []act{{do: creates, of: relations, is: "sequence", on: pgTable(s.GetSequence()), maybe: s.GetIfNotExists()}}
	case *ast.Node_AlterSeqStmt:
		return []act{pgSequence(x.AlterSeqStmt)}
	case *ast.Node_RefreshMatViewStmt:
		return []act{harmless}
	}
	return pgPolicy(n)
}

func pgSequence(s *ast.AlterSeqStmt) act {
	on := pgTable(s.GetSequence())
	a := act{do: changes, of: relations, is: "sequence", on: on, class: Expand, reason: "Sequence " + quoted(on.String()) + " belongs to a column from now on, and counts as before."}
	for _, o := range s.GetOptions() {
		if o.GetDefElem().GetDefname() != "owned_by" {
			a.class, a.reason = Unknown, "Sequence "+quoted(on.String())+" counts otherwise from now on."
		}
	}
	return a
}

func pgPolicy(n *ast.Node) []act {
	switch x := n.GetNode().(type) {
	case *ast.Node_CreatePolicyStmt:
		s := x.CreatePolicyStmt
		on := pgTable(s.GetTable())
		a := act{do: changes, of: relations, is: "table", on: on, class: Expand, reason: "A policy that allows takes nothing from an older release."}
		if !s.GetPermissive() {
			a.class, a.reason = Contract, "A policy that restricts "+quoted(on.String())+" keeps rows from an older release."
		}
		return []act{a, {do: creates, of: others, is: "policy", on: name{on.String(), s.GetPolicyName()}}}
	case *ast.Node_AlterPolicyStmt:
		s := x.AlterPolicyStmt
		on := pgTable(s.GetTable())
		return []act{{do: changes, of: relations, is: "table", on: on, class: Unknown, reason: "Policy " + quoted(s.GetPolicyName()) + " of " + quoted(on.String()) + " allows something else from now on."}}
	}
	return []act{blind("What this statement does to older releases, nobody can tell.")}
}

// pgType are types and schemas.
func pgType(n *ast.Node) []act {
	switch x := n.GetNode().(type) {
	case *ast.Node_CreateSchemaStmt:
		s := x.CreateSchemaStmt
		acts := []act{{do: creates, of: schemas, is: "schema", on: name{name: s.GetSchemaname()}, maybe: s.GetIfNotExists()}}
		for _, e := range s.GetSchemaElts() {
			for _, a := range pgStatement(e) {
				if a.on.schema == "" { // it is made in the new schema
					a.on.schema = s.GetSchemaname()
				}
				acts = append(acts, a)
			}
		}
		return acts
	case *ast.Node_CreateEnumStmt:
		return []act{{do: creates, of: types, is: "enum type", on: pgNameOf(x.CreateEnumStmt.GetTypeName())}}
	case *ast.Node_CompositeTypeStmt:
		return []act{{do: creates, of: types, is: "type", on: pgTable(x.CompositeTypeStmt.GetTypevar())}}
	case *ast.Node_CreateRangeStmt:
		return []act{{do: creates, of: types, is: "type", on: pgNameOf(x.CreateRangeStmt.GetTypeName())}}
	case *ast.Node_CreateDomainStmt:
		return []act{{do: creates, of: types, is: "domain", on: pgNameOf(x.CreateDomainStmt.GetDomainname())}}
	case *ast.Node_AlterEnumStmt:
		s := x.AlterEnumStmt
		on := pgNameOf(s.GetTypeName())
		a := act{do: changes, of: types, is: "enum type", on: on, class: Expand, reason: "Enum type " + quoted(on.String()) + " knows one value more: nothing older fails until a newer release writes it."}
		if s.GetOldVal() != "" {
			a.class, a.reason = Contract, "Value "+quoted(s.GetOldVal())+" of enum type "+quoted(on.String())+" gets another name: an older release writes the old one."
		}
		return []act{a}
	case *ast.Node_AlterDomainStmt:
		s := x.AlterDomainStmt
		a := act{do: changes, of: types, is: "domain", on: pgNameOf(s.GetTypeName()), class: Expand, reason: "The domain takes all that it took before."}
		switch s.GetSubtype() {
		case "O", "C":
			a.class, a.reason = Contract, "The domain takes less than before: what an older release writes may not fit."
		}
		return []act{a}
	}
	return []act{blind("What this statement does to older releases, nobody can tell.")}
}
