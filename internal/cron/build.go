package cron

import (
	"fmt"

	"github.com/envdeck/envdeck/internal/cron/expr"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// SourceBuild is the build that a platform's schedules are of, held against the
// one that production serves. That the two differ is a fact about the platform
// and never a fault of a job.
type SourceBuild struct {
	DeploymentID     string `json:"deploymentId"`
	Commit           string `json:"commit,omitempty" doc:"Left out when it is the live one's, or not known."`
	LiveDeploymentID string `json:"liveDeploymentId,omitempty" doc:"Left out while it is not clear, as when the production domains disagree."`
	LiveCommit       string `json:"liveCommit,omitempty"`
	// Live says whether the two are the same; nil: not known.
	Live *bool `json:"live" doc:"Whether the schedules are the live deployment's. null: not known."`
	// Enabled says that the platform runs jobs at all.
	Enabled bool `json:"enabled" doc:"false: the platform's jobs are switched off."`
	// Changes is what the live build would have otherwise.
	Changes []ScheduleChange `json:"changes,omitempty" doc:"What the live deployment's own schedules would change, where the platform says."`
	// Message says it in words, "" when there is nothing to say.
	Message string `json:"message,omitempty"`
}

// ScheduleChange is a job with another schedule: without From it is new,
// without To it is gone.
type ScheduleChange struct {
	Path      string `json:"path"`
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
	FromHuman string `json:"fromHuman,omitempty"`
	ToHuman   string `json:"toHuman,omitempty"`
}

// buildOf is nil where the platform does not say which build its schedules are
// of.
func buildOf(set provider.CronSet) *SourceBuild {
	if set.DeploymentID == "" {
		return nil
	}
	b := &SourceBuild{DeploymentID: set.DeploymentID, LiveDeploymentID: set.LiveID, Enabled: set.Enabled}
	if set.LiveID != "" {
		same := set.LiveID == set.DeploymentID
		b.Live = &same
	}
	if !set.Enabled {
		b.Message = "The platform's cron jobs are switched off: it runs none of them, and nothing is expected of them."
	}
	if b.Live == nil || *b.Live {
		return b
	}
	known := false
	if set.Behind != nil {
		b.Commit, b.LiveCommit, known = set.Behind.Commit, set.Behind.LiveCommit, set.Behind.Live != nil
	}
	if known {
		for _, c := range provider.CronChanges(set.Jobs, set.Behind.Live) {
			b.Changes = append(b.Changes, ScheduleChange{c.Path, c.From, c.To, Words(c.From), Words(c.To)})
		}
	}
	if set.Enabled {
		b.Message = fmt.Sprintf("The platform runs the schedules of %s, and production serves %s. %s",
			named(b.Commit, b.DeploymentID), named(b.LiveCommit, b.LiveDeploymentID), b.difference(known))
	}
	return b
}

func named(commit, deployment string) string {
	if commit == "" {
		return hostile.Line(deployment, 100)
	}
	return hostile.Short(commit) + " (" + hostile.Line(deployment, 100) + ")"
}

func (b *SourceBuild) difference(known bool) string {
	switch n := len(b.Changes); {
	case !known:
		return "What the live deployment itself would schedule is not known."
	case n == 0:
		return "Both have the same jobs at the same times."
	case n == 1:
		return "By the live deployment's own schedules one job would be otherwise."
	default:
		return fmt.Sprintf("By the live deployment's own schedules %d jobs would be otherwise.", n)
	}
}

// Words is a platform's schedule in words, and the schedule itself when it
// cannot be read; "" when there is none.
func Words(schedule string) string {
	if schedule == "" {
		return ""
	}
	s, err := expr.Parse(schedule, expr.Vercel)
	if err != nil {
		return hostile.Line(schedule, 256)
	}
	return s.Text()
}
