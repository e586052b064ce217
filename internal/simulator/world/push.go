package world

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Push is what PushCommit needs.
type Push struct {
	Branch  string // "" is the default branch; a new name makes a branch
	Message string
	Author  *Person
	Changes []FileChange
	PR      int      // the pull request it belongs to, 0 for none
	Parents []string // beside the branch's head: a merge's other parents
	NoBuild bool     // the platform does not build this one
}

// PushCommit adds a commit to a branch. The platform builds it: the production
// branch for production, every other as a preview.
func (s *State) PushCommit(p Push) (*Commit, *Deployment) {
	p.Branch = cmp.Or(p.Branch, s.Repo.DefaultBranch)
	if p.Author == nil {
		p.Author = s.People[0]
	}
	branch := s.Branches[p.Branch]
	if branch == nil {
		branch = &Branch{Name: p.Branch}
		if main := s.Branches[s.Repo.DefaultBranch]; main != nil {
			branch.Head = main.Head
		}
		s.Branches[p.Branch] = branch
	}
	c := s.commit(p, branch.Head)
	branch.Head = c.SHA
	s.emit(Event{At: s.now, Kind: CommitPushed})
	if p.NoBuild {
		return c, nil
	}
	r := BuildRequest{SHA: c.SHA, Branch: p.Branch, PR: p.PR, Creator: p.Author}
	if p.Branch == s.Project.ProductionBranch {
		r.Target, r.PR = Production, 0
		s.startCI(c)
	}
	d, err := s.CreateDeployment(r)
	if err != nil {
		return c, nil // cannot be: the commit was just made
	}
	return c, d
}

func (s *State) commit(p Push, head string) *Commit {
	n := s.serial("commit")
	c := &Commit{
		SHA: s.Hex(40, "commit", n), Tree: s.Hex(40, "tree", n),
		Message: p.Message, Author: p.Author, At: s.now.Truncate(time.Second),
		PR: p.PR, Changes: p.Changes, index: len(s.commits),
	}
	if head != "" {
		c.Parents = append(c.Parents, head)
	}
	c.Parents = append(c.Parents, p.Parents...)
	s.commits = append(s.commits, c)
	s.bySHA[c.SHA] = c
	return c
}

// OpenPR makes a branch with one commit and a pull request for it.
func (s *State) OpenPR(branch, title string, author *Person, changes ...FileChange) (*PullRequest, error) {
	if s.Branches[branch] != nil {
		return nil, fmt.Errorf("%w: branch %s exists", ErrInvalid, branch)
	}
	if author == nil {
		author = s.People[0]
	}
	number := int(s.serial("number"))
	c, _ := s.PushCommit(Push{Branch: branch, Message: title, Author: author, Changes: changes, PR: number})
	pr := &PullRequest{
		Number: number, Title: title, Author: author, Branch: branch, Base: s.Repo.DefaultBranch,
		Body: "## What\n\n" + title + "\n\n## Checks\n\n- [x] tests\n- [x] tried on the preview\n",
		Head: c.SHA, Commits: []string{c.SHA}, State: "open", CreatedAt: s.now, UpdatedAt: s.now,
		Labels: labelsOf(title),
	}
	s.pulls = append(s.pulls, pr)
	return pr, nil
}

// PushToPR adds a commit to an open pull request.
func (s *State) PushToPR(number int, message string, changes ...FileChange) (*Commit, error) {
	pr := s.Pull(number)
	switch {
	case pr == nil:
		return nil, ErrNotFound
	case pr.State != "open":
		return nil, ErrFinished
	}
	c, _ := s.PushCommit(Push{Branch: pr.Branch, Message: message, Author: pr.Author, Changes: changes, PR: number})
	pr.Head, pr.UpdatedAt = c.SHA, s.now
	pr.Commits = append(pr.Commits, c.SHA)
	return c, nil
}

// MergeMethod is how a pull request lands.
type MergeMethod string

// Merge methods.
const (
	Squash MergeMethod = "squash"
	Merge  MergeMethod = "merge"
)

// MergePR lands a pull request on the default branch and deletes its branch.
func (s *State) MergePR(number int, how MergeMethod, by *Person) (*Commit, *Deployment, error) {
	pr := s.Pull(number)
	switch {
	case pr == nil:
		return nil, nil, ErrNotFound
	case pr.State != "open":
		return nil, nil, ErrFinished
	}
	var changes []FileChange
	for _, sha := range pr.Commits {
		changes = append(changes, s.bySHA[sha].Changes...)
	}
	p := Push{Author: pr.Author, PR: number, Changes: changes}
	if how == Merge {
		p.Message = fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s", number, s.Repo.Owner, pr.Branch, pr.Title)
		p.Parents = []string{pr.Head}
		p.Author = cmp.Or(by, pr.Author)
	} else {
		p.Message = fmt.Sprintf("%s (#%d)", pr.Title, number)
	}
	c, d := s.PushCommit(p)
	pr.State, pr.Merged, pr.MergeSHA, pr.MergedBy = "closed", true, c.SHA, cmp.Or(by, pr.Author)
	pr.MergedAt, pr.ClosedAt, pr.UpdatedAt = s.now, s.now, s.now
	delete(s.Branches, pr.Branch)
	return c, d, nil
}

// ClosePR closes a pull request without merging it.
func (s *State) ClosePR(number int) error {
	pr := s.Pull(number)
	if pr == nil {
		return ErrNotFound
	}
	if pr.State != "open" {
		return ErrFinished
	}
	pr.State, pr.ClosedAt, pr.UpdatedAt = "closed", s.now, s.now
	return nil
}

func labelsOf(title string) []string {
	kind, _, _ := strings.Cut(title, ":")
	kind, _, _ = strings.Cut(kind, "(")
	names := map[string]string{"feat": "enhancement", "fix": "bug", "docs": "documentation", "perf": "performance"}
	if label := names[kind]; label != "" {
		return []string{label}
	}
	return nil
}

// Commits lists every commit there is, newest first.
func (s *State) Commits() []*Commit {
	out := slices.Clone(s.commits)
	slices.Reverse(out)
	return out
}
