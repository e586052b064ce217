package ui

// CronChange is a job whose schedule differs between two builds, for the part
// "cron-changes".
type CronChange struct {
	State    Badge
	Path     Text
	From, To Text // in words; "" when it is new, or gone
	Detail   Text // the expressions themselves
}

// NewCronChange makes one of two schedules and what they are in words: without
// from it is new, without to it is gone.
func NewCronChange(path, from, to, fromWords, toWords string) CronChange {
	c := CronChange{Path: Name(path), From: Reason(fromWords), To: Reason(toWords)}
	switch {
	case from == "":
		c.State, c.From, c.Detail = Badge{Icon: "check", Word: "Added", Tone: Quiet}, "", Name(to)
	case to == "":
		c.State, c.To, c.Detail = Badge{Icon: "canceled", Word: "Removed", Tone: Warn}, "", Name(from)
	default:
		c.State, c.Detail = Badge{Icon: "stale", Word: "Changed", Tone: Warn}, Name(from)+" → "+Name(to)
	}
	return c
}
