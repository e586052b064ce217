package github

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// headers go with every call: without a version GitHub answers in the newest
// that it still calls the default.
var headers = http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}}

// request is a call of the REST API about the repository.
func (c *Client) request(route string, args ...string) outbound.Request {
	return outbound.Request{Under: c.rest, Route: route, Args: append([]string{c.owner, c.repo}, args...)}
}

// get reads one answer of the REST API.
func get[T any](ctx context.Context, c *Client, query url.Values, route string, args ...string) (T, error) {
	r := c.request(route, args...)
	r.Query = query
	v, _, err := outbound.JSON[T](ctx, c.out, r)
	return v, err
}

func perPage(n int) url.Values { return url.Values{"per_page": {strconv.Itoa(n)}} }

// restCommit is docs.github.com/rest/commits.
type restCommit struct {
	SHA     string `json:"sha"`
	HTMLURL string `json:"html_url"`
	Author  struct {
		Login string `json:"login"`
	} `json:"author"`
	Commit struct {
		Message string `json:"message"`
		Author  struct {
			Name string    `json:"name"`
			Date time.Time `json:"date"`
		} `json:"author"`
	} `json:"commit"`
}

// restComparison is "Compare two commits".
type restComparison struct {
	Status       string       `json:"status"`
	AheadBy      *int         `json:"ahead_by"`
	BehindBy     *int         `json:"behind_by"`
	TotalCommits int          `json:"total_commits"`
	Commits      []restCommit `json:"commits"`
	Files        []struct {
		Filename string `json:"filename"`
	} `json:"files"`
}

// restPull is docs.github.com/rest/pulls.
type restPull struct {
	Number  int    `json:"number"`
	Title   string `json:"title"`
	HTMLURL string `json:"html_url"`
	User    struct {
		Login string `json:"login"`
	} `json:"user"`
	Head   restBranch `json:"head"`
	Base   restBranch `json:"base"`
	Labels []struct {
		Name string `json:"name"`
	} `json:"labels"`
}

type restBranch struct {
	Ref string `json:"ref"`
}

// restRun is docs.github.com/rest/actions/workflow-runs.
type restRun struct {
	ID           int64  `json:"id"`
	HTMLURL      string `json:"html_url"`
	Status       string `json:"status"`
	Conclusion   string `json:"conclusion"`
	HeadSHA      string `json:"head_sha"`
	DisplayTitle string `json:"display_title"`
}

// restEntry is what the contents of a repository name: a file, or one entry of
// a folder.
type restEntry struct {
	Type     string  `json:"type"`
	Name     string  `json:"name"`
	SHA      string  `json:"sha"`
	Size     int     `json:"size"`
	Encoding string  `json:"encoding"`
	Content  *string `json:"content"`
}

// text is the content of a file, whose lines of base64 GitHub breaks.
func (e *restEntry) text() ([]byte, bool) {
	if e.Encoding != "base64" || e.Content == nil {
		return nil, false
	}
	text, err := base64.StdEncoding.DecodeString(*e.Content)
	return text, err == nil && len(text) == e.Size
}

// restTree is docs.github.com/rest/git/trees.
type restTree struct {
	Truncated bool `json:"truncated"`
	Entries   []struct {
		Path string `json:"path"`
		Type string `json:"type"`
		SHA  string `json:"sha"`
		Size int    `json:"size"`
	} `json:"tree"`
}

// contents is "Get repository content", which is an object for a file and a
// list for a folder: then file is nil.
func (c *Client) contents(ctx context.Context, ref, route string, args ...string) (file *restEntry, folder []restEntry, err error) {
	query := url.Values{}
	if ref != "" {
		query.Set("ref", ref)
	}
	raw, err := get[json.RawMessage](ctx, c, query, route, args...)
	if err != nil {
		return nil, nil, err
	}
	if bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("[")) {
		folder, err = outbound.Decode[[]restEntry](raw)
	} else {
		file = &restEntry{}
		*file, err = outbound.Decode[restEntry](raw)
	}
	if err != nil {
		return nil, nil, c.out.Unusable(route, err)
	}
	return file, folder, nil
}

// post makes a call that changes something. An answer without a body is
// decoded as the zero value.
func post[T any](ctx context.Context, c *Client, body any, route string, args ...string) (v T, err error) {
	r := c.request(route, args...)
	r.Method, r.Body = http.MethodPost, body
	a, err := c.out.Do(ctx, r)
	if err != nil || a.Status == http.StatusNoContent {
		return v, err
	}
	if v, err = outbound.Decode[T](a.Body); err != nil {
		return v, c.out.Unusable(route, err)
	}
	return v, nil
}

// taken says that a call was carried out, though what was said about it cannot
// be read.
func taken(err error) bool { return err == nil || fault.Is(err, fault.BadResponse) }
