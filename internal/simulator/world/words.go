package world

// The words commits are made of: what a small team that builds an app with AI
// writes in a month and a half.

var scopes = []string{
	"pulse", "credits", "workspace", "auth", "mcp", "bazaar", "create", "tracking", "orbit", "allocator",
	"boxes", "agents", "api", "ui", "db", "email", "seo", "audio", "canvas", "sandbox",
}

var features = []string{
	"add %s to the %s page", "show %s in the %s panel", "let members export %s from %s",
	"stream %s while %s loads", "remember %s per %s", "allow %s in %s webhooks",
}

var fixes = []string{
	"stop %s from flickering on %s", "do not lose %s when %s times out", "count %s once per %s",
	"close the %s leak in %s", "retry %s when %s answers 503", "escape %s in %s titles",
}

var chores = []string{
	"move %s out of %s", "type %s in %s", "cover %s with tests for %s", "drop the old %s from %s", "speed up %s for %s",
}

var things = []string{
	"usage charts", "invoice lines", "avatars", "draft posts", "session tokens", "error toasts", "image variants",
	"A/B buckets", "audit rows", "tag filters", "job retries", "voice tracks", "redirects", "cron results", "cache keys",
}

var places = []string{
	"the workspace", "settings", "the pulse", "checkout", "the gallery", "onboarding", "the admin", "the editor",
	"the allocator", "the marketplace", "sign-in", "the feed",
}

var directTitles = []string{
	"chore: bump dependencies", "fix: typo in the pricing copy", "chore: update snapshots", "docs: explain local setup",
	"ci: cache Playwright browsers", "style: run prettier", "fix: null check in tracking", "chore: raise function memory",
	"test: quarantine the flaky upload test", "fix: wrong og:image on the blog", "chore: rotate the preview secret",
	"fix: keep the scroll position in the feed", "docs: note the Neon branch names", "ci: run lint before the build",
}

var migrationNames = []string{
	"init", "add_workspaces", "add_credits", "add_social_accounts", "add_scheduled_posts", "add_pulse_metrics",
	"add_agent_tokens", "add_tracking_events", "index_tracking_by_day", "add_bazaar_listings", "add_sandboxes",
	"add_audit_log", "add_email_preferences",
}

var laterMigrations = []string{
	"add_allocator_decisions", "index_posts_by_workspace", "add_credit_resets", "rename_pulse_window",
	"add_error_fingerprints",
}
