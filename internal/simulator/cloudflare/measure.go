package cloudflare

import (
	"math"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/world"
)

// leaf is one number or dimension of a row.
func (e *execution) leaf(r *row, group, field string) any {
	if field == "__typename" {
		return nodeType + strings.ToUpper(group[:1]) + group[1:]
	}
	if pinned, ok := r.pinnedLeaf(group, field); ok {
		return pinned
	}
	cpu, wall := r.jitter(e.s, r.w.cpu, "cpu"), r.jitter(e.s, r.w.wall, "wall")
	switch group {
	case "dimensions":
		if dimensions[field] == "uint8" {
			return 0
		}
		return r.dims[field]
	case "avg":
		return 1
	case "min":
		return math.Round(map[string]float64{"cpuTime": cpu * 0.2, "wallTime": wall * 0.3}[field])
	case "max":
		return math.Round(map[string]float64{"cpuTime": cpu * 25, "wallTime": wall * 30, "memoryUsageBytes": 41 << 20}[field])
	case "quantiles":
		for name, factor := range percentiles {
			if m, ok := strings.CutSuffix(field, name); ok && slices.Contains(measured, m) {
				return r.quantile(m, factor, cpu, wall)
			}
		}
	}
	return r.sum(field, cpu, wall)
}

// pin replaces the counts of scripts whose traffic is pinned: the rows of such
// a script share its numbers out among them, to the last request.
func (e *execution) pin(rows []*row) []*row {
	for name := range e.s.Knobs.Workers {
		knob := e.s.Knobs.Workers[name]
		var all float64
		for _, r := range rows {
			if r.w.name == name {
				all += r.requests
			}
		}
		var seen, requests, errors, gone float64
		for _, r := range rows {
			if r.w.name != name {
				continue
			}
			r.pinned = &knob
			seen += r.requests
			upTo := func(total int64) float64 { return math.Round(float64(total) * seen / all) }
			r.requests, r.errors, r.gone = upTo(knob.Requests)-requests, upTo(knob.Errors)-errors, upTo(knob.ClientDisconnects)-gone
			r.errors = min(r.errors, r.requests)
			requests, errors, gone = requests+r.requests, errors+r.errors, gone+r.gone
		}
	}
	return slices.DeleteFunc(rows, func(r *row) bool { return r.pinned != nil && r.requests == 0 })
}

// share is a row's part of a pinned number.
func (r *row) share(n int64) int64 {
	if r.pinned.Requests == 0 {
		return 0
	}
	return int64(math.Round(float64(n) * r.requests / float64(r.pinned.Requests)))
}

// pinnedLeaf answers what the knob says; false for everything else.
func (r *row) pinnedLeaf(group, field string) (any, bool) {
	if r.pinned == nil || group != "sum" && group != "quantiles" {
		return nil, false
	}
	switch field {
	case "subrequests":
		return r.share(r.pinned.Subrequests), true
	case "cpuTimeUs":
		return r.share(r.pinned.CPUTimeUs), true
	case "wallTime":
		return r.share(r.pinned.WallTime), true
	case "cpuTimeP50":
		return r.pinned.CPUTimeP50, true
	case "cpuTimeP99":
		return r.pinned.CPUTimeP99, true
	case "wallTimeP50":
		return r.pinned.WallTimeP50, true
	case "wallTimeP99":
		return r.pinned.WallTimeP99, true
	}
	return nil, false
}

func (r *row) quantile(m string, factor, cpu, wall float64) float64 {
	switch m {
	case "cpuTime":
		return math.Round(cpu*factor*2) / 2 // fractions do occur
	case "wallTime":
		return math.Round(wall * factor)
	case "duration": // GB-seconds
		return wall * factor * 0.128 / 1e6
	case "responseBodySize":
		return math.Round(4200 * factor)
	}
	return 0 // requestDuration: only with Smart Placement
}

func (r *row) sum(field string, cpu, wall float64) any {
	switch field {
	case "requests":
		return int64(r.requests)
	case "errors":
		return int64(r.errors)
	case "clientDisconnects":
		return int64(r.gone)
	case "subrequests":
		return int64(r.requests * 0.25)
	case "responseBodySize":
		return int64(r.requests * 5100)
	case "cpuTimeUs":
		return int64(r.requests * cpu * 1.3)
	case "wallTime":
		return int64(r.requests * wall * 1.25)
	case "duration":
		return r.requests * wall * 1.25 * 0.128 / 1e6
	}
	return int64(0) // requestDuration
}

// jitter gives each group its own medians: quantiles of small groups say
// little about the whole.
func (r *row) jitter(s *world.State, median float64, salt string) float64 {
	return median * (0.92 + 0.16*s.Chance("cf-jitter", salt, r.w.name, r.key))
}
