package schema

import (
	"regexp"
	"strings"

	"github.com/sqlc-dev/oliphant/ast"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// pgData are statements about rows, and code that runs once.
func pgData(n *ast.Node) []act {
	switch x := n.GetNode().(type) {
	case *ast.Node_DoStmt:
		return pgBlock(x.DoStmt)
	case *ast.Node_ExplainStmt:
		return pgRun(n)
	case *ast.Node_TruncateStmt:
		acts := []act{}
		for _, r := range x.TruncateStmt.GetRelations() {
			acts = append(acts, act{do: deletes, of: relations, is: "table", on: pgTable(r.GetRangeVar())})
		}
		if x.TruncateStmt.GetBehavior() == ast.DropBehavior_DROP_CASCADE {
			acts = append(acts, contract("TRUNCATE … CASCADE empties every table that points at this one."))
		}
		return acts
	case *ast.Node_CopyStmt:
		s := x.CopyStmt
		switch {
		case s.GetIsProgram() || s.GetFilename() != "" || s.GetRelation() == nil:
			return append(pgRun(s.GetQuery()), unknown("COPY goes through a file or a program of the server."))
		case s.GetIsFrom():
			return []act{unknown("Rows are added to " + quoted(pgTable(s.GetRelation()).String()) + " from outside of this statement.")}
		}
		return []act{harmless}
	case *ast.Node_SelectStmt, *ast.Node_InsertStmt, *ast.Node_UpdateStmt, *ast.Node_DeleteStmt, *ast.Node_MergeStmt:
		acts := pgRun(n)
		if len(acts) == 0 {
			acts = append(acts, harmless)
		}
		return acts
	}
	return []act{blind("It runs code that cannot be seen here.")}
}

// pure are functions that change nothing but what they answer.
var pure = map[string]bool{
	"lower": true, "upper": true, "trim": true, "btrim": true, "ltrim": true, "rtrim": true, "length": true, "md5": true, "concat": true, "concat_ws": true,
	"substring": true, "substr": true, "replace": true, "regexp_replace": true, "regexp_match": true, "regexp_matches": true, "split_part": true, "left": true,
	"right": true, "lpad": true, "rpad": true, "format": true, "to_char": true, "to_date": true, "to_timestamp": true, "to_tsvector": true, "initcap": true,
	"now": true, "clock_timestamp": true, "date_trunc": true, "extract": true, "age": true, "timezone": true, "random": true, "gen_random_uuid": true,
	"uuid_generate_v4": true, "uuidv7": true, "count": true, "sum": true, "min": true, "max": true, "avg": true, "abs": true, "round": true, "floor": true,
	"ceil": true, "array_agg": true, "string_agg": true, "jsonb_agg": true, "json_agg": true, "array_length": true, "cardinality": true, "unnest": true,
	"generate_series": true, "row_number": true, "rank": true, "dense_rank": true, "jsonb_build_object": true, "json_build_object": true, "jsonb_set": true,
	"to_jsonb": true, "jsonb_array_elements": true, "jsonb_object_keys": true, "jsonb_extract_path_text": true, "array_append": true, "array_remove": true,
	"pg_get_serial_sequence": true, "setval": true, "nextval": true, "currval": true, "version": true, "current_setting": true, "pg_sleep": true,
	"pg_advisory_lock": true, "pg_advisory_unlock": true, "pg_advisory_xact_lock": true, "encode": true, "decode": true, "digest": true, "position": true,
	"string_to_array": true, "array_to_string": true, "first_value": true, "last_value": true, "lag": true, "lead": true, "coalesce": true, "nullif": true,
}

// pgRun is what a query changes, wherever in it that is written: a part of a
// WITH may delete, and a function may do anything.
func pgRun(n *ast.Node) []act {
	acts := []act{}
	walk(n, func(x *ast.Node) {
		switch x := x.GetNode().(type) {
		case *ast.Node_InsertStmt:
			acts = append(acts, pgInsert(x.InsertStmt)...)
		case *ast.Node_UpdateStmt:
			acts = append(acts, pgWrite(updates, x.UpdateStmt.GetRelation(), x.UpdateStmt.GetTargetList()))
		case *ast.Node_DeleteStmt:
			acts = append(acts, pgWrite(deletes, x.DeleteStmt.GetRelation(), nil))
		case *ast.Node_MergeStmt:
			acts = append(acts, pgMerge(x.MergeStmt)...)
		case *ast.Node_SelectStmt:
			if into := x.SelectStmt.GetIntoClause(); into != nil {
				acts = append(acts, act{do: creates, of: relations, is: "table", on: pgTable(into.GetRel()), maybe: into.GetRel().GetRelpersistence() == "t"})
			}
		case *ast.Node_FuncCall:
			switch f := pgNameOf(x.FuncCall.GetFuncname()); {
			case pure[f.name] && (f.schema == "" || f.schema == "pg_catalog"):
			case f.name == "set_config" || f.name == "create_hypertable":
				acts = append(acts, blind("It calls "+quoted(f.String()+"()")+", after which names may mean something else."))
			default:
				acts = append(acts, blind("It calls "+quoted(f.String()+"()")+", and what that does cannot be seen here."))
			}
		}
	})
	return acts
}

func pgWrite(do verb, on *ast.RangeVar, targets []*ast.Node) act {
	a := act{do: do, of: relations, is: "table", on: pgTable(on)}
	for _, t := range targets {
		a.columns = append(a.columns, t.GetResTarget().GetName())
	}
	return a
}

func pgInsert(s *ast.InsertStmt) []act {
	acts := []act{pgWrite(inserts, s.GetRelation(), nil)}
	if c := s.GetOnConflictClause(); c.GetAction() == ast.OnConflictAction_ONCONFLICT_UPDATE {
		acts = append(acts, pgWrite(updates, s.GetRelation(), c.GetTargetList()))
	}
	return acts
}

func pgMerge(s *ast.MergeStmt) []act {
	acts := []act{}
	for _, w := range s.GetMergeWhenClauses() {
		c := w.GetMergeWhenClause()
		do := updates
		switch c.GetCommandType() {
		case ast.CmdType_CMD_INSERT:
			do = inserts
		case ast.CmdType_CMD_DELETE:
			do = deletes
		case ast.CmdType_CMD_NOTHING:
			continue
		}
		acts = append(acts, pgWrite(do, s.GetRelation(), c.GetTargetList()))
	}
	return acts
}

// walk shows every node of a tree.
func walk(n *ast.Node, show func(*ast.Node)) {
	if n == nil {
		return
	}
	var down func(m protoreflect.Message)
	down = func(m protoreflect.Message) {
		if node, ok := m.Interface().(*ast.Node); ok {
			show(node)
		}
		m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			switch {
			case f.Message() == nil:
			case f.IsList():
				for i := range v.List().Len() {
					down(v.List().Get(i).Message())
				}
			default:
				down(v.Message())
			}
			return true
		})
	}
	down(n.ProtoReflect())
}

// block is a DO block that tries statements and lets pass that they were run
// before, as generators of migrations write it.
var (
	block    = regexp.MustCompile(`(?is)^\s*BEGIN\b(.*?)(?:\bEXCEPTION\s+WHEN\s+[a-z_]+(?:\s+OR\s+[a-z_]+)*\s+THEN\s+(?:NULL\s*;)?\s*)?\bEND\b\s*;?\s*(?:\$\$)?\s*$`)
	ifThen   = regexp.MustCompile(`(?is)^IF\s+(?:NOT\s+)?EXISTS\s*\(`)
	dynamics = regexp.MustCompile(`(?i)\b(EXECUTE|PERFORM|LOOP|DECLARE|CALL|RETURN|RAISE|ELSE|ELSIF|CASE|EXCEPTION|BEGIN)\b`)
)

// pgBlock reads a DO block that holds nothing but plain statements, each of
// which the parser has to understand. Anything else is unknown.
func pgBlock(s *ast.DoStmt) []act {
	hidden := []act{blind("It is a block of code: what it does is only known when it runs.")}
	body := ""
	for _, a := range s.GetArgs() {
		d := a.GetDefElem()
		switch d.GetDefname() {
		case "as":
			body = d.GetArg().GetString_().GetSval()
		case "language":
			if !strings.EqualFold(d.GetArg().GetString_().GetSval(), "plpgsql") {
				return hidden
			}
		}
	}
	m := block.FindStringSubmatch(body)
	if m == nil || dynamics.MatchString(m[1]) {
		return hidden
	}
	acts := []act{}
	for _, p := range split(Postgres, piece{m[1], 1}) {
		for _, text := range unconditional(p.text) {
			found, err := postgres(text)
			if err != nil {
				return hidden
			}
			acts = append(acts, found...)
		}
	}
	for i := range acts {
		// It may not have run, so nothing is known to be new because of it.
		acts[i].maybe = true
	}
	return acts
}

// unconditional takes the condition off a statement of a block: the condition,
// which is a query, and what is done when it holds.
func unconditional(text string) []string {
	bare := strings.TrimSpace(strings.TrimSuffix(text, ";"))
	if up := strings.ToUpper(bare); up == "END IF" || up == "NULL" {
		return nil
	}
	loc := ifThen.FindStringIndex(text)
	if loc == nil {
		return []string{text}
	}
	open := loc[1] - 1
	c := cutter{text: text, at: open, from: open, dialect: Postgres}
	for c.at < len(text) {
		c.step()
		if c.deep == 0 {
			break
		}
	}
	rest := strings.TrimSpace(text[c.at:])
	if len(rest) < 5 || !strings.EqualFold(rest[:4], "THEN") || word(rest[4]) {
		return []string{text}
	}
	return []string{"SELECT EXISTS " + text[open:c.at], strings.TrimSpace(rest[4:])}
}
