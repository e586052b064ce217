package release

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// Sheet is what lies between two builds: the dry run, what a person confirms,
// and the record of it. Equal sheets have equal hashes, whenever they are made.
type Sheet struct {
	From SheetEnd `json:"from"`
	To   SheetEnd `json:"to"`

	Relation string `json:"relation" doc:"identical, ahead, behind or diverged; empty when it is not known."`
	Ahead    int    `json:"ahead" doc:"Commits that would be new."`
	Behind   int    `json:"behind" doc:"Commits that are live and would be gone."`

	Commits      []SheetCommit `json:"commits" nullable:"false"`
	PullRequests []SheetPull   `json:"pullRequests" nullable:"false"`
	Authors      []string      `json:"authors" nullable:"false"`
	Reverts      []SheetCommit `json:"reverts" nullable:"false" doc:"Commits that take earlier ones back."`
	Dropped      []SheetCommit `json:"dropped" nullable:"false" doc:"Commits that are live and would be gone."`
	Migrations   []string      `json:"migrations" nullable:"false" doc:"Files under the folder of migrations that differ, by name."`
	// Schema is what the migrations do, statement by statement.
	Schema []SheetMigration `json:"schema" nullable:"false" doc:"What the migrations mean for older releases. Empty beside migrations when nothing here reads them."`
	Crons  SheetCrons       `json:"crons"`
	// Truncated says that lists are cut; the counts are right.
	Truncated bool `json:"truncated"`
	// Unknown is what could not be had, with the reason. An empty list beside
	// it means nothing.
	Unknown map[string]string `json:"unknown" doc:"Parts that could not be had, with the reason."`
	Hash    string            `json:"hash" doc:"Send it as sheet with a promotion, which is then refused if anything has changed."`
}

// SheetEnd is one side.
type SheetEnd struct {
	Environment  string `json:"environment,omitempty"`
	DeploymentID string `json:"deploymentId"`
	URL          string `json:"url"`
	Commit       string `json:"commit"`
	Message      string `json:"message"`
	// Promotable says that the build can go to production as it is.
	Target string `json:"target"`
	Stage  string `json:"stage,omitempty"`
}

// SheetCommit is one commit.
type SheetCommit struct {
	SHA         string    `json:"sha"`
	Message     string    `json:"message"`
	Author      string    `json:"author"`
	At          time.Time `json:"at"`
	URL         string    `json:"url,omitempty"`
	PullRequest int       `json:"pullRequest,omitempty"`
}

// SheetPull is one merged pull request.
type SheetPull struct {
	Number int      `json:"number"`
	Title  string   `json:"title"`
	URL    string   `json:"url,omitempty"`
	Author string   `json:"author"`
	Labels []string `json:"labels" nullable:"false"`
}

// SheetCrons is how the schedule would change.
type SheetCrons struct {
	Added   []SheetCron `json:"added" nullable:"false"`
	Removed []SheetCron `json:"removed" nullable:"false"`
	// Changed are paths that lost one schedule and got another. They are in
	// neither of the other lists.
	Changed []SheetCronChange `json:"changed" nullable:"false" doc:"Paths with another schedule than before."`
}

// SheetCronChange is one path whose schedule would be another.
type SheetCronChange struct {
	Path string `json:"path"`
	From string `json:"from"`
	To   string `json:"to"`
}

// SheetCron is one scheduled path.
type SheetCron struct {
	Path     string `json:"path"`
	Schedule string `json:"schedule"`
}

// side is one build to compare.
type side struct {
	environment string
	build       provider.Deployment
	crons       *provider.CronSet // of a build that is live; others say themselves
}

func (s *site) sheet(ctx context.Context, from, to side) Sheet {
	sh := Sheet{
		From: from.end(), To: to.end(), Commits: []SheetCommit{}, PullRequests: []SheetPull{}, Authors: []string{}, Reverts: []SheetCommit{},
		Dropped: []SheetCommit{}, Migrations: []string{}, Schema: []SheetMigration{}, Crons: noCrons(), Unknown: map[string]string{},
	}
	s.changes(ctx, &sh, from.build.Commit, to.build.Commit)
	sh.crons(from, to)
	sh.Hash = sh.hash()
	return sh
}

func (d side) end() SheetEnd {
	b := d.build
	return SheetEnd{Environment: d.environment, DeploymentID: b.ID, URL: b.URL, Commit: b.Commit, Message: hostile.FirstLine(b.Message, hostile.TitleLimit), Target: b.Target, Stage: string(b.Stage)}
}

// changes fills in what the history of the code says.
func (s *site) changes(ctx context.Context, sh *Sheet, base, head string) {
	parts := []string{"commits", "pullRequests", "migrations"}
	unknown := func(why string) {
		for _, p := range parts {
			sh.Unknown[p] = why
		}
	}
	switch {
	case base == "" || head == "":
		unknown("one of the builds was not made from a commit")
		return
	case s.comparer == nil:
		unknown("no provider of this project knows the repository")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*readLimit)
	defer cancel()
	c, err := s.comparer.Compare(ctx, base, head)
	if err != nil {
		unknown(fault.From(err).Message)
		return
	}
	sh.Relation, sh.Ahead, sh.Behind, sh.Truncated = string(c.Relation), c.Ahead, c.Behind, c.Truncated
	sh.Commits = sheetCommits(c.Commits)
	for _, p := range c.PullRequests {
		sh.PullRequests = append(sh.PullRequests, SheetPull{
			Number: p.Number, Title: hostile.Line(p.Title, hostile.TitleLimit), URL: hostile.Link(p.URL), Author: p.Author, Labels: append([]string{}, p.Labels...),
		})
	}
	if c.PullRequestsUnknown != "" {
		sh.Unknown["pullRequests"] = c.PullRequestsUnknown
	}
	for _, commit := range sh.Commits {
		if commit.Author != "" && !slices.Contains(sh.Authors, commit.Author) {
			sh.Authors = append(sh.Authors, commit.Author)
		}
		if reverts(commit.Message) {
			sh.Reverts = append(sh.Reverts, commit)
		}
	}
	slices.Sort(sh.Authors)
	for _, f := range c.Files {
		if migration(s.Rules.Migrations, f) {
			sh.Migrations = append(sh.Migrations, f)
		}
	}
	slices.Sort(sh.Migrations)
	sh.Schema = s.migrations(ctx, c)
	if c.Behind == 0 {
		return
	}
	back, err := s.comparer.Compare(ctx, head, base)
	if err != nil {
		sh.Unknown["dropped"] = fault.From(err).Message
		return
	}
	sh.Dropped = sheetCommits(back.Commits)
	// What goes takes its migrations' code along, though not their effect.
	for _, f := range back.Files {
		if migration(s.Rules.Migrations, f) && !slices.Contains(sh.Migrations, f) {
			sh.Migrations = append(sh.Migrations, f)
		}
	}
	slices.Sort(sh.Migrations)
	for _, m := range s.migrations(ctx, back) {
		m.Gone = true
		sh.Schema = append(sh.Schema, m)
	}
}

func sheetCommits(all []provider.Commit) []SheetCommit {
	out := make([]SheetCommit, 0, len(all))
	for _, c := range all {
		out = append(out, SheetCommit{
			SHA: c.SHA, Message: hostile.FirstLine(c.Message, hostile.TitleLimit), Author: hostile.Line(c.Author, hostile.NameLimit),
			At: c.At, URL: hostile.Link(c.URL), PullRequest: c.PullRequest,
		})
	}
	return out
}

// revert is how git and GitHub title them: Revert "…", revert: ….
var revert = regexp.MustCompile(`(?i)^(revert(\([^)]*\))?!?:|revert ")`)

func reverts(message string) bool { return revert.MatchString(message) }

func migration(dir, file string) bool {
	dir = strings.Trim(path.Clean("/"+dir), "/")
	return dir != "" && strings.HasPrefix(file, dir+"/")
}

// hash is of what would change and not of how it is worded: titles of pull
// requests may be edited without the release becoming another one, and a
// provider that cannot be asked at one moment does not change a build.
func (sh *Sheet) hash() string {
	content := struct {
		From, To, FromCommit, ToCommit, Relation string
		Ahead, Behind                            int
		Commits, Dropped, Migrations, Classes    []string
		Crons                                    hashedCrons
	}{
		sh.From.DeploymentID, sh.To.DeploymentID, sh.From.Commit, sh.To.Commit, sh.Relation, sh.Ahead, sh.Behind,
		hashes(sh.Commits), hashes(sh.Dropped), sh.Migrations, classes(sh.Schema), sh.Crons.hashed(),
	}
	text, err := json.Marshal(content)
	if err != nil { // strings and numbers always encode
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// classes are the migrations with what they mean: a verdict that could not be
// had when the release begins is not the one that was confirmed.
func classes(all []SheetMigration) []string {
	out := make([]string, 0, len(all))
	for _, m := range all {
		out = append(out, m.Path+"\x00"+string(m.Class))
	}
	return out
}

func hashes(all []SheetCommit) []string {
	out := make([]string, 0, len(all))
	for _, c := range all {
		out = append(out, c.SHA)
	}
	return out
}

// summary is the sheet in one line.
func (sh *Sheet) summary() string {
	parts := []string{plural(sh.Ahead, "commit"), plural(len(sh.PullRequests), "pull request"), plural(len(sh.Migrations), "migration file")}
	if sh.Behind > 0 {
		parts = append(parts, fmt.Sprintf("and drops %s", plural(sh.Behind, "commit")))
	}
	return fmt.Sprintf("%s → %s: %s", cmp.Or(hostile.Short(sh.From.Commit), sh.From.DeploymentID), cmp.Or(hostile.Short(sh.To.Commit), sh.To.DeploymentID), strings.Join(parts, ", "))
}
