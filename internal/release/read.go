package release

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// Compare answers what lies between two environments, named as in the
// configuration, or deployments, by id. It is the dry run of a promotion: its
// hash can be sent with one.
func (d *Desk) Compare(ctx context.Context, a access.Actor, project, from, to string) (Sheet, error) {
	s, err := d.view(ctx, a, access.Compare, project)
	if err != nil {
		return Sheet{}, err
	}
	if s.platform == nil {
		return Sheet{}, fault.New(fault.Unsupported, "None of the providers of project %s knows what is deployed.", s.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*readLimit)
	defer cancel()
	ends := [2]side{}
	for i, name := range [2]string{from, to} {
		if ends[i], err = s.end(ctx, name); err != nil {
			return Sheet{}, err
		}
	}
	return s.sheet(ctx, ends[0], ends[1]), nil
}

// newest finds the build of an environment; a platform may not be able to.
type newest interface {
	Newest(ctx context.Context, from catalog.Source) (provider.Deployment, error)
}

// end finds one side of a comparison.
func (s *site) end(ctx context.Context, name string) (side, error) {
	env, known := s.Environment(name)
	switch {
	case name == "":
		return side{}, fault.New(fault.Invalid, "Say what to compare: from and to are names of environments, or ids of deployments.")
	case !known && name == string(catalog.Production):
		env, known = s.OfKind(catalog.Production)
	}
	if !known {
		b, err := s.platform.Deployment(ctx, name)
		return side{build: b}, err
	}
	switch env.Kind {
	case catalog.Production:
		live, err := s.platform.Live(ctx)
		return side{environment: env.Name, build: live.Deployment, crons: live.Crons}, err
	case catalog.Local:
		return side{}, fault.New(fault.Unsupported, "%s is somebody's own machine and no build of the platform, so it cannot be compared.", env.Name)
	}
	finder, ok := s.platform.(newest)
	if !ok {
		return side{}, fault.New(fault.Unsupported, "The platform does not say which build %s is.", env.Name)
	}
	b, err := finder.Newest(ctx, env.From)
	if err == nil && b.Crons == nil { // lists do not say
		if whole, werr := s.platform.Deployment(ctx, b.ID); werr == nil {
			b = whole
		}
	}
	return side{environment: env.Name, build: b}, err
}

// Candidate is a build that production could go back to, or why it cannot.
type Candidate struct {
	Build Build `json:"build"`
	// Possible says that a rollback to it would be accepted now.
	Possible bool   `json:"possible"`
	Why      string `json:"why" doc:"Why it is possible, or why it is not."`
	// Default is the one that a rollback without a target goes to.
	Default  bool `json:"default"`
	Verified bool `json:"verified" doc:"A release proved it good."`
	// Workers go back with it.
	Workers []string `json:"workers,omitempty" doc:"The Workers that go back with it, to what they served when it was live."`
	// Schema says whether it runs on the schema as it is. nil: nothing here
	// reads migrations.
	Schema *Footing `json:"schema" doc:"Whether it runs on the schema as it is. null: nothing here reads migrations."`
	// Crons is how its schedules differ from the live build's; nil: not known.
	Crons        *SheetCrons `json:"crons" doc:"How its schedules differ from the live deployment's. null: not known, and cronsUnknown says why."`
	CronsUnknown string      `json:"cronsUnknown,omitempty"`
}

// candidates is how many builds a rollback offers.
const candidates = 5

// Targets answers the builds that were live before, newest first, each with
// the reason why production can or cannot go back to it.
func (d *Desk) Targets(ctx context.Context, a access.Actor, project string) ([]Candidate, error) {
	s, err := d.view(ctx, a, access.ViewDeployments, project)
	if err != nil {
		return nil, err
	}
	env, refused := s.production()
	if refused != nil {
		return nil, refused.fault()
	}
	ops, err := d.store.Operations(ctx, Query{Project: s.Name, Environment: env.Name, Limit: 50})
	if err != nil {
		return nil, err
	}
	h := historyOf(ops)
	ctx, cancel := context.WithTimeout(ctx, 2*readLimit)
	defer cancel()
	live, err := s.platform.Live(ctx)
	if err != nil {
		return nil, err
	}
	// Not only those that the platform offers: a person asks why the others
	// are not.
	list, err := s.platform.Deployments(ctx, provider.DeploymentQuery{Target: provider.TargetProduction, Limit: 30})
	if err != nil {
		return nil, err
	}
	all := h.candidates(live, list.Items)
	for i := range all {
		all[i].Workers = goBackToo(ops, live.Deployment.ID, all[i].Build.ID)
	}
	if s.floored() {
		stands := s.footingsOf(ctx, live, list.Items)
		for i := range all {
			f, ok := stands[all[i].Build.ID]
			if !ok {
				f = Footing{Stand: StandsUnknown, Why: "Whether it runs on the schema is not known: too many releases came after it."}
			}
			all[i].Schema = &f
		}
	}
	s.compareCrons(ctx, live, all)
	return all, nil
}

// candidates picks and explains.
func (h history) candidates(live provider.Live, all []provider.Deployment) []Candidate {
	chosen, _ := pickBack(live, all, h.verified, h.bad)
	out := []Candidate{}
	for _, b := range all {
		if b.ID == live.Deployment.ID || b.Stage == provider.Staged || b.State != provider.Ready && b.Stage != provider.Promoted {
			continue
		}
		c := Candidate{Build: *buildOf(b), Possible: true, Default: b.ID == chosen.ID, Why: "It was live before."}
		for _, id := range h.verified {
			c.Verified = c.Verified || id == b.ID
		}
		no := canGoBack(b)
		switch {
		case no != nil:
			c.Possible, c.Why = false, no.message
		case h.bad[b.ID]:
			c.Why = "It was live before, and was taken back: it may be as bad now."
		case c.Verified:
			c.Why = "A release proved it good."
		case live.Switch != nil && live.Switch.From == b.ID:
			c.Why = "It was live just before."
		}
		out = append(out, c)
		if len(out) == candidates {
			break
		}
	}
	return out
}

// HoldRequest asks to keep production from being promoted to.
type HoldRequest struct {
	Project string
	Reason  string
	For     time.Duration // at most 30 days
}

// longestHold keeps a forgotten hold from staying for ever.
const longestHold = 30 * 24 * time.Hour

// Hold keeps production from being promoted to until it is lifted or expires.
// It never keeps anybody from rolling back.
func (d *Desk) Hold(ctx context.Context, a access.Actor, q HoldRequest) (Hold, error) {
	s, env, permit, err := d.holding(ctx, a, q.Project, "")
	if err != nil {
		return Hold{}, err
	}
	reason := strings.TrimSpace(hostile.Line(q.Reason, maxReason))
	switch {
	case reason == "":
		return Hold{}, d.refuse(ctx, permit, Ask{}, "", no(CauseNoReason, "A hold needs a reason: say why, in a few words."))
	case q.For <= 0 || q.For > longestHold:
		return Hold{}, d.refuse(ctx, permit, Ask{}, reason, no(CauseWrongInput, "A hold ends by itself: say when, at most 30 days from now."))
	}
	now := d.clock.Now()
	h := Hold{
		ID: "hold_" + strings.ToLower(rand.Text()), Project: s.Name, Environment: env.Name, Reason: reason,
		By: Who{ID: a.ID, Name: a.Label(), Kind: string(a.Kind)}, CreatedAt: now, ExpiresAt: now.Add(q.For),
	}
	receipt := permit.Receipt(access.Note{Act: "placed", Object: h.ID, Reason: reason, Detail: access.Detail{Until: h.ExpiresAt.Format(time.RFC3339)}})
	return h, d.store.PlaceHold(ctx, h, receipt)
}

// Lift ends a hold. NotFound when it is not in force.
func (d *Desk) Lift(ctx context.Context, a access.Actor, project, id, reason string) error {
	_, _, permit, err := d.holding(ctx, a, project, id)
	if err != nil {
		return err
	}
	return d.store.LiftHold(ctx, id, d.clock.Now(), permit.Receipt(access.Note{Act: "lifted", Object: id, Reason: hostile.Line(reason, maxReason)}))
}

func (d *Desk) holding(ctx context.Context, a access.Actor, project, id string) (*site, catalog.Environment, access.Permit, error) {
	s := d.site(project)
	on := access.On{Object: hostile.Line(id, 100)}
	var env catalog.Environment
	if s != nil {
		env, _ = s.OfKind(catalog.Production)
		on.Project, on.Environment = s.Name, env.Name
	}
	permit, err := d.gate.Allow(ctx, a, access.ManageHolds, on)
	if err == nil && (s == nil || env.Name == "") {
		err = fault.New(fault.NotFound, "There is no project %q with a production environment in the configuration.", hostile.Line(project, hostile.NameLimit))
	}
	return s, env, permit, err
}

// Holds answers those in force on production.
func (d *Desk) Holds(ctx context.Context, a access.Actor, project string) ([]Hold, error) {
	s, err := d.view(ctx, a, access.ViewOperations, project)
	if err != nil {
		return nil, err
	}
	env, _ := s.OfKind(catalog.Production)
	return d.store.Holds(ctx, s.Name, env.Name, d.clock.Now())
}

// view passes the gate before it says whether a project exists at all.
func (d *Desk) view(ctx context.Context, a access.Actor, use access.UseCase, project string) (*site, error) {
	if _, err := d.gate.Allow(ctx, a, use, access.On{}); err != nil {
		return nil, err
	}
	s := d.site(project)
	if s == nil {
		return nil, fault.New(fault.NotFound, "There is no project %q in the configuration.", hostile.Line(project, hostile.NameLimit))
	}
	return s, nil
}
