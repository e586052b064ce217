package cron

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/cron/expr"
	"github.com/envdeck/envdeck/internal/fault"
)

// Job is one thing that should run again and again in one environment.
type Job struct {
	ID          int64
	Project     string
	Environment string
	// Path is the path that is called, "/api/cron/pulse-metrics", or the name
	// of a job that is no path, "nightly-backup".
	Path string
	// Variant is the schedule where one path has several, else "".
	Variant string

	Timetable
	Source Source
	// Ping is the job's own ping address, a UUID. Whoever knows it can report
	// runs of this job and do nothing else.
	Ping string
	// Active says that runs are expected. A job that is no longer scheduled
	// keeps its history.
	Active bool
	// Since is when we learned of the timetable: no run is expected before.
	Since     time.Time
	CreatedAt time.Time
}

// Timetable says when a job is due and how much patience there is. The zero
// value is "not known": nothing is expected then.
type Timetable struct {
	Schedule string // a cron expression, "" when there is none
	Dialect  expr.Dialect
	Zone     string // IANA name, "" is UTC
	// Period is for jobs that only say how often they run: each run is due a
	// period after the one before.
	Period time.Duration
	// Grace is how late a run may start, MaxRun how long it may take, Early how
	// much before its time it may start and still count. 0 chooses one that
	// suits the schedule.
	Grace, MaxRun, Early time.Duration
}

// Known says whether anything is known of when the job is due.
func (t Timetable) Known() bool { return t.Schedule != "" || t.Period > 0 }

// Source is who said when the job runs: a provider's name, or one of these.
type Source string

// The sources that are not providers.
const (
	FromFile   Source = "file"   // a file of the repository
	FromConfig Source = "config" // the list in the configuration
	FromReport Source = "report" // the job itself, with its first report
)

// Limits of what a job may ask for, and of what is kept.
const (
	MaxPatience  = 365 * 24 * time.Hour
	minPeriod    = time.Minute
	maxPath      = 512
	defaultRun   = time.Hour
	maxJobs      = 2000 // of one project that came by reports alone
	longestRun   = 72 * time.Hour
	OutputLimit  = 100_000 // bytes kept of what a run printed, from its end
	runIDLimit   = 128
	recentRuns   = 64
	durationsFor = 200
)

// Check says what is wrong with a timetable: fault.Invalid with the places.
func (t Timetable) Check() error {
	_, err := t.compile()
	return err
}

// compiled is a timetable that can be asked.
type compiled struct {
	Timetable
	expr  expr.Schedule
	zone  *time.Location
	words string // see text
}

func (t Timetable) compile() (compiled, error) {
	c := compiled{Timetable: t, zone: time.UTC}
	var places []fault.Place
	wrong := func(where, problem string) { places = append(places, fault.Place{Where: where, Problem: problem}) }
	if t.Schedule != "" {
		var err error
		if c.expr, err = expr.Parse(t.Schedule, cmp.Or(t.Dialect, expr.Unix)); err != nil {
			wrong("schedule", err.Error())
		} else if _, ok := c.expr.Next(time.Unix(1_790_000_000, 0), time.UTC); !ok {
			wrong("schedule", "never runs")
		}
	}
	if t.Zone != "" {
		zone, err := time.LoadLocation(t.Zone)
		if err != nil || t.Zone == "Local" {
			wrong("timezone", "is no time zone; use an IANA name such as Europe/London")
		} else {
			c.zone = zone
		}
	}
	if t.Period != 0 && (t.Period < minPeriod || t.Period > MaxPatience) {
		wrong("period", "must be between 1 minute and 365 days")
	}
	for where, d := range map[string]time.Duration{"grace": t.Grace, "max_run": t.MaxRun, "early": t.Early} {
		if d < 0 || d > MaxPatience {
			wrong(where, "must be at most 365 days")
		}
	}
	if places != nil {
		return compiled{}, &fault.Error{Kind: fault.Invalid, Message: "The job's timetable cannot be used.", Places: places}
	}
	c.words = c.text()
	return c, nil
}

// next is the first slot after a time, for a job that runs by schedule.
func (c *compiled) next(after time.Time) (time.Time, bool) {
	t, ok := c.expr.Next(after, c.zone)
	return t.UTC(), ok
}

// at is the last slot at or before a time.
func (c *compiled) at(t time.Time) (time.Time, bool) {
	s, ok := c.expr.Prev(t.Add(1), c.zone)
	return s.UTC(), ok
}

// gap is the shorter of the distances from a slot to its neighbours.
func (c *compiled) gap(slot time.Time) time.Duration {
	after, ok := c.next(slot)
	if !ok {
		return MaxPatience
	}
	gap := after.Sub(slot)
	if before, ok := c.at(slot.Add(-1)); ok {
		gap = min(gap, slot.Sub(before))
	}
	return gap
}

// grace is how late a run of the slot may start. Chosen by us it is a tenth of
// the way to the next slot: schedulers promise the minute, and the rarer a job
// is, the less a few minutes matter.
func (c *compiled) grace(slot time.Time) time.Duration {
	switch {
	case c.Grace > 0:
		return c.Grace
	case c.Period > 0:
		return min(max(c.Period/10, time.Minute), time.Hour)
	default:
		return min(max(c.gap(slot)/10, time.Minute), 30*time.Minute)
	}
}

// early is how long before the slot a run may start and count for it.
func (c *compiled) early(slot time.Time) time.Duration {
	gap := c.gap(slot)
	if c.Early > 0 {
		return min(c.Early, gap/2)
	}
	return min(gap/10, 5*time.Minute)
}

// maxRun is how long a run may take.
func (c *compiled) maxRun() time.Duration { return cmp.Or(c.MaxRun, defaultRun) }

// text is the timetable in words.
func (c *compiled) text() string {
	switch {
	case c.Schedule != "":
		return c.expr.Text()
	case c.Period > 0:
		return "Every " + spoken(c.Period) + ", counted from the run before"
	default:
		return ""
	}
}

func spoken(d time.Duration) string {
	for _, u := range []struct {
		d    time.Duration
		word string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / u.d; d%u.d == 0 && n == 1 {
			return u.word
		} else if d%u.d == 0 && n > 1 {
			return strconv.FormatInt(int64(n), 10) + " " + u.word + "s"
		}
	}
	return d.String()
}

// Slug is a path as it is written in the address of a ping: lower case letters,
// digits, - and _.
func Slug(path string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(path) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}
