package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/database"
)

func (a *API) mountDatabase() {
	if a.Databases == nil {
		return
	}
	a.document(a.operation(http.MethodGet, base+"/database", "database", "The database's branches, and how its migrations stand", access.ViewDatabase), database.Status{})
	a.Door.HandleReady("GET "+base+"/database", access.FaceAPI, access.ViewDatabase, func(w http.ResponseWriter, r *http.Request, who access.Actor) {
		s, ages, err := a.Databases.Status(r.Context(), who, projectOf(r))
		if err != nil {
			a.Door.Fail(w, r, access.FaceAPI, err)
			return
		}
		serve(w, r, s, databaseAges(ages))
	})
	a.mountChanges()
}

type changeList struct {
	Changes []database.Change `json:"changes" nullable:"false"`
}

type changesQuery struct {
	Project string `query:"project" doc:"Another project than the first." maxLength:"100"`
	Limit   int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
}

type changeID struct {
	ID string `path:"id" maxLength:"64"`
}

type planQuery struct {
	Project string `query:"project" doc:"Another project than the first." maxLength:"100"`
	Kind    string `query:"kind" required:"true" enum:"create,delete,restore"`
	Branch  string `query:"branch" maxLength:"100" doc:"Id of the branch to restore or delete."`
	Name    string `query:"name" maxLength:"256" doc:"Name of a branch to make."`
	Source  string `query:"source" maxLength:"100" doc:"Id of the branch to make it of, or to restore from."`
	At      string `query:"at" maxLength:"64" doc:"A moment in the source's history, RFC 3339; root branches alone have one."`
}

type newBranch struct {
	Project string `query:"project" doc:"Another project than the first." maxLength:"100"`
	Body    struct {
		Name     string `json:"name" maxLength:"256"`
		ParentID string `json:"parentId,omitempty" maxLength:"100" doc:"The branch to make it of. Left out: production's."`
		Reason   string `json:"reason,omitempty" maxLength:"1000" doc:"Required. Why, for the record."`
	}
}

type deletedBranch struct {
	Project string `query:"project" doc:"Another project than the first." maxLength:"100"`
	ID      string `path:"id" maxLength:"100"`
	Confirm string `query:"confirm" maxLength:"256" doc:"Required. The branch's name, to show that you know what is lost."`
	Reason  string `query:"reason" maxLength:"1000" doc:"Required. Why, for the record."`
}

type restoredBranch struct {
	Project string `query:"project" doc:"Another project than the first." maxLength:"100"`
	ID      string `path:"id" maxLength:"100"`
	Body    struct {
		SourceID string `json:"sourceId,omitempty" maxLength:"100" doc:"Required. The branch to restore from."`
		At       string `json:"at,omitempty" maxLength:"64" doc:"A moment in the source's history, RFC 3339; root branches alone have one. Left out: its present."`
		Confirm  string `json:"confirm,omitempty" maxLength:"256" doc:"Required. The branch's name, to show that you know what is lost."`
		Reason   string `json:"reason,omitempty" maxLength:"1000" doc:"Required. Why, for the record."`
	}
}

func (a *API) mountChanges() {
	plan := a.operation(http.MethodGet, base+"/database/plan", "database-plan", "What a change of a branch would do and what would be lost; changes nothing", access.ViewDatabase)
	a.refuses(&plan, http.StatusNotFound, http.StatusConflict, http.StatusNotImplemented, http.StatusServiceUnavailable)
	route(a, plan, func(ctx context.Context, who access.Actor, in *planQuery) (*body[database.Plan], error) {
		at, err := moment("query.at", in.At)
		if err != nil {
			return nil, err
		}
		p, err := a.Databases.Plan(ctx, who, database.Ask{
			Project: in.Project, Kind: database.ChangeKind(in.Kind), BranchID: in.Branch, Name: in.Name, SourceID: in.Source, At: at,
		})
		return &body[database.Plan]{p}, err
	})
	list := a.operation(http.MethodGet, base+"/database/changes", "database-changes", "The newest changes of branches", access.ViewDatabase)
	a.refuses(&list, http.StatusNotFound)
	route(a, list, func(ctx context.Context, who access.Actor, in *changesQuery) (*body[changeList], error) {
		all, err := a.Databases.Changes(ctx, who, in.Project, in.Limit)
		return &body[changeList]{changeList{all}}, err
	})
	one := a.operation(http.MethodGet, base+"/database/changes/{id}", "database-change", "One change of a branch, with what was done and seen", access.ViewDatabase)
	a.refuses(&one, http.StatusNotFound)
	route(a, one, func(ctx context.Context, who access.Actor, in *changeID) (*body[database.Change], error) {
		c, err := a.Databases.ChangeOf(ctx, who, in.ID)
		return &body[database.Change]{c}, err
	})
	route(a, a.changing(http.MethodPost, "/database/branches", "create-branch", "Make a branch, without a compute"),
		func(ctx context.Context, who access.Actor, in *newBranch) (*body[database.Change], error) {
			return a.change(ctx, who, database.Ask{Project: in.Project, Kind: database.Create, Name: in.Body.Name, SourceID: in.Body.ParentID, Reason: in.Body.Reason})
		})
	route(a, a.changing(http.MethodDelete, "/database/branches/{id}", "delete-branch", "Delete a branch"),
		func(ctx context.Context, who access.Actor, in *deletedBranch) (*body[database.Change], error) {
			return a.change(ctx, who, database.Ask{Project: in.Project, Kind: database.Delete, BranchID: in.ID, Confirm: in.Confirm, Reason: in.Reason})
		})
	route(a, a.changing(http.MethodPost, "/database/branches/{id}/restore", "restore-branch", "Overwrite every database of a branch with those of another, or of its own past"),
		func(ctx context.Context, who access.Actor, in *restoredBranch) (*body[database.Change], error) {
			at, err := moment("body.at", in.Body.At)
			if err != nil {
				return nil, err
			}
			return a.change(ctx, who, database.Ask{
				Project: in.Project, Kind: database.Restore, BranchID: in.ID, SourceID: in.Body.SourceID, At: at, Confirm: in.Body.Confirm, Reason: in.Body.Reason,
			})
		})
}

// changing describes a route that changes a branch: it is accepted, and goes on
// whatever happens to the connection.
func (a *API) changing(method, path, name, summary string) huma.Operation {
	op := a.operation(method, base+path, name, summary, access.ManageBranches)
	op.DefaultStatus = http.StatusAccepted
	a.refuses(&op, http.StatusNotFound, http.StatusConflict, http.StatusNotImplemented, http.StatusServiceUnavailable)
	return op
}

func (a *API) change(ctx context.Context, who access.Actor, ask database.Ask) (*body[database.Change], error) {
	c, err := a.Databases.Change(ctx, who, ask)
	return &body[database.Change]{c}, err
}

// moment reads a time that may be left out.
func moment(where, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, wrong(where, "must be a time such as 2027-01-31T00:00:00Z")
	}
	return at, nil
}

// databaseAges is the header of ages: "neon=12", "neon=240;stale".
func databaseAges(ages []database.Age) string {
	texts := make([]string, 0, len(ages))
	for _, age := range ages {
		text := age.Source + "=" + strconv.FormatInt(int64(age.Age/time.Second), 10)
		if age.Never {
			text = age.Source + "=never"
		}
		if age.Stale || age.Never {
			text += ";stale"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}
