package health_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/envdeck/envdeck/internal/health"
)

var update = flag.Bool("update", false, "rewrite the expected results in testdata")

// Each file is one answer of a health endpoint (first line: HTTP status and
// content type) and what is to be read from it.
func TestReadBodies(t *testing.T) {
	files, err := filepath.Glob("testdata/bodies/*.txtar")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d bodies, %v; want at least 25", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var status int
			if _, err := fmt.Sscan(string(archive.Comment), &status); err != nil {
				t.Fatal(err)
			}
			_, contentType, _ := strings.Cut(strings.TrimSpace(string(archive.Comment)), " ")
			got, err := json.MarshalIndent(health.Read(status, contentType, archive.Files[0].Data), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				archive.Files[1].Data = append(got, '\n')
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), string(got)+"\n"); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever an endpoint sends, what is read from it stays inside its caps, is
// fit to show, and is never healthy without a reason to say so.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/bodies/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(200, "application/json", archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		r := health.Read(status, contentType, body)
		if r.Verdict == health.Healthy && (status < 200 || status > 299) {
			t.Errorf("HTTP %d is healthy", status)
		}
		if (r.Verdict == health.Healthy) != (r.Reason == "") {
			t.Errorf("%s with reason %q", r.Verdict, r.Reason)
		}
		if len(r.Parts) > 50 {
			t.Errorf("%d parts", len(r.Parts))
		}
		fit(t, r.Reason, 200)
		fit(t, r.Branch, 100)
		fit(t, r.Version, 100)
		for _, p := range r.Parts {
			fit(t, p.Name, 80)
			fit(t, p.Detail, 200)
		}
		if strings.Trim(r.Commit, "0123456789abcdef") != "" || r.Commit != "" && (len(r.Commit) < 7 || len(r.Commit) > 40) {
			t.Errorf("commit %q", r.Commit)
		}
	})
}

func fit(t *testing.T, text string, most int) {
	t.Helper()
	if utf8.RuneCountInString(text) > most || !utf8.ValidString(text) {
		t.Errorf("%q is too long or not UTF-8", text)
	}
	if i := strings.IndexFunc(text, unicode.IsControl); i >= 0 {
		t.Errorf("%q has a control character at %d", text, i)
	}
}
