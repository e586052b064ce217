package app

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/world"
)

// promoting are the scripts that want a person to promote what they stage, or
// what is staged already. In a demo nobody need touch anything: it presses the
// button itself, as a person does, by the API.
var promoting = []string{"good-promotion", "bad-build", "rollback-outage", "lost-answer"}

// How the demo's person behaves.
const (
	looksEvery  = time.Second
	readsFor    = 8 * time.Second // between seeing a build and promoting it
	pressAtMost = 20              // times, should it be refused
)

// staged is the newest build that could go live, "" when it is live already.
func (d *Demo) staged() (id string) {
	d.simulation.World().View(func(s *world.State) {
		if n := s.NewestStaged(); n != nil && n != s.Live() {
			id = n.ID
		}
	})
	return id
}

// press promotes the build that a script stages as soon as it is there, until
// the context ends. before is what was staged when the script began.
func (d *Demo) press(ctx context.Context, before string) {
	if !slices.Contains(promoting, d.script) {
		return
	}
	if d.script == "lost-answer" {
		before = "" // it stages nothing of its own
	}
	c := d.app.o.Clock
	for d.staged() == "" || d.staged() == before {
		if c.Sleep(ctx, looksEvery) != nil {
			return
		}
	}
	for range pressAtMost {
		if c.Sleep(ctx, readsFor) != nil || d.promote(ctx, d.staged()) {
			return
		}
	}
}

// promote asks the server as the demo's SUPER_ADMIN; false when it refuses.
func (d *Demo) promote(ctx context.Context, deployment string) bool {
	body, err := json.Marshal(map[string]string{"deploymentId": deployment, "reason": "the demo's script " + d.script})
	if err != nil { // a map of strings always encodes
		panic(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL()+"/api/admin/environments/promote", bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Authorization", "Bearer "+d.Tokens.SuperAdmin.Reveal())
	r.Header.Set("Content-Type", "application/json")
	answer, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusAccepted || answer.StatusCode == http.StatusOK
}
