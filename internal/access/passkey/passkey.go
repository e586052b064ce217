// Package passkey runs the WebAuthn ceremonies: registering a passkey, signing
// in with one, and proving presence before a write.
//
// Every passkey verifies its user (a finger, a face, a PIN), so one is both
// factors. The package speaks WebAuthn; accounts and sessions belong to
// access. It must not know pages: options go out and answers come in as the
// JSON that browsers make of them.
package passkey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// Passkeys runs the ceremonies of one site.
type Passkeys struct {
	web     *webauthn.WebAuthn
	control *access.Control
}

// New makes the ceremonies for the site at publicURL. Invalid when browsers
// would refuse passkeys there: an address of numbers, or plain http on anything
// but localhost.
func New(publicURL *url.URL, control *access.Control) (*Passkeys, error) {
	host := publicURL.Hostname()
	if host == "" || net.ParseIP(host) != nil || publicURL.Scheme != "https" && host != "localhost" {
		return nil, fault.New(fault.Invalid, "Passkeys need public_url to be an https address with a host name (or localhost): browsers refuse them elsewhere.")
	}
	web, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "envdeck", RPOrigins: []string{publicURL.Scheme + "://" + publicURL.Host},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "Passkeys can not be used with this public_url.")
	}
	return &Passkeys{web: web, control: control}, nil
}

// The ceremonies, so that an answer to one is no answer to another.
const (
	registering = "passkey-register"
	signingIn   = "passkey-sign-in"
	proving     = "passkey-prove"
)

// owner is a user as the library wants one.
type owner struct {
	user        access.User
	credentials []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return []byte(o.user.ID) }
func (o owner) WebAuthnName() string                       { return o.user.Subject }
func (o owner) WebAuthnDisplayName() string                { return o.user.Name }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

func (p *Passkeys) owner(ctx context.Context, user string) (owner, error) {
	u, keys, err := p.control.PasskeysOf(ctx, user)
	if err != nil {
		return owner{}, err
	}
	o := owner{user: u}
	for _, k := range keys {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(k.Credential), &c); err != nil {
			return owner{}, fault.Wrap(fault.Internal, err, "A stored passkey can not be read.")
		}
		o.credentials = append(o.credentials, c)
	}
	return o, nil
}

// begun is what is kept of a ceremony while the browser asks its user.
type begun struct {
	User    string               `json:"user,omitempty"`
	Session webauthn.SessionData `json:"session"`
}

// start keeps the ceremony and answers the options for the browser with the
// value of the cookie that binds it.
func (p *Passkeys) start(ctx context.Context, kind, user string, options any, s *webauthn.SessionData) (json.RawMessage, secret.Text, error) {
	raw, err := json.Marshal(options)
	if err != nil {
		return nil, secret.Text{}, fault.Wrap(fault.Internal, err, "The passkey could not be asked for.")
	}
	cookie, err := p.control.BeginFlow(ctx, kind, begun{User: user, Session: *s})
	return raw, cookie, err
}

// BeginRegister answers the options of navigator.credentials.create.
func (p *Passkeys) BeginRegister(ctx context.Context, a access.Actor) (json.RawMessage, secret.Text, error) {
	if err := p.control.MayAddPasskey(ctx, a); err != nil {
		return nil, secret.Text{}, err
	}
	o, err := p.owner(ctx, a.ID)
	if err != nil {
		return nil, secret.Text{}, err
	}
	options, s, err := p.web.BeginRegistration(o, webauthn.WithExclusions(webauthn.Credentials(o.credentials).CredentialDescriptors()))
	if err != nil {
		return nil, secret.Text{}, fault.Wrap(fault.Internal, err, "The passkey could not be asked for.")
	}
	return p.start(ctx, registering, a.ID, options, s)
}

// FinishRegister takes the browser's answer and registers the passkey.
func (p *Passkeys) FinishRegister(ctx context.Context, a access.Actor, cookie, name string, answer []byte) error {
	var b begun
	if err := p.control.FinishFlow(ctx, registering, cookie, &b); err != nil {
		return err
	}
	if b.User != a.ID {
		return fault.New(fault.Denied, "This registration was begun by somebody else.")
	}
	o, err := p.owner(ctx, a.ID)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return p.refused(ctx, a, access.Visit{}, err)
	}
	c, err := p.web.CreateCredential(o, b.Session, parsed)
	if err != nil {
		return p.refused(ctx, a, access.Visit{}, err)
	}
	key, err := stored(a.ID, c)
	if err != nil {
		return err
	}
	key.Name = name
	return p.control.AddPasskey(ctx, a, key)
}

// BeginSignIn answers the options of navigator.credentials.get for whoever
// comes: the passkey says who that is.
func (p *Passkeys) BeginSignIn(ctx context.Context) (json.RawMessage, secret.Text, error) {
	options, s, err := p.web.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, secret.Text{}, fault.Wrap(fault.Internal, err, "The passkey could not be asked for.")
	}
	return p.start(ctx, signingIn, "", options, s)
}

// FinishSignIn takes the browser's answer and begins a session.
func (p *Passkeys) FinishSignIn(ctx context.Context, cookie string, answer []byte, v access.Visit) (access.SignedIn, error) {
	var b begun
	if err := p.control.FinishFlow(ctx, signingIn, cookie, &b); err != nil {
		return access.SignedIn{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return access.SignedIn{}, p.refused(ctx, access.Actor{}, v, err)
	}
	found, c, err := p.web.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		return p.owner(ctx, string(handle))
	}, b.Session, parsed)
	if err != nil {
		return access.SignedIn{}, p.refused(ctx, access.Actor{}, v, err)
	}
	key, err := p.used(ctx, string(found.WebAuthnID()), c, access.Actor{}, v)
	if err != nil {
		return access.SignedIn{}, err
	}
	return p.control.SignInByPasskey(ctx, key, v)
}

// BeginProve answers the options of navigator.credentials.get for the actor's
// own passkeys.
func (p *Passkeys) BeginProve(ctx context.Context, a access.Actor) (json.RawMessage, secret.Text, error) {
	if !a.BySession() {
		return nil, secret.Text{}, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	o, err := p.owner(ctx, a.ID)
	if err != nil {
		return nil, secret.Text{}, err
	}
	if len(o.credentials) == 0 {
		return nil, secret.Text{}, fault.New(fault.Conflict, "You have no passkey. Register one in the settings.")
	}
	options, s, err := p.web.BeginLogin(o, webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, secret.Text{}, fault.Wrap(fault.Internal, err, "The passkey could not be asked for.")
	}
	return p.start(ctx, proving, a.ID, options, s)
}

// FinishProve takes the browser's answer and renews the proof of presence; the
// session gets a new cookie.
func (p *Passkeys) FinishProve(ctx context.Context, a access.Actor, cookie string, answer []byte, v access.Visit) (access.SignedIn, error) {
	var b begun
	if err := p.control.FinishFlow(ctx, proving, cookie, &b); err != nil {
		return access.SignedIn{}, err
	}
	if b.User != a.ID {
		return access.SignedIn{}, fault.New(fault.Denied, "This confirmation was begun by somebody else.")
	}
	o, err := p.owner(ctx, a.ID)
	if err != nil {
		return access.SignedIn{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return access.SignedIn{}, p.refused(ctx, a, v, err)
	}
	c, err := p.web.ValidateLogin(o, b.Session, parsed)
	if err != nil {
		return access.SignedIn{}, p.refused(ctx, a, v, err)
	}
	key, err := p.used(ctx, a.ID, c, a, v)
	if err != nil {
		return access.SignedIn{}, err
	}
	return p.control.ProveByPasskey(ctx, a, key, v)
}

// used is the passkey after a use. A counter that went back means that there
// are two of a key that can not be copied.
func (p *Passkeys) used(ctx context.Context, user string, c *webauthn.Credential, a access.Actor, v access.Visit) (access.Passkey, error) {
	if c.Authenticator.CloneWarning {
		return access.Passkey{}, p.refused(ctx, a, v, errors.New("passkey: the counter went back"))
	}
	return stored(user, c)
}

func stored(user string, c *webauthn.Credential) (access.Passkey, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return access.Passkey{}, fault.Wrap(fault.Internal, err, "The passkey can not be kept.")
	}
	return access.Passkey{ID: base64.RawURLEncoding.EncodeToString(c.ID), UserID: user, Credential: string(raw)}, nil
}

// refused has one text for every reason; the reason is for the log.
func (p *Passkeys) refused(ctx context.Context, a access.Actor, v access.Visit, err error) error {
	if fault.Is(err, fault.Unavailable) {
		return err
	}
	p.control.RefusedPasskey(ctx, a, v)
	return fault.Wrap(fault.Unauthenticated, err, "The passkey did not prove who you are. Try again, or sign in another way.")
}
