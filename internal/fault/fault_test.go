package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/fault"
)

func TestEveryKindIsInTheTable(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range fault.Kinds() {
		if k.String() == "" || k.Title() == "" {
			t.Errorf("kind %d has no name or title", k)
		}
		if seen[k.String()] {
			t.Errorf("two kinds are called %q", k)
		}
		seen[k.String()] = true
		if k.Status() < 400 || k.Status() > 599 {
			t.Errorf("%s: HTTP status %d is not an error", k, k.Status())
		}
		if k.ExitCode() < 1 || k.ExitCode() > 125 {
			t.Errorf("%s: exit code %d is not usable", k, k.ExitCode())
		}
	}
}

func TestFromHidesWhatIsNotAFault(t *testing.T) {
	got := fault.From(fmt.Errorf("open /secret/place: %w", io.ErrUnexpectedEOF))
	if got.Kind != fault.Internal || strings.Contains(got.Message, "secret") {
		t.Errorf("From = %v %q, want an internal fault that says nothing of the inside", got.Kind, got.Message)
	}
	if !errors.Is(got, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost for the log")
	}
	if fault.From(nil) != nil {
		t.Error("no error became a fault")
	}
}

func TestKindSurvivesWrapping(t *testing.T) {
	inner := fault.New(fault.Conflict, "a promotion is running")
	err := fmt.Errorf("promote: %w", inner)
	if fault.KindOf(err) != fault.Conflict || !fault.Is(err, fault.Conflict) || fault.From(err) != inner {
		t.Errorf("kind of %v is %s", err, fault.KindOf(err))
	}
	if fault.KindOf(io.EOF) != fault.Internal || fault.Is(io.EOF, fault.Internal) {
		t.Error("a plain error counts as internal but is not a fault")
	}
}
