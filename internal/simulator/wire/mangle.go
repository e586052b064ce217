package wire

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// malform spoils an answer's bytes into one of [MalformedShapes].
func malform(out rendered, shape string) rendered {
	switch shape {
	case "null_root":
		out.body = []byte("null")
	case "html":
		out.header.Set("Content-Type", "text/html; charset=utf-8")
		out.body = []byte("<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>")
		out.status = 200
	case "text":
		out.header.Set("Content-Type", "text/plain; charset=utf-8")
		out.body = []byte("upstream connect error or disconnect/reset before headers")
		out.status = 200
	case "bom":
		out.body = append([]byte("\xef\xbb\xbf"), out.body...)
	case "deep":
		const depth = 100_000
		out.body = []byte(`{"data":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + "}")
	case "duplicate_keys":
		out.body = duplicateKeys(out.body)
	case "wrong_types":
		out.body = rewrite(out.body, wrongType)
	case "float_ids":
		out.body = rewrite(out.body, func(_ string, v any) any {
			if n, ok := v.(json.Number); ok {
				if i, err := n.Int64(); err == nil {
					return json.Number(strconv.FormatFloat(float64(i), 'e', -1, 64))
				}
			}
			return v
		})
	default: // truncated
		out.body = out.body[:len(out.body)*2/3]
	}
	return out
}

// wrongType turns every value into one of another type.
func wrongType(_ string, v any) any {
	switch v := v.(type) {
	case string:
		return json.Number(strconv.Itoa(len(v)))
	case json.Number:
		return "about " + v.String()
	case bool:
		return map[string]any{"value": v}
	case []any:
		return map[string]any{"items": v}
	case nil:
		return []any{}
	}
	return v
}

// duplicateKeys repeats every key of the root with null: readers disagree on
// which one counts.
func duplicateKeys(body []byte) []byte {
	var root map[string]json.RawMessage
	trimmed := bytes.TrimSpace(body)
	if json.Unmarshal(trimmed, &root) != nil || len(root) == 0 {
		return []byte(`{"id":"a","id":null}`)
	}
	var out bytes.Buffer
	out.Write(trimmed[:len(trimmed)-1])
	for _, key := range slices.Sorted(maps.Keys(root)) {
		name, _ := encode(key)
		out.WriteByte(',')
		out.Write(name)
		out.WriteString(":null")
	}
	out.WriteByte('}')
	return out.Bytes()
}

// rewrite changes every value of a JSON text; a text that is no JSON stays.
func rewrite(body []byte, change func(key string, v any) any) []byte {
	tree, err := decodeTree(body)
	if err != nil {
		return body
	}
	text, err := encode(walk("", tree, change))
	if err != nil {
		return body
	}
	return text
}

// walk changes the leaves first, then what holds them; the root stays itself.
func walk(key string, v any, change func(key string, v any) any) any {
	switch tree := v.(type) {
	case map[string]any:
		for name, value := range tree {
			tree[name] = change(name, walk(name, value, change))
		}
	case []any:
		for i, value := range tree {
			tree[i] = change(key, walk(key, value, change))
		}
	}
	return v
}

// skewTimes shifts every RFC 3339 time and every number that can only be
// milliseconds since 1970. Paging cursors keep their own time, or the pages
// would not fit together.
func skewTimes(body []byte, by time.Duration) []byte {
	const earliest, latest = 1_000_000_000_000, 4_000_000_000_000
	return rewrite(body, func(key string, v any) any {
		switch v := v.(type) {
		case string:
			if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
				return t.Add(by).Format(time.RFC3339Nano)
			}
		case json.Number:
			ms, err := v.Int64()
			if err == nil && ms > earliest && ms < latest && !slices.Contains([]string{"next", "prev", "since", "until"}, key) {
				return json.Number(strconv.FormatInt(ms+by.Milliseconds(), 10))
			}
		}
		return v
	})
}

// firstList finds the list nearest to the root, by the order of the keys.
func firstList(body any) ([]any, func([]any)) {
	level := []any{body}
	if list, ok := body.([]any); ok {
		return list, nil
	}
	for len(level) > 0 {
		var below []any
		for _, node := range level {
			tree, ok := node.(map[string]any)
			if !ok {
				continue
			}
			for _, key := range slices.Sorted(maps.Keys(tree)) {
				if list, ok := tree[key].([]any); ok && len(list) > 0 {
					return list, func(kept []any) { tree[key] = kept }
				}
				below = append(below, tree[key])
			}
		}
		level = below
	}
	return nil, nil
}
