package migration

import (
	"bufio"
	"bytes"
	"hash/crc32"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// flyway is Flyway. What is versioned is applied once, in the order of the
// versions; what is repeatable, again whenever its text has changed. What
// comes in below the highest version is ignored, as Flyway calls it, unless it
// runs with outOfOrder.
type flyway struct{}

func (flyway) Name() string { return "flyway" }

func (flyway) Tables() []Table {
	columns := []string{"installed_rank", "version", "description", "type", "script", "checksum", "success"}
	return []Table{
		{Name: "flyway_schema_history", Columns: columns, Must: 7},
		{Name: "schema_version", Columns: columns, Must: 7}, // before version 5
	}
}

func (flyway) Wants(file string) bool {
	return flywayFile.MatchString(path.Base(file)) && path.Ext(file) == ".sql"
}

var flywayFile = regexp.MustCompile(`^(?:V([0-9]+(?:[._][0-9]+)*)|(R))__(.+)\.(?:sql|java|kt)$`)

// List takes the files in all folders below: the versioned ones by version,
// then the repeatable ones by description.
func (flyway) List(f Folder) ([]Migration, error) {
	var versioned, again []Migration
	for _, file := range f.Files {
		m := flywayFile.FindStringSubmatch(path.Base(file.Path))
		if m == nil {
			continue
		}
		one := Migration{Name: path.Base(file.Path), Sums: flywaySums(file, m[2] != "")}
		if m[2] != "" {
			one.Key, one.Again = "R "+strings.ReplaceAll(m[3], "_", " "), true
			again = append(again, one)
			continue
		}
		one.Key = flywayVersion(m[1])
		versioned = append(versioned, one)
	}
	slices.SortFunc(versioned, func(a, b Migration) int { return byParts(a.Key, b.Key) })
	slices.SortFunc(again, func(a, b Migration) int { return strings.Compare(a.Key, b.Key) })
	return twice("Flyway", append(versioned, again...))
}

// flywayVersion is a version in one way of writing: 1_0 and 1.0 and 1 are the
// same one.
func flywayVersion(text string) string {
	parts := strings.Split(strings.ReplaceAll(text, "_", "."), ".")
	for i := range parts {
		parts[i] = plain(parts[i])
	}
	for len(parts) > 1 && parts[len(parts)-1] == "0" {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, ".")
}

func byParts(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	return slices.CompareFunc(x, y, byNumber)
}

// flywaySums is the sum of a text's lines without their ends. That of a
// repeatable migration is taken after its placeholders were filled in, by what
// only the app's configuration knows.
func flywaySums(file File, again bool) []string {
	if file.Text == nil || path.Ext(file.Path) != ".sql" || again && bytes.Contains(file.Text, []byte("${")) {
		return nil
	}
	sum := crc32.NewIEEE()
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(file.Text, []byte("\xef\xbb\xbf"))))
	lines.Buffer(nil, len(file.Text)+1)
	lines.Split(javaLines)
	for lines.Scan() {
		_, _ = sum.Write(lines.Bytes()) // a hash never fails
	}
	return []string{strconv.Itoa(int(int32(sum.Sum32())))}
}

// javaLines splits at \n, \r and \r\n, as Java's readers do.
func javaLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0 && (!atEOF || len(data) == 0):
		return 0, nil, nil
	case i < 0:
		return len(data), data, nil
	case data[i] == '\r' && i+1 == len(data) && !atEOF:
		return 0, nil, nil
	case data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n':
		return i + 2, data[:i], nil
	}
	return i + 1, data[:i], nil
}

// Judge reads the history in the order of its ranks: of one version the last
// row counts.
func (flyway) Judge(rows []Row, list List) Standing {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int { return int(a.whole("installed_rank") - b.whole("installed_rank")) })
	var entries []entry
	var baseline, highest string
	for _, r := range rows {
		e := entry{name: r["script"], sum: r["checksum"], failed: !r.truth("success")}
		version := ""
		if r["version"] != "" {
			version = flywayVersion(r["version"])
		}
		e.key = version
		switch kind := strings.ToUpper(r["type"]); {
		case kind == "SCHEMA" || kind == "TABLE": // Flyway made the schema
			continue
		case strings.HasSuffix(kind, "BASELINE"):
			baseline = version
			continue
		case kind == "DELETE": // "repair" was told that the file is gone
			e.undone = true
		case strings.HasPrefix(kind, "UNDO"):
			if e.failed {
				e.key = "undo " + version
			} else {
				e.undone = true
			}
		}
		if version == "" {
			e.key = "R " + r["description"]
		} else if !e.undone && !e.failed && (highest == "" || byParts(version, highest) > 0) {
			highest = version
		}
		entries = append(entries, e)
	}
	s := compare(entries, list)
	if !list.Known {
		return s
	}
	s.Skipped = []string{}
	names := map[string]Migration{}
	for _, m := range list.Migrations {
		names[m.Name] = m
	}
	s.Pending = slices.DeleteFunc(s.Pending, func(name string) bool {
		m := names[name]
		switch {
		case m.Again:
			return false
		case baseline != "" && byParts(m.Key, baseline) <= 0:
			return true
		case highest != "" && byParts(m.Key, highest) < 0 && !slices.ContainsFunc(entries, func(e entry) bool { return e.key == m.Key }):
			s.Skipped = append(s.Skipped, name)
			return true
		}
		return false
	})
	return s
}
