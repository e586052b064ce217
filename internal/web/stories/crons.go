package stories

import (
	"time"

	"github.com/envdeck/envdeck/internal/cron"
)

// cronStory is what is known of cron jobs.
type cronStory struct {
	Board  cron.Board
	Page   cron.Page
	Output []byte
	After  []cron.AfterJob
}

// crons are the eleven jobs of an app on a day on which three have trouble.
func crons() cronStory {
	to := Now().Truncate(cron.LaneStep).Add(cron.LaneStep + cron.LaneAhead)
	b := cron.Board{
		From: to.Add(-cron.LanePast - cron.LaneAhead), To: to, Environments: []string{"next", "prod"}, Silent: []string{"dev"}, Total: 11, Matching: 11, Trouble: 3,
		Sources: []cron.SourceAge{{Name: "vercel", Asked: before(40 * time.Second)}},
		Switches: []cron.Switch{
			{Environment: "prod", Operation: "op_back", Kind: cron.RolledBack, Commit: "9d41c07c0ffee0b7e19f2c0ffee0b7e19f2c0ffe", At: before(5*time.Hour - 80*time.Second), Until: before(5*time.Hour - 96*time.Second)},
			{Environment: "prod", Operation: "op_running", Kind: cron.Promoted, Commit: "e02a9b1c0ffee0b7e19f2c0ffee0b7e19f2c0ffe", At: before(3 * time.Minute)},
		},
	}
	for _, j := range []struct {
		path, schedule, words string
		every                 time.Duration
		stands                cron.Standing
		took                  time.Duration
	}{
		{"/api/cron/allocator-autopilot", "*/15 * * * *", "Every 15 minutes, at minutes 0, 15, 30 and 45", 15 * time.Minute, cron.StandOK, 2300 * time.Millisecond},
		{"/api/cron/cleanup-bin", "0 2 * * *", "At 02:00 every day", 24 * time.Hour, cron.StandOK, 41 * time.Second},
		{"/api/cron/cleanup-errors", "0 4 * * *", "At 04:00 every day", 24 * time.Hour, cron.StandMissed, 3 * time.Second},
		{"/api/cron/cleanup-jobs", "*/15 * * * *", "Every 15 minutes, at minutes 0, 15, 30 and 45", 15 * time.Minute, cron.StandFailing, 900 * time.Millisecond},
		{"/api/cron/cleanup-sandboxes", "*/15 * * * *", "Every 15 minutes, at minutes 0, 15, 30 and 45", 15 * time.Minute, cron.StandLate, 1100 * time.Millisecond},
		{"/api/cron/cleanup-tracking", "0 3 * * *", "At 03:00 every day", 24 * time.Hour, cron.StandNotObserved, 5 * time.Second},
		{"/api/cron/marketing-sync", "0 * * * *", "At minute 0 of every hour", time.Hour, cron.StandRunning, 12 * time.Second},
		{"/api/cron/publish-scheduled-posts", "* * * * *", "Every minute", time.Minute, cron.StandOK, 310 * time.Millisecond},
		{"/api/cron/pulse-metrics", "*/15 * * * *", "Every 15 minutes, at minutes 0, 15, 30 and 45", 15 * time.Minute, cron.StandOK, 1400 * time.Millisecond},
		{"/api/cron/reset-credits", "0 0 1 * *", "At 00:00 on day 1 of every month", 30 * 24 * time.Hour, cron.StandWaiting, time.Second},
		{"/api/cron/spend-alert", "0 * * * *", "At minute 0 of every hour", time.Hour, cron.StandOK, 700 * time.Millisecond},
	} {
		row := cron.Row{Path: j.path, Lanes: map[string]*cron.Lane{"prod": newLane(b.From, j.path, j.schedule, j.words, "prod", j.every, j.stands, j.took)}}
		if j.every < 24*time.Hour && j.every > time.Minute {
			row.Lanes["next"] = newLane(b.From, j.path, j.schedule, j.words, "next", j.every, cron.StandOK, j.took/2)
		}
		b.Rows = append(b.Rows, row)
	}
	b.Advice = []cron.Advice{
		{Job: b.Rows[3].Lanes["prod"].Job, Kind: cron.NeverSucceeds, Text: "Repair it, or stop scheduling it.", Evidence: "None of its 96 runs since 21 Nov 14:45 UTC ended well.", Of: 96, Counted: 96, SavedRuns: 96, SavedTime: 86 * time.Second},
		{Job: b.Rows[8].Lanes["prod"].Job, Kind: cron.TooOften, Text: "Half as often may do. What there is to do would wait for 15 minutes longer at most.", Evidence: "655 of 672 runs since 15 Nov 14:30 UTC answered that there was nothing to do (HTTP 204 or 304).", Of: 672, Counted: 655, SavedRuns: 48, SavedTime: 67 * time.Second},
	}
	move := b.Switches[1]
	after := []cron.AfterJob{
		{View: b.Rows[3].Lanes["prod"].View, State: cron.AfterSilent, Due: Now()},
		{View: b.Rows[6].Lanes["prod"].View, State: cron.AfterWaiting, Due: Now().Add(30 * time.Minute)},
		{View: b.Rows[1].Lanes["prod"].View, State: cron.AfterGone},
		{View: b.Rows[7].Lanes["prod"].View, State: cron.AfterBack, First: &cron.Run{At: before(2 * time.Minute)}},
	}
	after[0].Awaited, after[1].Awaited = &cron.Awaited{Switch: move, Due: Now(), Silent: true}, &cron.Awaited{Switch: move, Due: Now().Add(30 * time.Minute)}
	return cronStory{Board: b, Page: page(b), After: after, Output: []byte("pulse: 41 accounts\n\x1b[32mok\x1b[0m in 1.4 s\n")}
}

// newLane plays a day of one job.
func newLane(from time.Time, path, schedule, words, env string, every time.Duration, stands cron.Standing, took time.Duration) *cron.Lane {
	v := &cron.View{
		Job:   cron.Job{ID: int64(len(path)), Project: "spike.land", Environment: env, Path: path, Timetable: cron.Timetable{Schedule: schedule, Dialect: "vercel"}, Source: "vercel", Active: true},
		Words: words, Standing: stands, Stats: cron.Stats{Good: 668, Failed: 3, Late: 1, Missed: 1, Timed: 671, Average: took, Max: 3 * took, From: before(7 * 24 * time.Hour)},
		Band: cron.Band{Of: 200, Median: took, Low: took / 2, High: 2 * took},
	}
	l := &cron.Lane{View: v, From: from, NextAt: Now().Truncate(every).Add(every)}
	if every > 24*time.Hour {
		l.NextAt = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
		return l
	}
	for i := range cron.LaneColumns {
		at := from.Add(time.Duration(i) * cron.LaneStep)
		n := int(at.Add(cron.LaneStep-1).Truncate(every).Sub(at.Add(-1).Truncate(every)) / every)
		c := cron.Column{At: i}
		switch {
		case n == 0:
			continue
		case at.After(Now()):
			c.Due = n
		case stands == cron.StandMissed && every >= time.Hour, stands == cron.StandFailing && i == 40:
			c.Missed = 1
		case stands == cron.StandNotObserved:
			c.Unseen = 1
		case stands == cron.StandFailing && i > 84:
			c.Runs, c.Failed, c.Longest = n, n, took/3
		case stands == cron.StandLate && i == 95:
			c.Runs, c.Late, c.Longest = n, 1, took
		case stands == cron.StandRunning && i > 91:
			c.Runs, c.Open = 1, 1
		default:
			c.Runs, c.Longest = n, took+time.Duration((i*7919)%13-6)*took/20
			if i == 23 {
				c.Odd, c.Longest = 1, 3*took
			}
		}
		l.Columns = append(l.Columns, c)
		l.Sum.Runs, l.Sum.Failed, l.Sum.Late, l.Sum.Open, l.Sum.Odd = l.Sum.Runs+c.Runs, l.Sum.Failed+c.Failed, l.Sum.Late+c.Late, l.Sum.Open+c.Open, l.Sum.Odd+c.Odd
		l.Sum.Missed, l.Sum.Unseen, l.Sum.Due, l.Sum.Longest = l.Sum.Missed+c.Missed, l.Sum.Unseen+c.Unseen, l.Sum.Due+c.Due, max(l.Sum.Longest, c.Longest)
	}
	if l.Sum.Runs > 0 {
		last := cron.Run{At: Now().Truncate(every), State: cron.Succeeded, EndedAt: Now().Truncate(every).Add(took), Duration: took, Timed: true, Timing: cron.OnTime}
		if stands == cron.StandFailing {
			last.State, last.StatusCode, last.Error = cron.Failed, 500, "P1001: Can't reach database server"
		}
		v.Last = &last
	}
	return l
}

// page is the job that fails, with its runs.
func page(b cron.Board) cron.Page {
	l := b.Rows[3].Lanes["prod"]
	l.Job.Ping = "0d4f1c52-5d0a-4a55-9a2e-5a5c9e4b7a11"
	p := cron.Page{
		Stretch: cron.Stretch{View: l.View, Clipped: true}, Day: l, Zone: time.UTC, PingPath: "/ping/" + l.Job.Ping, Switches: b.Switches, Advice: b.Advice[:1],
		Warnings: []string{"In Vercel's Hobby plan jobs run at most once a day: this one would be refused there."},
		Siblings: []*cron.View{b.Rows[3].Lanes["next"].View},
	}
	for i := range 3 {
		p.Upcoming = append(p.Upcoming, l.NextAt.Add(time.Duration(i)*15*time.Minute))
	}
	for i := range 120 {
		at := Now().Truncate(15 * time.Minute).Add(-time.Duration(i) * 15 * time.Minute)
		r := cron.RunOf{Job: l.Job, Pace: cron.Usual, Run: cron.Run{
			At: at, State: cron.Succeeded, Timing: cron.OnTime, Slot: at, EndedAt: at.Add(time.Second), Duration: 900*time.Millisecond + time.Duration((i*7919)%17-8)*40*time.Millisecond,
			Timed: true, StatusCode: 200, ExitCode: -1, Via: "report", Commit: "9d41c07c0ffee0b7e19f2c0ffee0b7e19f2c0ffe",
		}}
		switch {
		case i < 11:
			r.State, r.StatusCode, r.Error, r.Duration, r.Output = cron.Failed, 500, "P1001: Can't reach database server at `ep-quiet-sun.neon.tech:5432`", 300*time.Millisecond, 1830
		case i == 22:
			r.Timing, r.At = cron.Late, at.Add(4*time.Minute)
		case i == 20:
			r.Pace, r.Duration = cron.TooSlow, 2700*time.Millisecond
		case i == 25:
			r.Timing = cron.Duplicate
		}
		p.Runs = append(p.Runs, r)
	}
	p.Misses = []cron.Miss{{Job: l.Job.ID, Slot: before(14 * time.Hour), Operation: "op_running"}}
	return p
}

// deface puts the worst text into everything that comes from outside.
func (c *cronStory) deface(bad string) {
	for i := range c.Board.Rows {
		c.Board.Rows[i].Path = bad
		for _, l := range c.Board.Rows[i].Lanes {
			l.Job.Path, l.Job.Schedule, l.Words, l.Standing, l.Job.Variant = bad, bad, bad, cron.Standing(bad), bad
			if l.Last != nil {
				l.Last.Error = bad
			}
		}
	}
	for i := range c.Board.Switches {
		c.Board.Switches[i].Commit, c.Board.Switches[i].Kind = bad, cron.SwitchKind(bad)
	}
	c.Board.Sources[0].Problem = bad
	c.Board.Advice[0].Text, c.Board.Advice[0].Evidence, c.Board.Advice[0].Job.Path, c.Board.Advice[0].Job.Environment = bad, bad, bad, bad
	c.Page.Advice = c.Board.Advice
	c.Board.Sources[0].Build = &cron.SourceBuild{Message: bad, Changes: []cron.ScheduleChange{{Path: bad, From: bad, To: bad, FromHuman: bad, ToHuman: bad}}}
	c.Page.Job.Source, c.Page.NotNow, c.Page.Warnings = cron.Source(bad), bad, []string{bad}
	for i := range c.Page.Runs {
		r := &c.Page.Runs[i]
		r.Error, r.Via, r.Commit, r.Job.Path = bad, bad, bad, bad
	}
	c.Output = []byte(bad + "\n" + bad)
}
