package world

import (
	"cmp"
	"crypto/sha1" // git names its objects by it
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// TreeFile is one file of the tree at a commit.
type TreeFile struct {
	Path string
	SHA  string // git's name of its content
	Text string
}

// Tree lists the files at a commit, sorted by path; nil for an unknown commit.
// A file that nobody reads has a stand-in text which changes when the file did.
func (s *State) Tree(sha string) []TreeFile {
	c := s.Commit(sha)
	if c == nil {
		return nil
	}
	line := []*Commit{}
	for ; c != nil; c = s.firstParent(c) {
		line = append(line, c)
	}
	texts := map[string]string{}
	for _, c := range slices.Backward(line) {
		for _, f := range c.Changes {
			if f.Status == "removed" {
				delete(texts, f.Path)
				continue
			}
			texts[f.Path] = f.text(c)
		}
	}
	out := make([]TreeFile, 0, len(texts))
	for path, text := range texts {
		out = append(out, TreeFile{Path: path, SHA: BlobSHA(text), Text: text})
	}
	slices.SortFunc(out, func(a, b TreeFile) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

func (s *State) firstParent(c *Commit) *Commit {
	if len(c.Parents) == 0 {
		return nil
	}
	return s.bySHA[c.Parents[0]]
}

func (f FileChange) text(c *Commit) string {
	if f.Kept {
		return f.Content
	}
	return fmt.Sprintf("// %s\n// last touched by: %s\n", f.Path, c.Title())
}

// Blob finds a file's text by git's name of it.
func (s *State) Blob(sha string) (text string, ok bool) {
	for _, c := range slices.Backward(s.commits) {
		for _, f := range c.Changes {
			if t := f.text(c); f.Status != "removed" && BlobSHA(t) == sha {
				return t, true
			}
		}
	}
	return "", false
}

// TreeOwner finds the commit whose root tree has this name.
func (s *State) TreeOwner(tree string) *Commit {
	for _, c := range slices.Backward(s.commits) {
		if c.Tree == tree {
			return c
		}
	}
	return nil
}

// BlobSHA is git's name of a text.
func BlobSHA(text string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text)) //nolint:gosec // as git does
	return hex.EncodeToString(sum[:])
}

// FolderSHA is a stable name for a folder with this listing. It is not git's
// own, which nobody can check without the whole history.
func FolderSHA(files []TreeFile) string {
	var text strings.Builder
	for _, f := range files {
		text.WriteString(f.Path + " " + f.SHA + "\n")
	}
	sum := sha1.Sum([]byte("tree\x00" + text.String())) //nolint:gosec // as git does
	return hex.EncodeToString(sum[:])
}
