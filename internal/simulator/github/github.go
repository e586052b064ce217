// Package github answers as https://api.github.com does, for the one
// repository of the simulated world: REST, GraphQL, error bodies, limits,
// conditional requests and token kinds follow GitHub's OpenAPI and documents,
// not the calls envdeck happens to make. The same answers are given under
// /api/v3 and /api/graphql, where GitHub Enterprise Server has them.
//
// It must not know envdeck, and holds no truth of its own but rate counters:
// commits, pull requests, runs and what they cause are the world's.
package github

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// Face is the simulated provider.
type Face struct {
	*wire.Face
	world  *world.World
	tokens map[string]Token

	mu       sync.Mutex
	meters   map[string]*meter
	requests uint64
	folders  map[string]folder // by tree SHA, of every folder shown so far
}

// folder is where a tree SHA was seen.
type folder struct{ commit, path string }

type obj = map[string]any

// enterprise is where GitHub Enterprise Server keeps its REST API.
const enterprise = "/api/v3"

// New adds the face to the exchange, at /github. tokens are what callers may
// present, keyed by the secret.
func New(x *wire.Exchange, w *world.World, tokens map[string]Token) *Face {
	f := &Face{world: w, tokens: tokens, meters: map[string]*meter{}, folders: map[string]folder{}}
	f.Face = x.NewFace("github", f.render,
		wire.WithAuth(f.authenticate),
		wire.WithLimit(f.count),
		wire.WithHeaders(f.headers),
		wire.WithPages(pages),
		wire.AuthFirst(),
		wire.LooseQuery(),
		wire.AnyContentType(),
	)
	routes := f.accountRoutes()
	routes = append(routes, f.repositoryRoutes()...)
	routes = append(routes, f.commitRoutes()...)
	routes = append(routes, f.pullRoutes()...)
	routes = append(routes, f.contentRoutes()...)
	routes = append(routes, f.gitRoutes()...)
	routes = append(routes, f.workflowRoutes()...)
	routes = append(routes, f.runRoutes()...)
	routes = append(routes, f.deploymentRoutes()...)
	for _, r := range routes {
		r.Handle = f.conditional(r.Handle)
		f.Add(r)
		method, path, _ := strings.Cut(r.Pattern, " ")
		r.Pattern = method + " " + enterprise + path
		f.Add(r)
	}
	f.Add(f.graphRoutes()...)
	return f
}

// in is one call together with the world's state while it is answered.
type in struct {
	*wire.Call
	s    *world.State
	face *Face
}

// on answers with the world at hand. A repository named in the path must be
// one that the caller's token sees.
func (f *Face) on(fn func(*in) (*wire.Answer, error)) wire.Handler {
	return func(c *wire.Call) (*wire.Answer, error) {
		var answer *wire.Answer
		var err error
		f.world.Change(func(s *world.State) {
			i := &in{Call: c, s: s, face: f}
			if c.Path("owner") != "" && !i.sees(c.Path("owner"), c.Path("repo")) {
				err = i.notFound()
				return
			}
			answer, err = fn(i)
		})
		return answer, err
	}
}

func (i *in) sees(owner, repo string) bool {
	return granted(i.Call).repository && strings.EqualFold(owner, i.s.Repo.Owner) && strings.EqualFold(repo, i.s.Repo.Name)
}

func (i *in) notFound() error { return &wire.Error{Kind: wire.NotFound, Message: "Not Found"} }

// base is the address of the API as this caller reached it.
func (i *in) base() string {
	b := i.root()
	if strings.HasPrefix(i.Request.URL.Path, enterprise+"/") {
		b += enterprise
	}
	return b
}

func (i *in) root() string {
	scheme := "http"
	if i.Request.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + i.Request.Host + i.face.Mount()
}

// repo is the API address of the repository, with a rest.
func (i *in) repo(format string, args ...any) string {
	return i.base() + "/repos/" + i.s.Repo.FullName() + fmt.Sprintf(format, args...)
}

// html is the repository's address for people, with a rest.
func (i *in) html(format string, args ...any) string {
	return "https://github.com/" + i.s.Repo.FullName() + fmt.Sprintf(format, args...)
}

// number is a stable id for something the world has no number for.
func (i *in) number(parts ...any) int64 {
	return int64(i.s.Pick(1_000_000_000, 1_999_999_999, parts...))
}

// node is a stable GraphQL node id.
func (i *in) node(kind string, parts ...any) string {
	return kind + "_kwDO" + i.s.Token(16, append([]any{"node", kind}, parts...)...)
}

// conditional gives every answer to a GET an ETag and answers 304 to whoever
// has it already. The tag depends on the token, as GitHub's does, and a 304 to
// a recognised caller costs no quota.
func (f *Face) conditional(next wire.Handler) wire.Handler {
	return func(c *wire.Call) (*wire.Answer, error) {
		answer, err := next(c)
		if err != nil || answer == nil || c.Request.Method != http.MethodGet || answer.Body == nil {
			return answer, err
		}
		text, ok := answer.Body.([]byte)
		if !ok {
			if text, err = json.Marshal(answer.Body); err != nil {
				return nil, err
			}
		}
		sum := sha256.Sum256(append([]byte(granted(c).key+"\x00"+c.Request.Header.Get("Accept")+"\x00"), text...))
		tag := `W/"` + hex.EncodeToString(sum[:]) + `"`
		cache := "private, max-age=60, s-maxage=60"
		if matches(c.Request.Header.Get("If-None-Match"), tag) {
			f.refund(c)
			return wire.Empty(http.StatusNotModified).Set("ETag", tag).Set("Cache-Control", cache), nil
		}
		return answer.Set("ETag", tag).Set("Cache-Control", cache).
			Set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With"), nil
	}
}

// matches compares weakly, as RFC 9110 wants it for If-None-Match.
func matches(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// headers are on every answer, refusals included.
func (f *Face) headers(c *wire.Call, h http.Header) {
	h.Set("Server", "github.com")
	h.Set("X-Github-Request-Id", f.requestID())
	h.Set("X-Content-Type-Options", "nosniff")
	version := c.Request.Header.Get("X-Github-Api-Version")
	if version == "" {
		version = defaultVersion
	}
	if knownVersion(version) {
		h.Set("X-Github-Api-Version-Selected", version)
	}
	media := "github.v3; format=json"
	if kind := mediaKind(c.Request); kind != "" {
		media = "github.v3; param=" + kind
	}
	h.Set("X-Github-Media-Type", media)
	f.limitHeaders(c, h)
	g, ok := c.Caller.Grant.(*grant)
	if !ok || g.anonymous {
		return
	}
	if g.Classic {
		h.Set("X-Oauth-Scopes", g.scopes())
		h.Set("X-Accepted-Oauth-Scopes", "repo")
	}
	if c.Route != nil && c.Route.Need != "" {
		h.Set("X-Accepted-Github-Permissions", c.Route.Need)
	}
}

func (f *Face) requestID() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	n := f.requests
	return fmt.Sprintf("%04X:%06X:%07X:%07X:%08X", 0xC0DE, n*7919&0xffffff, n*104729&0xfffffff, n*1299709&0xfffffff, 0x69000000+n)
}

// pages tells the paging faults that GitHub's cursor is the Link header.
var pages = wire.Pages{
	Last: func(_ *http.Request, _ any, h http.Header) { h.Del("Link") },
	Loop: func(r *http.Request, _ any, h http.Header) {
		h.Set("Link", fmt.Sprintf(`<http://%s%s>; rel="next"`, r.Host, "/github"+r.URL.RequestURI()))
	},
}
