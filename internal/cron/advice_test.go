package cron_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// What is advised rests on enough recorded runs, and says which.
func TestAdvice(t *testing.T) {
	const half = "*/30 * * * *"
	idle := func(i int) cron.Report { // one run in twenty had something to do
		code := 204
		if i%20 == 0 {
			code = 200
		}
		return cron.Report{StatusCode: code}
	}
	type script struct {
		job   string
		every time.Duration
		runs  int
		run   func(i int) cron.Report
		kind  cron.AdviceKind // "": nothing is advised
		says  string
	}
	cases := map[string]script{
		"nothing to do":                        {half, 30 * time.Minute, 60, idle, cron.TooOften, "57 of 60 runs since 1 Jan 00:30 UTC answered that there was nothing to do (HTTP 204 or 304)."},
		"nothing to do, of which too little":   {half, 30 * time.Minute, 46, idle, "", ""},       // less than a day
		"nothing to do, once in two hours":     {"0 */2 * * *", 2 * time.Hour, 14, idle, "", ""}, // fewer than 50 runs
		"something to do now and then":         {half, 30 * time.Minute, 60, func(i int) cron.Report { return cron.Report{StatusCode: []int{204, 204, 204, 204, 200}[i%5]} }, "", ""},
		"it only says that it is well":         {half, 30 * time.Minute, 60, func(int) cron.Report { return cron.Report{StatusCode: 200} }, "", ""},
		"it prints the same":                   {half, 30 * time.Minute, 60, func(int) cron.Report { return cron.Report{Output: []byte("0 rows")} }, cron.TooOften, "59 of 60 runs since 1 Jan 00:30 UTC printed exactly what the run before printed."},
		"it prints as much but something else": {half, 30 * time.Minute, 60, func(i int) cron.Report { return cron.Report{Output: bytes.Repeat([]byte{'0' + byte(i%10)}, 6)} }, "", ""},
		"each run fails":                       {half, 30 * time.Minute, 25, func(int) cron.Report { return cron.Report{Signal: cron.Failure, StatusCode: 500} }, cron.NeverSucceeds, "None of its 25 runs since 1 Jan 00:30 UTC ended well."},
		"one run did not fail": {half, 30 * time.Minute, 25, func(i int) cron.Report {
			if i == 3 {
				return cron.Report{}
			}
			return cron.Report{Signal: cron.Failure, StatusCode: 500}
		}, "", ""},
		"it takes too long for its gaps": {half, 30 * time.Minute, 24, func(i int) cron.Report {
			return cron.Report{Duration: time.Duration(5+30*(i%2)) * time.Minute}
		}, cron.Overlaps, "12 of 24 runs since "},
		"it is long but rarely too long": {half, 30 * time.Minute, 24, func(i int) cron.Report { return cron.Report{Duration: 29 * time.Minute} }, "", ""},
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(30 * time.Hour) // so that there is a past
		db := storetest.Open(t)
		began := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		err := db.RecordCrons(t.Context(), func(l cron.Ledger) error {
			for name, c := range cases {
				j, err := l.PutJob(cron.Job{
					Project: "shop", Environment: "prod", Path: "/" + name, Timetable: cron.Timetable{Schedule: c.job}, Source: cron.FromConfig,
					Ping: name, Active: true, Since: began, CreatedAt: began,
				})
				for i := 0; i < c.runs && err == nil; i++ {
					err = record(l, j, began.Add(time.Duration(i+1)*c.every), c.run(i))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		d := openDesk(t, db)
		pass(2 * time.Minute)
		board := d.board(t, cron.LaneQuery{})
		for name, c := range cases {
			page, wire := d.page(t, "/"+name), d.info(t, "/"+name).Environments["prod"].Advice
			if c.kind == "" {
				if len(page.Advice)+len(wire) != 0 {
					t.Errorf("%s: advised %+v", name, page.Advice)
				}
				continue
			}
			if len(page.Advice) != 1 || len(wire) != 1 || !slices.ContainsFunc(board.Advice, func(a cron.Advice) bool { return a.Job.ID == page.Job.ID }) {
				t.Errorf("%s: advised %+v on the page, %d in the API", name, page.Advice, len(wire))
				continue
			}
			a := page.Advice[0]
			if a.Kind != c.kind || !strings.HasPrefix(a.Evidence, c.says) || a.Of != c.runs || a.Text == "" || wire[0].Evidence != a.Evidence {
				t.Errorf("%s: %+v, want %s: %s", name, a, c.kind, c.says)
			}
			if a.Kind == cron.TooOften && (a.SavedRuns != 24 || a.SavedTime != time.Duration(a.SavedRuns)*2*time.Second || !strings.Contains(a.Text, "30 minutes longer")) {
				t.Errorf("%s: it saves %d runs and %s: %s", name, a.SavedRuns, a.SavedTime, a.Text)
			}
		}
		// Runs by a timetable that was changed say nothing of the new one.
		var jobs []cron.Planned
		for name := range cases {
			jobs = append(jobs, every("/"+name, "0 * * * *"))
		}
		d.plan(t, "prod", jobs...)
		pass(2 * time.Hour)
		if got := d.board(t, cron.LaneQuery{}).Advice; len(got) != 0 {
			t.Errorf("advised on another timetable: %+v", got)
		}
	})
}

// record writes a run down as if it had been reported.
func record(l cron.Ledger, j cron.Job, at time.Time, r cron.Report) error {
	if r.Duration == 0 {
		r.Duration = 2 * time.Second
	}
	run := cron.Run{
		Job: j.ID, At: at, State: cron.Succeeded, Timing: cron.OnTime, Slot: at, EndedAt: at.Add(r.Duration), Duration: r.Duration, Timed: true,
		StatusCode: r.StatusCode, ExitCode: -1, Output: len(r.Output),
	}
	sum := cron.Sum{Job: j.ID, At: at.Truncate(time.Hour), Good: 1, Timed: 1, Total: r.Duration, Max: r.Duration}
	if r.Signal == cron.Failure {
		run.State, sum.Good, sum.Failed = cron.Failed, 0, 1
	}
	var err error
	if run.Output > 0 {
		run.OutputID, err = l.PutOutput(0, r.Output)
	}
	if err == nil {
		_, err = l.AddRun(run)
	}
	if err == nil {
		err = l.AddSums([]cron.Sum{sum})
	}
	return err
}
