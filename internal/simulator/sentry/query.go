package sentry

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// matcher says whether an event is wanted.
type matcher func(*in, world.ErrorEvent) bool

var (
	term      = regexp.MustCompile(`^(!?)([A-Za-z_.]+):(.*)$`)
	aggregate = regexp.MustCompile(`^!?[a-z_]+\([^)]*\):`)
)

// parseQuery reads the part of Sentry's search syntax that is conditions one
// after another: key:value, !key:value, lists, wildcards, has:key, free text.
// Alternatives and parentheses are refused rather than misread.
func parseQuery(query string) (matcher, error) {
	var all []matcher
	for _, word := range words(query) {
		if aggregate.MatchString(word) {
			return nil, bad("Aggregate conditions are not supported: %s", word)
		}
		switch {
		case word == "AND":
			continue
		case word == "OR" || strings.HasPrefix(word, "("):
			return nil, bad("Parse error at '%s': this search is not supported here", word)
		}
		m := term.FindStringSubmatch(word)
		if m == nil {
			text := strings.ToLower(strings.Trim(word, `"`))
			all = append(all, func(_ *in, e world.ErrorEvent) bool { return strings.Contains(strings.ToLower(e.Issue.Title()), text) })
			continue
		}
		one, err := condition(m[2], m[3])
		if err != nil {
			return nil, err
		}
		not := m[1] == "!"
		all = append(all, func(i *in, e world.ErrorEvent) bool { return one(i, e) != not })
	}
	return func(i *in, e world.ErrorEvent) bool {
		return !slices.ContainsFunc(all, func(m matcher) bool { return !m(i, e) })
	}, nil
}

func condition(key, value string) (matcher, error) {
	switch {
	case key == "is":
		return nil, bad(`"is:" queries are not supported in this search.`)
	case value == "":
		return nil, bad("Empty string after '%s:'", key)
	case key == "has":
		if _, ok := columns[value]; !ok {
			return nil, bad("Invalid field: %s", value)
		}
		return func(i *in, e world.ErrorEvent) bool { return !blank(columns[value](i, e)) }, nil
	}
	column, ok := columns[key]
	if !ok {
		return nil, bad("Invalid field: %s", key)
	}
	values := []string{value}
	if strings.HasPrefix(value, "[") && strings.HasSuffix(value, "]") {
		values = strings.Split(value[1:len(value)-1], ",")
	}
	for n, v := range values {
		values[n] = strings.Trim(strings.TrimSpace(v), `"`)
	}
	return func(i *in, e world.ErrorEvent) bool {
		has := fmt.Sprint(column(i, e))
		if blank(column(i, e)) {
			has = ""
		}
		return slices.ContainsFunc(values, func(v string) bool { return like(v, has) })
	}, nil
}

func blank(v any) bool { return v == nil || v == "" }

// like compares with * as a wildcard, as Sentry does, without case.
func like(pattern, text string) bool {
	pattern, text = strings.ToLower(pattern), strings.ToLower(text)
	if !strings.Contains(pattern, "*") {
		return pattern == text
	}
	parts := strings.Split(regexp.QuoteMeta(pattern), `\*`)
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(text)
}

// words splits at blanks outside quotes and brackets.
func words(query string) []string {
	var out []string
	var b strings.Builder
	quoted, depth := false, 0
	for _, r := range query {
		switch {
		case r == '"':
			quoted = !quoted
		case r == '[' && !quoted:
			depth++
		case r == ']' && !quoted:
			depth--
		case r == ' ' && !quoted && depth == 0:
			if b.Len() > 0 {
				out = append(out, b.String())
			}
			b.Reset()
			continue
		}
		b.WriteRune(r)
	}
	if b.Len() > 0 {
		out = append(out, b.String())
	}
	return out
}

// columns are the fields of an error event.
var columns = map[string]func(*in, world.ErrorEvent) any{
	"id":           func(_ *in, e world.ErrorEvent) any { return e.ID },
	"project":      func(i *in, _ world.ErrorEvent) any { return i.projects()[0].slug },
	"project.name": func(i *in, _ world.ErrorEvent) any { return i.projects()[0].slug },
	"project.id": func(i *in, _ world.ErrorEvent) any {
		n, _ := strconv.ParseInt(i.projects()[0].id, 10, 64) // it was made from digits
		return n
	},
	"environment": func(_ *in, e world.ErrorEvent) any { return orNil(environmentNames[e.Env]) },
	"release":     func(_ *in, e world.ErrorEvent) any { return orNil(e.Release) },
	"title":       func(_ *in, e world.ErrorEvent) any { return e.Issue.Title() },
	"message":     func(_ *in, e world.ErrorEvent) any { return e.Issue.Title() },
	"culprit":     func(_ *in, e world.ErrorEvent) any { return e.Issue.Culprit },
	"transaction": func(_ *in, e world.ErrorEvent) any { return e.Issue.Culprit },
	"level":       func(_ *in, e world.ErrorEvent) any { return e.Issue.Level },
	"error.type":  func(_ *in, e world.ErrorEvent) any { return []string{e.Issue.Type} },
	"event.type":  func(*in, world.ErrorEvent) any { return "error" },
	"platform":    func(*in, world.ErrorEvent) any { return "javascript" },
	"user":        func(_ *in, e world.ErrorEvent) any { return orNil(e.User) },
	"timestamp":   func(_ *in, e world.ErrorEvent) any { return stamp(e.At) },
	"issue":       func(i *in, e world.ErrorEvent) any { return i.shortID(e.Issue.Key) },
	"issue.id":    func(i *in, e world.ErrorEvent) any { return i.issueID(e.Issue.Key) },
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (i *in) issueID(key string) int64 {
	return int64(i.s.Pick(6_100_000_000, 7_400_000_000, "issue", key))
}

func (i *in) shortID(key string) string {
	return "SPIKE-LAND-" + strings.ToUpper(strconv.FormatInt(i.issueID(key)%46_655, 36))
}

// aggregates are the functions of an error dataset: their type and value.
var aggregates = map[string]struct {
	kind string
	of   func(*in, []world.ErrorEvent) any
}{
	"count()": {"integer", func(_ *in, list []world.ErrorEvent) any { return len(list) }},
	"count_unique(user)": {"integer", func(_ *in, list []world.ErrorEvent) any {
		return distinct(list, func(e world.ErrorEvent) string { return e.User })
	}},
	"count_unique(issue)": {"integer", func(_ *in, list []world.ErrorEvent) any {
		return distinct(list, func(e world.ErrorEvent) string { return e.Issue.Key })
	}},
	"last_seen()":    {"date", func(_ *in, list []world.ErrorEvent) any { return lastSeen(list) }},
	"max(timestamp)": {"date", func(_ *in, list []world.ErrorEvent) any { return lastSeen(list) }},
	"min(timestamp)": {"date", func(_ *in, list []world.ErrorEvent) any {
		if len(list) == 0 {
			return nil
		}
		return stamp(list[0].At)
	}},
}

func distinct(list []world.ErrorEvent, key func(world.ErrorEvent) string) int {
	seen := map[string]bool{}
	for _, e := range list {
		if k := key(e); k != "" {
			seen[k] = true
		}
	}
	return len(seen)
}

func lastSeen(list []world.ErrorEvent) any {
	if len(list) == 0 {
		return nil
	}
	return stamp(list[len(list)-1].At)
}

// typeOf is a field's type in the answer's meta, or false when there is no
// such field. Sentry itself takes an unknown plain name for a tag and answers
// null; here it is refused, because no event of this world has tags and a
// misspelt field should not pass for an empty one.
func typeOf(field string) (string, error) {
	if a, ok := aggregates[field]; ok {
		return a.kind, nil
	}
	if _, ok := columns[field]; ok {
		switch field {
		case "project.id", "issue.id":
			return "integer", nil
		case "timestamp":
			return "date", nil
		case "error.type":
			return "array", nil
		}
		return "string", nil
	}
	if strings.Contains(field, "(") {
		return "", wire.Refuse(wire.BadRequest, "%s is not a valid function", strings.SplitN(field, "(", 2)[0])
	}
	return "", wire.Refuse(wire.BadRequest, "Invalid field: %s", field)
}
