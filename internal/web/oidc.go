package web

import (
	"context"
	"net/http"
	"net/url"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// OIDCPath is where signing in at the identity provider starts; the way back
// is below it.
const (
	OIDCPath     = "/sign-in/oidc"
	OIDCCallback = OIDCPath + "/callback"
)

// Federation signs people in at an identity provider.
type Federation interface {
	// Begin answers where to send the browser, and what binds it to the flow.
	Begin(ctx context.Context, next string) (address string, cookie secret.Text, err error)
	// Finish takes the query of the way back.
	Finish(ctx context.Context, cookie string, query url.Values, v access.Visit) (in access.SignedIn, next string, err error)
}

const oidcKind = "oidc"

func (s *Web) beginOIDC(w http.ResponseWriter, r *http.Request, _ access.Actor) {
	if s.deps.OIDC == nil {
		s.Problem(w, r, fault.New(fault.NotFound, "No identity provider is configured here."))
		return
	}
	address, cookie, err := s.deps.OIDC.Begin(r.Context(), localPath(r.URL.Query().Get("next")))
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	s.setFlow(w, r, oidcKind, cookie.Reveal())
	w.Header()["Cache-Control"] = []string{"no-store"}
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// finishOIDC is the way back. The flow is over whatever the answer says; one
// that is refused leads to the sign-in page, where it can begin again.
func (s *Web) finishOIDC(w http.ResponseWriter, r *http.Request, _ access.Actor) {
	if s.deps.OIDC == nil {
		s.Problem(w, r, fault.New(fault.NotFound, "No identity provider is configured here."))
		return
	}
	cookie := s.flow(r, oidcKind)
	s.endFlow(w, r, oidcKind)
	in, next, err := s.deps.OIDC.Finish(r.Context(), cookie, r.URL.Query(), s.deps.Door.Visit(w, r))
	if err != nil {
		problem := s.logged(r, err)
		s.drawSignIn(w, r, problem.Kind.Status(), signInView{Next: Home, Problem: ui.Reason(problem.Message)})
		return
	}
	s.deps.Door.SetSession(w, r, in)
	http.Redirect(w, r, localPath(next), http.StatusSeeOther)
}
