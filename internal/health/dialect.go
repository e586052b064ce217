package health

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The formats that are read without being told which it is:
//
//   - the plain one: {"status":"ok|degraded|down","commit":…,"checks":{"database":"ok"}}
//   - health+json, draft-inadarei-api-health-check-06: status pass|warn|fail,
//     checks is a map of arrays
//   - Spring Boot Actuator: status UP|DOWN|OUT_OF_SERVICE|UNKNOWN, components
//     (details before 2.2), which nest
//   - ASP.NET health checks: Healthy|Degraded|Unhealthy, as plain text or with
//     entries (results in the documentation's own writer)
//   - NestJS Terminus: status ok|error|shutting_down, info, error, details
//   - MicroProfile and Laravel Health: the checks are an array of named objects
//
// They differ in the names of the fields and in the words, and agree in shape:
// one overall word, and one or more containers of components that each have a
// word. So one reader knows all names and all words; a format that mixes them
// is read just as well.

// containers are the fields that hold components, and whether a bare text in
// one is a status word: under info and details it may be anything. Of Terminus'
// three, details repeats what info and error say.
var containers = map[string]bool{
	"checks": true, "components": true, "entries": true, "services": true, "dependencies": true, "checkresults": true,
	"details": false, "info": false, "error": false, "results": false,
}

// maxDepth is how deep components may nest in components.
const maxDepth = 4

// part is a component and what its word means.
type part struct {
	Part
	means meaning
}

// overall reads the word for the whole.
func (o object) overall() (m meaning, word string, ok bool) {
	for _, name := range []string{"status", "state", "health", "overallstatus", "healthy", "ok", "success"} {
		if word = scalar(o.get(name)); word == "" {
			continue
		}
		if code, err := strconv.Atoi(word); err == nil && code >= 100 && code < 600 {
			// {"status":200}: the HTTP status once more.
			if code < 300 {
				return well, word, true
			}
			return bad, word, true
		}
		return read(word), word, true
	}
	return unread, "", false
}

// parts lists the components of an object, each name once.
func (o object) parts() []part {
	found := map[string]part{}
	for name, bare := range containers {
		collect(found, "", o.get(name), bare, 1)
	}
	// Spring Boot 1 has its components beside the status.
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if m, ok := o[name].(map[string]any); ok {
			if _, container := containers[normal(name)]; !container && scalar(object(m).get("status")) != "" {
				add(found, name, object(m), 1)
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b part) int {
		return cmp.Or(cmp.Compare(b.weight(), a.weight()), cmp.Compare(a.Name, b.Name))
	})
}

// weight sorts parts: the worst first, those that do not count last.
func (p part) weight() int {
	if p.means == aside {
		return -1
	}
	return p.Verdict.severity()
}

// collect adds what a container holds: a map or an array of components.
// bare says that a text alone is a component's word.
func collect(found map[string]part, prefix string, v any, bare bool, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			component(found, join(prefix, name), v[name], bare, depth)
		}
	case []any:
		for i, item := range v {
			m, ok := item.(map[string]any)
			if !ok {
				continue
			}
			name := object(m).text("name", "label", "key", "componentid", "id", "service")
			component(found, join(prefix, cmp.Or(name, strconv.Itoa(i+1))), item, bare, depth)
		}
	}
}

// component adds one component, in any of the shapes it comes in.
func component(found map[string]part, name string, v any, bare bool, depth int) {
	switch v := v.(type) {
	case string, bool:
		if word := scalar(v); bare {
			put(found, name, read(word), word)
		}
	case map[string]any:
		add(found, name, v, depth)
	case []any: // health+json: one measurement for each node of the component
		for i, item := range v {
			m, ok := item.(map[string]any)
			if !ok {
				continue
			}
			each := name
			if len(v) > 1 {
				each = join(name, cmp.Or(object(m).text("componentid"), strconv.Itoa(i+1)))
			}
			add(found, each, m, depth)
		}
	}
}

// add adds a component that is an object, and the components inside it. One
// without a word of its own is a measurement or a group, and has no verdict.
func add(found map[string]part, name string, o object, depth int) {
	if m, word, ok := o.overall(); ok {
		detail := o.text("message", "error", "output", "description", "notificationmessage", "reason", "exception")
		if detail == "" {
			// Spring says why under details, MicroProfile under data.
			for _, inner := range []string{"details", "data"} {
				if detail = o.object(inner).text("error", "message", "reason"); detail != "" {
					break
				}
			}
		}
		if m == unread || detail == "" && m != well {
			detail = word
		}
		put(found, name, m, detail)
	}
	if inner := o.object("components"); inner != nil {
		collect(found, name, map[string]any(inner), true, depth+1)
	}
}

// put keeps the worse of two components of one name.
func put(found map[string]part, name string, m meaning, detail string) {
	name = clean(name, maxName)
	if m == well && read(detail) == well {
		detail = "" // "ok" says nothing that the verdict does not
	}
	p := part{Part{Name: name, Verdict: m.verdict(), Detail: clean(detail, maxDetail)}, m}
	if old, ok := found[name]; ok && old.weight() >= p.weight() {
		return
	}
	found[name] = p
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "/" + name
}

// identity is what the body says of the build that answers.
func (o object) identity() (id, branch, version string) {
	build, git, info := o.object("build"), o.object("git"), o.object("info")
	if git == nil {
		git = info.object("git") // Spring Boot's info beside its health
	}
	if build == nil {
		build = info.object("build")
	}
	gitCommit, plain := git.object("commit"), o.object("commit")
	version = o.text("version", "appversion")
	for _, candidate := range []string{
		o.text("commit", "commitsha", "commithash", "gitcommit", "gitsha", "sha", "revision", "gitcommitsha", "vercelgitcommitsha"),
		plain.text("id", "sha", "hash"),
		build.text("commit", "commitsha", "sha", "revision"),
		gitCommit.text("id", "sha"),
		gitCommit.object("id").text("full", "abbrev"),
		git.text("commit", "sha", "commitid", "revision"),
	} {
		if id = commit(candidate); id != "" {
			break
		}
	}
	// A version or a release is a commit only when it cannot be anything else.
	for _, candidate := range []string{version, o.text("releaseid", "release"), build.text("version")} {
		if id == "" && fullID.MatchString(strings.ToLower(candidate)) {
			id = strings.ToLower(candidate)
		}
	}
	branch = cmp.Or(o.text("branch", "gitbranch"), build.text("branch"), git.text("branch"))
	version = cmp.Or(version, build.text("version"), o.object("app").text("version"), o.text("release", "releaseid"))
	return id, clean(branch, maxLabel), clean(version, maxLabel)
}
