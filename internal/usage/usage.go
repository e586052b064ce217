// Package usage counts: what is asked of the providers and what is left of
// their limits, and what the server itself answered. It shows the counts to
// Prometheus and to the pages that explain them.
//
// It must not decide anything by what it counted, and no label may hold
// anything from outside: routes are patterns, never addresses.
package usage

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/envdeck/envdeck/internal/provider"
)

// Counter is the one place that counts. It implements provider.Meter.
type Counter struct {
	registry *prometheus.Registry
	calls    *prometheus.CounterVec
	requests *prometheus.HistogramVec

	mu      sync.Mutex
	budgets map[string]map[string]provider.Budget // by provider and limit
}

// New makes a counter with the process's own figures.
func New(version string) *Counter {
	c := &Counter{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "envdeck_provider_calls_total", Help: "Attempts that left for a provider, by route and status; status 0 is no answer.",
		}, []string{"provider", "route", "status"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "envdeck_http_request_seconds", Help: "Answers given, by route pattern.",
			Buckets: []float64{.001, .005, .025, .1, .5, 2.5, 10},
		}, []string{"route", "method", "status"}),
		budgets: map[string]map[string]provider.Budget{},
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "envdeck_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	c.registry.MustRegister(c.calls, c.requests, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), budgetCollector{c})
	return c
}

// Handler serves the figures for Prometheus. It belongs on a listener of its
// own.
func (c *Counter) Handler() http.Handler {
	return promhttp.HandlerFor(c.registry, promhttp.HandlerOpts{})
}

// Called counts one attempt that left for a provider.
func (c *Counter) Called(name, route string, status int) {
	c.calls.WithLabelValues(name, route, strconv.Itoa(status)).Inc()
}

// Budget keeps the newest word on one of a provider's limits.
func (c *Counter) Budget(name string, b provider.Budget) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.budgets[name] == nil {
		c.budgets[name] = map[string]provider.Budget{}
	}
	c.budgets[name][b.Name] = b
}

// Answered counts one answer of the server.
func (c *Counter) Answered(pattern, method string, status int, took time.Duration) {
	_, route, found := strings.Cut(pattern, " ")
	if !found {
		route = pattern
	}
	if !slices.Contains(methods, method) {
		method = "other"
	}
	c.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// Budgets answers the newest word on every limit of a provider, by name.
func (c *Counter) Budgets(name string) []provider.Budget {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []provider.Budget
	for _, b := range c.budgets[name] {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b provider.Budget) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// budgetCollector shows the limits as gauges.
type budgetCollector struct{ counter *Counter }

var budgetLeft = prometheus.NewDesc("envdeck_provider_budget_remaining", "What a provider's headers last said is left of a limit.", []string{"provider", "limit"}, nil)

func (b budgetCollector) Describe(ch chan<- *prometheus.Desc) { ch <- budgetLeft }

func (b budgetCollector) Collect(ch chan<- prometheus.Metric) {
	b.counter.mu.Lock()
	defer b.counter.mu.Unlock()
	for name, limits := range b.counter.budgets {
		for limit, budget := range limits {
			ch <- prometheus.MustNewConstMetric(budgetLeft, prometheus.GaugeValue, float64(budget.Remaining), name, limit)
		}
	}
}
