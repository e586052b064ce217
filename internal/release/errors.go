package release

import (
	"errors"
	"fmt"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/lease"
)

// ErrLost says that somebody else drives the operation now.
var ErrLost = lease.ErrLost

// ErrOrdered says that an order came before a change was made.
var ErrOrdered = errors.New("release: there is an order")

// Busy is the cause of a Conflict: the operation that is live.
type Busy struct{ ID string }

func (b *Busy) Error() string { return "operation " + b.ID + " is live" }

// BusyFault is the Conflict for an environment that is being released to.
func BusyFault(id, environment string) error {
	return fault.Wrap(fault.Conflict, &Busy{id}, "Another operation is running on %s: %s. Watch it at /admin/environments/operations/%s, and try again when it has ended.", environment, id, id)
}

// No is the cause of a refusal by a rule.
type No struct{ Cause Cause }

func (n *No) Error() string { return "refused: " + string(n.Cause) }

// refusal is a rule's no, before anything was done.
type refusal struct {
	cause   Cause
	message string
}

func no(c Cause, format string, args ...any) *refusal {
	return &refusal{c, fmt.Sprintf(format, args...)}
}

// fault is the refusal as a face shows it.
func (r *refusal) fault() error {
	kind := fault.Conflict
	switch r.cause {
	case CauseNoReason, CausePreview, CauseWrongInput, CauseWasLive, CauseNeverLive:
		kind = fault.Invalid
	case CauseNotFound:
		kind = fault.NotFound
	case CauseUnsupported:
		kind = fault.Unsupported
	}
	return fault.Wrap(kind, &No{r.cause}, "%s", r.message)
}

// sentence is a fault's message as a whole sentence, to be put before others.
func sentence(err error) string {
	text := fault.From(err).Message
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}
