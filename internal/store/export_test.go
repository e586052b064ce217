package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// LimitPages makes the writer's disk as full as a test wants it.
func LimitPages(ctx context.Context, db *DB, pages int) error {
	_, err := db.write.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	return err
}

// Tap shows a test every query that is read from now on, before it is run.
func Tap(db *DB, seen func(query string, args []any)) {
	db.read = sql.OpenDB(tap{db.read, seen})
}

// tap is a connection that passes queries on to a pool.
type tap struct {
	pool *sql.DB
	seen func(query string, args []any)
}

var errReadsOnly = errors.New("only reads are tapped")

func (t tap) Connect(context.Context) (driver.Conn, error) { return t, nil }
func (t tap) Driver() driver.Driver                        { return t.pool.Driver() }
func (t tap) Prepare(string) (driver.Stmt, error)          { return nil, errReadsOnly }
func (t tap) Begin() (driver.Tx, error)                    { return nil, errReadsOnly }
func (t tap) Close() error                                 { return nil }

func (t tap) QueryContext(ctx context.Context, query string, named []driver.NamedValue) (driver.Rows, error) {
	args := make([]any, len(named))
	for i := range named {
		args[i] = named[i].Value
	}
	t.seen(query, args)
	rows, err := t.pool.QueryContext(ctx, query, args...) //nolint:rowserrcheck // whoever asked closes and checks them
	if err != nil {
		return nil, err
	}
	return tapped{rows}, nil
}

// tapped are the rows as a driver gives them.
type tapped struct{ *sql.Rows }

func (t tapped) Columns() []string {
	names, err := t.Rows.Columns()
	if err != nil {
		panic(err)
	}
	return names
}

func (t tapped) Next(into []driver.Value) error {
	if !t.Rows.Next() {
		return cmp.Or(t.Err(), io.EOF)
	}
	places := make([]any, len(into))
	for i := range into {
		places[i] = &into[i]
	}
	return t.Scan(places...)
}

// SettleEvery has reports of cron jobs settled when there are so many runs, so
// many in a transaction.
func SettleEvery(db *DB, runs, step int) { db.journal.full, db.journal.step = runs, step }
