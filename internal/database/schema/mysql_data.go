package schema

import (
	"strings"

	"github.com/sqlc-dev/marino/ast"
)

// myData are statements about rows, about the session, and code that runs once.
func myData(s ast.StmtNode) []act {
	acts := []act{}
	switch x := s.(type) {
	case *ast.TruncateTableStmt:
		return []act{{do: deletes, of: relations, is: "table", on: myTable(x.Table)}}
	case *ast.SetStmt:
		for _, v := range x.Variables {
			acts = append(acts, mySet(v))
		}
	case *ast.LoadDataStmt:
		return []act{unknown("Rows are added to " + quoted(myTable(x.Table).String()) + " from outside of this statement.")}
	case *ast.CallStmt, *ast.PrepareStmt, *ast.ExecuteStmt:
		return []act{blind("It runs code that cannot be seen here.")}
	}
	acts = append(acts, myRun(s)...)
	if len(acts) == 0 {
		acts = append(acts, harmless)
	}
	return acts
}

// sessions are variables that say how statements are run, for the session.
var sessions = map[string]bool{
	"foreign_key_checks": true, "unique_checks": true, "sql_notes": true, "time_zone": true, "autocommit": true, "lock_wait_timeout": true,
	"innodb_lock_wait_timeout": true, "max_execution_time": true, "tx_isolation_one_shot": true, "transaction_isolation": true, "sql_safe_updates": true, "group_concat_max_len": true, "cte_max_recursion_depth": true,
	"sql_log_bin": true, "sql_quote_show_create": true,
}

// mySet is one assignment of SET.
func mySet(v *ast.VariableAssignment) act {
	at := strings.ToLower(v.Name)
	switch {
	case v.Name == ast.SetNames || v.Name == ast.SetCharset:
		return myLetters(v.Value)
	case v.IsGlobal || v.IsPersist || v.IsPersistOnly || v.IsInstance:
		return unknown("A setting of the whole server changes: whether an older release minds, nobody can tell.")
	case !v.IsSystem:
		return harmless // a variable of the script
	case at == "sql_mode":
		mode, ok := v.Value.(ast.ValueExpr)
		if ok && !strings.Contains(strings.ToUpper(mode.GetString()), "ANSI") && !strings.Contains(strings.ToUpper(mode.GetString()), "BACKSLASH") &&
			!strings.ContainsAny(mode.GetString(), "0123456789") && myTextual(mode) {
			return harmless
		}
		return blind("From here on the server may read quotes otherwise than the parser does.")
	case at == "character_set_client" || at == "character_set_connection" || at == "character_set_results" || at == "collation_connection":
		return myLetters(v.Value)
	case sessions[at]:
		return harmless
	}
	return blind("What this setting does to the statements after it, nobody can tell.")
}

// myLetters is a character set that statements are sent in. In others than
// UTF-8, letters have bytes that look like quotes and backslashes.
func myLetters(n ast.ExprNode) act {
	called := ""
	switch x := n.(type) {
	case ast.ValueExpr:
		called = x.GetString()
	case *ast.ColumnNameExpr: // written without quotes
		called = x.Name.Name.L
	}
	if strings.HasPrefix(strings.ToLower(called), "utf8") {
		return harmless
	}
	return blind("From here on the server may read letters otherwise than the parser does.")
}

// myTextual says that a value is a text, and no number that stands for one.
func myTextual(v ast.ValueExpr) bool {
	_, is := v.GetValue().(string)
	return is
}

// myPure are functions that change nothing but what they answer.
var myPure = map[string]bool{
	"lower": true, "lcase": true, "upper": true, "ucase": true, "trim": true, "ltrim": true, "rtrim": true, "length": true, "char_length": true, "concat": true,
	"concat_ws": true, "substring": true, "substr": true, "mid": true, "substring_index": true, "replace": true, "regexp_replace": true, "regexp_like": true,
	"regexp_substr": true, "left": true, "right": true, "lpad": true, "rpad": true, "locate": true, "instr": true, "position": true, "reverse": true, "repeat": true,
	"md5": true, "sha1": true, "sha2": true, "hex": true, "unhex": true, "uuid": true, "uuid_to_bin": true, "bin_to_uuid": true, "rand": true, "crc32": true,
	"now": true, "current_timestamp": true, "curdate": true, "current_date": true, "utc_timestamp": true, "unix_timestamp": true, "from_unixtime": true,
	"date": true, "date_add": true, "date_sub": true, "date_format": true, "str_to_date": true, "datediff": true, "timestampdiff": true, "timestampadd": true,
	"year": true, "month": true, "day": true, "convert_tz": true, "abs": true, "round": true, "floor": true, "ceil": true, "ceiling": true, "mod": true,
	"greatest": true, "least": true, "if": true, "ifnull": true, "nullif": true, "coalesce": true, "isnull": true, "field": true, "find_in_set": true,
	"json_extract": true, "json_unquote": true, "json_object": true, "json_array": true, "json_set": true, "json_merge_patch": true, "json_length": true,
	"json_contains": true, "json_valid": true, "version": true, "database": true, "schema": true, "user": true, "current_user": true, "last_insert_id": true,
	"sleep": true, "get_lock": true, "release_lock": true, "row_count": true, "cast": true, "convert": true, "values": true,
}

// myRun is what a query changes, wherever in it that is written.
func myRun(n ast.Node) []act {
	acts := []act{}
	myWalk(n, func(x ast.Node) {
		switch x := x.(type) {
		case *ast.InsertStmt:
			acts = append(acts, myInsert(x)...)
		case *ast.UpdateStmt:
			acts = append(acts, myUpdate(x)...)
		case *ast.DeleteStmt:
			acts = append(acts, myDelete(x)...)
		case *ast.SelectStmt:
			if into := x.SelectIntoOpt; into != nil && into.Tp != ast.SelectIntoVars {
				acts = append(acts, unknown("It writes a file on the server."))
			}
		case *ast.FuncCallExpr:
			if x.Schema.L != "" || !myPure[x.FnName.L] {
				acts = append(acts, blind("It calls "+quoted(x.FnName.O+"()")+", and what that does cannot be seen here."))
			}
		}
	})
	return acts
}

func myInsert(s *ast.InsertStmt) []act {
	acts := []act{}
	for _, t := range myTables(s.Table) {
		acts = append(acts, act{do: inserts, of: relations, is: "table", on: t.on})
		if s.IsReplace || len(s.OnDuplicate) > 0 {
			acts = append(acts, act{do: updates, of: relations, is: "table", on: t.on})
		}
	}
	return acts
}

// myUpdate is an update of one table, or of several that are joined.
func myUpdate(s *ast.UpdateStmt) []act {
	tables := myTables(s.TableRefs)
	acts := []act{}
	for _, set := range s.List {
		if i := which(tables, set.Column.Table.L); i >= 0 {
			acts = append(acts, act{do: updates, of: relations, is: "table", on: tables[i].on, columns: []string{set.Column.Name.L}})
			continue
		}
		for _, t := range tables { // any of them
			acts = append(acts, act{do: updates, of: relations, is: "table", on: t.on})
		}
	}
	if len(acts) == 0 {
		acts = append(acts, blind("Which rows it changes cannot be seen here."))
	}
	return acts
}

func myDelete(s *ast.DeleteStmt) []act {
	tables := myTables(s.TableRefs)
	from := tables
	if s.Tables != nil {
		from = nil
		for _, t := range s.Tables.Tables {
			one := mentioned{on: myTable(t)}
			if i := which(tables, t.Name.L); i >= 0 && t.Schema.L == "" {
				one = tables[i]
			}
			from = append(from, one)
		}
	}
	acts := []act{}
	for _, t := range from {
		acts = append(acts, act{do: deletes, of: relations, is: "table", on: t.on})
	}
	if len(acts) == 0 {
		acts = append(acts, contract("Rows are deleted, and of which table cannot be seen here."))
	}
	return acts
}

// mentioned is a table in a clause, with what it is called there.
type mentioned struct {
	on     name
	called string
}

// which of the tables goes by a name, -1 when that is not sure.
func which(tables []mentioned, called string) int {
	if len(tables) == 1 {
		return 0
	}
	found := -1
	for i, t := range tables {
		if t.called == called {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

func myTables(refs *ast.TableRefsClause) []mentioned {
	found := []mentioned{}
	if refs == nil {
		return found
	}
	var down func(n ast.ResultSetNode)
	down = func(n ast.ResultSetNode) {
		switch x := n.(type) {
		case *ast.Join:
			down(x.Left)
			down(x.Right)
		case *ast.TableSource:
			t, ok := x.Source.(*ast.TableName)
			switch {
			case !ok:
				down(x.Source)
			case x.AsName.L != "":
				found = append(found, mentioned{myTable(t), x.AsName.L})
			default:
				found = append(found, mentioned{myTable(t), t.Name.L})
			}
		case *ast.TableName:
			found = append(found, mentioned{myTable(x), x.Name.L})
		}
	}
	down(refs.TableRefs)
	return found
}

// myWalk shows every node of a tree.
func myWalk(n ast.Node, show func(ast.Node)) {
	if n != nil {
		n.Accept(walker(show))
	}
}

type walker func(ast.Node)

func (w walker) Enter(n ast.Node) (ast.Node, bool) { w(n); return n, false }
func (w walker) Leave(n ast.Node) (ast.Node, bool) { return n, true }
