package cron_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// platform runs the jobs it is given.
type platform struct{ set provider.CronSet }

func (p *platform) Check(context.Context) error                     { return nil }
func (p *platform) Crons(context.Context) (provider.CronSet, error) { return p.set, nil }

// Schedules of another build than the live one are told of in words, with what
// would differ, and say nothing against a job.
func TestTheSchedulesOfAnotherBuildAreToldOf(t *testing.T) {
	jobs := []provider.CronJob{{Path: "/new", Schedule: "0 5 * * *"}, {Path: "/pulse", Schedule: "*/15 * * * *"}, {Path: "/same", Schedule: "0 * * * *"}}
	back := []provider.CronJob{{Path: "/pulse", Schedule: "*/30 * * * *"}, {Path: "/same", Schedule: "0 * * * *"}}
	yes, no := true, false
	for name, c := range map[string]struct {
		set  provider.CronSet
		live *bool
		says string
		want []cron.ScheduleChange
	}{
		"the live build's": {provider.CronSet{DeploymentID: "dpl_1", LiveID: "dpl_1", Enabled: true, Jobs: jobs}, &yes, "", nil},
		"nobody can tell":  {provider.CronSet{DeploymentID: "dpl_1", Enabled: true, Jobs: jobs}, nil, "", nil},
		"another's": {
			provider.CronSet{DeploymentID: "dpl_2", LiveID: "dpl_1", Enabled: true, Jobs: jobs, Behind: &provider.CronsBehind{Commit: "abcdef0123", LiveCommit: "1234567890", Live: back}},
			&no, "The platform runs the schedules of abcdef0 (dpl_2), and production serves 1234567 (dpl_1). By the live deployment's own schedules 2 jobs would be otherwise.",
			[]cron.ScheduleChange{{Path: "/new", From: "0 5 * * *", FromHuman: "At 05:00 every day"}, {Path: "/pulse", From: "*/15 * * * *", To: "*/30 * * * *", FromHuman: "Every 15 minutes", ToHuman: "Every 30 minutes"}},
		},
		"another's with the same jobs": {
			provider.CronSet{DeploymentID: "dpl_2", LiveID: "dpl_1", Enabled: true, Jobs: jobs, Behind: &provider.CronsBehind{Live: jobs}},
			&no, "dpl_2, and production serves dpl_1. Both have the same jobs at the same times.", nil,
		},
		"another's that is gone": {provider.CronSet{DeploymentID: "dpl_2", LiveID: "dpl_1", Enabled: true, Jobs: jobs, Behind: &provider.CronsBehind{}}, &no, "is not known", nil},
		"switched off":           {provider.CronSet{DeploymentID: "dpl_1", LiveID: "dpl_1", Jobs: jobs}, &yes, "switched off", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				memory := cache.NewMemory()
				defer memory.Close()
				d := openDesk(t, storetest.Open(t), func(o *cron.Options) {
					o.Projects[0].From, o.Projects[0].Providers = "host", provider.Set{{Name: "host", API: &platform{c.set}}}
					o.Keeper = cache.NewKeeper(memory, clock.Real(), o.Log)
					go func() { _ = o.Keeper.Run(ctx) }()
				})
				pass(10 * time.Second)
				board, err := d.Lanes(t.Context(), viewer, cron.LaneQuery{})
				if err != nil || len(board.Sources) != 1 || board.Sources[0].Build == nil {
					t.Fatalf("%+v, %v", board.Sources, err)
				}
				got := board.Sources[0].Build
				if (got.Live == nil) != (c.live == nil) || got.Live != nil && *got.Live != *c.live || !strings.Contains(got.Message, c.says) || c.says == "" && got.Message != "" {
					t.Errorf("%+v, live %v", got, got.Live)
				}
				if len(got.Changes) != len(c.want) {
					t.Fatalf("%+v, want %+v", got.Changes, c.want)
				}
				for i := range c.want {
					w, g := c.want[i], got.Changes[i]
					if w.Path != g.Path || w.From != g.From || w.To != g.To || !strings.HasPrefix(g.FromHuman, w.FromHuman) || !strings.HasPrefix(g.ToHuman, w.ToHuman) {
						t.Errorf("%+v, want %+v", g, w)
					}
				}
				if c.set.Enabled {
					if j := d.info(t, "/new"); j.State != cron.StandWaiting {
						t.Errorf("the job is %s", j.State)
					}
				}
				s, _, err := d.Status(t.Context(), viewer, "")
				if err != nil || s.Value.Sources[0].Build == nil || s.Value.Sources[0].Build.Message != got.Message {
					t.Errorf("the API says %+v, %v", s.Value.Sources, err)
				}
			})
		})
	}
}
