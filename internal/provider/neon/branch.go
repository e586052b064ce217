package neon

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

var _ provider.Brancher = (*Client)(nil)

const (
	routeBranches  = "/projects/{project}/branches"
	routeBranch    = "/projects/{project}/branches/{branch}"
	routeRestore   = "/projects/{project}/branches/{branch}/restore"
	routeOperation = "/projects/{project}/operations/{operation}"
)

// Bounds of a list.
const (
	perPage   = 500
	maxPages  = 20
	maxCursor = 1000
)

// Branches lists all that are not deleted. The cursor of this one list is
// pagination.next; absent or empty is the end.
func (c *Client) Branches(ctx context.Context) (provider.BranchList, error) {
	var list provider.BranchList
	seen, cursors := map[string]bool{}, map[string]bool{}
	query := url.Values{"limit": {strconv.Itoa(perPage)}, "sort_by": {"created_at"}, "sort_order": {"desc"}}
	for page := 0; ; page++ {
		next, err := c.page(ctx, query, func(b provider.DatabaseBranch) {
			if !seen[b.ID] {
				seen[b.ID] = true
				list.Items = append(list.Items, b)
			}
		})
		switch {
		case err != nil && (page == 0 || ctx.Err() != nil):
			return provider.BranchList{}, err
		case err != nil:
			list.Incomplete = true
			return list, nil
		case next == "":
			// Neon deletes no branch on which others hang, so a parent that is not
			// in the list shows that more of it is missing.
			list.Incomplete = slices.ContainsFunc(list.Items, func(b provider.DatabaseBranch) bool { return b.ParentID != "" && !seen[b.ParentID] })
			return list, nil
		case cursors[next] || len(next) > maxCursor || page+1 == maxPages:
			// The cursor goes in a circle: the rest cannot be had.
			list.Incomplete = true
			return list, nil
		}
		cursors[next] = true
		query.Set("cursor", next)
	}
}

func (c *Client) page(ctx context.Context, query url.Values, each func(provider.DatabaseBranch)) (next string, err error) {
	w, _, err := outbound.JSON[listWire](ctx, c.out, outbound.Request{Route: routeBranches, Args: []string{c.block.Project}, Query: query})
	if err != nil {
		return "", err
	}
	if w.Branches == nil {
		return "", c.out.Unusable(routeBranches, outbound.Misfit("the list of branches is missing"))
	}
	for i := range w.Branches {
		b, ok := w.Branches[i].branch(w.Annotations[w.Branches[i].ID])
		if !ok {
			return "", c.out.Unusable(routeBranches, outbound.Misfit("a branch lacks its id, name, state or time"))
		}
		each(b)
	}
	return w.Pagination.Next, nil
}

// Branch reads one with what is written on it.
func (c *Client) Branch(ctx context.Context, id string) (provider.DatabaseBranch, error) {
	if err := branchID(id); err != nil {
		return provider.DatabaseBranch{}, err
	}
	w, _, err := outbound.JSON[oneWire](ctx, c.out, outbound.Request{Route: routeBranch, Args: []string{c.block.Project, id}})
	if err != nil {
		return provider.DatabaseBranch{}, err
	}
	if w.Branch == nil {
		return provider.DatabaseBranch{}, c.out.Unusable(routeBranch, outbound.Misfit("the branch is missing"))
	}
	b, ok := w.Branch.branch(w.Annotation)
	if !ok || b.ID != id {
		return provider.DatabaseBranch{}, c.out.Unusable(routeBranch, outbound.Misfit("it is another branch, or lacks its name, state or time"))
	}
	return b, nil
}

func branchID(id string) error {
	if !outbound.Plain(id, 100) {
		return fault.New(fault.Invalid, "A branch is named by its id (br-…).")
	}
	return nil
}

type newBranch struct {
	Branch struct {
		Name     string `json:"name"`
		ParentID string `json:"parent_id,omitempty"`
	} `json:"branch"`
	Notes map[string]string `json:"annotation_value,omitempty"`
}

// CreateBranch asks for no endpoint, so that Neon starts no compute and
// answers no connection string.
func (c *Client) CreateBranch(ctx context.Context, n provider.NewBranch) (provider.BranchChange, error) {
	body := newBranch{Notes: n.Notes}
	body.Branch.Name, body.Branch.ParentID = n.Name, n.ParentID
	if n.ParentID != "" {
		if err := branchID(n.ParentID); err != nil {
			return provider.BranchChange{}, err
		}
	}
	return c.change(ctx, outbound.Request{Method: http.MethodPost, Route: routeBranches, Args: []string{c.block.Project}, Body: body})
}

// DeleteBranch leaves the branch recoverable for as long as Neon keeps deleted
// ones.
func (c *Client) DeleteBranch(ctx context.Context, id string) (provider.BranchChange, error) {
	if err := branchID(id); err != nil {
		return provider.BranchChange{}, err
	}
	return c.change(ctx, outbound.Request{Method: http.MethodDelete, Route: routeBranch, Args: []string{c.block.Project, id}})
}

type restoreBranch struct {
	Source string `json:"source_branch_id"`
	At     string `json:"source_timestamp,omitempty"`
	Keep   string `json:"preserve_under_name,omitempty"`
}

// RestoreBranch overwrites every database of the branch.
func (c *Client) RestoreBranch(ctx context.Context, id string, r provider.BranchRestore) (provider.BranchChange, error) {
	for _, one := range []string{id, r.SourceID} {
		if err := branchID(one); err != nil {
			return provider.BranchChange{}, err
		}
	}
	body := restoreBranch{Source: r.SourceID, Keep: r.KeepAs}
	if !r.At.IsZero() {
		body.At = r.At.UTC().Format(time.RFC3339)
	}
	return c.change(ctx, outbound.Request{Method: http.MethodPost, Route: routeRestore, Args: []string{c.block.Project, id}, Body: body})
}

// change sends a write. 204 is a branch that is not there any more.
func (c *Client) change(ctx context.Context, r outbound.Request) (provider.BranchChange, error) {
	answer, err := c.patiently(ctx, r)
	if err != nil {
		return provider.BranchChange{}, err
	}
	if answer.Status == http.StatusNoContent {
		return provider.BranchChange{}, nil
	}
	w, err := outbound.Decode[changeWire](answer.Body)
	var out provider.BranchChange
	ok := false
	if err == nil && w.Branch != nil {
		out.Branch, ok = w.Branch.branch(noteWire{})
	}
	for _, o := range w.Operations {
		work, known := o.work()
		out.Work, ok = append(out.Work, work), ok && known
	}
	if !ok {
		if err == nil {
			err = outbound.Misfit("the changed branch or one of its operations is missing")
		}
		return provider.BranchChange{}, c.out.UnusableWrite(r.Route, err)
	}
	return out, nil
}

// How long a project that is busy with something else is waited for.
const (
	firstWait = 500 * time.Millisecond
	lastWait  = 4 * time.Second
	busyTries = 6 // 0.5 + 1 + 2 + 4 + 4 s
)

// patiently repeats a call that the project was too busy for: 423 says that
// nothing was done, for every method.
func (c *Client) patiently(ctx context.Context, r outbound.Request) (outbound.Answer, error) {
	wait := firstWait
	for try := 1; ; try++ {
		answer, err := c.out.Do(ctx, r)
		failure, ok := errors.AsType[*outbound.Failure](err)
		if !ok || failure.Status != http.StatusLocked {
			return answer, err
		}
		if try == busyTries || clock.Real().Sleep(ctx, wait) != nil {
			busy := fault.Wrap(fault.Unavailable, err, "Neon (423) is still busy with another change in this project and takes no other until it has ended. Nothing was done; it can be asked for again")
			busy.Provider, busy.RetryAfter = name, lastWait
			return answer, busy
		}
		wait = min(2*wait, lastWait)
	}
}

// BranchWork reads one operation.
func (c *Client) BranchWork(ctx context.Context, id string) (provider.BranchWork, error) {
	if !outbound.Plain(id, 100) {
		return provider.BranchWork{}, fault.New(fault.Invalid, "An operation is named by its id.")
	}
	w, _, err := outbound.JSON[struct {
		Operation *operationWire `json:"operation"`
	}](ctx, c.out, outbound.Request{Route: routeOperation, Args: []string{c.block.Project, id}})
	if err != nil {
		return provider.BranchWork{}, err
	}
	if w.Operation != nil {
		if work, ok := w.Operation.work(); ok && work.ID == id {
			return work, nil
		}
	}
	return provider.BranchWork{}, c.out.Unusable(routeOperation, outbound.Misfit("the operation is missing"))
}
