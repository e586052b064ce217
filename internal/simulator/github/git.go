package github

import (
	"net/http"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) gitRoutes() []wire.Route {
	return []wire.Route{
		{
			Pattern: "GET " + repoPath + "/git/trees/{tree...}", Doc: "a tree, by its SHA, a commit's or a branch", Need: needContents,
			Query: []wire.Param{{Name: "recursive", Type: wire.String}}, Handle: f.on(gitTree),
		},
		{Pattern: "GET " + repoPath + "/git/blobs/{sha}", Doc: "a file's content by SHA", Need: needContents, Handle: f.on(gitBlob)},
		{Pattern: "GET " + repoPath + "/git/ref/{ref...}", Doc: "where a reference points", Need: needContents, Handle: f.on(func(i *in) (*wire.Answer, error) {
			name, ok := strings.CutPrefix(i.Path("ref"), "heads/")
			b := i.s.Branches[name]
			if !ok || b == nil {
				return nil, i.notFound()
			}
			return wire.OK(i.ref(b)), nil
		})},
		{Pattern: "GET " + repoPath + "/git/matching-refs/{ref...}", Doc: "references that begin so", Need: needContents, Handle: f.on(func(i *in) (*wire.Answer, error) {
			out := []obj{}
			for _, n := range i.s.BranchNames() {
				if strings.HasPrefix("heads/"+n, i.Path("ref")) {
					out = append(out, i.ref(i.s.Branches[n]))
				}
			}
			return wire.OK(out), nil
		})},
	}
}

func (i *in) ref(b *world.Branch) obj {
	return obj{
		"ref": "refs/heads/" + b.Name, "node_id": i.node("REF", b.Name), "url": i.repo("/git/refs/heads/%s", b.Name),
		"object": obj{"sha": b.Head, "type": "commit", "url": i.repo("/git/commits/%s", b.Head)},
	}
}

// treeAt finds what a tree is asked for by: a tree SHA, a commit or a branch.
func (i *in) treeAt(name string) (files []world.TreeFile, sha string, ok bool) {
	c := i.s.TreeOwner(name)
	if c == nil {
		c = i.s.Resolve(name)
	}
	if c != nil {
		return i.s.Tree(c.SHA), c.Tree, true
	}
	i.face.mu.Lock()
	seen, known := i.face.folders[name]
	i.face.mu.Unlock()
	if !known {
		return nil, "", false
	}
	for _, f := range under(i.s.Tree(seen.commit), seen.path) {
		f.Path = strings.TrimPrefix(f.Path, seen.path+"/")
		files = append(files, f)
	}
	return files, name, true
}

func gitTree(i *in) (*wire.Answer, error) {
	name := i.Path("tree")
	files, sha, ok := i.treeAt(name)
	if !ok {
		return nil, i.notFound()
	}
	out := []obj{}
	i.walk(files, "", i.Has("recursive"), &out)
	i.remember(name, files)
	return wire.OK(obj{"sha": sha, "url": i.repo("/git/trees/%s", sha), "tree": out, "truncated": false}), nil
}

// walk lists a folder; any value of recursive goes down, even false.
func (i *in) walk(files []world.TreeFile, at string, down bool, out *[]obj) {
	names, whole := children(files, at)
	for _, name := range names {
		full := strings.TrimPrefix(at+"/"+name, "/")
		if f, ok := whole[name]; ok {
			*out = append(*out, obj{
				"path": full, "mode": "100644", "type": "blob", "sha": f.SHA, "size": len(f.Text), "url": i.repo("/git/blobs/%s", f.SHA),
			})
			continue
		}
		sha := world.FolderSHA(relative(files, full))
		*out = append(*out, obj{"path": full, "mode": "040000", "type": "tree", "sha": sha, "url": i.repo("/git/trees/%s", sha)})
		if down {
			i.walk(files, full, true, out)
		}
	}
}

// relative is the content of a folder as that folder sees it.
func relative(files []world.TreeFile, at string) []world.TreeFile {
	out := slices.Clone(under(files, at))
	if at == "" {
		return out
	}
	for n := range out {
		out[n].Path = strings.TrimPrefix(out[n].Path, at+"/")
	}
	return out
}

// remember keeps where the folders just shown are, so that they can be asked
// for by their SHA.
func (i *in) remember(name string, files []world.TreeFile) {
	c := i.s.TreeOwner(name)
	if c == nil {
		c = i.s.Resolve(name)
	}
	if c == nil {
		return
	}
	i.face.mu.Lock()
	defer i.face.mu.Unlock()
	for _, f := range files {
		for n, r := range f.Path {
			if r == '/' {
				i.face.folders[world.FolderSHA(relative(files, f.Path[:n]))] = folder{commit: c.SHA, path: f.Path[:n]}
			}
		}
	}
}

func gitBlob(i *in) (*wire.Answer, error) {
	text, ok := i.s.Blob(i.Path("sha"))
	if !ok {
		return nil, i.notFound()
	}
	if mediaKind(i.Request) == "raw" {
		return wire.Raw(http.StatusOK, "application/vnd.github.raw; charset=utf-8", []byte(text)), nil
	}
	return wire.OK(obj{
		"sha": i.Path("sha"), "node_id": i.node("B", i.Path("sha")), "size": len(text), "url": i.repo("/git/blobs/%s", i.Path("sha")),
		"content": base64Lines(text), "encoding": "base64",
	}), nil
}
