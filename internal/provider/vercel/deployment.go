package vercel

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// deployment translates one build. false: it has no id or no state, so it is none.
func (c *Client) deployment(w *deploymentWire) (provider.Deployment, bool) {
	d := provider.Deployment{
		ID:                cmp.Or(w.UID, w.ID),
		URL:               c.address(w.URL),
		InspectorURL:      c.out.Link(w.Inspector, "vercel.com"),
		State:             provider.State(outbound.Line(cmp.Or(w.ReadyState, w.State, w.Status), 40)),
		Stage:             provider.Stage(outbound.Line(w.ReadySubstate, 40)),
		Target:            provider.TargetPreview,
		Source:            outbound.Line(w.Source, 60),
		Problem:           outbound.Line(w.ErrorCode, 100),
		CreatedAt:         w.CreatedAt.Time,
		ReadyAt:           w.Ready.Time,
		RollbackCandidate: w.RollbackCandidate,
	}
	if !outbound.Plain(d.ID, 100) || d.State == "" {
		return provider.Deployment{}, false
	}
	if d.CreatedAt.IsZero() {
		d.CreatedAt = w.Created.Time
	}
	if w.Target == provider.TargetProduction {
		d.Target = provider.TargetProduction
	} else {
		d.Stage = ""
	}
	if w.Custom != nil {
		d.Custom = outbound.Line(w.Custom.Slug, 100)
	}
	for _, job := range w.Crons {
		d.Crons = append(d.Crons, provider.CronJob{Path: outbound.Line(job.Path, 512), Schedule: outbound.Line(job.Schedule, 256)})
	}
	if w.Crons != nil && d.Crons == nil {
		d.Crons = []provider.CronJob{}
	}
	c.source(&d, w)
	if w.Creator != nil {
		d.Creator = outbound.Line(cmp.Or(w.Creator.Username, w.Creator.GithubLogin, w.Creator.GitlabLogin, w.Creator.Email), 100)
	}
	return d, true
}

// hosts are the prefixes of the keys that Vercel's Git apps write into a
// build's meta. "git" is what its command-line tool writes.
var hosts = [...]string{"github", "gitlab", "bitbucket", "git"}

var sha = regexp.MustCompile(`^[0-9a-f]{40}$`)

// source says what the build was made from. The keys of meta are in no
// specification, so every one of them may be missing.
func (c *Client) source(d *provider.Deployment, w *deploymentWire) {
	if w.GitSource != nil {
		if sha.MatchString(w.GitSource.SHA) {
			d.Commit = w.GitSource.SHA
		}
		d.Branch = w.GitSource.Ref
		d.PullRequest = number(string(w.GitSource.PRID))
	}
	var author string
	meta := func(key string) string { return string(w.Meta[key]) }
	for _, h := range hosts {
		if s := meta(h + "CommitSha"); d.Commit == "" && sha.MatchString(s) {
			d.Commit = s
		}
		d.Branch = cmp.Or(d.Branch, meta(h+"CommitRef"))
		d.Message = cmp.Or(d.Message, meta(h+"CommitMessage"))
		author = cmp.Or(author, meta(h+"CommitAuthorLogin"), meta(h+"CommitAuthorName"))
		d.PullRequest = cmp.Or(d.PullRequest, number(meta(h+"PrId")))
	}
	d.Branch = outbound.Line(d.Branch, 250)
	d.Message = outbound.Line(d.Message, 300)
	d.Author = outbound.Line(author, 100)
}

// number is a pull request's number, 0 for anything that is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1<<30 {
		return 0
	}
	return n
}

// address is a build's own address. Vercel sends the host alone. An http
// address is taken from an API that is on this machine, which is a simulator's.
func (c *Client) address(raw string) string {
	if raw == "" || len(raw) > 300 {
		return ""
	}
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(u.Host, `"'<> \`) {
		return ""
	}
	if u.Scheme != "https" && (u.Scheme != "http" || c.out.Base().Scheme != "http") {
		return ""
	}
	return u.String()
}

// newestFirst puts builds in order of making, those of one moment by id, so
// the order never depends on that of the answer.
func newestFirst(list []provider.Deployment) {
	slices.SortStableFunc(list, func(a, b provider.Deployment) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
}
