package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/cron/expr"
	"github.com/envdeck/envdeck/internal/fault"
)

// cronReport is a run as a job tells of it. The six fields that a job of an
// app has always written come first; the others are for those who know more.
type cronReport struct {
	Project     string `query:"project" doc:"Another project than the first." maxLength:"100"`
	Environment string `query:"environment" doc:"Another environment than production." maxLength:"100"`
	Body        struct {
		Path         string `json:"path" minLength:"1" maxLength:"512" doc:"The path that was called, or the job's name."`
		Timestamp    string `json:"timestamp,omitempty" maxLength:"64" doc:"When the run ended, by the reporter's clock, RFC 3339. Left out: now."`
		DurationMs   *int64 `json:"durationMs,omitempty" minimum:"0"`
		Status       string `json:"status,omitempty" enum:"success,failure" doc:"How the run ended. Required unless phase is start."`
		StatusCode   int    `json:"statusCode,omitempty" minimum:"0" maximum:"999"`
		ErrorMessage string `json:"errorMessage,omitempty" maxLength:"20000"`

		Phase       string `json:"phase,omitempty" enum:"start,finish" doc:"start: the run has begun; finish (or nothing): it has ended."`
		RunID       string `json:"runId,omitempty" maxLength:"128" doc:"The same for the start and the finish of one run, and for every repetition of a report."`
		SentAt      string `json:"sentAt,omitempty" maxLength:"64" doc:"When this report was sent, by the reporter's clock: it shows how wrong that clock is."`
		ExitCode    *int   `json:"exitCode,omitempty" minimum:"0" maximum:"255"`
		Output      string `json:"output,omitempty" maxLength:"60000" doc:"What the run printed; its end counts."`
		Commit      string `json:"commit,omitempty" maxLength:"40" doc:"The commit that ran."`
		Project     string `json:"project,omitempty" maxLength:"100"`
		Environment string `json:"environment,omitempty" maxLength:"100"`
		Schedule    string `json:"schedule,omitempty" maxLength:"256" doc:"The cron expression that fired, such as Vercel's header x-vercel-cron-schedule. A job that nobody else schedules is due by it."`
		Timezone    string `json:"timezone,omitempty" maxLength:"64" doc:"IANA name; UTC when left out."`
		Dialect     string `json:"dialect,omitempty" enum:"unix,vercel,cloudflare,k8s"`
		Grace       int64  `json:"graceSeconds,omitempty" minimum:"0"`
		MaxRun      int64  `json:"maxRunSeconds,omitempty" minimum:"0"`
	}
}

type cronAccepted struct {
	Accepted  bool      `json:"accepted" doc:"It is on disk."`
	Path      string    `json:"path"`
	StartedAt time.Time `json:"startedAt" doc:"When the run began, as far as anybody said."`
	Timing    string    `json:"timing" doc:"How that relates to the times it was due: on time, early, late, duplicate, unexpected, unscheduled."`
	Known     bool      `json:"known" doc:"This run was reported before; nothing was counted twice."`
}

type cronRunsQuery struct {
	Project     string `query:"project" doc:"Another project than the first." maxLength:"100"`
	Path        string `query:"path" required:"true" maxLength:"512"`
	Environment string `query:"environment" doc:"Another environment than production, or * for all." maxLength:"100"`
	Schedule    string `query:"schedule" doc:"Where a path has several." maxLength:"256"`
	Before      string `query:"before" doc:"Only runs that began before, RFC 3339: the startedAt of the last one you have." maxLength:"64"`
	Limit       int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type cronRun struct {
	StartedAt    time.Time  `json:"startedAt"`
	Timestamp    *time.Time `json:"timestamp" doc:"When it ended; null while it runs."`
	DurationMs   *int64     `json:"durationMs" doc:"null: nobody said when it began."`
	Status       string     `json:"status" enum:"running,success,failure,lost,note"`
	StatusCode   *int       `json:"statusCode"`
	ExitCode     *int       `json:"exitCode"`
	ErrorMessage string     `json:"errorMessage,omitempty"`
	Timing       string     `json:"timing" enum:"unscheduled,on time,early,late,duplicate,unexpected"`
	DueAt        *time.Time `json:"dueAt" doc:"The time it was due; null when it is for none."`
	Overran      bool       `json:"overran"`
	Pace         string     `json:"pace" enum:"usual,fast,slow" doc:"Its duration beside the job's own usual ones."`
	Environment  string     `json:"environment"`
	RunID        string     `json:"runId,omitempty"`
	Via          string     `json:"via" doc:"How it was reported."`
	Commit       string     `json:"commit,omitempty"`
	OutputBytes  int        `json:"outputBytes"`
}

type cronRunList struct {
	Runs []cronRun `json:"runs" nullable:"false"`
}

type cronRunNow struct {
	Project string `query:"project" doc:"Another project than the first." maxLength:"100"`
	Body    struct {
		Path     string `json:"path" minLength:"1" maxLength:"512"`
		Schedule string `json:"schedule,omitempty" maxLength:"256" doc:"Where a path has several."`
		Reason   string `json:"reason,omitempty" maxLength:"1000" doc:"Why, for the record."`
	}
}

type cronStarted struct {
	Path      string     `json:"path"`
	StartedAt *time.Time `json:"startedAt" doc:"When the platform called it; null when it did not say."`
}

func (a *API) mountCrons() {
	if a.Crons == nil {
		return
	}
	a.document(a.operation(http.MethodGet, base+"/crons", "crons", "The cron jobs: when they are due, and what became of it", access.ViewCrons), cron.Overview{})
	a.Door.HandleReady("GET "+base+"/crons", access.FaceAPI, access.ViewCrons, func(w http.ResponseWriter, r *http.Request, who access.Actor) {
		s, ages, err := a.Crons.Status(r.Context(), who, projectOf(r))
		if err != nil {
			a.Door.Fail(w, r, access.FaceAPI, err)
			return
		}
		serve(w, r, s, ages)
	})

	runs := a.operation(http.MethodGet, base+"/crons/runs", "cron-runs", "A job's runs, newest first", access.ViewCrons)
	a.refuses(&runs, http.StatusNotFound)
	route(a, runs, a.cronRuns)

	run := a.operation(http.MethodPost, base+"/crons/run", "run-cron", "Run a job now", access.RunCron)
	run.DefaultStatus = http.StatusAccepted
	a.refuses(&run, http.StatusNotFound)
	route(a, run, func(ctx context.Context, who access.Actor, in *cronRunNow) (*body[cronStarted], error) {
		at, err := a.Crons.RunNow(ctx, who, in.Project, in.Body.Path, in.Body.Schedule, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		return &body[cronStarted]{cronStarted{Path: in.Body.Path, StartedAt: maybe(at)}}, nil
	})

	report := a.operation(http.MethodPost, "/api/cron/report", "report-cron", "Report a run of a cron job; answered when it is on disk", access.ReportCron)
	a.refuses(&report, http.StatusNotFound)
	route(a, report, a.reportCron)
}

func (a *API) cronRuns(ctx context.Context, who access.Actor, in *cronRunsQuery) (*body[cronRunList], error) {
	q := cron.Ask{Project: in.Project, Environment: in.Environment, Path: in.Path, Schedule: in.Schedule, Limit: in.Limit}
	if in.Before != "" {
		var err error
		if q.Before, err = time.Parse(time.RFC3339, in.Before); err != nil {
			return nil, wrong("query.before", "must be a time such as 2027-01-31T00:00:00Z")
		}
	}
	runs, err := a.Crons.Runs(ctx, who, q)
	if err != nil {
		return nil, err
	}
	out := cronRunList{Runs: make([]cronRun, 0, len(runs))}
	for _, r := range runs {
		out.Runs = append(out.Runs, cronRunOf(r))
	}
	return &body[cronRunList]{out}, nil
}

func cronRunOf(r cron.RunOf) cronRun {
	out := cronRun{
		StartedAt: r.At, Timestamp: maybe(r.EndedAt), Status: r.State.String(), ErrorMessage: r.Error, Timing: r.Timing.String(),
		DueAt: maybe(r.Slot), Overran: r.Overran, Pace: string(r.Pace), Environment: r.Job.Environment, RunID: r.ID, Via: r.Via,
		Commit: r.Commit, OutputBytes: r.Output,
	}
	if r.Timed {
		ms := r.Duration.Milliseconds()
		out.DurationMs = &ms
	}
	if r.StatusCode != 0 {
		out.StatusCode = &r.StatusCode
	}
	if r.ExitCode >= 0 {
		out.ExitCode = &r.ExitCode
	}
	return out
}

func (a *API) reportCron(ctx context.Context, who access.Actor, in *cronReport) (*body[cronAccepted], error) {
	b := &in.Body
	r := cron.Report{
		Signal: cron.Success, RunID: b.RunID, StatusCode: b.StatusCode, ExitCode: -1, Error: b.ErrorMessage,
		Output: []byte(b.Output), Commit: b.Commit, Via: "report",
		To: cron.Target{
			Project: cmp.Or(b.Project, in.Project), Environment: cmp.Or(b.Environment, in.Environment), Path: b.Path, Create: true,
			Timetable: cron.Timetable{
				Schedule: b.Schedule, Zone: b.Timezone, Dialect: expr.Dialect(b.Dialect),
				Grace: time.Duration(b.Grace) * time.Second, MaxRun: time.Duration(b.MaxRun) * time.Second,
			},
		},
	}
	if b.ExitCode != nil {
		r.ExitCode = *b.ExitCode
	}
	if b.DurationMs != nil {
		r.Duration, r.Timed = time.Duration(*b.DurationMs)*time.Millisecond, true
	}
	var places []fault.Place
	for where, field := range map[string]struct {
		text string
		into *time.Time
	}{"body.timestamp": {b.Timestamp, &r.Ended}, "body.sentAt": {b.SentAt, &r.SentAt}} {
		if field.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, field.text)
		if err != nil {
			places = append(places, fault.Place{Where: where, Problem: "must be a time such as 2027-01-31T00:00:00.000Z"})
		}
		*field.into = at
	}
	switch {
	case b.Phase == "start":
		r.Signal = cron.Start
	case b.Status == "failure":
		r.Signal = cron.Failure
	case b.Status == "":
		places = append(places, fault.Place{Where: "body.status", Problem: "is required: success or failure"})
	}
	if places != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Message: "The report cannot be used.", Places: places}
	}
	done, err := a.Crons.Report(ctx, who, r)
	if err != nil {
		return nil, err
	}
	return &body[cronAccepted]{cronAccepted{
		Accepted: true, Path: done.Job.Path, StartedAt: done.Run.At, Timing: done.Run.Timing.String(), Known: done.Known,
	}}, nil
}
