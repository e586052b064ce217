package neon

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) actRoutes() []wire.Route {
	one := "/api/v2/projects/{project}/branches/{branch}"
	return []wire.Route{
		{Pattern: "POST " + one + "/restore", Doc: "overwrite a branch from another or from its past", Body: wire.JSONBody[restoreRequest](), Handle: f.restore},
		{Pattern: "POST " + one + "/recover", Doc: "bring a deleted branch back", Handle: f.recover},
		{Pattern: "POST " + one + "/set_as_default", Doc: "make it the default branch", Handle: f.setAsDefault},
		{
			Pattern: "POST " + one + "/finalize_restore", Doc: "put a branch that was restored from a snapshot in the place of its target",
			Body: wire.OptionalBody[nameRequest](), Handle: f.finalizeRestore,
		},
		{
			Pattern: "GET " + one + "/compare_schema", Doc: "schema difference to another branch", Handle: f.compareSchema,
			Query: []wire.Param{
				{Name: "base_branch_id", Type: wire.String},
				{Name: "db_name", Type: wire.String, Required: true},
				{Name: "lsn", Type: wire.String},
				{Name: "timestamp", Type: wire.Time},
				{Name: "base_lsn", Type: wire.String},
				{Name: "base_timestamp", Type: wire.Time},
			},
		},
		{
			Pattern: "GET " + one + "/schema", Doc: "schema of a database", Handle: f.schema,
			Query: []wire.Param{
				{Name: "db_name", Type: wire.String, Required: true},
				{Name: "lsn", Type: wire.String},
				{Name: "timestamp", Type: wire.Time},
				{Name: "format", Type: wire.Enum, OneOf: []string{"sql", "json"}},
			},
		},
	}
}

// point is a moment in a branch's history; the zero point is its head.
type point struct{ time time.Time }

var lsnShape = regexp.MustCompile(`^[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}$`)

// pointOf reads an LSN or a time and checks that history reaches there: it is
// kept for root branches, for as long as the plan says.
func pointOf(s *world.State, b *branch, lsnText, timeText *string) (point, error) {
	var at time.Time
	switch {
	case lsnText != nil && timeText != nil:
		return point{}, wire.Refuse(wire.BadRequest, "either an LSN or a timestamp can be specified, not both")
	case timeText != nil:
		t, err := time.Parse(time.RFC3339, *timeText)
		if err != nil {
			return point{}, wire.Refuse(wire.BadRequest, "the timestamp %q is not ISO 8601", *timeText)
		}
		at = t.UTC()
	case lsnText != nil:
		if !lsnShape.MatchString(*lsnText) {
			return point{}, wire.Refuse(wire.BadRequest, "the LSN %q is malformed", *lsnText)
		}
		high, low, _ := strings.Cut(*lsnText, "/")
		h, _ := strconv.ParseUint(high, 16, 32) // the shape was checked
		l, _ := strconv.ParseUint(low, 16, 32)
		at = s.Born.Add(-400 * 24 * time.Hour).Add(time.Duration((h<<32|l)/8) * time.Millisecond)
	default:
		return point{}, nil
	}
	switch {
	case at.After(s.Now()):
		return point{}, wire.Refuse(wire.BadRequest, "the point in time is in the future")
	case b.parent != nil:
		return point{}, wire.Refuse(wire.BadRequest, "point-in-time restore is only available for root branches: %s is a child branch", b.name)
	case s.Now().Sub(at) > historyRetention:
		return point{}, wire.Refuse(wire.BadRequest, "the point in time is older than the history retention window of %d seconds", int(historyRetention.Seconds()))
	}
	return point{at}, nil
}

// freeName refuses a name that is taken, empty or too long.
func (st *state) freeName(name string, except *branch) error {
	if name == "" || len(name) > 256 {
		return wire.Refuse(wire.BadRequest, "branch name must be between 1 and 256 characters long")
	}
	if b := st.named(name); b != nil && b != except {
		return wire.RefuseCode(wire.Conflict, "BRANCH_ALREADY_EXISTS", "branch with name %q already exists", name)
	}
	return nil
}

func expiry(s *world.State, text *string) (time.Time, error) {
	if text == nil {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, *text)
	switch {
	case err != nil:
		return time.Time{}, wire.Refuse(wire.BadRequest, "expires_at %q is not RFC 3339", *text)
	case !at.After(s.Now()) || at.After(s.Now().AddDate(0, 0, 30)):
		return time.Time{}, wire.Refuse(wire.BadRequest, "expires_at must be in the future and within 30 days")
	}
	return at.UTC(), nil
}

// checkCreate refuses before anything is changed.
func (st *state) checkCreate(s *world.State, body createRequest) (name string, from origin, expires time.Time, err error) {
	from.parent = st.defaultBranch()
	if in := body.Branch; in != nil {
		if in.Name != nil {
			if err = st.freeName(*in.Name, nil); err != nil {
				return
			}
			name = *in.Name
		}
		if in.ParentID != nil {
			from.parent = st.branch(*in.ParentID)
			if from.parent == nil || !from.parent.deleted.IsZero() {
				err = wire.Refuse(wire.NotFound, "parent branch not found")
				return
			}
		}
		if from.at, err = pointOf(s, from.parent, in.ParentLSN, in.ParentTimestamp); err != nil {
			return
		}
		if expires, err = expiry(s, in.ExpiresAt); err != nil {
			return
		}
		if in.InitSource == "schema-only" && len(body.Endpoints) == 0 {
			err = wire.Refuse(wire.BadRequest, "a schema-only branch requires a read-write compute endpoint")
			return
		}
	}
	writers := 0
	for _, e := range body.Endpoints {
		if e.Type == "read_write" {
			writers++
		}
	}
	switch {
	case writers > 1:
		err = wire.Refuse(wire.BadRequest, "a branch can have one read-write endpoint only")
	case from.parent.archived:
		err = wire.Refuse(wire.Unprocessable, "the parent branch is archived")
	case len(st.alive()) >= branchesLimit:
		err = wire.RefuseCode(wire.Unprocessable, "BRANCHES_LIMIT_EXCEEDED", "branches limit exceeded")
	case st.locked(s.Now()):
		err = &wire.Error{Kind: wire.Locked}
	}
	return name, from, expires, err
}

func (st *state) defaultBranch() *branch {
	i := slices.IndexFunc(st.branches, func(b *branch) bool { return b.isDefault })
	return st.branches[i] // there is always one
}

type restoreRequest struct {
	Source          string  `json:"source_branch_id" wire:"required"`
	SourceLSN       *string `json:"source_lsn"`
	SourceTimestamp *string `json:"source_timestamp"`
	Preserve        *string `json:"preserve_under_name"`
}

func (f *Face) restore(c *wire.Call) (*wire.Answer, error) {
	return f.onBranch(c, func(s *world.State, st *state, target *branch) (*wire.Answer, error) {
		in := wire.BodyOf[restoreRequest](c)
		source, at, err := st.checkRestore(s, target, in)
		if err != nil {
			return nil, err
		}
		rows := s.Applied(source.key)
		if !at.time.IsZero() {
			rows = before(rows, at.time)
		}
		parent := source
		if in.Preserve != nil {
			kept := st.preserve(s, target, *in.Preserve)
			if source == target {
				parent = kept
			}
		}
		s.SetApplied(target.key, rows)
		target.parent, target.parentAt = parent, at.time
		target.lastReset, target.updated, target.size = s.Now(), s.Now(), source.size
		operations := st.schedule(s, target, "create_timeline", "apply_config", "start_compute")
		c.Changed()
		return wire.OK(obj{"branch": st.showBranch(s, target), "operations": showOperations(s, operations)}), nil
	})
}

// preserve keeps what a branch was, under another name. It takes the branch's
// place in the tree: the children hang on it from now on.
func (st *state) preserve(s *world.State, b *branch, name string) *branch {
	kept := st.newBranch(s, name, b.parent, s.Now())
	kept.parentAt, kept.size, kept.source = b.parentAt, b.size, b.source
	s.SetApplied(kept.key, s.Applied(b.key))
	for _, child := range st.children(b) {
		if child != kept {
			child.parent = kept
		}
	}
	return kept
}

func (st *state) checkRestore(s *world.State, target *branch, in restoreRequest) (*branch, point, error) {
	bad := func(format string, args ...any) (*branch, point, error) {
		return nil, point{}, wire.Refuse(wire.BadRequest, format, args...)
	}
	source := st.branch(in.Source)
	if source == nil || !source.deleted.IsZero() {
		return nil, point{}, wire.Refuse(wire.NotFound, "source branch not found")
	}
	at, err := pointOf(s, source, in.SourceLSN, in.SourceTimestamp)
	if err != nil {
		return nil, point{}, err
	}
	self := source == target
	switch {
	case self && at.time.IsZero():
		return bad("source_lsn or source_timestamp is required to restore a branch from its own history")
	case self && in.Preserve == nil:
		return bad("preserve_under_name is required to restore a branch from its own history")
	case in.Preserve == nil && len(st.children(target)) > 0:
		return bad("preserve_under_name is required to restore a branch that has children")
	case source.archived || target.archived:
		return nil, point{}, wire.Refuse(wire.Unprocessable, "an archived branch cannot be restored or restored from")
	}
	if in.Preserve != nil {
		if err := st.freeName(*in.Preserve, nil); err != nil {
			return nil, point{}, err
		}
	}
	if st.locked(s.Now()) {
		return nil, point{}, &wire.Error{Kind: wire.Locked}
	}
	return source, at, nil
}

func (f *Face) recover(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		b := st.branch(c.Path("branch"))
		if b == nil {
			return nil, wire.Refuse(wire.NotFound, "branch not found")
		}
		if b.deleted.IsZero() {
			return nil, wire.Refuse(wire.Unprocessable, "the branch is not deleted")
		}
		if err := st.freeName(b.name, b); err != nil {
			return nil, err
		}
		if b.parent != nil && !b.parent.deleted.IsZero() {
			return nil, wire.Refuse(wire.Unprocessable, "the parent branch is deleted, recover it first")
		}
		if st.locked(s.Now()) {
			return nil, &wire.Error{Kind: wire.Locked}
		}
		b.deleted, b.expires, b.updated = time.Time{}, time.Time{}, s.Now()
		c.Changed()
		return wire.OK(obj{"branch": st.showBranch(s, b), "endpoints": st.showEndpoints(s, b)}), nil
	})
}

func (f *Face) setAsDefault(c *wire.Call) (*wire.Answer, error) {
	return f.onBranch(c, func(s *world.State, st *state, b *branch) (*wire.Answer, error) {
		if !b.expires.IsZero() {
			return nil, wire.Refuse(wire.Unprocessable, "a branch that expires cannot be the default")
		}
		st.defaultBranch().isDefault = false
		b.isDefault, b.updated = true, s.Now()
		c.Changed()
		return wire.OK(obj{"branch": st.showBranch(s, b), "operations": []any{}}), nil
	})
}

func (f *Face) compareSchema(c *wire.Call) (*wire.Answer, error) {
	return f.onBranch(c, func(s *world.State, st *state, b *branch) (*wire.Answer, error) {
		base := b.parent
		if c.Has("base_branch_id") {
			base = st.branch(c.Str("base_branch_id"))
		}
		if base == nil || !base.deleted.IsZero() {
			return nil, wire.Refuse(wire.NotFound, "base branch not found")
		}
		if c.Str("db_name") != databaseName {
			return nil, wire.Refuse(wire.NotFound, "database %q not found", c.Str("db_name"))
		}
		mine, theirs := rowsAt(c, s, b, "timestamp"), rowsAt(c, s, base, "base_timestamp")
		return wire.OK(obj{"diff": schemaDiff(mine, theirs)}), nil
	})
}

func rowsAt(c *wire.Call, s *world.State, b *branch, param string) []world.AppliedMigration {
	rows := s.Applied(b.key)
	if at, ok := c.Time(param); ok {
		return before(rows, at)
	}
	return rows
}

// schemaDiff is a unified diff in which a migration stands for what it makes.
func schemaDiff(mine, theirs []world.AppliedMigration) string {
	added, removed := missing(mine, theirs), missing(theirs, mine)
	if len(added)+len(removed) == 0 {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "--- a/%s\n+++ b/%s\n@@ -1,%d +1,%d @@\n", databaseName, databaseName, len(theirs), len(mine))
	writeDiff(&out, "-", removed)
	writeDiff(&out, "+", added)
	return out.String()
}

func writeDiff(out *strings.Builder, sign string, rows []world.AppliedMigration) {
	for _, row := range rows {
		for line := range strings.Lines(row.SQL) {
			out.WriteString(sign + strings.TrimRight(line, "\n") + "\n")
		}
	}
}

// missing are the rows of a that b has not.
func missing(a, b []world.AppliedMigration) []world.AppliedMigration {
	var list []world.AppliedMigration
	for _, row := range a {
		if !slices.ContainsFunc(b, func(other world.AppliedMigration) bool { return other.Name == row.Name }) {
			list = append(list, row)
		}
	}
	return list
}

func (f *Face) schema(c *wire.Call) (*wire.Answer, error) {
	return f.onBranch(c, func(s *world.State, _ *state, b *branch) (*wire.Answer, error) {
		if c.Str("db_name") != databaseName {
			return nil, wire.Refuse(wire.NotFound, "database %q not found", c.Str("db_name"))
		}
		var sql strings.Builder
		for _, row := range rowsAt(c, s, b, "timestamp") {
			sql.WriteString(row.SQL)
		}
		return wire.OK(obj{"sql": sql.String()}), nil
	})
}
