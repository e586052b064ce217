package access

import (
	"context"
	"time"
)

// LocalIssuer is the issuer of people whose password is kept here.
const LocalIssuer = "local"

// User is a person. People are known by issuer and subject, never by e-mail:
// an address can change hands at the identity provider.
type User struct {
	ID       string
	Issuer   string // LocalIssuer, or the identity provider's issuer URL
	Subject  string // the sign-in name in small letters, or the provider's sub
	Name     string
	Email    string // "" when unknown
	Role     Role
	Disabled bool
	// Password is the argon2id hash in PHC form, "" when there is none.
	Password   string
	CreatedAt  time.Time
	SignedInAt time.Time // zero: never
	// SecondFactor says whether a passkey is registered. The store fills it in.
	SecondFactor bool
}

// Token is a token as it is kept: the text itself is gone after it was shown.
type Token struct {
	ID        string
	Hash      string // hex HMAC-SHA256
	OwnerID   string
	Scope     Scope
	Name      string
	LastFour  string
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	UsedAt    time.Time // zero: never; written at most once a minute
	RevokedAt time.Time // zero: not revoked
}

// Session is a browser's session as it is kept.
type Session struct {
	ID        string // public: names the session in lists and in the audit log
	Hash      string // hex SHA-256 of the cookie's value, which has 256 random bits
	UserID    string
	Method    string
	CreatedAt time.Time
	SeenAt    time.Time // last use by a person; written at most once a minute
	ExpiresAt time.Time // the absolute end
	ProvenAt  time.Time
	Address   string
	Agent     string // what the browser calls itself, cut short
}

// Passkey is a registered passkey. Credential is what the WebAuthn library
// needs to recognise it: a public key and a counter, no secret.
type Passkey struct {
	ID         string // base64url of the credential's id
	UserID     string
	Name       string // what its owner calls it
	Credential string // JSON
	CreatedAt  time.Time
	UsedAt     time.Time // zero: never
}

// Flow is a sign-in at some other place that is under way, between the way out
// and the way back.
type Flow struct {
	Hash      string
	Kind      string // "oidc", "passkey"
	State     string // encrypted
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Claim is an idempotency key as it is kept.
type Claim struct {
	ActorID   string
	Key       string
	BodyHash  string // hex SHA-256
	Answer    string // encrypted; "" while the first request is under way
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Purpose is what a one-use link is for.
type Purpose string

// The purposes.
const (
	SignInLink Purpose = "sign-in"
	SetUpLink  Purpose = "set-up" // make the first SUPER_ADMIN
)

// Link is a one-use link as it is kept.
type Link struct {
	Hash      string
	Purpose   Purpose
	UserID    string // "" for SetUpLink
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // zero: not used
}

// Store keeps people, tokens, sessions, links and the audit log. Each method
// is one transaction; one that takes a Receipt commits its entry with the
// change or changes nothing. Times are kept to the microsecond. Every method
// may fail with Unavailable when the database is busy, full or away.
type Store interface {
	// CreateUser: Conflict when the issuer has the subject already.
	CreateUser(ctx context.Context, u User, r Receipt) error
	// UpdateUser reads the user and how many other enabled SUPER_ADMINs there
	// are, applies change, writes it, and ends all sessions and open links of
	// the user when the role, the password or being disabled changed. No other
	// audited change runs between the read and the write. change must be pure.
	// NotFound without the user.
	UpdateUser(ctx context.Context, id string, r Receipt, change func(u User, others int) (User, error)) (User, error)
	// UserByID, UserBySubject: NotFound.
	UserByID(ctx context.Context, id string) (User, error)
	UserBySubject(ctx context.Context, issuer, subject string) (User, error)
	// ListUsers is every user by name.
	ListUsers(ctx context.Context) ([]User, error)
	// Bootstrap creates users and tokens that belong together. A user whose
	// issuer and subject are there already is kept, and tokens owned by its new
	// id go to it. With onlyEmpty it is a Conflict when there is any user.
	Bootstrap(ctx context.Context, users []User, tokens []Token, onlyEmpty bool, r Receipt) error

	CreateToken(ctx context.Context, t Token, r Receipt) error
	// TokenByHash, TokenByID answer the token with its owner as they are now;
	// NotFound.
	TokenByHash(ctx context.Context, hash string) (Token, User, error)
	TokenByID(ctx context.Context, id string) (Token, User, error)
	// ListTokens is the owner's tokens, or everybody's when owner is "",
	// newest first.
	ListTokens(ctx context.Context, owner string) ([]Token, error)
	// RevokeToken: NotFound, also when owner is not "" and is not its owner.
	RevokeToken(ctx context.Context, id, owner string, at time.Time, r Receipt) error
	TouchToken(ctx context.Context, id string, at time.Time) error

	// CreateSession notes the sign-in on the user, too.
	CreateSession(ctx context.Context, s Session, r Receipt) error
	// RotateSession puts next in the place of the session with the id, which
	// must still be there: NotFound.
	RotateSession(ctx context.Context, id string, next Session, r Receipt) error
	// SessionByHash, SessionByID answer the session with its user as they are
	// now; NotFound. Ends are judged by the caller.
	SessionByHash(ctx context.Context, hash string) (Session, User, error)
	SessionByID(ctx context.Context, id string) (Session, User, error)
	// ListSessions is the user's sessions that end after now, newest first.
	ListSessions(ctx context.Context, user string, now time.Time) ([]Session, error)
	TouchSession(ctx context.Context, id string, at time.Time) error
	// EndSession: NotFound, also when user is not "" and it is not theirs.
	EndSession(ctx context.Context, id, user string, r Receipt) error
	// EndSessions ends every session of the user but the one with the id keep.
	EndSessions(ctx context.Context, user, keep string, r Receipt) (int64, error)

	CreateLink(ctx context.Context, l Link, r Receipt) error
	// RedeemLink uses the sign-in link up and creates the session that begin
	// answers for its user, in one step. NotFound when there is no such link, or
	// it was used or is over at now.
	RedeemLink(ctx context.Context, hash string, now time.Time, begin func(User) (Session, Receipt, error)) (User, error)
	// LinkOpen says whether the link could be used at now, without using it.
	LinkOpen(ctx context.Context, hash string, p Purpose, now time.Time) (bool, error)
	// SetUp uses the set-up link up and creates the first SUPER_ADMIN with a
	// session. NotFound as in RedeemLink, Conflict when there is one already.
	SetUp(ctx context.Context, hash string, now time.Time, u User, s Session, r Receipt) error
	// SuperAdmins is how many enabled ones there are.
	SuperAdmins(ctx context.Context) (int, error)

	// Prune deletes what ended before the time: sessions, links, stored
	// answers, unfinished sign-ins.
	Prune(ctx context.Context, before time.Time) error

	// CreatePasskey: Conflict when the passkey is registered already.
	CreatePasskey(ctx context.Context, p Passkey, r Receipt) error
	// ListPasskeys is the user's passkeys, oldest first.
	ListPasskeys(ctx context.Context, user string) ([]Passkey, error)
	// TouchPasskey keeps the credential as it is after a use.
	TouchPasskey(ctx context.Context, p Passkey) error
	// DeletePasskey: NotFound, also when it is not the user's.
	DeletePasskey(ctx context.Context, id, user string, r Receipt) error

	// CreateFlow keeps a flow, TakeFlow answers it and deletes it in one step:
	// NotFound when it is not there, of another kind, or over at now.
	CreateFlow(ctx context.Context, f Flow) error
	TakeFlow(ctx context.Context, hash, kind string, now time.Time) (Flow, error)

	// ClaimKey remembers that the actor's key belongs to the body, when it is
	// new: claimed. Else it answers what is remembered.
	ClaimKey(ctx context.Context, k Claim) (there Claim, claimed bool, err error)
	// AnswerKey keeps the answer of a claim, ReleaseKey forgets the claim.
	AnswerKey(ctx context.Context, k Claim) error
	ReleaseKey(ctx context.Context, k Claim) error

	// KeyCheck remembers check at the first call and answers what is
	// remembered.
	KeyCheck(ctx context.Context, check string) (string, error)

	AuditStore
}

// AuditStore keeps the audit log.
type AuditStore interface {
	// AppendAudit commits an entry that stands alone: a refusal, a sign-out.
	AppendAudit(ctx context.Context, r Receipt) (Entry, error)
	// AuditEntries answers entries with a seq greater than after, in order.
	AuditEntries(ctx context.Context, after int64, limit int) ([]Entry, error)
	// AuditSearch answers what the filter lets through, newest first.
	AuditSearch(ctx context.Context, f AuditFilter) ([]Entry, error)
	// AuditHead is the last place of the chain; Seq 0 when it is empty.
	AuditHead(ctx context.Context) (Head, error)
	// AuditArchive is the newest archive; Through is 0 when there is none.
	AuditArchive(ctx context.Context) (Archive, error)
	// AuditBefore is the last entry up to which all are older than a time; 0
	// when there is none.
	AuditBefore(ctx context.Context, at time.Time) (int64, error)
	// ArchiveAudit takes the entries of an archive out, and nothing else may.
	ArchiveAudit(ctx context.Context, a Archive, r Receipt) error
}

// AuditFilter narrows a search of the audit log; zero fields let all through.
type AuditFilter struct {
	Actor       string // id or name of a person, or the id of their token
	Action      string // the whole name, or the front of it up to a dot
	Environment string
	Project     string
	Result      Result
	From, To    time.Time // From included, To not
	Before      int64     // only entries with a smaller seq: the cursor
	Limit       int
}

// Head is a place in the chain: everything up to Seq is fixed by Hash.
type Head struct {
	Seq  int64     `json:"seq"`
	Hash string    `json:"hash"`
	At   time.Time `json:"at"`
}
