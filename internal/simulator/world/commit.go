package world

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Commit is one commit of the repository.
type Commit struct {
	SHA     string
	Tree    string
	Message string // title, and after an empty line the body
	Author  *Person
	At      time.Time
	Parents []string
	PR      int // number of the pull request that brought it, 0 for none
	Changes []FileChange

	index int
}

// Title is the message's first line.
func (c *Commit) Title() string {
	title, _, _ := strings.Cut(c.Message, "\n")
	return title
}

// FileChange is what a commit did to one file. Content is kept only for files
// that somebody reads (vercel.json, migrations, workflows, package.json).
type FileChange struct {
	Path      string
	Status    string // added, modified, removed
	Additions int
	Deletions int
	Content   string
	Kept      bool // Content is the file's whole text
}

// Branch is a branch of the repository.
type Branch struct {
	Name string
	Head string // SHA
}

// PullRequest is one pull request.
type PullRequest struct {
	Number   int
	Title    string
	Body     string
	Author   *Person
	Branch   string // head branch
	Base     string
	Head     string   // SHA of the head branch's last commit
	Commits  []string // SHAs on the head branch, oldest first
	State    string   // open or closed
	Draft    bool
	Merged   bool
	MergeSHA string
	MergedBy *Person
	Labels   []string

	CreatedAt, UpdatedAt, MergedAt, ClosedAt time.Time
}

// Commit finds a commit by full SHA, or by a unique prefix of 7 digits or more.
func (s *State) Commit(sha string) *Commit {
	if c := s.bySHA[sha]; c != nil || len(sha) < 7 || len(sha) >= 40 {
		return c
	}
	var found *Commit
	for _, c := range s.commits {
		if strings.HasPrefix(c.SHA, sha) {
			if found != nil {
				return nil
			}
			found = c
		}
	}
	return found
}

// Resolve finds a commit by branch name, HEAD, full or short SHA.
func (s *State) Resolve(ref string) *Commit {
	ref = strings.TrimPrefix(ref, "refs/")
	ref = strings.TrimPrefix(ref, "heads/")
	if ref == "HEAD" {
		ref = s.Repo.DefaultBranch
	}
	if b := s.Branches[ref]; b != nil {
		return s.bySHA[b.Head]
	}
	return s.Commit(ref)
}

// BranchNames lists the branches, sorted.
func (s *State) BranchNames() []string { return slices.Sorted(maps.Keys(s.Branches)) }

// ancestors is the set of commits reachable from c, itself included.
func (s *State) ancestors(c *Commit) map[*Commit]bool {
	seen := map[*Commit]bool{}
	todo := []*Commit{c}
	for len(todo) > 0 {
		last := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if last == nil || seen[last] {
			continue
		}
		seen[last] = true
		for _, p := range last.Parents {
			todo = append(todo, s.bySHA[p])
		}
	}
	return seen
}

// Log lists the commits reachable from ref, newest first.
func (s *State) Log(ref string) []*Commit {
	c := s.Resolve(ref)
	if c == nil {
		return nil
	}
	out := slices.Collect(maps.Keys(s.ancestors(c)))
	slices.SortFunc(out, func(a, b *Commit) int { return cmp.Compare(b.index, a.index) })
	return out
}

// Contains says whether sha is reachable from ref.
func (s *State) Contains(ref, sha string) bool {
	head, c := s.Resolve(ref), s.Commit(sha)
	return head != nil && c != nil && s.ancestors(head)[c]
}

// Comparison is base...head as GitHub tells it.
type Comparison struct {
	Base, Head, MergeBase *Commit
	Status                string    // identical, ahead, behind, diverged
	Ahead                 []*Commit // in head and not in base, oldest first
	Behind                int
	Files                 []FileChange // summed over Ahead, by path
}

// Compare tells what head has that base has not. ok is false when either is
// unknown or they share nothing.
func (s *State) Compare(base, head string) (cmpn Comparison, ok bool) {
	b, h := s.Resolve(base), s.Resolve(head)
	if b == nil || h == nil {
		return Comparison{}, false
	}
	inBase, inHead := s.ancestors(b), s.ancestors(h)
	out := Comparison{Base: b, Head: h}
	for c := range inHead {
		switch {
		case !inBase[c]:
			out.Ahead = append(out.Ahead, c)
		case out.MergeBase == nil || c.index > out.MergeBase.index:
			out.MergeBase = c
		}
	}
	for c := range inBase {
		if !inHead[c] {
			out.Behind++
		}
	}
	if out.MergeBase == nil {
		return Comparison{}, false
	}
	slices.SortFunc(out.Ahead, func(a, b *Commit) int { return cmp.Compare(a.index, b.index) })
	out.Files = sumFiles(out.Ahead)
	switch {
	case len(out.Ahead) == 0 && out.Behind == 0:
		out.Status = "identical"
	case out.Behind == 0:
		out.Status = "ahead"
	case len(out.Ahead) == 0:
		out.Status = "behind"
	default:
		out.Status = "diverged"
	}
	return out, true
}

func sumFiles(commits []*Commit) []FileChange {
	byPath := map[string]FileChange{}
	for _, c := range commits {
		if len(c.Parents) > 1 {
			continue // a merge repeats what its branch brought
		}
		for _, f := range c.Changes {
			if had, ok := byPath[f.Path]; ok {
				f.Additions += had.Additions
				f.Deletions += had.Deletions
				if had.Status == "added" && f.Status == "modified" {
					f.Status = "added"
				}
			}
			byPath[f.Path] = f
		}
	}
	return slices.SortedFunc(maps.Values(byPath), func(a, b FileChange) int { return cmp.Compare(a.Path, b.Path) })
}

// Files is the kept part of the tree at sha: path to text. Nil when the commit
// is unknown. Not to be written to.
func (s *State) Files(sha string) map[string]string {
	c := s.Commit(sha)
	if s.dev != nil && sha == s.dev.SHA {
		c = s.bySHA[s.dev.Parents[0]] // the working copy changed none of them
	}
	if c == nil {
		return nil
	}
	if had, ok := s.files[c.SHA]; ok {
		return had
	}
	// A commit that leaves the kept files alone shares its parent's map.
	var out map[string]string
	if len(c.Parents) > 0 {
		out = s.Files(c.Parents[0])
	}
	owned := false
	for _, f := range c.Changes {
		if !f.Kept && f.Status != "removed" {
			continue
		}
		if !owned {
			copied := make(map[string]string, len(out)+1)
			maps.Copy(copied, out)
			out, owned = copied, true
		}
		if f.Status == "removed" {
			delete(out, f.Path)
		} else {
			out[f.Path] = f.Content
		}
	}
	s.files[c.SHA] = out
	return out
}

// Pull finds a pull request by number.
func (s *State) Pull(number int) *PullRequest {
	i, ok := slices.BinarySearchFunc(s.pulls, number, func(p *PullRequest, n int) int { return cmp.Compare(p.Number, n) })
	if !ok {
		return nil
	}
	return s.pulls[i]
}

// Pulls lists pull requests newest first; state is open, closed or all.
func (s *State) Pulls(state string) []*PullRequest {
	var out []*PullRequest
	for _, p := range slices.Backward(s.pulls) {
		if state == "all" || state == "" || p.State == state {
			out = append(out, p)
		}
	}
	return out
}

// PullsOf lists the pull requests that brought a commit, or (for a commit that
// is not on the default branch) hold it. Newest first.
func (s *State) PullsOf(sha string) []*PullRequest {
	c := s.Commit(sha)
	if c == nil {
		return nil
	}
	var out []*PullRequest
	for _, p := range slices.Backward(s.pulls) {
		if p.MergeSHA == c.SHA || p.Number == c.PR || slices.Contains(p.Commits, c.SHA) {
			out = append(out, p)
		}
	}
	return out
}

// Person finds an author by GitHub login, Vercel user name or id.
func (s *State) Person(name string) *Person {
	for _, p := range s.People {
		if name != "" && (p.Login == name || p.Username == name || p.UID == name) {
			return p
		}
	}
	return nil
}
