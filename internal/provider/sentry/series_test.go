package sentry_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/provider/sentry"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func TestErrorHours(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	value := func(hour int, n string) string {
		return fmt.Sprintf(`{"timestamp":%d,"value":%s,"incomplete":%t}`, start.Add(time.Duration(hour)*time.Hour).UnixMilli(), n, hour == 24)
	}
	line := func(group, meta string, values ...string) string {
		return fmt.Sprintf(`{%s"yAxis":"count()","meta":{"interval":3600000%s},"values":[%s]}`, group, meta, strings.Join(values, ","))
	}
	by := func(name string) string { return `"groupBy":[{"key":"environment","value":` + name + `}],` }
	chart := func(lines ...string) string {
		return fmt.Sprintf(`{"meta":{"dataset":"errors","start":%d,"end":%d},"timeSeries":[%s]}`, start.UnixMilli(), start.Add(24*time.Hour+25*time.Minute).UnixMilli(), strings.Join(lines, ","))
	}
	hour := func(n int, count int64) provider.ErrorHour {
		return provider.ErrorHour{At: start.Add(time.Duration(n) * time.Hour), Count: count, Open: n == 24}
	}
	for name, c := range map[string]struct {
		body      string
		want      map[string][]provider.ErrorHour // nil: unusable
		truncated bool
	}{
		"two environments": {chart(line(by(`"production"`), "", value(0, "4"), value(24, "1.0")), line(by(`"preview"`), `,"isOther":false`, value(0, "0"))), map[string][]provider.ErrorHour{"production": {hour(0, 4), hour(24, 1)}, "preview": {hour(0, 0)}}, false},
		"without one":      {chart(line(by("null"), "", value(1, "2"))), map[string][]provider.ErrorHour{"": {hour(1, 2)}}, false},
		"others":           {chart(line(by(`"production"`), "", value(0, "4")), line("", `,"isOther":true`, value(0, "7"))), map[string][]provider.ErrorHour{"production": {hour(0, 4)}}, true},
		"others without":   {chart(line(by(`"production"`), "", value(0, "4")), line("", `,"isOther":true`, value(0, "0"))), map[string][]provider.ErrorHour{"production": {hour(0, 4)}}, false},
		"none at all":      {chart(line("", "", value(0, "0"), value(1, "0"))), map[string][]provider.ErrorHour{}, false},
		"no line":          {chart(), map[string][]provider.ErrorHour{}, false},
		"seconds":          {strings.ReplaceAll(chart(line(by(`"production"`), "", value(0, "4"))), "3600000", "3600"), map[string][]provider.ErrorHour{"production": {hour(0, 4)}}, false},
		"errors of nobody": {chart(line("", "", value(0, "3"))), nil, false},
		"another width":    {strings.ReplaceAll(chart(line(by(`"production"`), "", value(0, "4"))), "3600000", "300000"), nil, false},
		"twice":            {chart(line(by(`"production"`), "", value(0, "4")), line(by(`"production"`), "", value(0, "4"))), nil, false},
		"by another field": {chart(line(`"groupBy":[{"key":"release","value":"a"}],`, "", value(0, "4"))), nil, false},
		"name is a number": {chart(line(by(`7`), "", value(0, "4"))), nil, false},
		"half an error":    {chart(line(by(`"production"`), "", value(0, "1.5"))), nil, false},
		"negative":         {chart(line(by(`"production"`), "", value(0, "-1"))), nil, false},
		"no value":         {chart(line(by(`"production"`), "", value(0, "null"))), nil, false},
		"out of order":     {chart(line(by(`"production"`), "", value(2, "1"), value(1, "1"))), nil, false},
		"out of the day":   {chart(line(by(`"production"`), "", value(30, "1"))), nil, false},
		"no lines at all":  {`{"meta":{"start":1,"end":2}}`, nil, false},
		"of a year":        {`{"meta":{"start":1,"end":31536000000},"timeSeries":[]}`, nil, false},
		"no times":         {`{"meta":{},"timeSeries":[]}`, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w http.ResponseWriter, r *http.Request) {
				want := "dataset=errors&groupBy=environment&interval=3600&project=web&sort=-count%28%29&statsPeriod=24h&topEvents=10&yAxis=count%28%29"
				if r.URL.Path != "/api/0/organizations/acme/events-timeseries/" || r.URL.RawQuery != want {
					t.Errorf("asked for %s?%s", r.URL.Path, r.URL.RawQuery)
				}
				_, _ = w.Write([]byte(c.body))
			}, func(t *testing.T, b *providertest.Bench) {
				got, err := b.API.(provider.ErrorCharter).ErrorHours(t.Context())
				if c.want == nil {
					if f := b.Fault(t, err); f.Kind != fault.BadResponse {
						t.Errorf("%s, want bad_response", f.Kind)
					}
					return
				}
				want := provider.ErrorDay{From: start, To: start.Add(25 * time.Hour), ByEnvironment: c.want, Truncated: c.truncated}
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
			})
		})
	}
}

// One call answers for all environments, and says what the world's apps
// reported in each hour.
func TestTheSimulatedChartIsUnderstood(t *testing.T) {
	simulate(t, asIs, func(t *testing.T, c *sentry.Client, w *world.World, x *wire.Exchange) {
		before := x.Calls.Last()
		day, err := c.ErrorHours(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n := x.Calls.Last() - before; n != 1 || len(day.ByEnvironment) < 3 || day.Truncated {
			t.Errorf("%d calls for %d environments", n, len(day.ByEnvironment))
		}
		names := map[world.Env]string{world.Prod: "production", world.Next: "preview", world.Dev: "development"}
		w.View(func(s *world.State) {
			for env, name := range names {
				for i, n := range s.ErrorsBetween(env, day.From, day.From.Add(24*time.Hour), time.Hour) {
					if got := day.ByEnvironment[name]; n > 0 && (len(got) < 24 || got[i].Count != int64(n)) {
						t.Errorf("%s, hour %d: %+v, the world had %d", name, i, got, n)
					}
				}
			}
		})
	})
}

// An organisation without errors has a chart without lines, and no fault.
func TestAnErrorlessDayIsKnown(t *testing.T) {
	simulate(t, func(b *sentry.Block) { b.Project = "spike-land-edge" }, func(t *testing.T, c *sentry.Client, _ *world.World, _ *wire.Exchange) {
		day, err := c.ErrorHours(t.Context())
		if err != nil || len(day.ByEnvironment) != 0 || day.From.IsZero() {
			t.Errorf("%+v, %v", day, err)
		}
	})
}
