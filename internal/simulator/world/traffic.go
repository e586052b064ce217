package world

import (
	"math"
	"time"
)

// Visits are web analytics of a span of time.
type Visits struct {
	Visitors  int
	PageViews int
}

// Traffic sums an environment's visits in [from, to), as far as they lie
// between the world's birth and its now.
func (s *State) Traffic(e Env, from, to time.Time) Visits {
	var visitors, views float64
	s.hours(from, to, func(hour time.Time, share float64) {
		v := s.visitorsPerHour(e, hour)
		visitors += v * share
		views += v * share * (2.6 + 0.8*s.Chance("views", e, hour.Unix()))
	})
	return Visits{Visitors: int(visitors), PageViews: int(views)}
}

// Requests is how many HTTP requests an environment got in [from, to).
func (s *State) Requests(e Env, from, to time.Time) int {
	var sum float64
	s.hours(from, to, func(hour time.Time, share float64) {
		sum += s.visitorsPerHour(e, hour) * requestsPerVisitor * share
	})
	return int(sum)
}

const requestsPerVisitor = 41.0

// hours cuts [from, to) into parts of whole clock hours, clipped to the time
// the world exists; share is the part of the hour that lies inside.
func (s *State) hours(from, to time.Time, do func(hour time.Time, share float64)) {
	if from.Before(s.Born) {
		from = s.Born
	}
	if to.After(s.now) {
		to = s.now
	}
	for at := from; at.Before(to); {
		hour := at.Truncate(time.Hour)
		end := hour.Add(time.Hour)
		if end.After(to) {
			end = to
		}
		do(hour, float64(end.Sub(at))/float64(time.Hour))
		at = end
	}
}

// weatherKey is one hour of an environment.
type weatherKey struct {
	env  Env
	hour int64
}

// visitorsPerHour is a day's curve (low at 4, high at 16 UTC), quieter on
// weekends, growing slowly, with weather. An hour's is asked for by each of its
// minutes.
func (s *State) visitorsPerHour(e Env, hour time.Time) float64 {
	key := weatherKey{e, hour.Unix()}
	if known, ok := s.weather[key]; ok {
		return known
	}
	v := s.visitorsOf(e, hour)
	s.weather[key] = v
	return v
}

func (s *State) visitorsOf(e Env, hour time.Time) float64 {
	base := 420.0
	switch e {
	case Next:
		base = 3
	case Dev:
		return 0
	case Prod:
	}
	day := 1 + 0.62*math.Cos(2*math.Pi*float64(hour.Hour()-16)/24)
	if wd := hour.Weekday(); wd == time.Saturday || wd == time.Sunday {
		day *= 0.7
	}
	growth := 1 + 0.004*hour.Sub(s.Epoch).Hours()/24
	return base * day * growth * (0.85 + 0.3*s.Chance("weather", e, hour.Unix()))
}

// ErrorsBetween counts an environment's errors per bucket, oldest first, for
// the whole buckets from `from` (rounded down to the minute) up to `to`. They
// follow from the traffic and from how the build that served did.
func (s *State) ErrorsBetween(e Env, from, to time.Time, bucket time.Duration) []int {
	if bucket < time.Minute {
		bucket = time.Minute
	}
	from = from.Truncate(time.Minute)
	if !to.After(from) {
		return nil
	}
	out := make([]int, (to.Sub(from)+bucket-1)/bucket)
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		out[at.Sub(from)/bucket] += s.errorsInMinute(e, at)
	}
	return out
}

// Errors is the sum of ErrorsBetween.
func (s *State) Errors(e Env, from, to time.Time) int {
	sum := 0
	for _, n := range s.ErrorsBetween(e, from, to, to.Sub(from)) {
		sum += n
	}
	return sum
}

// errorRatio is the normal share of requests that end in an error.
const errorRatio = 0.00016

// errorsInMinute is the sum of a minute's bursts.
func (s *State) errorsInMinute(e Env, minute time.Time) int {
	sum := 0
	for _, b := range s.bursts(e, minute) {
		sum += b.n
	}
	return sum
}

// burst is the errors of an environment within some seconds.
type burst struct {
	at      time.Time
	seconds int
	n       int
}

// bursts are the errors of one minute. While a sick build serves they are
// counted by two seconds, because it may be taken back within the minute.
//
// Each is a whole number although the expected one is a fraction: the fraction
// is the (stable) chance of one more.
func (s *State) bursts(e Env, minute time.Time) []burst {
	if minute.Before(s.Born) || minute.After(s.now) {
		return nil
	}
	perMinute := s.visitorsPerHour(e, minute.Truncate(time.Hour)) * requestsPerVisitor / 60
	if e == Dev {
		perMinute = 4
	}
	step := time.Minute
	if s.sickly(e, minute) || s.sickly(e, minute.Add(time.Minute-1)) {
		step = 2 * time.Second
	}
	var out []burst
	for at := minute; at.Before(minute.Add(time.Minute)) && !at.After(s.now); at = at.Add(step) {
		part := step.Minutes()
		if left := s.now.Sub(at); left < step {
			part = left.Minutes()
		}
		expected := perMinute * errorRatio * s.errorFactor(e, at) * part
		whole := math.Floor(expected)
		if s.quick(uint64(at.Unix()), string(e)) < expected-whole {
			whole++
		}
		if whole > 0 {
			out = append(out, burst{at: at, seconds: int(step / time.Second), n: int(whole)})
		}
	}
	return out
}

// sickly says that the build which serves at t has something wrong with it.
func (s *State) sickly(e Env, t time.Time) bool {
	if e == Dev {
		return false
	}
	d, _ := s.serving(e, t)
	return d != nil && len(d.Ills)+len(d.LiveIlls) > 0
}

// errorFactor is how much worse than normal an environment did at t.
func (s *State) errorFactor(e Env, t time.Time) float64 {
	factor := 1.0
	if e != Dev {
		if d, since := s.serving(e, t); d != nil {
			for _, ill := range illsAt(d, e, since, t) {
				factor *= ill.factor()
			}
		}
	}
	k := s.App(e, t)
	if k.Errors > 0 {
		factor *= k.Errors
	}
	if k.Status == "down" || k.Database == "error" {
		factor *= 200
	}
	return factor
}

func (i Ill) factor() float64 {
	switch i.Kind {
	case IllErrors:
		if i.Factor > 0 {
			return i.Factor
		}
		return 50
	case IllDegraded:
		return 6
	case IllDown, IllError, IllDatabase:
		return 300
	}
	return 1
}

// quick is Chance for what is asked for every minute of many days: a mixing
// function instead of a cryptographic hash.
func (s *State) quick(n uint64, salt string) float64 {
	x := n*0x9E3779B97F4A7C15 ^ s.Seed*0xD1B54A32D192ED03
	for _, c := range []byte(salt) {
		x = (x ^ uint64(c)) * 0x100000001B3
	}
	x ^= x >> 30
	x *= 0xBF58476D1CE4E5B9
	x ^= x >> 27
	x *= 0x94D049BB133111EB
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}
