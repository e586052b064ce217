package world

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cron is one entry of vercel.json.
type Cron struct {
	Path     string `json:"path"`
	Schedule string `json:"schedule"`
}

// CronFiring is one call of a cron by the platform. Took and Status are what
// the app needed and answered.
type CronFiring struct {
	Cron
	At         time.Time // the minute it was due, plus the scheduler's delay
	Took       time.Duration
	Status     int // HTTP status; 0: the platform never called
	Deployment string
	Manual     bool
}

// CronsAt lists the crons of vercel.json at a commit.
func (s *State) CronsAt(sha string) []Cron {
	text := s.Files(sha)["vercel.json"]
	if known, ok := s.crons[text]; ok { // most commits leave the file alone, and every minute asks
		return known
	}
	var file struct {
		Crons []Cron `json:"crons"`
	}
	// The world writes this file itself; one that does not parse has no crons.
	_ = json.Unmarshal([]byte(text), &file)
	s.crons[text] = file.Crons
	return file.Crons
}

// Crons lists what is scheduled now: the crons of the deployment that set them
// last, which is the live one unless a rollback left them alone.
func (s *State) Crons() []Cron {
	if of := s.byID[s.Project.CronsOf]; of != nil {
		return s.CronsAt(of.SHA)
	}
	return nil
}

// SetCrons turns all crons on or off.
func (s *State) SetCrons(on bool) {
	s.Project.CronsEnabled, s.Project.CronsChanged = on, s.now
	s.Project.CronsDisable = time.Time{}
	if !on {
		s.Project.CronsDisable = s.now
	}
}

// RunCron calls a cron now, as the platform's button does.
func (s *State) RunCron(c Cron) (CronFiring, error) {
	if !slices.Contains(s.Crons(), c) {
		return CronFiring{}, ErrNotFound
	}
	f := s.firing(c, s.now, s.Live())
	f.Manual = true
	s.emit(Event{At: s.now, Kind: CronFired, Deployment: f.Deployment, Cron: &f})
	return f, nil
}

// CronRuns lists what happened to a path in [from, to), newest first. It is
// computed, not stored: history reaches as far back as the world does.
func (s *State) CronRuns(path string, from, to time.Time) []CronFiring {
	if from.Before(s.Born) {
		from = s.Born
	}
	if to.After(s.now) {
		to = s.now
	}
	var out []CronFiring
	for at := to.Truncate(time.Minute); !at.Before(from); at = at.Add(-time.Minute) {
		d := s.LiveAt(at)
		if d == nil {
			break
		}
		for _, c := range s.CronsAt(d.SHA) {
			if c.Path == path && c.due(at) {
				if f := s.firing(c, at, d); f.At.Before(to) {
					out = append(out, f)
				}
			}
		}
	}
	return out
}

// tick fires what is due this minute and plans the next minute. The first one
// is planned when the world is made.
func (s *State) tick() {
	s.At(s.now.Truncate(time.Minute).Add(time.Minute), (*State).tick)
	if !s.Project.CronsEnabled || s.Knobs.CronsStop {
		return
	}
	live := s.Live()
	for _, c := range s.Crons() {
		if !c.due(s.now) {
			continue
		}
		f := s.firing(c, s.now, live)
		if !slices.ContainsFunc(s.CronsAt(live.SHA), func(has Cron) bool { return has.Path == c.Path }) {
			f.Status = http.StatusNotFound // a schedule of another build calls what the live one does not have
		}
		s.At(f.At, func(s *State) {
			s.emit(Event{At: f.At, Kind: CronFired, Deployment: f.Deployment, Cron: &f})
		})
	}
}

// firing is what comes of calling c in the minute at: the platform is a few
// seconds late, a job has its own usual length, one run in a hundred fails.
func (s *State) firing(c Cron, at time.Time, d *Deployment) CronFiring {
	key := c.Path + "|" + strconv.FormatInt(at.Unix(), 10)
	usual := time.Duration(120+s.quick(0, c.Path)*4200) * time.Millisecond
	f := CronFiring{
		Cron: c, At: at.Add(time.Duration(s.quick(1, key)*7000) * time.Millisecond),
		Took:       time.Duration(float64(usual) * (0.6 + 0.9*s.quick(2, key))).Truncate(time.Millisecond),
		Status:     http.StatusOK,
		Deployment: d.ID,
	}
	share := 0.01
	if s.Knobs.CronFails > 0 {
		share = s.Knobs.CronFails
	}
	if s.quick(3, key) < share {
		f.Status = http.StatusInternalServerError
	}
	if k := s.App(Prod, at); k.Status == "down" || k.Database == "error" || k.Mode != AppUp {
		f.Status = http.StatusServiceUnavailable
	}
	return f
}

// due says whether a cron is due in the minute of t (UTC). Only the syntax
// that Vercel takes: numbers, *, lists, ranges and steps.
func (c Cron) due(t time.Time) bool {
	fields := strings.Fields(c.Schedule)
	if len(fields) != 5 {
		return false
	}
	t = t.UTC()
	values := [5]int{t.Minute(), t.Hour(), t.Day(), int(t.Month()), int(t.Weekday())}
	for i, f := range fields {
		if !fieldHolds(f, values[i]) {
			return false
		}
	}
	return true
}

func fieldHolds(field string, value int) bool {
	for part := range strings.SplitSeq(field, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			step, _ = strconv.Atoi(stepText)
		}
		lo, hi := 0, 59
		if span != "*" {
			from, to, isRange := strings.Cut(span, "-")
			lo, _ = strconv.Atoi(from)
			hi = lo
			if isRange {
				hi, _ = strconv.Atoi(to)
			}
		}
		if step > 0 && value >= lo && value <= hi && (value-lo)%step == 0 {
			return true
		}
	}
	return false
}

// Outcome is what the app makes of a cron call that comes now: how long it
// works and the status it answers. ok is false for a path it does not have.
func (s *State) Outcome(e Env, path string) (took time.Duration, status int, ok bool) {
	served := s.Serving(e)
	for _, c := range s.CronsAt(served.SHA) {
		if c.Path != path {
			continue
		}
		f := s.firing(c, s.now.Truncate(time.Minute), &Deployment{})
		if served.Status == "down" {
			f.Status = http.StatusServiceUnavailable
		}
		return f.Took, f.Status, true
	}
	return 0, 0, false
}
