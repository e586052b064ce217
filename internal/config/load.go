package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxSize is how large a configuration may be: more is a wrong file.
const maxSize = 1 << 20

// Load reads a configuration file's text. name is what the file is called in
// messages, getenv resolves ${env:NAME}; ${file:PATH} is relative to the
// working directory.
//
// What is wrong comes as one Invalid fault with a Place for every problem, in
// the order of the file, each with its line and a caret.
func Load(name string, data []byte, getenv func(string) string, kinds []BlockKind) (Config, error) {
	if len(data) > maxSize {
		return Config{}, invalid(name, []problem{{text: "is larger than 1 MiB, so it is no configuration"}}, nil)
	}
	text := strings.TrimPrefix(string(data), "\uFEFF")
	d := &decoder{
		kinds: kinds, getenv: getenv, readFile: os.ReadFile,
		source: newSource(text), anchors: map[string]ast.Node{}, places: map[string]*token.Token{},
	}
	body, err := d.parse(text)
	if err != nil {
		return Config{}, invalid(name, d.problems, d.source)
	}
	var c Config
	if body != nil {
		d.value(body, reflect.ValueOf(&c).Elem(), "")
	}
	c.defaults()
	c.check(d.unlessSaid())
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, func(a, b problem) int {
			return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
		})
		return Config{}, invalid(name, d.problems, d.source)
	}
	c.Warnings = places(d.warnings, nil)
	c.Digest = digest(data)
	return c, nil
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// unlessSaid is fail for the second look, at what was read: of what could not
// be read, that it is missing is no news.
func (d *decoder) unlessSaid() func(path, format string, args ...any) {
	unread := slices.Clone(d.problems)
	return func(path, format string, args ...any) {
		said := slices.ContainsFunc(d.problems, func(p problem) bool { return p.path == path })
		inside := slices.ContainsFunc(unread, func(p problem) bool {
			rest, ok := strings.CutPrefix(path, p.path)
			return ok && (p.path == "" || strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "["))
		})
		if !said && !inside {
			d.fail(path, format, args...)
		}
	}
}

// errParse says that the problems have the reason.
var errParse = errors.New("config: not YAML")

// parse answers the one document's body, nil when it is empty.
func (d *decoder) parse(text string) (ast.Node, error) {
	file, err := parser.ParseBytes([]byte(veil(text)), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.source.hideGuess()
		said, at := "is not YAML", (*token.Token)(nil)
		if e, ok := errors.AsType[yaml.Error](err); ok {
			// The parser speaks of the file's structure and names keys at most.
			said = "is not YAML: " + strings.ReplaceAll(unveil.Replace(e.GetMessage()), "\t", `\t`)
			at = e.GetToken()
		}
		d.problems = append(d.problems, d.problem(at, "", said))
		return nil, errParse
	}
	docs := slices.DeleteFunc(file.Docs, func(doc *ast.DocumentNode) bool { return doc.Body == nil })
	switch len(docs) {
	case 0:
		return nil, nil
	case 1:
	default:
		d.problems = append(d.problems, d.problem(first(docs[1].Body), "", "a second document begins here; a configuration is one"))
		return nil, errParse
	}
	body := docs[0].Body
	d.places[""] = first(body)
	ast.Walk(anchors(d.anchors), body)
	return d.plain(body), nil
}

// anchors notes what &names stand for.
type anchors map[string]ast.Node

func (a anchors) Visit(n ast.Node) ast.Visitor {
	if anchor, ok := n.(*ast.AnchorNode); ok {
		a[anchor.Name.GetToken().Value] = anchor.Value
	}
	return a
}
