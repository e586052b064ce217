package cloudflare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

var graphURL = &url.URL{Path: "/client/v4/graphql"}

type graphQuery struct {
	Query         string          `json:"query" wire:"required"`
	Variables     *map[string]any `json:"variables"`
	OperationName *string         `json:"operationName"`
	// Apollo's clients send it; it is not read.
	Extensions any `json:"extensions"`
}

// graphExtra is what a GraphQL error carries beside its message.
type graphExtra struct {
	path       []any
	extensions obj
}

// graphRefuse makes an error in the words of the analytics API. Their texts
// begin as the documents say; how they go on is a guess.
func graphRefuse(kind wire.Kind, status int, path []any, format string, args ...any) *wire.Error {
	return &wire.Error{
		Kind: kind, Status: status, Message: fmt.Sprintf(format, args...), Variant: variantGraph, Extra: graphExtra{path: path},
	}
}

// ordered is a JSON object that keeps the order of the query.
type ordered []pair

type pair struct {
	key   string
	value any
}

// MarshalJSON writes the fields in their order.
func (o ordered) MarshalJSON() ([]byte, error) {
	var buf bytes.Buffer
	buf.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			buf.WriteByte(',')
		}
		key, err := json.Marshal(p.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(p.value)
		if err != nil {
			return nil, err
		}
		buf.Write(key)
		buf.WriteByte(':')
		buf.Write(value)
	}
	buf.WriteByte('}')
	return buf.Bytes(), nil
}

// execution is one query on its way.
type execution struct {
	call *wire.Call
	doc  *ast.QueryDocument
	vars map[string]any
	s    *world.State
	st   *state
	// accounts counts how many accounts the query asks for: one is allowed.
	accounts int
	// spread is how deep fragments are spread within each other.
	spread int
}

func (f *Face) graphql(c *wire.Call) (*wire.Answer, error) {
	body := wire.BodyOf[graphQuery](c)
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: body.Query}, 20_000)
	if err != nil {
		text := err.Error()
		if list, ok := errors.AsType[*gqlerror.Error](err); ok {
			text = list.Message
		}
		return nil, graphRefuse(wire.BadRequest, http.StatusOK, nil, "error parsing query: %s", text)
	}
	return f.view(func(s *world.State, st *state) (*wire.Answer, error) {
		e := &execution{call: c, doc: doc, s: s, st: st}
		data, err := e.run(body)
		if err != nil {
			err.Extra = e.stamped(err)
			return nil, err
		}
		return wire.OK(ordered{{"data", data}, {"errors", nil}}), nil
	})
}

func (e *execution) stamped(err *wire.Error) graphExtra {
	extra, _ := err.Extra.(graphExtra)
	if extra.extensions == nil {
		extra.extensions = obj{}
	}
	extra.extensions["timestamp"] = e.s.Now().UTC().Format(time.RFC3339Nano)
	return extra
}

func (e *execution) run(body graphQuery) (any, *wire.Error) {
	op, err := e.operation(body.OperationName)
	if err != nil {
		return nil, err
	}
	var came map[string]any
	if body.Variables != nil {
		came = *body.Variables
	}
	if err := e.variables(op, came); err != nil {
		return nil, err
	}
	return e.each(op.SelectionSet, nil, func(f *ast.Field, path []any) (any, *wire.Error) {
		switch f.Name {
		case "__typename":
			return "query", nil
		case "viewer":
			return e.each(f.SelectionSet, path, e.viewer)
		case "cost":
			return 1, nil
		case "__type":
			return e.introspect(f)
		}
		return nil, unknownField(f, path)
	})
}

func (e *execution) operation(name *string) (*ast.OperationDefinition, *wire.Error) {
	wanted := ""
	if name != nil {
		wanted = *name
	}
	op := e.doc.Operations.ForName(wanted)
	switch {
	case op == nil:
		return nil, graphRefuse(wire.BadRequest, http.StatusOK, nil, "unknown operation %q", wanted)
	case op.Operation != ast.Query:
		return nil, graphRefuse(wire.BadRequest, http.StatusOK, nil, "only queries are supported")
	}
	return op, nil
}

// variables checks what came against what is declared. Cloudflare's documents
// write "string!" and "Time!"; "String!" is read as well.
func (e *execution) variables(op *ast.OperationDefinition, came map[string]any) *wire.Error {
	e.vars = map[string]any{}
	for _, v := range op.VariableDefinitions {
		value, ok := came[v.Variable]
		if !ok && v.DefaultValue != nil {
			value, _ = v.DefaultValue.Value(nil)
			ok = true
		}
		if v.Type.NonNull && (!ok || value == nil) {
			return graphRefuse(wire.BadRequest, http.StatusBadRequest, nil, "variable %q of type %q is required", v.Variable, v.Type)
		}
		if value != nil {
			if want := fits(value, v.Type); want != "" {
				return graphRefuse(wire.BadRequest, http.StatusBadRequest, nil, "variable %q: expected %s", v.Variable, want)
			}
			e.vars[v.Variable] = value
		}
	}
	return nil
}

// fits says what a variable should have been, or "".
func fits(value any, t *ast.Type) string {
	if t.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			return "a list"
		}
		for _, item := range list {
			if want := fits(item, t.Elem); want != "" {
				return want
			}
		}
		return ""
	}
	text, isText := value.(string)
	switch strings.ToLower(t.NamedType) {
	case "string":
		if !isText {
			return "string"
		}
	case "time", "datetime":
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return "Time as RFC 3339"
		}
	case "date":
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return "Date"
		}
	case "uint64", "int64", "int", "uint8", "uint32":
		if n, ok := value.(float64); !ok || n != float64(int64(n)) {
			return t.NamedType
		}
	case "boolean":
		if _, ok := value.(bool); !ok {
			return "boolean"
		}
	default:
		if !strings.HasSuffix(t.NamedType, "InputObject") {
			return "a known type, not " + t.NamedType
		}
	}
	return ""
}

func unknownField(f *ast.Field, path []any) *wire.Error {
	return graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "unknown field %q", f.Name)
}

// fields flattens fragments into the fields of a selection.
func (e *execution) fields(set ast.SelectionSet) ([]*ast.Field, *wire.Error) {
	var list []*ast.Field
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			list = append(list, sel)
		case *ast.InlineFragment:
			inner, err := e.fields(sel.SelectionSet)
			if err != nil {
				return nil, err
			}
			list = append(list, inner...)
		case *ast.FragmentSpread:
			fragment := e.doc.Fragments.ForName(sel.Name)
			if fragment == nil {
				return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, nil, "unknown fragment %q", sel.Name)
			}
			// Fragments that spread each other would go on for ever.
			e.spread++
			if e.spread > 100 {
				return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, nil, "too many fragments, or fragment %q spreads itself", sel.Name)
			}
			inner, err := e.fields(fragment.SelectionSet)
			if err != nil {
				return nil, err
			}
			e.spread--
			list = append(list, inner...)
		}
	}
	return list, nil
}

// each answers every field of a selection under its alias.
func (e *execution) each(set ast.SelectionSet, path []any, do func(*ast.Field, []any) (any, *wire.Error)) (any, *wire.Error) {
	fields, err := e.fields(set)
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 {
		return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "a selection of fields is needed")
	}
	var out ordered
	for _, f := range fields {
		value, err := do(f, append(slices.Clone(path), f.Alias))
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(out, func(p pair) bool { return p.key == f.Alias }); i >= 0 {
			out[i].value = value
			continue
		}
		out = append(out, pair{f.Alias, value})
	}
	return out, nil
}

func (e *execution) viewer(f *ast.Field, path []any) (any, *wire.Error) {
	switch f.Name {
	case "__typename":
		return "viewer", nil
	case "budget":
		return 100_000, nil
	case "accounts":
		return e.account(f, path)
	}
	return nil, unknownField(f, path)
}

// account checks access before anything is read.
func (e *execution) account(f *ast.Field, path []any) (any, *wire.Error) {
	args, err := e.arguments(f, path, "filter", "limit", "orderBy")
	if err != nil {
		return nil, err
	}
	filter, _ := args["filter"].(map[string]any)
	for name := range filter {
		if name != "accountTag" {
			return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "error parsing args for %q: filter: unknown arg %q", "accounts", name)
		}
	}
	tag, _ := filter["accountTag"].(string)
	e.accounts++
	t := e.call.Caller.Grant.(Token)
	switch {
	case e.accounts > 1:
		return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "only one account can be queried at a time")
	case tag != Account || t.Outside:
		// Public reports show this one as a 200 and as a 403.
		return nil, graphRefuse(wire.Forbidden, http.StatusOK, path, "not authorized for that account")
	case t.Scopes != nil && !slices.Contains(t.Scopes, Analytics):
		return nil, graphRefuse(wire.Forbidden, http.StatusForbidden, path, "authorization denied")
	}
	one, err := e.each(f.SelectionSet, append(path, 0), func(f *ast.Field, path []any) (any, *wire.Error) {
		switch f.Name {
		case "__typename":
			return "account", nil
		case node:
			return e.dataset(f, path)
		case "settings":
			return e.each(f.SelectionSet, path, e.settings)
		}
		return nil, unknownField(f, path)
	})
	if err != nil {
		return nil, err
	}
	return []any{one}, nil
}

// arguments reads a field's arguments; those not known are refused.
func (e *execution) arguments(f *ast.Field, path []any, known ...string) (map[string]any, *wire.Error) {
	args := map[string]any{}
	for _, a := range f.Arguments {
		if !slices.Contains(known, a.Name) {
			return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "error parsing args for %q: unknown arg %q", f.Name, a.Name)
		}
		value, err := e.value(a.Value)
		if err != nil {
			return nil, graphRefuse(wire.BadRequest, http.StatusBadRequest, path, "error parsing args for %q: %v", f.Name, err)
		}
		args[a.Name] = value
	}
	return args, nil
}

func (e *execution) value(v *ast.Value) (any, error) {
	switch v.Kind {
	case ast.Variable:
		value, ok := e.vars[v.Raw]
		if !ok && !slices.ContainsFunc(e.doc.Operations, func(op *ast.OperationDefinition) bool { return op.VariableDefinitions.ForName(v.Raw) != nil }) {
			return nil, fmt.Errorf("unknown variable %q", v.Raw)
		}
		return value, nil
	case ast.ListValue:
		list := []any{}
		for _, child := range v.Children {
			item, err := e.value(child.Value)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		return list, nil
	case ast.ObjectValue:
		tree := map[string]any{}
		for _, child := range v.Children {
			item, err := e.value(child.Value)
			if err != nil {
				return nil, err
			}
			tree[child.Name] = item
		}
		return tree, nil
	default:
		return v.Value(nil)
	}
}

// settings are the limits of the dataset for this account.
func (e *execution) settings(f *ast.Field, path []any) (any, *wire.Error) {
	if f.Name != node {
		return nil, unknownField(f, path)
	}
	return e.each(f.SelectionSet, path, func(f *ast.Field, path []any) (any, *wire.Error) {
		switch f.Name {
		case "__typename":
			return nodeType + "Settings", nil
		case "enabled":
			return true, nil
		case "maxDuration":
			return int(maxDuration.Seconds()), nil
		case "maxNumberOfFields":
			return maxFields, nil
		case "maxPageSize":
			return maxPageSize, nil
		case "notOlderThan":
			return int(notOlderThan.Seconds()), nil
		case "availableFields":
			var all []string
			for group, fields := range groups() {
				for name := range fields {
					all = append(all, group+"."+name)
				}
			}
			slices.Sort(all)
			return all, nil
		}
		return nil, unknownField(f, path)
	})
}

// introspect answers __type(name:) in its simple form: fields, their types
// and descriptions.
func (e *execution) introspect(f *ast.Field) (any, *wire.Error) {
	args, err := e.arguments(f, []any{"__type"}, "name")
	if err != nil {
		return nil, err
	}
	name, _ := args["name"].(string)
	fields, ok := types()[name]
	if !ok {
		return nil, nil
	}
	return e.each(f.SelectionSet, []any{"__type"}, func(f *ast.Field, path []any) (any, *wire.Error) {
		switch f.Name {
		case "name":
			return name, nil
		case "kind":
			return "OBJECT", nil
		case "description":
			return "", nil
		case "fields":
			list := []any{}
			for _, field := range sortedKeys(fields) {
				one, err := e.each(f.SelectionSet, path, func(f *ast.Field, path []any) (any, *wire.Error) {
					switch f.Name {
					case "name":
						return field, nil
					case "description":
						return describe(field), nil
					case "args":
						return []any{}, nil
					case "type":
						return e.typeRef(f, fields[field], path)
					}
					return nil, unknownField(f, path)
				})
				if err != nil {
					return nil, err
				}
				list = append(list, one)
			}
			return list, nil
		}
		return nil, unknownField(f, path)
	})
}

func (e *execution) typeRef(f *ast.Field, name string, path []any) (any, *wire.Error) {
	kind := "SCALAR"
	inner := ""
	if list, ok := strings.CutPrefix(name, "["); ok {
		kind, inner = "LIST", strings.TrimRight(list, "]!")
	} else if _, ok := types()[name]; ok {
		kind = "OBJECT"
	}
	return e.each(f.SelectionSet, path, func(f *ast.Field, path []any) (any, *wire.Error) {
		switch f.Name {
		case "name":
			if inner != "" {
				return nil, nil
			}
			return name, nil
		case "kind":
			return kind, nil
		case "ofType":
			if inner == "" {
				return nil, nil
			}
			return e.typeRef(f, inner, path)
		}
		return nil, unknownField(f, path)
	})
}
