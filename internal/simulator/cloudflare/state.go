package cloudflare

import (
	"fmt"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/world"
)

// state is what Cloudflare keeps about the account.
type state struct {
	workers []*worker
	zones   []zone
	head    string // the commit up to which the Workers were deployed
	hours   map[time.Time]appHour
	lived   int // how many of those that went live were looked at
}

type zone struct {
	id, name, status string
	created          time.Time
	routes           []route
}

type route struct{ id, pattern, script string }

// worker is one script.
type worker struct {
	name, tag   string
	created     time.Time
	modified    time.Time
	handlers    []string
	schedules   []schedule
	devEnabled  bool // reachable at workers.dev
	noPreviews  bool // its versions are not
	versions    []*version
	deployments []*deployment // oldest first
	rising      *version      // has a tenth of the traffic until fullAt
	fullAt      time.Time
	// secretChanged is when a secret was last changed: versions before it need
	// force to be deployed again.
	secretChanged time.Time
	secret        string
	domains       []string // custom domains
	// every is how many commits go by between two deployments.
	every int
	// load is the share of the app's requests that come by.
	load float64
	cpu  float64 // microseconds, median
	wall float64 // microseconds, median
}

type schedule struct {
	cron              string
	created, modified time.Time
}

// version is one upload of a script.
type version struct {
	id          string
	number      int
	author      *world.Person
	created     time.Time
	source      string
	tag         string // short SHA of the commit
	message     string
	triggeredBy string // upload, secret, rollback, promotion: the words wrangler knows
}

// deployment says which versions get which share of the traffic.
type deployment struct {
	id          string
	created     time.Time
	source      string
	author      *world.Person
	shares      []share
	message     string
	triggeredBy string
}

type share struct {
	version *version
	percent float64
}

// The scripts; the app calls them code, transpiler and backend.
const (
	Code       = "spike-land-code"
	Transpiler = "js-transpiler"
	Backend    = "spike-land-backend"
)

func newState(s *world.State) *state {
	st := &state{zones: newZones(s), hours: map[time.Time]appHour{}, workers: []*worker{
		{
			name: Code, handlers: []string{"fetch"}, devEnabled: true, every: 3, load: 0.34, cpu: 1500, wall: 42_000,
			domains: []string{"code.spike.land"},
		},
		{
			name: Transpiler, handlers: []string{"fetch"}, devEnabled: true, every: 7, load: 0.08, cpu: 21_000, wall: 64_000,
			domains: []string{"js.spike.land"},
		},
		{
			name: Backend, handlers: []string{"fetch", "scheduled"}, every: 4, load: 0.61, cpu: 3100, wall: 88_000,
			domains: []string{"testing.spike.land"}, secret: "AUTH_SECRET",
			// Cloudflare counts weekdays from 1, Sunday.
			schedules: []schedule{{cron: "*/10 * * * *"}, {cron: "0 3 * * 1"}, {cron: "30 6 L * *"}},
		},
	}}
	for _, w := range st.workers {
		w.tag = s.Hex(32, "cf-script", w.name)
		w.created = s.Born.Add(-180 * 24 * time.Hour).Add(s.Between(0, 60*24*time.Hour, "cf-born", w.name))
		w.modified = w.created
		for i := range w.schedules {
			w.schedules[i].created, w.schedules[i].modified = w.created, w.created
		}
	}
	st.follow(s)
	// A secret that changed between two deployments a while ago: rolling back
	// beyond it needs force.
	if w := st.worker(Backend); w != nil && len(w.versions) > 6 {
		w.secretChanged = w.versions[len(w.versions)-4].created.Add(-time.Hour)
	}
	return st
}

func newZones(s *world.State) []zone {
	mk := func(id, name, status string, routes ...route) zone {
		return zone{id: id, name: name, status: status, created: s.Born.Add(-400 * 24 * time.Hour), routes: routes}
	}
	id := func(name string) string { return s.Hex(32, "cf-id", name) }
	return []zone{
		mk(Zone, "spike.land", "active",
			route{id("r1"), "spike.land/live/*", Code},
			route{id("r2"), "spike.land/api/transpile*", Transpiler},
			route{id("r3"), "*.spike.land/rt/*", Backend},
			route{id("r4"), "spike.land/static/*", ""}, // a route that keeps Workers away
		),
		mk(id("zone2"), "spike-assets.dev", "active", route{id("r5"), "spike-assets.dev/*", Transpiler}),
		mk(id("zone3"), "oldspike.com", "pending"),
	}
}

func (st *state) worker(name string) *worker {
	i := slices.IndexFunc(st.workers, func(w *worker) bool { return w.name == name })
	if i < 0 {
		return nil
	}
	return st.workers[i]
}

func (st *state) zone(id string) *zone {
	i := slices.IndexFunc(st.zones, func(z zone) bool { return z.id == id })
	if i < 0 {
		return nil
	}
	return &st.zones[i]
}

// follow deploys the Workers for the commits that landed on the default
// branch since the last look, four minutes after each.
func (st *state) follow(s *world.State) {
	const pipeline = 4 * time.Minute
	log := s.Log(s.Repo.DefaultBranch) // newest first
	fresh := log
	if i := slices.IndexFunc(log, func(c *world.Commit) bool { return c.SHA == st.head }); i >= 0 {
		fresh = log[:i]
	}
	for _, c := range slices.Backward(fresh) {
		at := c.At.Add(pipeline)
		if at.After(s.Now()) {
			break
		}
		st.finishGradual(s, at)
		for _, w := range st.workers {
			if w.has(c) {
				continue // the release brought it
			}
			if st.head == "" || s.Pick(1, w.every, "cf-deploys", w.name, c.SHA) == 1 {
				w.deployCommit(s, c, at)
			}
		}
		st.head = c.SHA
	}
	st.followReleases(s)
	st.finishGradual(s, s.Now())
}

// followReleases deploys the app's Worker with what goes live, where the
// workflow of releases does that.
func (st *state) followReleases(s *world.State) {
	live := s.LiveHistory()
	if s.Knobs.WorkerFollows == 0 {
		st.lived = len(live)
		return
	}
	for ; st.lived < len(live); st.lived++ {
		at := live[st.lived].From.Add(s.Knobs.WorkerFollows)
		if at.After(s.Now()) {
			return
		}
		d, w := s.Deployment(live[st.lived].ID), st.worker(Code)
		if live[st.lived].How != world.JobPromote || d == nil || w == nil {
			continue
		}
		if c := s.Commit(d.SHA); c != nil {
			v := w.upload(s, at.Add(-2*time.Second), c.Author, c.SHA[:7], c.Title())
			w.deploy(s, at, c.Author, "Release "+v.tag, []share{{v, 100}})
		}
	}
}

// finishGradual gives the new version all traffic where its time has come,
// unless somebody has deployed something else meanwhile.
func (st *state) finishGradual(s *world.State, now time.Time) {
	for _, w := range st.workers {
		v := w.rising
		if v == nil || w.fullAt.After(now) {
			continue
		}
		w.rising = nil
		if d := w.active(); len(d.shares) == 2 && d.shares[0].version == v {
			full := w.deploy(s, w.fullAt, v.author, "Release "+v.tag, []share{{v, 100}})
			full.triggeredBy = "promotion"
		}
	}
}

// deployCommit is what CI does with a commit: upload a version with the commit
// as its tag and deploy it, one time in three with a tenth of the traffic first.
func (w *worker) has(c *world.Commit) bool {
	return slices.ContainsFunc(w.versions, func(v *version) bool { return v.tag == c.SHA[:7] })
}

func (w *worker) deployCommit(s *world.State, c *world.Commit, at time.Time) {
	last := w.active()
	v := w.upload(s, at.Add(-8*time.Second), c.Author, c.SHA[:7], c.Title())
	if last != nil && s.Pick(1, 3, "cf-gradual", w.name, c.SHA) == 1 {
		w.deploy(s, at, c.Author, "", []share{{v, 10}, {last.shares[0].version, 90}})
		w.rising, w.fullAt = v, at.Add(s.Between(20*time.Minute, 50*time.Minute, "cf-bake", w.name, c.SHA))
		return
	}
	w.deploy(s, at, c.Author, "Release "+v.tag, []share{{v, 100}})
}

func (w *worker) upload(s *world.State, at time.Time, by *world.Person, tag, message string) *version {
	n := len(w.versions) + 1
	v := &version{
		id: uuid(s, "cf-version", w.name, n), number: n, author: by, created: at, source: "wrangler",
		tag: tag, message: message, triggeredBy: "upload",
	}
	w.versions = append(w.versions, v)
	w.modified = at
	return v
}

func (w *worker) deploy(s *world.State, at time.Time, by *world.Person, message string, shares []share) *deployment {
	d := &deployment{
		id: uuid(s, "cf-deployment", w.name, len(w.deployments)+1), created: at, source: "wrangler", author: by,
		shares: shares, message: message, triggeredBy: "upload",
	}
	w.deployments = append(w.deployments, d)
	w.modified = at
	return d
}

func (w *worker) active() *deployment {
	if len(w.deployments) == 0 {
		return nil
	}
	return w.deployments[len(w.deployments)-1]
}

// activeAt is the deployment that served at t, nil before the first.
func (w *worker) activeAt(t time.Time) *deployment {
	for _, d := range slices.Backward(w.deployments) {
		if !d.created.After(t) {
			return d
		}
	}
	return nil
}

func (w *worker) version(id string) *version {
	i := slices.IndexFunc(w.versions, func(v *version) bool { return v.id == id })
	if i < 0 {
		return nil
	}
	return w.versions[i]
}

func uuid(s *world.State, parts ...any) string {
	h := s.Hex(32, parts...)
	return fmt.Sprintf("%s-%s-4%s-8%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:])
}
