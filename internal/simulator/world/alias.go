package world

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// The app's domains.
const (
	ProductionDomain = "spike.land"
	RedirectDomain   = "www.spike.land"
	StagingDomain    = "next.spike.land"
)

// Alias is a host name that points at a deployment.
type Alias struct {
	UID            string
	Name           string
	DeploymentID   string
	Redirect       string
	RedirectStatus int
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// point moves (or makes) an alias.
func (s *State) point(name string, d *Deployment) {
	a := s.aliases[name]
	if a == nil {
		a = &Alias{UID: s.Hex(40, "alias", name), Name: name, CreatedAt: s.now}
		s.aliases[name] = a
	}
	a.DeploymentID, a.UpdatedAt = d.ID, s.now
	if d.AliasedAt.IsZero() {
		d.AliasedAt = s.now
	}
}

// Aliases lists every alias, most recently moved first.
func (s *State) Aliases() []*Alias {
	return slices.SortedFunc(maps.Values(s.aliases), func(a, b *Alias) int {
		return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(a.Name, b.Name))
	})
}

// Alias finds one by name.
func (s *State) Alias(name string) *Alias { return s.aliases[name] }

// AliasesOf lists the names that point at a deployment, production first.
func (s *State) AliasesOf(id string) []string {
	var out []string
	for _, a := range s.aliases {
		if a.DeploymentID == id {
			out = append(out, a.Name)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return out
}

// JobKind is what an alias job is for.
type JobKind string

// Alias jobs.
const (
	JobPromote  JobKind = "promote"
	JobRollback JobKind = "rollback"
)

// JobStatus is how far an alias job is; each alias in it has one too.
type JobStatus string

// Job statuses; a single alias is completed where a job has succeeded.
const (
	JobPending    JobStatus = "pending"
	JobInProgress JobStatus = "in-progress"
	JobSucceeded  JobStatus = "succeeded"
	JobFailed     JobStatus = "failed"
	JobSkipped    JobStatus = "skipped"
	JobCompleted  JobStatus = "completed"
)

// AliasJob moves the production domains from one deployment to another.
type AliasJob struct {
	Kind        JobKind
	From        string // deployment id, "" for none
	To          string
	FromRelease string // rolling release id
	Status      JobStatus
	RequestedAt time.Time
	EndedAt     time.Time
	By          *Person
	Moves       []*AliasMove

	fault AliasKnob
}

// AliasMove is one domain of an alias job.
type AliasMove struct {
	ID           string
	Alias        string
	DeploymentID string
	Status       JobStatus
	At           time.Time
}

// LastJob is the newest alias job, nil for none.
func (s *State) LastJob() *AliasJob {
	if len(s.jobs) == 0 {
		return nil
	}
	return s.jobs[len(s.jobs)-1]
}

// Jobs lists the alias jobs, newest first.
func (s *State) Jobs() []*AliasJob {
	out := slices.Clone(s.jobs)
	slices.Reverse(out)
	return out
}

func (s *State) activeJob() *AliasJob {
	if j := s.LastJob(); j != nil && (j.Status == JobPending || j.Status == JobInProgress) {
		return j
	}
	return nil
}

// productionNames are the names an alias job moves.
func (s *State) productionNames() []string {
	var out []string
	for _, d := range s.Project.Domains {
		if d.Production {
			out = append(out, d.Name)
		}
	}
	return out
}

// startJob queues an alias job. The caller has checked that it is allowed.
func (s *State) startJob(kind JobKind, to *Deployment, by *Person, release string) error {
	if s.activeJob() != nil {
		return ErrJobRunning
	}
	j := &AliasJob{
		Kind: kind, To: to.ID, FromRelease: release, Status: JobPending,
		RequestedAt: s.now, By: by, fault: s.Knobs.Alias,
	}
	if live := s.Live(); live != nil {
		j.From = live.ID
	}
	if s.Knobs.Alias.Once {
		s.Knobs.Alias = AliasKnob{}
	}
	n := s.serial("job")
	for _, name := range s.productionNames() {
		j.Moves = append(j.Moves, &AliasMove{
			ID: s.Token(24, "move", n, name), Alias: name, DeploymentID: to.ID, Status: JobPending, At: s.now,
		})
	}
	s.jobs = append(s.jobs, j)
	if j.fault.Mode == AliasSkip {
		s.After(400*time.Millisecond, func(s *State) { j.Status, j.EndedAt = JobSkipped, s.now })
		return nil
	}
	start := s.Between(300*time.Millisecond, 900*time.Millisecond, "job-start", n)
	s.After(start, func(s *State) { s.runJob(j, n) })
	return nil
}

func (s *State) runJob(j *AliasJob, n uint64) {
	if j.Status != JobPending {
		return
	}
	j.Status = JobInProgress
	if j.fault.Mode == AliasStuck {
		return
	}
	at := j.fault.Delay
	for i, m := range j.Moves {
		at += s.Between(350*time.Millisecond, 900*time.Millisecond, "move", n, i)
		s.After(at, func(s *State) { s.moveOne(j, m) })
	}
	s.After(at+250*time.Millisecond, func(s *State) { s.endJob(j) })
}

func (s *State) moveOne(j *AliasJob, m *AliasMove) {
	if j.Status != JobInProgress {
		return
	}
	m.At = s.now
	if j.fault.Mode == AliasFail && (len(j.fault.Domains) == 0 || slices.Contains(j.fault.Domains, m.Alias)) {
		m.Status = JobFailed
		return
	}
	m.Status = JobCompleted
	to := s.byID[j.To]
	s.point(m.Alias, to)
	if m.Alias == ProductionDomain {
		s.goLive(to, j.Kind)
	}
}

func (s *State) endJob(j *AliasJob) {
	if j.Status != JobInProgress {
		return
	}
	j.Status, j.EndedAt = JobSucceeded, s.now
	for _, m := range j.Moves {
		if m.Status == JobFailed {
			j.Status = JobFailed
			s.byID[j.To].AliasError = "The alias " + m.Alias + " could not be assigned."
		}
	}
	if j.Kind == JobPromote && j.Status == JobSucceeded {
		s.emit(Event{At: s.now, Kind: DeploymentPromoted, Deployment: j.To, From: j.From})
		if s.Knobs.Rival {
			s.Knobs.Rival = false
			s.After(500*time.Millisecond, func(s *State) { s.rival(j.To) })
		}
	}
}

// rival is somebody who promotes the newest build that never was live but for
// the one that has just been promoted.
func (s *State) rival(promoted string) {
	for _, d := range slices.Backward(s.deployments) {
		if d.Target == Production && d.State == Ready && !d.EverLive() && d.ID != promoted {
			_, _ = s.Promote(d.ID, s.People[2]) // somebody may have been quicker still
			return
		}
	}
}

// Unstick ends a job that a knob has left hanging: with success it is carried
// out now, otherwise it fails without having moved anything.
func (s *State) Unstick(success bool) error {
	j := s.activeJob()
	if j == nil {
		return ErrNotFound
	}
	j.Status, j.fault = JobInProgress, AliasKnob{}
	if !success {
		j.fault = AliasKnob{Mode: AliasFail}
	}
	for _, m := range j.Moves {
		s.moveOne(j, m)
	}
	s.endJob(j)
	return nil
}
