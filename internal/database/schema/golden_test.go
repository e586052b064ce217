package schema

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// truth is what somebody who knows the app says of a statement.
type truth struct{ label, begins string }

// release is a folder of the golden set: the files of one release.
type release struct {
	tool    string
	dialect Dialect // of a folder that begins with mysql-, else not known
	files   []File
	truth   map[string][]truth
}

// TestGolden reads files as they stand in real folders, each statement of which
// is labelled by hand: safe for every older release, a contract, or nothing
// that anybody could tell from the file. No contract may be called safe, and
// nothing that nobody can tell; of the safe ones at most 15 % may be unknown.
func TestGolden(t *testing.T) {
	var contracts, missed, safe, unsure, wrong, blindly, hidden, files int
	for where, r := range golden(t) {
		got := Classify(Options{Tool: r.tool, Dialect: r.dialect}, r.files)
		if len(got) != len(r.files) {
			t.Errorf("%s: %d of %d files are migrations", where, len(got), len(r.files))
		}
		for _, m := range got {
			files++
			want := r.truth[m.Path]
			if len(m.Statements) != len(want) {
				t.Errorf("%s: it has %d statements, and %d labels", m.Path, len(m.Statements), len(want))
				continue
			}
			for i, s := range m.Statements {
				if !strings.Contains(words(s.Text), strings.TrimLeft(want[i].begins, "- ")) && !strings.HasPrefix(want[i].begins, "--") {
					t.Errorf("%s:%d: the statement is %.60q, labelled is %q", m.Path, s.Line, s.Text, want[i].begins)
				}
				switch want[i].label {
				case "safe":
					safe++
					if s.Class == Unknown {
						unsure++
						t.Logf("%s:%d: safe, called unknown: %s", m.Path, s.Line, s.Reason)
					}
					if s.Class == Contract {
						wrong++
						t.Errorf("%s:%d: safe, called a contract: %s", m.Path, s.Line, s.Reason)
					}
				case "contract":
					contracts++
					if s.Class == Expand {
						missed++
						t.Errorf("%s:%d: a contract, called safe: %s", m.Path, s.Line, s.Reason)
					}
					if s.Class == Unknown {
						blindly++
						t.Logf("%s:%d: a contract, called unknown: %s", m.Path, s.Line, s.Reason)
					}
				case "unknown":
					hidden++
					if s.Class == Expand {
						t.Errorf("%s:%d: nobody can tell, called safe: %s", m.Path, s.Line, s.Reason)
					}
				default:
					t.Errorf("%s: label %q", m.Path, want[i].label)
				}
			}
		}
	}
	t.Logf("%d files: %d contracts, %d of them called safe and %d unknown; %d safe, %d of them called unknown (%.1f %%) and %d contracts; %d nobody can tell",
		files, contracts, missed, blindly, safe, unsure, 100*float64(unsure)/float64(safe), wrong, hidden)
	if files < 80 {
		t.Errorf("the golden set has %d files, and wants 80", files)
	}
	if unsure*100 > safe*15 {
		t.Errorf("%d of %d safe statements are called unknown", unsure, safe)
	}
}

// words is a text with every run of white space as one space.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

func golden(t *testing.T) map[string]release {
	t.Helper()
	const root = "testdata/golden"
	all := map[string]release{}
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(p, ".truth") {
			return err
		}
		path, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		parts := strings.Split(filepath.ToSlash(path), "/")
		where := parts[0] + "/" + parts[1]
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		labels, err := os.ReadFile(p + ".truth")
		if err != nil {
			return err
		}
		r, there := all[where]
		if !there {
			r = release{tool: parts[0], truth: map[string][]truth{}}
			if strings.HasPrefix(parts[1], "mysql-") {
				r.dialect = MySQL
			}
		}
		file := strings.Join(parts[2:], "/")
		r.files = append(r.files, File{Path: file, Text: text})
		for l := range strings.Lines(string(labels)) {
			label, begins, _ := strings.Cut(strings.TrimSpace(l), " ")
			r.truth[file] = append(r.truth[file], truth{label, strings.TrimSuffix(begins, "…")})
		}
		all[where] = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("there is no golden set")
	}
	return all
}

// TestGoldenInEveryWay reads the same files with the wrong line ends and a mark
// at their head: the verdicts are the same.
func TestGoldenInEveryWay(t *testing.T) {
	for where, r := range golden(t) {
		plain := Classify(Options{Tool: r.tool, Dialect: r.dialect}, r.files)
		odd := slices.Clone(r.files)
		for i := range odd {
			odd[i].Text = append([]byte("\xEF\xBB\xBF"), strings.ReplaceAll(string(odd[i].Text), "\n", "\r\n")...)
		}
		for i, m := range Classify(Options{Tool: r.tool, Dialect: r.dialect}, odd) {
			for k, s := range m.Statements {
				if s.Class != plain[i].Statements[k].Class || s.Line != plain[i].Statements[k].Line {
					t.Errorf("%s, %s: with CRLF statement %d is %s in line %d, else %s in line %d", where, m.Path, k, s.Class, s.Line, plain[i].Statements[k].Class, plain[i].Statements[k].Line)
				}
			}
		}
	}
}

// TestGoldenWithoutADialect reads MySQL's files as a configuration does that
// names no database: less is known, and no contract is called safe.
func TestGoldenWithoutADialect(t *testing.T) {
	files := 0
	for where, r := range golden(t) {
		if r.dialect == "" {
			continue
		}
		for _, m := range Classify(Options{Tool: r.tool}, r.files) {
			files++
			if bad := slices.ContainsFunc(r.truth[m.Path], func(l truth) bool { return l.label != "safe" }); bad && m.Class == Expand {
				t.Errorf("%s, %s is called safe: %s", where, m.Path, m.Reason)
			}
		}
	}
	if files < 15 {
		t.Errorf("there are %d of MySQL's files", files)
	}
}
