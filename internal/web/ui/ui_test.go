package ui_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/web/ui"
)

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "now", 4 * time.Second: "now", 5 * time.Second: "5 s ago", 59 * time.Second: "55 s ago", time.Minute: "1 min ago",
		59*time.Minute + 59*time.Second: "59 min ago", time.Hour: "1 h ago", 47 * time.Hour: "47 h ago", 48 * time.Hour: "2 d ago", 400 * 24 * time.Hour: "400 d ago",
	} {
		if got := ui.Ago(d); got != want {
			t.Errorf("Ago(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestMomentOfNoTime(t *testing.T) {
	if m := ui.NewMoment(time.Now(), time.Time{}); m != (ui.Moment{}) {
		t.Errorf("no time became %+v", m)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567", -1000: "-1\u202f000"} {
		if got := ui.Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		400 * time.Microsecond: "0.4 ms", 87 * time.Millisecond: "87 ms", 1200 * time.Millisecond: "1.2 s", 48 * time.Second: "48 s",
		time.Minute: "1 min", 94 * time.Second: "1 min 34 s", 2 * time.Hour: "2 h", 125 * time.Minute: "2 h 5 min",
	} {
		if got := ui.Took(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestUnknownFactsAlwaysHaveAReason(t *testing.T) {
	if f := ui.NotKnown(""); f.Why == "" || f.Text != "" {
		t.Errorf("a fact without a reason became %+v", f)
	}
}

// Every icon that a template or a badge names must be in the sprite: a missing
// one is an empty square that nobody sees in a test of text.
func TestIconsExist(t *testing.T) {
	sprite := string(ui.Sprite())
	named := regexp.MustCompile(`(?:template "icon" "|Icon: +"|icon2?, .*= "|note\.Icon = "|Icon2 = ")([a-z]+)"`)
	found := 0
	for _, dir := range []string{"parts", "../pages", "../panel/lanes", "../panel/deployments", "../panel/crons", ".."} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() || strings.HasSuffix(e.Name(), "_test.go") {
				continue
			}
			text, err := os.ReadFile(dir + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range named.FindAllStringSubmatch(string(text), -1) {
				found++
				if !strings.Contains(sprite, `<symbol id="`+m[1]+`"`) {
					t.Errorf("%s/%s uses the icon %q, which is not in icons.svg", dir, e.Name(), m[1])
				}
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d uses of icons were found: the pattern is out of date", found)
	}
}

func TestVendoredFilesAreWhatTheySay(t *testing.T) {
	table, err := os.ReadFile("vendor/VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\S+\.(?:js|css)) \|.*\| ([0-9a-f]{64}) \|`).FindAllStringSubmatch(string(table), -1)
	if len(rows) == 0 {
		t.Fatal("VENDOR.md lists no file")
	}
	for _, row := range rows {
		content, err := os.ReadFile("vendor/" + row[1])
		if err != nil {
			t.Error(err)
			continue
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != row[2] {
			t.Errorf("%s is not the file that VENDOR.md names", row[1])
		}
	}
}
