package expr

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		dialect    Dialect
		zone, expr string
		codes      []WarningCode
		says       string // in the first of them
	}{
		{Unix, "UTC", "*/15 3 * * *", nil, ""},
		{Unix, "UTC", "0 3 28-31 * *", nil, ""},
		{Unix, "UTC", "*/60 * * * *", nil, ""},
		{Unix, "UTC", "*/7 * * * *", []WarningCode{UnevenStep}, "minutes 0, 7, …, 56"},
		{Unix, "UTC", "*/90 * * * *", []WarningCode{UnevenStep}, "minute 0 of every hour"},
		{Unix, "UTC", "0 0 * * */2", []WarningCode{UnevenStep}, "Tuesday, Thursday, Saturday and Sunday"},
		{Unix, "UTC", "0 0 13 * 5", []WarningCode{AmbiguousDays}, "also on every day that is a Friday"},
		{Unix, "UTC", "0 0 */2 * 1", []WarningCode{AmbiguousDays, UnevenStep}, "only on days that are both"},
		{Unix, "UTC", "0 0 31 * *", []WarningCode{MissingDay}, "a day 31"},
		{Unix, "UTC", "0 0 30 1,3 *", nil, ""},
		{Unix, "UTC", "0 0 29 2 *", []WarningCode{MissingDay}, "a day 29"},
		{Unix, "UTC", "0 0 * * 1#5", []WarningCode{MissingDay}, "fifth weekday"},
		{Unix, "UTC", "0 0 30 2 *", []WarningCode{NeverRuns}, "never runs"},
		{Unix, "America/New_York", "30 2 * * *", []WarningCode{ClockGap}, "skips 02:30 on 14 March 2027. The run comes once, at 03:00"},
		{Unix, "America/New_York", "30 1 * * *", []WarningCode{ClockOverlap}, "01:30 on 7 November 2027 twice. The job runs the first time only"},
		{Unix, "America/New_York", "*/30 1,2 * * *", []WarningCode{ClockGap, ClockOverlap}, "Nothing runs in the skipped time"},
		{Unix, "America/New_York", "*/30 * * * *", nil, ""},
		{Unix, "America/New_York", "30 2 * * 1", nil, ""},
		{Unix, "America/New_York", "30 2 1 7 *", nil, ""},
		{Unix, "America/New_York", "*/30 2 * 3 0#2", []WarningCode{NeverRuns, ClockGap}, "never runs"},
		{K8s, "America/New_York", "30 2 * * *", []WarningCode{ClockGap}, "Nothing runs"},
		{K8s, "America/New_York", "30 1 * * *", []WarningCode{ClockOverlap}, "both times"},
		{Cloudflare, "UTC", "0 0 * * 1-5", []WarningCode{CloudflareWeekdays}, "this means Sunday to Thursday"},
		{Cloudflare, "UTC", "0 0 * * MON-FRI", nil, ""},
		{Cloudflare, "Europe/Berlin", "0 0 * * 6L", []WarningCode{CloudflareWeekdays, UTCOnlyScheduler}, "the last Friday"},
		{Cloudflare, "UTC", "0 22-2 * * *", []WarningCode{WrapAround}, "hour field"},
		{Vercel, "UTC", "0 5 * * *", []WarningCode{VercelHobbyPrecision}, "any minute of its hour"},
		{Vercel, "America/New_York", "30 2 * * *", []WarningCode{VercelHobbyPrecision, UTCOnlyScheduler}, ""},
		{Vercel, "UTC", "0 * * * *", []WarningCode{VercelHobbyFrequency}, "more than once a day"},
		{Vercel, "UTC", "0 0 1 1 0", []WarningCode{VercelDays, AmbiguousDays, VercelHobbyPrecision}, "forbids restricting both"},
		{Vercel, "UTC", "0 0 * * 7", []WarningCode{VercelSunday, VercelHobbyPrecision}, "0 to 6"},
	} {
		got := mustParse(t, c.expr, c.dialect).Warnings(mustLoad(t, c.zone), time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
		var codes []WarningCode
		for _, w := range got {
			codes = append(codes, w.Code)
			if isClock := w.Code == ClockGap || w.Code == ClockOverlap; isClock == w.At.IsZero() {
				t.Errorf("%s %q: %s has the time %s", c.dialect, c.expr, w.Code, w.At)
			}
		}
		if !slices.Equal(codes, c.codes) {
			t.Errorf("%s %q in %s warns of %v, want %v", c.dialect, c.expr, c.zone, codes, c.codes)
		} else if len(got) > 0 && !strings.Contains(got[0].Message, c.says) {
			t.Errorf("%s %q: %q does not say %q", c.dialect, c.expr, got[0].Message, c.says)
		}
	}
	if w := (Schedule{}).Warnings(nil, time.Time{}); w != nil {
		t.Errorf("the zero Schedule warns of %v", w)
	}
}
