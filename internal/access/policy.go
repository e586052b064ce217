package access

import "slices"

// UseCase is one thing that can be asked of envdeck. Every route of every face
// stands for exactly one.
type UseCase uint8

// The use cases. The zero value is none, and is always refused.
const (
	None UseCase = iota

	// Open to everybody.
	PublicHealth // the plain health answer
	SignIn       // the sign-in and set-up pages and forms
	SnoozeByLink // silence one incident, with the signed link of a message

	// Reading.
	ViewStatus
	ViewDeployments
	ViewOperations
	Compare
	ViewCrons
	ViewWorkers
	ViewDatabase
	ViewIncidents
	ViewHealth // the detailed health answer
	ViewUsage
	ViewEvents
	ViewDocs
	ViewAudit
	ExportAudit
	ViewUsers

	// One's own affairs.
	ManageOwnSessions
	ManageOwnTokens
	ManageOwnAccount // password and passkeys

	// Changing things.
	Promote
	Rollback
	Deploy
	CancelOperation
	ApproveOperation
	ManageHolds // locks, freezes, resuming automatic deployments
	RunCron
	ManageCrons // silence, and other settings of a job
	ManageBranches
	RollbackWorker
	ManageIncidents
	ManageUsers
	ManageTokens // of anybody

	// What machines send.
	SendPing
	ReportCron
	ReportDev

	// What envdeck and its operator do on their own.
	Automate
	Operate

	useCases // how many there are
)

// rule is one row of the policy: who may, and how it is recorded.
type rule struct {
	name   string  // in the audit log and in refusals
	open   bool    // nobody may, too
	roles  []Role  // people, and api or mcp tokens of people, with one of these roles
	scopes []Scope // tokens with one of these scopes; sessions need only the role
	only   Scope   // tokens of this scope alone, whatever the owner's role
	system bool    // envdeck itself may
	write  bool    // it changes something: an audit entry lands with it
}

// The sets that the rows use.
var (
	viewers  = []Role{Admin, SuperAdmin}
	changers = []Role{SuperAdmin}
	reading  = []Scope{API, MCP}
	acting   = []Scope{API}
	browser  = []Scope{}
)

// policy is the one table: what is not allowed here is refused.
var policy = [useCases]rule{
	PublicHealth: {name: "health.public", open: true},
	SignIn:       {name: "session.sign_in", open: true, write: true},
	SnoozeByLink: {name: "incident.link", open: true, write: true},

	ViewStatus:      {name: "status.view", roles: viewers, scopes: reading},
	ViewDeployments: {name: "deployments.view", roles: viewers, scopes: reading},
	ViewOperations:  {name: "operations.view", roles: viewers, scopes: reading},
	Compare:         {name: "compare.view", roles: viewers, scopes: reading},
	ViewCrons:       {name: "crons.view", roles: viewers, scopes: reading},
	ViewWorkers:     {name: "workers.view", roles: viewers, scopes: reading},
	ViewDatabase:    {name: "database.view", roles: viewers, scopes: reading},
	ViewIncidents:   {name: "incidents.view", roles: viewers, scopes: reading},
	ViewHealth:      {name: "health.view", roles: viewers, scopes: reading},
	ViewUsage:       {name: "usage.view", roles: viewers, scopes: reading},
	ViewEvents:      {name: "events.view", roles: viewers, scopes: reading},
	ViewDocs:        {name: "docs.view", roles: viewers, scopes: acting},
	ViewAudit:       {name: "audit.view", roles: viewers, scopes: acting},
	ExportAudit:     {name: "audit.export", roles: viewers, scopes: acting, write: true},
	ViewUsers:       {name: "users.view", roles: changers, scopes: acting},

	ManageOwnSessions: {name: "session.own", roles: viewers, scopes: browser, write: true},
	ManageOwnTokens:   {name: "token.own", roles: viewers, scopes: acting, write: true},
	ManageOwnAccount:  {name: "account.own", roles: viewers, scopes: browser, write: true},

	Promote:          {name: "release.promote", roles: changers, scopes: acting, write: true},
	Rollback:         {name: "release.rollback", roles: changers, scopes: acting, system: true, write: true},
	Deploy:           {name: "release.deploy", roles: changers, scopes: acting, write: true},
	CancelOperation:  {name: "release.cancel", roles: changers, scopes: acting, write: true},
	ApproveOperation: {name: "release.approve", roles: changers, scopes: acting, write: true},
	ManageHolds:      {name: "release.hold", roles: changers, scopes: acting, write: true},
	RunCron:          {name: "cron.run", roles: changers, scopes: acting, write: true},
	ManageCrons:      {name: "cron.manage", roles: changers, scopes: acting, write: true},
	ManageBranches:   {name: "database.branch", roles: changers, scopes: acting, system: true, write: true},
	RollbackWorker:   {name: "worker.rollback", roles: changers, scopes: acting, write: true},
	ManageIncidents:  {name: "incident.manage", roles: changers, scopes: acting, system: true, write: true},
	ManageUsers:      {name: "user.manage", roles: changers, scopes: acting, write: true},
	ManageTokens:     {name: "token.manage", roles: changers, scopes: acting, write: true},

	// Pings and reports are many and of low right: they are kept as runs and
	// reports, not as audit entries.
	SendPing:   {name: "ping.send", only: Ping},
	ReportCron: {name: "cron.report", only: Report},
	ReportDev:  {name: "dev.report", only: Report},

	Automate: {name: "system.act", system: true, write: true},
	Operate:  {name: "operator.act", system: true, write: true},
}

// UseCases lists every use case, for tables that must cover them all.
func UseCases() []UseCase {
	all := make([]UseCase, 0, useCases-1)
	for u := None + 1; u < useCases; u++ {
		all = append(all, u)
	}
	return all
}

// String is the use case's name in the audit log.
func (u UseCase) String() string {
	if u == None || u >= useCases {
		return "none"
	}
	return policy[u].name
}

// Writes says whether the use case changes something, so that an audit entry
// must be committed together with the act.
func (u UseCase) Writes() bool { return u < useCases && policy[u].write }

// Open says whether the use case asks for no identity at all.
func (u UseCase) Open() bool { return u < useCases && policy[u].open }

// Permits says whether the policy alone lets the actor do it. The Gate asks
// this; pages may ask it to explain a disabled button beforehand.
func Permits(a Actor, u UseCase) bool {
	if u == None || u >= useCases {
		return false
	}
	r := &policy[u]
	if r.open {
		return true
	}
	switch a.Kind {
	case Person:
		return a.SessionID != "" && r.only == "" && slices.Contains(r.roles, a.Role)
	case Machine:
		if r.only != "" {
			return a.Scope == r.only && a.Role.Valid()
		}
		return slices.Contains(r.scopes, a.Scope) && slices.Contains(r.roles, a.Role) && (a.Scope != MCP || !r.write)
	case System:
		return r.system
	case Operator:
		// Whoever holds the database's files holds everything already; what
		// they do through the command line is at least recorded.
		return r.only == ""
	default:
		return false
	}
}
