package api_test

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/access"
)

// testDownloads asks for both downloads and checks each against its manifest.
func testDownloads(t *testing.T, f *face, token string) {
	t.Helper()
	for format, media := range map[string]string{"jsonl": "application/jsonl; charset=utf-8", "csv": "text/csv; charset=utf-8; header=present"} {
		w := f.ask("GET", base+"/audit?format="+format+"&action=user.manage&reason=review", "", as(token))
		h := w.Result().Header
		if w.Code != 200 || h.Get("Content-Type") != media || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment; ") || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %d %v", format, w.Code, h)
		}
		var m access.Manifest
		if err := json.Unmarshal([]byte(w.Result().Trailer.Get("Envdeck-Manifest")), &m); err != nil {
			t.Fatalf("%s: manifest %q: %v", format, w.Result().Trailer, err)
		}
		body := w.Body.String()
		if format == "jsonl" {
			lines := strings.SplitAfter(strings.TrimSuffix(body, "\n"), "\n")
			var last struct{ Manifest access.Manifest }
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Manifest != m {
				t.Errorf("the last line is not the manifest: %v %s", err, lines[len(lines)-1])
			}
			body = strings.Join(lines[:len(lines)-1], "")
		} else {
			rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
			if err != nil || len(rows) != 8 {
				t.Errorf("csv has %d rows: %v", len(rows), err)
			}
			for _, row := range rows { // T21
				for _, cell := range row {
					if strings.HasPrefix(cell, "=") {
						t.Errorf("a cell is a formula: %s", cell)
					}
				}
			}
		}
		sum := sha256.Sum256([]byte(body))
		if m.SHA256 != hex.EncodeToString(sum[:]) || m.Entries != 7 || !f.control.Genuine(m) {
			t.Errorf("%s: the manifest does not fit: %+v", format, m)
		}
	}
}
