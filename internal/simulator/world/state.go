package world

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// State is everything there is. Fields are read by the faces; what changes
// them are the verbs (Promote, PushCommit, …) and, for faults, Knobs.
type State struct {
	Seed  uint64
	Epoch time.Time // the moment the world was made; history lies before it
	Born  time.Time // the first commit and the first traffic

	Team    Team
	People  []*Person // authors; People[0] owns the team
	Repo    Repo
	Project Project
	Knobs   Knobs

	commits     []*Commit // in the order they were made
	bySHA       map[string]*Commit
	files       map[string]map[string]string // by SHA, filled on demand
	crons       map[string][]Cron            // by the text of vercel.json, filled on demand
	weather     map[weatherKey]float64       // filled on demand
	Branches    map[string]*Branch
	pulls       []*PullRequest // by number, ascending
	deployments []*Deployment  // oldest first
	byID        map[string]*Deployment
	aliases     map[string]*Alias
	live        []LiveSpan // who had production, oldest first
	jobs        []*AliasJob
	releases    []*RollingRelease
	runs        []*WorkflowRun
	database    map[string][]AppliedMigration // by database branch name
	workflows   []*Workflow
	dev         *Commit // the working copy's commit, pushed nowhere
	episodes    map[Env][]episode

	now    time.Time
	seq    uint64
	ids    map[string]uint64
	agenda agenda
	emit   func(Event)
}

// Now is the state's present: the time of the happening being done, or of the
// look at the world.
func (s *State) Now() time.Time { return s.now }

// Team owns the project.
type Team struct {
	ID, Slug, Name string
	Plan           Plan
	CreatedAt      time.Time
}

// Plan is what the team pays for; it decides how far back a rollback reaches
// and whether rolling releases exist.
type Plan string

// The plans.
const (
	Hobby      Plan = "hobby"
	Pro        Plan = "pro"
	Enterprise Plan = "enterprise"
)

// Person is an author, and if Username is not "" a member of the Vercel team.
type Person struct {
	GitHubID int64
	Login    string // "" when the commit e-mail is linked to no GitHub account
	Name     string
	Email    string
	UID      string // Vercel user id
	Username string // Vercel user name
	Role     string // OWNER, MEMBER, DEVELOPER…
}

// Repo is the GitHub repository.
type Repo struct {
	ID            int64
	OwnerID       int64
	Owner, Name   string
	DefaultBranch string
	CreatedAt     time.Time
}

// FullName is owner/name.
func (r Repo) FullName() string { return r.Owner + "/" + r.Name }

// Project is the Vercel project's settings that the world acts on.
type Project struct {
	ID, Name         string
	ProductionBranch string
	CreatedAt        time.Time
	UpdatedAt        time.Time

	AutoAssign          bool // production builds go live by themselves
	AutoAssignUpdatedBy string
	RolledBack          bool   // production is pinned by a rollback
	RolledBackFrom      string // what was live before that rollback
	Rollback            *RollbackNote

	Domains      []Domain // project domains
	CustomEnv    CustomEnvironment
	CronsEnabled bool
	CronsOf      string    // the deployment whose crons are the project's
	CronsChanged time.Time // last enable, disable or change of definitions
	CronsDisable time.Time // zero while enabled
	Rolling      *RollingConfig

	WebAnalytics      bool
	WebAnalyticsSince time.Time
}

// RollbackNote is why production was rolled back, as kept by the platform.
type RollbackNote struct {
	Description string
	By          *Person
	At          time.Time
}

// Domain is one project domain.
type Domain struct {
	Name           string
	Redirect       string // target domain, "" when it serves
	RedirectStatus int
	CustomEnvID    string // bound to a custom environment
	GitBranch      string // bound to a branch
	Production     bool
	CreatedAt      time.Time
}

// CustomEnvironment is the project's one environment beside production and
// preview.
type CustomEnvironment struct {
	ID, Slug, Description string
	Branch                string
	Domain                string
	CreatedAt             time.Time
}

// hash derives 32 bytes from the seed and a name: ids do not depend on the
// order in which unrelated things were made.
func (s *State) hash(parts ...any) [32]byte {
	text := append(strconv.AppendUint(make([]byte, 0, 128), s.Seed, 10), "|["...)
	for i, p := range parts {
		if i > 0 {
			text = append(text, ' ')
		}
		switch p := p.(type) { // the usual ones by hand: a world asks for thousands of names
		case string:
			text = append(text, p...)
		case int:
			text = strconv.AppendInt(text, int64(p), 10)
		case int64:
			text = strconv.AppendInt(text, p, 10)
		case uint64:
			text = strconv.AppendUint(text, p, 10)
		case Env:
			text = append(text, p...)
		default:
			text = fmt.Append(text, p)
		}
	}
	return sha256.Sum256(append(text, ']'))
}

// Hex is a stable hex name of n digits (at most 64) for parts.
func (s *State) Hex(n int, parts ...any) string {
	h := s.hash(parts...)
	return hex.EncodeToString(h[:])[:n]
}

const base62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Token is a stable name of n (at most 32) letters and digits for parts: what
// vendors' opaque ids look like.
func (s *State) Token(n int, parts ...any) string {
	h := s.hash(parts...)
	out := make([]byte, n)
	for i := range out {
		out[i] = base62[int(h[i])%len(base62)]
	}
	return string(out)
}

// lower is Token in small letters and digits, as in host names.
func (s *State) lower(n int, parts ...any) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	h := s.hash(parts...)
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[int(h[i])%len(alphabet)]
	}
	return string(out)
}

// Chance is a stable number in [0,1) for parts.
func (s *State) Chance(parts ...any) float64 {
	h := s.hash(parts...)
	return float64(binary.BigEndian.Uint64(h[:8])>>11) / (1 << 53)
}

// Pick is a stable whole number in [lo, hi] for parts.
func (s *State) Pick(lo, hi int, parts ...any) int {
	return lo + int(s.Chance(parts...)*float64(hi-lo+1))
}

// Between is a stable duration in [lo, hi), in whole milliseconds, for parts.
func (s *State) Between(lo, hi time.Duration, parts ...any) time.Duration {
	d := lo + time.Duration(s.Chance(parts...)*float64(hi-lo))
	return d.Truncate(time.Millisecond)
}

// serial counts up from 1 per kind: the n-th thing of its kind.
func (s *State) serial(kind string) uint64 {
	s.ids[kind]++
	return s.ids[kind]
}
