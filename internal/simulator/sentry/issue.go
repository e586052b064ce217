package sentry

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// settled is how long an issue is quiet before somebody marks it resolved.
const settled = 7 * 24 * time.Hour

func (f *Face) issueRoutes() []wire.Route {
	query := span(
		wire.Param{Name: "query", Type: wire.String}, wire.Param{Name: "groupStatsPeriod", Type: wire.String}, wire.Param{Name: "shortIdLookup", Type: wire.String},
		wire.Param{Name: "sort", Type: wire.Enum, OneOf: []string{"date", "freq", "inbox", "new", "recommended", "trends", "user"}},
		wire.Param{Name: "limit", Type: wire.Int, Min: 1, Max: 100}, wire.Param{Name: "expand", Type: wire.String, Repeat: true},
		wire.Param{Name: "collapse", Type: wire.String, Repeat: true}, cursorParam, perPage,
	)
	return []wire.Route{
		{Pattern: "GET " + orgPath + "/issues/{$}", Doc: "issues", Need: needEvent, Query: query, Handle: f.on(issues)},
		{Pattern: "GET /api/0/projects/{org}/{project}/issues/{$}", Doc: "a project's issues", Need: needEvent, Query: query, Handle: f.on(issues)},
		{Pattern: "GET " + orgPath + "/issues/{issue}/{$}", Doc: "one issue", Need: needEvent, Handle: f.on(oneIssue)},
		{Pattern: "GET /api/0/issues/{issue}/{$}", Doc: "one issue, by the older path", Need: needEvent, Handle: f.on(oneIssue)},
		{
			Pattern: "GET /api/0/projects/{org}/{project}/events/{$}", Doc: "a project's newest errors", Need: needProject,
			Query: []wire.Param{cursorParam, {Name: "full", Type: wire.String}, {Name: "per_page", Type: wire.String}}, Handle: f.on(projectEvents),
		},
	}
}

// issue is everything known about one cause of errors.
type issue struct {
	world.ErrorIssue
	all  []world.ErrorEvent // since the moment that was gathered from, oldest first
	here []world.ErrorEvent // those that the call picks
}

func (s *issue) status(now time.Time) string {
	if now.Sub(s.all[len(s.all)-1].At) > settled {
		return "resolved"
	}
	return "unresolved"
}

// gather sorts the errors since a moment into issues; here is filled by keep.
func (i *in) gather(from time.Time, keep func(world.ErrorEvent) bool) []*issue {
	var out []*issue
	byKey := map[string]*issue{}
	for _, e := range i.s.ErrorEvents(from, i.s.Now()) {
		one := byKey[e.Issue.Key]
		if one == nil {
			one = &issue{ErrorIssue: e.Issue}
			byKey[e.Issue.Key] = one
			out = append(out, one)
		}
		one.all = append(one.all, e)
		if keep(e) {
			one.here = append(one.here, e)
		}
	}
	return out
}

func issues(i *in) (*wire.Answer, error) {
	from, to, err := i.window(longest)
	if err != nil {
		return nil, err
	}
	picked, err := i.picked()
	if err != nil {
		return nil, err
	}
	for _, e := range i.List("environment") {
		if e != "" && !slices.Contains(environments, e) {
			return nil, notFound()
		}
	}
	wanted, match, err := i.issueQuery(i.StrOr("query", "is:unresolved"))
	if err != nil {
		return nil, err
	}
	found := i.gather(from, func(e world.ErrorEvent) bool {
		return !e.At.Before(from) && e.At.Before(to) && match(i, e) &&
			(!i.Has("environment") || slices.Contains(i.List("environment"), environmentNames[e.Env]))
	})
	nothing := !slices.ContainsFunc(picked, func(p project) bool { return p.slug == i.s.Project.Name }) ||
		i.Path("project") != "" && i.projectNamed(i.Path("project")).slug != i.s.Project.Name
	found = slices.DeleteFunc(found, func(s *issue) bool { return nothing || len(s.here) == 0 || !wanted(i, s) })
	i.sortIssues(found, i.StrOr("sort", "date"))
	per := int(i.Int("limit", i.Int("per_page", 100)))
	cut, links, err := page(i, found, per)
	if err != nil {
		return nil, err
	}
	out := []obj{}
	for _, s := range cut {
		out = append(out, i.issue(s))
	}
	return wire.OK(out).Set("Link", links).Set("X-Hits", strconv.Itoa(len(found))).Set("X-Max-Hits", "1000"), nil
}

// issueQuery splits a search into what is asked of the issue (is:, first
// release, first seen) and what is asked of its events.
func (i *in) issueQuery(query string) (wanted func(*in, *issue) bool, match matcher, err error) {
	var seen []func(time.Time) bool
	var rest []string
	var status []string
	first := map[string]bool{} // release: wanted or not
	for _, word := range words(query) {
		m := term.FindStringSubmatch(word)
		switch {
		case m != nil && m[2] == "is":
			if !slices.Contains([]string{"unresolved", "resolved", "ignored", "archived", "assigned", "unassigned", "for_review", "new", "ongoing", "escalating", "regressed"}, m[3]) {
				return nil, nil, bad("Invalid value for \"is\" search, valid values are ['archived', 'assigned', 'escalating', 'for_review', 'ignored', 'linked', 'new', 'ongoing', 'regressed', 'resolved', 'unassigned', 'unlinked', 'unresolved']")
			}
			status = append(status, m[1]+m[3])
		case m != nil && (m[2] == "firstRelease" || m[2] == "first_release"):
			first[strings.Trim(m[3], `"`)] = m[1] == ""
		case m != nil && (m[2] == "firstSeen" || m[2] == "first_seen"):
			if m[1] != "" {
				return nil, nil, bad("Invalid search: firstSeen cannot be negated")
			}
			one, err := i.moments("firstSeen", m[3])
			if err != nil {
				return nil, nil, err
			}
			seen = append(seen, one)
		default:
			rest = append(rest, word)
		}
	}
	match, err = parseQuery(strings.Join(rest, " "))
	return func(i *in, s *issue) bool {
		for _, want := range status {
			name, not := strings.CutPrefix(want, "!")
			if s.is(i, name) == not {
				return false
			}
		}
		for release, want := range first {
			if (i.firstRelease(s) == release) != want {
				return false
			}
		}
		for _, fits := range seen {
			if !fits(i.first(s).At) {
				return false
			}
		}
		return true
	}, match, err
}

var (
	dateTerm = regexp.MustCompile(`^(>=|<=|>|<)?(\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})?)$`)
	ageTerm  = regexp.MustCompile(`^([+-])(\d+)([wdhm])$`)
)

// moments reads a condition about a time: a date with an operator, or an age
// as Sentry writes it, -24h for younger and +24h for older.
func (i *in) moments(key, value string) (func(time.Time) bool, error) {
	if m := ageTerm.FindStringSubmatch(value); m != nil {
		d, _ := period(m[2] + m[3])
		edge := i.s.Now().Add(-d)
		if m[1] == "-" {
			return func(t time.Time) bool { return !t.Before(edge) }, nil
		}
		return func(t time.Time) bool { return !t.After(edge) }, nil
	}
	m := dateTerm.FindStringSubmatch(value)
	if m == nil {
		return nil, bad("%s: Invalid date: %s. Expected +/-duration (e.g. +1h) or ISO 8601-like (e.g. 2024-01-01T00:00:00.000Z)", key, value)
	}
	edge, ok := moment(m[2])
	if !ok {
		return nil, bad("%s: Invalid date: %s", key, value)
	}
	return map[string]func(time.Time) bool{
		"":   func(t time.Time) bool { return t.Sub(edge).Abs() < time.Minute },
		">":  edge.Before,
		">=": func(t time.Time) bool { return !t.Before(edge) },
		"<":  edge.After,
		"<=": func(t time.Time) bool { return !t.After(edge) },
	}[m[1]], nil
}

// first is an issue's first event: in the environments that the call names,
// else anywhere.
func (i *in) first(s *issue) world.ErrorEvent {
	return i.firstIn(s, i.List("environment"), i.Has("environment"))
}

// firstIn looks from where the issue can have begun, and once: what was first
// stays so.
func (i *in) firstIn(s *issue, environments []string, some bool) world.ErrorEvent {
	key := s.Key + "\x00" + strings.Join(environments, "\x00")
	i.face.mu.Lock()
	e, known := i.face.firsts[key]
	i.face.mu.Unlock()
	if known {
		return e
	}
	fits := func(e world.ErrorEvent) bool {
		return e.Issue.Key == s.Key && (!some || slices.Contains(environments, environmentNames[e.Env]))
	}
	for at := i.s.IssueBegin(s.Key).Truncate(time.Hour); !at.After(i.s.Now()); at = at.Add(6 * time.Hour) {
		for _, e := range i.s.ErrorEvents(at, at.Add(6*time.Hour)) {
			if fits(e) {
				i.face.mu.Lock()
				i.face.firsts[key] = e
				i.face.mu.Unlock()
				return e
			}
		}
	}
	return s.all[0]
}

// firstRelease is the release that the issue was first seen in, in the
// environments that the call names.
func (i *in) firstRelease(s *issue) string {
	named := i.List("environment")
	if !i.Has("environment") {
		named = environments
	}
	if s.all[0].Env == "" {
		return "" // a script names no release either
	}
	return i.firstIn(s, named, true).Release
}

func (s *issue) is(i *in, name string) bool {
	switch name {
	case "unassigned":
		return true
	case "new", "for_review":
		return i.s.Now().Sub(i.firstIn(s, nil, false).At) < settled
	case "ongoing":
		return i.s.Now().Sub(i.firstIn(s, nil, false).At) >= settled
	}
	return s.status(i.s.Now()) == name
}

func (i *in) sortIssues(list []*issue, by string) {
	last := func(s *issue) time.Time { return s.here[len(s.here)-1].At }
	slices.SortStableFunc(list, func(a, b *issue) int {
		switch by {
		case "freq", "trends", "recommended":
			return cmp.Or(cmp.Compare(len(b.here), len(a.here)), cmp.Compare(a.Key, b.Key))
		case "user":
			return cmp.Compare(distinct(b.here, userOf), distinct(a.here, userOf))
		case "new":
			return i.first(b).At.Compare(i.first(a).At)
		}
		return last(b).Compare(last(a))
	})
}

func userOf(e world.ErrorEvent) string { return e.User }

func (i *in) issue(s *issue) obj {
	id := strconv.FormatInt(i.issueID(s.Key), 10)
	p := i.projects()[0]
	status := s.status(i.s.Now())
	substatus := any("ongoing")
	switch {
	case status == "resolved":
		substatus = nil
	case i.s.Now().Sub(i.firstIn(s, nil, false).At) < settled:
		substatus = "new"
	}
	day := i.s.Now().Add(-24 * time.Hour).Truncate(time.Hour)
	counts := make([][]int64, 25)
	for n := range counts {
		counts[n] = []int64{day.Add(time.Duration(n) * time.Hour).Unix(), 0}
	}
	for _, e := range s.here {
		if !e.At.Before(day) {
			counts[int(e.At.Sub(day)/time.Hour)][1]++
		}
	}
	return obj{
		"id": id, "shareId": nil, "shortId": i.shortID(s.Key), "title": s.Title(), "culprit": s.Culprit,
		"permalink": i.base() + "/organizations/" + i.s.Team.Slug + "/issues/" + id + "/", "logger": nil, "level": s.Level,
		"status": status, "statusDetails": obj{}, "substatus": substatus, "isPublic": false, "platform": "javascript",
		"project": obj{"id": p.id, "name": p.name, "slug": p.slug, "platform": p.platform}, "type": "error",
		"metadata":    obj{"type": s.Type, "value": s.Value, "filename": strings.TrimPrefix(s.Culprit, "/"), "function": "handler"},
		"numComments": 0, "assignedTo": nil, "isBookmarked": false, "isSubscribed": false, "subscriptionDetails": nil, "hasSeen": true,
		"annotations": []string{}, "issueType": "error", "issueCategory": "error", "priority": "medium", "isUnhandled": s.Level == "fatal",
		"count": strconv.Itoa(len(s.here)), "userCount": distinct(s.here, userOf),
		"firstSeen": stamp(i.first(s).At), "lastSeen": stamp(s.all[len(s.all)-1].At), "stats": obj{"24h": counts},
	}
}

func oneIssue(i *in) (*wire.Answer, error) {
	for _, s := range i.gather(i.s.Born, func(world.ErrorEvent) bool { return true }) {
		if id := i.Path("issue"); id != strconv.FormatInt(i.issueID(s.Key), 10) && id != i.shortID(s.Key) {
			continue
		}
		out := i.issue(s)
		out["activity"], out["seenBy"], out["participants"], out["tags"], out["pluginActions"], out["pluginIssues"], out["pluginContexts"] = []obj{}, []obj{}, []obj{}, []obj{}, []obj{}, []obj{}, []obj{}
		out["userReportCount"], out["firstRelease"], out["lastRelease"] = 0, nil, nil
		if v := i.firstRelease(s); v != "" {
			out["firstRelease"] = i.release(i.releaseNamed(v))
		}
		for _, e := range slices.Backward(s.all) {
			if e.Release != "" {
				out["lastRelease"] = i.release(i.releaseNamed(e.Release))
				break
			}
		}
		return wire.OK(out), nil
	}
	return nil, notFound()
}

func projectEvents(i *in) (*wire.Answer, error) {
	var found []world.ErrorEvent
	if i.projectNamed(i.Path("project")).slug == i.s.Project.Name {
		found = i.s.ErrorEvents(i.s.Now().Add(-14*24*time.Hour), i.s.Now())
	}
	slices.Reverse(found)
	return list(i, found, func(e world.ErrorEvent) obj {
		tags := []obj{{"key": "level", "value": e.Issue.Level}}
		if e.Env != "" {
			tags = append(tags, obj{"key": "environment", "value": environmentNames[e.Env]}, obj{"key": "release", "value": e.Release})
		}
		return obj{
			"id": e.ID, "eventID": e.ID, "groupID": strconv.FormatInt(i.issueID(e.Issue.Key), 10), "projectID": i.projects()[0].id,
			"event.type": "error", "title": e.Issue.Title(), "message": e.Issue.Title(), "culprit": e.Issue.Culprit, "location": nil,
			"platform": "javascript", "dateCreated": second(e.At), "tags": tags, "crashFile": nil,
			"user": obj{"id": orNil(e.User), "email": nil, "username": nil, "ip_address": nil, "name": nil},
		}
	})
}
