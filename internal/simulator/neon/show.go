package neon

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (st *state) showBranch(s *world.State, b *branch) obj {
	now := s.Now()
	o := obj{
		"id": b.id, "project_id": Project, "name": b.name, "current_state": "ready", "state_changed_at": stamp(s, b.changed),
		"creation_source": b.source, "primary": b.isDefault, "default": b.isDefault, "protected": b.protected, "init_source": b.init,
		"cpu_used_sec": 0, "compute_time_seconds": 0, "active_time_seconds": 0, "written_data_bytes": 0, "data_transfer_bytes": 0,
		"created_at": stamp(s, b.created), "updated_at": stamp(s, later(b.updated, b.measured(s))),
		"created_by": obj{"name": s.People[0].Name, "image": ""},
	}
	switch {
	case b.archived:
		o["current_state"] = "archived"
	case !st.ready(b, now):
		o["current_state"], o["pending_state"] = "init", "ready"
		if !b.lastReset.IsZero() {
			o["current_state"] = "resetting"
		}
		o["state_changed_at"] = stamp(s, now)
	}
	if b.parent != nil {
		o["parent_id"], o["parent_lsn"] = b.parent.id, lsn(s, b.parent, laterOr(b.parentAt, b.created))
		o["parent_timestamp"] = stamp(s, laterOr(b.parentAt, b.created))
	}
	if size := b.logicalSize(s); size > 0 {
		o["logical_size"] = size
	}
	if len(b.endpoints) > 0 && b.endpoints[0].busy {
		used := int64(now.Sub(month(now)).Seconds())
		o["active_time_seconds"], o["compute_time_seconds"], o["cpu_used_sec"] = used*9/10, used/2, used/2
		o["written_data_bytes"], o["data_transfer_bytes"] = used*2100, used*5300
	}
	putTime(s, o, "expires_at", b.expires)
	if !b.expires.IsZero() {
		o["ttl_interval_seconds"] = int(b.expires.Sub(b.created).Seconds())
	}
	putTime(s, o, "last_reset_at", b.lastReset)
	for key, value := range map[string]string{"restore_status": b.restoreStatus, "restored_from": b.restoredFrom, "restored_as": b.restoredAs} {
		if value != "" {
			o[key] = value
		}
	}
	if b.parent == nil || b.isDefault {
		// What is in the way of a restore is said beforehand.
		if b.restoreStatus == "restored" {
			o["restricted_actions"] = []obj{{"name": "restore", "reason": "the branch was restored from a snapshot and is not finalized"}}
		}
	}
	if !b.deleted.IsZero() {
		method := "user"
		if b.deleted.Equal(b.expires) {
			method = "ttl"
		}
		o["recovery"] = obj{"deleted_at": stamp(s, b.deleted), "recoverable_until": stamp(s, b.deleted.Add(recoverable)), "deletion_method": method}
	}
	return o
}

func putTime(s *world.State, o obj, key string, t time.Time) {
	if !t.IsZero() {
		o[key] = stamp(s, t)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func laterOr(a, fallback time.Time) time.Time {
	if a.IsZero() {
		return fallback
	}
	return a
}

func month(now time.Time) time.Time {
	return time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// measured is when the metrics of a branch in use were refreshed: they lag.
func (b *branch) measured(s *world.State) time.Time {
	if len(b.endpoints) > 0 && b.endpoints[0].busy {
		return s.Now().Truncate(15 * time.Minute)
	}
	return b.updated
}

// logicalSize grows with what the app writes, and is only known once measured.
func (b *branch) logicalSize(s *world.State) int64 {
	if b.size == 0 {
		if b.parent == nil || s.Now().Sub(b.created) < 15*time.Minute {
			return 0
		}
		return b.parent.logicalSize(s)
	}
	return b.size + int64(b.measured(s).Sub(s.Epoch).Minutes())/15*96*8192
}

// lsn is a place in the write-ahead log.
func lsn(s *world.State, b *branch, at time.Time) string {
	n := uint64(max(0, at.Sub(s.Born.Add(-400*24*time.Hour)).Milliseconds())) * 8
	return fmt.Sprintf("%X/%X", n>>32, uint32(n)|uint32(len(b.name)))
}

func (st *state) showBranches(s *world.State, list []*branch) []obj {
	out := []obj{}
	for _, b := range list {
		out = append(out, st.showBranch(s, b))
	}
	return out
}

func (b *branch) annotation(s *world.State) obj {
	value := b.note
	if value == nil {
		value = map[string]string{}
	}
	return obj{
		"object": obj{"type": "console/branch", "id": b.id}, "value": value,
		"created_at": stamp(s, laterOr(b.noted, b.created)), "updated_at": stamp(s, laterOr(b.noted, b.created)),
	}
}

func showOperations(s *world.State, list []*operation) []obj {
	out := []obj{}
	for _, o := range list {
		out = append(out, o.show(s))
	}
	return out
}

func (o *operation) show(s *world.State) obj {
	now := s.Now()
	updated, took := o.created, time.Duration(0)
	switch o.status(now) {
	case "running":
		updated, took = o.starts, now.Sub(o.created)
	case "finished":
		updated, took = o.ends, o.ends.Sub(o.created)
	}
	out := obj{
		"id": o.id, "project_id": Project, "branch_id": o.branch.id, "action": o.action, "status": o.status(now), "failures_count": 0,
		"created_at": stamp(s, o.created), "updated_at": stamp(s, updated), "total_duration_ms": took.Milliseconds(),
	}
	if o.endpoint != nil {
		out["endpoint_id"] = o.endpoint.id
	}
	return out
}

const region = "aws-us-east-2"

func (e *endpoint) host(pooled bool) string {
	pool := ""
	if pooled {
		pool = "-pooler"
	}
	return e.id + pool + ".us-east-2.aws.neon.tech"
}

func (st *state) showEndpoint(s *world.State, b *branch, e *endpoint) obj {
	o := obj{
		"id": e.id, "host": e.host(false), "project_id": Project, "branch_id": b.id, "region_id": region, "type": e.kind,
		"autoscaling_limit_min_cu": e.min, "autoscaling_limit_max_cu": e.max, "current_state": "idle", "settings": obj{"pg_settings": obj{}},
		"pooler_enabled": false, "pooler_mode": "transaction", "disabled": false, "passwordless_access": true, "creation_source": b.source,
		"created_at": stamp(s, e.created), "updated_at": stamp(s, e.created), "proxy_host": "us-east-2.aws.neon.tech",
		"suspend_timeout_seconds": e.suspend, "provisioner": "k8s-neonvm", "last_active": stamp(s, e.lastActive),
	}
	switch {
	case !st.ready(b, s.Now()):
		o["current_state"], o["pending_state"] = "init", "active"
	case e.busy || s.Now().Sub(e.created) < 5*time.Minute:
		o["current_state"] = "active"
		o["last_active"] = stamp(s, s.Now())
	default:
		o["suspended_at"] = stamp(s, e.lastActive.Add(5*time.Minute))
	}
	return o
}

func (st *state) showEndpoints(s *world.State, b *branch) []obj {
	out := []obj{}
	for _, e := range b.endpoints {
		out = append(out, st.showEndpoint(s, b, e))
	}
	return out
}

const (
	databaseName = "neondb"
	roleName     = "neondb_owner"
)

func showDatabases(s *world.State, b *branch) []obj {
	return []obj{{
		"id": s.Pick(100_000, 9_999_999, "neon-database", b.id), "branch_id": b.id, "name": databaseName, "owner_name": roleName,
		"created_at": stamp(s, b.created), "updated_at": stamp(s, b.created),
	}}
}

func showRoles(s *world.State, b *branch) []obj {
	return []obj{{"branch_id": b.id, "name": roleName, "protected": false, "created_at": stamp(s, b.created), "updated_at": stamp(s, b.created)}}
}

// password opens nothing.
func password(s *world.State, b *branch, role string) string {
	return "npg_" + s.Token(12, "neon-password", b.id, role)
}

// connection is a URI to a host that does not exist.
func connection(s *world.State, b *branch, e *endpoint, database, role string, pooled bool) obj {
	password := password(s, b, role)
	return obj{
		"connection_uri": fmt.Sprintf("postgresql://%s:%s@%s/%s?channel_binding=require&sslmode=require", role, password, e.host(pooled), database),
		"connection_parameters": obj{
			"database": database, "password": password, "role": role, "host": e.host(false), "pooler_host": e.host(true),
		},
	}
}

func cursor(offset int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"o":` + strconv.Itoa(offset) + `}`))
}

// cut is one page of a list; next is "" on the last one.
func cut[T any](c *wire.Call, all []T, fallback int64) (page []T, next string, err error) {
	offset := 0
	if text := c.Str("cursor"); text != "" {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		digits, isOurs := strings.CutPrefix(strings.TrimSuffix(string(raw), "}"), `{"o":`)
		n, atoi := strconv.Atoi(digits)
		if err != nil || !isOurs || atoi != nil || n < 0 {
			return nil, "", wire.Refuse(wire.BadRequest, "invalid cursor")
		}
		offset = n
	}
	from := min(len(all), offset)
	to := min(len(all), from+int(c.Int("limit", fallback)))
	if to < len(all) {
		next = cursor(to)
	}
	return all[from:to], next, nil
}
