package sentry

import (
	"encoding/json"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// monitor watches one cron job: those of the app, and those that a check-in
// brought along.
type monitor struct {
	slug, schedule, timezone string
	margin, runtime          int // minutes
	cron                     *world.Cron
	made                     time.Time
}

// checkin is one report of a run.
type checkin struct {
	id, slug, environment, status string
	duration                      time.Duration // negative: not told
	at, begun                     time.Time
}

type checkinBody struct {
	Slug          string   `json:"monitor_slug"` // in an envelope; the path has it otherwise
	CheckInID     *string  `json:"check_in_id"`
	Status        *string  `json:"status" wire:"oneof=in_progress|ok|error"`
	Environment   *string  `json:"environment"`
	Duration      *float64 `json:"duration"`
	MonitorConfig *struct {
		Schedule struct {
			Type  string          `json:"type"`
			Value json.RawMessage `json:"value"`
			Unit  string          `json:"unit"`
		} `json:"schedule"`
		CheckinMargin *int    `json:"checkin_margin"`
		MaxRuntime    *int    `json:"max_runtime"`
		Timezone      *string `json:"timezone"`
	} `json:"monitor_config"`
}

func (f *Face) monitorRoutes() []wire.Route {
	one := orgPath + "/monitors/{monitor}"
	ingest := []wire.Param{
		{Name: "status", Type: wire.Enum, OneOf: []string{"in_progress", "ok", "error"}},
		{Name: "environment", Type: wire.String},
		{Name: "check_in_id", Type: wire.String},
		{Name: "duration", Type: wire.String},
		{Name: "sentry_key", Type: wire.String},
	}
	var out []wire.Route
	for _, p := range []string{"/api/{project}/cron/{monitor}/{key}/{$}", "/api/{project}/cron/{monitor}/{key}"} {
		out = append(out,
			wire.Route{Pattern: "GET " + p, Doc: "takes a check-in", Open: true, Query: ingest, Handle: f.on(takeCheckin), PretendStatus: http.StatusAccepted},
			wire.Route{Pattern: "POST " + p, Doc: "takes a check-in", Open: true, Query: ingest, Body: wire.OptionalBody[checkinBody](), Handle: f.on(takeCheckin), PretendStatus: http.StatusAccepted},
		)
	}
	return append(out,
		wire.Route{
			Pattern: "GET " + orgPath + "/monitors/{$}", Doc: "cron monitors", Need: needMonitors,
			Query: span(wire.Param{Name: "owner", Type: wire.String, Repeat: true}, cursorParam, perPage), Handle: f.on(func(i *in) (*wire.Answer, error) {
				if _, err := i.picked(); err != nil {
					return nil, err
				}
				return list(i, i.monitors(), i.monitor)
			}),
		},
		wire.Route{Pattern: "GET " + one + "/{$}", Doc: "one monitor", Need: needMonitors, Handle: f.on(onMonitor(func(i *in, m *monitor) (*wire.Answer, error) {
			return wire.OK(i.monitor(m)), nil
		}))},
		wire.Route{
			Pattern: "GET " + one + "/checkins/{$}", Doc: "its check-ins, newest first", Need: needCheckins,
			Query: span(cursorParam, perPage), Handle: f.on(onMonitor(func(i *in, m *monitor) (*wire.Answer, error) {
				from, to, err := i.window(24 * time.Hour)
				if err != nil {
					return nil, err
				}
				return list(i, i.checkins(m, from, to), func(c *checkin) obj { return i.checkin(m, c) })
			})),
		},
	)
}

func onMonitor(do func(*in, *monitor) (*wire.Answer, error)) func(*in) (*wire.Answer, error) {
	return func(i *in) (*wire.Answer, error) {
		for _, m := range i.monitors() {
			if m.slug == i.Path("monitor") {
				return do(i, m)
			}
		}
		return nil, notFound()
	}
}

func (i *in) monitors() []*monitor {
	var out []*monitor
	for _, c := range i.s.Crons() {
		out = append(out, &monitor{slug: path.Base(c.Path), schedule: c.Schedule, timezone: "UTC", margin: 5, runtime: 15, cron: &c, made: i.s.Project.CreatedAt})
	}
	i.face.mu.Lock()
	defer i.face.mu.Unlock()
	for _, slug := range slices.Sorted(maps.Keys(i.face.monitors)) {
		if !slices.ContainsFunc(out, func(m *monitor) bool { return m.slug == slug }) {
			out = append(out, i.face.monitors[slug])
		}
	}
	return out
}

// checkins are those that the app's crons imply and those that came in.
func (i *in) checkins(m *monitor, from, to time.Time) []*checkin {
	var out []*checkin
	if m.cron != nil {
		for _, run := range i.s.CronRuns(m.cron.Path, from, to) {
			c := &checkin{
				id: uuid(i.s.Hex(32, "checkin", m.slug, run.At.UnixMilli())), slug: m.slug, environment: "production", status: "ok",
				duration: run.Took, at: run.At.Add(run.Took), begun: run.At,
			}
			switch {
			case run.Status == 0:
				c.status, c.duration, c.at = "missed", -1, run.At.Add(time.Duration(m.margin)*time.Minute)
			case run.Status >= 400:
				c.status = "error"
			}
			out = append(out, c)
		}
	}
	i.face.mu.Lock()
	defer i.face.mu.Unlock()
	for _, c := range i.face.checkins {
		if c.slug == m.slug && !c.at.Before(from) && !c.at.After(to) {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b *checkin) int { return b.at.Compare(a.at) })
	return out
}

func uuid(hex string) string {
	return strings.Join([]string{hex[:8], hex[8:12], "4" + hex[13:16], "8" + hex[17:20], hex[20:32]}, "-")
}

func (m *monitor) config() obj {
	return obj{
		"schedule_type": "crontab", "schedule": m.schedule, "timezone": m.timezone, "checkin_margin": m.margin, "max_runtime": m.runtime,
		"failure_issue_threshold": 1, "recovery_threshold": 1, "alert_rule_id": nil,
	}
}

func (i *in) checkin(m *monitor, c *checkin) obj {
	var took any
	if c.duration >= 0 {
		took = c.duration.Milliseconds()
	}
	return obj{
		"id": c.id, "environment": c.environment, "status": c.status, "duration": took, "dateCreated": stamp(c.at), "dateAdded": stamp(c.at),
		"dateUpdated": stamp(c.at), "dateInProgress": stampOrNull(c.begun), "dateClock": stamp(c.at), "expectedTime": stampOrNull(c.begun.Truncate(time.Minute)), "monitorConfig": m.config(),
	}
}

func (i *in) monitor(m *monitor) obj {
	now := i.s.Now()
	environment := obj{
		"name": "production", "status": "active", "isMuted": false, "dateCreated": stamp(m.made), "lastCheckIn": nil,
		"nextCheckIn": stamp(now.Add(time.Minute)), "nextCheckInLatest": stamp(now.Add(time.Duration(m.margin+1) * time.Minute)), "activeIncident": nil,
	}
	// A day and a half holds the last run of every schedule the app has.
	if list := i.checkins(m, now.Add(-36*time.Hour), now); len(list) > 0 {
		environment["lastCheckIn"], environment["name"] = stamp(list[0].at), list[0].environment
		switch list[0].status {
		case "missed", "error", "timeout":
			environment["status"] = list[0].status
		default:
			environment["status"] = "ok"
		}
	} else {
		environment["lastCheckIn"] = stamp(m.made)
	}
	p := i.s.People[0]
	project := i.project(i.projects()[0])
	return obj{
		"id": uuid(i.s.Hex(32, "monitor", m.slug)), "slug": m.slug, "name": m.slug, "status": "active", "isMuted": false, "isUpserting": m.cron == nil,
		"config": m.config(), "dateCreated": stamp(m.made), "project": project, "environments": []obj{environment},
		"owner": obj{"type": "user", "id": "1", "name": p.Name, "email": p.Email},
	}
}

// takeCheckin is the ingest address, which answers 202 before it looks: what
// it cannot use is dropped without a word.
func takeCheckin(i *in) (*wire.Answer, error) {
	body := wire.BodyOf[checkinBody](i.Call)
	c := &checkin{
		slug: i.Path("monitor"), status: i.Str("status"), environment: i.StrOr("environment", "production"), id: i.Str("check_in_id"), duration: -1,
	}
	if n, err := strconv.ParseFloat(i.Str("duration"), 64); err == nil {
		c.duration = time.Duration(n * float64(time.Second))
	}
	if c.status == "" && body.Status == nil {
		return nil, bad("missing status")
	}
	i.take(body, c)
	return wire.Empty(http.StatusAccepted), nil
}

// take keeps a check-in: c with what the body says besides. A body may bring the
// monitor along.
func (i *in) take(body checkinBody, c *checkin) {
	c.at, c.begun = i.Now, i.Now
	if body.Duration != nil {
		c.duration = time.Duration(*body.Duration * float64(time.Second))
	}
	for into, from := range map[*string]*string{&c.status: body.Status, &c.environment: body.Environment, &c.id: body.CheckInID} {
		if from != nil {
			*into = *from
		}
	}
	i.face.mu.Lock()
	defer i.face.mu.Unlock()
	if k := body.MonitorConfig; k != nil && k.Schedule.Type == "crontab" {
		m := &monitor{slug: c.slug, timezone: "UTC", margin: 1, runtime: 30, made: i.Now}
		if json.Unmarshal(k.Schedule.Value, &m.schedule) == nil {
			if k.CheckinMargin != nil {
				m.margin = *k.CheckinMargin
			}
			if k.MaxRuntime != nil {
				m.runtime = *k.MaxRuntime
			}
			if k.Timezone != nil {
				m.timezone = *k.Timezone
			}
			i.face.monitors[c.slug] = m
		}
	}
	i.face.keep(c)
	i.Changed()
}

// keep adds a check-in, or completes the one with the same id; without an id,
// the last one that is in progress. The caller holds mu.
func (f *Face) keep(c *checkin) {
	for n, had := range slices.Backward(f.checkins) {
		if had.slug == c.slug && had.environment == c.environment && (c.id != "" && had.id == c.id || c.id == "" && had.status == "in_progress") {
			c.id, c.begun = had.id, had.begun
			f.checkins[n] = c
			return
		}
	}
	if c.id == "" {
		c.id = uuid(strings.Repeat("0", 24) + strconv.FormatInt(0x10000000+int64(len(f.checkins)), 16))
	}
	f.checkins = append(f.checkins, c)
}
