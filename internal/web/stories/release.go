package stories

import (
	"fmt"
	"time"

	"github.com/envdeck/envdeck/internal/release"
)

// Releasing is the middle of a promotion: switched, and being watched.
func Releasing() Story {
	s := Normal()
	s.Name = "releasing"
	s.Operations = operations()
	return s
}

func built(commit, message string) *release.Build {
	return &release.Build{ID: "dpl_" + commit, URL: "https://spike-land-" + commit + ".vercel.app", Commit: commit + "0000000000000000000000000000000000", Message: message, Branch: "main", Author: "zerdos", CreatedAt: before(50 * time.Hour)}
}

func operations() []release.Operation {
	live, next := built("9d41c07", "Cache credits per workspace for a minute (#1468)"), built("e02a9b1", "Merge gallery pagination and retry uploads that stall (#1479)")
	older := built("5f1c0de", "Fail a stuck pipeline after 20 minutes (#1465)")
	running := release.Operation{
		ID: "op_running", Project: "spike.land", Environment: "prod", Action: release.Promote, Phase: release.Baking, Status: release.StatusPending,
		Message: "e02a9b1 is live. Watching it for 5 minutes.", Reason: "Gallery pagination is tested, support waits for it", By: release.Who{ID: "u1", Name: "zoltan", Kind: "person"},
		CreatedAt: before(3 * time.Minute), PhaseAt: before(2 * time.Minute), From: live, To: next, Back: live,
		Steps: []release.Step{
			{Seq: 1, Phase: release.Preflight, Name: "read_production", Observation: "9d41c07 is live on 2 domains and healthy.", Verdict: release.Pass, StartedAt: before(178 * time.Second), EndedAt: at(177 * time.Second), Evidence: []release.Evidence{{Label: "deployment", Value: "dpl_9d41c07", URL: "https://vercel.com/spike/spike-land/def"}, {Label: "domains", Value: "spike.land, www.spike.land"}}},
			{Seq: 2, Phase: release.Switching, Name: "promote", Attempt: 1, Intent: "Promote dpl_e02a9b1 to production.", Observation: "The platform accepted it.", StartedAt: before(176 * time.Second), EndedAt: at(174 * time.Second)},
			{Seq: 3, Phase: release.Confirming, Name: "ask_the_site", Observation: "Three answers in a row name e02a9b1.", Verdict: release.Pass, StartedAt: before(174 * time.Second), EndedAt: at(120 * time.Second)},
			{Seq: 4, Phase: release.Baking, Name: "watch", StartedAt: before(2 * time.Minute)},
		},
		Bake: &release.Watch{
			Since: before(2 * time.Minute), Until: Now().Add(3 * time.Minute), Probes: 58, Healthy: 56, Bad: 1, Unknown: 1, Dots: "hhhhhhhhhhhhhhhhhhhhhhhhbhhhhhhhhhhhhhhhhhuhhhhhhhhhhhhhhh", Health: "HTTP 502",
			Errors: &release.Rate{Count: 1, Over: 2 * time.Minute}, Before: &release.Rate{Count: 4, Over: time.Hour}, ErrorsSay: release.Pass, ErrorsText: "within what the hour before had",
			Counts: []release.Rate{{Count: 0, Over: time.Minute}, {Count: 1, Over: time.Minute}, {Count: 1, Over: 2 * time.Minute}},
		},
		Sheet:    "sheet-1",
		Approval: &release.Approved{ID: "apr_used", By: release.Who{Name: "ana-ruiz"}, At: before(10 * time.Minute)},
		Glass:    &release.Glass{Passed: []release.Passed{{Cause: release.CauseHeld, Text: "prod is held by ana-ruiz until 2026-11-24 14:30 UTC: the sale"}}},
	}
	running.Work.Intended = true
	running.NewIssues = newIssues(2, 2, nil)
	running.Floor = &release.Footing{Stand: release.StandsBelow, Path: "prisma/migrations/20261121090000_drop_legacy_layout/migration.sql", Why: "Below the schema's floor since e02a9b1, because of prisma/migrations/20261121090000_drop_legacy_layout/migration.sql: Column “layout” of “Gallery” is dropped: an older release that reads or writes it fails."}
	back := release.Operation{
		ID: "op_back", Project: "spike.land", Environment: "prod", Action: release.Promote, Phase: release.RolledBack, Status: release.StatusFailed, Automatic: true,
		Message: "Production is back on 9d41c07: 3 of the last 5 health checks failed.", Reason: "Bump the image worker", By: release.Who{Name: "ana-ruiz", Kind: "person"},
		CreatedAt: before(5 * time.Hour), EndedAt: at(5*time.Hour - 96*time.Second), From: live, To: built("0a9e6c2", "Bump the image worker to sharp 0.36 (#1471)"), Back: live,
		Stayed:    []string{"The database's schema stays as it is.", "New pushes do not go live until automatic deployments are resumed."},
		NewIssues: newIssues(5, 8, at(5*time.Hour-90*time.Second)),
		Reports: []release.DeployReport{
			{To: "sentry", Version: "0a9e6c2c0ffee0b7e19f2c0ffee0b7e19f2c0ffe", Environment: "production", State: release.Reported, Message: "It is on record. (The answer had been lost.)", Attempts: 1, DoneAt: at(5*time.Hour - 170*time.Second)},
			{To: "sentry", Version: live.Commit, Environment: "production", State: release.ReportGivenUp, Message: "Sentry may not be asked for this (403): the token lacks the scope project:releases. Add it to the internal integration (Releases: Admin).", DoneAt: at(5*time.Hour - 171*time.Second)},
		},
	}
	good := release.Operation{
		ID: "op_good", Project: "spike.land", Environment: "prod", Action: release.Promote, Phase: release.Succeeded, Status: release.StatusSuccess,
		Message: "9d41c07 is live and was watched for 5 minutes.", Reason: "Cache credits", By: release.Who{Name: "zoltan", Kind: "person"},
		CreatedAt: before(50 * time.Hour), EndedAt: at(50*time.Hour - 6*time.Minute), From: older, To: live, Back: older,
		NewIssues: &release.NewIssues{Source: "sentry", Since: before(50 * time.Hour), Settled: true, Problem: "Sentry refused the call (403): the token lacks the scope event:read, so nobody can say which issues are new."},
	}
	return []release.Operation{running, back, good}
}

func sheet() release.Sheet {
	commit := func(sha, message, author string) release.SheetCommit {
		return release.SheetCommit{SHA: sha, Message: message, Author: author, At: before(3 * time.Hour), URL: "https://github.com/zerdos/spike-land-nextjs/commit/" + sha}
	}
	return release.Sheet{
		From:     release.SheetEnd{Environment: "prod", DeploymentID: "dpl_9d41c07", URL: "https://spike-land-9d41c07.vercel.app", Commit: "9d41c07c0ffee0b7e19f2c0ffee0b7e19f2c0ffe", Message: "Cache credits per workspace for a minute", Target: "production"},
		To:       release.SheetEnd{Environment: "next", DeploymentID: "dpl_e02a9b1", URL: "https://spike-land-e02a9b1.vercel.app", Commit: "e02a9b1c0ffee0b7e19f2c0ffee0b7e19f2c0ffe", Message: "Merge gallery pagination and retry uploads that stall (#1479)", Target: "production", Stage: "STAGED"},
		Relation: "ahead", Ahead: 7, Authors: []string{"ana-ruiz", "renovate", "zerdos"}, Hash: "sheet-1",
		Commits: []release.SheetCommit{commit("e02a9b1", "Merge gallery pagination and retry uploads that stall (#1479)", "ana-ruiz"), commit("71be0d4", "Paginate the gallery (#1476)", "zerdos"), commit("0a9e6c2", "Bump the image worker to sharp 0.36 (#1471)", "renovate")},
		PullRequests: []release.SheetPull{
			{Number: 1479, Title: "Retry uploads that stall instead of dropping them", URL: "https://github.com/zerdos/spike-land-nextjs/pull/1479", Author: "ana-ruiz"},
			{Number: 1476, Title: "Paginate the gallery", URL: "https://github.com/zerdos/spike-land-nextjs/pull/1476", Author: "zerdos"},
		},
		Migrations: []string{"prisma/migrations/20261120080000_gallery_cursor/migration.sql", "prisma/migrations/20261121090000_drop_legacy_layout/migration.sql", "prisma/migrations/20261121100000_recount/migration.sql"},
		Schema:     judged(),
		Crons:      release.SheetCrons{Added: []release.SheetCron{{Path: "/api/cron/gallery-index", Schedule: "*/15 * * * *"}}, Changed: []release.SheetCronChange{{Path: "/api/cron/pulse-metrics", From: "*/15 * * * *", To: "*/30 * * * *"}}, Removed: []release.SheetCron{{Path: "/api/cron/old-gallery", Schedule: "0 3 * * *"}}},
		Unknown:    map[string]string{},
	}
}

// judged are migrations of every class, with their text.
func judged() []release.SheetMigration {
	const dir = "prisma/migrations/"
	return []release.SheetMigration{
		{Path: dir + "20261120080000_gallery_cursor/migration.sql", Class: release.SchemaExpand, Reason: "Column “cursor” is new: older releases leave it out, and their rows get NULL.", Statements: []release.SheetStatement{
			{Line: 2, Text: "ALTER TABLE \"Gallery\" ADD COLUMN \"cursor\" TEXT;", Class: release.SchemaExpand, Reason: "Column “cursor” is new: older releases leave it out, and their rows get NULL."},
			{Line: 5, Text: "CREATE INDEX \"Gallery_cursor_idx\" ON \"Gallery\"(\"cursor\");", Class: release.SchemaExpand, Reason: "An index changes no row and no answer."},
		}},
		{Path: dir + "20261121090000_drop_legacy_layout/migration.sql", Class: release.SchemaContract, Reason: "Column “layout” of “Gallery” is dropped: an older release that reads or writes it fails.", Statements: []release.SheetStatement{
			{Line: 2, Text: "ALTER TABLE \"Gallery\"\n  DROP COLUMN \"layout\",\n  ADD COLUMN \"columns\" INTEGER NOT NULL DEFAULT 3;", Class: release.SchemaContract, Reason: "Column “layout” of “Gallery” is dropped: an older release that reads or writes it fails."},
		}},
		{Path: dir + "20261121100000_recount/migration.sql", Class: release.SchemaUnknown, Reason: "Rows of “Gallery” are changed: whether an older release can live with that depends on the data.", Statements: []release.SheetStatement{
			{Line: 1, Text: "UPDATE \"Gallery\" SET \"photoCount\" = (SELECT count(*) FROM \"Photo\" WHERE \"Photo\".\"galleryId\" = \"Gallery\".\"id\");", Class: release.SchemaUnknown, Reason: "Rows of “Gallery” are changed: whether an older release can live with that depends on the data."},
		}},
	}
}

func targets() []release.Candidate {
	one := func(commit, message, why string, possible, chosen, verified bool) release.Candidate {
		stand := release.Footing{Stand: release.StandsOK, Why: "Every migration since then only adds."}
		switch commit {
		case "33d7e10":
			stand = release.Footing{Stand: release.StandsUnknown, Why: "Whether it runs on the schema is not known, because of prisma/migrations/20261118070000_recount/migration.sql in 5f1c0de: Rows of “Pulse” are changed: whether an older release can live with that depends on the data."}
		case "0a9e6c2", "aa01b2c":
			stand = release.Footing{Stand: release.StandsBelow, Why: "Below the schema's floor since 33d7e10, because of prisma/migrations/20261110090000_rename_pulse_window/migration.sql: Column “span” of “PulseWindow” gets another name: an older release uses the old one."}
		}
		c := release.Candidate{Build: *built(commit, message), Possible: possible, Why: why, Default: chosen, Verified: verified, Schema: &stand, Workers: map[string][]string{"5f1c0de": {"code", "backend"}}[commit]}
		switch commit {
		case "5f1c0de":
			c.Crons = &release.SheetCrons{
				Added:   []release.SheetCron{{Path: "/api/cron/old-gallery", Schedule: "0 3 * * *"}},
				Changed: []release.SheetCronChange{{Path: "/api/cron/pulse-metrics", From: "*/15 * * * *", To: "*/30 * * * *"}},
			}
		case "33d7e10":
			c.Crons = &release.SheetCrons{}
		case "0a9e6c2":
			c.CronsUnknown = "Vercel did not answer in time."
		}
		return c
	}
	return []release.Candidate{
		one("5f1c0de", "Fail a stuck pipeline after 20 minutes (#1465)", "A release proved it good.", true, true, true),
		one("33d7e10", "Move pulse metrics to the quarter hour (#1460)", "It was live before.", true, false, false),
		one("0a9e6c2", "Bump the image worker to sharp 0.36 (#1471)", "It was live before, and was taken back: it may be as bad now.", true, false, false),
		one("aa01b2c", "Old editor", "The platform has deleted this build.", false, false, false),
	}
}

// versions are those that a Worker could go back to.
func versions() []release.WorkerCandidate {
	one := func(number int, tag, message, why string, age time.Duration, possible, chosen bool) release.WorkerCandidate {
		c := release.WorkerCandidate{
			Version: release.Build{ID: fmt.Sprintf("%08x-2a7e-40ac-84ee-8c7fa27a3bfc", 0xc4e65500+number), Number: number, Tag: tag, Message: message, Author: "mara@spike.land"}, Why: why, Possible: possible, Default: chosen,
		}
		if age > 0 {
			c.Served = new(before(age))
		}
		return c
	}
	return []release.WorkerCandidate{
		one(84, "5f1c0de", "Fail a stuck pipeline after 20 minutes (#1465)", "It served just before.", 5*time.Hour, true, true),
		one(85, "0a9e6c2", "Bump the image worker to sharp 0.36 (#1471)", "It served before, and was taken back: it may be as bad now.", 9*time.Hour, true, false),
		one(82, "33d7e10", "Move pulse metrics to the quarter hour (#1460)", "It served before.", 30*time.Hour, true, false),
		one(12, "", "", "It served before, and cannot be deployed any more: the platform keeps only the newest versions.", 900*time.Hour, false, false),
		one(81, "aa01b2c", "Old editor", "It is older than what serves. The platform does not list its deployment any more, so nobody can tell here whether it ever had traffic.", 0, true, false),
	}
}

// newIssues is what Sentry saw for the first time since a switch two minutes
// ago.
func newIssues(rows, total int, until *time.Time) *release.NewIssues {
	all := []release.Issue{
		{ID: "7001", ShortID: "SPIKE-LAND-4QK", Title: "TypeError: Cannot read properties of undefined (reading 'perMegapixel')", Culprit: "POST /api/images", Level: "error", Count: 214, Users: 61, FirstSeen: before(108 * time.Second), LastSeen: at(9 * time.Second), URL: "https://spike-land.sentry.io/issues/7001/"},
		{ID: "7002", ShortID: "SPIKE-LAND-4QM", Title: "PrismaClientInitializationError: Can't reach database server", Culprit: "/api/health", Level: "fatal", Count: 12, Users: 1, FirstSeen: before(70 * time.Second), LastSeen: at(20 * time.Second), URL: "https://spike-land.sentry.io/issues/7002/"},
		{ID: "7003", Title: "The gallery was asked for a page that is not there: this is what a title looks like when somebody has put the whole address with all of its parameters, cursor=eyJ2IjoxfQ and sort=updated_at and more, into the message of the error", Culprit: "/gallery/[page]", Level: "warning", Count: 3, FirstSeen: before(50 * time.Second)},
		{ID: "7004", ShortID: "SPIKE-LAND-4QP", Title: "ReferenceError: window is not defined", Level: "info", Count: 1, Users: 1, FirstSeen: before(40 * time.Second)},
		{ID: "7005", ShortID: "SPIKE-LAND-4QR", Title: "AbortError: The user aborted a request", Level: "", Count: 1, Users: 1, FirstSeen: before(30 * time.Second)},
	}
	return &release.NewIssues{Source: "sentry", Since: before(2 * time.Minute), Until: until, CheckedAt: at(14 * time.Second), Issues: all[:rows], Total: total, Settled: until != nil}
}
