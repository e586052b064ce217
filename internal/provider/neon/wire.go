package neon

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// The shapes on the wire: only what is used. Connection strings, roles and
// their passwords are not, and so they are never in memory as values.

type branchWire struct {
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	ParentID   string        `json:"parent_id"`
	ParentLSN  string        `json:"parent_lsn"`
	ParentAt   stamp         `json:"parent_timestamp"`
	State      string        `json:"current_state"`
	Pending    string        `json:"pending_state"`
	Size       *int64        `json:"logical_size"`
	Default    bool          `json:"default"`
	Protected  bool          `json:"protected"`
	Source     string        `json:"creation_source"`
	CreatedAt  stamp         `json:"created_at"`
	UpdatedAt  stamp         `json:"updated_at"`
	ExpiresAt  stamp         `json:"expires_at"`
	ResetAt    stamp         `json:"last_reset_at"`
	CreatedBy  createdWire   `json:"created_by"`
	Restricted []refusalWire `json:"restricted_actions"`
}

type createdWire struct {
	Name string `json:"name"`
}

type refusalWire struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

type noteWire struct {
	Value map[string]json.RawMessage `json:"value"`
}

type listWire struct {
	Branches    []branchWire        `json:"branches"`
	Annotations map[string]noteWire `json:"annotations"`
	Pagination  struct {
		Next string `json:"next"`
	} `json:"pagination"`
}

type oneWire struct {
	Branch     *branchWire `json:"branch"`
	Annotation noteWire    `json:"annotation"`
}

type changeWire struct {
	Branch     *branchWire     `json:"branch"`
	Operations []operationWire `json:"operations"`
}

type operationWire struct {
	ID     string `json:"id"`
	Action string `json:"action"`
	Status string `json:"status"`
}

// stamp is a time; nothing at all and "" are the zero one.
type stamp struct{ time.Time }

func (s *stamp) UnmarshalJSON(text []byte) error {
	if string(text) == "null" || string(text) == `""` {
		s.Time = time.Time{}
		return nil
	}
	if err := s.Time.UnmarshalJSON(text); err != nil {
		return err
	}
	s.Time = s.UTC()
	return nil
}

// Bounds of what is kept of an annotation.
const (
	maxNotes = 20
	maxNote  = 500
)

// notes are the annotation's texts; anything else in it is left out.
func (n noteWire) notes() map[string]string {
	var out map[string]string
	for _, key := range slices.Sorted(maps.Keys(n.Value)) {
		var text string
		if len(out) == maxNotes || json.Unmarshal(n.Value[key], &text) != nil || len(key) > maxNote || len(text) > maxNote {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[key] = text
	}
	return out
}

// branch is the wire's branch in our words; false when it lacks what makes it
// one.
func (w *branchWire) branch(n noteWire) (provider.DatabaseBranch, bool) {
	if !outbound.Plain(w.ID, 100) || w.Name == "" || !utf8.ValidString(w.Name) || w.State == "" || w.CreatedAt.IsZero() ||
		w.ParentID != "" && !outbound.Plain(w.ParentID, 100) {
		return provider.DatabaseBranch{}, false
	}
	b := provider.DatabaseBranch{
		ID: w.ID, Name: w.Name, ParentID: w.ParentID, ParentLSN: w.ParentLSN, ParentAt: w.ParentAt.Time, State: w.State, Pending: w.Pending,
		Size: w.Size, Default: w.Default, Protected: w.Protected, Origin: w.Source, Owner: w.CreatedBy.Name,
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time, ExpiresAt: w.ExpiresAt.Time, ResetAt: w.ResetAt.Time, Notes: n.notes(),
	}
	if b.Size != nil && *b.Size < 0 {
		b.Size = nil
	}
	for _, r := range w.Restricted {
		if b.Restricted == nil {
			b.Restricted = map[string]string{}
		}
		b.Restricted[r.Name] = r.Reason
	}
	return b, true
}

// work is an operation in our words. A status that is not known is not an end.
func (w operationWire) work() (provider.BranchWork, bool) {
	if !outbound.Plain(w.ID, 100) || w.Status == "" {
		return provider.BranchWork{}, false
	}
	out := provider.BranchWork{ID: w.ID, Action: w.Action, Status: w.Status}
	switch w.Status {
	case "finished", "skipped":
		out.Ended = true
	case "failed", "error", "cancelled":
		out.Ended, out.Failed = true, true
	}
	return out, true
}
