package github

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// thing is one GraphQL object: its concrete type, and how each field is had.
type thing struct {
	kind   string
	fields map[string]any // a value, or a resolver
}

// resolver computes a field that takes arguments or costs work.
type resolver func(args map[string]any) (any, error)

// graphError is an error in an answer: type is GitHub's, such as NOT_FOUND.
type graphError struct{ kind, message string }

func (e *graphError) Error() string { return e.message }

// execution runs one operation.
type execution struct {
	*in
	vars   map[string]any
	errors []obj
}

// object completes a selection. It is false when a field that may not be null
// had no value, which makes the object itself null.
func (x *execution) object(set ast.SelectionSet, t *thing, path []any) (obj, bool) {
	out := obj{}
	for _, field := range x.collect(set, t.kind, nil) {
		if field.Name == "__typename" {
			out[field.Alias] = t.kind
			continue
		}
		here := append(slices.Clone(path), field.Alias)
		value, err := x.resolve(t, field)
		if err != nil {
			x.fail(err, field, here)
		}
		done := x.complete(field.SelectionSet, value, here)
		if had, ok := out[field.Alias].(obj); ok {
			if more, ok := done.(obj); ok {
				merge(had, more)
				continue
			}
		}
		if done == nil && field.Definition.Type.NonNull {
			return nil, false
		}
		out[field.Alias] = done
	}
	return out, true
}

// merge adds what a second selection of the same field brought.
func merge(into, more obj) {
	for key, value := range more {
		a, okA := into[key].(obj)
		b, okB := value.(obj)
		if okA && okB {
			merge(a, b)
			continue
		}
		into[key] = value
	}
}

func (x *execution) fail(err error, field *ast.Field, path []any) {
	out := obj{"path": path, "message": err.Error(), "locations": []obj{{"line": field.Position.Line, "column": field.Position.Column}}}
	if e, ok := errors.AsType[*graphError](err); ok && e.kind != "" {
		out["type"] = e.kind
	}
	x.errors = append(x.errors, out)
}

// collect flattens fragments that apply to a type, and obeys @skip and
// @include.
func (x *execution) collect(set ast.SelectionSet, kind string, fields []*ast.Field) []*ast.Field {
	for _, sel := range set {
		switch s := sel.(type) {
		case *ast.Field:
			if x.wanted(s.Directives) {
				fields = append(fields, s)
			}
		case *ast.InlineFragment:
			if x.wanted(s.Directives) && applies(s.TypeCondition, kind) {
				fields = x.collect(s.SelectionSet, kind, fields)
			}
		case *ast.FragmentSpread:
			if x.wanted(s.Directives) && applies(s.Definition.TypeCondition, kind) {
				fields = x.collect(s.Definition.SelectionSet, kind, fields)
			}
		}
	}
	return fields
}

func applies(condition, kind string) bool {
	if condition == "" || condition == kind {
		return true
	}
	return slices.Contains(schema().Types[kind].Interfaces, condition)
}

func (x *execution) wanted(directives ast.DirectiveList) bool {
	for _, d := range directives {
		on, _ := d.ArgumentMap(x.vars)["if"].(bool)
		if d.Name == "skip" && on || d.Name == "include" && !on {
			return false
		}
	}
	return true
}

func (x *execution) resolve(t *thing, field *ast.Field) (any, error) {
	value, ok := t.fields[field.Name]
	if !ok {
		return nil, fmt.Errorf("Something went wrong: %s.%s has no value", t.kind, field.Name) //nolint:staticcheck // GitHub's sentence
	}
	if fn, ok := value.(resolver); ok {
		return fn(field.ArgumentMap(x.vars))
	}
	return value, nil
}

func (x *execution) complete(set ast.SelectionSet, value any, path []any) any {
	switch v := value.(type) {
	case nil:
		return nil
	case *thing:
		if v == nil {
			return nil
		}
		if out, ok := x.object(set, v, path); ok {
			return out
		}
		return nil
	case []*thing:
		out := make([]any, len(v))
		for n, one := range v {
			out[n] = x.complete(set, one, append(slices.Clone(path), n))
		}
		return out
	}
	return value
}

// recordsMost is how many nodes one connection gives at once.
const recordsMost = 100

// connection pages through items as all of GitHub's connections do.
func connection(kind, field string, all []*thing, extra map[string]any) resolver {
	return func(args map[string]any) (any, error) {
		first, hasFirst := whole(args["first"])
		last, hasLast := whole(args["last"])
		switch {
		case !hasFirst && !hasLast:
			return nil, &graphError{"MISSING_PAGINATION_BOUNDARIES", fmt.Sprintf("You must provide a `first` or `last` value to properly paginate the `%s` connection.", field)}
		case first > recordsMost || last > recordsMost:
			name, n := "first", first
			if last > recordsMost {
				name, n = "last", last
			}
			return nil, &graphError{"EXCESSIVE_PAGINATION", fmt.Sprintf("Requesting %d records on the `%s` connection exceeds the `%s` limit of %d records.", n, field, name, recordsMost)}
		case first < 0 || last < 0:
			return nil, &graphError{"ARGUMENT_ERROR", fmt.Sprintf("`first` on the `%s` connection cannot be less than zero.", field)}
		}
		from, to := 0, len(all)
		if n, ok := cursorOf(args["after"]); ok {
			from = min(n, len(all))
		}
		if n, ok := cursorOf(args["before"]); ok {
			to = max(from, min(n-1, len(all)))
		}
		if hasFirst {
			to = min(to, from+first)
		}
		if hasLast {
			from = max(from, to-last)
		}
		edges := []*thing{}
		for n, item := range all[from:to] {
			edges = append(edges, &thing{"Edge", map[string]any{"cursor": cursor(from + n + 1), "node": item}})
		}
		info := map[string]any{"hasNextPage": to < len(all), "hasPreviousPage": from > 0, "startCursor": nil, "endCursor": nil}
		if from < to {
			info["startCursor"], info["endCursor"] = cursor(from+1), cursor(to)
		}
		fields := map[string]any{"nodes": all[from:to], "edges": edges, "totalCount": len(all), "pageInfo": &thing{"PageInfo", info}}
		maps.Copy(fields, extra)
		return &thing{kind, fields}, nil
	}
}

// whole reads an integer argument, which is an int64 in a query and a float64
// in JSON variables.
func whole(v any) (int, bool) {
	switch n := v.(type) {
	case int64:
		return int(n), true
	case int:
		return n, true
	case float64:
		return int(math.Trunc(n)), true
	}
	return 0, false
}
