package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// The window of the question. What happened in the last minutes has not been
// counted to the end.
const (
	settling = 5 * time.Minute
	window   = 24 * time.Hour
	mostRows = 1000   // of totals: one for each script
	mostHour = 10_000 // of hours, the most that Cloudflare gives
)

// question asks for one row for each script: the script is the only dimension
// of the totals, because quantiles of smaller groups cannot be added up.
// cpuTimeUs is newer than the rest.
func question(cpu bool) string {
	field := ""
	if cpu {
		field = " cpuTimeUs"
	}
	return `query Workers($accountTag: string!, $from: Time!, $to: Time!) {
  viewer { accounts(filter: {accountTag: $accountTag}) {
    totals: workersInvocationsAdaptive(limit: ` + strconv.Itoa(mostRows) + `, filter: {datetime_geq: $from, datetime_lt: $to}) {
      dimensions { scriptName }
      sum { requests errors clientDisconnects` + field + ` }
      quantiles { wallTimeP50 wallTimeP99 }
      avg { sampleInterval }
    }
    hours: workersInvocationsAdaptive(limit: ` + strconv.Itoa(mostHour) + `, orderBy: [datetimeHour_ASC], filter: {datetime_geq: $from, datetime_lt: $to}) {
      dimensions { datetimeHour scriptName }
      sum { requests errors }
    }
  } }
}`
}

type graphAnswer struct {
	Data *struct {
		Viewer *struct {
			Accounts []accountWire `json:"accounts"`
		} `json:"viewer"`
	} `json:"data"`
	Errors []graphProblem `json:"errors"`
}

type accountWire struct {
	Totals []rowWire `json:"totals"`
	Hours  []rowWire `json:"hours"`
}

type rowWire struct {
	Dimensions *struct {
		Script string     `json:"scriptName"`
		Hour   *time.Time `json:"datetimeHour"`
	} `json:"dimensions"`
	Sum *struct {
		Requests *json.Number `json:"requests"`
		Errors   *json.Number `json:"errors"`
		Canceled *json.Number `json:"clientDisconnects"`
		CPU      *json.Number `json:"cpuTimeUs"`
	} `json:"sum"`
	Quantiles *struct {
		WallP50 *float64 `json:"wallTimeP50"`
		WallP99 *float64 `json:"wallTimeP99"`
	} `json:"quantiles"`
	Avg *struct {
		SampleInterval *float64 `json:"sampleInterval"`
	} `json:"avg"`
}

// WorkerTraffic asks the analytics once for all scripts of the account. An
// account on older ground does not know one field: then that is unknown, and
// everything else is not.
func (c *Client) WorkerTraffic(ctx context.Context) (provider.WorkerTraffic, error) {
	t, code, err := c.ask(ctx, true)
	if code == graphUnknownField {
		t, _, err = c.ask(ctx, false)
	}
	return t, err
}

// ask answers the code of a refusal beside its fault.
func (c *Client) ask(ctx context.Context, cpu bool) (provider.WorkerTraffic, string, error) {
	to := c.now().UTC().Add(-settling).Truncate(time.Minute)
	t := provider.WorkerTraffic{From: to.Add(-window), To: to, ByScript: map[string]provider.WorkerDay{}}
	w, _, err := outbound.JSON[graphAnswer](ctx, c.graph, outbound.Request{
		Method: http.MethodPost, Route: routeGraph, Reads: true, Body: map[string]any{
			"query":     question(cpu),
			"variables": map[string]string{"accountTag": c.account(), "from": t.From.Format(time.RFC3339), "to": t.To.Format(time.RFC3339)},
		},
	})
	if err != nil {
		code := ""
		if failure, ok := errors.AsType[*outbound.Failure](err); ok {
			code = failure.Code
		}
		return t, code, err
	}
	// A refusal often comes with the status of a success.
	if len(w.Errors) > 0 {
		code := w.Errors[0].code()
		return t, code, c.graphFault(code)
	}
	switch err := w.fill(&t); {
	case errors.Is(err, errNoAccount):
		return t, graphOtherAccount, c.graphFault(graphOtherAccount)
	case err != nil:
		return t, "", c.graph.Unusable(routeGraph, err)
	}
	return t, "", nil
}

// errNoAccount is an answer about no account at all: the token sees none.
var errNoAccount = errors.New("no account")

// fill reads the rows into the traffic.
func (w graphAnswer) fill(t *provider.WorkerTraffic) error {
	switch {
	case w.Data == nil || w.Data.Viewer == nil || w.Data.Viewer.Accounts == nil:
		return outbound.Misfit("the account is missing")
	case len(w.Data.Viewer.Accounts) == 0:
		return errNoAccount
	case w.Data.Viewer.Accounts[0].Totals == nil || w.Data.Viewer.Accounts[0].Hours == nil:
		return outbound.Misfit("the rows are missing")
	}
	a := w.Data.Viewer.Accounts[0]
	t.Truncated = len(a.Totals) >= mostRows
	for _, row := range a.Totals {
		day, err := row.day()
		if err != nil {
			return err
		}
		if _, twice := t.ByScript[row.Dimensions.Script]; twice {
			return outbound.Misfit("a script has two rows")
		}
		t.ByScript[row.Dimensions.Script] = day
	}
	if len(a.Hours) >= mostHour {
		t.HoursUnknown = "The account has more Workers than Cloudflare gives the hours of at once."
		return nil
	}
	for _, row := range a.Hours {
		requests, bad, err := row.counts()
		if err != nil {
			return err
		}
		day, ok := t.ByScript[row.Dimensions.Script]
		if row.Dimensions.Hour == nil || !ok {
			continue // the two lists are counted a moment apart
		}
		day.Hours = append(day.Hours, provider.WorkerHour{At: row.Dimensions.Hour.UTC(), Requests: requests, Errors: bad})
		t.ByScript[row.Dimensions.Script] = day
	}
	return nil
}

// counts are the two numbers that every row has.
func (w rowWire) counts() (requests, bad int64, err error) {
	if w.Dimensions == nil || w.Dimensions.Script == "" || len(w.Dimensions.Script) > nameLimit || w.Sum == nil {
		return 0, 0, outbound.Misfit("a row has no script or no sums")
	}
	if requests, err = whole(w.Sum.Requests); err != nil {
		return 0, 0, err
	}
	if bad, err = whole(w.Sum.Errors); err != nil {
		return 0, 0, err
	}
	if bad > requests {
		return 0, 0, outbound.Misfit("a row has more errors than requests")
	}
	return requests, bad, nil
}

func (w rowWire) day() (provider.WorkerDay, error) {
	requests, bad, err := w.counts()
	if err != nil {
		return provider.WorkerDay{}, err
	}
	day := provider.WorkerDay{Requests: requests, Errors: bad}
	if w.Sum.Canceled != nil {
		if day.Canceled, err = whole(w.Sum.Canceled); err != nil {
			return day, err
		}
	}
	if w.Sum.CPU != nil && requests > 0 {
		sum, err := whole(w.Sum.CPU)
		if err != nil {
			return day, err
		}
		cpu := microseconds(float64(sum) / float64(requests))
		day.CPU = &cpu
	}
	if q := w.Quantiles; q != nil {
		for _, one := range []struct {
			from *float64
			into **time.Duration
		}{{q.WallP50, &day.WallP50}, {q.WallP99, &day.WallP99}} {
			if one.from == nil {
				continue
			}
			if math.IsNaN(*one.from) || *one.from < 0 || *one.from > 1e12 {
				return day, outbound.Misfit("a quantile is no time")
			}
			took := microseconds(*one.from)
			*one.into = &took
		}
	}
	day.Sampled = w.Avg != nil && w.Avg.SampleInterval != nil && *w.Avg.SampleInterval > 1
	return day, nil
}

func microseconds(n float64) time.Duration { return time.Duration(n * float64(time.Microsecond)) }

// whole reads a count.
func whole(n *json.Number) (int64, error) {
	if n == nil {
		return 0, outbound.Misfit("a count is missing")
	}
	v, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || v < 0 || v > 1e15 || v != math.Trunc(v) {
		return 0, outbound.Misfit("a count is no whole number")
	}
	return int64(v), nil
}

// The refusals of the analytics have texts and no codes. These are our names
// for the texts that the documents list.
const (
	graphUnknownField = "unknown_field"
	graphThrottled    = "throttled"
	graphOtherAccount = "other_account"
	graphDenied       = "denied"
	graphTooMuch      = "too_much"
	graphTrouble      = "trouble"
	graphOther        = "refused"
)

func graphCodes() []string {
	return []string{graphUnknownField, graphThrottled, graphOtherAccount, graphDenied, graphTooMuch, graphTrouble}
}

type graphProblem struct {
	Message string `json:"message"`
}

// code finds the name of a refusal. The text itself goes no further.
func (p graphProblem) code() string {
	text := strings.ToLower(p.Message)
	for _, known := range []struct{ part, code string }{
		{"unknown field", graphUnknownField},
		{"rate limiter", graphThrottled},
		{"not authorized for that account", graphOtherAccount},
		{"authorization denied", graphDenied},
		{"does not have access", graphDenied},
		{"authentication error", graphDenied},
		{"excessive resources", graphTooMuch},
		{"too many queries in progress", graphTrouble},
		{"try again later", graphTrouble},
	} {
		if strings.Contains(text, known.part) {
			return known.code
		}
	}
	return graphOther
}

func graphCode(body []byte) string {
	w, err := outbound.Decode[struct {
		Errors []graphProblem `json:"errors"`
	}](body)
	if err != nil || len(w.Errors) == 0 {
		return ""
	}
	return w.Errors[0].code()
}

const (
	denied       = "the token (cloudflare.token, or CF_API_TOKEN) is unknown, or lacks the permission Account Analytics: Read"
	otherAccount = "the token may not see the analytics of this account. Check cloudflare.account (CF_ACCOUNT_ID), and that the token was made for it"
)

func explainGraph(r outbound.Refusal) outbound.Meaning {
	switch {
	case r.Code == graphOtherAccount:
		return outbound.Meaning{Kind: fault.Denied, Text: otherAccount}
	case r.Code == graphDenied && r.Status != http.StatusUnauthorized, r.Status == http.StatusForbidden:
		return outbound.Meaning{Kind: fault.Denied, Text: denied}
	case r.Code == graphUnknownField:
		return outbound.Meaning{Kind: fault.BadResponse, Text: "its analytics do not know a field of the question"}
	case r.Code == graphTooMuch, r.Code == graphTrouble:
		return outbound.Meaning{Kind: fault.Unavailable, Text: "its analytics are busy; envdeck asks again later"}
	}
	return outbound.Meaning{}
}

// graphFault is the fault of a refusal that came as a success.
func (c *Client) graphFault(code string) *fault.Error {
	switch code {
	case graphUnknownField:
		return c.graph.Fault(fault.BadResponse, "Cloudflare's analytics do not know a field of the question")
	case graphThrottled:
		f := c.graph.Fault(fault.RateLimited, "Cloudflare's budget for analytics is used up; envdeck asks again in five minutes")
		f.RetryAfter = 5 * time.Minute
		return f
	case graphOtherAccount:
		return c.graph.Fault(fault.Denied, "Cloudflare did not allow it: %s", otherAccount)
	case graphDenied:
		return c.graph.Fault(fault.Denied, "Cloudflare did not allow it: %s", denied)
	case graphTooMuch, graphTrouble:
		return c.graph.Fault(fault.Unavailable, "Cloudflare's analytics are busy; envdeck asks again later")
	}
	return c.graph.Fault(fault.BadResponse, "Cloudflare's analytics refused the question, for a reason that envdeck does not know")
}
