package expr

import (
	"fmt"
	"slices"
	"strings"
)

// Dialect names the scheduler whose reading of an expression counts. The empty
// Dialect is [Unix].
type Dialect string

const (
	// Unix is Debian's cron, crontab(5) and cron(8), plus the extensions that
	// job monitors have made common: L, LW, 5L, 5#2 and ?.
	Unix Dialect = "unix"
	// Vercel is Vercel Cron Jobs: digits and , - * / only, always in UTC
	// (vercel.com/docs/cron-jobs and the CLI's packages/cli/src/util/cron.ts).
	Vercel Dialect = "vercel"
	// Cloudflare is Cloudflare Cron Triggers: 1 is Sunday and 7 is Saturday, L,
	// W and # as in Quartz, always in UTC
	// (developers.cloudflare.com/workers/configuration/cron-triggers and the
	// parser it runs on, github.com/cloudflare/saffron).
	Cloudflare Dialect = "cloudflare"
	// K8s is the Kubernetes CronJob, which parses and evaluates with
	// github.com/robfig/cron v3: day of week 0 to 6, and in daylight saving
	// changes a time that is skipped does not run and a repeated one runs twice.
	// That library's slips are not copied: around a change at midnight or of
	// less than an hour it can lose or misplace a run, and it gives up after
	// five years.
	K8s Dialect = "k8s"
)

// Dialects lists every dialect, the default first.
func Dialects() []Dialect { return []Dialect{Unix, Vercel, Cloudflare, K8s} }

// ParseDialect reads a dialect's name; the empty text is [Unix]. The error
// lists the names there are.
func ParseDialect(name string) (Dialect, error) {
	if name == "" {
		return Unix, nil
	}
	if d := Dialect(strings.ToLower(name)); slices.Contains(Dialects(), d) {
		return d, nil
	}
	return "", fmt.Errorf("there is no cron dialect %.40q; use unix, vercel, cloudflare or k8s", name)
}

// UTCOnly reports whether the scheduler runs in UTC whatever zone is asked for.
func (d Dialect) UTCOnly() bool { return d.rules().utc }

// starRule says when a day field counts as unrestricted, so that the other day
// field alone decides.
type starRule uint8

const (
	starLeads starRule = iota // the field starts with a star, */2 included
	starAlone                 // the field is exactly a star
	starItem                  // one of the list's items is a star without a step
)

// rules is what one dialect does differently from the others.
type rules struct {
	title     string
	names     bool // JAN, MON
	aliases   bool // @daily
	question  [5]bool
	last      bool // L, LW, 5L, 5#2
	nearest   bool // 15W, L-3, L-3W
	lastAlone bool // an L, W or # must be the whole field
	openStep  bool // a/n means a-max/n
	wrap      bool // 22-2 goes round
	blanks    bool // an empty item of a list is passed over
	shortStep bool // a step may be at most max-min
	dowMin    int
	dowMax    int
	star      starRule
	utc       bool
	literal   bool // daylight saving: follow the clock on the wall always
}

var dialectRules = map[Dialect]*rules{
	Unix: {
		title: "cron", names: true, aliases: true, question: [5]bool{2: true, 4: true},
		last: true, openStep: true, dowMin: 0, dowMax: 7, star: starLeads,
	},
	Vercel: {title: "Vercel", dowMin: 0, dowMax: 7, star: starAlone, utc: true},
	Cloudflare: {
		title: "Cloudflare", names: true, last: true, nearest: true, lastAlone: true,
		openStep: true, wrap: true, shortStep: true, dowMin: 1, dowMax: 7, star: starAlone, utc: true,
	},
	K8s: {
		title: "Kubernetes", names: true, aliases: true, question: [5]bool{true, true, true, true, true},
		openStep: true, blanks: true, dowMin: 0, dowMax: 6, star: starItem, literal: true,
	},
}

func (d Dialect) rules() *rules {
	if r := dialectRules[d]; r != nil {
		return r
	}
	return dialectRules[Unix]
}
