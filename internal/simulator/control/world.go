package control

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// change is the body of POST /_sim/world: what is left out stays as it is.
type change struct {
	Alias *struct {
		Mode    world.AliasMode `json:"mode"`
		Domains []string        `json:"domains"`
		Delay   wire.Duration   `json:"delay"`
		Once    bool            `json:"once"`
	} `json:"alias"`
	Build *struct {
		Fail     bool          `json:"fail"`
		Duration wire.Duration `json:"duration"`
		Ills     []ill         `json:"ills"`
		Once     bool          `json:"once"`
	} `json:"build"`
	Workflow *struct {
		Wait bool `json:"wait"`
		Fail bool `json:"fail"`
	} `json:"workflow"`
	Apps                     map[world.Env]app `json:"apps"`
	Spoil                    *spoil            `json:"spoil"`
	EdgeLag                  *wire.Duration    `json:"edge_lag"`
	Skew                     *wire.Duration    `json:"skew"`
	PromoteTurnsAutoAssignOn *bool             `json:"promote_turns_auto_assign_on"`
	Rival                    *bool             `json:"rival"`
	CronsStop                *bool             `json:"crons_stop"`
	CronsStay                *bool             `json:"crons_stay"`
	CronFails                *float64          `json:"cron_fails"`
	Crons                    *bool             `json:"crons"`
	AutoAssign               *bool             `json:"auto_assign"`
	Plan                     *world.Plan       `json:"plan"`
	Unstick                  *bool             `json:"unstick"`
	Workers                  map[string]worker `json:"workers"`
	WorkerFollows            *wire.Duration    `json:"worker_follows"`
	AnalyticsHide            *[]string         `json:"analytics_hide"`
}

// worker pins a script's counted traffic, in the analytics' own words.
type worker struct {
	Requests          int64   `json:"requests"`
	Errors            int64   `json:"errors"`
	ClientDisconnects int64   `json:"clientDisconnects"`
	Subrequests       int64   `json:"subrequests"`
	CPUTimeUs         int64   `json:"cpuTimeUs"`
	WallTime          int64   `json:"wallTime"`
	CPUTimeP50        float64 `json:"cpuTimeP50"`
	CPUTimeP99        float64 `json:"cpuTimeP99"`
	WallTimeP50       float64 `json:"wallTimeP50"`
	WallTimeP99       float64 `json:"wallTimeP99"`
}

type ill struct {
	Kind   world.IllKind `json:"kind"`
	After  wire.Duration `json:"after"`
	For    wire.Duration `json:"for"`
	Factor float64       `json:"factor"`
}

type app struct {
	Mode     world.AppMode `json:"mode"`
	Status   string        `json:"status"`
	Database string        `json:"database"`
	Redis    string        `json:"redis"`
	Latency  wire.Duration `json:"latency"`
	Errors   float64       `json:"errors"`
	Commit   string        `json:"commit"`
}

// spoil makes a build that exists ill: an id, or "live" or "staged".
type spoil struct {
	Deployment string `json:"deployment"`
	Ills       []ill  `json:"ills"`
}

func bad(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "docs/simulator.md lists the values", format, args...)
}

// check refuses what the world does not know before anything is changed.
func (c change) check() error {
	if c.Alias != nil && !slices.Contains([]world.AliasMode{world.AliasOK, world.AliasStuck, world.AliasFail, world.AliasSkip}, c.Alias.Mode) {
		return bad("alias.mode %q is not one of stuck, fail, skipped or empty", c.Alias.Mode)
	}
	if c.Build != nil {
		if err := checkIlls(c.Build.Ills); err != nil {
			return err
		}
	}
	if c.Spoil != nil {
		if err := checkIlls(c.Spoil.Ills); err != nil {
			return err
		}
	}
	for env, a := range c.Apps {
		if err := a.check(env); err != nil {
			return err
		}
	}
	if c.Plan != nil && !slices.Contains([]world.Plan{world.Hobby, world.Pro, world.Enterprise}, *c.Plan) {
		return bad("plan %q is not one of hobby, pro, enterprise", *c.Plan)
	}
	for name, w := range c.Workers {
		if w.Errors > w.Requests || min(w.Requests, w.Errors, w.Subrequests, w.ClientDisconnects, w.CPUTimeUs, w.WallTime) < 0 {
			return bad("worker %q: no number is below 0, and there are no more errors than requests", name)
		}
	}
	if c.CronFails != nil && *c.CronFails > 1 {
		return bad("cron_fails is a share up to 1; 0 is the normal share")
	}
	return nil
}

func checkIlls(ills []ill) error {
	known := []world.IllKind{world.IllDown, world.IllError, world.IllDegraded, world.IllDatabase, world.IllErrors}
	for _, i := range ills {
		if !slices.Contains(known, i.Kind) {
			return bad("ill %q is not one of %v", i.Kind, known)
		}
	}
	return nil
}

func (a app) check(env world.Env) error {
	if !slices.Contains([]world.Env{world.Dev, world.Next, world.Prod}, env) {
		return bad("app %q is not one of dev, next, prod", env)
	}
	for _, field := range []struct {
		name, value string
		known       []string
	}{
		{"mode", string(a.Mode), []string{"", string(world.AppHang), string(world.AppGone), string(world.App502)}},
		{"status", a.Status, []string{"", "ok", "degraded", "down"}},
		{"database", a.Database, []string{"", "ok", "error"}},
		{"redis", a.Redis, []string{"", "ok", "error", "not_configured"}},
	} {
		if !slices.Contains(field.known, field.value) {
			return bad("apps.%s.%s %q is not one of %q", env, field.name, field.value, field.known)
		}
	}
	return nil
}

func ills(list []ill) []world.Ill {
	var out []world.Ill
	for _, i := range list {
		out = append(out, world.Ill{Kind: i.Kind, After: time.Duration(i.After), For: time.Duration(i.For), Factor: i.Factor})
	}
	return out
}

func (a *API) turn(r *http.Request) (any, error) {
	var c change
	if err := read(r, &c); err != nil {
		return nil, err
	}
	if err := a.apply(c); err != nil {
		return nil, err
	}
	return a.state(r)
}

// apply checks and makes a change. What names a deployment comes first, so
// that a wrong name changes nothing.
func (a *API) apply(c change) error {
	if err := c.check(); err != nil {
		return err
	}
	var err error
	a.o.World.Change(func(s *world.State) {
		if c.Spoil != nil {
			if err = spoilOne(s, *c.Spoil); err != nil {
				return
			}
		}
		if c.Unstick != nil {
			if err = s.Unstick(*c.Unstick); err != nil {
				return
			}
		}
		c.knobs(s)
		for env, k := range c.Apps {
			s.SetApp(env, world.AppKnob{
				Mode: k.Mode, Status: k.Status, Database: k.Database, Redis: k.Redis,
				Latency: time.Duration(k.Latency), Errors: k.Errors, Commit: k.Commit,
			})
		}
	})
	return err
}

func (c change) knobs(s *world.State) {
	k := &s.Knobs
	if c.Alias != nil {
		k.Alias = world.AliasKnob{Mode: c.Alias.Mode, Domains: c.Alias.Domains, Delay: time.Duration(c.Alias.Delay), Once: c.Alias.Once}
	}
	if c.Build != nil {
		k.Build = world.BuildKnob{Fail: c.Build.Fail, Duration: time.Duration(c.Build.Duration), Ills: ills(c.Build.Ills), Once: c.Build.Once}
	}
	if c.Workflow != nil {
		k.Workflow = world.WorkflowKnob{Wait: c.Workflow.Wait, Fail: c.Workflow.Fail}
	}
	if c.EdgeLag != nil {
		k.EdgeLag = time.Duration(*c.EdgeLag)
	}
	if c.Skew != nil {
		k.Skew = time.Duration(*c.Skew)
	}
	if c.WorkerFollows != nil {
		k.WorkerFollows = time.Duration(*c.WorkerFollows)
	}
	set(&k.PromoteTurnsAutoAssignOn, c.PromoteTurnsAutoAssignOn)
	set(&k.Rival, c.Rival)
	set(&k.CronsStop, c.CronsStop)
	set(&k.CronsStay, c.CronsStay)
	set(&k.CronFails, c.CronFails)
	set(&k.AnalyticsHide, c.AnalyticsHide)
	if c.Workers != nil {
		k.Workers = map[string]world.WorkerKnob{}
		for name, w := range c.Workers {
			k.Workers[name] = world.WorkerKnob(w)
		}
	}
	set(&s.Team.Plan, c.Plan)
	if c.AutoAssign != nil {
		s.SetAutoAssign(*c.AutoAssign, s.People[0])
	}
	if c.Crons != nil {
		s.SetCrons(*c.Crons)
	}
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func spoilOne(s *world.State, sp spoil) error {
	id := sp.Deployment
	switch id {
	case "live":
		if d := s.Live(); d != nil {
			id = d.ID
		}
	case "staged":
		if d := s.NewestStaged(); d != nil {
			id = d.ID
		}
	}
	if err := s.Spoil(id, ills(sp.Ills)...); err != nil {
		return refuse(http.StatusNotFound, `name a deployment id, "live" or "staged"`, "deployment %q: %v", sp.Deployment, err)
	}
	return nil
}

// files is what a commit changes; content is only needed for files that the
// world reads (vercel.json, migrations, workflows).
type file struct {
	Path    string `json:"path"`
	Status  string `json:"status"`
	Content string `json:"content"`
}

func changesOf(files []file) []world.FileChange {
	var out []world.FileChange
	for _, f := range files {
		c := world.FileChange{Path: f.Path, Status: f.Status, Additions: 4, Content: f.Content, Kept: f.Content != ""}
		if c.Status == "" {
			c.Status = "modified"
		}
		out = append(out, c)
	}
	return out
}

func (a *API) person(s *world.State, name string) (*world.Person, error) {
	if name == "" {
		return nil, nil
	}
	if p := s.Person(name); p != nil {
		return p, nil
	}
	return nil, refuse(http.StatusBadRequest, "GET /_sim/state lists the people", "there is no %q", name)
}

func (a *API) push(r *http.Request) (any, error) {
	var body struct {
		Branch  string `json:"branch"`
		Message string `json:"message"`
		Author  string `json:"author"`
		Files   []file `json:"files"`
		Pull    int    `json:"pull"`
		NoBuild bool   `json:"no_build"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	if body.Message == "" {
		return nil, bad("a commit wants a message")
	}
	var answer map[string]any
	var err error
	a.o.World.Change(func(s *world.State) {
		var author *world.Person
		if author, err = a.person(s, body.Author); err != nil {
			return
		}
		if body.Pull != 0 {
			var c *world.Commit
			if c, err = s.PushToPR(body.Pull, body.Message, changesOf(body.Files)...); err == nil {
				answer = map[string]any{"sha": c.SHA}
			}
			return
		}
		c, d := s.PushCommit(world.Push{
			Branch: body.Branch, Message: body.Message, Author: author, Changes: changesOf(body.Files), NoBuild: body.NoBuild,
		})
		answer = landed(c, d)
	})
	return answer, pullError(err, body.Pull)
}

func landed(c *world.Commit, d *world.Deployment) map[string]any {
	answer := map[string]any{"sha": c.SHA}
	if d != nil {
		answer["deployment"] = d.ID
	}
	return answer
}

func pullError(err error, number int) error {
	switch {
	case errors.Is(err, world.ErrNotFound):
		return refuse(http.StatusNotFound, "GET /_sim/state lists the open ones", "there is no pull request %d", number)
	case errors.Is(err, world.ErrFinished):
		return refuse(http.StatusConflict, "GET /_sim/state lists the open ones", "pull request %d is not open", number)
	}
	return err
}

func (a *API) openPull(r *http.Request) (any, error) {
	var body struct {
		Branch string `json:"branch"`
		Title  string `json:"title"`
		Author string `json:"author"`
		Files  []file `json:"files"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	if body.Branch == "" || body.Title == "" {
		return nil, bad("a pull request wants a branch and a title")
	}
	var answer map[string]any
	var err error
	a.o.World.Change(func(s *world.State) {
		var author *world.Person
		if author, err = a.person(s, body.Author); err != nil {
			return
		}
		var pr *world.PullRequest
		if pr, err = s.OpenPR(body.Branch, body.Title, author, changesOf(body.Files)...); err == nil {
			answer = map[string]any{"number": pr.Number, "sha": pr.Head}
		}
	})
	return answer, err
}

func (a *API) mergePull(r *http.Request) (any, error) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		return nil, bad("%q is no pull request number", r.PathValue("number"))
	}
	var body struct {
		Method world.MergeMethod `json:"method"`
		By     string            `json:"by"`
	}
	if r.ContentLength != 0 {
		if err := read(r, &body); err != nil {
			return nil, err
		}
	}
	if body.Method != "" && body.Method != world.Squash && body.Method != world.Merge {
		return nil, bad("method %q is not one of squash, merge", body.Method)
	}
	var answer map[string]any
	a.o.World.Change(func(s *world.State) {
		var by *world.Person
		if by, err = a.person(s, body.By); err != nil {
			return
		}
		var c *world.Commit
		var d *world.Deployment
		if c, d, err = s.MergePR(number, body.Method, by); err == nil {
			answer = landed(c, d)
		}
	})
	return answer, pullError(err, number)
}

func (a *API) state(*http.Request) (any, error) {
	var out map[string]any
	a.o.World.View(func(s *world.State) { out = summary(s) })
	for name, section := range a.o.Sections {
		out[name] = section()
	}
	return out, nil
}

func summary(s *world.State) map[string]any {
	short := func(d *world.Deployment) any {
		if d == nil {
			return nil
		}
		return map[string]any{
			"id": d.ID, "sha": d.SHA, "branch": d.Branch, "target": fmt.Sprint(d.Target), "state": fmt.Sprint(d.State), "ills": d.Ills,
		}
	}
	var job any
	if j := s.LastJob(); j != nil {
		moves := map[string]world.JobStatus{}
		for _, m := range j.Moves {
			moves[m.Alias] = m.Status
		}
		job = map[string]any{"kind": j.Kind, "from": j.From, "to": j.To, "status": j.Status, "requestedAt": j.RequestedAt, "moves": moves}
	}
	apps := map[world.Env]any{}
	for _, env := range []world.Env{world.Dev, world.Next, world.Prod} {
		o := s.Serving(env)
		apps[env] = map[string]any{
			"deployment": o.Deployment, "sha": o.SHA, "status": o.Status, "httpStatus": o.HTTPStatus,
			"database": o.Database, "redis": o.Redis, "mode": o.Mode, "latency": o.Latency.String(),
		}
	}
	pulls := []map[string]any{}
	for _, pr := range s.Pulls("open") {
		pulls = append(pulls, map[string]any{"number": pr.Number, "title": pr.Title, "branch": pr.Branch})
	}
	people := []string{}
	for _, p := range s.People {
		people = append(people, p.Name)
	}
	return map[string]any{
		"now": s.Now(), "seed": s.Seed, "plan": s.Team.Plan,
		"live": short(s.Live()), "staged": short(s.NewestStaged()), "lastJob": job, "apps": apps,
		"autoAssign": s.Project.AutoAssign, "rolledBack": s.Project.RolledBack, "rollingRelease": s.ActiveRelease() != nil,
		"cronsEnabled": s.Project.CronsEnabled, "openPulls": pulls, "people": people, "knobs": s.Knobs,
	}
}
