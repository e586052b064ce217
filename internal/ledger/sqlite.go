package ledger

import (
	"database/sql"
	"net/url"
	"os"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// openSQLite opens the file that is there and never makes one.
func openSQLite(address secret.Text) (*sql.DB, kind, error) {
	_, path, _ := strings.Cut(address.Reveal(), ":")
	path, _, _ = strings.Cut(strings.TrimPrefix(path, "//"), "?")
	if raw, err := url.PathUnescape(path); err == nil {
		path = raw
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, kind{}, fault.New(fault.NotFound, "The database's file is not there, or envdeck may not see it.")
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(1000)", "query_only(1)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, kind{}, fault.New(fault.Unavailable, "The database's file could not be opened.")
	}
	return db, kind{
		home:    `SELECT ''`,
		tables:  `SELECT '', m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name IN (%s) ORDER BY m.name, c.cid`,
		any:     `SELECT CAST(count(*) AS TEXT) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`,
		quote:   func(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` },
		explain: func(error) *fault.Error { return nil },
	}, nil
}
