// Package config reads the configuration: a strict YAML file, or the
// environment variables alone. It says everything that is wrong with it at
// once, with the line and a caret, and never repeats a value that may be a
// secret.
//
// It must not know any provider: their blocks come as BlockKinds from the
// composition root, and are handed on as they were filled. Nor does it open,
// call or create anything but the files that secrets are read from.
package config

import (
	"log/slog"
	"net/url"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// Config is the whole configuration: the file's shape and what the rooms are
// given. A Config that came from Load or FromEnv has been checked, and what
// was left out holds its default.
type Config struct {
	Listen        string      `yaml:"listen" jsonschema:"description=Address and port of the dashboard and its API.,default=127.0.0.1:4280"`
	MetricsListen string      `yaml:"metrics_listen" jsonschema:"description=Address and port of /metrics. Off when left out."`
	PublicURL     *url.URL    `yaml:"public_url" jsonschema:"description=Where people reach the dashboard. Links in notifications and sign-in links are made of it.,format=uri"`
	Data          string      `yaml:"data" jsonschema:"description=Folder of the embedded database.,default=./envdeck-data"`
	DatabaseURL   secret.Text `yaml:"database_url" jsonschema:"description=A Postgres database instead of the embedded one: postgres://…"`
	RedisURL      secret.Text `yaml:"redis_url" jsonschema:"description=A Redis shared by many replicas and by apps that report their crons in it: rediss://…"`
	MasterKey     secret.Text `yaml:"master_key" jsonschema:"description=What replicas that share a database sign and encrypt with: 32 random bytes in base64. A single process keeps its own beside the embedded database."`
	Log           Log         `yaml:"log"`
	Health        Health      `yaml:"health"`
	Auth          Auth        `yaml:"auth"`
	Projects      []Project   `yaml:"projects" jsonschema:"required,description=The apps. The first one is shown when none is named."`
	Notify        []Notify    `yaml:"notify" jsonschema:"description=Who hears of what."`
	Audit         Audit       `yaml:"audit"`

	// LogLevel is Log.Level as slog knows it.
	LogLevel slog.Level `yaml:"-"`
	// Digest is the SHA-256 of what was read, to tell in the record whether it
	// changed. References to secrets are in it, the secrets are not.
	Digest string `yaml:"-"`
	// Warnings are what is allowed and not wise.
	Warnings []fault.Place `yaml:"-"`
}

// Log is how the process logs.
type Log struct {
	Level string `yaml:"level" jsonschema:"enum=debug,enum=info,enum=warn,enum=error,default=info"`
}

// Health is how the environments are probed.
type Health struct {
	Interval time.Duration `yaml:"interval" jsonschema:"description=Time between two probes of an environment\\, 1s to 1h.,default=1m"`
}

// Auth is how people sign in besides envdeck's own accounts.
type Auth struct {
	OIDC *OIDC `yaml:"oidc" jsonschema:"description=Sign-in through an OpenID Connect provider."`
	// Proxies are our own reverse proxies: their word on a client's address
	// counts.
	Proxies       []string       `yaml:"proxies" jsonschema:"description=Addresses or networks of your own reverse proxies: only their X-Forwarded-For says who the client is."`
	TrustedHeader *TrustedHeader `yaml:"trusted_header" jsonschema:"description=Sign-in by a proxy that has signed people in and names them in headers. Off when left out."`
}

// TrustedHeader is a proxy that says who people are.
type TrustedHeader struct {
	From         []string    `yaml:"from" jsonschema:"required,description=Addresses or networks that the proxy connects from."`
	Secret       secret.Text `yaml:"secret" jsonschema:"required,description=What the proxy has to send along in secret_header: at least 32 characters."`
	SecretHeader string      `yaml:"secret_header" jsonschema:"default=X-Envdeck-Proxy-Secret"`
	UserHeader   string      `yaml:"user_header" jsonschema:"description=Names the person\\, always in the same words.,default=X-Forwarded-User"`
	NameHeader   string      `yaml:"name_header" jsonschema:"description=The person's name for people to read. None when left out."`
	GroupsHeader string      `yaml:"groups_header" jsonschema:"description=The person's groups\\, with commas between them.,default=X-Forwarded-Groups"`
	SuperAdmin   []string    `yaml:"SUPER_ADMIN" jsonschema:"description=Groups whose people may promote and roll back."`
	Admin        []string    `yaml:"ADMIN" jsonschema:"description=Groups whose people may look at everything."`
}

// OIDC is an OpenID Connect provider and which of its groups have which role.
type OIDC struct {
	Issuer       string      `yaml:"issuer" jsonschema:"required,format=uri"`
	ClientID     string      `yaml:"client_id" jsonschema:"required"`
	ClientSecret secret.Text `yaml:"client_secret" jsonschema:"required"`
	RoleClaim    string      `yaml:"role_claim" jsonschema:"description=The claim that holds a person's groups.,default=groups"`
	SuperAdmin   []string    `yaml:"SUPER_ADMIN" jsonschema:"description=Groups whose people may promote and roll back."`
	Admin        []string    `yaml:"ADMIN" jsonschema:"description=Groups whose people may look at everything."`
}

// Project is one app.
type Project struct {
	Name         string       `yaml:"name" jsonschema:"required"`
	Environments Environments `yaml:"environments" jsonschema:"required,description=The app's environments by name\\, in the order in which a build travels through them."`
	Migrations   *Migrations  `yaml:"migrations"`
	Crons        Crons        `yaml:"crons"`
	Release      Release      `yaml:"release"`

	// Providers are the providers' blocks by the name of their kind, each a
	// pointer of the type that the kind's Block answers.
	Providers map[string]any `yaml:"-"`
}

// Environments keep the order of the file.
type Environments []Environment

// Environment is one place the app runs in.
type Environment struct {
	Name    string       `yaml:"-"`
	Kind    catalog.Kind `yaml:"kind" jsonschema:"enum=local,enum=staging,enum=production,description=What it is for. Known by itself for the names dev\\, next\\, staging\\, prod and the like."`
	URL     *url.URL     `yaml:"url" jsonschema:"format=uri,description=Where people reach it."`
	From    Source       `yaml:"from" jsonschema:"description=Which build it shows."`
	Health  string       `yaml:"health" jsonschema:"description=Path of its health endpoint\\, or none when it has none.,default=/api/health?detailed=true"`
	Sentry  string       `yaml:"sentry" jsonschema:"description=Its name in Sentry."`
	Neon    string       `yaml:"neon" jsonschema:"description=Its branch in Neon: name\\, id or glob."`
	Private bool         `yaml:"private" jsonschema:"description=Its address is inside your own network: envdeck may then call private addresses for it."`
}

// Source is which build an environment shows, as it is written: "staged",
// "custom: SLUG" or "branch: NAME", the last two also as a map of one key.
type Source catalog.Source

// Migrations say how the app's database schema moves.
type Migrations struct {
	Tool string `yaml:"tool" jsonschema:"description=What makes them: prisma\\, drizzle\\, goose… Found by the database's tables and the files' names when left out."`
	Dir  string `yaml:"dir" jsonschema:"required,description=Their folder in the repository."`
	// Databases are where to read what has been applied, by environment.
	Databases map[string]secret.Text `yaml:"databases" jsonschema:"description=The database of each environment\\, to read what was applied: postgres://…\\, mysql://… or sqlite:///path"`
}

// Crons say where the schedules come from: a provider, a file of the
// repository, or the list itself. The zero value is nowhere.
type Crons struct {
	Provider string // the name of a block of the project
	File     string // a path in the repository
	Jobs     []CronJob
}

// CronJob is one scheduled job.
type CronJob struct {
	Path     string        `yaml:"path" jsonschema:"required,description=The path that is called."`
	Schedule string        `yaml:"schedule" jsonschema:"required,description=A cron expression."`
	Timezone string        `yaml:"timezone" jsonschema:"description=IANA name such as Europe/London.,default=UTC"`
	Grace    time.Duration `yaml:"grace" jsonschema:"description=How late it may start."`
	MaxRun   time.Duration `yaml:"max_run" jsonschema:"description=How long it may run."`
}

// Release says how a release is watched and what stands behind it.
type Release struct {
	Bake time.Duration `yaml:"bake" jsonschema:"description=How long a release is watched before it counts as good\\, at most 24h.,default=5m"`
	// Fallback is the provider that deploys when the platform cannot, "" when
	// there is none.
	Fallback string `yaml:"fallback" jsonschema:"description=The provider that deploys when the platform refuses for a technical reason: github."`
	Snapshot string `yaml:"snapshot" jsonschema:"enum=on-migrations,enum=always,enum=never,default=on-migrations,description=When a branch of the production database is made before a release."`
	// SnapshotKeep and SnapshotMaxAge say which of those branches stay: so many
	// and no older, but always the newest.
	SnapshotKeep   int           `yaml:"snapshot_keep" jsonschema:"description=How many of those branches are kept\\, 1 to 50. The newest always is.,default=5"`
	SnapshotMaxAge time.Duration `yaml:"snapshot_max_age" jsonschema:"description=How old they may become\\, 1h to 8760h. The newest is kept all the same.,default=336h"`
	// Freeze are the times in which nothing is promoted.
	Freeze []Freeze `yaml:"freeze" json:",omitempty" jsonschema:"description=Times in which nothing is promoted. Rollbacks go on."`
	// UnknownSchema is what happens to a bad release when nobody can tell whether
	// the one before it runs on the schema.
	UnknownSchema string `yaml:"unknown_schema" jsonschema:"enum=ask,enum=roll_back,default=ask,description=What envdeck does with a bad release when it has a migration of which nobody can tell whether the release before it survives: ask a person\\, or go back all the same. Below the schema's floor it always asks."`
	// Workers go back with a release.
	Workers []string `yaml:"workers" json:",omitempty" jsonschema:"description=The Workers that belong to releases\\, by the names of cloudflare.workers: what they serve is written down before a release is switched\\, and they go back to it when the release is taken back."`
	// ReportTo is the provider that is told of every deploy, "" for none.
	ReportTo string `yaml:"report_to" json:",omitempty" jsonschema:"enum=sentry,description=The provider that is told which commit went where\\, after each release and rollback: sentry. Its token needs the scope project:releases then."`
	// Approval is nil when releases need none.
	Approval *Approval `yaml:"approval" json:",omitempty" jsonschema:"description=Releases need somebody's approval of exactly what they change. Write approval: {} for the defaults."`
}

// Freeze is a time in which nothing is promoted: on days of the week, between
// two dates, or on days between two dates.
type Freeze struct {
	Days   []string `yaml:"days" json:",omitempty" jsonschema:"description=Days of the week: mon\\, tue… or mon-fri. Left out: every day from start to end."`
	From   string   `yaml:"from" json:",omitempty" jsonschema:"description=When it begins on each day: 16:00.,default=00:00,pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$"`
	To     string   `yaml:"to" json:",omitempty" jsonschema:"description=When it ends. A time that is not later than from is on the day after.,default=24:00,pattern=^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"`
	Start  string   `yaml:"start" json:",omitempty" jsonschema:"description=The first day: 2026-12-20.,format=date"`
	End    string   `yaml:"end" json:",omitempty" jsonschema:"description=The last day\\, which belongs to it.,format=date"`
	Zone   string   `yaml:"zone" json:",omitempty" jsonschema:"description=The time zone of days and times\\, by its IANA name.,default=UTC"`
	Reason string   `yaml:"reason" json:",omitempty" jsonschema:"required,description=Why\\, for whoever meets it."`
}

// Approval says how releases are approved.
type Approval struct {
	Expires   time.Duration `yaml:"expires" jsonschema:"description=How long a request can be approved and an approval be used\\, at most 168h.,default=24h"`
	SoloAfter time.Duration `yaml:"solo_after" jsonschema:"description=How long somebody who is alone waits before they may approve their own request\\, at most 24h.,default=10m"`
}

// Audit is how the record of who did what leaves the box.
type Audit struct {
	HeadEvery int64 `yaml:"head_every" jsonschema:"description=After how many entries the end of the chain is logged and sent to the receivers of audit.head. It is after each operation\\, too.,default=100"`
}

// Notify is one receiver of notifications.
type Notify struct {
	URL secret.Text `yaml:"url" jsonschema:"required,description=Where to: the address of a webhook (https) or of a notification service such as slack://\\, telegram:// or smtp://."`
	On  []string    `yaml:"on" jsonschema:"required,description=The events: release.failed\\, cron.missed\\, health.* … and audit.head for the end of the audit chain."`
	// Private and Secret are for webhooks.
	Private bool        `yaml:"private" jsonschema:"description=The webhook is inside your own network: envdeck may then call private addresses for it."`
	Secret  secret.Text `yaml:"secret" jsonschema:"description=Signs what the webhook is sent (header Envdeck-Signature)."`
}

// Catalog is the projects and their environments, as every room knows them.
func (c Config) Catalog() catalog.Catalog {
	all := make(catalog.Catalog, 0, len(c.Projects))
	for _, p := range c.Projects {
		project := catalog.Project{Name: p.Name}
		for _, e := range p.Environments {
			env := catalog.Environment{
				Name: e.Name, Kind: e.Kind, URL: e.URL, From: catalog.Source(e.From), Sentry: e.Sentry, Neon: e.Neon, Private: e.Private,
			}
			if e.URL != nil && e.Health != noHealth {
				env.Health = e.Health
			}
			project.Environments = append(project.Environments, env)
		}
		all = append(all, project)
	}
	return all
}

// BlockKind is a provider's block under a project.
type BlockKind struct {
	Name string
	// Block answers a pointer to a new, empty block. What it fills is decoded
	// by yaml tags; a block with a Validate() error has it called.
	Block func() any
	// FromEnv fills a block from the well-known environment variables; false
	// when they are not set. It may be nil.
	FromEnv func(getenv func(string) string) (block any, ok bool)
}
