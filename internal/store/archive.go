package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/envdeck/envdeck/internal/access"
)

// AuditArchive is the newest archive; Through is 0 when there is none.
func (db *DB) AuditArchive(ctx context.Context) (access.Archive, error) {
	var a access.Archive
	var at int64
	err := db.read.QueryRowContext(ctx, `SELECT through_seq, hash, entries, sha256, at FROM audit_archives ORDER BY through_seq DESC LIMIT 1`).
		Scan(&a.Through, &a.Hash, &a.Entries, &a.SHA256, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return access.Archive{}, nil
	}
	a.At = time.UnixMicro(at).UTC()
	return a, db.fault(err, "read the archives")
}

// AuditBefore is the last entry before which, and with which, all are older
// than a time; 0 when there is none.
func (db *DB) AuditBefore(ctx context.Context, at time.Time) (int64, error) {
	var seq int64
	err := db.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) FROM audit_entries
		WHERE seq < COALESCE((SELECT MIN(seq) FROM audit_entries WHERE at >= $1), (SELECT MAX(seq) + 1 FROM audit_entries))`, at.UnixMicro()).Scan(&seq)
	return seq, db.fault(err, "read the audit log")
}

// ArchiveAudit takes the entries of an archive out of the database.
func (db *DB) ArchiveAudit(ctx context.Context, a access.Archive, r access.Receipt) error {
	_, err := db.auditedLate(ctx, "archive the audit log", func(tx *sql.Tx) (access.Receipt, error) {
		_, err := tx.ExecContext(ctx, `INSERT INTO audit_archives (through_seq, hash, entries, sha256, at) VALUES ($1, $2, $3, $4, $5)`,
			a.Through, a.Hash, a.Entries, a.SHA256, a.At.UnixMicro())
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM audit_entries WHERE seq <= $1`, a.Through)
		}
		return r, err
	})
	return err
}
