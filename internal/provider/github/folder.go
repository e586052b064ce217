package github

import (
	"context"
	"crypto/sha1" // git names its objects by it
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

const (
	routeRoot   = "/repos/{owner}/{repo}/contents"
	routeFolder = "/repos/{owner}/{repo}/contents/{folder...}"
	routeTree   = "/repos/{owner}/{repo}/git/trees/{tree}"
)

var _ provider.FolderReader = (*Client)(nil)

// Limits of what is read of a folder.
const (
	maxText    = 256 << 10 // a file that is larger is no migration anybody wrote
	textsBytes = 1 << 20   // of one query: its answer has to fit
	textsCount = 50
	mostFolder = 5000 // files
)

// Folder asks what the folder's tree is called, and for that tree: two calls
// for any number of files, and never for the whole repository.
func (c *Client) Folder(ctx context.Context, folder, commit string) (provider.Folder, error) {
	folder = strings.Trim(folder, "/")
	if folder == "" || len(folder) > 500 || slices.Contains(strings.Split(folder, "/"), "..") || !hash.MatchString(commit) {
		return provider.Folder{}, fault.New(fault.Invalid, "A folder is named by its path inside the repository and the full hash of a commit.")
	}
	parent, name := path.Split(folder)
	route, args := routeFolder, []string{strings.Trim(parent, "/")}
	if parent == "" {
		route, args = routeRoot, nil
	}
	_, entries, err := c.contents(ctx, commit, route, args...)
	if err != nil {
		return provider.Folder{}, err
	}
	for _, e := range entries {
		if e.Name == name && e.Type == "dir" && hash.MatchString(e.SHA) {
			return c.tree(ctx, e.SHA)
		}
	}
	return provider.Folder{}, c.out.Fault(fault.NotFound, "GitHub has no folder of that name at that commit")
}

func (c *Client) tree(ctx context.Context, sha string) (provider.Folder, error) {
	tree, err := get[restTree](ctx, c, url.Values{"recursive": {"1"}}, routeTree, sha)
	if err != nil {
		return provider.Folder{}, err
	}
	out := provider.Folder{Incomplete: tree.Truncated}
	for _, e := range tree.Entries {
		if e.Type != "blob" {
			continue
		}
		if !hash.MatchString(e.SHA) || e.Path == "" || len(e.Path) > 500 {
			return provider.Folder{}, c.out.Unusable(routeTree, outbound.Misfit("a file has no name"))
		}
		if len(out.Files) == mostFolder {
			out.Incomplete = true
			break
		}
		out.Files = append(out.Files, provider.FolderFile{Path: e.Path, ID: e.SHA, Size: e.Size})
	}
	return out, nil
}

// Texts reads many files in one query, and takes a text only when git's name
// of it is the one that was asked for: GitHub mends what is not UTF-8, and a
// sum over a mended text would be a wrong one.
func (c *Client) Texts(ctx context.Context, files []provider.FolderFile) (map[string][]byte, error) {
	found := map[string][]byte{}
	var batch []string
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := c.texts(ctx, batch, found)
		batch, size = nil, 0
		return err
	}
	for _, f := range files {
		if f.Size > maxText || !hash.MatchString(f.ID) || slices.Contains(batch, f.ID) {
			continue
		}
		if size+f.Size > textsBytes || len(batch) == textsCount {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		batch, size = append(batch, f.ID), size+f.Size
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return found, nil
}

func (c *Client) texts(ctx context.Context, ids []string, found map[string][]byte) error {
	var head, body strings.Builder
	vars := map[string]string{"o": c.owner, "r": c.repo}
	for i, id := range ids {
		fmt.Fprintf(&head, ",$s%d:GitObjectID!", i)
		fmt.Fprintf(&body, " c%d:object(oid:$s%d){...B}", i, i)
		vars[fmt.Sprintf("s%d", i)] = id
	}
	w, _, err := outbound.JSON[graphAnswer](ctx, c.out, outbound.Request{
		Method: http.MethodPost, Route: routeGraph, Reads: true,
		Body: map[string]any{
			"query":     `query($o:String!,$r:String!` + head.String() + `){repository(owner:$o,name:$r){` + body.String() + `}} fragment B on Blob{text isTruncated isBinary}`,
			"variables": vars,
		},
	})
	if err != nil {
		return err
	}
	if len(w.Errors) > 0 || w.Data == nil || w.Data.Repository == nil {
		return c.textsFault(w)
	}
	for i, id := range ids {
		var blob *struct {
			Text      *string `json:"text"`
			Truncated bool    `json:"isTruncated"`
		}
		raw := w.Data.Repository[fmt.Sprintf("c%d", i)]
		if raw == nil || json.Unmarshal(raw, &blob) != nil || blob == nil || blob.Text == nil || blob.Truncated {
			continue
		}
		if gitName(*blob.Text) == id {
			found[id] = []byte(*blob.Text)
		}
	}
	return nil
}

func (c *Client) textsFault(w graphAnswer) error {
	for _, e := range w.Errors {
		switch e.Type {
		case "RATE_LIMITED", "RATE_LIMIT":
			return c.graphFault(w)
		case "FORBIDDEN", "INSUFFICIENT_SCOPES":
			return c.out.Fault(fault.Denied, "GitHub did not allow it: the token lacks the permission Contents: read on this repository")
		}
	}
	return c.out.Fault(fault.BadResponse, "GitHub could not answer with the texts of the files")
}

// gitName is what git calls a text.
func gitName(text string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text)) //nolint:gosec // as git does
	return hex.EncodeToString(sum[:])
}
