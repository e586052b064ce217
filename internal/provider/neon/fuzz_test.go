package neon

import (
	"testing"

	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// FuzzAnswers reads anything as every answer: what comes out must be whole, and
// an end must be one of Neon's ends.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"branches":[{"id":"br-1","name":"main","current_state":"ready","created_at":"2026-01-01T00:00:00Z","logical_size":-3}],"annotations":{"br-1":{"value":{"a":"b","c":3}}},"pagination":{"next":"x"}}`))
	f.Add([]byte(`{"branch":{"id":"br-1","name":"n","current_state":"melting","created_at":"2026-01-01T00:00:00Z","parent_timestamp":"","expires_at":null},"operations":[{"id":"o","status":"finished"}],"connection_uris":[{"connection_uri":"postgresql://u:p@h/d"}]}`))
	f.Add([]byte(`{"branches":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if w, err := outbound.Decode[listWire](body); err == nil {
			for i := range w.Branches {
				b, ok := w.Branches[i].branch(w.Annotations[w.Branches[i].ID])
				if ok && (b.ID == "" || b.Name == "" || b.State == "" || b.CreatedAt.IsZero() || b.Size != nil && *b.Size < 0 || len(b.Notes) > maxNotes) {
					t.Errorf("%+v", b)
				}
			}
		}
		if w, err := outbound.Decode[changeWire](body); err == nil {
			for _, o := range w.Operations {
				if work, ok := o.work(); ok && (work.ID == "" || work.Failed && !work.Ended) {
					t.Errorf("%+v", work)
				}
			}
		}
		_ = code(body)
	})
}
