package cron

import (
	"crypto/sha256"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// directory finds jobs by what reports call them. It is read by everybody and
// written by the recorder.
type directory struct {
	projects []string
	// production is each project's default environment, and known its others.
	production map[string]string
	known      map[string][]string
	ofKind     map[string]map[catalog.Kind]string

	mu     sync.RWMutex
	byPing map[[32]byte]int64 // by hash: how long a look-up takes must say nothing
	byPath map[place][]int64
	bySlug map[place][]int64
	jobs   map[int64]Job
}

// kinds are the names that other tools have for environments.
var kinds = map[string]catalog.Kind{
	"production": catalog.Production, "prod": catalog.Production, "staging": catalog.Staging, "preview": catalog.Staging,
	"development": catalog.Local, "local": catalog.Local, "dev": catalog.Local,
}

type place struct{ project, environment, name string }

func (d *directory) put(j Job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, there := d.jobs[j.ID]; !there {
		d.byPing[sha256.Sum256([]byte(j.Ping))] = j.ID
		p := place{j.Project, j.Environment, j.Path}
		d.byPath[p] = append(d.byPath[p], j.ID)
		for _, slug := range slugs(j.Path) {
			p.name = slug
			d.bySlug[p] = append(d.bySlug[p], j.ID)
		}
	}
	d.jobs[j.ID] = j
}

// slugs are what a path may be called in an address: all of it, or its last
// part where that is enough.
func slugs(path string) []string {
	all := []string{Slug(path)}
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		if last := Slug(path[i+1:]); last != "" && last != all[0] {
			all = append(all, last)
		}
	}
	return all
}

// find answers the jobs that a target names: several where one path has
// several schedules, or where a slug is ambiguous.
func (d *directory) find(t *Target) []int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p := place{t.Project, t.Environment, t.Path}
	switch {
	case t.Ping != "":
		if id, ok := d.byPing[sha256.Sum256([]byte(t.Ping))]; ok {
			return []int64{id}
		}
		return nil
	case t.Path != "":
		return d.byPath[p]
	}
	p.name = t.Slug
	// A job that is called exactly so goes before one whose last part is.
	if exact := d.byPath[p]; len(exact) > 0 {
		return exact
	}
	whole := slices.DeleteFunc(slices.Clone(d.bySlug[p]), func(id int64) bool { return Slug(d.jobs[id].Path) != t.Slug })
	if len(whole) > 0 {
		return whole
	}
	return d.bySlug[p]
}

func (d *directory) job(id int64) (Job, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	j, ok := d.jobs[id]
	return j, ok
}

// list is every job of a project.
func (d *directory) list(project string) []Job {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []Job
	for _, j := range d.jobs {
		if j.Project == project {
			all = append(all, j)
		}
	}
	slices.SortFunc(all, compareJobs)
	return all
}

func compareJobs(a, b Job) int {
	return strings.Compare(a.Path+"\x00"+a.Variant+"\x00"+a.Environment, b.Path+"\x00"+b.Variant+"\x00"+b.Environment)
}

// settle fills in what a target leaves out, and refuses what cannot be.
func (d *directory) settle(t *Target) error {
	if t.Ping != "" {
		return nil
	}
	if t.Project == "" && len(d.projects) > 0 {
		t.Project = d.projects[0]
	}
	known, ok := d.known[t.Project]
	if !ok {
		return fault.New(fault.NotFound, "There is no project %q in the configuration.", hostile.Line(t.Project, hostile.NameLimit))
	}
	if t.Environment == "" {
		t.Environment = d.production[t.Project]
	}
	if kind, ok := kinds[t.Environment]; ok && !slices.Contains(known, t.Environment) {
		t.Environment = d.ofKind[t.Project][kind] // as Sentry, Vercel and Cronitor call them
	}
	if !slices.Contains(known, t.Environment) {
		return fault.New(fault.NotFound, "Project %s has no environment %q. It has: %s.", t.Project, hostile.Line(t.Environment, hostile.NameLimit), strings.Join(known, ", "))
	}
	if t.Path == "" && t.Slug == "" || len(t.Path) > maxPath || t.Path != hostile.Line(t.Path, maxPath) || len(t.Slug) > maxPath {
		return &fault.Error{Kind: fault.Invalid, Message: "The report does not say which job it is about.", Places: []fault.Place{{Where: "path", Problem: "must be 1 to 512 printable characters"}}}
	}
	return nil
}

// resolve finds the job that a report is about, or makes it.
func (t *turn) resolve(l Ledger, to *Target) (s *state, created bool, err error) {
	if err := t.rec.jobs.settle(to); err != nil {
		return nil, false, err
	}
	var found []*state
	for _, id := range t.rec.jobs.find(to) {
		if s := t.rec.states[id]; s != nil {
			found = append(found, s)
		}
	}
	for _, s := range t.made {
		if s.job.Project == to.Project && s.job.Environment == to.Environment && (s.job.Path == to.Path || to.Path == "" && s.job.Path == to.Slug) {
			found = append(found, s)
		}
	}
	if len(found) > 1 {
		found = narrow(found, to, t)
	}
	switch {
	case len(found) > 1 && to.Path == "":
		return nil, false, fault.New(fault.Conflict, "Several jobs are called %s.", to.Slug)
	case len(found) > 0:
		return found[0], false, t.learn(l, found[0], to)
	case !to.Create:
		return nil, false, fault.New(fault.NotFound, "There is no such job.")
	}
	s, err = t.create(l, to)
	return s, err == nil, err
}

// narrow chooses among several jobs of one path: by the schedule that the
// report names, else the one that was due last.
func narrow(found []*state, to *Target, t *turn) []*state {
	path := found[0].job.Path
	for _, s := range found {
		if s.job.Path != path {
			return found // a slug that means different jobs
		}
	}
	var nearest *state
	var due int64
	for _, s := range found {
		if to.Schedule != "" && s.job.Schedule == to.Schedule {
			return []*state{s}
		}
		if s.table.Schedule == "" || !s.job.Active {
			continue
		}
		if slot, ok := s.table.at(t.now); ok && (nearest == nil || slot.Unix() > due) {
			nearest, due = s, slot.Unix()
		}
	}
	if nearest == nil {
		return found[:1]
	}
	return []*state{nearest}
}

// learn takes over a timetable that a job reports of itself, unless somebody
// better has said it.
func (t *turn) learn(l Ledger, s *state, to *Target) error {
	if s.job.Source != FromReport || !to.Known() || to.Timetable == s.job.Timetable {
		return nil
	}
	j := s.job
	j.Timetable, j.Active, j.Since = to.Timetable, true, t.now
	return t.change(l, s, j)
}

// change writes a job and takes it into use.
func (t *turn) change(l Ledger, s *state, j Job) error {
	table, err := j.compile()
	if err != nil {
		return err
	}
	if err := t.touch(l, s); err != nil {
		return err
	}
	if j, err = l.PutJob(j); err != nil {
		return err
	}
	job, old, next := s.job, s.table, s.next
	t.undos = append(t.undos, func() { s.job, s.table, s.next = job, old, next })
	s.job, s.table = j, table
	s.expect(t.now)
	return nil
}

func (t *turn) create(l Ledger, to *Target) (*state, error) {
	if n := len(t.rec.jobs.list(to.Project)); n >= maxJobs {
		return nil, fault.New(fault.TooLarge, "Project %s has %d jobs; no more are made by reports.", to.Project, n)
	}
	path := to.Path
	if path == "" {
		path = to.Slug
	}
	return t.make(l, Job{
		Project: to.Project, Environment: to.Environment, Path: path, Timetable: to.Timetable, Source: FromReport, Active: true, Since: t.now,
	})
}

// make inserts a job.
func (t *turn) make(l Ledger, j Job) (*state, error) {
	j.Ping, j.CreatedAt = uuid.NewString(), t.now
	s, err := newState(j)
	if err != nil {
		return nil, err
	}
	if s.job, err = l.PutJob(j); err != nil {
		return nil, err
	}
	if s.job.Ping != j.Ping { // another replica was first
		if s, err = newState(s.job); err != nil {
			return nil, err
		}
		s.stale = true
	}
	t.made = append(t.made, s)
	if err := t.touch(l, s); err != nil {
		return nil, err
	}
	s.expect(t.now)
	return s, nil
}
