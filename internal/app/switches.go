package app

import (
	"context"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/release"
)

// switchesEvery is how often the releases that other replicas drive are looked
// for; those of this process are told at once.
const switchesEvery = time.Minute

// tellCrons tells the cron jobs of every move of an environment: which jobs
// there are, and what is expected of them, comes with a build. It reads what
// the releases have written down, so that a restart forgets nothing.
func (a *App) tellCrons(ctx context.Context) error {
	moved := make(chan struct{}, 1)
	a.desk.OnChange(func(op release.Operation) {
		if len(op.Moves()) == 0 {
			return // nothing has happened yet
		}
		select {
		case moved <- struct{}{}:
		default: // it is known already
		}
	})
	for {
		for _, p := range a.o.Config.Catalog() {
			if err := a.tellSwitches(ctx, p); err != nil && ctx.Err() == nil {
				a.o.Log.WarnContext(ctx, "the cron jobs could not be told of the releases; the next minute tries again", "project", p.Name, "error", err)
			}
		}
		timer, stop := a.o.Clock.Timer(switchesEvery)
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-timer:
		case <-moved:
			stop()
		}
	}
}

func (a *App) tellSwitches(ctx context.Context, p catalog.Project) error {
	ops, err := a.db.Operations(ctx, release.Query{Project: p.Name, Limit: 50})
	if err != nil {
		return err
	}
	by := map[string][]cron.Switch{}
	for i := range ops {
		by[ops[i].Environment] = append(by[ops[i].Environment], switchesOf(&ops[i])...)
	}
	for _, e := range p.Environments {
		if err := a.crons.Moved(ctx, p.Name, e.Name, by[e.Name]); err != nil {
			return err
		}
	}
	return nil
}

// switchesOf are the moves that an operation made: the one it was asked for,
// and the way back when that was taken.
func switchesOf(op *release.Operation) []cron.Switch {
	var all []cron.Switch
	for _, m := range op.Moves() {
		sw := cron.Switch{Operation: op.ID, Kind: cron.Promoted, Commit: m.Commit, At: m.At}
		switch {
		case m.Back:
			sw.Kind = cron.RolledBack
		case op.Action == release.Deploy:
			sw.Kind = cron.Deployed
		}
		if op.EndedAt != nil {
			sw.Until = *op.EndedAt
		}
		all = append(all, sw)
	}
	return all
}
