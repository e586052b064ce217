package world

import (
	"cmp"
	"slices"
	"time"
)

// Env is one of the app's three environments.
type Env string

// Environments.
const (
	Dev  Env = "dev"
	Next Env = "next"
	Prod Env = "prod"
)

// Served is what an environment answers with right now.
type Served struct {
	Deployment string // id, "" for dev
	SHA        string
	Branch     string
	DeployedAt time.Time // when this build began to serve there
	StartedAt  time.Time // when its process started
	Status     string    // ok, degraded, down
	Database   string    // ok, error
	Redis      string    // ok, error, not_configured
	HTTPStatus int
	Latency    time.Duration
	Mode       AppMode
}

// Serving tells what an environment answers with now.
func (s *State) Serving(e Env) Served {
	out := Served{Status: "ok", Database: "ok", Redis: "ok", HTTPStatus: 200, Branch: s.Repo.DefaultBranch}
	var ills []Ill
	switch e {
	case Dev:
		out.SHA, out.Branch, out.Redis = s.dev.SHA, DevBranch, "not_configured"
		out.DeployedAt, out.StartedAt = s.dev.At, s.Epoch.Add(-3*time.Hour)
		out.Latency = 18 * time.Millisecond
	case Next, Prod:
		d, since := s.serving(e, s.now)
		if d == nil {
			return Served{Status: "down", HTTPStatus: 404, Mode: App502}
		}
		out.Deployment, out.SHA, out.Branch = d.ID, d.SHA, d.Branch
		out.DeployedAt, out.StartedAt = since, d.ReadyAt
		out.Latency = s.Between(40*time.Millisecond, 110*time.Millisecond, "latency", e, s.now.Unix()/5)
		ills = illsAt(d, e, since, s.now)
	}
	for _, ill := range ills {
		out.fallIll(ill.Kind)
	}
	out.apply(s.App(e, s.now))
	return out
}

func (o *Served) fallIll(kind IllKind) {
	switch kind {
	case IllDown:
		o.Status = "down"
	case IllError:
		o.HTTPStatus = 500
	case IllDegraded:
		o.Redis = "error"
	case IllDatabase:
		o.Database = "error"
	case IllErrors:
	}
	o.settle()
}

// settle derives the status from the checks, and the HTTP status from it.
func (o *Served) settle() {
	switch {
	case o.Database == "error":
		o.Status = "down"
	case o.Redis == "error" && o.Status == "ok":
		o.Status = "degraded"
	}
	if o.Status == "down" && o.HTTPStatus == 200 {
		o.HTTPStatus = 503
	}
}

func (o *Served) apply(k AppKnob) {
	o.Mode = cmp.Or(k.Mode, o.Mode)
	o.Database = cmp.Or(k.Database, o.Database)
	o.Redis = cmp.Or(k.Redis, o.Redis)
	o.Status = cmp.Or(k.Status, o.Status)
	o.SHA = cmp.Or(k.Commit, o.SHA)
	o.Latency = cmp.Or(k.Latency, o.Latency)
	o.settle()
}

// serving is which deployment an environment's domain leads to at t and since
// when. For production the edge may lag behind the alias.
func (s *State) serving(e Env, t time.Time) (*Deployment, time.Time) {
	if e == Next {
		for _, d := range slices.Backward(s.deployments) {
			if d.Target == Production && d.State == Ready && !d.ReadyAt.After(t) {
				return d, d.ReadyAt
			}
		}
		return nil, time.Time{}
	}
	for i, span := range slices.Backward(s.live) {
		lag := s.Knobs.EdgeLag
		if i == 0 {
			lag = 0
		}
		if at := span.From.Add(lag); !at.After(t) {
			return s.byID[span.ID], at
		}
	}
	return nil, time.Time{}
}

// illsAt is what is wrong at t with a build that has served since then.
func illsAt(d *Deployment, e Env, since, t time.Time) []Ill {
	all := d.Ills
	if e == Prod && len(d.LiveIlls) > 0 {
		all = slices.Concat(d.Ills, d.LiveIlls)
	}
	var out []Ill
	for _, ill := range all {
		from := since.Add(ill.After)
		if !from.After(t) && (ill.For == 0 || t.Before(from.Add(ill.For))) {
			out = append(out, ill)
		}
	}
	return out
}
