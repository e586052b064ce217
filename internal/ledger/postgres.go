package ledger

import (
	"database/sql"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// understood are the parameters of an address that Postgres itself knows. Apps
// write their library's into it as well, which a server refuses.
var understood = []string{
	"host", "port", "user", "password", "dbname", "sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslsni", "sslnegotiation",
	"channel_binding", "connect_timeout", "target_session_attrs", "options",
}

// openPostgres makes a handle that speaks the simple protocol and sends no
// settings when it connects, so that it works through poolers, too. The
// transaction is what cannot write.
func openPostgres(address secret.Text) (*sql.DB, kind, error) {
	invalid := fault.New(fault.Invalid, "The database's address cannot be read. It looks like postgres://user:password@host:5432/name, with odd characters of the password written as %%40 and the like.")
	u, err := url.Parse(address.Reveal())
	if err != nil {
		return nil, kind{}, invalid // the cause repeats the address
	}
	q := u.Query()
	schema := q.Get("schema") // Prisma's
	for key := range q {
		if !slices.Contains(understood, key) {
			q.Del(key)
		}
	}
	u.RawQuery = q.Encode()
	u.Host = direct(u.Host)
	cfg, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, kind{}, invalid
	}
	cfg.DialFunc = dial
	if cfg.ConnectTimeout == 0 || cfg.ConnectTimeout > connectFor {
		cfg.ConnectTimeout = connectFor
	}
	cfg.RuntimeParams["application_name"] = "envdeck"
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	cfg.StatementCacheCapacity, cfg.DescriptionCacheCapacity = 0, 0
	k := postgresKind()
	if schema != "" {
		k.home = "SELECT '" + strings.ReplaceAll(schema, "'", "''") + "'::text"
		if strings.ContainsAny(schema, "\x00\\") {
			return nil, kind{}, invalid
		}
	}
	return stdlib.OpenDB(*cfg), k, nil
}

func postgresKind() kind {
	return kind{
		home: `SELECT current_schema()::text`,
		begin: []string{
			// For this transaction alone: through a pooler the connection is
			// somebody else's afterwards.
			`SET LOCAL statement_timeout = '3s'`, `SET LOCAL lock_timeout = '2s'`, `SET LOCAL search_path = pg_catalog`,
		},
		tables: `SELECT n.nspname::text, c.relname::text, a.attname::text FROM pg_catalog.pg_class c
			JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
			WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND c.relname IN (%s) ORDER BY 1, 2, a.attnum`,
		any: `SELECT count(*)::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'`,
		quote:   func(name string) string { return pgx.Identifier{name}.Sanitize() },
		explain: explainPostgres,
	}
}

// direct is Neon's host without its pooler: a look is one connection, and the
// pooler would only stand between.
func direct(host string) string {
	first, rest, ok := strings.Cut(host, ".")
	if name, pooled := strings.CutSuffix(first, "-pooler"); ok && pooled && strings.Contains(rest, "neon.tech") {
		return name + "." + rest
	}
	return host
}

func explainPostgres(err error) *fault.Error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return nil
	}
	switch {
	case strings.HasPrefix(e.Code, "28"):
		return fault.New(fault.Rejected, "The database refused the user or the password.")
	case e.Code == "3D000":
		return fault.New(fault.NotFound, "The server has no database of that name.")
	case e.Code == "42501":
		return fault.New(fault.Denied, "The database's user may not read the tool's table: grant it SELECT.")
	case e.Code == "57014":
		return fault.New(fault.Timeout, "The database did not answer in time.")
	case e.Code == "55P03":
		return fault.New(fault.Conflict, "The tool's table is locked: a migration is running.")
	case strings.HasPrefix(e.Code, "53"):
		return fault.New(fault.Unavailable, "The database has no connection or memory left.")
	case strings.HasPrefix(e.Code, "57"):
		return fault.New(fault.Unavailable, "The database is starting or stopping.")
	case len(e.Code) == 5 && strings.Trim(e.Code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "":
		return fault.New(fault.Unavailable, "The database could not be read (SQLSTATE %s).", e.Code)
	}
	return nil
}
