package lanes

import (
	"fmt"

	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// errors puts the errors of an environment into its lane; stale says that their
// source is.
func (l *Lane) errors(in *status.Info, stale bool) {
	if in.ErrorSource == "" {
		l.Uncounted = true
		l.Errors = ui.Fact{Text: "–", Detail: "not counted"}
		return
	}
	l.Errors = number(in.ErrorCount24h, in.Unknown["errorCount24h"])
	if in.ErrorHours == nil {
		l.SparkWhy = ui.NotKnown(in.Unknown["errorHours"]).Why
		return
	}
	l.Spark = errorSpark(in.ErrorHours)
	l.Spark.Stale = stale
}

// calm is the least that a whole bar stands for: one error an hour is no tower.
const calm = 4

// errorSpark draws errors by the hour. How many are too many nobody here knows,
// so no bar is red.
func errorSpark(hours []status.ErrorHour) *ui.Spark {
	s := ui.NewSpark(len(hours), false)
	var most, total int64
	gaps := 0
	for _, h := range hours {
		if h.Count == nil {
			gaps++
			continue
		}
		most, total = max(most, *h.Count), total+*h.Count
	}
	for _, h := range hours {
		at := h.At.UTC().Format("15:04") + " UTC: "
		if h.Count == nil {
			s.Gap(at + "not counted")
			continue
		}
		title := at + ui.Plural(int(*h.Count), "error", "errors")
		if h.Open {
			title += " so far"
		}
		s.Bar(*h.Count, max(most, calm), title, h.Open)
	}
	s.Most = ui.Text(ui.Count(most))
	s.Label = fmt.Sprintf("%s in the last %d hours, at most %s an hour", ui.Plural(int(total), "error", "errors"), len(hours), ui.Count(most))
	if gaps > 0 {
		s.Label += fmt.Sprintf("; %s not counted", ui.Plural(gaps, "hour was", "hours were"))
	}
	return s
}
