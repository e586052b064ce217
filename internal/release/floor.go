package release

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// Footing says how a build stands on the schema: the floor is the oldest
// release that the schema can still run.
type Footing struct {
	Stand Stand  `json:"stand" enum:"ok,below,unknown" doc:"ok: it runs on the schema as it is. below: it is older than the schema's floor, and may not. unknown: nobody can tell."`
	Why   string `json:"why" doc:"In a sentence."`
	Path  string `json:"path,omitempty" doc:"The migration that decides."`
	// Confirmed says that a person went there knowing it.
	Confirmed bool `json:"confirmed,omitempty" doc:"Somebody confirmed to go there although it may not run."`
}

// Stand is a footing in one word.
type Stand string

// The stands.
const (
	StandsOK      Stand = "ok"
	StandsBelow   Stand = "below"
	StandsUnknown Stand = "unknown"
)

// stride is what lies between a release and the one before it.
type stride struct {
	newer, older string // commits
	migrations   []SheetMigration
	// unread says why the migrations are not known, "" when they are.
	unread string
}

// footings is the rule of the floor. The strides go back from the newest
// release whose migrations were run; the answer has one footing for each, of
// its older release. A contract on the way puts everything before it below the
// floor; what nobody can tell makes what is before it unknown.
func footings(strides []stride) []Footing {
	now := Footing{Stand: StandsOK, Why: "No migration since then takes anything from it."}
	all := make([]Footing, 0, len(strides))
	for _, s := range strides {
		now = now.past(s)
		all = append(all, now)
	}
	return all
}

// past is the footing one stride further back. The first contract that is met
// stays the reason.
func (f Footing) past(s stride) Footing {
	if f.Stand == StandsBelow {
		return f
	}
	worst := Footing{Stand: StandsOK}
	for _, m := range s.migrations {
		switch {
		case m.Gone, m.Class == SchemaExpand:
		case m.Class == SchemaContract && worst.Stand != StandsBelow:
			worst = Footing{Stand: StandsBelow, Path: m.Path, Why: "Below the schema's floor since " + hostile.Short(s.newer) + ", because of " + m.Path + ": " + m.Reason}
		case m.Class != SchemaContract && worst.Stand == StandsOK:
			worst = Footing{Stand: StandsUnknown, Path: m.Path, Why: "Whether it runs on the schema is not known, because of " + m.Path + " in " + hostile.Short(s.newer) + ": " + m.Reason}
		}
	}
	if s.unread != "" && worst.Stand == StandsOK {
		worst = Footing{Stand: StandsUnknown, Why: "Whether it runs on the schema is not known: " + s.unread}
	}
	switch {
	case worst.Stand == StandsBelow, f.Stand == StandsOK && worst.Stand == StandsUnknown:
		return worst
	case f.Stand == StandsOK && len(s.migrations) > 0:
		return Footing{Stand: StandsOK, Why: "Every migration since then only adds."}
	}
	return f
}

// stops says whether envdeck must not go back to it by itself, and the cause.
func (f *Footing) stops(rules Rules) (Cause, bool) {
	switch {
	case f == nil || f.Stand == StandsOK:
		return "", false
	case f.Stand == StandsBelow:
		return CauseBelowFloor, true
	case f.Path == "": // nothing says that there is a migration at all
		return "", false
	default:
		return CauseSchemaUnknown, !rules.BackOnUnknown
	}
}

// floored says whether anything here reads migrations.
func (s *site) floored() bool { return s.Schema != nil && s.Rules.Migrations != "" }

// pinned is the footing of what is live now on the schema that a release
// leaves: it is decided before the switch and kept, so that a rollback by rule
// asks nobody.
func (s *site) pinned(sheet *Sheet, live provider.Deployment, target string) *Footing {
	if !s.floored() || sheet == nil {
		return nil
	}
	step := stride{newer: target, older: live.Commit, migrations: sheet.Schema, unread: sheet.Unknown["migrations"]}
	f := footings([]stride{step})[0]
	return &f
}

// after is the footing of a commit on the schema that a newer one leaves.
func (s *site) after(ctx context.Context, older, newer string) *Footing {
	if !s.floored() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sheetLimit)
	defer cancel()
	f := footings([]stride{s.stride(ctx, newer, older)})[0]
	return &f
}

// Limits of looking for the floor.
const (
	mostStrides = 12
	floorLimit  = 2500 * time.Millisecond // while somebody waits for a rollback
)

// footingsOf says how builds that were live stand on the schema. all is the
// platform's list of production builds, newest first.
func (s *site) footingsOf(ctx context.Context, live provider.Live, all []provider.Deployment) map[string]Footing {
	ran := slices.DeleteFunc(slices.Clone(all), func(d provider.Deployment) bool {
		return d.ID != live.Deployment.ID && d.Stage != provider.Promoted
	})
	if !slices.ContainsFunc(ran, func(d provider.Deployment) bool { return d.ID == live.Deployment.ID }) {
		ran = append(ran, live.Deployment)
	}
	slices.SortStableFunc(ran, func(a, b provider.Deployment) int { return b.CreatedAt.Compare(a.CreatedAt) })
	if len(ran) > mostStrides+1 {
		ran = ran[:mostStrides+1]
	}
	strides := make([]stride, max(len(ran)-1, 0))
	var wait sync.WaitGroup
	slots := make(chan struct{}, readsAtOnce)
	for i := range strides {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			strides[i] = s.stride(ctx, ran[i].Commit, ran[i+1].Commit)
		})
	}
	wait.Wait()
	out := map[string]Footing{ran[0].ID: {Stand: StandsOK, Why: "Its own migrations are the newest that were run."}}
	for i, f := range footings(strides) {
		out[ran[i+1].ID] = f
	}
	return out
}

// stride reads what lies between two releases.
func (s *site) stride(ctx context.Context, newer, older string) stride {
	st := stride{newer: newer, older: older}
	switch {
	case newer == "" || older == "":
		st.unread = "a build since then was not made from a commit."
		return st
	case newer == older:
		return st
	case s.comparer == nil:
		st.unread = "no provider of this project knows the repository."
		return st
	}
	if kept, ok := s.read.get(older, newer); ok {
		st.migrations = kept
		return st
	}
	c, err := s.comparer.Compare(ctx, older, newer)
	if err != nil {
		st.unread = sentence(err)
		return st
	}
	st.migrations = s.migrations(ctx, c)
	return st
}

// footing says how one build stands, while somebody waits for a rollback: it
// takes little time, and what it cannot find out keeps nobody from going back.
func (s *site) footing(ctx context.Context, live provider.Live, target provider.Deployment) *Footing {
	if !s.floored() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, floorLimit)
	defer cancel()
	list, err := s.platform.Deployments(ctx, provider.DeploymentQuery{Target: provider.TargetProduction, Limit: 30})
	if err != nil {
		return &Footing{Stand: StandsUnknown, Why: "Whether it runs on the schema is not known: " + sentence(err)}
	}
	if f, ok := s.footingsOf(ctx, live, list.Items)[target.ID]; ok {
		return &f
	}
	return &Footing{Stand: StandsUnknown, Why: "Whether it runs on the schema is not known: too many releases came after it."}
}

// confirmsFloor says why a rollback by hand needs one word more: it is never
// kept from anybody, but nobody does it without knowing.
func confirmsFloor(ask Ask, f *Footing, target string) *refusal {
	if f == nil || f.Stand != StandsBelow || ask.BelowFloor {
		return nil
	}
	return no(CauseBelowFloor, "%s may not run on the schema as it is. %s To go back all the same, confirm it: belowFloor.", target, f.Why)
}

// floorOfTurn says whether going back from a running release needs one word
// more.
func (s *site) floorOfTurn(ctx context.Context, running Operation, other *Build, ask Ask) *refusal {
	switch {
	case running.Work.Before == nil:
		return nil
	case other == nil:
		return confirmsFloor(ask, running.Work.Before.Schema, running.Back.id())
	}
	now := provider.Live{Deployment: provider.Deployment{ID: running.To.id(), Commit: running.To.commit(), CreatedAt: running.To.CreatedAt}}
	return confirmsFloor(ask, s.footing(ctx, now, provider.Deployment{ID: other.ID}), other.ID)
}

// asks is the end of a release that is bad and must not be taken back without
// a person.
func (r *run) asks(c Cause, message string) turn {
	f := r.op.Work.Before.Schema
	for i := range r.op.Steps {
		if s := &r.op.Steps[i]; s.EndedAt == nil {
			r.finish(s, Fail, "%s", message)
		}
	}
	step := r.begin("schema floor", 0, "")
	r.evidence(step, Evidence{Label: "goes back to", Value: name(r.back()), URL: r.link(r.back())}, Evidence{Label: "schema", Value: f.Why})
	r.finish(step, Fail, "envdeck does not go back by itself: %s", f.Why)
	return to(NeedsHuman, c, "%s. envdeck does not go back to %s by itself. %s Mend it forwards, or roll back by hand.", message, name(r.back()), f.Why)
}

// stepsOver says that a rollback by rule may go on: the build stands on the
// schema, or somebody broke the glass for this release.
func (r *run) stepsOver() (Cause, bool) {
	if r.op.Work.Before == nil || r.op.Work.Ask.Glass {
		return "", true
	}
	cause, stops := r.op.Work.Before.Schema.stops(r.site.Rules)
	return cause, !stops
}
