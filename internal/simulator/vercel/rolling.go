package vercel

import (
	"encoding/json"
	"errors"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) rollingRoutes() []wire.Route {
	const base = "/v1/projects/{idOrName}/rolling-release"
	state := wire.Param{Name: "state", Type: wire.Enum, OneOf: []string{"ACTIVE", "COMPLETE", "ABORTED"}}
	return []wire.Route{
		{Pattern: "GET " + base, Doc: "the rolling release", Query: scoped(state), Need: needRead, Handle: f.getRolling},
		{Pattern: "GET " + base + "/config", Doc: "its recipe", Query: scoped(), Need: needRead, Handle: f.getRollingConfig},
		{Pattern: "PATCH " + base + "/config", Doc: "set the recipe", Query: scoped(), Body: wire.JSONBody[rollingBody](), Need: needProduction, Handle: f.patchRolling},
		{Pattern: "DELETE " + base + "/config", Doc: "drop the recipe", Query: scoped(), Need: needProduction, Handle: f.deleteRolling},
		{Pattern: "GET " + base + "/billing", Doc: "whether the plan has it", Query: scoped(), Need: needRead, Handle: f.rollingBilling},
		{Pattern: "POST " + base + "/start", Doc: "start one", Query: scoped(), Body: wire.JSONBody[canaryBody](), Need: needProduction, Handle: f.startRolling},
		{Pattern: "POST " + base + "/approve-stage", Doc: "go to the next stage", Query: scoped(), Body: wire.JSONBody[approveBody](), Need: needProduction, Handle: f.approveRolling},
		{Pattern: "POST " + base + "/complete", Doc: "give the canary everything", Query: scoped(), Body: wire.JSONBody[canaryBody](), Need: needProduction, Handle: f.completeRolling},
	}
}

type rollingBody struct {
	Enabled              *bool        `json:"enabled"`
	AdvancementType      *string      `json:"advancementType" wire:"oneof=automatic|manual-approval"`
	Stages               *[]stageBody `json:"stages"`
	CanaryResponseHeader *bool        `json:"canaryResponseHeader"`
	Target               *string      `json:"target"`
}

type stageBody struct {
	TargetPercentage float64 `json:"targetPercentage" wire:"required"`
	Duration         float64 `json:"duration"`
	RequireApproval  bool    `json:"requireApproval"`
	LinearShift      bool    `json:"linearShift"`
}

type canaryBody struct {
	CanaryDeploymentID string `json:"canaryDeploymentId" wire:"required"`
}

type approveBody struct {
	CanaryDeploymentID string          `json:"canaryDeploymentId" wire:"required"`
	NextStageIndex     int             `json:"nextStageIndex" wire:"required"`
	ActiveStageIndex   json.RawMessage `json:"activeStageIndex"` // sent by the command line tool
}

func (f *Face) getRolling(c *wire.Call) (*wire.Answer, error) {
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		return release(s, s.LastRelease(world.ReleaseState(c.StrOr("state", "")))), nil
	})
}

// release is the answer of every call that shows a rolling release.
func release(s *world.State, r *world.RollingRelease) *wire.Answer {
	if r == nil {
		return wire.OK(obj{"rollingRelease": nil})
	}
	stages := make([]obj, len(r.Config.Stages))
	for i, st := range r.Config.Stages {
		stages[i] = obj{
			"index": i, "isFinalStage": i == len(stages)-1, "targetPercentage": st.Percent,
			"requireApproval": st.Approval, "duration": nil, "linearShift": st.Linear,
		}
		if st.Minutes > 0 {
			stages[i]["duration"] = st.Minutes * 60
		}
	}
	out := obj{
		"state": r.State, "substate": nil, "advancementType": advancement(r.Config),
		"currentDeployment": canary(s, r.Current), "canaryDeployment": canary(s, r.Canary), "queuedDeploymentId": nil,
		"stages": stages, "activeStage": nil, "nextStage": nil,
		"startedAt": ms(s, r.StartedAt), "updatedAt": ms(s, r.UpdatedAt),
	}
	if r.Queued != "" {
		out["queuedDeploymentId"] = r.Queued
	}
	if r.State == world.ReleaseActive {
		out["activeStage"], out["currentCanaryPercentage"] = stages[r.Stage], r.Percent()
		if r.Stage+1 < len(stages) {
			out["nextStage"] = stages[r.Stage+1]
		}
	}
	return wire.OK(obj{"rollingRelease": out})
}

func advancement(c world.RollingConfig) string {
	if c.Manual {
		return "manual-approval"
	}
	return "automatic"
}

func canary(s *world.State, id string) any {
	d := s.Deployment(id)
	if d == nil {
		return nil
	}
	return obj{
		"id": d.ID, "name": d.Name, "url": d.Host, "target": target(d), "source": d.Source,
		"createdAt": ms(s, d.CreatedAt), "readyState": d.State, "readyStateAt": ms(s, d.ReadyAt),
	}
}

// rollingConfig is the recipe as it stands in the project; durations are
// minutes here and seconds in a release.
func rollingConfig(s *world.State) any {
	c := s.Project.Rolling
	if c == nil {
		return nil
	}
	stages := make([]obj, len(c.Stages))
	for i, st := range c.Stages {
		stages[i] = obj{"targetPercentage": st.Percent, "requireApproval": st.Approval, "linearShift": st.Linear}
		if st.Minutes > 0 {
			stages[i]["duration"] = st.Minutes
		}
	}
	return obj{"target": "production", "stages": stages, "canaryResponseHeader": c.Header}
}

func (f *Face) getRollingConfig(c *wire.Call) (*wire.Answer, error) {
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		return wire.OK(obj{"rollingRelease": rollingConfig(s)}), nil
	})
}

func (f *Face) patchRolling(c *wire.Call) (*wire.Answer, error) {
	body := wire.BodyOf[rollingBody](c)
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		if s.Team.Plan == world.Hobby {
			return nil, wire.RefuseCode(wire.Forbidden, "forbidden", "Rolling releases are not available on this plan.")
		}
		config := &world.RollingConfig{Modified: s.Now()}
		if body.Enabled != nil && !*body.Enabled {
			s.Project.Rolling = nil
			c.Changed()
			return wire.OK(obj{"rollingRelease": nil}), nil
		}
		if body.Stages == nil || len(*body.Stages) < 2 || len(*body.Stages) > 10 {
			return nil, wire.Refuse(wire.BadRequest, "Invalid request: `stages` should have between 2 and 10 items.")
		}
		last := 0
		for _, st := range *body.Stages {
			percent := int(st.TargetPercentage)
			if percent <= last || percent > 100 {
				return nil, wire.Refuse(wire.BadRequest, "Invalid request: `stages` should rise to 100.")
			}
			last = percent
			config.Stages = append(config.Stages, world.RollingStage{Percent: percent, Minutes: int(st.Duration), Approval: st.RequireApproval, Linear: st.LinearShift})
			config.Manual = config.Manual || st.RequireApproval
		}
		if last != 100 {
			return nil, wire.Refuse(wire.BadRequest, "Invalid request: the last of `stages` should have targetPercentage 100.")
		}
		if body.AdvancementType != nil {
			config.Manual = *body.AdvancementType == "manual-approval"
		}
		config.Header = body.CanaryResponseHeader != nil && *body.CanaryResponseHeader
		s.Project.Rolling = config
		c.Changed()
		return wire.OK(obj{"rollingRelease": rollingConfig(s)}), nil
	})
}

func (f *Face) deleteRolling(c *wire.Call) (*wire.Answer, error) {
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		s.Project.Rolling = nil
		c.Changed()
		return wire.OK(obj{"rollingRelease": nil}), nil
	})
}

func (f *Face) rollingBilling(c *wire.Call) (*wire.Answer, error) {
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		switch s.Team.Plan {
		case world.Hobby:
			return wire.OK(obj{"availableSlots": 0, "reason": "plan_not_supported", "message": "Rolling releases are not available on the Hobby plan."}), nil
		case world.Enterprise:
			return wire.OK(obj{"availableSlots": "unlimited", "reason": "unlimited_slots", "message": "Rolling releases are available for all projects."}), nil
		case world.Pro:
		}
		return wire.OK(obj{"availableSlots": 1, "reason": "available_slots", "message": "Rolling releases are available for one project."}), nil
	})
}

func (f *Face) startRolling(c *wire.Call) (*wire.Answer, error) {
	id := wire.BodyOf[canaryBody](c).CanaryDeploymentID
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		r, err := s.StartRollingRelease(id, granted(c).user)
		return f.released(c, s, r, err)
	})
}

func (f *Face) approveRolling(c *wire.Call) (*wire.Answer, error) {
	body := wire.BodyOf[approveBody](c)
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		r, err := s.ApproveStage(body.CanaryDeploymentID, body.NextStageIndex)
		return f.released(c, s, r, err)
	})
}

func (f *Face) completeRolling(c *wire.Call) (*wire.Answer, error) {
	id := wire.BodyOf[canaryBody](c).CanaryDeploymentID
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		r, err := s.CompleteRelease(id)
		return f.released(c, s, r, err)
	})
}

func (f *Face) released(c *wire.Call, s *world.State, r *world.RollingRelease, err error) (*wire.Answer, error) {
	switch {
	case err == nil:
		c.Changed()
		return release(s, r), nil
	case errors.Is(err, world.ErrNotFound):
		return nil, wire.RefuseCode(wire.NotFound, "not_found", "The rolling release or deployment could not be found")
	case errors.Is(err, world.ErrReleaseActive), errors.Is(err, world.ErrJobRunning), errors.Is(err, world.ErrAlreadyCurrent):
		return nil, wire.RefuseCode(wire.Conflict, "conflict", "A rolling release cannot start now: %s", err)
	case errors.Is(err, world.ErrNotProduction), errors.Is(err, world.ErrNotReady):
		return nil, wire.RefuseCode(wire.Unprocessable, "unprocessable_entity", "The deployment cannot be released: %s", err)
	}
	return nil, wire.Refuse(wire.BadRequest, "Invalid request: %s", err)
}
