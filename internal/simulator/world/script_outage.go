package world

import "time"

// providerOutage takes the providers away one after the other, then all.
func providerOutage() script {
	beats := []beat{}
	at := 10 * time.Second
	for _, f := range []Fault{
		{Provider: "vercel", Preset: "error_503"},
		{Provider: "github", Preset: "rate_limited"},
		{Provider: "sentry", Preset: "hang"},
		{Provider: "cloudflare", Preset: "error_500"},
		{Provider: "neon", Preset: "reset"},
		{Preset: "error_503"},
	} {
		beats = append(beats, beat{at, func(s *scene) { s.spoil(f) }})
		at += 90 * time.Second
	}
	beats = append(beats, beat{at, (*scene).calm})
	return script{does: "one provider after the other fails for 90 s, then all at once, then they come back", beats: beats}
}
