package stories

import (
	"time"

	"github.com/envdeck/envdeck/internal/status"
)

// errorHours is a day of errors, the newest hour last; -1 is an hour that nobody
// counted.
func errorHours(counts ...int64) []status.ErrorHour {
	last := Now().Truncate(time.Hour)
	hours := make([]status.ErrorHour, len(counts))
	for i, n := range counts {
		hours[i] = status.ErrorHour{At: last.Add(time.Duration(i-len(counts)+1) * time.Hour), Count: &counts[i], Open: i == len(counts)-1}
		if n < 0 {
			hours[i].Count = nil
		}
	}
	return hours
}
