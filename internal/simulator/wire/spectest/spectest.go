// Package spectest checks the answers of a simulated provider against the
// vendor's own OpenAPI document, where one lies in the folder that the
// environment variable ENVDECK_SPECS names. The documents are the vendors' and
// are not part of this repository; without them the checks are skipped.
package spectest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// Spec is one vendor's document.
type Spec struct{ doc *openapi3.T }

// Load reads a document such as "neon.json"; false when ENVDECK_SPECS names no
// folder with the vendors' documents, which are their own and not kept here.
func Load(t *testing.T, name string) (*Spec, bool) {
	t.Helper()
	dir := os.Getenv("ENVDECK_SPECS")
	if dir == "" {
		t.Log("not compared: ENVDECK_SPECS names no folder with the vendors' OpenAPI documents")
		return nil, false
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return &Spec{doc}, true
}

// Check compares an answer's body with the schema of the operation's response.
// path is the document's path template, or a real path that fits one. A status
// the document does not name is compared with its wider classes.
func (s *Spec) Check(t *testing.T, method, path string, status int, body []byte) {
	t.Helper()
	op := s.find(method, path)
	if op == nil {
		t.Errorf("%s %s is not in the document", method, path)
		return
	}
	response := op.Responses.Value(strconv.Itoa(status))
	for _, wider := range []string{strconv.Itoa(status/100) + "XX", "default"} {
		if response == nil {
			response = op.Responses.Value(wider)
		}
	}
	if response == nil {
		t.Errorf("%s %s: the document knows no answer %d", method, path, status)
		return
	}
	media := response.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return // nothing is promised
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Errorf("%s %s: %v", method, path, err)
		return
	}
	if err := media.Schema.Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsResponse()); err != nil {
		t.Errorf("%s %s (%d) is not as documented: %.2000v", method, path, status, err)
	}
}

// find looks for a template that fits; one with fewer wildcards wins.
func (s *Spec) find(method, path string) *openapi3.Operation {
	path, _, _ = strings.Cut(path, "?")
	var best *openapi3.Operation
	fewest := 1 << 30
	for template, item := range s.doc.Paths.Map() {
		if n, ok := fits(template, path); ok && n < fewest {
			if op := item.GetOperation(method); op != nil {
				best, fewest = op, n
			}
		}
	}
	return best
}

func fits(template, path string) (wildcards int, ok bool) {
	want, got := strings.Split(strings.Trim(template, "/"), "/"), strings.Split(strings.Trim(path, "/"), "/")
	if len(want) != len(got) {
		return 0, false
	}
	for i := range want {
		switch {
		case strings.HasPrefix(want[i], "{"):
			wildcards++
		case want[i] != got[i]:
			return 0, false
		}
	}
	return wildcards, true
}
