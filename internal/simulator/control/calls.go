package control

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

func (a *API) routes(r *http.Request) (any, error) {
	q, err := query(r, "provider")
	if err != nil {
		return nil, err
	}
	routes := []wire.RouteInfo{}
	for _, route := range a.o.Exchange.Routes() {
		if p := q.Get("provider"); p == "" || p == route.Provider {
			routes = append(routes, route)
		}
	}
	return map[string]any{"routes": routes}, nil
}

func (a *API) calls(r *http.Request) (any, error) {
	q, err := query(r, "provider", "method", "route", "path", "token", "since", "changed", "faulted", "limit")
	if err != nil {
		return nil, err
	}
	f := wire.Filter{
		Provider: q.Get("provider"), Method: strings.ToUpper(q.Get("method")), Route: q.Get("route"), Path: q.Get("path"),
		Token: q.Get("token"), Changed: q.Get("changed") == "true", Faulted: q.Get("faulted") == "true",
	}
	if text := q.Get("since"); text != "" {
		if f.Since, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, refuse(http.StatusBadRequest, "since is the seq of the last call you have seen", "since %q is no number", text)
		}
	}
	if text := q.Get("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil || f.Limit < 1 {
			return nil, refuse(http.StatusBadRequest, "limit keeps the newest so many", "limit %q is no positive number", text)
		}
	}
	return map[string]any{"calls": a.o.Exchange.Calls.List(f), "last": a.o.Exchange.Calls.Last()}, nil
}

func (a *API) counts(r *http.Request) (any, error) {
	q, err := query(r, "provider", "method", "route")
	if err != nil {
		return nil, err
	}
	counts := a.o.Exchange.Calls.Counts(q.Get("provider"), strings.ToUpper(q.Get("method")), q.Get("route"))
	var total, changed int64
	for _, c := range counts {
		total += c.Calls
		changed += c.Changed
	}
	return map[string]any{"counts": counts, "total": total, "changed": changed}, nil
}

func (a *API) clearCalls(*http.Request) (any, error) {
	a.o.Exchange.Calls.Clear()
	return map[string]any{"calls": []any{}, "last": a.o.Exchange.Calls.Last()}, nil
}

func (a *API) faults(*http.Request) (any, error) {
	return map[string]any{"faults": a.o.Exchange.Faults.List()}, nil
}

func (a *API) addFault(r *http.Request) (any, error) {
	var rule wire.Rule
	if err := read(r, &rule); err != nil {
		return nil, err
	}
	if rule.Provider != "" && !a.knownProvider(rule.Provider) {
		return nil, refuse(http.StatusBadRequest, "GET /_sim lists the providers", "there is no provider %q", rule.Provider)
	}
	added, err := a.o.Exchange.Faults.Add(rule)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "GET /_sim/presets lists kinds, shapes and presets", "%v", err)
	}
	return added, nil
}

func (a *API) knownProvider(name string) bool {
	for _, f := range a.o.Exchange.Faces() {
		if f.Name() == name {
			return true
		}
	}
	return false
}

func (a *API) deleteFault(r *http.Request) (any, error) {
	id := r.PathValue("id")
	if !a.o.Exchange.Faults.Delete(id) {
		return nil, refuse(http.StatusNotFound, "GET /_sim/faults lists the rules in force", "there is no rule %q", id)
	}
	return map[string]any{"deleted": id}, nil
}

func (a *API) clearFaults(*http.Request) (any, error) {
	return map[string]any{"deleted": a.o.Exchange.Faults.Clear()}, nil
}

func (a *API) presets(*http.Request) (any, error) {
	return map[string]any{
		"presets": wire.Presets(), "kinds": wire.FaultKinds(),
		"retry_after": wire.RetryShapes(), "shapes": wire.MalformedShapes(),
	}, nil
}
