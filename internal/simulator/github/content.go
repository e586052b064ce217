package github

import (
	"encoding/base64"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) contentRoutes() []wire.Route {
	query := []wire.Param{{Name: "ref", Type: wire.String}}
	return []wire.Route{
		{Pattern: "GET " + repoPath + "/contents", Doc: "the root folder", Need: needContents, Query: query, Handle: f.on(contents)},
		{Pattern: "GET " + repoPath + "/contents/{path...}", Doc: "a file or a folder", Need: needContents, Query: query, Handle: f.on(contents)},
	}
}

func contents(i *in) (*wire.Answer, error) {
	ref := i.StrOr("ref", i.s.Repo.DefaultBranch)
	c := i.s.Resolve(ref)
	if c == nil {
		return nil, &wire.Error{Kind: wire.NotFound, Message: "No commit found for the ref " + ref}
	}
	at := strings.Trim(i.Path("path"), "/")
	files := i.s.Tree(c.SHA)
	if n := slices.IndexFunc(files, func(f world.TreeFile) bool { return f.Path == at }); n >= 0 {
		return i.file(files[n], ref), nil
	}
	items := i.folder(files, at, ref)
	if len(items) == 0 {
		return nil, i.notFound()
	}
	i.remember(c.SHA, files) // the names of its folders can be asked for
	if mediaKind(i.Request) == "object" {
		out := i.entry(at, "dir", world.FolderSHA(relative(files, at)), 0, ref)
		out["entries"] = items
		return wire.OK(out), nil
	}
	return wire.OK(items), nil
}

// under lists the files below a folder.
func under(files []world.TreeFile, at string) []world.TreeFile {
	if at == "" {
		return files
	}
	var out []world.TreeFile
	for _, f := range files {
		if strings.HasPrefix(f.Path, at+"/") {
			out = append(out, f)
		}
	}
	return out
}

// children are the names right below a folder; files that stand for themselves
// come with their entry, folders without.
func children(files []world.TreeFile, at string) (names []string, whole map[string]world.TreeFile) {
	whole = map[string]world.TreeFile{}
	for _, f := range under(files, at) {
		rest := strings.TrimPrefix(strings.TrimPrefix(f.Path, at), "/")
		name, _, nested := strings.Cut(rest, "/")
		if !nested {
			whole[name] = f
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, whole
}

func (i *in) folder(files []world.TreeFile, at, ref string) []obj {
	out := []obj{}
	names, whole := children(files, at)
	for _, name := range names {
		full := strings.TrimPrefix(at+"/"+name, "/")
		if f, ok := whole[name]; ok {
			out = append(out, i.entry(full, "file", f.SHA, len(f.Text), ref))
			continue
		}
		out = append(out, i.entry(full, "dir", world.FolderSHA(relative(files, full)), 0, ref))
	}
	return out
}

// entry is a file or a folder without its content.
func (i *in) entry(at, kind, sha string, size int, ref string) obj {
	self := i.repo("/contents/%s?ref=%s", at, ref)
	git, page, kindPath := i.repo("/git/blobs/%s", sha), i.html("/blob/%s/%s", ref, at), any("https://raw.githubusercontent.com/"+i.s.Repo.FullName()+"/"+ref+"/"+at)
	if kind == "dir" {
		git, page, kindPath = i.repo("/git/trees/%s", sha), i.html("/tree/%s/%s", ref, at), nil
	}
	return obj{
		"name": baseName(at), "path": at, "sha": sha, "size": size, "type": kind, "url": self,
		"html_url": page, "git_url": git, "download_url": kindPath,
		"_links": obj{"self": self, "git": git, "html": page},
	}
}

func (i *in) file(f world.TreeFile, ref string) *wire.Answer {
	if mediaKind(i.Request) == "raw" {
		return wire.Raw(http.StatusOK, "application/vnd.github.raw; charset=utf-8", []byte(f.Text))
	}
	out := i.entry(f.Path, "file", f.SHA, len(f.Text), ref)
	out["content"], out["encoding"] = base64Lines(f.Text), "base64"
	return wire.OK(out)
}

// base64Lines is base64 in lines of 60, each ended, as GitHub sends it.
func base64Lines(text string) string {
	raw := base64.StdEncoding.EncodeToString([]byte(text))
	var b strings.Builder
	for line := range slices.Chunk([]byte(raw), 60) {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}

// baseName is the last part of a path; the root folder has no name.
func baseName(at string) string {
	if at == "" {
		return ""
	}
	return path.Base(at)
}
