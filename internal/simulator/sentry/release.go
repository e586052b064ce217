package sentry

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// release is one version; those of the world's builds are derived, the others
// were written by a caller.
type release struct {
	version  string
	ref, url string
	made     time.Time
	finished time.Time
	projects []string
}

// deploy is a note that a release went to an environment.
type deploy struct {
	id, version, environment, name, url string
	started, finished                   time.Time
}

type releaseBody struct {
	Version      string           `json:"version" wire:"required"`
	Projects     []string         `json:"projects" wire:"required"`
	Ref          *string          `json:"ref"`
	URL          *string          `json:"url"`
	DateReleased *string          `json:"dateReleased"`
	DateStarted  *string          `json:"dateStarted"`
	Commits      []map[string]any `json:"commits"`
	Refs         []map[string]any `json:"refs"`
}

type finishBody struct {
	Projects     []string         `json:"projects"`
	Ref          *string          `json:"ref"`
	URL          *string          `json:"url"`
	DateReleased *string          `json:"dateReleased"`
	DateStarted  *string          `json:"dateStarted"`
	Status       *string          `json:"status"`
	Commits      []map[string]any `json:"commits"`
	Refs         []map[string]any `json:"refs"`
}

type deployBody struct {
	Environment  string   `json:"environment" wire:"required"`
	Name         *string  `json:"name"`
	URL          *string  `json:"url"`
	DateStarted  *string  `json:"dateStarted"`
	DateFinished *string  `json:"dateFinished"`
	Projects     []string `json:"projects"`
}

func (f *Face) releaseRoutes() []wire.Route {
	query := span(wire.Param{Name: "query", Type: wire.String}, wire.Param{Name: "sort", Type: wire.String}, wire.Param{Name: "status", Type: wire.String}, cursorParam, perPage)
	one := orgPath + "/releases/{version}"
	return []wire.Route{
		{Pattern: "GET " + orgPath + "/releases/{$}", Doc: "releases", Need: needReleases, Query: query, Handle: f.on(releases)},
		{Pattern: "GET /api/0/projects/{org}/{project}/releases/{$}", Doc: "a project's releases", Need: needReleases, Query: query, Handle: f.on(releases)},
		{Pattern: "POST " + orgPath + "/releases/{$}", Doc: "makes a release", Need: needRelease, Body: wire.JSONBody[releaseBody](), Handle: f.on(makeRelease), PretendStatus: http.StatusCreated},
		{Pattern: "GET " + one + "/{$}", Doc: "one release", Need: needReleases, Handle: f.on(onRelease(func(i *in, r *release) (*wire.Answer, error) {
			return wire.OK(i.release(r)), nil
		}))},
		{Pattern: "PUT " + one + "/{$}", Doc: "changes a release", Need: needRelease, Body: wire.JSONBody[finishBody](), Handle: f.on(onRelease(finishRelease))},
		{Pattern: "DELETE " + one + "/{$}", Doc: "takes a release away", Need: needRelease, Handle: f.on(onRelease(removeRelease)), PretendStatus: http.StatusNoContent},
		{Pattern: "GET " + one + "/deploys/{$}", Doc: "where a release went", Need: needReleases, Query: []wire.Param{cursorParam}, Handle: f.on(onRelease(func(i *in, r *release) (*wire.Answer, error) {
			return list(i, lastDeploys(i.deploysOf(r.version)), showDeploy)
		}))},
		{Pattern: "POST " + one + "/deploys/{$}", Doc: "notes a deploy", Need: needRelease, Body: wire.JSONBody[deployBody](), Handle: f.on(onRelease(makeDeploy)), PretendStatus: http.StatusCreated},
	}
}

// allReleases are those of finished builds and those written, newest first.
func (i *in) allReleases() []*release {
	i.face.mu.Lock()
	out := slices.Clone(i.face.releases)
	i.face.mu.Unlock()
	seen := map[string]bool{}
	for _, r := range out {
		seen[r.version] = true
	}
	for _, d := range i.s.Deployments() {
		if d.Target == world.Production && d.State == world.Ready && !seen[d.SHA] {
			seen[d.SHA] = true
			out = append(out, &release{version: d.SHA, ref: d.SHA, made: d.CreatedAt, finished: d.ReadyAt, projects: []string{i.s.Project.Name}})
		}
	}
	slices.SortStableFunc(out, func(a, b *release) int { return b.made.Compare(a.made) })
	return out
}

func (i *in) releaseNamed(version string) *release {
	for _, r := range i.allReleases() {
		if r.version == version {
			return r
		}
	}
	return nil
}

func onRelease(do func(*in, *release) (*wire.Answer, error)) func(*in) (*wire.Answer, error) {
	return func(i *in) (*wire.Answer, error) {
		r := i.releaseNamed(i.Path("version"))
		if r == nil {
			return nil, notFound()
		}
		return do(i, r)
	}
}

func releases(i *in) (*wire.Answer, error) {
	all := slices.DeleteFunc(i.allReleases(), func(r *release) bool {
		p := i.projectNamed(i.Path("project"))
		return !strings.Contains(r.version, i.Str("query")) || p != nil && !slices.Contains(r.projects, p.slug)
	})
	return list(i, all, i.release)
}

func (i *in) release(r *release) obj {
	if r == nil {
		return nil
	}
	projects := []obj{}
	for _, name := range r.projects {
		if p := i.projectNamed(name); p != nil {
			n, _ := strconv.ParseInt(p.id, 10, 64) // it was made from digits
			projects = append(projects, obj{"id": n, "slug": p.slug, "name": p.name, "newGroups": 0, "platform": p.platform, "platforms": []string{"javascript"}, "hasHealthData": true})
		}
	}
	short := r.version
	if len(short) == 40 {
		short = short[:12]
	}
	deploys := i.deploysOf(r.version)
	out := obj{
		"id": i.s.Pick(10_000_000, 99_999_999, "release", r.version), "version": r.version, "shortVersion": short, "status": "open", "ref": orNil(r.ref), "url": orNil(r.url),
		"dateCreated": stamp(r.made), "dateReleased": stampOrNull(r.finished), "dateStarted": nil, "data": obj{}, "newGroups": 0, "owner": nil,
		"commitCount": 0, "lastCommit": nil, "deployCount": len(deploys), "lastDeploy": nil, "authors": []obj{}, "projects": projects,
		"firstEvent": nil, "lastEvent": nil, "currentProjectMeta": obj{}, "userAgent": nil,
		"versionInfo": obj{"package": nil, "version": obj{"raw": r.version}, "description": short, "buildHash": orNil(r.ref)},
	}
	if len(deploys) > 0 {
		out["lastDeploy"] = showDeploy(deploys[len(deploys)-1])
	}
	return out
}

func makeRelease(i *in) (*wire.Answer, error) {
	body := wire.BodyOf[releaseBody](i.Call)
	version := strings.TrimSpace(body.Version)
	if version == "" || version == "." || version == ".." || version == "latest" || strings.ContainsAny(version, "/\n\t\\") || len(version) > 200 {
		return nil, &wire.Error{Kind: wire.InvalidField, Field: "version", Message: "Release with name " + version + " is not allowed"}
	}
	var slugs []string
	for _, name := range body.Projects {
		p := i.projectNamed(name)
		if p == nil {
			return nil, &wire.Error{Kind: wire.InvalidField, Field: "projects", Message: "Invalid project ids or slugs"}
		}
		if !slices.Contains(slugs, p.slug) {
			slugs = append(slugs, p.slug)
		}
	}
	if had := i.releaseNamed(version); had != nil {
		return i.addProjects(had, body.Projects), nil
	}
	r := &release{version: version, ref: text(body.Ref), url: text(body.URL), made: i.Now, projects: slugs, finished: when(body.DateReleased, time.Time{})}
	i.face.mu.Lock()
	i.face.releases = append(i.face.releases, r)
	i.face.mu.Unlock()
	i.Changed()
	return wire.JSON(http.StatusCreated, i.release(r)), nil
}

// addProjects is a release made again: it only ever gains projects, and says by
// its status whether it did.
func (i *in) addProjects(had *release, names []string) *wire.Answer {
	more := *had
	for _, name := range names {
		if slug := i.projectNamed(name).slug; !slices.Contains(more.projects, slug) {
			more.projects = append(slices.Clone(more.projects), slug)
		}
	}
	if len(more.projects) == len(had.projects) {
		return wire.JSON(http.StatusAlreadyReported, i.release(had))
	}
	i.keep(&more)
	return wire.JSON(http.StatusCreated, i.release(&more))
}

// keep writes a release in place of the one of that version.
func (i *in) keep(r *release) {
	i.face.mu.Lock()
	i.face.releases = append(slices.DeleteFunc(i.face.releases, func(o *release) bool { return o.version == r.version }), r)
	i.face.mu.Unlock()
	i.Changed()
}

func finishRelease(i *in, r *release) (*wire.Answer, error) {
	body := wire.BodyOf[finishBody](i.Call)
	changed := *r
	changed.finished = when(body.DateReleased, r.finished)
	if body.URL != nil {
		changed.url = *body.URL
	}
	if body.Ref != nil {
		changed.ref = *body.Ref
	}
	i.keep(&changed)
	return wire.OK(i.release(&changed)), nil
}

// removeRelease takes away what a caller wrote. The releases of the world's
// builds have served people, and Sentry keeps those.
func removeRelease(i *in, r *release) (*wire.Answer, error) {
	for _, d := range i.s.Deployments() {
		if d.SHA == r.version {
			return nil, bad("This release has health data and cannot be removed.")
		}
	}
	i.face.mu.Lock()
	i.face.releases = slices.DeleteFunc(i.face.releases, func(o *release) bool { return o.version == r.version })
	i.face.deploys = slices.DeleteFunc(i.face.deploys, func(d *deploy) bool { return d.version == r.version })
	i.face.mu.Unlock()
	i.Changed()
	return wire.Empty(http.StatusNoContent), nil
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func when(p *string, fallback time.Time) time.Time {
	if t, ok := moment(text(p)); ok {
		return t
	}
	return fallback
}

// deploysOf are the deploys of a version in the order they were noted: those
// from before the world was made, which the app's own pipeline noted, and those
// that were written. Nobody notes what is promoted without a build.
func (i *in) deploysOf(version string) []*deploy {
	var out []*deploy
	for _, span := range i.s.LiveHistory() {
		d := i.s.Deployment(span.ID)
		if d == nil || d.SHA != version || span.From.After(i.s.Epoch) {
			continue
		}
		out = append(out, &deploy{
			id: strconv.Itoa(i.s.Pick(1_000_000, 9_999_999, "deploy", span.ID, span.From.UnixMilli())), version: version,
			environment: "production", name: string(span.How), url: "https://" + d.Host, finished: span.From,
		})
	}
	i.face.mu.Lock()
	defer i.face.mu.Unlock()
	for _, d := range i.face.deploys {
		if d.version == version {
			out = append(out, d)
		}
	}
	return out
}

// lastDeploys is what the list shows: of each environment the one that was
// noted last, the newest first. The server keeps no more of them at hand.
func lastDeploys(all []*deploy) []*deploy {
	var out []*deploy
	for _, d := range slices.Backward(all) {
		if !slices.ContainsFunc(out, func(o *deploy) bool { return o.environment == d.environment }) {
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b *deploy) int { return b.finished.Compare(a.finished) })
	return out
}

func showDeploy(d *deploy) obj {
	return obj{
		"id": d.id, "environment": d.environment, "name": orNil(d.name), "url": orNil(d.url),
		"dateStarted": stampOrNull(d.started), "dateFinished": stamp(d.finished),
	}
}

const notMoment = "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."

func isMoment(p *string) bool {
	_, ok := moment(text(p))
	return p == nil || ok
}

// isURL says whether an optional address is one.
func isURL(s string) bool {
	u, err := url.Parse(s)
	return s == "" || err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

func makeDeploy(i *in, r *release) (*wire.Answer, error) {
	body := wire.BodyOf[deployBody](i.Call)
	switch {
	case len(body.Environment) > 64:
		return nil, &wire.Error{Kind: wire.InvalidField, Field: "environment", Message: "Ensure this field has no more than 64 characters."}
	case body.Environment == "":
		return nil, &wire.Error{Kind: wire.InvalidField, Field: "environment", Message: "This field may not be blank."}
	case strings.ContainsAny(body.Environment, "/\n\r\t\f") || body.Environment == "None":
		return nil, &wire.Error{Kind: wire.InvalidField, Field: "environment", Message: "Invalid value for environment"}
	case !isURL(text(body.URL)):
		return nil, &wire.Error{Kind: wire.InvalidField, Field: "url", Message: "Enter a valid URL."}
	case !isMoment(body.DateStarted):
		return nil, &wire.Error{Kind: wire.InvalidField, Field: "dateStarted", Message: notMoment}
	case !isMoment(body.DateFinished):
		return nil, &wire.Error{Kind: wire.InvalidField, Field: "dateFinished", Message: notMoment}
	case len(text(body.Name)) > 64:
		return nil, &wire.Error{Kind: wire.InvalidField, Field: "name", Message: "Ensure this field has no more than 64 characters."}
	}
	for _, name := range body.Projects {
		p := i.projectNamed(name)
		if p == nil {
			return nil, &wire.Error{Kind: wire.InvalidField, Field: "projects", Message: "Invalid project"}
		}
		if !slices.ContainsFunc(r.projects, func(of string) bool { return of == p.slug || of == p.id }) {
			return nil, bad("Invalid projects (%s) for release %s", p.slug, r.version)
		}
	}
	i.face.mu.Lock()
	d := &deploy{
		id: strconv.Itoa(10_000_001 + len(i.face.deploys)), version: r.version, environment: body.Environment, name: text(body.Name), url: text(body.URL),
		started: when(body.DateStarted, time.Time{}), finished: when(body.DateFinished, i.Now),
	}
	i.face.deploys = append(i.face.deploys, d)
	i.face.mu.Unlock()
	i.Changed()
	return wire.JSON(http.StatusCreated, showDeploy(d)), nil
}
