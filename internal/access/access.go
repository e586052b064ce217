// Package access decides who may do what, and keeps the record of it.
//
// It holds people, tokens, sessions, roles, the one policy table, the Gate
// that every use case passes, and the audit chain. A face asks Authenticate
// who is calling and the Gate whether they may; a feature that writes gives
// the receipt it got from the Gate to its store, which commits the audit entry
// in the same transaction as the act. Without a receipt there is no act.
//
// It must not know HTTP, cookies, pages or SQL: faces translate, and the store
// satisfies the Store interface declared here.
package access

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/hostile"
)

// Role is what a person may do at most.
type Role string

// The roles: an ADMIN sees everything, a SUPER_ADMIN also changes production.
const (
	Admin      Role = "ADMIN"
	SuperAdmin Role = "SUPER_ADMIN"
)

// Roles lists every role, the weaker first.
func Roles() []Role { return []Role{Admin, SuperAdmin} }

// Valid says whether r is a role at all.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Kind is what sort of caller an actor is.
type Kind string

// The kinds. System is envdeck acting by itself (a rollback by rule), Operator
// is the command line working on the database beside it: whoever can read the
// database's files needs no other proof.
const (
	Nobody   Kind = ""
	Person   Kind = "person"
	Machine  Kind = "token"
	System   Kind = "system"
	Operator Kind = "operator"
)

// Scope is what a token is for. The effective right is the scope and the
// owner's current role, whichever allows less.
type Scope string

// The scopes. A session of a person has none.
const (
	API    Scope = "api"    // whatever the owner may do through the JSON API
	Ping   Scope = "ping"   // send pings of cron jobs
	Report Scope = "report" // report cron runs and the state of a working copy
	MCP    Scope = "mcp"    // read through MCP
)

// Scopes lists every scope.
func Scopes() []Scope { return []Scope{API, Ping, Report, MCP} }

// Valid says whether s is a scope of a token.
func (s Scope) Valid() bool { return slices.Contains(Scopes(), s) }

// Face is the door that a request came through, for the record.
type Face string

// The faces.
const (
	FaceWeb  Face = "web"
	FaceAPI  Face = "api"
	FacePing Face = "ping"
	FaceMCP  Face = "mcp"
	FaceCLI  Face = "cli"
)

// Actor is who is asking, as of this request. The zero value is nobody. It is
// passed explicitly, never hidden in a context, so that no use case can be
// called without one.
type Actor struct {
	Kind  Kind
	ID    string // the user's id; of a token, its owner's
	Name  string // the user's name, for people to read
	Role  Role   // the user's role now, not when the token was made
	Scope Scope  // of a token, "" for a session

	TokenID   string // set when a token was shown
	SessionID string // the session's public id, set when a session was shown

	// Method is how the session began: "link", "password", "oidc", "passkey".
	Method string
	// ProvenAt is when the person last proved to be present (signed in, or
	// used their second factor again). Zero for tokens.
	ProvenAt time.Time
	// SecondFactor says that the person has one set up, so that writes from a
	// browser need a recent proof.
	SecondFactor bool

	Face      Face
	Address   string // the client's address, from the faces' proxy rules
	RequestID string
}

// Known says whether the actor is anybody.
func (a Actor) Known() bool { return a.Kind != Nobody }

// BySession says that the actor came with a browser session.
func (a Actor) BySession() bool { return a.SessionID != "" }

// Label names the actor for people: their name, or what they are.
func (a Actor) Label() string {
	switch {
	case a.Name != "":
		return a.Name
	case a.Kind == Nobody:
		return "nobody"
	default:
		return string(a.Kind)
	}
}

// SystemActor is envdeck acting by itself; room is the feature that acts.
func SystemActor(room string) Actor {
	return Actor{Kind: System, ID: "system:" + room, Name: "envdeck (" + room + ")"}
}

// OperatorActor is someone at the command line of the machine that holds the
// database; login is their account on that machine, for the record only.
func OperatorActor(login string) Actor {
	return Actor{Kind: Operator, ID: "operator:" + hostile.Line(login, 64), Name: hostile.Line(login, 64), Face: FaceCLI}
}

// newID makes an id of 130 random bits, which can not be guessed or collide.
func newID(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text()) }
