package github

import (
	"context"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

const routeContents = "/repos/{owner}/{repo}/contents/{path...}"

var _ provider.FileReader = (*Client)(nil)

// maxFile is where GitHub stops to put a file's content into its answer.
const maxFile = 1 << 20

// File is docs.github.com/rest/repos/contents, "Get repository content". A
// folder, a symbolic link out of the repository and a submodule are no files.
func (c *Client) File(ctx context.Context, path, ref string) ([]byte, error) {
	path = strings.Trim(path, "/")
	if path == "" || len(path) > 1000 || strings.Contains(path, "..") || len(ref) > 250 || strings.HasPrefix(ref, "-") {
		return nil, fault.New(fault.Invalid, "A file is named by its path inside the repository, and a commit or branch.")
	}
	file, _, err := c.contents(ctx, ref, routeContents, path)
	switch {
	case err != nil:
		return nil, err
	case file == nil || file.Type != "file":
		return nil, c.out.Fault(fault.NotFound, "GitHub has no file of that name there")
	case file.Size > maxFile || file.Encoding == "none":
		return nil, c.out.Fault(fault.TooLarge, "the file is larger than a megabyte")
	}
	text, ok := file.text()
	if !ok {
		return nil, c.out.Unusable(routeContents, outbound.Misfit("a file's content is not what its size says"))
	}
	return text, nil
}
