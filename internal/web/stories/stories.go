// Package stories holds canned facts for every state a page can be in: the
// ordinary day, the empty start, the broken source, the hostile commit message.
//
// Tests draw each of them and look at the result; nothing else may import it.
package stories

import (
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
)

// Now is when every story happens.
func Now() time.Time { return time.Date(2026, 11, 22, 14, 30, 0, 0, time.UTC) }

// Story is one state of the world.
type Story struct {
	Name        string
	Status      status.Status
	Deployments status.Deployments
	Ages        []panel.Age
	Activity    access.Page
	Operations  []release.Operation // newest first
	Sheet       release.Sheet
	Targets     []release.Candidate
	Versions    []release.WorkerCandidate // that a Worker could go back to
	Crons       cronStory
	Database    database.Status
	Guards      release.Guards
	Approvals   []release.Approval
	Fleet       Fleet
	Changes     []database.Change
	Incidents   []alert.Incident // newest first
	Err         error            // when the board itself cannot answer
}

// All lists every story.
func All() []Story {
	return []Story{
		Normal(), Empty(), FirstValues(), PartialError(), Stale(), Down(), Hostile(), Six(), DevOffline(), RolledBack(), Split(), Two(), Same(), Releasing(), Guarded(), Troubled(),
	}
}

// Normal is an ordinary day: all three run, seven commits wait.
func Normal() Story {
	return Story{
		Name: "normal",
		Status: status.Status{
			Project: "spike.land", Order: []string{"dev", "next", "prod"}, LastUpdated: before(12 * time.Second),
			Environments: map[string]*status.Info{"dev": dev(), "next": next(), "prod": prod()},
			Sources:      sources(),
		},
		Deployments: history(),
		Ages: []panel.Age{
			{Source: "vercel", Age: 12 * time.Second},
			{Source: "github", Age: 31 * time.Second},
			{Source: "sentry", Age: 140 * time.Second},
			{Source: "health", Age: 8 * time.Second},
		},
		Activity: record(), Operations: operations()[2:], Sheet: sheet(), Targets: targets(), Versions: versions(), Crons: crons(), Fleet: fleet(), Database: branches(), Changes: changes(),
		Guards: release.Guards{Environment: "prod"},
	}
}

// Empty is a project that nothing was ever deployed of.
func Empty() Story {
	s := FirstValues()
	s.Name = "empty"
	for i := range s.Status.Sources {
		s.Status.Sources[i].FetchedAt = at(20 * time.Second)
	}
	s.Deployments.Sources = s.Status.Sources
	for _, name := range []string{"next", "prod"} {
		unknown := s.Status.Environments[name].Unknown
		for field := range unknown {
			unknown[field] = "Nothing was deployed here yet."
		}
	}
	s.Ages = Normal().Ages
	return s
}

// FirstValues is the moment after the start: no source has answered yet.
func FirstValues() Story {
	reasons := func() map[string]string {
		m := map[string]string{}
		for _, field := range []string{"commit", "commitMessage", "deployedAt", "health", "uptime", "errorCount24h", "errorHours", "activeUsers", "prsIncluded", "commitsAhead", "lifecycle"} {
			m[field] = "No source has answered yet."
		}
		return m
	}
	blank := func(name, kind, url string) *status.Info {
		return &status.Info{Name: name, Kind: kind, URL: url, Lifecycle: status.LifecycleUnknown, Health: health.Unknown, Drift: status.DriftUnknown, ErrorSource: "sentry", Unknown: reasons()}
	}
	return Story{
		Name: "first values",
		Status: status.Status{
			Project: "spike.land", Order: []string{"dev", "next", "prod"}, LastUpdated: Now(),
			Environments: map[string]*status.Info{
				"dev": nil, "next": blank("next", "staging", "https://next.spike.land"), "prod": blank("prod", "production", "https://spike.land"),
			},
			Sources: []status.Source{{Name: "vercel"}, {Name: "github"}, {Name: "sentry"}, {Name: "health"}},
		},
		Deployments: status.Deployments{Project: "spike.land", Sources: []status.Source{{Name: "vercel"}}},
		Ages:        []panel.Age{{Source: "vercel", Never: true}, {Source: "github", Never: true}, {Source: "sentry", Never: true}, {Source: "health", Never: true}},
	}
}

// PartialError is a day on which Sentry refuses the token and GitHub is
// limited: what they know is unknown or old, everything else is as usual.
func PartialError() Story {
	s := Normal()
	s.Name = "partial error"
	s.Status.Sources[1].Error = &status.Problem{Kind: "rate_limited", Message: "GitHub allows no more calls until 14:52 UTC."}
	s.Status.Sources[1].Stale = true
	s.Status.Sources[2] = status.Source{Name: "sentry", Error: &status.Problem{Kind: "rejected", Message: "Sentry refused the token. Make a new one with the scope event:read and set SENTRY_AUTH_TOKEN."}}
	for _, name := range []string{"next", "prod"} {
		e := s.Status.Environments[name]
		e.ErrorCount24h, e.ErrorHours = nil, nil
		e.Unknown = map[string]string{"errorCount24h": "Sentry refused the token.", "errorHours": "Sentry refused the token."}
	}
	e := s.Status.Environments["next"]
	e.Health, e.HealthReason = health.Degraded, new("database answers in 2.1 s, more than the 1 s allowed")
	e.HealthParts[0].Verdict, e.HealthParts[0].Detail = health.Degraded, "2.1 s"
	s.Ages[1] = panel.Age{Source: "github", Age: 22 * time.Minute, Stale: true}
	s.Ages[2] = panel.Age{Source: "sentry", Never: true}
	return s
}

// Stale is a platform that stopped answering an hour ago.
func Stale() Story {
	s := Normal()
	s.Name = "stale"
	for i := range s.Ages {
		s.Ages[i].Age += time.Hour
		s.Ages[i].Stale = true
		s.Status.Sources[i].Stale = true
		s.Status.Sources[i].Error = &status.Problem{Kind: "timeout", Message: string(panel.Label(s.Ages[i].Source)) + " did not answer within 5 s."}
	}
	for _, e := range s.Status.Environments {
		e.Health, e.Unknown = health.Unknown, map[string]string{"health": "The last check is 1 hour old."}
		e.Drift = status.DriftUnknown
	}
	s.Status.Environments["prod"].Uptime = uptime(0.9993, "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhxhhhhhhhhhddhhhhh--")
	s.Deployments.Sources = s.Status.Sources[:1]
	return s
}

// Down is the worst day: the sites are down and no provider answers.
func Down() Story {
	s := FirstValues()
	s.Name = "everything down"
	for i := range s.Status.Sources[:3] {
		name := s.Status.Sources[i].Name
		s.Status.Sources[i].Error = &status.Problem{Kind: "unavailable", Message: string(panel.Label(name)) + " could not be reached: connection refused."}
	}
	s.Status.Sources[3].FetchedAt = at(4 * time.Second)
	s.Deployments.Sources = s.Status.Sources[:1]
	for _, name := range []string{"next", "prod"} {
		e := s.Status.Environments[name]
		e.Health, e.HealthReason, e.HealthCheckedAt = health.Down, new("nothing listens at spike.land:443 (connection refused)"), at(4*time.Second)
		e.Uptime = uptime(0, strings.Repeat("-", 40)+"uuuuuuux")
	}
	s.Ages[3] = panel.Age{Source: "health", Age: 4 * time.Second}
	return s
}

// Hostile has the worst text in every field that comes from outside.
func Hostile() Story {
	s := Normal()
	s.Name = "hostile"
	bad := "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> \u202egnp.exe\u2066 \x1b[31m\x00 " + strings.Repeat("W", 400)
	for _, e := range s.Status.Environments {
		e.CommitMessage, e.Branch, e.DeployedBy = &bad, &bad, &bad
		e.CommitURL, e.DeploymentURL, e.InspectorURL = new("javascript:alert(3)"), new("data:text/html,<script>alert(4)</script>"), new("https://user:pw@evil.example/")
		e.HealthReason, e.URL = &bad, "javascript:alert(5)"
		e.Notes = []status.Note{{Code: "split", Text: bad}}
		e.PullRequests = []status.PullRequest{{Number: 1, Title: bad, URL: "vbscript:x", Author: bad}}
		e.HealthParts = []health.Part{{Name: bad, Verdict: health.Verdict(bad), Detail: bad}}
		e.Unknown = map[string]string{"activeUsers": bad, "errorCount24h": bad, "errorHours": bad}
		e.ActiveUsers, e.ErrorCount24h, e.ErrorHours, e.ErrorSource = nil, nil, nil, bad
	}
	s.Status.Sources[0].Error = &status.Problem{Message: bad}
	for i := range s.Operations {
		o := &s.Operations[i]
		o.Message, o.Reason, o.By.Name, o.Stayed, o.Phase, o.Action = bad, bad, bad, []string{bad}, release.Phase(bad), release.Action(bad)
		o.NewIssues = &release.NewIssues{Source: bad, CheckedAt: at(time.Second), Problem: bad, Total: 1, Issues: []release.Issue{{ID: bad, ShortID: bad, Title: bad, Culprit: bad, Level: bad, URL: "javascript:alert(12)"}}}
		o.Reports = []release.DeployReport{{To: bad, Version: bad, Environment: bad, Name: bad, URL: "javascript:alert(13)", State: release.ReportState(bad), Message: bad}}
		o.From = &release.Build{ID: bad, URL: "javascript:alert(8)", Commit: bad, Message: bad}
		o.Steps = []release.Step{{Name: bad, Phase: release.Phase(bad), Intent: bad, Observation: bad, Verdict: release.Verdict(bad), Evidence: []release.Evidence{{Label: bad, Value: bad, URL: "javascript:alert(9)"}}}}
		o.Glass, o.Approval, o.Sheet = &release.Glass{Passed: []release.Passed{{Cause: release.Cause(bad), Text: bad}}}, &release.Approved{ID: bad, By: release.Who{Name: bad}, Solo: true}, bad
		o.Bake = &release.Watch{Dots: bad, Health: bad, ErrorsText: bad, ErrorsSay: release.Verdict(bad)}
	}
	s.Sheet = release.Sheet{
		From: release.SheetEnd{DeploymentID: bad, URL: "javascript:alert(10)", Commit: bad, Message: bad}, To: release.SheetEnd{Commit: bad, Message: bad},
		Relation: bad, Commits: []release.SheetCommit{{SHA: bad, Message: bad, Author: bad, URL: "data:text/html,x"}}, Dropped: []release.SheetCommit{{SHA: bad, Message: bad}},
		PullRequests: []release.SheetPull{{Number: 1, Title: bad, URL: "javascript:alert(11)", Author: bad}}, Migrations: []string{bad}, Unknown: map[string]string{bad: bad},
		Crons: release.SheetCrons{Added: []release.SheetCron{{Path: bad, Schedule: bad}}, Removed: []release.SheetCron{{Path: bad, Schedule: bad}}, Changed: []release.SheetCronChange{{Path: bad, From: bad, To: bad + "2"}}}, Authors: []string{bad},
	}
	who := release.Who{ID: bad, Name: bad}
	request := release.Approval{
		ID: "apr_open", State: release.ApprovalOpen, Reason: bad, Summary: bad, By: who, Environment: bad, To: &release.Build{ID: bad, Commit: bad, Message: bad},
		Decision: &release.Decision{By: who, Reason: bad, Solo: true}, Operation: bad,
	}
	other := request
	other.ID, other.State = bad, release.ApprovalState(bad)
	s.Approvals = []release.Approval{request, other}
	s.Guards = release.Guards{
		Environment: bad, Holds: []release.Hold{{ID: bad, Reason: bad, By: who}}, Frozen: &release.Window{Reason: bad}, Freezing: &release.Window{Reason: bad},
		Approval: &release.ApprovalRules{}, Waiting: []release.Approval{request}, Pin: &release.Pin{Operation: bad, From: &release.Build{Commit: bad}, To: &release.Build{ID: bad}, By: who, Reason: bad},
	}
	s.Targets = []release.Candidate{{Build: release.Build{ID: bad, Commit: bad, Message: bad, Author: bad}, Why: bad, Workers: []string{bad}}}
	s.Versions = []release.WorkerCandidate{{Version: release.Build{ID: bad, Tag: bad, Message: bad, Author: bad}, Why: bad}, {Version: release.Build{ID: bad}, Possible: true, Default: true, Why: bad}}
	s.Crons.deface(bad)
	s.Incidents = defaceIncidents(bad)
	for i := range s.Activity.Entries {
		e := &s.Activity.Entries[i]
		e.ActorName, e.Action, e.Object, e.Environment, e.Reason, e.Result, e.ActorKind = bad, bad, bad, bad, bad, access.Result(bad), access.Kind(bad)
	}
	for i := range s.Deployments.Deployments {
		d := &s.Deployments.Deployments[i]
		d.ID += `"><script>`
		d.CommitMessage, d.Branch, d.Author, d.Creator, d.Stage, d.Problem, d.State = bad, bad, bad, bad, bad, bad, bad
		d.URL, d.InspectorURL, d.CommitURL, d.Target = "javascript:alert(6)", "//evil.example", "javascript:alert(7)", &bad
		d.Environments = []string{bad}
	}
	return s
}

// Six is a project with as many environments as a page is made for.
func Six() Story {
	s := Normal()
	s.Name = "six environments"
	s.Status.Order = []string{"dev", "qa", "demo", "canary", "next", "prod"}
	for _, name := range []string{"qa", "demo", "canary"} {
		e := next()
		e.Name, e.URL, e.Branch = name, "https://"+name+".spike.land", new("release/"+name)
		s.Status.Environments[name] = e
	}
	return s
}

// Two is a project with nothing but staging and production.
func Two() Story {
	s := Normal()
	s.Name = "two environments"
	s.Status.Order = []string{"next", "prod"}
	delete(s.Status.Environments, "dev")
	return s
}

// Same is the moment after a release: nothing waits.
func Same() Story {
	s := Normal()
	s.Name = "nothing waits"
	n := s.Status.Environments["next"]
	n.CommitsAhead, n.CommitsBehind, n.PRsIncluded, n.PullRequests = new(0), new(0), &[]string{}, nil
	return s
}

// DevOffline is a machine that nobody works on.
func DevOffline() Story {
	s := Normal()
	s.Name = "dev offline"
	s.Status.Environments["dev"] = nil
	return s
}

// RolledBack is production after a rollback, with its pin, answering with
// another commit than the one deployed.
func RolledBack() Story {
	s := Normal()
	s.Name = "rolled back"
	p := s.Status.Environments["prod"]
	p.Notes = []status.Note{{Code: "rolled_back", Text: "Rolled back 40 min ago. New pushes do not go live until automatic deployments are resumed."}}
	s.Operations = operations()[1:]
	s.Guards.Pin = &release.Pin{
		Operation: "op_back", From: &release.Build{Commit: "e02a9b1c0ffee0b7e19f2c0ffee0b7e19f2c0ffe"}, To: &release.Build{Commit: "9d41c07c0ffee0b7e19f2c0ffee0b7e19f2c0ffe"},
		By: release.Who{Name: "zoltan"}, Automatic: true, Reason: "3 of the last 5 probes were bad: the database does not answer", At: before(40 * time.Minute),
	}
	p.Drift, p.ServedCommit = status.DriftServed, new("5f1c0de")
	s.Crons.Board.Sources[0].Build = &cron.SourceBuild{
		DeploymentID: "dpl_e02a9b1", LiveDeploymentID: "dpl_9d41c07", Enabled: true,
		Message: "The platform runs the schedules of e02a9b1 (dpl_e02a9b1), and production serves 9d41c07 (dpl_9d41c07). By the live deployment's own schedules 3 jobs would be otherwise.",
		Changes: []cron.ScheduleChange{
			{Path: "/api/cron/gallery-index", From: "*/15 * * * *", FromHuman: "Every 15 minutes"},
			{Path: "/api/cron/old-gallery", To: "0 3 * * *", ToHuman: "At 03:00 every day"},
			{Path: "/api/cron/pulse-metrics", From: "*/15 * * * *", FromHuman: "Every 15 minutes", To: "*/30 * * * *", ToHuman: "Every 30 minutes"},
		},
	}
	return s
}

// Split is a switch that moved one domain and not the other.
func Split() Story {
	s := Normal()
	s.Name = "split"
	p := s.Status.Environments["prod"]
	p.Lifecycle = status.LifecycleDeploying
	p.Notes = []status.Note{
		{Code: "split", Text: "spike.land shows 9d41c07, www.spike.land still shows 5f1c0de."},
		{Code: "rolling", Text: "A gradual release is at 25 %."},
	}
	return s
}

func dev() *status.Info {
	e := base("dev", "local", "http://localhost:3000")
	e.Lifecycle = status.LifecycleRunning
	e.Commit, e.CommitSHA, e.Branch = new("b7e19f2"), new("b7e19f2c0ffee0b7e19f2c0ffee0b7e19f2c0ffe"), new("feat/remix-button")
	e.CommitMessage, e.DeployedBy, e.DeployedAt = new("wip: remix button on the gallery card"), new("zoltan"), at(3*time.Hour)
	e.CommitURL = new("https://github.com/zerdos/spike-land-nextjs/commit/b7e19f2")
	e.Report = &status.Report{Commit: "b7e19f2", Branch: "feat/remix-button", Dirty: true, Ahead: 2, Behind: 5, PullRequest: 1482, Host: "macbook-zoltan", ReportedAt: *at(9 * time.Second)}
	e.HealthPhases = &health.Phases{Connect: 0.3, FirstByte: 11.2, Total: 11.8}
	return e
}

func next() *status.Info {
	e := base("next", "staging", "https://next.spike.land")
	e.Lifecycle = status.LifecycleStaged
	e.Commit, e.CommitSHA, e.Branch = new("e02a9b1"), new("e02a9b1c0ffee0b7e19f2c0ffee0b7e19f2c0ffe"), new("main")
	e.CommitMessage, e.DeployedBy, e.DeployedAt = new("Merge gallery pagination and retry uploads that stall (#1479)"), new("ana-ruiz"), at(26*time.Minute)
	e.CommitURL = new("https://github.com/zerdos/spike-land-nextjs/commit/e02a9b1")
	e.InspectorURL = new("https://vercel.com/spike/spike-land/abc")
	e.ErrorCount24h, e.ActiveUsers = new(int64(3)), nil
	e.ErrorSource, e.ErrorHours = "sentry", errorHours(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, -1, -1, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0)
	e.Uptime = uptime(0.9861, "hhhhhhhhhhhhh------hhhhhhhhdxxxhhhhhhhhhhhhhhhhh")
	e.Unknown = map[string]string{"activeUsers": "Web Analytics only counts production."}
	e.CommitsAhead, e.CommitsBehind = new(7), new(0)
	e.PullRequests = []status.PullRequest{
		{Number: 1479, Title: "Retry uploads that stall instead of dropping them", URL: "https://github.com/zerdos/spike-land-nextjs/pull/1479", Author: "ana-ruiz"},
		{Number: 1476, Title: "Paginate the gallery", URL: "https://github.com/zerdos/spike-land-nextjs/pull/1476", Author: "zerdos"},
		{Number: 1471, Title: "Bump the image worker to sharp 0.36", URL: "https://github.com/zerdos/spike-land-nextjs/pull/1471", Author: "renovate"},
	}
	e.PRsIncluded = &[]string{"#1479 Retry uploads", "#1476 Paginate", "#1471 Bump"}
	return e
}

func prod() *status.Info {
	e := base("prod", "production", "https://spike.land")
	e.Lifecycle = status.LifecycleLive
	e.Commit, e.CommitSHA, e.Branch = new("9d41c07"), new("9d41c07c0ffee0b7e19f2c0ffee0b7e19f2c0ffe"), new("main")
	e.CommitMessage, e.DeployedBy, e.DeployedAt = new("Cache credits per workspace for a minute"), new("zerdos"), at(50*time.Hour)
	e.CommitURL = new("https://github.com/zerdos/spike-land-nextjs/commit/9d41c07")
	e.InspectorURL = new("https://vercel.com/spike/spike-land/def")
	e.ErrorCount24h, e.ActiveUsers = new(int64(41)), new(int64(1284))
	e.Uptime = uptime(0.9993, "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhxhhhhhhhhhddhhhhhh")
	e.ErrorSource, e.ErrorHours = "sentry", errorHours(1, 2, 1, 0, 0, 1, 0, 1, 0, 2, 1, 3, 2, 1, 2, 9, 4, 2, 1, 2, 3, 1, 2, 0)
	e.CommitsAhead, e.CommitsBehind = new(0), new(0)
	e.PullRequests = []status.PullRequest{{Number: 1468, Title: "Cache credits per workspace", URL: "https://github.com/zerdos/spike-land-nextjs/pull/1468", Author: "zerdos"}}
	e.PRsIncluded = &[]string{"#1468 Cache credits"}
	return e
}

func base(name, kind, url string) *status.Info {
	return &status.Info{
		Name: name, Kind: kind, URL: url, Health: health.Healthy, HealthCheckedAt: at(8 * time.Second), Drift: status.DriftNone,
		HealthPhases: &health.Phases{DNS: 4.1, Connect: 11, TLS: 23, FirstByte: 48, Total: 87},
		HealthParts:  []health.Part{{Name: "database", Verdict: health.Healthy, Detail: "4 ms"}, {Name: "redis", Verdict: health.Healthy}},
	}
}

// uptime is a day of half hours, one letter each: h healthy, d degraded, x down
// for five minutes, u could not be told, - not observed.
func uptime(share float64, day string) *status.Uptime {
	states := map[rune]health.State{'h': health.StateHealthy, 'd': health.StateDegraded, 'x': health.StateDown, 'u': health.StateUnknown, '-': health.StateUnobserved}
	u := &status.Uptime{Share: &share}
	for i, letter := range day {
		b := status.UptimeBar{At: Now().Truncate(30 * time.Minute).Add(time.Duration(i-47) * 30 * time.Minute), State: states[letter]}
		if letter == 'x' {
			b.DownSeconds = 300
		}
		u.Bars = append(u.Bars, b)
	}
	return u
}

func sources() []status.Source {
	return []status.Source{
		{Name: "vercel", FetchedAt: at(12 * time.Second)},
		{Name: "github", FetchedAt: at(31 * time.Second)},
		{Name: "sentry", FetchedAt: at(140 * time.Second)},
		{Name: "health", FetchedAt: at(8 * time.Second)},
	}
}

func history() status.Deployments {
	type b struct {
		sha, message, branch, author, state, stage, target string
		ago                                                time.Duration
		live                                               bool
		envs                                               []string
		pull                                               int
		problem                                            string
	}
	rows := []b{
		{"f3c81aa", "Draft: stream chat answers token by token", "feat/stream-chat", "ana-ruiz", "BUILDING", "", "preview", 70 * time.Second, false, nil, 1484, ""},
		{"c4410e9", "Queue thumbnails by album", "fix/thumbs", "zerdos", "QUEUED", "", "preview", 3 * time.Minute, false, nil, 1483, ""},
		{"e02a9b1", "Merge gallery pagination and retry uploads that stall (#1479)", "main", "ana-ruiz", "READY", "STAGED", "production", 26 * time.Minute, false, []string{"next"}, 0, ""},
		{"71be0d4", "Paginate the gallery (#1476)", "main", "zerdos", "READY", "STAGED", "production", 2 * time.Hour, false, nil, 0, ""},
		{"0a9e6c2", "Bump the image worker to sharp 0.36 (#1471)", "main", "renovate", "ERROR", "", "production", 5 * time.Hour, false, nil, 0, "Command \"pnpm build\" exited with 1"},
		{"b81f733", "Try the new editor on /code", "exp/editor", "zerdos", "CANCELED", "", "preview", 9 * time.Hour, false, nil, 1470, ""},
		{"9d41c07", "Cache credits per workspace for a minute (#1468)", "main", "zerdos", "READY", "PROMOTED", "production", 50 * time.Hour, true, []string{"prod"}, 0, ""},
		{"5f1c0de", "Fail a stuck pipeline after 20 minutes (#1465)", "main", "ana-ruiz", "READY", "PROMOTED", "production", 75 * time.Hour, false, nil, 0, ""},
		{"33d7e10", "Move pulse metrics to the quarter hour (#1460)", "main", "zerdos", "READY", "PROMOTED", "production", 120 * time.Hour, false, nil, 0, ""},
	}
	d := status.Deployments{Project: "spike.land", LastUpdated: before(12 * time.Second), Sources: sources()[:1]}
	for _, r := range rows {
		one := status.Deployment{
			ID: "dpl_" + r.sha, Commit: r.sha, CommitSHA: r.sha + strings.Repeat("0", 33), CommitURL: "https://github.com/zerdos/spike-land-nextjs/commit/" + r.sha,
			CommitMessage: r.message, Branch: r.branch, Author: r.author, Creator: r.author, State: r.state, Stage: r.stage, Target: new(r.target),
			CreatedAt: before(r.ago), Live: r.live, Environments: r.envs, PullRequest: r.pull, Problem: r.problem,
			InspectorURL: "https://vercel.com/spike/spike-land/" + r.sha,
		}
		if r.state == "READY" {
			one.ReadyAt = at(r.ago - 94*time.Second)
			one.URL = "https://spike-land-" + r.sha + ".vercel.app"
		}
		d.Deployments = append(d.Deployments, one)
	}
	d.CurrentProd, d.CurrentNext = &d.Deployments[6], &d.Deployments[2]
	return d
}

// record is a day of the audit log, newest first.
func record() access.Page {
	rows := []access.Entry{
		{ActorKind: access.Person, ActorName: "zoltan", Action: "release.promote", Environment: "prod", Object: "op_5h2k", Reason: "Gallery pagination is tested, support waits for it", Result: access.Requested},
		{ActorKind: access.System, ActorName: "envdeck (release)", Action: "release.rollback", Environment: "prod", Object: "op_5h2k", Reason: "3 of the last 5 health checks failed", Result: access.Done},
		{ActorKind: access.Nobody, ActorName: "nobody", Action: "session.sign_in", Result: access.Denied},
		{ActorKind: access.Person, ActorName: "ana-ruiz", Action: "session.sign_in", Object: "ses_4l2m", Result: access.Done},
		{ActorKind: access.Machine, ActorName: "zoltan", Action: "database.branch.created", Environment: "next", Object: "br-quiet-sun-1", Reason: "try the migration", Result: access.Failed},
		{ActorKind: access.Person, ActorName: "zoltan", Action: "token.own.created", Object: "tok_9s1d", Result: access.Done},
		{ActorKind: access.Operator, ActorName: "root", Action: "operator.act.bootstrap", Result: access.Done},
	}
	for i := range rows {
		rows[i].Seq, rows[i].At = int64(1204-i), before(time.Duration(i*i*7+1)*time.Minute)
	}
	return access.Page{Entries: rows, Next: 1198}
}

func before(d time.Duration) time.Time { return Now().Add(-d) }

func at(d time.Duration) *time.Time { return new(before(d)) }
