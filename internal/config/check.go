package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/secret"
)

// The defaults that more than one place names.
const (
	defaultListen = "127.0.0.1:4280"
	defaultData   = "./envdeck-data"
	defaultHealth = "/api/health?detailed=true"
	noHealth      = "none" // health: none
	defaultBake   = 5 * time.Minute

	defaultSnapshots   = 5
	defaultSnapshotAge = 14 * 24 * time.Hour
	defaultSolo        = 10 * time.Minute
	defaultExpiry      = 24 * time.Hour
)

// kindOf is what an environment of a well-known name is for.
var kindOf = map[string]catalog.Kind{
	"dev": catalog.Local, "local": catalog.Local, "development": catalog.Local,
	"next": catalog.Staging, "staging": catalog.Staging, "stage": catalog.Staging, "preview": catalog.Staging, "qa": catalog.Staging,
	"prod": catalog.Production, "production": catalog.Production, "live": catalog.Production,
}

// sentryName is what Vercel's builds call themselves in Sentry.
var sentryName = map[catalog.Kind]string{
	catalog.Local: "development", catalog.Staging: "preview", catalog.Production: "production",
}

// sourceOf is where an environment of a kind has its build from when nothing
// is said.
var sourceOf = map[catalog.Kind]catalog.SourceMode{
	catalog.Local: catalog.FromReport, catalog.Staging: catalog.FromStaged, catalog.Production: catalog.FromLive,
}

// defaults fills in what was left out.
func (c *Config) defaults() {
	c.Listen = cmp.Or(c.Listen, defaultListen)
	c.Data = cmp.Or(c.Data, defaultData)
	c.Log.Level = cmp.Or(c.Log.Level, "info")
	c.Health.Interval = cmp.Or(c.Health.Interval, time.Minute)
	c.Audit.HeadEvery = cmp.Or(c.Audit.HeadEvery, 100)
	if o := c.Auth.OIDC; o != nil {
		o.RoleClaim = cmp.Or(o.RoleClaim, "groups")
	}
	if h := c.Auth.TrustedHeader; h != nil {
		h.SecretHeader = cmp.Or(h.SecretHeader, "X-Envdeck-Proxy-Secret")
		h.UserHeader = cmp.Or(h.UserHeader, "X-Forwarded-User")
		h.GroupsHeader = cmp.Or(h.GroupsHeader, "X-Forwarded-Groups")
	}
	for i := range c.Projects {
		c.Projects[i].defaults()
	}
}

func (p *Project) defaults() {
	p.Release.Snapshot = cmp.Or(p.Release.Snapshot, "on-migrations")
	p.Release.UnknownSchema = cmp.Or(p.Release.UnknownSchema, "ask")
	p.Release.SnapshotKeep = cmp.Or(p.Release.SnapshotKeep, defaultSnapshots)
	p.Release.SnapshotMaxAge = cmp.Or(p.Release.SnapshotMaxAge, defaultSnapshotAge)
	p.Release.Bake = cmp.Or(p.Release.Bake, defaultBake)
	p.Release.defaults()
	_, sentry := p.Providers["sentry"]
	for i := range p.Environments {
		e := &p.Environments[i]
		e.Kind = cmp.Or(e.Kind, kindOf[e.Name])
		e.Health = cmp.Or(e.Health, defaultHealth)
		if e.From.Mode == "" {
			e.From.Mode = sourceOf[e.Kind]
		}
		if sentry {
			e.Sentry = cmp.Or(e.Sentry, sentryName[e.Kind])
		}
	}
	for i := range p.Crons.Jobs {
		p.Crons.Jobs[i].Timezone = cmp.Or(p.Crons.Jobs[i].Timezone, "UTC")
	}
}

// checker notes problems of a configuration that has its defaults.
type checker struct {
	fail func(path, format string, args ...any)
}

func (c *Config) check(fail func(path, format string, args ...any)) {
	k := checker{fail}
	k.address("listen", c.Listen)
	if c.MetricsListen != "" {
		k.address("metrics_listen", c.MetricsListen)
		if c.MetricsListen == c.Listen {
			fail("metrics_listen", "is the same address as listen; metrics have a listener of their own")
		}
	}
	if u := c.PublicURL; u != nil && strings.Trim(u.Path, "/") != "" {
		fail("public_url", "must be the root of a host; envdeck does not serve under a path")
	}
	k.scheme("database_url", c.DatabaseURL, "postgres", "postgresql")
	k.scheme("redis_url", c.RedisURL, "redis", "rediss")
	if c.MasterKey.Set() && len(c.MasterKey.Reveal()) < 32 {
		fail("master_key", "has fewer than 32 characters; make one with: openssl rand -base64 32")
	}
	if err := c.LogLevel.UnmarshalText([]byte(c.Log.Level)); err != nil || !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		fail("log.level", "must be debug, info, warn or error")
	}
	if c.Health.Interval < time.Second || c.Health.Interval > time.Hour {
		fail("health.interval", "must be between 1s and 1h")
	}
	if c.Auth.OIDC != nil {
		k.oidc("auth.oidc", c.Auth.OIDC)
	}
	k.networks("auth.proxies", c.Auth.Proxies)
	if c.Auth.TrustedHeader != nil {
		k.trustedHeader("auth.trusted_header", c.Auth.TrustedHeader)
	}
	if len(c.Projects) == 0 {
		fail("projects", "is missing: name at least one project")
	}
	names := map[string]bool{}
	for i := range c.Projects {
		path := fmt.Sprintf("projects[%d]", i)
		k.project(path, &c.Projects[i])
		if name := strings.ToLower(c.Projects[i].Name); names[name] && name != "" {
			fail(path+".name", "is the name of an earlier project")
		} else {
			names[name] = true
		}
	}
	if c.Audit.HeadEvery < 1 || c.Audit.HeadEvery > 100_000 {
		fail("audit.head_every", "must be between 1 and 100000")
	}
	for i, n := range c.Notify {
		k.notify(fmt.Sprintf("notify[%d]", i), n)
	}
}

// address checks what a listener binds.
func (k checker) address(path, address string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		k.fail(path, "must be an address with a port, such as 127.0.0.1:4280 or :4280")
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		k.fail(path, "must end in a port from 0 to 65535")
	}
}

// scheme checks an address that is a secret, without a word of it.
func (k checker) scheme(path string, t secret.Text, allowed ...string) {
	if !t.Set() {
		return
	}
	u, err := url.Parse(t.Reveal())
	if err != nil || !slices.Contains(allowed, u.Scheme) || u.Host == "" {
		k.fail(path, "must be an address that begins with %s://", strings.Join(allowed, ":// or "))
	}
}

func (k checker) oidc(path string, o *OIDC) {
	u, err := url.Parse(o.Issuer)
	switch {
	case o.Issuer == "":
		k.fail(path+".issuer", "is missing")
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		k.fail(path+".issuer", "must be an https address")
	}
	if o.ClientID == "" {
		k.fail(path+".client_id", "is missing")
	}
	if !o.ClientSecret.Set() {
		k.missing(path + ".client_secret")
	}
	if len(o.SuperAdmin) == 0 && len(o.Admin) == 0 {
		k.fail(path, "gives nobody a role: list groups under SUPER_ADMIN or ADMIN")
	}
}

// headerName is what a header may be called.
var headerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)

func (k checker) trustedHeader(path string, h *TrustedHeader) {
	if len(h.From) == 0 {
		k.missing(path + ".from")
	}
	k.networks(path+".from", h.From)
	switch {
	case !h.Secret.Set():
		k.missing(path + ".secret")
	case len(h.Secret.Reveal()) < 32:
		k.fail(path+".secret", "has fewer than 32 characters; make one with: openssl rand -base64 32")
	}
	names := map[string]bool{}
	for key, name := range map[string]string{"secret_header": h.SecretHeader, "user_header": h.UserHeader, "name_header": h.NameHeader, "groups_header": h.GroupsHeader} {
		switch folded := strings.ToLower(name); {
		case name == "" && key == "name_header":
		case !headerName.MatchString(name):
			k.fail(path+"."+key, "must be the name of a header: letters, digits and hyphens")
		case names[folded]:
			k.fail(path+"."+key, "is the name of another of these headers")
		default:
			names[folded] = true
		}
	}
	if len(h.SuperAdmin) == 0 && len(h.Admin) == 0 {
		k.fail(path, "gives nobody a role: list groups under SUPER_ADMIN or ADMIN")
	}
}

// networks are addresses, or networks that are not everybody.
func (k checker) networks(path string, all []string) {
	for i, text := range all {
		switch n, ok := Network(text); {
		case !ok:
			k.fail(fmt.Sprintf("%s[%d]", path, i), "must be an address or a network such as 10.0.0.5 or 10.0.0.0/24")
		case n.Bits() == 0:
			k.fail(fmt.Sprintf("%s[%d]", path, i), "is the whole internet; name the proxies' own addresses")
		}
	}
}

// Network reads an address or a network; false when the text is neither.
func Network(text string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	n, err := netip.ParsePrefix(text)
	return n.Masked(), err == nil
}

func (k checker) missing(path string) { k.fail(path, "is missing") }

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

var (
	projectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	envName     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
)

func (k checker) project(path string, p *Project) {
	switch {
	case p.Name == "":
		k.fail(path+".name", "the name is missing")
	case !projectName.MatchString(p.Name):
		k.fail(path+".name", "must be letters, digits, dots, dashes and underscores, at most 63, a letter or digit first")
	}
	if len(p.Environments) == 0 {
		k.fail(path+".environments", "the environments are missing")
	}
	var production []string
	for i := range p.Environments {
		e := &p.Environments[i]
		if e.Kind == catalog.Production {
			production = append(production, e.Name)
		}
		k.environment(path+".environments."+e.Name, e)
	}
	switch {
	case len(production) > 1:
		k.fail(path+".environments."+production[1], "is a second production environment beside %s; a project has one", production[0])
	case len(production) == 0 && len(p.Environments) > 0:
		k.fail(path+".environments", "has no production environment; give one of them kind: production")
	}
	k.migrations(path+".migrations", p)
	k.crons(path+".crons", p)
	k.release(path+".release", p)
}

func (k checker) environment(path string, e *Environment) {
	if !envName.MatchString(e.Name) {
		k.fail(path, "an environment's name must be small letters, digits and dashes, at most 32, a letter first")
	}
	switch e.Kind {
	case catalog.Local, catalog.Staging, catalog.Production:
	case "":
		k.fail(path, "needs a kind: local, staging or production")
		return
	default:
		k.fail(path+".kind", "must be local, staging or production")
		return
	}
	if e.URL == nil && e.Kind != catalog.Local {
		k.missing(path + ".url")
	}
	if e.Health != noHealth && (!strings.HasPrefix(e.Health, "/") || strings.HasPrefix(e.Health, "//") || strings.Contains(e.Health, "#")) {
		k.fail(path+".health", "must be a path that begins with one /, or none")
	} else if _, err := url.ParseRequestURI(e.Health); err != nil && e.Health != noHealth {
		k.fail(path+".health", "is not the path of an address")
	}
	want := sourceOf[e.Kind]
	switch e.Kind {
	case catalog.Staging:
		if e.From.Mode != catalog.FromStaged && e.From.Mode != catalog.FromCustom && e.From.Mode != catalog.FromBranch {
			k.fail(path+".from", "%s", fromForms)
		}
	default:
		if e.From.Mode != want {
			k.fail(path+".from", "a %s environment is always from %s; leave it out", e.Kind, want)
		}
	}
}

func (k checker) migrations(path string, p *Project) {
	m := p.Migrations
	if m == nil {
		return
	}
	if m.Dir == "" {
		k.fail(path+".dir", "the folder is missing")
	} else {
		k.repoPath(path+".dir", m.Dir)
	}
	for name, database := range m.Databases {
		at := path + ".databases." + name
		if !p.has(name) {
			k.fail(at, "is no environment of this project")
		}
		if !strings.HasPrefix(database.Reveal(), "sqlite:/") { // a file has no host
			k.scheme(at, database, "postgres", "postgresql", "mysql", "mariadb", "sqlite")
		}
	}
}

func (p *Project) has(environment string) bool {
	return slices.ContainsFunc(p.Environments, func(e Environment) bool { return e.Name == environment })
}

// repoPath checks a path inside the repository.
func (k checker) repoPath(path, value string) {
	if strings.HasPrefix(value, "/") || slices.Contains(strings.Split(value, "/"), "..") || strings.Contains(value, `\`) {
		k.fail(path, "must be a path inside the repository")
	}
}

func (k checker) crons(path string, p *Project) {
	c := p.Crons
	if c.Provider != "" {
		if _, ok := p.Providers[c.Provider]; !ok {
			k.fail(path+".from", "names a provider that the project has no block of")
		}
	}
	if c.File != "" {
		k.repoPath(path+".from", c.File)
	}
	seen := map[[2]string]bool{}
	for i, job := range c.Jobs {
		at := fmt.Sprintf("%s[%d]", path, i)
		if !strings.HasPrefix(job.Path, "/") {
			k.fail(at+".path", "must be the path that is called, from /")
		}
		// What the expression means is for the cron room to say; here it is
		// enough that it may be one.
		if n := len(strings.Fields(job.Schedule)); !strings.HasPrefix(job.Schedule, "@") && (n < 5 || n > 7) {
			k.fail(at+".schedule", "must be a cron expression such as */15 * * * *")
		}
		if _, err := time.LoadLocation(job.Timezone); err != nil || job.Timezone == "Local" {
			k.fail(at+".timezone", "is no time zone; write an IANA name such as Europe/London")
		}
		if key := [2]string{job.Path, job.Schedule}; seen[key] {
			k.fail(at, "is the same job as an earlier one")
		} else {
			seen[key] = true
		}
	}
}

// releaseWorkers checks the names of the Workers that go back with a release,
// as far as a block says which there are.
func (k checker) releaseWorkers(path string, p *Project) {
	seen := map[string]bool{}
	for i, name := range p.Release.Workers {
		at := fmt.Sprintf("%s[%d]", path, i)
		known, named := false, false
		for _, block := range p.Providers {
			if b, ok := block.(interface{ NamesWorker(name string) bool }); ok {
				known, named = true, named || b.NamesWorker(name)
			}
		}
		switch {
		case name == "" || seen[name]:
			k.fail(at, "is empty, or names a Worker that is there already")
		case !known:
			k.fail(at, "names a Worker, and the project has no block of a provider that runs any: add a cloudflare block")
		case !named:
			k.fail(at, "names no Worker of cloudflare.workers")
		}
		seen[name] = true
	}
}

func (k checker) release(path string, p *Project) {
	r := p.Release
	if r.Bake > 24*time.Hour {
		k.fail(path+".bake", "must be at most 24h")
	}
	if r.Fallback != "" {
		if _, ok := p.Providers[r.Fallback]; !ok {
			k.fail(path+".fallback", "names a provider that the project has no block of")
		}
	}
	if r.ReportTo != "" {
		if _, ok := p.Providers[r.ReportTo]; r.ReportTo != "sentry" {
			k.fail(path+".report_to", "must be sentry: nothing else keeps a record of deploys")
		} else if !ok {
			k.fail(path+".report_to", "names a provider that the project has no block of: add a sentry block")
		}
	}
	if !slices.Contains([]string{"on-migrations", "always", "never"}, r.Snapshot) {
		k.fail(path+".snapshot", "must be on-migrations, always or never")
	}
	if !slices.Contains([]string{"ask", "roll_back"}, r.UnknownSchema) {
		k.fail(path+".unknown_schema", "must be ask or roll_back")
	}
	if r.SnapshotKeep < 1 || r.SnapshotKeep > 50 {
		k.fail(path+".snapshot_keep", "must be between 1 and 50")
	}
	if r.SnapshotMaxAge < time.Hour || r.SnapshotMaxAge > 8760*time.Hour {
		k.fail(path+".snapshot_max_age", "must be between 1h and 8760h")
	}
	for i, f := range r.Freeze {
		k.freeze(fmt.Sprintf("%s.freeze[%d]", path, i), f)
	}
	k.releaseWorkers(path+".workers", p)
	if a := r.Approval; a != nil {
		if a.Expires < time.Minute || a.Expires > 7*24*time.Hour {
			k.fail(path+".approval.expires", "must be between 1m and 168h")
		}
		if a.SoloAfter > 24*time.Hour || a.SoloAfter >= a.Expires && a.Expires >= time.Minute {
			k.fail(path+".approval.solo_after", "must be at most 24h, and shorter than expires")
		}
	}
}

// event is a word of a room, a dot and what happened, or all of a room's.
var event = regexp.MustCompile(`^([a-z]+\.([a-z_]+|\*)|\*)$`)

func (k checker) notify(path string, n Notify) {
	if !n.URL.Set() {
		k.missing(path + ".url")
	}
	if len(n.On) == 0 {
		k.fail(path+".on", "the events are missing: list what this receiver hears of")
	}
	for i, on := range n.On {
		if !event.MatchString(on) {
			k.fail(fmt.Sprintf("%s.on[%d]", path, i), "must be an event such as release.failed")
		}
	}
}
