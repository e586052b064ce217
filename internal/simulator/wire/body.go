package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Body declares the JSON body an endpoint reads.
type Body struct {
	// Optional bodies may be absent.
	Optional bool

	name   string
	lines  bool
	decode func(raw []byte) (value any, issues []*Error, err error)
}

// JSONBody declares a body of the struct T, read strictly: names are matched
// by their exact json tag, types must fit and null only fits a pointer or any.
// A field may say more in a `wire` tag, comma-separated: "required" and
// "oneof=a|b|c".
func JSONBody[T any]() *Body {
	t := reflect.TypeFor[T]()
	return &Body{name: t.String(), decode: func(raw []byte) (any, []*Error, error) {
		tree, err := decodeTree(raw)
		if err != nil {
			return nil, nil, err
		}
		var issues []*Error
		inspect(tree, t, "", &issues)
		var value T
		if len(onlyUnknown(issues)) == len(issues) {
			if err := json.Unmarshal(raw, &value); err != nil {
				return nil, nil, err
			}
		}
		return value, issues, nil
	}}
}

// OptionalBody is [JSONBody] for an endpoint that can do without.
func OptionalBody[T any]() *Body {
	b := JSONBody[T]()
	b.Optional = true
	return b
}

// LinesBody declares a body that is not one JSON value: the handler reads it
// itself, with [Call.RawBody]. name is what it is called.
func LinesBody(name string) *Body { return &Body{name: name, lines: true} }

// decodeTree reads exactly one JSON value, numbers kept as written.
func decodeTree(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return tree, nil
}

func onlyUnknown(issues []*Error) []*Error {
	return slices.DeleteFunc(slices.Clone(issues), func(e *Error) bool { return e.Kind != UnknownField })
}

// inspect compares a JSON tree with a Go type and collects what does not fit.
func inspect(v any, t reflect.Type, at string, issues *[]*Error) {
	wrong := func(want string) {
		*issues = append(*issues, &Error{Kind: WrongType, Field: at, Want: want, Got: jsonType(v)})
	}
	if t.Kind() == reflect.Pointer {
		if v != nil {
			inspect(v, t.Elem(), at, issues)
		}
		return
	}
	switch t {
	case reflect.TypeFor[json.RawMessage](), reflect.TypeFor[any]():
		return
	case reflect.TypeFor[time.Time]():
		text, ok := v.(string)
		if _, err := parseTime(text); !ok || err != nil {
			wrong("an RFC 3339 time")
		}
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		tree, ok := v.(map[string]any)
		if !ok {
			wrong("object")
			return
		}
		inspectStruct(tree, t, at, issues)
	case reflect.Map:
		tree, ok := v.(map[string]any)
		if !ok {
			wrong("object")
			return
		}
		for _, key := range slices.Sorted(maps.Keys(tree)) {
			inspect(tree[key], t.Elem(), join(at, key), issues)
		}
	case reflect.Slice:
		list, ok := v.([]any)
		if !ok {
			wrong("array")
			return
		}
		for i, item := range list {
			inspect(item, t.Elem(), join(at, strconv.Itoa(i)), issues)
		}
	default:
		if want := scalar(v, t.Kind()); want != "" {
			wrong(want)
		}
	}
}

// scalar says what v should have been, or "".
func scalar(v any, kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		if _, ok := v.(string); !ok {
			return "string"
		}
	case reflect.Bool:
		if _, ok := v.(bool); !ok {
			return "boolean"
		}
	case reflect.Float32, reflect.Float64:
		if _, ok := v.(json.Number); !ok {
			return "number"
		}
	default:
		n, ok := v.(json.Number)
		if _, err := n.Int64(); !ok || err != nil {
			return "integer"
		}
	}
	return ""
}

func inspectStruct(tree map[string]any, t reflect.Type, at string, issues *[]*Error) {
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" || !field.IsExported() {
			continue
		}
		known[name] = true
		rules := strings.Split(field.Tag.Get("wire"), ",")
		value, came := tree[name]
		if !came {
			if slices.Contains(rules, "required") {
				*issues = append(*issues, &Error{Kind: MissingField, Field: join(at, name), Want: typeName(field.Type)})
			}
			continue
		}
		before := len(*issues)
		inspect(value, field.Type, join(at, name), issues)
		if len(*issues) == before {
			inspectValue(value, rules, join(at, name), issues)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if !known[name] {
			*issues = append(*issues, &Error{Kind: UnknownField, Field: join(at, name), Got: jsonType(tree[name])})
		}
	}
}

func inspectValue(v any, rules []string, at string, issues *[]*Error) {
	for _, rule := range rules {
		list, ok := strings.CutPrefix(rule, "oneof=")
		if !ok || v == nil {
			continue
		}
		allowed := strings.Split(list, "|")
		if got := fmt.Sprint(v); !slices.Contains(allowed, got) {
			*issues = append(*issues, &Error{Kind: InvalidField, Field: at, Want: "one of " + strings.Join(allowed, ", "), Got: got})
		}
	}
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func jsonType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Slice:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Interface:
		return "value"
	case reflect.Float32, reflect.Float64:
		return "number"
	}
	return "integer"
}
