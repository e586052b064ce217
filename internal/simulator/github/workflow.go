package github

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// inputsMost is how many inputs a dispatch may carry.
const inputsMost = 25

type dispatchBody struct {
	Ref              *string        `json:"ref"`
	Inputs           map[string]any `json:"inputs"`
	ReturnRunDetails *bool          `json:"return_run_details"`
}

func (f *Face) workflowRoutes() []wire.Route {
	one := repoPath + "/actions/workflows/{workflow}"
	return []wire.Route{
		{Pattern: "GET " + repoPath + "/actions/workflows", Doc: "the workflows", Need: needActions, Query: paged(), Handle: f.on(func(i *in) (*wire.Answer, error) {
			return counted(i, "workflows", i.s.Workflows(), i.workflow), nil
		})},
		{Pattern: "GET " + one, Doc: "one workflow, by id or file", Need: needActions, Handle: f.on(func(i *in) (*wire.Answer, error) {
			w := i.workflowNamed()
			if w == nil {
				return nil, i.notFound()
			}
			return wire.OK(i.workflow(w)), nil
		})},
		{
			Pattern: "POST " + one + "/dispatches", Doc: "starts a workflow", Need: needActionsWrite,
			Body: wire.OptionalBody[dispatchBody](), Handle: f.on(dispatch), PretendStatus: http.StatusNoContent,
		},
		{Pattern: "GET " + one + "/runs", Doc: "a workflow's runs", Need: needActions, Query: runQuery(), Handle: f.on(func(i *in) (*wire.Answer, error) {
			w := i.workflowNamed()
			if w == nil {
				return nil, i.notFound()
			}
			return runs(i, w)
		})},
	}
}

func (i *in) workflowNamed() *world.Workflow {
	name := i.Path("workflow")
	id, err := strconv.ParseInt(name, 10, 64)
	for _, w := range i.s.Workflows() {
		if err == nil && w.ID == id || w.File == name || ".github/workflows/"+w.File == name {
			return w
		}
	}
	return nil
}

func (i *in) workflow(w *world.Workflow) obj {
	return obj{
		"id": w.ID, "node_id": i.node("W", w.ID), "name": w.Name, "path": ".github/workflows/" + w.File, "state": "active",
		"created_at": stamp(w.CreatedAt), "updated_at": stamp(w.CreatedAt), "url": i.repo("/actions/workflows/%d", w.ID),
		"html_url":  i.html("/blob/%s/.github/workflows/%s", i.s.Repo.DefaultBranch, w.File),
		"badge_url": i.html("/workflows/%s/badge.svg", w.Name),
	}
}

func refuse(format string, args ...any) error {
	return wire.Refuse(wire.Unprocessable, format, args...)
}

func dispatch(i *in) (*wire.Answer, error) {
	body := wire.BodyOf[dispatchBody](i.Call)
	latest := i.Request.Header.Get("X-Github-Api-Version") == newVersion
	switch {
	case body.Ref == nil:
		return nil, refuse("Invalid request.\n\n\"ref\" wasn't supplied.")
	case latest && body.ReturnRunDetails != nil:
		return nil, refuse("Invalid request.\n\n\"return_run_details\" is not a permitted key.")
	}
	w := i.workflowNamed()
	if w == nil {
		return nil, i.notFound()
	}
	branch := strings.TrimPrefix(strings.TrimPrefix(*body.Ref, "refs/"), "heads/")
	if i.s.Branches[branch] == nil {
		return nil, refuse("No ref found for: %s", *body.Ref) // a commit's SHA is none either
	}
	inputs, err := readInputs(w, body.Inputs)
	if err != nil {
		return nil, err
	}
	run, err := i.s.DispatchWorkflow(w.File, branch, inputs, granted(i.Call).user)
	switch {
	case errors.Is(err, world.ErrInvalid):
		return nil, refuse("Workflow does not have 'workflow_dispatch' trigger")
	case err != nil:
		return nil, i.notFound()
	}
	i.Changed()
	if latest || body.ReturnRunDetails != nil && *body.ReturnRunDetails {
		return wire.OK(obj{
			"workflow_run_id": run.ID, "run_url": i.repo("/actions/runs/%d", run.ID), "html_url": i.html("/actions/runs/%d", run.ID),
		}), nil
	}
	return wire.Empty(http.StatusNoContent), nil
}

// readInputs checks a dispatch's inputs against what the workflow declares, in
// GitHub's words.
func readInputs(w *world.Workflow, raw map[string]any) (map[string]string, error) {
	if !w.Dispatchable {
		return nil, refuse("Workflow does not have 'workflow_dispatch' trigger")
	}
	if len(raw) > inputsMost {
		return nil, refuse("you may only define up to %d `inputs` for a `workflow_dispatch` event", inputsMost)
	}
	inputs, unknown := map[string]string{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		switch v := raw[name].(type) {
		case string:
			inputs[name] = v
		case bool, float64:
			inputs[name] = fmt.Sprint(v)
		default:
			return nil, refuse("Invalid request.\n\nFor 'properties/inputs/%s', the value is not a string, a number or a boolean.", name)
		}
		if !slices.ContainsFunc(w.Inputs, func(in world.WorkflowInput) bool { return in.Name == name }) {
			unknown = append(unknown, strconv.Quote(name))
		}
	}
	if len(unknown) > 0 {
		return nil, refuse("Unexpected inputs provided: [%s]", strings.Join(unknown, ", "))
	}
	for _, in := range w.Inputs {
		value := inputs[in.Name]
		switch {
		case in.Required && value == "":
			return nil, refuse("Required input '%s' not provided", in.Name)
		case value != "" && len(in.Options) > 0 && !slices.Contains(in.Options, value):
			return nil, refuse("Provided value '%s' for input '%s' not in the list of allowed values", value, in.Name)
		}
	}
	return inputs, nil
}

var runStatuses = []string{
	"completed", "action_required", "cancelled", "failure", "neutral", "skipped", "stale", "success", "timed_out",
	"in_progress", "queued", "requested", "waiting", "pending",
}

func runQuery() []wire.Param {
	return paged(
		wire.Param{Name: "actor", Type: wire.String}, wire.Param{Name: "branch", Type: wire.String},
		wire.Param{Name: "event", Type: wire.String}, wire.Param{Name: "status", Type: wire.Enum, OneOf: runStatuses},
		wire.Param{Name: "created", Type: wire.String, Check: func(v string) string {
			if _, _, ok := createdRange(v); !ok {
				return "a date range"
			}
			return ""
		}},
		wire.Param{Name: "exclude_pull_requests", Type: wire.String}, wire.Param{Name: "check_suite_id", Type: wire.Int},
		wire.Param{Name: "head_sha", Type: wire.String},
	)
}

// runs lists the runs of one workflow, or of all when w is nil.
func runs(i *in, w *world.Workflow) (*wire.Answer, error) {
	from, to, _ := createdRange(i.Str("created"))
	suite := i.Int("check_suite_id", 0)
	var found []*world.WorkflowRun
	for _, r := range i.s.Runs() {
		at := r.CreatedAt.Truncate(time.Second)
		switch status := i.Str("status"); {
		case w != nil && r.Workflow != w,
			i.Has("branch") && i.Str("branch") != r.Branch,
			i.Has("event") && i.Str("event") != r.Event,
			i.Has("head_sha") && i.Str("head_sha") != r.SHA,
			i.Has("actor") && !strings.EqualFold(i.Str("actor"), r.Actor.Login),
			suite != 0 && suite != i.suite(r),
			status != "" && status != r.Status && status != r.Conclusion,
			!from.IsZero() && at.Before(from), !to.IsZero() && at.After(to):
			continue
		}
		found = append(found, r)
	}
	return counted(i, "workflow_runs", found, i.run), nil
}

// createdRange reads GitHub's search syntax for dates: ">=T", "<T", "A..B",
// "A..*", a day. Both ends belong to the range.
func createdRange(text string) (from, to time.Time, ok bool) {
	if text == "" {
		return from, to, true
	}
	if a, b, found := strings.Cut(text, ".."); found {
		from, okA := moment(a, false)
		to, okB := moment(b, true)
		return from, to, okA && okB
	}
	for _, op := range []string{">=", "<=", ">", "<"} {
		rest, found := strings.CutPrefix(text, op)
		if !found {
			continue
		}
		switch op {
		case ">=":
			from, ok = moment(rest, false)
		case ">":
			from, ok = moment(rest, true)
			from = from.Add(time.Second)
		case "<=":
			to, ok = moment(rest, true)
		case "<":
			to, ok = moment(rest, false)
			to = to.Add(-time.Second)
		}
		return from, to, ok
	}
	from, ok = moment(text, false)
	to, _ = moment(text, true)
	return from, to, ok
}

// moment reads a time or a day; end is the last second of a day.
func moment(text string, end bool) (time.Time, bool) {
	if text == "*" {
		return time.Time{}, true
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), true
	}
	t, err := time.Parse("2006-01-02", text)
	if err == nil && end {
		t = t.Add(24*time.Hour - time.Second)
	}
	return t, err == nil
}
