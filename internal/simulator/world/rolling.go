package world

import (
	"slices"
	"time"
)

// RollingConfig is the project's recipe for rolling releases.
type RollingConfig struct {
	Stages   []RollingStage
	Header   bool // answer with a header that names the canary
	Manual   bool // advance by approval, otherwise by time
	Modified time.Time
}

// RollingStage is one step of the recipe.
type RollingStage struct {
	Percent  int
	Minutes  int // 0: stays until approved, or it is the last
	Approval bool
	Linear   bool
}

// ReleaseState is the state of a rolling release.
type ReleaseState string

// Release states.
const (
	ReleaseActive   ReleaseState = "ACTIVE"
	ReleaseComplete ReleaseState = "COMPLETE"
	ReleaseAborted  ReleaseState = "ABORTED"
)

// RollingRelease is one gradual move of production.
type RollingRelease struct {
	ID        string
	State     ReleaseState
	Config    RollingConfig
	Stage     int // index into Config.Stages
	Current   string
	Canary    string
	Queued    string // deployment id that waits behind it
	By        *Person
	StartedAt time.Time
	UpdatedAt time.Time
	StageAt   time.Time
}

func (r *RollingRelease) end(state ReleaseState, at time.Time) { r.State, r.UpdatedAt = state, at }

// Percent is the share of visitors the canary gets now.
func (r *RollingRelease) Percent() int {
	if r.State != ReleaseActive {
		return 100
	}
	return r.Config.Stages[r.Stage].Percent
}

// ActiveRelease is the rolling release under way, nil for none.
func (s *State) ActiveRelease() *RollingRelease {
	if n := len(s.releases); n > 0 && s.releases[n-1].State == ReleaseActive {
		return s.releases[n-1]
	}
	return nil
}

// LastRelease is the newest rolling release in state ("" for any), nil for none.
func (s *State) LastRelease(state ReleaseState) *RollingRelease {
	for _, r := range slices.Backward(s.releases) {
		if state == "" || r.State == state {
			return r
		}
	}
	return nil
}

// StartRollingRelease begins one. Starting the active canary again is no error.
func (s *State) StartRollingRelease(canary string, by *Person) (*RollingRelease, error) {
	d, live := s.byID[canary], s.Live()
	active := s.ActiveRelease()
	switch {
	case d == nil:
		return nil, ErrNotFound
	case active != nil && active.Canary == canary:
		return active, nil
	case active != nil:
		return nil, ErrReleaseActive
	case s.Project.Rolling == nil || len(s.Project.Rolling.Stages) == 0:
		return nil, ErrInvalid
	case d.Target != Production:
		return nil, ErrNotProduction
	case d.State != Ready:
		return nil, ErrNotReady
	case live == nil || live == d:
		return nil, ErrAlreadyCurrent
	case s.activeJob() != nil:
		return nil, ErrJobRunning
	}
	n := s.serial("release")
	r := &RollingRelease{
		ID: "rr_" + s.Token(24, "release", n), State: ReleaseActive, Config: *s.Project.Rolling,
		Current: live.ID, Canary: canary, By: by, StartedAt: s.now, UpdatedAt: s.now, StageAt: s.now,
	}
	s.releases = append(s.releases, r)
	d.Substate = Rolling
	s.planStage(r)
	return r, nil
}

// planStage advances a stage that ends by time.
func (s *State) planStage(r *RollingRelease) {
	stage, now := r.Config.Stages[r.Stage], r.Stage
	if stage.Approval || r.Config.Manual || stage.Minutes == 0 {
		return
	}
	s.After(time.Duration(stage.Minutes)*time.Minute, func(s *State) {
		if r.State == ReleaseActive && r.Stage == now {
			s.nextStage(r)
		}
	})
}

func (s *State) nextStage(r *RollingRelease) {
	r.Stage++
	r.UpdatedAt, r.StageAt = s.now, s.now
	if r.Stage >= len(r.Config.Stages)-1 {
		r.Stage = len(r.Config.Stages) - 1
		s.completeRelease(r)
		return
	}
	s.planStage(r)
}

func (s *State) completeRelease(r *RollingRelease) {
	r.end(ReleaseComplete, s.now)
	_ = s.startJob(JobPromote, s.byID[r.Canary], r.By, r.ID)
	if r.Queued != "" {
		queued := r.Queued
		s.After(5*time.Second, func(s *State) { _, _ = s.Promote(queued, r.By) })
	}
}

// ApproveStage moves the active release on to the stage next.
func (s *State) ApproveStage(canary string, next int) (*RollingRelease, error) {
	r := s.ActiveRelease()
	switch {
	case r == nil:
		return nil, ErrNotFound
	case r.Canary != canary || next != r.Stage+1:
		return nil, ErrInvalid
	}
	s.nextStage(r)
	return r, nil
}

// CompleteRelease gives the canary everything at once.
func (s *State) CompleteRelease(canary string) (*RollingRelease, error) {
	r := s.ActiveRelease()
	switch {
	case r == nil:
		return nil, ErrNotFound
	case r.Canary != canary:
		return nil, ErrInvalid
	}
	r.Stage = len(r.Config.Stages) - 1
	s.completeRelease(r)
	return r, nil
}
