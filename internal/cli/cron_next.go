package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"
	_ "time/tzdata" // the binary must know every zone on a machine that has none

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron/expr"
	"github.com/envdeck/envdeck/internal/fault"
)

func newCron(s Streams) *cobra.Command {
	cmd := &cobra.Command{Use: "cron", Short: "Cron expressions, and commands that run as cron jobs", Args: cobra.NoArgs, RunE: help}
	cmd.AddCommand(newCronNext(s), newCronExplain(s), newCronExec(s))
	return cmd
}

// help is what a command does that is only a shelf for others.
func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// mostRuns bounds one answer.
const mostRuns = 1000

// cronQuery is one question, from the flags or from a line of JSON.
type cronQuery struct {
	Expr    string `json:"expr"`
	TZ      string `json:"tz"`      // an IANA name; empty is UTC
	From    string `json:"from"`    // RFC 3339; empty is now
	N       int    `json:"n"`       // how many runs
	Dialect string `json:"dialect"` // empty is unix
}

// cronQuestion is a query that has been understood.
type cronQuestion struct {
	schedule expr.Schedule
	zone     *time.Location
	from     time.Time
	n        int
}

func (q cronQuery) parse() (cronQuestion, error) {
	var out cronQuestion
	d, err := expr.ParseDialect(q.Dialect)
	if err != nil {
		return out, fault.New(fault.Invalid, "%v", err)
	}
	if out.schedule, err = expr.Parse(q.Expr, d); err != nil {
		return out, fault.New(fault.Invalid, "%v", err)
	}
	out.zone = time.UTC
	if q.TZ != "" {
		if out.zone, err = time.LoadLocation(q.TZ); err != nil || q.TZ == "Local" {
			return out, fault.New(fault.Invalid, "there is no time zone %.60q; use a name such as Europe/Berlin", q.TZ)
		}
	}
	out.from = clock.Real().Now()
	if q.From != "" {
		if out.from, err = time.Parse(time.RFC3339, q.From); err != nil {
			return out, fault.New(fault.Invalid, "%.60q is not a time; write it as in 2026-11-22T10:00:00Z", q.From)
		}
	}
	if q.N < 1 || q.N > mostRuns {
		return out, fault.New(fault.Invalid, "the number of runs is %d; it must be between 1 and %d", q.N, mostRuns)
	}
	out.n = q.N
	return out, nil
}

func (q cronQuestion) runs() []time.Time { return q.schedule.NextN(q.from, q.zone, q.n) }

// utcTexts writes times as RFC 3339 in UTC; never nil, so that JSON has a list.
func utcTexts(times []time.Time) []string {
	out := make([]string, 0, len(times))
	for _, t := range times {
		out = append(out, t.UTC().Format(time.RFC3339))
	}
	return out
}

func (q *cronQuery) flags(cmd *cobra.Command, output *string, n int) {
	f := cmd.Flags()
	f.StringVar(&q.TZ, "tz", "UTC", "time zone of the schedule, an IANA name")
	f.StringVar(&q.From, "from", "", "runs strictly after this time, RFC 3339 (default now)")
	f.IntVarP(&q.N, "count", "n", n, "how many runs")
	f.StringVar(&q.Dialect, "dialect", "unix", "whose cron: unix, vercel, cloudflare or k8s")
	f.StringVarP(output, "output", "o", "table", "table or json")
}

func checkOutput(output string) error {
	if output != "table" && output != "json" {
		return fault.New(fault.Invalid, "--output takes table or json, not %q.", output)
	}
	return nil
}

func newCronNext(s Streams) *cobra.Command {
	var q cronQuery
	var output string
	cmd := &cobra.Command{
		Use: "next EXPR | -", Short: "The next runs of a cron expression", Args: cobra.ExactArgs(1),
		Long: `The next runs of a cron expression, strictly after a time.

With - for the expression, every line read is a question in JSON,
  {"expr":"0 3 * * *","tz":"Europe/Berlin","from":"2026-11-22T10:00:00Z","n":3,"dialect":"unix"}
of which only expr must be there; the flags stand in for the others. Every line
written answers one: {"next":["2026-11-23T02:00:00Z", …]} or {"error":"…"}.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			if args[0] == "-" {
				return answerLines(cmd, s, q)
			}
			q.Expr = args[0]
			question, err := q.parse()
			if err != nil {
				return err
			}
			runs := question.runs()
			if output == "json" {
				return json.NewEncoder(s.Out).Encode(cronAnswer{Next: utcTexts(runs)})
			}
			return printRuns(s, question, runs)
		},
	}
	q.flags(cmd, &output, 5)
	return cmd
}

type cronAnswer struct {
	Next []string `json:"next"`
}

type cronRefusal struct {
	Error string `json:"error"`
}

// longestLine is far more than any question needs.
const longestLine = 1 << 20

// answerLines answers questions one by one. A bad one gets its error in its
// own place and does not stop the others.
func answerLines(cmd *cobra.Command, s Streams, defaults cronQuery) error {
	in := bufio.NewScanner(s.In)
	in.Buffer(nil, longestLine)
	out := json.NewEncoder(s.Out)
	out.SetEscapeHTML(false)
	for in.Scan() {
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		var err error
		if runs, bad := answerLine(in.Bytes(), defaults); bad != nil {
			err = out.Encode(cronRefusal{bad.Error()})
		} else {
			err = out.Encode(cronAnswer{utcTexts(runs)})
		}
		if err != nil {
			return err
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		return fault.New(fault.TooLarge, "a line is longer than %d bytes", longestLine)
	}
	return in.Err()
}

func answerLine(line []byte, q cronQuery) ([]time.Time, error) {
	if err := json.Unmarshal(line, &q); err != nil {
		return nil, errors.New(`the line is not a question in JSON; write it as in {"expr":"0 3 * * *","tz":"UTC","n":3}`)
	}
	question, err := q.parse()
	if err != nil {
		return nil, err
	}
	return question.runs(), nil
}

// printRuns shows each run in UTC and, where it differs, in the schedule's zone.
func printRuns(s Streams, q cronQuestion, runs []time.Time) error {
	if len(runs) == 0 {
		fmt.Fprintln(s.Out, "It does not run again.")
		return nil
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	local := q.zone != time.UTC && !q.schedule.Dialect().UTCOnly()
	if local {
		fmt.Fprintf(w, "UTC\t%s\n", q.zone)
	} else {
		fmt.Fprintln(w, "UTC")
	}
	for _, t := range runs {
		fmt.Fprint(w, t.UTC().Format(time.RFC3339))
		if local {
			fmt.Fprint(w, "\t", t.Format("Mon 2006-01-02 15:04 -07:00"))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func newCronExplain(s Streams) *cobra.Command {
	var q cronQuery
	var output string
	cmd := &cobra.Command{
		Use: "explain EXPR", Short: "What a cron expression means, in words", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			q.Expr = args[0]
			question, err := q.parse()
			if err != nil {
				return err
			}
			if output == "json" {
				return json.NewEncoder(s.Out).Encode(explain(question))
			}
			fmt.Fprintf(s.Out, "%s.\n", question.schedule.Text())
			for _, w := range question.schedule.Warnings(question.zone, question.from) {
				fmt.Fprintf(s.Out, "Note: %s\n", w.Message)
			}
			fmt.Fprintln(s.Out)
			return printRuns(s, question, question.runs())
		},
	}
	q.flags(cmd, &output, 3)
	return cmd
}

type cronExplanation struct {
	Expr     string        `json:"expr"`
	Dialect  expr.Dialect  `json:"dialect"`
	Text     string        `json:"text"`
	Next     []string      `json:"next"`
	Warnings []cronWarning `json:"warnings"`
}

type cronWarning struct {
	Code    expr.WarningCode `json:"code"`
	Message string           `json:"message"`
	At      *time.Time       `json:"at,omitempty"`
}

func explain(q cronQuestion) cronExplanation {
	out := cronExplanation{
		Expr: q.schedule.String(), Dialect: q.schedule.Dialect(), Text: q.schedule.Text(),
		Next: utcTexts(q.runs()), Warnings: []cronWarning{},
	}
	for _, w := range q.schedule.Warnings(q.zone, q.from) {
		warning := cronWarning{Code: w.Code, Message: w.Message}
		if !w.At.IsZero() {
			at := w.At.UTC()
			warning.At = &at
		}
		out.Warnings = append(out.Warnings, warning)
	}
	return out
}
