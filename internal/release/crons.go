package release

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
)

func noCrons() SheetCrons {
	return SheetCrons{Added: []SheetCron{}, Removed: []SheetCron{}, Changed: []SheetCronChange{}}
}

const cronsUnsaid = "the platform does not say which crons a build brings along"

// crons compares the schedules of the two builds.
func (sh *Sheet) crons(from, to side) {
	before, after := from.schedule(), to.schedule()
	if before == nil || after == nil {
		sh.Unknown["crons"] = cronsUnsaid
		return
	}
	sh.Crons = cronsBetween(before, after)
}

func cronsBetween(before, after []provider.CronJob) SheetCrons {
	c := noCrons()
	for _, change := range provider.CronChanges(before, after) {
		switch {
		case change.From == "":
			c.Added = append(c.Added, SheetCron{change.Path, change.To})
		case change.To == "":
			c.Removed = append(c.Removed, SheetCron{change.Path, change.From})
		default:
			c.Changed = append(c.Changed, SheetCronChange(change))
		}
	}
	return c
}

// All are what comes, then what becomes another, then what goes: without From
// one is new, without To it is gone.
func (c SheetCrons) All() []SheetCronChange {
	all := make([]SheetCronChange, 0, len(c.Added)+len(c.Changed)+len(c.Removed))
	for _, one := range c.Added {
		all = append(all, SheetCronChange{Path: one.Path, To: one.Schedule})
	}
	all = append(all, c.Changed...)
	for _, one := range c.Removed {
		all = append(all, SheetCronChange{Path: one.Path, From: one.Schedule})
	}
	return all
}

// schedule is a build's crons; nil when they are not known.
func (d side) schedule() []provider.CronJob {
	if d.build.Crons == nil && d.crons != nil && d.crons.DeploymentID == d.build.ID {
		return append([]provider.CronJob{}, d.crons.Jobs...)
	}
	return d.build.Crons
}

// hashedCrons is what of the crons a sheet's hash is of: what comes and what
// goes. How the two are told, as a change or as both, is wording.
type hashedCrons struct {
	Added   []SheetCron `json:"added"`
	Removed []SheetCron `json:"removed"`
}

func (c SheetCrons) hashed() hashedCrons {
	h := hashedCrons{append([]SheetCron{}, c.Added...), append([]SheetCron{}, c.Removed...)}
	for _, change := range c.Changed {
		h.Added, h.Removed = append(h.Added, SheetCron{change.Path, change.To}), append(h.Removed, SheetCron{change.Path, change.From})
	}
	order := func(a, b SheetCron) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Schedule, b.Schedule))
	}
	slices.SortFunc(h.Added, order)
	slices.SortFunc(h.Removed, order)
	return h
}

// brought are the schedules that builds brought along, by their ids. A build
// never changes, so each is read once.
type brought struct {
	mu    sync.Mutex
	found map[string][]provider.CronJob
	order []string
}

const mostBrought = 64

func (b *brought) get(id string) ([]provider.CronJob, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	jobs, ok := b.found[id]
	return jobs, ok
}

func (b *brought) put(id string, jobs []provider.CronJob) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.found == nil {
		b.found = map[string][]provider.CronJob{}
	}
	if _, there := b.found[id]; !there {
		b.order = append(b.order, id)
	}
	b.found[id] = jobs
	if len(b.order) > mostBrought {
		delete(b.found, b.order[0])
		b.order = b.order[1:]
	}
}

// broughtBy reads the schedules of a build, which lists of builds do not say.
func (s *site) broughtBy(ctx context.Context, id string) ([]provider.CronJob, error) {
	if jobs, ok := s.brought.get(id); ok {
		return jobs, nil
	}
	b, err := s.platform.Deployment(ctx, id)
	if err == nil && b.State == provider.Ready {
		s.brought.put(id, b.Crons)
	}
	return b.Crons, err
}

// compareCrons says of each build that production could go back to which
// schedules it would bring along. What cannot be read is unknown, and keeps
// nobody from going back.
func (s *site) compareCrons(ctx context.Context, live provider.Live, all []Candidate) {
	before := side{build: live.Deployment, crons: live.Crons}.schedule()
	var reading sync.WaitGroup
	for i := range all {
		c := &all[i]
		if before == nil {
			c.CronsUnknown = cronsUnsaid
			continue
		}
		reading.Go(func() {
			jobs, err := s.broughtBy(ctx, c.Build.ID)
			switch {
			case err != nil:
				c.CronsUnknown = fault.From(err).Message
			case jobs == nil:
				c.CronsUnknown = cronsUnsaid
			default:
				between := cronsBetween(before, jobs)
				c.Crons = &between
			}
		})
	}
	reading.Wait()
}
