package api

import (
	"context"
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
)

type incidentQuery struct {
	Project string    `query:"project" doc:"Another project than the first." maxLength:"100"`
	Open    bool      `query:"open" doc:"Only those that last."`
	Limit   int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Before  time.Time `query:"before" doc:"Those opened before this time: the openedAt of the last one you have."`
}

type incidentList struct {
	Incidents []alert.Incident `json:"incidents" nullable:"false"`
	Open      int              `json:"open" doc:"How many last, whatever the page shows."`
}

type incidentID struct {
	ID string `path:"id" maxLength:"64"`
}

type incidentAct struct {
	ID   string `path:"id" maxLength:"64"`
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"1000" doc:"A few words, for the record."`
	}
}

type incidentSnooze struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Minutes int    `json:"minutes" minimum:"1" maximum:"10080" doc:"For how long nobody is reminded, at most 7 days."`
		Reason  string `json:"reason,omitempty" maxLength:"1000" doc:"A few words, for the record."`
	}
}

func (a *API) mountIncidents() {
	if a.Alerts == nil {
		return
	}
	all := a.operation(http.MethodGet, base+"/incidents", "incidents", "What went wrong, newest first", access.ViewIncidents)
	a.refuses(&all, http.StatusNotFound)
	route(a, all, func(ctx context.Context, who access.Actor, in *incidentQuery) (*body[incidentList], error) {
		found, err := a.Alerts.List(ctx, who, alert.Query{Project: in.Project, Open: in.Open, Limit: in.Limit, Before: in.Before})
		if err != nil {
			return nil, err
		}
		open, err := a.Alerts.Open(ctx, who, in.Project)
		return &body[incidentList]{incidentList{found, open}}, err
	})

	one := a.operation(http.MethodGet, base+"/incidents/{id}", "incident", "One incident with its timeline", access.ViewIncidents)
	a.refuses(&one, http.StatusNotFound)
	route(a, one, func(ctx context.Context, who access.Actor, in *incidentID) (*body[alert.Incident], error) {
		inc, err := a.Alerts.Incident(ctx, who, in.ID)
		return &body[alert.Incident]{inc}, err
	})

	acknowledge := a.operation(http.MethodPost, base+"/incidents/{id}/acknowledge", "acknowledge-incident", "Say that you are on it: it is reminded of once a day", access.ManageIncidents)
	a.refuses(&acknowledge, http.StatusNotFound, http.StatusConflict)
	route(a, acknowledge, func(ctx context.Context, who access.Actor, in *incidentAct) (*body[alert.Incident], error) {
		inc, err := a.Alerts.Acknowledge(ctx, who, in.ID, in.reason())
		return &body[alert.Incident]{inc}, err
	})

	snooze := a.operation(http.MethodPost, base+"/incidents/{id}/snooze", "snooze-incident", "Silence an incident for a while", access.ManageIncidents)
	a.refuses(&snooze, http.StatusNotFound, http.StatusConflict)
	route(a, snooze, func(ctx context.Context, who access.Actor, in *incidentSnooze) (*body[alert.Incident], error) {
		inc, err := a.Alerts.Snooze(ctx, who, in.ID, time.Duration(in.Body.Minutes)*time.Minute, in.Body.Reason)
		return &body[alert.Incident]{inc}, err
	})

	closing := a.operation(http.MethodPost, base+"/incidents/{id}/close", "close-incident", "End an incident by hand", access.ManageIncidents)
	a.refuses(&closing, http.StatusNotFound, http.StatusConflict)
	route(a, closing, func(ctx context.Context, who access.Actor, in *incidentAct) (*body[alert.Incident], error) {
		inc, err := a.Alerts.Close(ctx, who, in.ID, in.reason())
		return &body[alert.Incident]{inc}, err
	})
}

func (in *incidentAct) reason() string {
	if in.Body == nil {
		return ""
	}
	return in.Body.Reason
}
