package sentry

import (
	"cmp"
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
	all  []world.ErrorEvent // since the world began, oldest first
	here []world.ErrorEvent // those that the call picks
}

func (s *issue) status(now time.Time) string {
	if now.Sub(s.all[len(s.all)-1].At) > settled {
		return "resolved"
	}
	return "unresolved"
}

// gather sorts all errors of the world into issues; here is filled by keep.
func (i *in) gather(keep func(world.ErrorEvent) bool) []*issue {
	var out []*issue
	byKey := map[string]*issue{}
	for _, e := range i.s.ErrorEvents(i.s.Born, i.s.Now()) {
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
	wanted, match, err := issueQuery(i.StrOr("query", "is:unresolved"))
	if err != nil {
		return nil, err
	}
	found := i.gather(func(e world.ErrorEvent) bool {
		return !e.At.Before(from) && e.At.Before(to) && match(i, e) &&
			(!i.Has("environment") || slices.Contains(i.List("environment"), environmentNames[e.Env]))
	})
	nothing := !slices.ContainsFunc(picked, func(p project) bool { return p.slug == i.s.Project.Name }) ||
		i.Path("project") != "" && i.projectNamed(i.Path("project")).slug != i.s.Project.Name
	found = slices.DeleteFunc(found, func(s *issue) bool { return nothing || len(s.here) == 0 || !wanted(i, s) })
	sortIssues(found, i.StrOr("sort", "date"))
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
// release) and what is asked of its events.
func issueQuery(query string) (wanted func(*in, *issue) bool, match matcher, err error) {
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
			if (s.firstRelease() == release) != want {
				return false
			}
		}
		return true
	}, match, err
}

func (s *issue) is(i *in, name string) bool {
	switch name {
	case "unassigned":
		return true
	case "new", "for_review":
		return i.s.Now().Sub(s.all[0].At) < settled
	case "ongoing":
		return i.s.Now().Sub(s.all[0].At) >= settled
	}
	return s.status(i.s.Now()) == name
}

// firstRelease is the release that the issue was first seen in.
func (s *issue) firstRelease() string {
	for _, e := range s.all {
		if e.Release != "" {
			return e.Release
		}
	}
	return ""
}

func sortIssues(list []*issue, by string) {
	last := func(s *issue) time.Time { return s.here[len(s.here)-1].At }
	slices.SortStableFunc(list, func(a, b *issue) int {
		switch by {
		case "freq", "trends", "recommended":
			return cmp.Or(cmp.Compare(len(b.here), len(a.here)), cmp.Compare(a.Key, b.Key))
		case "user":
			return cmp.Compare(distinct(b.here, userOf), distinct(a.here, userOf))
		case "new":
			return b.all[0].At.Compare(a.all[0].At)
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
	case i.s.Now().Sub(s.all[0].At) < settled:
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
		"firstSeen": stamp(s.all[0].At), "lastSeen": stamp(s.all[len(s.all)-1].At), "stats": obj{"24h": counts},
	}
}

func oneIssue(i *in) (*wire.Answer, error) {
	for _, s := range i.gather(func(world.ErrorEvent) bool { return true }) {
		if id := i.Path("issue"); id != strconv.FormatInt(i.issueID(s.Key), 10) && id != i.shortID(s.Key) {
			continue
		}
		out := i.issue(s)
		out["activity"], out["seenBy"], out["participants"], out["tags"], out["pluginActions"], out["pluginIssues"], out["pluginContexts"] = []obj{}, []obj{}, []obj{}, []obj{}, []obj{}, []obj{}, []obj{}
		out["userReportCount"], out["firstRelease"], out["lastRelease"] = 0, nil, nil
		if v := s.firstRelease(); v != "" {
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
