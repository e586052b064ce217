package world

import (
	"cmp"
	"slices"
	"time"
)

// Workflow is one file of .github/workflows.
type Workflow struct {
	ID           int64
	File         string // deploy.yml
	Name         string
	Dispatchable bool
	Inputs       []WorkflowInput
	CreatedAt    time.Time
}

// WorkflowInput is an input of workflow_dispatch.
type WorkflowInput struct {
	Name     string
	Required bool
	Options  []string // of a choice
}

// WorkflowRun is one run of a workflow.
type WorkflowRun struct {
	ID         int64
	Number     int
	Attempt    int
	Workflow   *Workflow
	Title      string // display title
	Branch     string
	SHA        string
	Event      string // push, workflow_dispatch
	Status     string // queued, in_progress, completed, waiting
	Conclusion string // success, failure, cancelled; "" until completed
	Actor      *Person
	Inputs     map[string]string
	Steps      []*WorkflowStep
	Deployment string // what it built or rolled back to

	CreatedAt, StartedAt, UpdatedAt time.Time
}

// WorkflowStep is one step of a run's only job.
type WorkflowStep struct {
	Name               string
	Status, Conclusion string
	StartedAt, EndedAt time.Time
}

// Workflows lists the repository's workflows.
func (s *State) Workflows() []*Workflow { return s.workflows }

// Workflow finds one by file name.
func (s *State) Workflow(file string) *Workflow {
	for _, w := range s.workflows {
		if w.File == file {
			return w
		}
	}
	return nil
}

// Runs lists workflow runs, newest first.
func (s *State) Runs() []*WorkflowRun {
	out := slices.Clone(s.runs)
	slices.Reverse(out)
	return out
}

// Run finds a workflow run.
func (s *State) Run(id int64) *WorkflowRun {
	for _, r := range slices.Backward(s.runs) {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// DispatchWorkflow starts a workflow by hand. deploy.yml builds the commit of
// ref for production and promotes it (environment=production), or builds a
// preview; rollback.yml rolls back to deployment_id, or to what was live
// before. Unknown inputs and refs are refused.
func (s *State) DispatchWorkflow(file, ref string, inputs map[string]string, by *Person) (*WorkflowRun, error) {
	w := s.Workflow(file)
	if w == nil {
		return nil, ErrNotFound
	}
	c := s.Resolve(ref)
	if c == nil || !w.Dispatchable {
		return nil, ErrInvalid
	}
	for name := range inputs {
		if !slices.ContainsFunc(w.Inputs, func(i WorkflowInput) bool { return i.Name == name }) {
			return nil, ErrInvalid
		}
	}
	for _, i := range w.Inputs {
		value := inputs[i.Name]
		if i.Required && value == "" || value != "" && len(i.Options) > 0 && !slices.Contains(i.Options, value) {
			return nil, ErrInvalid
		}
	}
	r := s.startRun(w, c, "workflow_dispatch", cmp.Or(by, s.People[0]))
	r.Branch, r.Inputs = ref, inputs
	r.Title = w.Name
	if id := inputs["correlation_id"]; id != "" {
		r.Title += " " + id
	}
	s.After(s.Between(2*time.Second, 6*time.Second, "run", r.ID), func(s *State) { s.beginRun(r) })
	return r, nil
}

func (s *State) startRun(w *Workflow, c *Commit, event string, by *Person) *WorkflowRun {
	n := s.serial("run")
	r := &WorkflowRun{
		ID: 19_480_000_000 + int64(n)*7_919 + int64(s.Pick(0, 7000, "run", n)), Number: int(s.serial("run " + w.File)),
		Attempt: 1, Workflow: w, Title: c.Title(), Branch: s.Repo.DefaultBranch, SHA: c.SHA, Event: event,
		Status: "queued", Actor: by, CreatedAt: s.now, StartedAt: s.now, UpdatedAt: s.now,
	}
	s.runs = append(s.runs, r)
	return r
}

func (r *WorkflowRun) step(name string, at time.Time) {
	r.endStep("success", at)
	r.Steps = append(r.Steps, &WorkflowStep{Name: name, Status: "in_progress", StartedAt: at})
	r.UpdatedAt = at
}

func (r *WorkflowRun) endStep(conclusion string, at time.Time) {
	if n := len(r.Steps); n > 0 && r.Steps[n-1].Status == "in_progress" {
		last := r.Steps[n-1]
		last.Status, last.Conclusion, last.EndedAt = "completed", conclusion, at
	}
}

func (r *WorkflowRun) end(conclusion string, at time.Time) {
	if r.Status == "completed" {
		return
	}
	r.endStep(conclusion, at)
	r.Status, r.Conclusion, r.UpdatedAt = "completed", conclusion, at
}

// CancelRun stops a run that has not ended; what it already did stays done.
func (s *State) CancelRun(id int64) error {
	r := s.Run(id)
	if r == nil {
		return ErrNotFound
	}
	if r.Status == "completed" {
		return ErrFinished
	}
	r.end("cancelled", s.now)
	return nil
}

func (s *State) beginRun(r *WorkflowRun) {
	if r.Status != "queued" && r.Status != "waiting" {
		return
	}
	if s.Knobs.Workflow.Wait && r.Status == "queued" {
		r.Status, r.UpdatedAt = "waiting", s.now
		return
	}
	r.Status, r.StartedAt = "in_progress", s.now
	r.step("Set up job", s.now)
	s.After(4*time.Second, func(s *State) {
		if r.Status != "in_progress" {
			return
		}
		if s.Knobs.Workflow.Fail {
			r.step("Run vercel/deploy", s.now)
			r.end("failure", s.now)
			return
		}
		switch r.Workflow.File {
		case DeployWorkflow:
			s.runDeploy(r)
		case RollbackWorkflow:
			s.runRollback(r)
		default:
			r.step("Run tests", s.now)
			s.After(s.Between(90*time.Second, 240*time.Second, "ci", r.ID), func(s *State) { r.end("success", s.now) })
		}
	})
}

// Approve lets a waiting run go on.
func (s *State) Approve(id int64) error {
	r := s.Run(id)
	if r == nil || r.Status != "waiting" {
		return ErrNotFound
	}
	s.beginRun(r)
	return nil
}

func (s *State) runDeploy(r *WorkflowRun) {
	off := false
	req := BuildRequest{
		SHA: cmp.Or(r.Inputs["ref"], r.SHA), Branch: s.Repo.DefaultBranch, Creator: r.Actor,
		Source: FromAPI, AutoAssign: &off, Meta: map[string]string{"githubRunId": itoa(r.ID)},
	}
	production := r.Inputs["environment"] != "preview"
	if production {
		req.Target = Production
	}
	if c := s.Resolve(req.SHA); c != nil {
		req.SHA = c.SHA
	}
	r.step("Build", s.now)
	d, err := s.CreateDeployment(req)
	if err != nil {
		r.end("failure", s.now)
		return
	}
	r.Deployment = d.ID
	s.follow(r, func(s *State) bool { return d.Ended() }, func(s *State) {
		if d.State != Ready {
			r.end("failure", s.now)
			return
		}
		if !production {
			r.end("success", s.now)
			return
		}
		r.step("Promote", s.now)
		_, err := s.Promote(d.ID, r.Actor)
		s.followJob(r, err)
	})
}

func (s *State) runRollback(r *WorkflowRun) {
	r.step("Roll back", s.now)
	to := r.Inputs["deployment_id"]
	if to == "" {
		if d := s.previousLive(); d != nil {
			to = d.ID
		}
	}
	r.Deployment = to
	s.followJob(r, s.Rollback(to, r.Inputs["reason"], r.Actor))
}

// followJob ends a run with the alias job it has just caused.
func (s *State) followJob(r *WorkflowRun, err error) {
	if err != nil {
		r.end("failure", s.now)
		return
	}
	job := s.LastJob()
	s.follow(r, func(*State) bool { return job == nil || !job.EndedAt.IsZero() }, func(s *State) {
		if job == nil || job.Status != JobSucceeded {
			r.end("failure", s.now)
			return
		}
		r.end("success", s.now)
	})
}

// follow looks every 5 s whether done, as the workflow's own script does, and
// fails the run after 10 minutes.
func (s *State) follow(r *WorkflowRun, done func(*State) bool, then func(*State)) {
	deadline := s.now.Add(10 * time.Minute)
	var look func(*State)
	look = func(s *State) {
		switch {
		case r.Status != "in_progress":
		case done(s):
			then(s)
		case s.now.After(deadline):
			r.end("failure", s.now)
		default:
			s.After(5*time.Second, look)
		}
	}
	s.After(5*time.Second, look)
}

func (s *State) startCI(c *Commit) {
	w := s.Workflow(CIWorkflow)
	if w == nil {
		return
	}
	r := s.startRun(w, c, "push", c.Author)
	s.After(5*time.Second, func(s *State) { s.beginRun(r) })
}
