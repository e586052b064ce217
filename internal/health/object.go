package health

import (
	"encoding/json"
	"strconv"
	"strings"
)

// object is a JSON object whose fields are found whatever their spelling:
// releaseId, ReleaseID, release_id.
type object map[string]any

var spelling = strings.NewReplacer("_", "", "-", "")

func normal(name string) string {
	if len(name) > maxName {
		return name // no field of ours; lower-casing a long one costs
	}
	return spelling.Replace(strings.ToLower(name))
}

// get is a field by its normalised name, nil when there is none. Of two
// spellings in one object the alphabetically first counts.
func (o object) get(name string) any {
	field := ""
	for k := range o {
		if (field == "" || k < field) && normal(k) == name {
			field = k
		}
	}
	return o[field]
}

// object is a field that is an object, nil when it is none.
func (o object) object(name string) object {
	m, _ := o.get(name).(map[string]any)
	return m
}

// text is the first of the fields that is a text or a number and not empty.
func (o object) text(names ...string) string {
	for _, n := range names {
		if s := scalar(o.get(n)); s != "" {
			return s
		}
	}
	return ""
}

// scalar is a text, a number or a truth value as text, "" for anything else.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	default:
		return ""
	}
}
