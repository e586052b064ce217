package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// postgresConns is how many connections one replica holds at most: small, so
// that several replicas fit under a managed database's usual limit.
const postgresConns = 10

func (db *DB) openPostgres(ctx context.Context, address secret.Text) error {
	db.dialect = postgresDialect
	cfg, err := pgx.ParseConfig(address.Reveal())
	if err != nil {
		// The library's error repeats the address with its password.
		return fault.New(fault.Invalid, "database_url is not a Postgres address. It looks like postgres://user:password@host:5432/name")
	}
	// Decisions are made on what is read, so a standby that lags behind is no
	// place to read from.
	if cfg.ValidateConnect == nil {
		cfg.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	cfg.RuntimeParams["application_name"] = "envdeck"
	cfg.RuntimeParams["lock_timeout"] = "5s"
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = "30s"
	db.write = stdlib.OpenDB(*cfg)
	db.write.SetMaxOpenConns(postgresConns)
	db.write.SetMaxIdleConns(postgresConns)
	db.write.SetConnMaxIdleTime(5 * time.Minute)
	db.read = db.write
	return db.fault(db.write.PingContext(ctx), "reach the database at "+cfg.Host)
}
