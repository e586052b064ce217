package worker

import (
	"fmt"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/cron/expr"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/status"
)

// workers makes the answer of the facts. It is pure: the same facts give the
// same answer.
func (f facts) workers(project string) Workers {
	out := Workers{Project: project, Workers: []Worker{}, Sources: f.sources()}
	for i := range f.list {
		out.Workers = append(out.Workers, f.worker(&f.list[i]))
	}
	if f.scripts != nil && len(f.scripts.Value) > most {
		out.Incomplete = fmt.Sprintf("The account has %d Workers. These are the first %d: name those of the project in cloudflare.workers.", len(f.scripts.Value), most)
	}
	return out
}

func (f facts) worker(k *known) Worker {
	w := Worker{
		Name: hostile.Line(k.name, hostile.NameLimit), ScriptName: hostile.Line(k.script, hostile.NameLimit),
		Notes: []status.Note{}, Unknown: map[string]string{},
	}
	f.deployed(&w, k)
	f.reached(&w, k)
	f.counted(&w, k)
	return w
}

// deployed fills in what serves.
func (f facts) deployed(w *Worker, k *known) {
	fields := []string{"lastDeployed", "deploymentId", "deployedBy", "deployedWith", "trigger", "message", "serving"}
	switch {
	case !k.deployments.Known:
		w.unknown(reason(f.name, &k.deployments), fields...)
		return
	case len(k.deployments.Value) == 0:
		w.unknown("Nothing was deployed yet.", fields...)
		return
	}
	d := k.deployments.Value[0]
	w.LastDeployed, w.DeploymentID = moment(d.CreatedAt), said(hostile.Line(d.ID, hostile.NameLimit))
	w.DeployedBy, w.DeployedWith = said(hostile.Line(d.Author, hostile.NameLimit)), said(hostile.Line(d.Source, hostile.NameLimit))
	w.Trigger, w.Message = said(hostile.Line(d.Trigger, hostile.NameLimit)), said(hostile.FirstLine(d.Message, hostile.TitleLimit))
	for field, missing := range map[string]bool{"deployedBy": w.DeployedBy == nil, "deployedWith": w.DeployedWith == nil, "trigger": w.Trigger == nil, "message": w.Message == nil} {
		if missing {
			w.unknown("The platform does not say.", field)
		}
	}
	w.Serving = k.shares(d)
	if len(w.Serving) > 1 {
		w.note("gradual", "A version goes live gradually: two of them have traffic.")
	}
	if !k.versions.Known && len(d.Shares) > 0 {
		w.unknown(reason(f.name, &k.versions), "versions")
	}
}

// shares is a deployment's versions with what is known of them.
func (k *known) shares(d provider.WorkerDeployment) []Share {
	all := make([]Share, 0, len(d.Shares))
	for _, s := range d.Shares {
		share := Share{VersionID: hostile.Line(s.VersionID, hostile.NameLimit), Percent: s.Percent}
		if i := slices.IndexFunc(k.versions.Value, func(v provider.WorkerVersion) bool { return v.ID == s.VersionID }); i >= 0 {
			v := k.versions.Value[i]
			share.Tag, share.Message = said(hostile.Line(v.Tag, hostile.NameLimit)), said(hostile.FirstLine(v.Message, hostile.TitleLimit))
			share.Author, share.CreatedAt = said(hostile.Line(v.Author, hostile.NameLimit)), moment(v.CreatedAt)
			if v.Number > 0 {
				share.Number = &v.Number
			}
		}
		all = append(all, share)
	}
	return all
}

// reached fills in where it can be reached.
func (f facts) reached(w *Worker, k *known) {
	if f.routes == nil || !f.routes.Known {
		w.unknown(reason(f.name, f.routes), "routes")
		return
	}
	w.Routes = []string{}
	for _, r := range f.routes.Value.ByScript[k.script] {
		w.Routes = append(w.Routes, hostile.Line(r, hostile.NameLimit))
	}
	if why := f.routes.Value.Incomplete; why != "" {
		w.note("routes_incomplete", hostile.Line(why, hostile.ErrorLimit))
		if len(w.Routes) == 0 {
			w.Routes = nil
			w.unknown(hostile.Line(why, hostile.ErrorLimit), "routes")
		}
	}
}

// counted fills in the day of traffic.
func (f facts) counted(w *Worker, k *known) {
	w.Stats.Flow = FlowUnknown
	numbers := []string{"stats.requests24h", "stats.errors24h", "stats.errorRate", "stats.p50Latency", "stats.p99Latency", "stats.cpuTimeAvg"}
	if f.traffic == nil || !f.traffic.Known {
		w.unknown(reason(f.name, f.traffic), append(numbers, "hours")...)
		return
	}
	t := f.traffic.Value
	day, there := t.ByScript[k.script]
	if !there && t.Truncated {
		w.unknown("The account has more Workers than are counted at once.", append(numbers, "hours")...)
		return
	}
	if w.Hours = hours(t, day); w.Hours == nil {
		w.unknown(t.HoursUnknown, "hours")
	}
	w.Stats.Requests24h, w.Stats.Errors24h, w.Stats.Sampled = &day.Requests, &day.Errors, day.Sampled
	if day.Requests == 0 {
		w.Stats.Flow = FlowNone
		w.unknown("There was no traffic.", numbers[2:]...)
		return
	}
	w.Stats.Flow = FlowSome
	rate := float64(day.Errors) / float64(day.Requests) * 100
	w.Stats.ErrorRate = &rate
	for i, one := range []struct {
		from *time.Duration
		into **float64
	}{{day.WallP50, &w.Stats.P50Latency}, {day.WallP99, &w.Stats.P99Latency}, {day.CPU, &w.Stats.CPUTimeAvg}} {
		if one.from == nil {
			w.unknown("The platform's analytics do not have this number.", numbers[3+i])
			continue
		}
		ms := float64(*one.from) / float64(time.Millisecond)
		*one.into = &ms
	}
}

// hours is every hour that lies in the window from its beginning, with zeros
// where nothing was counted; nil when the hours are not known.
func hours(t provider.WorkerTraffic, day provider.WorkerDay) []Hour {
	if t.HoursUnknown != "" {
		return nil
	}
	counts := map[time.Time]provider.WorkerHour{}
	for _, h := range day.Hours {
		counts[h.At.UTC().Truncate(time.Hour)] = h
	}
	first := t.From.UTC().Truncate(time.Hour)
	if first.Before(t.From) {
		first = first.Add(time.Hour) // of which only a part was asked for
	}
	all := []Hour{}
	for at := first; at.Before(t.To) && len(all) < 48; at = at.Add(time.Hour) {
		all = append(all, Hour{At: at, Requests: counts[at].Requests, Errors: counts[at].Errors})
	}
	return all
}

// history is one worker with what it was before.
func (f facts) history(k *known) History {
	h := History{Worker: f.worker(k), Sources: f.sources()}
	if k.deployments.Known {
		h.Rollouts = []Rollout{}
		for i, d := range k.deployments.Value {
			h.Rollouts = append(h.Rollouts, Rollout{
				ID: hostile.Line(d.ID, hostile.NameLimit), CreatedAt: d.CreatedAt, By: hostile.Line(d.Author, hostile.NameLimit), With: hostile.Line(d.Source, hostile.NameLimit),
				Trigger: hostile.Line(d.Trigger, hostile.NameLimit), Message: hostile.FirstLine(d.Message, hostile.TitleLimit), Versions: k.shares(d), Live: i == 0,
			})
		}
	} else {
		h.unknown(reason(f.name, &k.deployments), "deployments")
	}
	if k.versions.Known {
		h.Versions = []Version{}
		for _, v := range k.versions.Value {
			one := Version{
				ID: hostile.Line(v.ID, hostile.NameLimit), Number: v.Number, Tag: hostile.Line(v.Tag, hostile.NameLimit), Message: hostile.FirstLine(v.Message, hostile.TitleLimit),
				Author: hostile.Line(v.Author, hostile.NameLimit), With: hostile.Line(v.Source, hostile.NameLimit), CreatedAt: v.CreatedAt,
			}
			for _, s := range h.Serving {
				if s.VersionID == one.ID {
					one.Percent = s.Percent
				}
			}
			h.Versions = append(h.Versions, one)
		}
	} else {
		h.unknown(reason(f.name, &k.versions), "versions")
	}
	if k.triggers.Known {
		h.Triggers = []Trigger{}
		for _, t := range k.triggers.Value {
			h.Triggers = append(h.Triggers, trigger(t, f.now))
		}
	} else {
		h.unknown(reason(f.name, &k.triggers), "triggers")
	}
	return h
}

// trigger says when it runs next. The platform's dialect of cron is its own.
func trigger(t provider.WorkerTrigger, now time.Time) Trigger {
	out := Trigger{Schedule: hostile.Line(t.Schedule, hostile.NameLimit)}
	schedule, err := expr.Parse(t.Schedule, expr.Cloudflare)
	if err != nil {
		out.Problem = hostile.Line(err.Error(), hostile.TitleLimit)
		return out
	}
	out.Human = schedule.Text()
	if next, ok := schedule.Next(now, time.UTC); ok {
		out.NextRun = &next
	}
	return out
}

func (w *Worker) unknown(why string, fields ...string) {
	for _, f := range fields {
		w.Unknown[f] = why
	}
}

func (w *Worker) note(code, text string) {
	w.Notes = append(w.Notes, status.Note{Code: code, Text: text})
}
