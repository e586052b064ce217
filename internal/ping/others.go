package ping

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/cron/expr"
	"github.com/envdeck/envdeck/internal/fault"
)

// push serves Uptime Kuma's push address. The token is a job's own ping
// address, with or without its dashes.
func (f *Face) push(w http.ResponseWriter, r *http.Request, nobody access.Actor) {
	answer := func(status int, body string) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the reader has gone: nobody is left to tell
	}
	query := r.URL.Query()
	who, job, err := f.admit(r, nobody, credential{text: r.PathValue("token")})
	if err == nil && job == "" {
		err = errUnknown // a token does not say which job
	}
	if err == nil {
		report := cron.Report{To: cron.Target{Ping: job}, Signal: cron.Success, ExitCode: -1, Via: "push", Output: []byte(query.Get("msg"))}
		if query.Get("status") == "down" {
			report.Signal, report.Error = cron.Failure, query.Get("msg")
		}
		if ms, perr := strconv.ParseFloat(query.Get("ping"), 64); perr == nil && ms >= 0 && ms < 1e10 {
			report.Duration, report.Timed = time.Duration(ms*float64(time.Millisecond)), true
		}
		_, err = f.report(r.Context(), who, report)
	}
	switch fl := fault.From(err); {
	case err == nil:
		answer(http.StatusOK, `{"ok":true}`)
	case fl.Kind == fault.Unavailable || fl.Kind == fault.RateLimited:
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(fl.RetryAfter.Seconds()))))
		answer(fl.Kind.Status(), `{"ok":false,"msg":"Try again later."}`)
	default:
		answer(http.StatusNotFound, `{"ok":false,"msg":"Monitor not found or not active."}`)
	}
}

// checkIn serves Sentry's check-in over HTTP
// (https://docs.sentry.io/product/crons/getting-started/http/). The public key
// in the address is a ping token, or a job's own ping address; the project's
// number says nothing here.
func (f *Face) checkIn(w http.ResponseWriter, r *http.Request, nobody access.Actor) {
	query := r.URL.Query()
	in := checkIn{Status: query.Get("status"), ID: query.Get("check_in_id"), Environment: query.Get("environment")}
	if seconds, err := strconv.ParseFloat(query.Get("duration"), 64); err == nil {
		in.Duration = &seconds
	}
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		if json.Unmarshal(ending(r), &in) != nil {
			say(w, http.StatusBadRequest, "")
			return
		}
	}
	report, ok := in.report()
	if !ok {
		say(w, http.StatusBadRequest, "")
		return
	}
	slug := cron.Slug(r.PathValue("slug"))
	who, job, err := f.admit(r, nobody, credential{text: r.PathValue("key"), slug: slug})
	if err == nil {
		report.To.Ping, report.To.Slug = job, slug
		if project := query.Get("project"); project != "" {
			report.To.Project = project
		}
		_, err = f.report(r.Context(), who, report)
	}
	switch {
	case err == nil:
		say(w, http.StatusAccepted, "")
	case fault.Is(err, fault.RateLimited):
		// Its clients do not know 429 here; they come again after 503.
		refuse(w, fault.Wrap(fault.Unavailable, err, "busy"))
	default:
		refuse(w, err)
	}
}

// checkIn is the body of a check-in.
type checkIn struct {
	Status      string   `json:"status"`
	ID          string   `json:"check_in_id"`
	Environment string   `json:"environment"`
	Duration    *float64 `json:"duration"` // seconds
	Config      *struct {
		Schedule struct {
			Type  string          `json:"type"`
			Value json.RawMessage `json:"value"`
			Unit  string          `json:"unit"`
		} `json:"schedule"`
		Margin   float64 `json:"checkin_margin"` // minutes
		Runtime  float64 `json:"max_runtime"`    // minutes
		Timezone string  `json:"timezone"`
	} `json:"monitor_config"`
}

var units = map[string]time.Duration{
	"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour, "year": 365 * 24 * time.Hour,
}

func (in checkIn) report() (cron.Report, bool) {
	r := cron.Report{ExitCode: -1, Via: "sentry", To: cron.Target{Environment: in.Environment}}
	switch in.Status {
	case "":
		return r, false
	case "in_progress":
		r.Signal = cron.Start
	case "ok":
		r.Signal = cron.Success
	case "error":
		r.Signal = cron.Failure
	default:
		r.Signal = cron.Log // Sentry takes words it does not know, and so do we
	}
	if in.ID != "" {
		id, err := uuid.Parse(in.ID)
		if err != nil {
			return r, false
		}
		if id != uuid.Nil { // all zero stands for the last open one
			r.RunID = id.String()
		}
	}
	if d := in.Duration; d != nil && *d >= 0 && *d < 1e7 && r.Signal != cron.Start {
		r.Duration, r.Timed = time.Duration(*d*float64(time.Second)), true
	}
	if in.Config == nil {
		return r, true
	}
	c := in.Config
	r.To.Create = true
	r.To.Timetable = cron.Timetable{
		Zone: c.Timezone, Dialect: expr.Unix,
		Grace: time.Duration(c.Margin * float64(time.Minute)), MaxRun: time.Duration(c.Runtime * float64(time.Minute)),
	}
	switch c.Schedule.Type {
	case "crontab":
		return r, json.Unmarshal(c.Schedule.Value, &r.To.Schedule) == nil
	case "interval":
		var n float64
		if json.Unmarshal(c.Schedule.Value, &n) != nil || units[c.Schedule.Unit] == 0 {
			return r, false
		}
		r.To.Period = time.Duration(n * float64(units[c.Schedule.Unit]))
		return r, true
	}
	return r, false
}
