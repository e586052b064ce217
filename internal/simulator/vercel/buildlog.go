package vercel

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func eventQuery() []wire.Param {
	bit := []string{"0", "1", ""} // the command line tool sends an empty follow
	return scoped(
		wire.Param{Name: "direction", Type: wire.Enum, OneOf: []string{"backward", "forward"}},
		wire.Param{Name: "follow", Type: wire.Enum, OneOf: bit},
		wire.Param{Name: "limit", Type: wire.Int, Min: -1, Max: 100_000},
		wire.Param{Name: "name", Type: wire.String},
		wire.Param{Name: "since", Type: wire.Millis},
		wire.Param{Name: "until", Type: wire.Millis},
		wire.Param{Name: "statusCode", Type: wire.String},
		wire.Param{Name: "delimiter", Type: wire.Enum, OneOf: bit},
		wire.Param{Name: "builds", Type: wire.Enum, OneOf: bit},
		wire.Param{Name: "format", Type: wire.Enum, OneOf: []string{"lines"}},
	)
}

type logLine struct {
	at         time.Time
	kind, text string
}

// buildLog invents what a build printed up to now.
func buildLog(s *world.State, d *world.Deployment) []logLine {
	if d.BuildingAt.IsZero() {
		return nil
	}
	at := d.BuildingAt
	var out []logLine
	say := func(after time.Duration, kind, format string, args ...any) {
		at = at.Add(after)
		if !at.After(s.Now()) {
			out = append(out, logLine{at, kind, fmt.Sprintf(format, args...)})
		}
	}
	say(0, "stdout", "Running build in Washington, D.C., USA (East) – iad1")
	say(200*time.Millisecond, "stdout", "Cloning github.com/%s (Branch: %s, Commit: %s)", s.Repo.FullName(), d.Branch, d.SHA[:7])
	say(1400*time.Millisecond, "stdout", "Restored build cache from previous deployment")
	say(900*time.Millisecond, "stdout", "Running \"vercel build\"")
	say(1200*time.Millisecond, "stdout", "Installing dependencies...")
	say(6*time.Second, "stdout", "Detected Next.js version: 16.0.3")
	say(300*time.Millisecond, "command", "yarn build")
	say(4*time.Second, "stdout", "✔ Generated Prisma Client (v6.19.0)")
	switch d.State {
	case world.Failed:
		say(18*time.Second, "stderr", "Module not found: Can't resolve 'sharp'")
		say(400*time.Millisecond, "stderr", "Error: %s", d.ErrorMessage)
	case world.Ready:
		say(20*time.Second, "stdout", "✓ Compiled successfully")
		out = append(out, logLine{d.ReadyAt.Add(-2 * time.Second), "stdout", "Build Completed in /vercel/output"}, logLine{d.ReadyAt, "stdout", "Deployment completed"})
	case world.Queued, world.Initializing, world.Building, world.Canceled, world.Blocked:
		say(20*time.Second, "stdout", "✓ Compiled successfully")
	}
	return out
}

// listEvents answers the build log: a JSON list, or with follow or
// format=lines one JSON object per line.
func (f *Face) listEvents(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.View(func(s *world.State) {
		var d *world.Deployment
		if d, err = find(s, granted(c), c.Path("idOrUrl")); err != nil {
			return
		}
		lines := buildLog(s, d)
		if c.Str("direction") == "backward" {
			slices.Reverse(lines)
		}
		since, hasSince := c.Time("since")
		until, hasUntil := c.Time("until")
		limit := int(c.Int("limit", 100))
		items := []obj{}
		for i, line := range lines {
			if hasSince && line.at.Before(since) || hasUntil && line.at.After(until) || limit >= 0 && len(items) >= limit {
				continue
			}
			items = append(items, event(s, d, i, line))
		}
		if c.Str("follow") == "1" || c.Str("format") == "lines" {
			answer = stream(items)
			return
		}
		answer = wire.OK(items)
	})
	return answer, err
}

func event(s *world.State, d *world.Deployment, i int, line logLine) obj {
	id := fmt.Sprintf("%d%06d", ms(s, line.at), i)
	info := obj{"type": "build", "name": "bld_" + strings.TrimPrefix(d.ID, "dpl_")[:9], "entrypoint": "."}
	payload := obj{"deploymentId": d.ID, "id": id, "text": line.text, "date": ms(s, line.at), "serial": id, "created": ms(s, line.at), "info": info}
	return obj{
		"type": line.kind, "created": ms(s, line.at), "date": ms(s, line.at), "deploymentId": d.ID,
		"id": id, "text": line.text, "serial": id, "info": info, "payload": payload,
	}
}

func stream(items []obj) *wire.Answer {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	for _, item := range items {
		_ = enc.Encode(item) // plain values into memory: cannot fail
	}
	return wire.Raw(200, "application/stream+json", []byte(b.String()))
}

// listBuilds answers the one build a Next.js deployment has.
func (f *Face) listBuilds(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.View(func(s *world.State) {
		var d *world.Deployment
		if d, err = find(s, granted(c), c.Path("id")); err != nil {
			return
		}
		build := obj{
			"id": "bld_" + strings.TrimPrefix(d.ID, "dpl_")[:9], "deploymentId": d.ID, "entrypoint": ".", "use": "@vercel/next",
			"readyState": d.State, "createdAt": ms(s, d.CreatedAt), "createdIn": "iad1", "output": []any{},
			"scheduledAt": orNull(s, d.BuildingAt), "readyStateAt": orNull(s, d.ReadyAt),
		}
		if d.State == world.Ready {
			build["output"] = []obj{{"type": "lambda", "path": "api/health", "digest": s.Hex(64, "lambda", d.ID), "mode": 33188, "size": 1843221, "lambda": obj{"functionName": "api/health", "deployedTo": []string{"iad1"}}}}
		}
		answer = wire.OK(obj{"builds": []obj{build}})
	})
	return answer, err
}
