package neon

import (
	"math"
	"net/http"
	"slices"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) snapshotRoutes() []wire.Route {
	project := "/api/v2/projects/{project}"
	return []wire.Route{
		{
			Pattern: "POST " + project + "/branches/{branch}/snapshot", Doc: "make a snapshot", Handle: f.createSnapshot,
			Query: []wire.Param{
				{Name: "lsn", Type: wire.String},
				{Name: "timestamp", Type: wire.Time},
				{Name: "name", Type: wire.String},
				{Name: "expires_at", Type: wire.Time},
			},
		},
		{Pattern: "GET " + project + "/branches/{branch}/backup_schedule", Doc: "when snapshots are made by themselves", Handle: f.getSchedule},
		{Pattern: "PUT " + project + "/branches/{branch}/backup_schedule", Doc: "say when; it is kept, and nothing is made", Body: wire.JSONBody[schedule](), Handle: f.putSchedule},
		{Pattern: "GET " + project + "/snapshots", Doc: "list snapshots", Handle: f.listSnapshots},
		{Pattern: "PATCH " + project + "/snapshots/{snapshot}", Doc: "rename a snapshot", Body: wire.JSONBody[snapshotUpdate](), Handle: f.updateSnapshot},
		{Pattern: "DELETE " + project + "/snapshots/{snapshot}", Doc: "delete a snapshot", Handle: f.deleteSnapshot, PretendStatus: http.StatusAccepted},
		{
			Pattern: "POST " + project + "/snapshots/{snapshot}/restore", Doc: "make a branch from a snapshot",
			Query: []wire.Param{{Name: "name", Type: wire.String}}, Body: wire.OptionalBody[snapshotRestore](), Handle: f.restoreSnapshot,
		},
	}
}

// schedule is a branch's plan of snapshots.
type schedule struct {
	Items []scheduleItem `json:"schedule" wire:"required"`
}

type scheduleItem struct {
	Frequency string `json:"frequency" wire:"required,oneof=hourly|daily|weekly|monthly|yearly"`
	Hour      *int64 `json:"hour,omitempty"`
	Day       *int64 `json:"day,omitempty"`
	Month     *int64 `json:"month,omitempty"`
	Retention *int64 `json:"retention_seconds,omitempty"`
}

func (f *Face) getSchedule(c *wire.Call) (*wire.Answer, error) {
	return f.onBranch(c, func(_ *world.State, _ *state, b *branch) (*wire.Answer, error) {
		return wire.OK(obj{"schedule": append([]scheduleItem{}, b.schedule...)}), nil
	})
}

func (f *Face) putSchedule(c *wire.Call) (*wire.Answer, error) {
	return f.onBranch(c, func(_ *world.State, _ *state, b *branch) (*wire.Answer, error) {
		items := wire.BodyOf[schedule](c).Items
		for _, item := range items {
			for _, field := range []struct {
				name     string
				value    *int64
				min, max int64
			}{{"hour", item.Hour, 0, 23}, {"day", item.Day, 1, 31}, {"month", item.Month, 1, 12}, {"retention_seconds", item.Retention, 3600, math.MaxInt64}} {
				if v := field.value; v != nil && (*v < field.min || *v > field.max) {
					return nil, wire.Refuse(wire.BadRequest, "%s is out of range: %d", field.name, *v)
				}
			}
		}
		b.schedule = items
		c.Changed()
		return wire.OK(obj{}), nil
	})
}

type nameRequest struct {
	Name string `json:"name"`
}

type snapshotUpdate struct {
	Snapshot struct {
		Name string `json:"name"`
	} `json:"snapshot" wire:"required"`
}

type snapshotRestore struct {
	Name     string `json:"name"`
	Target   string `json:"target_branch_id"`
	Finalize bool   `json:"finalize_restore"`
}

func (sn *snapshot) show(s *world.State) obj {
	o := obj{
		"id": sn.id, "name": sn.name, "source_branch_id": sn.source.id, "created_at": stamp(s, sn.created), "manual": true,
		"full_size": sn.size, "diff_size": sn.size / 40, "lsn": sn.lsn,
	}
	putTime(s, o, "expires_at", sn.expires)
	putTime(s, o, "timestamp", sn.at)
	return o
}

func (f *Face) createSnapshot(c *wire.Call) (*wire.Answer, error) {
	return f.onBranch(c, func(s *world.State, st *state, b *branch) (*wire.Answer, error) {
		var lsnText, timeText *string
		if c.Has("lsn") {
			text := c.Str("lsn")
			lsnText = &text
		}
		if c.Has("timestamp") {
			text := c.Str("timestamp")
			timeText = &text
		}
		at, err := pointOf(s, b, lsnText, timeText)
		if err != nil {
			return nil, err
		}
		switch {
		case b.parent != nil:
			return nil, wire.Refuse(wire.Unprocessable, "snapshots can only be made of root branches")
		case len(st.snapshots) >= snapshotsLimit:
			return nil, wire.RefuseCode(wire.Unprocessable, "SNAPSHOTS_LIMIT_EXCEEDED", "snapshots limit exceeded, the plan allows %d", snapshotsLimit)
		case st.locked(s.Now()):
			return nil, &wire.Error{Kind: wire.Locked}
		}
		st.serial++
		sn := &snapshot{
			id: "snap-" + words(s, "snapshot", st.serial) + "-" + s.Hex(8, "neon-snapshot", st.serial), name: c.Str("name"), source: b,
			created: s.Now(), at: at.time, lsn: lsn(s, b, laterOr(at.time, s.Now())), size: b.logicalSize(s), rows: s.Applied(b.key),
		}
		if sn.name == "" {
			sn.name = b.name + " at " + stamp(s, s.Now())
		}
		if !at.time.IsZero() {
			sn.rows = before(sn.rows, at.time)
		}
		sn.expires, _ = c.Time("expires_at")
		st.snapshots = append(st.snapshots, sn)
		operations := st.schedule(s, b, "create_timeline")
		c.Changed()
		return wire.OK(obj{"snapshot": sn.show(s), "operations": showOperations(s, operations)}), nil
	})
}

func (f *Face) listSnapshots(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		list := []obj{}
		for _, sn := range slices.Backward(st.snapshots) {
			list = append(list, sn.show(s))
		}
		return wire.OK(obj{"snapshots": list}), nil
	})
}

func (f *Face) onSnapshot(c *wire.Call, fn func(*world.State, *state, *snapshot) (*wire.Answer, error)) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		st.snapshots = slices.DeleteFunc(st.snapshots, func(sn *snapshot) bool { return !sn.expires.IsZero() && !sn.expires.After(s.Now()) })
		i := slices.IndexFunc(st.snapshots, func(sn *snapshot) bool { return sn.id == c.Path("snapshot") })
		if i < 0 {
			return nil, wire.Refuse(wire.NotFound, "snapshot not found")
		}
		return fn(s, st, st.snapshots[i])
	})
}

func (f *Face) updateSnapshot(c *wire.Call) (*wire.Answer, error) {
	return f.onSnapshot(c, func(s *world.State, _ *state, sn *snapshot) (*wire.Answer, error) {
		sn.name = wire.BodyOf[snapshotUpdate](c).Snapshot.Name
		c.Changed()
		return wire.OK(obj{"snapshot": sn.show(s)}), nil
	})
}

func (f *Face) deleteSnapshot(c *wire.Call) (*wire.Answer, error) {
	return f.onSnapshot(c, func(s *world.State, st *state, sn *snapshot) (*wire.Answer, error) {
		if st.locked(s.Now()) {
			return nil, &wire.Error{Kind: wire.Locked}
		}
		st.snapshots = slices.DeleteFunc(st.snapshots, func(x *snapshot) bool { return x == sn })
		c.Changed()
		return wire.JSON(http.StatusAccepted, obj{"operations": showOperations(s, st.schedule(s, sn.source, "delete_timeline"))}), nil
	})
}

func (f *Face) restoreSnapshot(c *wire.Call) (*wire.Answer, error) {
	return f.onSnapshot(c, func(s *world.State, st *state, sn *snapshot) (*wire.Answer, error) {
		in := wire.BodyOf[snapshotRestore](c)
		target := sn.source
		if in.Target != "" {
			target = st.branch(in.Target)
		}
		if target == nil || !target.deleted.IsZero() {
			return nil, wire.Refuse(wire.NotFound, "target branch not found")
		}
		name := in.Name
		if name == "" {
			name = c.Str("name")
		}
		if name == "" {
			name = sn.name + " (restored)"
		}
		if err := st.freeName(name, nil); err != nil {
			return nil, err
		}
		if st.locked(s.Now()) {
			return nil, &wire.Error{Kind: wire.Locked}
		}
		b := st.newBranch(s, name, nil, s.Now())
		b.restoreStatus, b.restoredFrom, b.restoredAs, b.size = "restored", sn.id, target.id, sn.size
		s.SetApplied(b.key, sn.rows)
		actions := []string{"create_branch"}
		if in.Finalize {
			st.finalize(s, b, target, "")
			actions = append(actions, "apply_config", "start_compute")
		}
		c.Changed()
		operations := st.schedule(s, b, actions...)
		return wire.OK(obj{"branch": st.showBranch(s, b), "endpoints": st.showEndpoints(s, b), "operations": showOperations(s, operations)}), nil
	})
}

func (f *Face) finalizeRestore(c *wire.Call) (*wire.Answer, error) {
	return f.onBranch(c, func(s *world.State, st *state, b *branch) (*wire.Answer, error) {
		if b.restoreStatus != "restored" {
			return nil, wire.Refuse(wire.Unprocessable, "the branch is not a restored branch that waits to be finalized")
		}
		name := wire.BodyOf[nameRequest](c).Name
		if name != "" {
			if err := st.freeName(name, nil); err != nil {
				return nil, err
			}
		}
		if st.locked(s.Now()) {
			return nil, &wire.Error{Kind: wire.Locked}
		}
		target := st.branch(b.restoredAs)
		if target == nil {
			return nil, wire.Refuse(wire.NotFound, "target branch not found")
		}
		st.finalize(s, b, target, name)
		c.Changed()
		return wire.OK(obj{"operations": showOperations(s, st.schedule(s, b, "apply_config", "start_compute"))}), nil
	})
}

// finalize lets a restored branch take its target's place: name, computes,
// default and protection; the app's database is this one from now on.
func (st *state) finalize(s *world.State, b, target *branch, oldName string) {
	mine, theirs := s.Applied(b.key), s.Applied(target.key)
	b.key, target.key = target.key, b.key
	s.SetApplied(b.key, mine)
	s.SetApplied(target.key, theirs)
	if oldName == "" {
		oldName = target.name + "_old_" + s.Hex(8, "neon-old", st.serial)
	}
	b.name, target.name = target.name, oldName
	b.endpoints, target.endpoints = append(b.endpoints, target.endpoints...), nil
	b.isDefault, target.isDefault = target.isDefault, b.isDefault
	b.protected, target.protected = target.protected, false
	b.restoreStatus, b.updated, target.updated = "finalized", s.Now(), s.Now()
}
