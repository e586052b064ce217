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
	return script{does: "a build is staged that goes down 25 s after it went live", beats: []beat{
		{0, func(s *scene) { s.open("feat/faster-checkout", "feat(credits): check out in one step") }},
		{5 * time.Second, func(s *scene) {
			s.Knobs.Build = BuildKnob{Duration: 30 * time.Second, Once: true}
			bad := s.merge()
			if bad == nil {
				return
			}
			// It is well on the staging domain: only production breaks it.
			bad.LiveIlls = []Ill{{Kind: IllErrors, After: 15 * time.Second, Factor: 80}, {Kind: IllDatabase, After: 25 * time.Second}}
		}},
	}}
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
