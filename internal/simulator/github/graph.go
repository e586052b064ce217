package github

import (
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

//go:embed schema.graphql
var schemaText string

// schema is read when it is first needed, which on a real server is never.
var schema = sync.OnceValue(func() *ast.Schema {
	return gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphql", Input: schemaText})
})

type graphBody struct {
	Query         *string        `json:"query"`
	Variables     map[string]any `json:"variables"`
	OperationName *string        `json:"operationName"`
}

func (f *Face) graphRoutes() []wire.Route {
	var out []wire.Route
	for _, path := range []string{"/graphql", "/api/graphql"} {
		out = append(out, wire.Route{
			Pattern: "POST " + path, Doc: "GraphQL, read only", Body: wire.OptionalBody[graphBody](), Handle: f.on(graph),
		})
	}
	return out
}

func graph(i *in) (*wire.Answer, error) {
	body := wire.BodyOf[graphBody](i.Call)
	if body.Query == nil {
		return wire.JSON(http.StatusBadRequest, obj{"errors": []obj{{"message": "A query attribute must be specified and must be a string."}}}), nil
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: *body.Query})
	if err != nil {
		return wire.OK(obj{"errors": []obj{parseError(err)}}), nil
	}
	if findings := validator.ValidateWithRules(schema(), doc, nil); len(findings) > 0 {
		list := []obj{}
		for _, e := range findings {
			list = append(list, invalidQuery(doc, e))
		}
		return wire.OK(obj{"errors": list}), nil
	}
	name := ""
	if body.OperationName != nil {
		name = *body.OperationName
	}
	op := doc.Operations.ForName(name)
	if op == nil {
		return wire.OK(obj{"errors": []obj{{"message": "An operation name is required"}}}), nil
	}
	vars, err := validator.VariableValues(schema(), op, body.Variables)
	if err != nil {
		return wire.OK(obj{"errors": []obj{variableError(op, err)}}), nil
	}
	run := &execution{in: i, vars: vars}
	data, ok := run.object(op.SelectionSet, i.query(), nil)
	out := obj{"data": data}
	if !ok {
		out["data"] = nil
	}
	if len(run.errors) > 0 {
		out["errors"] = run.errors
	}
	return wire.OK(out), nil
}

func locations(list []gqlerror.Location) []obj {
	out := []obj{}
	for _, l := range list {
		out = append(out, obj{"line": l.Line, "column": l.Column})
	}
	return out
}

func parseError(err error) obj {
	e, ok := errors.AsType[*gqlerror.Error](err)
	if !ok || len(e.Locations) == 0 {
		return obj{"message": "Parse error: " + err.Error()}
	}
	return obj{
		"message":   fmt.Sprintf("Parse error: %s at [%d, %d]", e.Message, e.Locations[0].Line, e.Locations[0].Column),
		"locations": locations(e.Locations),
	}
}

func variableError(op *ast.OperationDefinition, err error) obj {
	out := obj{"message": err.Error(), "extensions": obj{"code": "variableMismatch"}}
	e, ok := errors.AsType[*gqlerror.Error](err)
	if !ok || len(e.Path) < 2 {
		return out
	}
	name := fmt.Sprint(e.Path[1])
	if v := op.VariableDefinitions.ForName(name); v != nil {
		out["message"] = fmt.Sprintf("Variable $%s of type %s was provided invalid value", name, v.Type)
		out["locations"] = []obj{{"line": v.Position.Line, "column": v.Position.Column}}
		out["extensions"] = obj{"value": nil, "problems": []obj{{"path": []any{}, "explanation": e.Message}}}
	}
	return out
}

var (
	noField    = regexp.MustCompile(`^Cannot query field "([^"]+)" on type "([^"]+)"`)
	noArgument = regexp.MustCompile(`^Unknown argument "([^"]+)" on field "[^".]+\.([^"]+)"`)
	wantsArg   = regexp.MustCompile(`^Field "([^"]+)" argument "([^"]+)" of type`)
	wantsSub   = regexp.MustCompile(`^Field "([^"]+)" of type "([^"]+)" must have a selection`)
	noVariable = regexp.MustCompile(`^Variable "\$([^"]+)" is not defined`)
	unusedVar  = regexp.MustCompile(`^Variable "\$([^"]+)" is never used`)
)

// invalidQuery puts a finding of the validator into the words of GitHub's.
func invalidQuery(doc *ast.QueryDocument, e *gqlerror.Error) obj {
	out := obj{"message": e.Message, "locations": locations(e.Locations), "path": []any{"query"}, "extensions": obj{"code": e.Rule}}
	if len(e.Locations) > 0 {
		out["path"] = pathTo(doc, e.Locations[0])
	}
	say := func(code, format string, args ...any) {
		out["message"] = fmt.Sprintf(format, args...)
		out["extensions"].(obj)["code"] = code
	}
	ext := out["extensions"].(obj)
	switch m := e.Message; {
	case noField.MatchString(m):
		p := noField.FindStringSubmatch(m)
		say("undefinedField", "Field '%s' doesn't exist on type '%s'", p[1], p[2])
		ext["typeName"], ext["fieldName"] = p[2], p[1]
	case noArgument.MatchString(m):
		p := noArgument.FindStringSubmatch(m)
		say("argumentNotAccepted", "Field '%s' doesn't accept argument '%s'", p[2], p[1])
		ext["name"], ext["typeName"], ext["argumentName"] = p[2], "Field", p[1]
	case wantsArg.MatchString(m):
		p := wantsArg.FindStringSubmatch(m)
		say("missingRequiredArguments", "Field '%s' is missing required arguments: %s", p[1], p[2])
		ext["className"], ext["name"], ext["arguments"] = "Field", p[1], p[2]
	case wantsSub.MatchString(m):
		p := wantsSub.FindStringSubmatch(m)
		say("selectionMismatch", "Field must have selections (field '%s' returns %s but has no selections. Did you mean '%s { ... }'?)", p[1], strings.Trim(p[2], "[]!"), p[1])
		ext["nodeName"], ext["typeName"] = "field '"+p[1]+"'", strings.Trim(p[2], "[]!")
	case noVariable.MatchString(m):
		p := noVariable.FindStringSubmatch(m)
		say("variableNotDefined", "Variable $%s is used by anonymous query but not declared", p[1])
		ext["variableName"] = p[1]
	case unusedVar.MatchString(m):
		p := unusedVar.FindStringSubmatch(m)
		say("variableNotUsed", "Variable $%s is declared by anonymous query but not used", p[1])
		ext["variableName"] = p[1]
	}
	return out
}

// pathTo is GitHub's path to the field at a location: it begins with the
// operation or the fragment.
func pathTo(doc *ast.QueryDocument, at gqlerror.Location) []any {
	var search func(set ast.SelectionSet, path []any) []any
	search = func(set ast.SelectionSet, path []any) []any {
		for _, sel := range set {
			switch s := sel.(type) {
			case *ast.Field:
				here := append(append([]any{}, path...), s.Alias)
				if s.Position != nil && s.Position.Line == at.Line && s.Position.Column == at.Column {
					return here
				}
				if found := search(s.SelectionSet, here); found != nil {
					return found
				}
			case *ast.InlineFragment:
				if found := search(s.SelectionSet, append(append([]any{}, path...), "... on "+s.TypeCondition)); found != nil {
					return found
				}
			}
		}
		return nil
	}
	for _, op := range doc.Operations {
		start := strings.TrimSpace(string(op.Operation) + " " + op.Name)
		if found := search(op.SelectionSet, []any{start}); found != nil {
			return found
		}
	}
	for _, fragment := range doc.Fragments {
		if found := search(fragment.SelectionSet, []any{"fragment " + fragment.Name}); found != nil {
			return found
		}
	}
	return []any{"query"}
}
