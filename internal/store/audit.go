package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
)

const entryColumns = `seq, at, actor_kind, actor_id, actor_name, token_id, session_id, face, action,
	project, environment, object, reason, result, request_id, address, detail, prev_hash, hash`

func insertEntry(ctx context.Context, tx *sql.Tx, e access.Entry) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO audit_entries (`+entryColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		e.Seq, e.At.UnixMicro(), e.ActorKind, e.ActorID, e.ActorName, e.TokenID, e.SessionID, e.Face, e.Action,
		e.Project, e.Environment, e.Object, e.Reason, e.Result, e.RequestID, e.Address, e.Detail, e.PrevHash, e.Hash)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE audit_heads SET hash = $1, at = $2 WHERE id = 1`, e.Hash, e.At.UnixMicro())
	return err
}

// AppendAudit commits an entry that stands alone.
func (db *DB) AppendAudit(ctx context.Context, r access.Receipt) (access.Entry, error) {
	return db.auditedLate(ctx, "record the act", func(*sql.Tx) (access.Receipt, error) { return r, nil })
}

// AuditEntries answers entries with a seq greater than after, in order.
func (db *DB) AuditEntries(ctx context.Context, after int64, limit int) ([]access.Entry, error) {
	return db.entries(ctx, `SELECT `+entryColumns+` FROM audit_entries WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
}

// AuditSearch answers what the filter lets through, newest first.
func (db *DB) AuditSearch(ctx context.Context, f access.AuditFilter) ([]access.Entry, error) {
	var where []string
	var args []any
	// Every condition is one of the texts below; values only travel as
	// parameters.
	and := func(condition string, values ...any) {
		numbers := make([]any, len(values))
		for i, v := range values {
			args = append(args, v)
			numbers[i] = len(args)
		}
		where = append(where, fmt.Sprintf(condition, numbers...))
	}
	if f.Actor != "" {
		and(`(actor_id = $%d OR actor_name = $%d OR token_id = $%d)`, f.Actor, f.Actor, f.Actor)
	}
	if f.Action != "" {
		and(`(action = $%d OR action LIKE $%d ESCAPE '\')`, f.Action, like(f.Action)+".%")
	}
	if f.Environment != "" {
		and(`environment = $%d`, f.Environment)
	}
	if f.Project != "" {
		and(`project = $%d`, f.Project)
	}
	if f.Result != "" {
		and(`result = $%d`, f.Result)
	}
	if !f.From.IsZero() {
		and(`at >= $%d`, f.From.UnixMicro())
	}
	if !f.To.IsZero() {
		and(`at < $%d`, f.To.UnixMicro())
	}
	if f.Before > 0 {
		and(`seq < $%d`, f.Before)
	}
	query := `SELECT ` + entryColumns + ` FROM audit_entries`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, " AND ")
	}
	args = append(args, f.Limit)
	return db.entries(ctx, query+fmt.Sprintf(` ORDER BY seq DESC LIMIT $%d`, len(args)), args...)
}

func (db *DB) entries(ctx context.Context, query string, args ...any) ([]access.Entry, error) {
	return list(ctx, db, "read the audit log", func(rows *sql.Rows) (access.Entry, error) {
		var e access.Entry
		var at int64
		err := rows.Scan(&e.Seq, &at, &e.ActorKind, &e.ActorID, &e.ActorName, &e.TokenID, &e.SessionID, &e.Face, &e.Action,
			&e.Project, &e.Environment, &e.Object, &e.Reason, &e.Result, &e.RequestID, &e.Address, &e.Detail, &e.PrevHash, &e.Hash)
		e.At = time.UnixMicro(at).UTC()
		return e, err
	}, query, args...)
}

// AuditHead is where the chain says it ends.
func (db *DB) AuditHead(ctx context.Context) (access.Head, error) {
	var h access.Head
	var at int64
	err := db.read.QueryRowContext(ctx, `SELECT seq, hash, at FROM audit_heads WHERE id = 1`).Scan(&h.Seq, &h.Hash, &at)
	if err != nil {
		return access.Head{}, db.fault(err, "read the audit log")
	}
	h.At = time.UnixMicro(at).UTC()
	return h, nil
}

// list runs a query and scans every row of it.
func list[T any](ctx context.Context, db *DB, what string, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, db.fault(err, what)
	}
	defer func() { _ = rows.Close() }() // rows.Err says what went wrong
	all := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, db.fault(err, what)
		}
		all = append(all, v)
	}
	return all, db.fault(rows.Err(), what)
}
