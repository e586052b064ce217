package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// DevBranch is what the dev environment's working copy has checked out. Its
// commit was pushed nowhere, so no provider knows it.
const DevBranch = "feat/environment-dashboard"

const historyDays = 45

// newState makes the world as of now. History is not written down but lived:
// the same verbs that the faces use are planned for the past 45 days and done
// in order, so nothing in it can contradict itself.
func newState(seed uint64, now time.Time) *State {
	now = now.UTC()
	s := &State{
		Seed: seed, Epoch: now, Born: now.AddDate(0, 0, -historyDays).Truncate(24 * time.Hour),
		bySHA: map[string]*Commit{}, files: map[string]map[string]string{}, crons: map[string][]Cron{}, weather: map[weatherKey]float64{}, Branches: map[string]*Branch{},
		byID: map[string]*Deployment{}, aliases: map[string]*Alias{}, database: map[string][]AppliedMigration{},
		episodes: map[Env][]episode{}, ids: map[string]uint64{}, emit: func(Event) {},
	}
	s.ids["number"] = 1130
	s.settle()
	s.begin()
	h := &historian{s: s, rng: rand.New(rand.NewPCG(seed, 0x5EED)), used: map[string]bool{}}
	h.plan()
	s.advance(now)
	s.makeDev()
	s.At(now.Truncate(time.Minute).Add(time.Minute), (*State).tick)
	return s
}

// settle fills in who and what there is.
func (s *State) settle() {
	year := s.Born.AddDate(-1, -2, 0)
	s.People = []*Person{
		{GitHubID: 2_470_885, Login: "zerdos", Name: "Zoltan Erdos", Email: "zoltan@spike.land", Username: "zerdos", Role: "OWNER"},
		{GitHubID: 11_208_442, Login: "mira-holt", Name: "Mira Holt", Email: "mira@spike.land", Username: "mira-holt", Role: "MEMBER"},
		{GitHubID: 30_775_190, Login: "tobias-ek", Name: "Tobias Ek", Email: "tobias@spike.land", Username: "tobias-ek", Role: "MEMBER"},
		{GitHubID: 58_113_027, Login: "anjali-rao", Name: "Anjali Rao", Email: "anjali@spike.land", Username: "anjali-rao", Role: "DEVELOPER"},
		{GitHubID: 49_699_333, Login: "dependabot[bot]", Name: "dependabot[bot]", Email: "49699333+dependabot[bot]@users.noreply.github.com"},
		{Name: "Lucia Ferro", Email: "lucia@macbook.local"},
	}
	for _, p := range s.People {
		p.UID = s.Token(24, "user", p.Email)
	}
	s.Team = Team{ID: "team_" + s.Token(24, "team"), Slug: "spike-land", Name: "spike.land", Plan: Pro, CreatedAt: year}
	s.Repo = Repo{ID: 1_086_774_215, OwnerID: s.People[0].GitHubID, Owner: "zerdos", Name: "spike-land-nextjs", DefaultBranch: "main", CreatedAt: year}
	s.workflows = repoWorkflows(year)
	env := CustomEnvironment{
		ID: "env_" + s.Token(28, "env"), Slug: "qa", Description: "Testers' environment",
		Branch: "qa", Domain: "qa.spike.land", CreatedAt: year,
	}
	s.Project = Project{
		ID: "prj_" + s.Token(28, "project"), Name: "spike-land-nextjs", ProductionBranch: "main",
		CreatedAt: year, UpdatedAt: s.Born, CustomEnv: env, CronsEnabled: true, CronsChanged: year,
		WebAnalytics: true, WebAnalyticsSince: year, AutoAssignUpdatedBy: s.People[0].UID,
		Domains: []Domain{
			{Name: ProductionDomain, Production: true, CreatedAt: year},
			{Name: RedirectDomain, Redirect: ProductionDomain, RedirectStatus: 308, Production: true, CreatedAt: year},
			{Name: "spike-land-nextjs.vercel.app", Production: true, CreatedAt: year},
			{Name: env.Domain, CustomEnvID: env.ID, CreatedAt: year},
		},
	}
}

// begin makes the first commits and the first production deployment.
func (s *State) begin() {
	s.now = s.Repo.CreatedAt
	s.PushCommit(Push{Message: "Initial commit", NoBuild: true, Changes: []FileChange{kept("README.md", "# spike.land\n")}})
	s.now = s.Born.Add(-26 * time.Hour)
	changes := []FileChange{
		kept("package.json", packageJSON), kept("vercel.json", VercelJSON(appCrons())),
		kept(".github/workflows/"+CIWorkflow, ciYML), kept(".github/workflows/"+DeployWorkflow, deployYML),
		kept(".github/workflows/"+RollbackWorkflow, rollbackYML),
		kept("prisma/migrations/migration_lock.toml", "provider = \"postgresql\"\n"),
	}
	for i, name := range migrationNames {
		at := s.Repo.CreatedAt.AddDate(0, 0, 30*i+s.Pick(1, 20, "migration", i)).Add(s.Between(0, 9*time.Hour, "migration at", i))
		changes = append(changes, MigrationFile(at, name, migrationSQL(name)))
	}
	c, d := s.PushCommit(Push{Message: "chore: upgrade to Next.js 16", Changes: changes})
	for _, b := range []string{ProductionBranch, StagingBranch, DevDatabase} {
		for i, m := range s.Migrations(c.SHA) {
			at := s.Repo.CreatedAt.AddDate(0, 0, 30*i+22)
			s.database[b] = append(s.database[b], AppliedMigration{Migration: m, At: at})
		}
	}
	s.advance(s.now.Add(time.Hour))
	_, _ = s.Promote(d.ID, s.People[0]) // READY an hour after its push
}

// makeDev gives the working copy its commit: main's head and one more.
func (s *State) makeDev() {
	c := &Commit{
		SHA: s.Hex(40, "dev"), Tree: s.Hex(40, "dev tree"), Message: "wip: environment dashboard",
		Author: s.People[0], At: s.now.Add(-40 * time.Minute).Truncate(time.Second),
		Parents: []string{s.Branches[s.Repo.DefaultBranch].Head},
	}
	s.dev = c
	s.database[DevDatabase] = nil
	for _, m := range s.Migrations(c.Parents[0]) {
		s.database[DevDatabase] = append(s.database[DevDatabase], AppliedMigration{Migration: m, At: s.now.Add(-3 * time.Hour)})
	}
}

// historian plans what people did.
type historian struct {
	s     *State
	rng   *rand.Rand
	used  map[string]bool
	later int // next of laterMigrations
}

func (h *historian) plan() {
	end := h.s.Epoch.Add(-52 * time.Hour)
	for day := range historyDays {
		start := h.s.Born.AddDate(0, 0, day)
		weekend := start.Weekday() == time.Saturday || start.Weekday() == time.Sunday
		squashes, merges, directs := 2+h.rng.IntN(3), h.rng.IntN(2), 2+h.rng.IntN(5)
		if weekend {
			squashes, merges, directs = h.rng.IntN(2), 0, h.rng.IntN(3)
		}
		for range squashes {
			h.pull(h.during(start), end, Squash)
		}
		for range merges {
			h.pull(h.during(start), end, Merge)
		}
		for range directs {
			h.direct(h.during(start), end)
		}
		if promote := start.Add(15*time.Hour + h.minutes(90)); !weekend && promote.Before(end) && day != badDay {
			h.s.At(promote, func(s *State) { h.promote(s) })
		}
	}
	h.accident(h.s.Born.AddDate(0, 0, badDay).Add(11 * time.Hour))
	h.lately()
	h.open()
}

// badDay is the day of history on which production had to be rolled back.
const badDay = 31

func (h *historian) minutes(n int) time.Duration {
	return time.Duration(h.rng.IntN(n*60_000)) * time.Millisecond
}

// during is a time in the working hours of a day.
func (h *historian) during(day time.Time) time.Time {
	return day.Add(7*time.Hour + time.Duration(h.rng.IntN(12))*time.Hour + h.minutes(60))
}

func (h *historian) author() *Person {
	weights := []int{0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 5}
	return h.s.People[weights[h.rng.IntN(len(weights))]]
}

// title is a commit title not used before.
func (h *historian) title(author *Person) string {
	if author.Login == "dependabot[bot]" {
		for {
			pkg := []string{"next", "@sentry/nextjs", "vitest", "prisma", "zod", "sharp", "stripe", "tailwindcss", "ai"}[h.rng.IntN(9)]
			from := h.rng.IntN(30)
			if t := fmt.Sprintf("chore(deps): bump %s from %d.%d.%d to %d.%d.%d", pkg, 4+len(pkg)%9, from, 1, 4+len(pkg)%9, from+1, 0); !h.used[t] {
				h.used[t] = true
				return t
			}
		}
	}
	for {
		scope := scopes[h.rng.IntN(len(scopes))]
		kind, forms := "feat", features
		switch h.rng.IntN(5) {
		case 0, 1:
			kind, forms = "fix", fixes
		case 2:
			kind, forms = []string{"refactor", "perf", "test"}[h.rng.IntN(3)], chores
		}
		text := fmt.Sprintf(forms[h.rng.IntN(len(forms))], things[h.rng.IntN(len(things))], places[h.rng.IntN(len(places))])
		if t := fmt.Sprintf("%s(%s): %s", kind, scope, strings.ReplaceAll(text, "the the", "the")); !h.used[t] {
			h.used[t] = true
			return t
		}
	}
}

// changes invents what a commit touched.
func (h *historian) changes(title string) []FileChange {
	scope := "app"
	if _, rest, ok := strings.Cut(title, "("); ok {
		scope, _, _ = strings.Cut(rest, ")")
	}
	var out []FileChange
	for _, i := range h.rng.Perm(6)[:1+h.rng.IntN(3)] {
		name := []string{"page.tsx", "actions.ts", "panel.tsx", "route.ts", "schema.ts", "panel.test.tsx"}[i]
		out = append(out, FileChange{
			Path: "src/app/" + scope + "/" + name, Status: "modified",
			Additions: 1 + h.rng.IntN(60), Deletions: h.rng.IntN(30),
		})
	}
	return out
}

// pull plans a pull request that is merged at a time: opened hours before,
// with one to three commits.
func (h *historian) pull(merged, end time.Time, how MergeMethod) {
	if !merged.Before(end) {
		return
	}
	author := h.author()
	title := h.title(author)
	opened := merged.Add(-h.minutes(26*60) - 20*time.Minute)
	if opened.Before(h.s.Born) {
		opened = h.s.Born.Add(h.minutes(30))
	}
	changes, more := h.changes(title), h.rng.IntN(2)
	if how == Merge {
		more = 1 + h.rng.IntN(2)
	}
	extra := make([][]FileChange, more)
	for i := range extra {
		extra[i] = h.changes(title)
	}
	if h.later < len(laterMigrations)-1 && strings.Contains(title, "(db)") {
		name := laterMigrations[h.later]
		h.later++
		changes = append(changes, MigrationFile(opened, name, migrationSQL(name)))
	}
	by := h.s.People[h.rng.IntN(4)]
	fails := h.rng.IntN(22) == 0
	var number int
	h.s.At(opened, func(s *State) {
		if fails {
			s.Knobs.Build = BuildKnob{Fail: true, Once: true}
		}
		pr, err := s.OpenPR(h.branch(title), title, author, changes...)
		if err == nil {
			number = pr.Number
		}
	})
	for i, c := range extra {
		at := opened.Add(merged.Sub(opened) * time.Duration(i+1) / time.Duration(more+1))
		h.s.At(at, func(s *State) { _, _ = s.PushToPR(number, reviewTitle(i), c...) })
	}
	h.s.At(merged, func(s *State) { _, _, _ = s.MergePR(number, how, by) })
}

func reviewTitle(i int) string {
	return []string{"address review", "add a test for the empty case", "rename and tidy"}[i%3]
}

func (h *historian) branch(title string) string {
	kind, rest, _ := strings.Cut(title, ":")
	kind, _, _ = strings.Cut(kind, "(")
	words := slugWords(rest)
	if len(words) > 5 {
		words = words[:5]
	}
	return fmt.Sprintf("%s/%s-%s", kind, strings.Join(words, "-"), h.s.lower(4, "branch", title))
}

func (h *historian) direct(at, end time.Time) {
	if !at.Before(end) {
		return
	}
	title := directTitles[h.rng.IntN(len(directTitles))]
	author := []*Person{h.s.People[0], h.s.People[0], h.s.People[1], h.s.People[5]}[h.rng.IntN(4)]
	changes := h.changes(title)
	cancel := h.rng.IntN(25) == 0
	h.s.At(at, func(s *State) {
		_, d := s.PushCommit(Push{Message: title, Author: author, Changes: changes})
		if cancel && d != nil {
			s.After(20*time.Second, func(s *State) { _, _ = s.CancelBuild(d.ID) })
		}
	})
}

func (h *historian) promote(s *State) {
	if d := s.NewestStaged(); d != nil {
		_, _ = s.Promote(d.ID, s.People[s.Pick(0, 2, "promoter", d.ID)]) // already live: nothing to do that day
	}
}

// accident is the day on which a promoted build was bad: errors for twenty
// minutes, a rollback, a revert.
func (h *historian) accident(at time.Time) {
	s := h.s
	title := "feat(credits): charge image variants per megapixel"
	by := s.People[1]
	var number int
	s.At(at, func(s *State) {
		if pr, err := s.OpenPR("feat/charge-per-megapixel", title, by, h.changes(title)...); err == nil {
			number = pr.Number
		}
	})
	var bad *Deployment
	s.At(at.Add(90*time.Minute), func(s *State) {
		_, bad, _ = s.MergePR(number, Squash, by)
		bad.Ills = []Ill{{Kind: IllErrors, After: 90 * time.Second, Factor: 60}}
	})
	s.At(at.Add(100*time.Minute), func(s *State) { _, _ = s.Promote(bad.ID, by) })
	s.At(at.Add(121*time.Minute), func(s *State) {
		_ = s.Rollback(s.previousLive().ID, "credits charged twice, see the error spike", s.People[0])
	})
	s.At(at.Add(150*time.Minute), func(s *State) {
		s.PushCommit(Push{
			Message: fmt.Sprintf("Revert \"%s (#%d)\"\n\nThis reverts commit %s.", title, number, bad.SHA),
			Author:  s.People[0], Changes: s.bySHA[bad.SHA].Changes,
		})
	})
}

// lately is the last two days: production's commit, and the seven commits in
// three pull requests by which staging is ahead of it.
func (h *historian) lately() {
	s := h.s
	ago := func(d time.Duration, do func(*State)) { s.At(s.Epoch.Add(-d), do) }
	numbers := make([]int, 3)
	open := func(i int, before time.Duration, branch, title string, author *Person, changes ...FileChange) {
		ago(before, func(s *State) {
			if pr, err := s.OpenPR(branch, title, author, changes...); err == nil {
				numbers[i] = pr.Number
			}
		})
	}
	merge := func(i int, before time.Duration, how MergeMethod) {
		ago(before, func(s *State) { _, _, _ = s.MergePR(numbers[i], how, s.People[0]) })
	}
	ago(50*time.Hour, func(s *State) {
		s.PushCommit(Push{Message: "fix(feed): keep the newest post on top after a refresh", Author: s.People[1], Changes: h.changes("fix(feed)")})
	})
	ago(48*time.Hour, h.promote)

	open(0, 47*time.Hour, "feat/pulse-usage-bars", "feat(pulse): draw usage as bars", s.People[2], h.changes("feat(pulse)")...)
	merge(0, 44*time.Hour, Squash)
	ago(30*time.Hour, func(s *State) {
		s.Knobs.Build = BuildKnob{Fail: true, Once: true}
		s.PushCommit(Push{Message: "chore: bump dependencies", Author: s.People[5], Changes: h.changes("chore")})
	})
	name := laterMigrations[len(laterMigrations)-1]
	open(1, 38*time.Hour, "feat/error-fingerprints", "feat(tracking): group errors by fingerprint", s.People[3],
		append(h.changes("feat(tracking)"), MigrationFile(s.Epoch.Add(-39*time.Hour), name, migrationSQL(name)))...)
	merge(1, 26*time.Hour, Squash)
	ago(21*time.Hour, func(s *State) {
		s.PushCommit(Push{Message: "fix: pin sharp, the build needs it", Author: s.People[5], Changes: h.changes("fix")})
	})
	open(2, 19*time.Hour, "feat/agent-alerts", "feat(agents): alert when an agent stalls", s.People[1], h.changes("feat(agents)")...)
	ago(9*time.Hour, func(s *State) { _, _ = s.PushToPR(numbers[2], "address review", h.changes("feat(agents)")...) })
	merge(2, 5*time.Hour, Merge)
}

// open is what is under way now: open pull requests, and builds of every kind.
func (h *historian) open() {
	s := h.s
	ago := func(d time.Duration, do func(*State)) { s.At(s.Epoch.Add(-d), do) }
	for _, o := range []struct {
		ago           time.Duration
		branch, title string
		author        *Person
		draft, fails  bool
	}{
		{9 * 24 * time.Hour, "feat/voice-tracks", "feat(audio): record voice tracks in the editor", s.People[3], true, false},
		{76 * time.Hour, "perf/gallery-images", "perf(ui): load gallery images when seen", s.People[2], false, false},
		{28 * time.Hour, "chore/deps-zod", "chore(deps): bump zod from 4.1.8 to 4.1.12", s.People[4], false, true},
		{7 * time.Hour, "fix/sign-in-loop", "fix(auth): leave the sign-in loop on Safari", s.People[1], false, false},
		{40 * time.Second, "feat/credit-gifts", "feat(credits): give credits as a gift", s.People[0], false, false},
		{300 * time.Millisecond, "fix/feed-empty", "fix(feed): say so when the feed is empty", s.People[5], false, false},
	} {
		changes := h.changes(o.title)
		ago(o.ago, func(s *State) {
			if o.fails {
				s.Knobs.Build = BuildKnob{Fail: true, Once: true}
			}
			if o.ago < time.Hour {
				s.Knobs.Build = BuildKnob{Duration: 95 * time.Second, Once: true}
			}
			if pr, err := s.OpenPR(o.branch, o.title, o.author, changes...); err == nil {
				pr.Draft = o.draft
			}
		})
	}
	ago(23*time.Hour, func(s *State) {
		_, _ = s.CreateDeployment(BuildRequest{SHA: s.Resolve("main").SHA, Branch: "main", EnvID: s.Project.CustomEnv.ID, Creator: s.People[3]})
	})
	ago(20*time.Hour, func(s *State) {
		_, _ = s.CreateDeployment(BuildRequest{SHA: s.Resolve("main").SHA, Branch: "main", Source: FromCLI, Dirty: true, Creator: s.People[2]})
	})
	ago(6*time.Hour, func(s *State) {
		d, err := s.CreateDeployment(BuildRequest{SHA: s.Resolve("feat/agent-alerts").SHA, Branch: "feat/agent-alerts", Source: FromRedeploy, Creator: s.People[1]})
		if err == nil {
			s.After(15*time.Second, func(s *State) { _, _ = s.CancelBuild(d.ID) })
		}
	})
}
