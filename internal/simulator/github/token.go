package github

import (
	"net/http"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// Token is what a secret stands for. The zero value is a fine-grained personal
// token of the repository's owner that may read everything and run workflows.
type Token struct {
	Name     string // as the call log shows it
	Login    string // "" is the repository's owner
	ReadOnly bool   // no Actions: write
	Outside  bool   // made for another repository: this one is not found
	Classic  bool   // an old personal token with scopes
	Expired  bool
}

// grant is what a recognised caller may do.
type grant struct {
	Token
	key        string // whose quota it is
	anonymous  bool
	repository bool // sees the repository
	user       *world.Person
}

func (g *grant) scopes() string {
	if g.ReadOnly {
		return "read:user"
	}
	return "repo, workflow"
}

// The API versions there are.
const (
	defaultVersion = "2022-11-28"
	newVersion     = "2026-03-10"
)

func knownVersion(v string) bool { return slices.Contains([]string{defaultVersion, newVersion}, v) }

// What a route needs, spelled as GitHub's X-Accepted-GitHub-Permissions does.
const (
	needMetadata     = "metadata=read"
	needContents     = "contents=read"
	needPulls        = "pull_requests=read"
	needActions      = "actions=read"
	needActionsWrite = "actions=write"
	needDeployments  = "deployments=read"
	needUser         = "user"
)

// noAgent is GitHub's plain text for a caller without a User-Agent.
const noAgent = "\r\nRequest forbidden by administrative rules. Please make sure your request has a User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). Check https://developer.github.com for other possible causes.\r\n"

func (f *Face) authenticate(r *http.Request, need string) (wire.Caller, error) {
	if r.UserAgent() == "" {
		return wire.Caller{}, &wire.Error{Kind: wire.Forbidden, Variant: "plain", Message: noAgent}
	}
	if v := r.Header.Get("X-Github-Api-Version"); v != "" && !knownVersion(v) {
		return wire.Caller{}, wire.Refuse(wire.BadRequest, "Version %q is not a supported version of the API. Supported versions are %s and %s.", v, newVersion, defaultVersion)
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		if need == needUser || strings.HasSuffix(r.URL.Path, "/graphql") {
			text := "Requires authentication"
			if need != needUser {
				text = "This endpoint requires you to be authenticated."
			}
			return wire.Caller{}, wire.Refuse(wire.Unauthorized, "%s", text)
		}
		return wire.Caller{Name: "anonymous", Grant: &grant{key: "anonymous", anonymous: true}}, nil
	}
	t, ok := f.tokens[secretIn(r, header)]
	if !ok || t.Expired {
		return wire.Caller{}, wire.Refuse(wire.Unauthorized, "Bad credentials")
	}
	g := &grant{Token: t, repository: !t.Outside}
	f.world.View(func(s *world.State) {
		g.user = s.People[0]
		if p := s.Person(t.Login); t.Login != "" && p != nil {
			g.user = p
		}
	})
	g.key = g.user.Login
	caller := wire.Caller{Name: t.Name, Grant: g}
	if t.ReadOnly && strings.HasSuffix(need, "=write") && !t.Outside {
		if t.Classic {
			return caller, wire.Refuse(wire.Forbidden, "Must have admin rights to Repository.")
		}
		return caller, wire.Refuse(wire.Forbidden, "Resource not accessible by personal access token")
	}
	return caller, nil
}

// secretIn reads "Bearer x", "token x" and Basic auth, whose password (or, for
// old scripts, whose name) is the token.
func secretIn(r *http.Request, header string) string {
	scheme, rest, _ := strings.Cut(header, " ")
	switch strings.ToLower(scheme) {
	case "bearer", "token":
		return strings.TrimSpace(rest)
	case "basic":
		name, password, _ := r.BasicAuth()
		if password == "" || password == "x-oauth-basic" { //nolint:gosec // a fixed word of GitHub's, which says that the name is the token
			return name
		}
		return password
	}
	return ""
}

func granted(c *wire.Call) *grant { return c.Caller.Grant.(*grant) }
