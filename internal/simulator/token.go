package simulator

import (
	"github.com/envdeck/envdeck/internal/simulator/cloudflare"
	"github.com/envdeck/envdeck/internal/simulator/github"
	"github.com/envdeck/envdeck/internal/simulator/neon"
	"github.com/envdeck/envdeck/internal/simulator/sentry"
	"github.com/envdeck/envdeck/internal/simulator/vercel"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// The simulator's tokens for Vercel: each is a kind of token that the real
// one has. They open nothing but the simulator.
//
//nolint:gosec // pretend tokens
const (
	VercelToken        = "sim_vercel_owner"   // full account, of the team's owner
	VercelTeamToken    = "sim_vercel_team"    // made for the team
	VercelProjectToken = "sim_vercel_project" // made for the project
	VercelViewerToken  = "sim_vercel_viewer"  // may look only
	VercelOutsideToken = "sim_vercel_outside" // of somebody outside the team
	VercelExpiredToken = "sim_vercel_expired"
)

// The tokens for the other providers.
//
//nolint:gosec // pretend tokens
const (
	GitHubToken          = "sim_github_writer"  // reads everything, runs workflows
	GitHubReaderToken    = "sim_github_reader"  // may not run workflows
	GitHubOutsideToken   = "sim_github_outside" // made for another repository
	GitHubExpiredToken   = "sim_github_expired"
	CloudflareToken      = "sim_cloudflare_user"    // a user's
	CloudflareOwnedToken = "sim_cloudflare_account" // the account's own
	CloudflareReadToken  = "sim_cloudflare_reader"  // may look only
	SentryToken          = "sim_sentry_integration" // an internal integration's
	SentryCIToken        = "sim_sentry_ci"          // an organization's, made for CI
	NeonToken            = "sim_neon_project"       // made for the project
	NeonOwnerToken       = "sim_neon_owner"         // a person's
)

// configured are the tokens that Config names.
var configured = map[string]string{
	"vercel": VercelProjectToken, "github": GitHubToken, "cloudflare": CloudflareToken, "sentry": SentryToken, "neon": NeonToken,
}

// also lets a provider's own token, if there is one, do what the usual does.
func also[T any](tokens map[string]T, own map[string]string, provider string) map[string]T {
	if text := own[provider]; text != "" {
		tokens[text] = tokens[configured[provider]]
	}
	return tokens
}

func githubTokens() map[string]github.Token {
	return map[string]github.Token{
		GitHubToken:        {Name: "writer"},
		GitHubReaderToken:  {Name: "reader", ReadOnly: true},
		GitHubOutsideToken: {Name: "outside", Outside: true},
		GitHubExpiredToken: {Name: "expired", Expired: true},
	}
}

func cloudflareTokens() map[string]cloudflare.Token {
	return map[string]cloudflare.Token{
		CloudflareToken:      {Name: "user"},
		CloudflareOwnedToken: {Name: "account", Owned: true},
		CloudflareReadToken: {Name: "reader", Scopes: []string{
			cloudflare.ScriptsRead, cloudflare.RoutesRead, cloudflare.ZoneRead, cloudflare.Analytics, cloudflare.SettingsRead,
		}},
	}
}

func sentryTokens() map[string]sentry.Token {
	return map[string]sentry.Token{
		SentryToken:   {Name: "integration"},
		SentryCIToken: {Name: "ci", Organization: true},
	}
}

func neonTokens() map[string]neon.Token {
	return map[string]neon.Token{
		NeonToken:      {Name: "project", Project: neon.Project},
		NeonOwnerToken: {Name: "owner"},
	}
}

// VercelTokens is what each of them stands for in a world.
func VercelTokens(w *world.World) map[string]vercel.Token {
	var project string
	w.View(func(s *world.State) { project = s.Project.ID })
	return map[string]vercel.Token{
		VercelToken:        {Name: "owner"},
		VercelTeamToken:    {Name: "team", Team: true},
		VercelProjectToken: {Name: "project", Project: project},
		VercelViewerToken:  {Name: "viewer", User: "anjali-rao", Role: "VIEWER"},
		VercelOutsideToken: {Name: "outside", User: "tobias-ek", Outside: true},
		VercelExpiredToken: {Name: "expired", Expired: true},
	}
}
