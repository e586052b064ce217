package ping

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/cron/expr"
)

// ping serves /ping/: Healthchecks.io's protocol (https://healthchecks.io/docs/http_api/),
// and Cronitor's where the query says state=.
//
// Answers are 200 "OK" or, for a job that the ping made, 201 "Created":
// clients such as runitor take no other for success.
func (f *Face) ping(w http.ResponseWriter, r *http.Request, nobody access.Actor) {
	w.Header().Set("Ping-Body-Limit", strconv.Itoa(cron.OutputLimit))
	c, action, known := address(r.PathValue("rest"))
	query, err := url.ParseQuery(r.URL.RawQuery)
	if !known || err != nil {
		say(w, http.StatusNotFound, "not found")
		return
	}
	cronitor := c.slug != "" && query.Has("state")
	report := cron.Report{ExitCode: -1}
	if cronitor {
		if action != "" || !telemetry(&report, query) {
			say(w, http.StatusBadRequest, "invalid state")
			return
		}
	} else if problem := signal(&report, c, action, query); problem != "" {
		say(w, http.StatusBadRequest, problem)
		return
	}
	who, job, err := f.admit(r, nobody, c)
	if err != nil {
		refuse(w, err)
		return
	}
	report.To.Ping = job
	if c.slug != "" {
		if err := slug(&report, c, query, r.Header, cronitor); err != nil {
			refuse(w, err)
			return
		}
	}
	if r.Method == http.MethodPost {
		if body := ending(r); len(body) > 0 {
			report.Output = body
		}
	}
	done, err := f.report(r.Context(), who, report)
	switch {
	case err != nil:
		refuse(w, err)
	case done.Created && !cronitor:
		say(w, http.StatusCreated, "Created")
	default:
		say(w, http.StatusOK, "OK")
	}
}

// address takes the path after /ping/ apart: UUID or key and slug, and an
// action. False when it is neither.
func address(rest string) (c credential, action string, ok bool) {
	parts := strings.Split(rest, "/")
	if slices.Contains(parts, "") {
		return c, "", false
	}
	c.text, parts = parts[0], parts[1:]
	if _, err := uuid.Parse(c.text); err != nil || len(c.text) != 36 {
		if len(parts) == 0 {
			return c, "", false
		}
		c.slug, parts = parts[0], parts[1:]
	}
	switch len(parts) {
	case 0:
		return c, "", true
	case 1:
		action = parts[0]
		return c, action, action == "start" || action == "fail" || action == "log" || digits(action)
	default:
		return c, "", false
	}
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// signal reads the action and the run's id; the text says what is wrong with
// them.
func signal(report *cron.Report, c credential, action string, query url.Values) (problem string) {
	switch action {
	case "":
		report.Signal = cron.Success
	case "start":
		report.Signal = cron.Start
	case "fail":
		report.Signal = cron.Failure
	case "log":
		report.Signal = cron.Log
	default:
		code, err := strconv.Atoi(action)
		if err != nil || code > 255 {
			return "invalid url format"
		}
		report.ExitCode, report.Signal = code, cron.Success
		if code != 0 {
			report.Signal = cron.Failure
		}
	}
	if strings.Trim(c.slug, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return "invalid url format"
	}
	if rid := query.Get("rid"); query.Has("rid") {
		id, err := uuid.Parse(rid)
		if err != nil || len(rid) != 36 {
			return "invalid uuid format"
		}
		report.RunID = id.String()
	}
	return ""
}

// slug names the job of a key, and how it is made when there is none.
func slug(report *cron.Report, c credential, query url.Values, header http.Header, cronitor bool) (err error) {
	get := query.Get
	t := &report.To
	t.Slug, t.Project, t.Environment = c.slug, get("project"), get("environment")
	if t.Environment == "" {
		t.Environment = get("env")
	}
	if t.Timetable, err = timetable(query, get); err != nil {
		return err
	}
	if fired := header.Get("X-Vercel-Cron-Schedule"); fired != "" && t.Schedule == "" {
		t.Schedule, t.Dialect = fired, expr.Vercel
	}
	t.Create = cronitor || get("create") == "1"
	if t.Create && !cronitor && !t.Known() {
		// What Healthchecks.io gives a check that nobody described.
		t.Period = 24 * time.Hour
		if t.Grace == 0 {
			t.Grace = time.Hour
		}
	}
	return nil
}

// telemetry reads Cronitor's query (https://cronitor.io/docs/telemetry-api).
func telemetry(report *cron.Report, query url.Values) bool {
	report.Via = "cronitor"
	switch query.Get("state") {
	case "run":
		report.Signal = cron.Start
	case "complete", "ok", "tick":
		report.Signal = cron.Success
	case "fail":
		report.Signal = cron.Failure
	default:
		return false
	}
	report.RunID = query.Get("series")
	message := query.Get("message")
	if message == "" {
		message = query.Get("msg")
	}
	report.Output = []byte(message)
	if report.Signal == cron.Failure {
		report.Error = message
	}
	if code, err := strconv.Atoi(query.Get("status_code")); err == nil && code >= 0 && code <= 255 {
		report.ExitCode = code
	}
	duration := query.Get("duration")
	for _, metric := range query["metric"] {
		if name, value, ok := strings.Cut(metric, ":"); ok && name == "duration" {
			duration = value
		}
	}
	if seconds, err := strconv.ParseFloat(duration, 64); err == nil && seconds >= 0 && seconds < 1e7 && report.Signal != cron.Start {
		report.Duration, report.Timed = time.Duration(seconds*float64(time.Second)), true
	}
	return true
}
