package app

import (
	"context"

	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/inbox"
	"github.com/envdeck/envdeck/internal/ping"
	"github.com/envdeck/envdeck/internal/provider"
)

// openCrons opens the cron jobs of every project. The providers are those of
// the boards, in the same order.
func (a *App) openCrons(ctx context.Context, sets []provider.Set) (err error) {
	catalog := a.o.Config.Catalog()
	var projects []cron.Project
	for i, p := range a.o.Config.Projects {
		project, _ := catalog.Project(p.Name)
		c := cron.Project{Catalog: project, Providers: sets[i], From: p.Crons.Provider, File: p.Crons.File, Jobs: planned(p.Crons.Jobs)}
		if i > 0 {
			c.Prefix = p.Name + ":"
		}
		projects = append(projects, c)
	}
	a.crons, err = cron.New(ctx, cron.Options{
		Projects: projects, Store: a.db, Gate: a.Control.Gate, Keeper: a.keeper, Clock: a.o.Clock, Log: a.o.Log,
	})
	if err != nil {
		return err
	}
	a.loops = append(a.loops, loop{"crons", a.crons.Run}, loop{"crons after releases", a.tellCrons})
	return a.openInbox()
}

// openInbox reads what apps write to Redis by themselves. Those keys name no
// project: they are the first one's.
func (a *App) openInbox() error {
	if !a.o.Config.RedisURL.Set() || len(a.o.Config.Projects) == 0 {
		return nil
	}
	in, err := inbox.Open(inbox.Options{URL: a.o.Config.RedisURL, Crons: a.crons, Project: a.o.Config.Projects[0].Name, Clock: a.o.Clock, Log: a.o.Log})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, in.Close)
	a.loops = append(a.loops, loop{"inbox", in.Run})
	return nil
}

func planned(jobs []config.CronJob) []cron.Planned {
	out := make([]cron.Planned, 0, len(jobs))
	for _, j := range jobs {
		out = append(out, cron.Planned{Path: j.Path, Timetable: cron.Timetable{
			Schedule: j.Schedule, Zone: j.Timezone, Grace: j.Grace, MaxRun: j.MaxRun,
		}})
	}
	return out
}

// mountPings opens the addresses that jobs call without a login.
func (a *App) mountPings() {
	ping.Mount(ping.Options{Door: a.door, Control: a.Control, Crons: a.crons, Clock: a.o.Clock})
}
