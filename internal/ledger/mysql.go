package ledger

import (
	"database/sql"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/secret"
)

// openMySQL makes a handle of an address in the form of a URL, as apps write
// it. What the driver offers a server beyond answers stays off: files of ours
// and passwords in the clear.
func openMySQL(address secret.Text) (*sql.DB, kind, error) {
	invalid := fault.New(fault.Invalid, "The database's address cannot be read. It looks like mysql://user:password@host:3306/name, with odd characters of the password written as %%40 and the like.")
	u, err := url.Parse(address.Reveal())
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") == "" {
		return nil, kind{}, invalid // the cause repeats the address
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.DBName, cfg.Net = u.User.Username(), strings.Trim(u.Path, "/"), "tcp"
	cfg.Passwd, _ = u.User.Password()
	cfg.Addr = net.JoinHostPort(u.Hostname(), "3306")
	if p := u.Port(); p != "" {
		cfg.Addr = net.JoinHostPort(u.Hostname(), p)
	}
	cfg.DialFunc = dial
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = connectFor, statement+2*time.Second, connectFor
	cfg.ParseTime, cfg.Loc = true, time.UTC
	cfg.AllowAllFiles, cfg.AllowCleartextPasswords, cfg.AllowOldPasswords = false, false, false
	cfg.Logger = quiet{}
	cfg.TLSConfig = mysqlTLS(u)
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, kind{}, invalid
	}
	return sql.OpenDB(connector), mysqlKind(), nil
}

// mysqlTLS is what the address says in one of the ways that libraries have for
// it; without a word it is required, but for this machine.
func mysqlTLS(u *url.URL) string {
	q := u.Query()
	for _, key := range []string{"tls", "ssl-mode", "sslmode", "ssl_mode", "sslaccept", "ssl"} {
		switch strings.ToLower(q.Get(key)) {
		case "":
			continue
		case "disable", "disabled", "false", "0":
			return "false"
		case "prefer", "preferred":
			return "preferred"
		case "skip-verify", "accept_invalid_certs", "require", "required":
			return "skip-verify"
		default:
			return "true"
		}
	}
	if hostile.Loopback(u.Hostname()) || !strings.Contains(u.Hostname(), ".") {
		return "preferred"
	}
	return "true"
}

// quiet keeps the driver from writing to our standard error.
type quiet struct{}

func (quiet) Print(...any) {}

func mysqlKind() kind {
	return kind{
		home: `SELECT DATABASE()`,
		tables: `SELECT /*+ MAX_EXECUTION_TIME(3000) */ table_schema AS s, table_name AS t, column_name AS c FROM information_schema.columns
			WHERE table_schema = DATABASE() AND table_name IN (%s) ORDER BY table_schema, table_name, ordinal_position`,
		any:     `SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()`,
		hides:   true,
		quote:   func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" },
		explain: explainMySQL,
	}
}

func explainMySQL(err error) *fault.Error {
	if errors.Is(err, mysql.ErrNoTLS) {
		return fault.New(fault.Unavailable, "The database offers no TLS. If the way to it is safe without, add ?tls=false to its address.")
	}
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return nil
	}
	switch e.Number {
	case 1044, 1045, 1698:
		return fault.New(fault.Rejected, "The database refused the user or the password.")
	case 1049:
		return fault.New(fault.NotFound, "The server has no database of that name.")
	case 1142, 1143:
		return fault.New(fault.Denied, "The database's user may not read the tool's table: grant it SELECT.")
	case 1040, 1203, 1226:
		return fault.New(fault.Unavailable, "The database has no connection left.")
	case 1205, 1317, 3024, 1969:
		return fault.New(fault.Timeout, "The database did not answer in time.")
	}
	return fault.New(fault.Unavailable, "The database could not be read (error %d).", e.Number)
}
