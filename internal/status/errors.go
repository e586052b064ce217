package status

import (
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/provider"
)

// errorsOf fills in how many errors the environment reported in a day, and when.
func (f facts) errorsOf(info *Info, e catalog.Environment) {
	both := []string{"errorCount24h", "errorHours"}
	switch {
	case f.names.errors == "":
		info.unknown("No error counter is configured for this project.", both...)
		return
	case e.Sentry == "":
		info.unknown("This environment does not report errors.", both...)
		return
	}
	info.ErrorSource = f.names.errors
	switch {
	case f.errors == nil:
		info.unknown("Nothing that counts errors is configured for this project.", "errorCount24h")
	case !f.errors.Known:
		info.unknown(reason(f.names.errors, *f.errors), "errorCount24h")
	default:
		count := f.errors.Value[e.Sentry] // no row means no errors
		info.ErrorCount24h = &count
	}
	switch {
	case f.errorHours == nil:
		info.unknown("Nothing that knows when errors were reported is configured for this project.", "errorHours")
	case !f.errorHours.Known:
		info.unknown(reason(f.names.errors, *f.errorHours), "errorHours")
	case f.errorHours.Value.ByEnvironment[e.Sentry] == nil && f.errorHours.Value.Truncated:
		info.unknown("There are more environments with errors than are told apart in one answer, and this is not among the first.", "errorHours")
	default:
		info.ErrorHours = errorHours(f.errorHours.Value, e.Sentry)
	}
}

// errorHours is every hour of the day. An environment without a line had no
// errors; an hour that is missing in its line was not counted.
func errorHours(day provider.ErrorDay, environment string) []ErrorHour {
	line, some := day.ByEnvironment[environment]
	counted := map[time.Time]provider.ErrorHour{}
	for _, h := range line {
		counted[h.At] = h
	}
	all := []ErrorHour{}
	for at := day.From; at.Before(day.To) && len(all) < 48; at = at.Add(time.Hour) {
		hour := ErrorHour{At: at, Open: !at.Add(time.Hour).Before(day.To)}
		if h, ok := counted[at]; ok {
			hour.Count, hour.Open = &h.Count, hour.Open || h.Open
		} else if !some {
			hour.Count = new(int64)
		}
		all = append(all, hour)
	}
	return all
}
