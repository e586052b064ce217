package world

import (
	"slices"
	"time"
)

// LiveSpan says which deployment had the production domain since when.
type LiveSpan struct {
	ID   string
	From time.Time
	How  JobKind
}

// Live is the deployment that has the production domain, nil for none.
func (s *State) Live() *Deployment {
	if a := s.aliases[ProductionDomain]; a != nil {
		return s.byID[a.DeploymentID]
	}
	return nil
}

// LiveAt is the deployment that had production at t, nil before the first.
func (s *State) LiveAt(t time.Time) *Deployment {
	for _, span := range slices.Backward(s.live) {
		if !span.From.After(t) {
			return s.byID[span.ID]
		}
	}
	return nil
}

// LiveHistory lists who had production, oldest first.
func (s *State) LiveHistory() []LiveSpan { return slices.Clone(s.live) }

// goLive records that a deployment has production now, and what follows: its
// migrations run and its crons are the project's crons.
func (s *State) goLive(d *Deployment, how JobKind) {
	s.live = append(s.live, LiveSpan{ID: d.ID, From: s.now, How: how})
	if d.FirstLiveAt.IsZero() {
		d.FirstLiveAt = s.now
	}
	d.Substate = Promoted
	s.migrate(ProductionBranch, d)
	if how != JobRollback || !s.Knobs.CronsStay {
		s.Project.CronsOf, s.Project.CronsChanged = d.ID, s.now
	}
	if how == JobPromote {
		s.Project.RolledBack, s.Project.RolledBackFrom = false, ""
	}
}

// Promote gives production to a build that was made for it. queued is true
// when it waits behind an active rolling release.
//
// What is refused follows Vercel's documents: what is live cannot be promoted
// again, what was live before needs a rollback, unless the promotion undoes
// one; a preview must be rebuilt.
func (s *State) Promote(id string, by *Person) (queued bool, err error) {
	d := s.byID[id]
	switch live := s.Live(); {
	case d == nil:
		return false, ErrNotFound
	case d.Target != Production:
		return false, ErrNotProduction
	case d.State != Ready:
		return false, ErrNotReady
	case live == d && s.activeJob() == nil && s.ActiveRelease() == nil:
		return false, ErrAlreadyCurrent
	case d.EverLive() && !s.undoesRollback(d):
		return false, ErrAlreadyLive
	case s.activeJob() != nil:
		return false, ErrJobRunning
	}
	if r := s.ActiveRelease(); r != nil {
		r.Queued = d.ID
		r.UpdatedAt = s.now
		return true, nil
	}
	s.promoted(by)
	if s.Project.Rolling != nil {
		_, err := s.StartRollingRelease(d.ID, by)
		return false, err
	}
	return false, s.startJob(JobPromote, d, by, "")
}

func (s *State) undoesRollback(d *Deployment) bool {
	return s.Project.RolledBack && d.ID == s.Project.RolledBackFrom
}

// promoted is what a promotion does to the settings: it takes back the pin of
// a rollback. Whether it also turns auto-assign on where a team had turned it
// off by choice is not documented clearly, so that is a knob.
func (s *State) promoted(by *Person) {
	if s.Project.RolledBack && s.Knobs.autoAssignBefore || s.Knobs.PromoteTurnsAutoAssignOn {
		s.setAutoAssign(true, by)
	}
	s.Project.Rollback = nil
}

// Rollback gives production back to a build that had it before, and pins it:
// later builds do not go live by themselves. It aborts a rolling release.
func (s *State) Rollback(id, description string, by *Person) error {
	d := s.byID[id]
	release := s.ActiveRelease()
	switch live := s.Live(); {
	case d == nil:
		return ErrNotFound
	case s.activeJob() != nil:
		return ErrJobRunning
	case d.Target != Production || !d.EverLive():
		return ErrNeverLive
	case live == d && release == nil:
		return ErrAlreadyCurrent
	case s.Team.Plan == Hobby && s.previousLive() != d:
		return ErrPlan
	}
	from := ""
	if live := s.Live(); live != nil {
		from = live.ID
	}
	releaseID := ""
	if release != nil {
		release.end(ReleaseAborted, s.now)
		releaseID, from = release.ID, release.Canary
		s.byID[release.Canary].Substate = Staged
	}
	if err := s.startJob(JobRollback, d, by, releaseID); err != nil {
		return err
	}
	if !s.Project.RolledBack {
		s.Knobs.autoAssignBefore = s.Project.AutoAssign
		s.Project.RolledBackFrom = from
	}
	s.Project.RolledBack = true
	s.Project.Rollback = &RollbackNote{Description: description, By: by, At: s.now}
	s.setAutoAssign(false, by)
	s.emit(Event{At: s.now, Kind: DeploymentRollback, Deployment: d.ID, From: from})
	return nil
}

// previousLive is what had production before what has it now.
func (s *State) previousLive() *Deployment {
	live := s.Live()
	for _, span := range slices.Backward(s.live) {
		if live == nil || span.ID != live.ID {
			return s.byID[span.ID]
		}
	}
	return nil
}

// RollbackCandidate says whether production could be rolled back to d now.
func (s *State) RollbackCandidate(d *Deployment) bool {
	if d.Target != Production || d.State != Ready || !d.EverLive() || s.Live() == d {
		return false
	}
	return s.Team.Plan != Hobby || s.previousLive() == d
}

func (s *State) setAutoAssign(on bool, by *Person) {
	s.Project.AutoAssign, s.Project.UpdatedAt = on, s.now
	if by != nil {
		s.Project.AutoAssignUpdatedBy = by.UID
	}
}

// SetAutoAssign is somebody changing the setting.
func (s *State) SetAutoAssign(on bool, by *Person) { s.setAutoAssign(on, by) }
