package sentry

import (
	"context"
	"encoding/json"
	"math"
	"net/url"
	"time"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// routeSeries is Sentry's chart of events. Of its counters over time it is the
// one that is documented and knows environments: stats_v2 has none, sessions
// count visits, and events-stats is in no public document.
const routeSeries = "/api/0/organizations/{org}/events-timeseries/"

const (
	mostEnvironments = "10" // the most that Sentry tells apart in one call
	hourSeconds      = "3600"
	mostHours        = 26 // of a day: 24, and one begun at each end
)

// ErrorHours asks for the day once: Sentry groups by the environment itself.
func (c *Client) ErrorHours(ctx context.Context) (provider.ErrorDay, error) {
	w, _, err := outbound.JSON[seriesWire](ctx, c.out, outbound.Request{Route: routeSeries, Args: []string{c.block.Org}, Query: url.Values{
		"dataset":     {"errors"},
		"yAxis":       {"count()"},
		"project":     {c.block.Project},
		"statsPeriod": {"24h"},
		"interval":    {hourSeconds},
		"topEvents":   {mostEnvironments},
		"groupBy":     {"environment"},
		"sort":        {"-count()"},
	}})
	if err != nil {
		return provider.ErrorDay{}, err
	}
	day, err := w.day()
	if err != nil {
		return provider.ErrorDay{}, c.out.Unusable(routeSeries, err)
	}
	return day, nil
}

type seriesWire struct {
	Meta struct {
		Start *float64 `json:"start"` // milliseconds
		End   *float64 `json:"end"`
	} `json:"meta"`
	TimeSeries []lineWire `json:"timeSeries"`
}

type lineWire struct {
	GroupBy []struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	} `json:"groupBy"`
	Meta struct {
		IsOther  bool     `json:"isOther"`
		Interval *float64 `json:"interval"`
	} `json:"meta"`
	Values []struct {
		Timestamp  *float64 `json:"timestamp"`
		Value      *float64 `json:"value"`
		Incomplete bool     `json:"incomplete"`
	} `json:"values"`
}

// day reads the chart. What cannot be read is no chart: a line with the wrong
// name, or hours of another length, would be drawn as if it were true.
func (w seriesWire) day() (provider.ErrorDay, error) {
	day := provider.ErrorDay{ByEnvironment: map[string][]provider.ErrorHour{}}
	if w.TimeSeries == nil || w.Meta.Start == nil || w.Meta.End == nil {
		return day, outbound.Misfit("the chart has no lines, or no beginning and end")
	}
	// To the hour, so that a day in which nothing happened stays the same fact.
	day.From, day.To = fromMillis(*w.Meta.Start).Truncate(time.Hour), fromMillis(*w.Meta.End).Add(time.Hour-1).Truncate(time.Hour)
	if span := day.To.Sub(day.From); span < time.Hour || span > mostHours*time.Hour {
		return day, outbound.Misfit("the chart is not of one day")
	}
	for _, l := range w.TimeSeries {
		hours, total, err := l.hours(day)
		switch name, named := l.environment(); {
		case err != nil:
			return day, err
		case l.Meta.IsOther:
			day.Truncated = day.Truncated || total > 0
		case !named && len(w.TimeSeries) == 1 && total == 0:
			// There were no errors at all, which Sentry draws as one line of nobody.
		case !named:
			return day, outbound.Misfit("a line of the chart does not say whose it is")
		case day.ByEnvironment[name] != nil:
			return day, outbound.Misfit("two lines of the chart are of one environment")
		default:
			day.ByEnvironment[name] = hours
		}
	}
	return day, nil
}

func fromMillis(ms float64) time.Time {
	if !(ms >= 0 && ms < 1e14) { // also what is no number
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// environment is whose line it is; events may have none.
func (l lineWire) environment() (string, bool) {
	if len(l.GroupBy) != 1 || l.GroupBy[0].Key != "environment" {
		return "", false
	}
	var name *string
	if json.Unmarshal(l.GroupBy[0].Value, &name) != nil {
		return "", false
	}
	if name == nil {
		return "", true
	}
	return outbound.Line(*name, 100), true
}

func (l lineWire) hours(day provider.ErrorDay) ([]provider.ErrorHour, int64, error) {
	// The document has seconds here and the server answers milliseconds.
	if i := l.Meta.Interval; i == nil || *i != 3600 && *i != 3_600_000 {
		return nil, 0, outbound.Misfit("the chart is not by the hour")
	}
	if len(l.Values) > mostHours {
		return nil, 0, outbound.Misfit("the chart has more hours than a day")
	}
	hours := make([]provider.ErrorHour, 0, len(l.Values))
	total := int64(0)
	for _, v := range l.Values {
		if v.Timestamp == nil || v.Value == nil || *v.Value < 0 || *v.Value > 1e15 || *v.Value != math.Trunc(*v.Value) {
			return nil, 0, outbound.Misfit("a value of the chart is missing or no whole number")
		}
		at := fromMillis(*v.Timestamp)
		if at.Before(day.From) || !at.Before(day.To) || at.Truncate(time.Hour) != at || len(hours) > 0 && !at.After(hours[len(hours)-1].At) {
			return nil, 0, outbound.Misfit("the hours of the chart are not in order")
		}
		hours = append(hours, provider.ErrorHour{At: at, Count: int64(*v.Value), Open: v.Incomplete})
		total += int64(*v.Value)
	}
	return hours, total, nil
}
