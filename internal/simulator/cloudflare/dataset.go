package cloudflare

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// The dataset workersInvocationsAdaptive as far as the simulator has it. A
// field that is not here is answered as Cloudflare answers an unknown one.

const (
	node     = "workersInvocationsAdaptive"
	nodeType = "AccountWorkersInvocationsAdaptive"

	maxPageSize  = 10_000
	maxFields    = 30
	notOlderThan = 90 * 24 * time.Hour
	maxDuration  = 31 * 24 * time.Hour
)

// buckets are the dimensions that are times, and what they round to.
var buckets = map[string]time.Duration{
	"date": 24 * time.Hour, "datetime": time.Second, "datetimeMinute": time.Minute, "datetimeFiveMinutes": 5 * time.Minute,
	"datetimeFifteenMinutes": 15 * time.Minute, "datetimeHour": time.Hour, "datetimeSixHours": 6 * time.Hour,
}

// dimensions and their types.
var dimensions = map[string]string{
	"date": "Date", "datetime": "Time", "datetimeMinute": "Time", "datetimeFiveMinutes": "Time", "datetimeFifteenMinutes": "Time",
	"datetimeHour": "Time", "datetimeSixHours": "Time", "scriptName": "string", "scriptTag": "string", "scriptVersion": "string",
	"environmentName": "string", "status": "string", "usageModel": "string", "coloCode": "string", "dispatchNamespaceName": "string",
	"isDispatcher": "uint8", "isPreview": "uint8", "previewSlug": "string",
}

// sums and their types.
var sums = map[string]string{
	"requests": "uint64", "errors": "uint64", "subrequests": "uint64", "clientDisconnects": "uint64", "responseBodySize": "uint64",
	"cpuTimeUs": "uint64", "wallTime": "uint64", "duration": "float64", "requestDuration": "uint64",
}

// percentiles multiply a median.
var percentiles = map[string]float64{"P25": 0.7, "P50": 1, "P75": 1.6, "P90": 2.4, "P95": 3.2, "P99": 6.5, "P999": 14}

var measured = []string{"cpuTime", "wallTime", "duration", "requestDuration", "responseBodySize"}

// groups are the aggregations of a row and their fields.
func groups() map[string]map[string]string {
	all := map[string]map[string]string{
		"dimensions": dimensions, "sum": sums, "avg": {"sampleInterval": "float64"}, "quantiles": {},
		"min": {"cpuTime": "uint64", "wallTime": "uint64"},
		"max": {"cpuTime": "uint64", "wallTime": "uint64", "memoryUsageBytes": "uint64"},
	}
	for _, m := range measured {
		for p := range percentiles {
			all["quantiles"][m+p] = "float32"
		}
	}
	return all
}

// operators of a filter, longest first where one ends like another.
var operators = []string{"_notlike", "_notin", "_like", "_geq", "_leq", "_neq", "_gt", "_lt", "_in"}

// splitOperator takes a filter's name apart: datetime_geq is datetime, _geq.
func splitOperator(name string) (field, op string) {
	for _, op := range operators {
		if field, ok := strings.CutSuffix(name, op); ok {
			return field, op
		}
	}
	return name, ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// introspected types, by name: fields and their types.
func types() map[string]map[string]string {
	all := map[string]map[string]string{
		"query":  {"viewer": "viewer", "cost": "uint64"},
		"viewer": {"accounts": "[account!]", "budget": "uint64"},
		"account": {
			node: "[" + nodeType + "!]", "settings": "AccountSettings",
		},
		nodeType: {},
	}
	for group, fields := range groups() {
		name := nodeType + strings.ToUpper(group[:1]) + group[1:]
		all[nodeType][group] = name
		all[name] = fields
	}
	return all
}

// describe is the introspected text of a field.
func describe(field string) string {
	for _, m := range []string{"cpuTime", "wallTime"} {
		for p := range percentiles {
			if field == m+p {
				return map[string]string{"cpuTime": "CPU time ", "wallTime": "Wall time "}[m] + strings.TrimPrefix(p, "P") + "th percentile - microseconds"
			}
		}
	}
	switch field {
	case "requests":
		return "Sum of requests"
	case "errors":
		return "Sum of errors"
	case "cpuTimeUs":
		return "Sum of CPU time - microseconds"
	}
	return ""
}
