package config

import (
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// decoder fills structs from a parsed file. The library's own decoder stops at
// the first problem and repeats values in its errors; this one goes on to the
// end, and knows where each path of the configuration stands in the file.
type decoder struct {
	kinds    []BlockKind
	getenv   func(string) string
	readFile func(string) ([]byte, error)
	source   *source
	anchors  map[string]ast.Node
	places   map[string]*token.Token
	problems []problem
	warnings []problem
}

var (
	secretType   = reflect.TypeFor[secret.Text]()
	durationType = reflect.TypeFor[time.Duration]()
	urlType      = reflect.TypeFor[*url.URL]()
	envsType     = reflect.TypeFor[Environments]()
	sourceType   = reflect.TypeFor[Source]()
	cronsType    = reflect.TypeFor[Crons]()
	projectType  = reflect.TypeFor[Project]()
)

// fail notes a problem at a path; that of a missing key is its parent's.
func (d *decoder) fail(path, format string, args ...any) {
	d.problems = append(d.problems, d.problem(d.place(path), path, fmt.Sprintf(format, args...)))
}

func (d *decoder) problem(tk *token.Token, path, text string) problem {
	p := problem{path: path, text: text}
	if tk != nil && tk.Position != nil {
		p.line, p.column = tk.Position.Line, max(tk.Position.Column, 1)
	}
	return p
}

// warn notes what is allowed and not wise.
func (d *decoder) warn(path, text string) {
	d.warnings = append(d.warnings, d.problem(d.place(path), path, text))
}

// place is the token of a path, or of the nearest thing around it.
func (d *decoder) place(path string) *token.Token {
	for {
		if tk, ok := d.places[path]; ok || path == "" {
			return tk
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

// value decodes a node into a settable value.
func (d *decoder) value(n ast.Node, v reflect.Value, path string) {
	n = d.plain(n)
	if n == nil {
		return // a key without a value is a key left out
	}
	switch v.Type() {
	case secretType:
		d.secret(n, v.Addr().Interface().(*secret.Text), path)
		return
	case durationType:
		d.duration(n, v.Addr().Interface().(*time.Duration), path)
		return
	case urlType:
		d.url(n, v.Addr().Interface().(**url.URL), path)
		return
	case envsType:
		d.environments(n, v.Addr().Interface().(*Environments), path)
		return
	case sourceType:
		d.from(n, v.Addr().Interface().(*Source), path)
		return
	case cronsType:
		d.crons(n, v.Addr().Interface().(*Crons), path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path)
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

// plain takes anchors, aliases and tags off a node; nil for a null.
func (d *decoder) plain(n ast.Node) ast.Node {
	for range 100 { // an alias of an alias of …; a loop ends as a null
		switch t := n.(type) {
		case *ast.AnchorNode:
			n = t.Value
		case *ast.AliasNode:
			n = d.anchors[t.Value.GetToken().Value]
		case *ast.TagNode:
			n = t.Value
		case *ast.NullNode, nil:
			return nil
		default:
			return n
		}
	}
	return nil
}

// pair is one key of a map with its value.
type pair struct {
	key   string
	at    *token.Token
	value ast.Node
}

// pairs lists a map's keys in their order; false when the node is no map. Keys
// that are merged in (<<) come last and give way to the map's own.
func (d *decoder) pairs(n ast.Node, path string) ([]pair, bool) {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.fail(path, "must be a map of keys and values")
		return nil, false
	}
	var own, merged []pair
	seen := map[string]bool{}
	for it := m.MapRange(); it.Next(); {
		if it.Key().IsMergeKey() {
			if inner := d.plain(it.Value()); inner != nil {
				more, _ := d.pairs(inner, path)
				merged = append(merged, more...)
			}
			continue
		}
		tk := it.Key().GetToken()
		key := tk.Value
		if seen[key] {
			d.problems = append(d.problems, d.problem(tk, join(path, key), "is there twice"))
			continue
		}
		seen[key] = true
		own = append(own, pair{key, tk, it.Value()})
	}
	for _, p := range merged {
		if !seen[p.key] {
			seen[p.key] = true
			own = append(own, p)
		}
	}
	return own, true
}

// structure fills a struct by its yaml tags.
func (d *decoder) structure(n ast.Node, v reflect.Value, path string) {
	pairs, ok := d.pairs(n, path)
	if !ok {
		d.source.hide(n) // what should be a block may be a token pasted there
		return
	}
	fields := map[string]reflect.Value{}
	fieldsOf(v, fields)
	for _, p := range pairs {
		at := join(path, p.key)
		d.places[at] = p.at
		if f, known := fields[p.key]; known {
			d.value(p.value, f, at)
			continue
		}
		if v.Type() == projectType && d.block(p, v.Addr().Interface().(*Project), at) {
			continue
		}
		names := make([]string, 0, len(fields))
		for name := range fields {
			names = append(names, name)
		}
		if v.Type() == projectType {
			for _, k := range d.kinds {
				names = append(names, k.Name)
			}
		}
		d.source.hide(p.value)
		d.problems = append(d.problems, d.problem(p.at, at, "unknown key"+suggestion(p.key, names)))
	}
}

// fieldsOf lists a struct's fields by key, those of inline ones among them.
func fieldsOf(v reflect.Value, into map[string]reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case strings.Contains(options, "inline"):
			fieldsOf(v.Field(i), into)
		case name == "":
			into[strings.ToLower(f.Name)] = v.Field(i)
		default:
			into[name] = v.Field(i)
		}
	}
}

// suggestion names the key that was probably meant.
func suggestion(key string, names []string) string {
	slices.Sort(names)
	best, distance := "", 3
	for _, name := range names {
		if n := levenshtein.ComputeDistance(strings.ToLower(key), strings.ToLower(name)); n < distance {
			best, distance = name, n
		}
	}
	if best == "" {
		return "; known here: " + strings.Join(names, ", ")
	}
	return "; did you mean " + best + "?"
}

// block fills a provider's block; false when no kind has that name.
func (d *decoder) block(p pair, into *Project, path string) bool {
	i := slices.IndexFunc(d.kinds, func(k BlockKind) bool { return k.Name == p.key })
	if i < 0 {
		return false
	}
	b := d.kinds[i].Block()
	before := len(d.problems)
	d.value(p.value, reflect.ValueOf(b).Elem(), path)
	if into.Providers == nil {
		into.Providers = map[string]any{}
	}
	into.Providers[p.key] = b
	// A block with a problem is incomplete, and what it misses no news.
	if v, ok := b.(interface{ Validate() error }); ok && len(d.problems) == before {
		if err := v.Validate(); err != nil {
			d.fail(path, "%s", said(err))
		}
	}
	return true
}

// said is an error's text for people.
func said(err error) string {
	if f := fault.From(err); fault.Is(err, f.Kind) {
		return f.Message
	}
	return err.Error()
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, path string) {
	pairs, ok := d.pairs(n, path)
	if !ok {
		d.source.hide(n)
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range pairs {
		at := join(path, p.key)
		d.places[at] = p.at
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(p.value, item, at)
		v.SetMapIndex(reflect.ValueOf(p.key).Convert(v.Type().Key()), item)
	}
}

func (d *decoder) list(n ast.Node, v reflect.Value, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(path, "must be a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, item := range seq.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item != nil {
			d.places[at] = first(item)
		}
		d.value(item, v.Index(i), at)
	}
}

// first is the token that a node begins with: a map's own one is its first
// colon.
func first(n ast.Node) *token.Token {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		return m.Values[0].Key.GetToken()
	}
	return n.GetToken()
}

// text is a scalar as it is written; false when it is none.
func text(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return unveil.Replace(n.Value), true
	case *ast.LiteralNode:
		return unveil.Replace(strings.TrimRight(n.Value.Value, "\n")), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		// 1.10 is a branch here, and not the number 1.1.
		return n.GetToken().Value, true
	default:
		return "", false
	}
}

// secret takes a reference, or a literal with a warning.
func (d *decoder) secret(n ast.Node, into *secret.Text, path string) {
	value, ok := text(n)
	if !ok {
		d.source.hide(n)
		d.fail(path, "must be a text: ${env:NAME} or ${file:PATH}")
		return
	}
	m := reference.FindStringSubmatch(value)
	switch {
	case m == nil:
		d.source.hide(n)
		*into = secret.New(value)
		d.warn(path, "the secret stands in the file in clear; put it into a variable and write ${env:NAME}, or into a file and write ${file:PATH}")
	case m[0] != value:
		d.source.hide(n)
		d.fail(path, "mixes a reference with other text; put the whole value into the variable or file")
	default:
		*into = d.resolve(m[1], path)
	}
}

// resolve reads what a reference points at.
func (d *decoder) resolve(ref, path string) secret.Text {
	scheme, name, _ := strings.Cut(ref, ":")
	switch {
	case scheme == "env" && name != "":
		value := d.getenv(name)
		if value == "" {
			d.fail(path, "the environment variable %s is not set", name)
		}
		return secret.New(value)
	case scheme == "file" && name != "":
		data, err := d.readFile(name)
		switch {
		case os.IsNotExist(err):
			d.fail(path, "the file %s does not exist", name)
		case err != nil:
			d.fail(path, "the file %s cannot be read", name)
		case len(data) > 64<<10:
			d.fail(path, "the file %s is too large for a secret", name)
		default:
			value := strings.TrimRight(string(data), "\r\n")
			if value == "" {
				d.fail(path, "the file %s is empty", name)
			}
			return secret.New(value)
		}
	default:
		d.fail(path, "is a reference of no known form; write ${env:NAME} or ${file:PATH}")
	}
	return secret.Text{}
}

// plainText is a scalar that must not be a reference.
func (d *decoder) plainText(n ast.Node, path string) (string, bool) {
	value, ok := text(n)
	if !ok {
		d.fail(path, "must be a text")
		return "", false
	}
	if reference.MatchString(value) {
		d.fail(path, "takes no ${…}: references work in secret fields only; write the value itself")
		return "", false
	}
	return value, true
}

func (d *decoder) duration(n ast.Node, into *time.Duration, path string) {
	value, ok := d.plainText(n, path)
	if !ok {
		return
	}
	parsed, err := time.ParseDuration(value)
	if err != nil || parsed <= 0 {
		d.fail(path, "must be a duration such as 30s, 5m or 1h30m")
		return
	}
	*into = parsed
}

// url takes an address of the web.
func (d *decoder) url(n ast.Node, into **url.URL, path string) {
	value, ok := d.plainText(n, path)
	if !ok {
		return
	}
	u, problem := address(value)
	if problem != "" {
		if strings.ContainsAny(value, "@?#") {
			d.source.hide(n) // a password, or a token in a query
		}
		d.fail(path, "%s", problem)
		return
	}
	*into = u
}

func (d *decoder) scalar(n ast.Node, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.String:
		if value, ok := d.plainText(n, path); ok {
			v.SetString(value)
		}
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.fail(path, "must be true or false")
			return
		}
		v.SetBool(b.Value)
	case reflect.Int, reflect.Int64:
		i, ok := n.(*ast.IntegerNode)
		if !ok {
			d.fail(path, "must be a whole number")
			return
		}
		switch value := i.Value.(type) {
		case int64:
			v.SetInt(value)
		case uint64:
			v.SetInt(int64(min(value, 1<<62)))
		}
	default:
		// A block of a provider with a field of a sort that nobody needed yet.
		d.fail(path, "cannot be configured: envdeck has no way to read a %s", v.Type())
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
