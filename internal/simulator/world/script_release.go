package world

import "time"

// goodPromotion is how it should go: merged, built, promoted, quiet.
func goodPromotion() script {
	return script{does: "a pull request is merged, its build becomes the staged one, somebody promotes it and all is well", beats: []beat{
		{0, func(s *scene) { s.open("feat/greet-returning", "feat(create): greet returning makers by name") }},
		{20 * time.Second, func(s *scene) { s.Knobs.Build = BuildKnob{Duration: 40 * time.Second, Once: true}; s.merge() }},
		{2 * time.Minute, func(s *scene) { s.promoteNewest() }},
	}}
}

// badBuild stages a build that falls ill 25 s after it went live. Promoting it
// is left to whoever watches.
func badBuild() script {
	return script{does: "a build is staged that goes down 25 s after it went live; a Worker is deployed with it", beats: []beat{
		{0, func(s *scene) { s.open("feat/faster-checkout", "feat(credits): check out in one step") }},
		{5 * time.Second, func(s *scene) { s.stageBad() }},
	}}
}

// workerFollows is soon enough that the Worker is out when the build is found
// to be bad, so that it has to go back too.
const workerFollows = 8 * time.Second

// stageBad merges a build that is well on the staging domain: only production
// breaks it. Nil when there was nothing to merge.
func (s *scene) stageBad() *Deployment {
	s.Knobs.Build = BuildKnob{Duration: 30 * time.Second, Once: true}
	s.Knobs.WorkerFollows = workerFollows
	bad := s.merge()
	if bad != nil {
		bad.LiveIlls = []Ill{{Kind: IllErrors, After: 15 * time.Second, Factor: 80}, {Kind: IllDatabase, After: 25 * time.Second}}
	}
	return bad
}

// rollbackOutage is the worst moment: while the bad build is being taken back
// every other provider is away, and the answer to the rollback is lost.
func rollbackOutage() script {
	return script{does: "as bad-build, and when it is taken back every other provider hangs and the rollback's answer is lost", beats: []beat{
		{0, func(s *scene) { s.open("feat/faster-checkout", "feat(credits): check out in one step") }},
		{5 * time.Second, func(s *scene) {
			if bad := s.stageBad(); bad != nil {
				s.awaitLive(bad.ID, watchFor)
			}
		}},
	}}
}

// How a script waits for somebody to promote.
const (
	watchFor  = time.Hour
	watchPace = 2 * time.Second
)

// awaitLive takes the others away soon after a build went live.
func (s *scene) awaitLive(id string, left time.Duration) {
	switch live := s.Live(); {
	case live != nil && live.ID == id:
		s.After(15*time.Second, func(*State) { s.othersAway() })
	case left > 0:
		s.After(watchPace, func(*State) { s.awaitLive(id, left-watchPace) })
	}
}

// othersAway lasts for two minutes.
func (s *scene) othersAway() {
	if s.faults == nil {
		return
	}
	all := []Fault{{Provider: "vercel", Method: "POST", Path: "*/rollback/*", Preset: "lost_answer", Times: 1}}
	for _, p := range []string{"github", "sentry", "cloudflare", "neon"} {
		all = append(all, Fault{Provider: p, Preset: "hang"})
	}
	for _, f := range all {
		if end, err := s.faults.Spoil(f); err == nil {
			s.After(2*time.Minute, func(*State) { end() })
		}
	}
}

// lostAnswer carries the next promotion out and loses the answer.
func lostAnswer() script {
	return script{does: "the next promotion is carried out, but its answer never arrives", beats: []beat{
		{0, func(s *scene) {
			s.spoil(Fault{Provider: "vercel", Method: "POST", Path: "*/promote/*", Preset: "lost_answer", Times: 1})
		}},
	}}
}

func (s *scene) open(branch, title string) {
	branch += "-" + s.lower(4, "script", s.now.UnixNano())
	if pr, err := s.OpenPR(branch, title, s.People[1], FileChange{Path: "src/app/page.tsx", Status: "modified", Additions: 31, Deletions: 6}); err == nil {
		s.pull = pr.Number
	}
}

// merge lands the pull request of this playing; a person who was quicker only
// means that there is nothing left to do.
func (s *scene) merge() *Deployment {
	_, d, err := s.MergePR(s.pull, Squash, s.People[0])
	if err != nil {
		return nil
	}
	return d
}

func (s *scene) promoteNewest() {
	if d := s.NewestStaged(); d != nil {
		_, _ = s.Promote(d.ID, s.People[2]) // refused when somebody was quicker
	}
}
