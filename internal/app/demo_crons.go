package app

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// cronPast is how much of what happened before the demo began is told.
const cronPast = 24 * time.Hour

// hearCrons listens to the platform calling the app's cron paths. The channel
// is wide: the world must not wait for us, and what does not fit is a report
// that got lost, as happens.
func (d *Demo) hearCrons() <-chan world.CronFiring {
	fired := make(chan world.CronFiring, 1024)
	d.simulation.World().Listen(func(e world.Event) {
		if e.Kind != world.CronFired || e.Cron == nil || e.Cron.Status == 0 {
			return
		}
		select {
		case fired <- *e.Cron:
		default:
		}
	})
	return fired
}

// reportCrons plays the app's jobs: each tells the server that it begins and,
// when it has worked, how it ended, as the packages for apps do.
func (d *Demo) reportCrons(ctx context.Context, fired <-chan world.CronFiring) {
	d.reportPast(ctx)
	client := &http.Client{Timeout: 5 * time.Second}
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-fired:
			running.Go(func() { d.playCron(ctx, client, f) })
		}
	}
}

func (d *Demo) playCron(ctx context.Context, client *http.Client, f world.CronFiring) {
	run := f.Path + "@" + strconv.FormatInt(f.At.UnixMilli(), 10)
	d.tellCron(ctx, client, map[string]any{"path": f.Path, "phase": "start", "runId": run, "schedule": f.Schedule})
	if d.app.o.Clock.Sleep(ctx, f.Took) != nil {
		return
	}
	body := map[string]any{
		"path": f.Path, "phase": "finish", "runId": run, "schedule": f.Schedule, "durationMs": f.Took.Milliseconds(),
		"status": "success", "statusCode": f.Status, "timestamp": d.app.o.Clock.Now().Format(time.RFC3339Nano),
	}
	if f.Status >= http.StatusBadRequest {
		body["status"], body["errorMessage"] = "failure", http.StatusText(f.Status)
	}
	d.tellCron(ctx, client, body)
}

func (d *Demo) tellCron(ctx context.Context, client *http.Client, report map[string]any) {
	body, err := json.Marshal(report)
	if err != nil { // a map of strings and numbers always encodes
		panic(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL()+"/api/cron/report", bytes.NewReader(body))
	if err != nil {
		return
	}
	r.Header.Set("Authorization", "Bearer "+d.Tokens.Report.Reveal())
	r.Header.Set("Content-Type", "application/json")
	if answer, err := client.Do(r); err == nil { // a job does not care whether anybody listens
		_ = answer.Body.Close()
	}
}

// reportPast tells of the runs before the demo began, so that there is
// something to see at once.
func (d *Demo) reportPast(ctx context.Context) {
	now := d.app.o.Clock.Now()
	var crons []world.Cron
	d.simulation.World().View(func(s *world.State) { crons = s.Crons() })
	app := access.Actor{Kind: access.Machine, ID: "demo", Name: "the demo's past", Role: access.Admin, Scope: access.Report}
	places := make(chan struct{}, 64)
	var sending sync.WaitGroup
	defer sending.Wait()
	for _, c := range crons {
		var runs []world.CronFiring
		d.simulation.World().View(func(s *world.State) { runs = s.CronRuns(c.Path, now.Add(-cronPast), now) })
		for _, f := range runs {
			if f.Status == 0 || f.Cron != c {
				continue
			}
			r := cron.Report{
				To:     cron.Target{Path: f.Path, Create: true, Timetable: cron.Timetable{Schedule: f.Schedule}},
				Signal: cron.Success, Ended: f.At.Add(f.Took), Duration: f.Took, Timed: true, StatusCode: f.Status, ExitCode: -1, Via: "report",
			}
			if f.Status >= http.StatusBadRequest {
				r.Signal, r.Error = cron.Failure, http.StatusText(f.Status)
			}
			select {
			case places <- struct{}{}:
			case <-ctx.Done():
				return
			}
			sending.Go(func() {
				defer func() { <-places }()
				_, _ = d.app.crons.Report(ctx, app, r) // the past can do without a run
			})
		}
	}
}
