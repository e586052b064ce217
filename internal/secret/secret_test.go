package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/envdeck/envdeck/internal/secret"
)

func TestNothingPrintsASecret(t *testing.T) {
	const canary = "canary-5f0a"
	type block struct {
		Token secret.Text
		Ptr   *secret.Text
	}
	// fmt calls no methods on what is not exported.
	type client struct {
		token secret.Text
		block block
		all   map[string]secret.Text
		list  []secret.Text
	}
	s := secret.New(canary)
	b := block{Token: s, Ptr: &s}
	inside := &client{s, b, map[string]secret.Text{"k": s}, []secret.Text{s}}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T%v"} {
		fmt.Fprintf(&out, verb, s)
		fmt.Fprintf(&out, verb, &s)
		fmt.Fprintf(&out, verb, b)
		fmt.Fprintf(&out, verb, []secret.Text{s})
		fmt.Fprintf(&out, verb, inside)
		fmt.Fprintf(&out, verb, *inside)
		fmt.Fprintf(&out, verb, map[string]secret.Text{"k": s})
	}
	fmt.Fprint(&out, s, b, fmt.Errorf("call: %v", s))
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "token", s, "block", b)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "token", s, "block", b)
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		text, err := marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}

	if hex := fmt.Sprintf("%x", canary); strings.Contains(out.String(), canary) || strings.Contains(strings.ToLower(out.String()), hex) {
		t.Errorf("the secret is in the output:\n%s", out.String())
	}
	if s != secret.New(canary) || s == secret.New(canary+"x") || secret.New("") != (secret.Text{}) {
		t.Error("the same secrets are not equal, or different ones are")
	}
	if s.Reveal() != canary || !s.Set() || (secret.Text{}).Set() {
		t.Error("Reveal or Set is wrong")
	}
}
