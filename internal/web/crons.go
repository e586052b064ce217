package web

import (
	"context"
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/web/panel/crons"
)

// CronRunner asks the platform to run a job outside of its timetable; it
// passes the Gate.
type CronRunner interface {
	RunNow(ctx context.Context, a access.Actor, project, path, schedule, reason string) (time.Time, error)
}

// runCron is the button on a job's page.
func (s *Web) runCron(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	v := r.PostForm
	back := crons.JobPath + "?" + keep(v, "project", "path", "environment").Encode()
	if _, err := s.deps.Runner.RunNow(r.Context(), a, v.Get("project"), v.Get("path"), v.Get("schedule"), v.Get("reason")); err != nil {
		form := formView{Fields: []field{reasonField(false)}}
		s.refused(w, r, err, form, back, "reason", func(int, formView) { s.Problem(w, r, err) })
		return
	}
	done(w, r, back, "cron-run")
}
