package world

import (
	"fmt"
	"time"
)

// busyDay is eight hours of a team at work: pull requests every quarter of an
// hour, merges, direct commits, a failing build and two promotions.
func busyDay() script {
	titles := []string{
		"feat(pulse): show yesterday beside today", "fix(auth): keep the session after a password change",
		"perf(db): read drafts with one query", "feat(boxes): copy a box to another workspace",
		"fix(feed): do not jump when images load", "feat(agents): name agents after their job",
		"refactor(api): one error shape everywhere", "fix(credits): round down, never up",
	}
	var beats []beat
	for i := range 32 {
		at := time.Duration(i) * 15 * time.Minute
		title := titles[i%len(titles)]
		if i >= len(titles) {
			title = fmt.Sprintf("%s, part %d", title, i/len(titles)+1)
		}
		author := i % 4
		number := 0
		beats = append(beats, beat{at, func(s *scene) {
			branch := "team/" + s.lower(8, "busy", s.now.UnixNano())
			if i%7 == 3 {
				s.Knobs.Build = BuildKnob{Fail: true, Once: true}
			}
			if pr, err := s.OpenPR(branch, title, s.People[author], FileChange{Path: "src/app/page.tsx", Status: "modified", Additions: 12, Deletions: 4}); err == nil {
				number = pr.Number
			}
		}})
		if i%7 == 3 {
			beats = append(beats, beat{at + 6*time.Minute, func(s *scene) { _, _ = s.PushToPR(number, "fix the build") }})
		}
		beats = append(beats, beat{at + 11*time.Minute, func(s *scene) { _, _, _ = s.MergePR(number, Squash, s.People[0]) }})
		if i%5 == 4 {
			beats = append(beats, beat{at + 13*time.Minute, func(s *scene) {
				s.PushCommit(Push{Message: directTitles[i%len(directTitles)], Author: s.People[0]})
			}})
		}
	}
	for _, at := range []time.Duration{3 * time.Hour, 7 * time.Hour} {
		beats = append(beats, beat{at, (*scene).promoteNewest})
	}
	return script{does: "eight hours of a team at work: pull requests, merges, a failing build, two promotions", beats: beats}
}
