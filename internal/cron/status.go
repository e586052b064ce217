package cron

import (
	"time"
)

// Overview is the answer to "how do the cron jobs stand".
type Overview struct {
	Crons       []JobInfo   `json:"crons"`
	Sources     []JobSource `json:"sources"`
	LastUpdated time.Time   `json:"lastUpdated"`
}

// Stamp answers a copy that says when it last changed.
func (s Overview) Stamp(at time.Time) Overview { s.LastUpdated = at; return s }

// JobSource is where timetables came from.
type JobSource struct {
	Name      string            `json:"name"`
	FetchedAt *time.Time        `json:"fetchedAt"`
	Stale     bool              `json:"stale"`
	Error     *JobSourceProblem `json:"error,omitempty"`
	// Build is of a platform, which runs the schedules that came with a build.
	Build *SourceBuild `json:"build,omitempty" doc:"The build that the platform's schedules are of. Only of platforms that say so."`
}

// JobSourceProblem is why a source has no fresh facts.
type JobSourceProblem struct {
	Kind       string     `json:"kind"`
	Message    string     `json:"message"`
	RetryAfter *time.Time `json:"retryAfter"`
}

// JobInfo is one job: what it is in production, and how it stands in every
// environment that knows it.
type JobInfo struct {
	Path          string      `json:"path"`
	Schedule      *string     `json:"schedule"`
	ScheduleHuman *string     `json:"scheduleHuman"`
	LastRun       *JobLastRun `json:"lastRun"`
	NextRun       *time.Time  `json:"nextRun"`
	Stats         JobStats    `json:"stats"`

	State    Standing `json:"state"`
	Timezone string   `json:"timezone"`
	// Source is who said when it runs.
	Source       string                    `json:"source"`
	Environments map[string]JobEnvironment `json:"environments"`
}

// JobEnvironment is how a job stands in one environment.
type JobEnvironment struct {
	State         Standing    `json:"state"`
	Schedule      *string     `json:"schedule"`
	ScheduleHuman *string     `json:"scheduleHuman"`
	LastRun       *JobLastRun `json:"lastRun"`
	NextRun       *time.Time  `json:"nextRun"`
	Running       int         `json:"running"`
	Stats         JobStats    `json:"stats"`
	// Awaiting is set while the job was not heard of since production moved.
	Awaiting *JobAwaiting `json:"awaiting"`
	// Advice is what could be better about it.
	Advice []JobAdvice `json:"advice,omitempty" doc:"What could be better about it, by its recorded runs. Left out when there is nothing, or too little on record."`
}

// JobAwaiting is a move of the environment after which a job was not heard of.
type JobAwaiting struct {
	OperationID string     `json:"operationId"`
	Kind        SwitchKind `json:"kind" enum:"promotion,rollback,deployment"`
	MovedAt     time.Time  `json:"movedAt"`
	DueAt       *time.Time `json:"dueAt" doc:"Its first time after the move."`
	Silent      bool       `json:"silent" doc:"That time has passed without a run, and the job ran before."`
}

// JobLastRun is the newest run that ended.
type JobLastRun struct {
	Timestamp    time.Time `json:"timestamp"`
	DurationMs   *int64    `json:"durationMs"`
	Status       string    `json:"status"`
	StatusCode   *int      `json:"statusCode"`
	ErrorMessage string    `json:"errorMessage,omitempty"`
	Timing       string    `json:"timing"`
}

// JobStats is a week of runs, and what part of the week the numbers cover.
type JobStats struct {
	SuccessCount7d int64  `json:"successCount7d"`
	FailureCount7d int64  `json:"failureCount7d"`
	AvgDurationMs  *int64 `json:"avgDurationMs"`
	MaxDurationMs  *int64 `json:"maxDurationMs"`
	LateCount7d    int64  `json:"lateCount7d"`
	MissedCount7d  int64  `json:"missedCount7d"`
	// CoveredFrom is where the numbers begin, to the hour.
	CoveredFrom time.Time `json:"coveredFrom"`
}

// assemble makes the answer of what is known now.
func (s *shelf) assemble(views []*View, now time.Time) Overview {
	out := Overview{Crons: []JobInfo{}, Sources: []JobSource{}}
	index := map[[2]string]int{}
	for _, v := range views {
		key := [2]string{v.Job.Path, v.Job.Variant}
		i, ok := index[key]
		if !ok {
			i = len(out.Crons)
			index[key] = i
			out.Crons = append(out.Crons, JobInfo{Path: v.Job.Path, State: StandUnknown, Timezone: "UTC", Environments: map[string]JobEnvironment{}})
		}
		info := &out.Crons[i]
		e := v.environment(now)
		e.Advice = wireAdvice(s.adviceOn(v.Job.ID))
		info.Environments[v.Job.Environment] = e
		// The head of the entry is production; a job that only others have
		// shows one of them.
		if v.Job.Environment == s.production || len(info.Environments) == 1 {
			info.Schedule, info.ScheduleHuman, info.LastRun, info.NextRun, info.Stats = e.Schedule, e.ScheduleHuman, e.LastRun, e.NextRun, e.Stats
			info.State, info.Source = e.State, string(v.Job.Source)
			if v.Job.Zone != "" && !v.due.Dialect.UTCOnly() {
				info.Timezone = v.Job.Zone
			}
		}
	}
	for _, src := range s.sources {
		out.Sources = append(out.Sources, src.info(now))
	}
	return out
}

func (v *View) environment(now time.Time) JobEnvironment {
	e := JobEnvironment{State: v.Standing, NextRun: maybe(v.Next(now)), Running: len(v.Open), Stats: v.Stats.info()}
	if v.Job.Known() {
		schedule := v.Job.Schedule
		if schedule == "" {
			schedule = "@every " + v.Job.Period.String()
		}
		e.Schedule, e.ScheduleHuman = &schedule, &v.Words
	}
	if w := v.Awaited; w != nil {
		e.Awaiting = &JobAwaiting{w.Switch.Operation, w.Switch.Kind, w.Switch.At, maybe(w.Due), w.Silent}
	}
	if r := v.Last; r != nil {
		e.LastRun = &JobLastRun{Timestamp: r.EndedAt, Status: r.State.String(), ErrorMessage: r.Error, Timing: r.Timing.String()}
		if r.Timed {
			e.LastRun.DurationMs = millis(r.Duration)
		}
		if r.StatusCode != 0 {
			e.LastRun.StatusCode = &r.StatusCode
		}
	}
	return e
}

func (s Stats) info() JobStats {
	i := JobStats{
		SuccessCount7d: s.Good, FailureCount7d: s.Failed, LateCount7d: s.Late, MissedCount7d: s.Missed,
		CoveredFrom: s.From.Truncate(time.Hour),
	}
	if s.Timed > 0 {
		i.AvgDurationMs, i.MaxDurationMs = millis(s.Average), millis(s.Max)
	}
	return i
}

func millis(d time.Duration) *int64 { ms := d.Round(time.Millisecond).Milliseconds(); return &ms }

func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
