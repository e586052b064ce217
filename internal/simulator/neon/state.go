package neon

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/world"
)

// state is what Neon keeps about the project.
type state struct {
	created    time.Time
	branches   []*branch // oldest first, deleted ones too
	operations []*operation
	snapshots  []*snapshot
	serial     int
}

// branch is one copy-on-write copy of the database.
type branch struct {
	id, name  string
	parent    *branch
	parentAt  time.Time // the point in the parent's history, zero for its head
	created   time.Time
	updated   time.Time
	changed   time.Time // state_changed_at
	archived  bool
	isDefault bool
	protected bool
	source    string // creation_source
	init      string // init_source
	schedule  []scheduleItem
	size      int64 // logical bytes, 0 for not yet measured
	expires   time.Time
	lastReset time.Time
	deleted   time.Time
	note      map[string]string // annotation value
	noted     time.Time

	restoreStatus, restoredFrom, restoredAs string

	endpoints []*endpoint
	// key is the world's name for the branch's migrations.
	key string
}

type endpoint struct {
	id, kind   string
	created    time.Time
	min, max   float64
	suspend    int64
	lastActive time.Time
	busy       bool // serves an environment: never idle
}

type snapshot struct {
	id, name string
	source   *branch
	created  time.Time
	expires  time.Time
	at       time.Time // the point in time asked for, zero for the head
	lsn      string
	size     int64
	rows     []world.AppliedMigration
}

// operation is work that goes on after its call was answered. Its status is a
// matter of the time it is looked at.
type operation struct {
	id, action string
	branch     *branch
	endpoint   *endpoint
	created    time.Time
	starts     time.Time
	ends       time.Time
}

const (
	historyRetention = 7 * 24 * time.Hour
	recoverable      = 7 * 24 * time.Hour
	branchesLimit    = 500
	snapshotsLimit   = 10
)

func newState(s *world.State) *state {
	st := &state{created: s.Born.Add(-200 * 24 * time.Hour)}
	main := st.seed(s, "main", nil, st.created, 31_420_416_000)
	main.isDefault, main.protected, main.key = true, true, world.ProductionBranch
	next := st.seed(s, "next", main, s.Born.Add(-90*24*time.Hour), 29_884_416_000)
	next.key = world.StagingBranch
	for _, b := range []*branch{main, next} {
		b.endpoints[0].busy = true
	}
	for i, who := range s.People[:min(2, len(s.People))] {
		b := st.seed(s, "dev/"+strings.ToLower(strings.Fields(who.Name)[0]), main, s.Born.Add(time.Duration(i+3)*24*time.Hour), 1_204_224_000)
		if i == 0 {
			b.key = world.DevDatabase
			b.endpoints[0].busy = true
		}
	}
	for i, name := range []string{
		"avatars", "bump-next-16", "cron-retries", "credits-v2", "dark-mode", "emoji-picker", "fix-login-loop", "i18n-hu",
		"leaderboard", "prisma-7", "rate-limits", "webhooks",
	} {
		age := time.Duration(6+i*5) * 24 * time.Hour
		b := st.seed(s, "preview/"+name, main, s.Epoch.Add(-age), int64(9_000_000_000+i*311_000_000))
		b.source = "vercel"
	}
	old := st.seed(s, "archive/2025-black-friday", main, st.created.Add(20*24*time.Hour), 18_220_000_000)
	old.archived, old.endpoints = true, nil
	slices.SortFunc(st.branches, func(a, b *branch) int { return a.created.Compare(b.created) })
	return st
}

func (st *state) seed(s *world.State, name string, parent *branch, at time.Time, size int64) *branch {
	b := st.newBranch(s, name, parent, at)
	b.size, b.changed, b.updated = size, at.Add(2*time.Second), at.Add(2*time.Second)
	st.addEndpoint(s, b, "read_write", at)
	if b.key == b.id {
		s.SetApplied(b.key, before(s.Applied(world.ProductionBranch), at))
	}
	return b
}

func (st *state) newBranch(s *world.State, name string, parent *branch, at time.Time) *branch {
	st.serial++
	id := fmt.Sprintf("br-%s-%s", words(s, "branch", st.serial), s.Hex(8, "neon-branch", st.serial))
	if name == "" {
		name = id
	}
	b := &branch{
		id: id, name: name, parent: parent, created: at, updated: at, changed: at, source: "console",
		init: "parent-data", key: id,
	}
	st.branches = append(st.branches, b)
	return b
}

func (st *state) addEndpoint(s *world.State, b *branch, kind string, at time.Time) *endpoint {
	st.serial++
	e := &endpoint{
		id: fmt.Sprintf("ep-%s-%s", words(s, "endpoint", st.serial), s.Hex(8, "neon-endpoint", st.serial)), kind: kind,
		created: at, min: 0.25, max: 2, suspend: 0, lastActive: at,
	}
	b.endpoints = append(b.endpoints, e)
	return e
}

// words are the two that Neon's ids begin with.
func words(s *world.State, parts ...any) string {
	adjectives := []string{"aged", "bitter", "calm", "dawn", "icy", "long", "noisy", "proud", "quiet", "shiny", "twilight", "weathered"}
	nouns := []string{"band", "cell", "dream", "field", "haze", "leaf", "math", "paper", "rain", "salad", "sun", "wave"}
	return adjectives[s.Pick(0, len(adjectives)-1, "adjective", parts)] + "-" + nouns[s.Pick(0, len(nouns)-1, "noun", parts)]
}

// branch finds a branch by id, deleted ones too.
func (st *state) branch(id string) *branch {
	i := slices.IndexFunc(st.branches, func(b *branch) bool { return b.id == id })
	if i < 0 {
		return nil
	}
	return st.branches[i]
}

// named finds a branch that is not deleted by its name.
func (st *state) named(name string) *branch {
	i := slices.IndexFunc(st.branches, func(b *branch) bool { return b.name == name && b.deleted.IsZero() })
	if i < 0 {
		return nil
	}
	return st.branches[i]
}

func (st *state) alive() []*branch {
	var list []*branch
	for _, b := range st.branches {
		if b.deleted.IsZero() {
			list = append(list, b)
		}
	}
	return list
}

func (st *state) children(b *branch) []*branch {
	var list []*branch
	for _, c := range st.alive() {
		if c.parent == b {
			list = append(list, c)
		}
	}
	return list
}

// settle does what time brings: branches that expire, recoveries that lapse.
func (st *state) settle(s *world.State) {
	for _, b := range st.branches {
		if b.deleted.IsZero() && !b.expires.IsZero() && !b.expires.After(s.Now()) {
			b.deleted = b.expires
		}
	}
	st.branches = slices.DeleteFunc(st.branches, func(b *branch) bool {
		return !b.deleted.IsZero() && s.Now().Sub(b.deleted) > recoverable
	})
}

// locked says whether work is under way: a project does one thing at a time.
func (st *state) locked(now time.Time) bool {
	return slices.ContainsFunc(st.operations, func(o *operation) bool { return o.ends.After(now) })
}

// schedule adds operations that run one after the other.
func (st *state) schedule(s *world.State, b *branch, actions ...string) []*operation {
	var list []*operation
	start := s.Now()
	for _, action := range actions {
		st.serial++
		o := &operation{id: uuid(s, "neon-operation", st.serial), action: action, branch: b, created: s.Now()}
		if strings.HasSuffix(action, "_compute") && len(b.endpoints) > 0 {
			o.endpoint = b.endpoints[len(b.endpoints)-1]
		}
		o.starts = start.Add(s.Between(200*time.Millisecond, 700*time.Millisecond, "neon-start", st.serial))
		o.ends = o.starts.Add(s.Between(700*time.Millisecond, 2600*time.Millisecond, "neon-run", st.serial, action))
		start = o.ends
		st.operations = append(st.operations, o)
		list = append(list, o)
	}
	if len(list) > 0 {
		b.changed = start
	}
	return list
}

func (o *operation) status(now time.Time) string {
	switch {
	case now.Before(o.starts):
		return "scheduling"
	case now.Before(o.ends):
		return "running"
	}
	return "finished"
}

// ready says whether a branch has done what it was made for.
func (st *state) ready(b *branch, now time.Time) bool {
	return !slices.ContainsFunc(st.operations, func(o *operation) bool { return o.branch == b && o.ends.After(now) })
}

// before are the migrations that were applied up to a time.
func before(rows []world.AppliedMigration, at time.Time) []world.AppliedMigration {
	var list []world.AppliedMigration
	for _, row := range rows {
		if !row.At.After(at) {
			list = append(list, row)
		}
	}
	return list
}

func uuid(s *world.State, parts ...any) string {
	h := s.Hex(32, parts...)
	return fmt.Sprintf("%s-%s-4%s-8%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:])
}
