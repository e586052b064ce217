package config

import (
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/envdeck/envdeck/internal/catalog"
)

// The three keys whose shape is not that of a Go type.

// environments keeps the order of the map.
func (d *decoder) environments(n ast.Node, into *Environments, path string) {
	pairs, ok := d.pairs(n, path)
	if !ok {
		return
	}
	for _, p := range pairs {
		at := join(path, p.key)
		d.places[at] = p.at
		e := Environment{Name: p.key}
		d.value(p.value, reflect.ValueOf(&e).Elem(), at)
		*into = append(*into, e)
	}
}

const fromForms = "must be staged, custom: SLUG or branch: NAME"

// from reads "staged", "custom: SLUG" and {custom: SLUG}.
func (d *decoder) from(n ast.Node, into *Source, path string) {
	mode, name, ok := d.word(n, path, fromForms)
	if !ok {
		return
	}
	s := catalog.Source{Mode: catalog.SourceMode(mode), Name: name}
	switch s.Mode {
	case catalog.FromStaged, catalog.FromLive, catalog.FromReport:
		ok = name == ""
	case catalog.FromCustom, catalog.FromBranch:
		ok = name != ""
	default:
		ok = false
	}
	if !ok {
		d.fail(path, fromForms)
		return
	}
	*into = Source(s)
}

const cronForms = "must be a list of jobs, {from: PROVIDER} or {from: {file: PATH}}"

// crons reads {from: vercel}, {from: file: vercel.json} and a list of jobs.
func (d *decoder) crons(n ast.Node, into *Crons, path string) {
	if _, ok := n.(*ast.SequenceNode); ok {
		d.list(n, reflect.ValueOf(&into.Jobs).Elem(), path)
		return
	}
	if _, ok := n.(ast.MapNode); !ok {
		d.fail(path, cronForms)
		return
	}
	pairs, _ := d.pairs(n, path)
	if len(pairs) != 1 || pairs[0].key != "from" {
		d.fail(path, cronForms)
		return
	}
	at := join(path, "from")
	d.places[at] = pairs[0].at
	value := d.plain(pairs[0].value)
	if value == nil {
		d.fail(at, cronForms)
		return
	}
	switch word, name, ok := d.word(value, at, cronForms); {
	case !ok:
	case word == "file" && name != "":
		into.File = name
	case word != "" && word != "file" && name == "":
		into.Provider = word
	default:
		d.fail(at, cronForms)
	}
}

// word reads "word", "word: name" and {word: name}.
func (d *decoder) word(n ast.Node, path, forms string) (word, name string, ok bool) {
	if _, isMap := n.(ast.MapNode); isMap {
		pairs, _ := d.pairs(n, path)
		if len(pairs) != 1 {
			d.fail(path, "%s", forms)
			return "", "", false
		}
		value := d.plain(pairs[0].value)
		if value == nil {
			d.fail(path, "%s", forms)
			return "", "", false
		}
		name, ok = d.plainText(value, path)
		return pairs[0].key, strings.TrimSpace(name), ok
	}
	value, ok := d.plainText(n, path)
	word, name, _ = strings.Cut(value, ":")
	return strings.TrimSpace(word), strings.TrimSpace(name), ok
}
