package cron

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Switch is a move of an environment to another build. Jobs come and go with
// builds, so what a job does after one is worth a look.
type Switch struct {
	Environment string
	Operation   string // its id; "" when nobody here did it
	Kind        SwitchKind
	Commit      string // of the build it moved to
	At          time.Time
	// Until is when whoever moved it was done with it; zero: it is under way.
	Until time.Time
}

// SwitchKind says how it moved.
type SwitchKind string

// The kinds.
const (
	Promoted   SwitchKind = "promotion"
	RolledBack SwitchKind = "rollback"
	Deployed   SwitchKind = "deployment"
)

// moves are the switches of every environment, newest last. The recorder
// writes them, everybody reads them.
type moves struct {
	mu  sync.RWMutex
	all map[place][]Switch
}

func (m *moves) of(project, environment string) []Switch {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.all[place{project: project, environment: environment}]
}

// put answers whether anything is new.
func (m *moves) put(project, environment string, all []Switch) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := place{project: project, environment: environment}
	if slices.Equal(m.all[at], all) {
		return false
	}
	if m.all == nil {
		m.all = map[place][]Switch{}
	}
	m.all[at] = all
	return true
}

// Moved tells the book which switches an environment had lately: all that it
// should know of, in any order. Telling it the same again changes nothing.
func (b *Book) Moved(ctx context.Context, project, environment string, all []Switch) error {
	all = slices.Clone(all)
	slices.SortFunc(all, func(x, y Switch) int { return x.At.Compare(y.At) })
	for i := range all {
		all[i].Environment = environment
	}
	if !b.rec.moves.put(project, environment, all) {
		return nil
	}
	err := b.rec.do(ctx, func(t *turn, l Ledger) error {
		for _, s := range t.rec.states {
			if s.job.Project == project && s.job.Environment == environment {
				if err := t.touch(l, s); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if s := b.projects[project]; err == nil && s != nil && len(all) > 0 {
		s.renew(ctx, all[len(all)-1].At)
	}
	return err
}

// renew asks the sources that were last asked before a time: a timetable comes
// with a build.
func (s *shelf) renew(ctx context.Context, since time.Time) {
	for _, src := range s.sources {
		if src.set != nil && src.set.Fact().FetchedAt.Before(since) {
			src.set.Renew(ctx)
		}
		if src.file != nil && src.file.Fact().FetchedAt.Before(since) {
			src.file.Renew(ctx)
		}
	}
}

// do runs work in the recorder's goroutine, as a part of its next transaction.
func (rec *recorder) do(ctx context.Context, work func(*turn, Ledger) error) error {
	c := &call{done: make(chan error, 1), do: work}
	select {
	case rec.calls <- c:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
