package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/alert"
)

const messageColumns = `id, receiver, incident, event, kind, content, created_at, due_at, attempts, done_at, outcome, problem`

func scanMessage(r row) (m alert.Message, err error) {
	var content string
	var created, due int64
	var done sql.NullInt64
	if err = r.Scan(&m.ID, &m.Receiver, &m.Incident, &m.Event, &m.Kind, &content, &created, &due, &m.Attempts, &done, &m.Outcome, &m.Problem); err != nil {
		return m, err
	}
	m.CreatedAt, m.DueAt, m.DoneAt = moment(created), moment(due), timeOf(done)
	return m, json.Unmarshal([]byte(content), &m.Content)
}

// putMessage inserts a message; nth keeps those of one change in their order.
func putMessage(ctx context.Context, tx *sql.Tx, m *alert.Message, nth int) error {
	content, err := json.Marshal(m.Content)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO alert_messages (seq, owner, lease_until, `+messageColumns+`)
		VALUES ($1, '', 0, $2, $3, $4, $5, $6, $7, $8, $9, 0, NULL, '', '')`,
		m.CreatedAt.UnixMicro()+int64(nth), m.ID, m.Receiver, m.Incident, m.Event, m.Kind, string(content), m.CreatedAt.UnixMicro(), m.DueAt.UnixMicro())
	return err
}

// ClaimMessage takes up a message that is due and that nobody is sending. A
// message of an incident waits for the one before it, so that nobody hears the
// end first. As with releases, a lease or a due time that lies further ahead
// than any can was written by a clock that has been set back.
func (db *DB) ClaimMessage(ctx context.Context, c alert.MessageClaim) (alert.Message, bool, error) {
	var m alert.Message
	var n int
	// Most looks find nothing, and must not make writers wait.
	err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM alert_messages WHERE done_at IS NULL AND receiver = $1 AND due_at <= $2 LIMIT 1) AS due`,
		c.Receiver, c.Now.UnixMicro()).Scan(&n)
	if err != nil || n == 0 {
		return m, false, db.fault(err, "look for messages")
	}
	found := false
	err = db.tx(ctx, "take up a message", func(tx *sql.Tx) error {
		found = false
		var id string
		err := tx.QueryRowContext(ctx, `SELECT id FROM alert_messages m WHERE done_at IS NULL AND receiver = $2 AND due_at <= $3
			AND (owner = '' OR lease_until <= `+db.leaseNow()+` OR lease_until > `+db.leaseNow()+` + $4)
			AND (incident = '' OR NOT EXISTS (SELECT 1 FROM alert_messages e WHERE e.incident = m.incident AND e.receiver = m.receiver AND e.done_at IS NULL AND e.seq < m.seq))
			ORDER BY due_at, seq LIMIT 1`+db.dialect.skipLocked,
			c.Real.UnixMicro(), c.Receiver, c.Now.UnixMicro(), c.TTL.Microseconds()).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		m, err = scanMessage(tx.QueryRowContext(ctx, `UPDATE alert_messages SET owner = $2, lease_until = `+db.leaseNow()+` + $3 WHERE id = $4 RETURNING `+messageColumns,
			c.Real.UnixMicro(), c.Owner, c.TTL.Microseconds(), id))
		found = err == nil
		return err
	})
	return m, found && err == nil, err
}

// EndMessage writes down what became of a try, while the claim holds.
func (db *DB) EndMessage(ctx context.Context, m alert.Message, claim alert.MessageClaim, e *alert.Entry) error {
	err := db.tx(ctx, "write down that a message was sent", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE alert_messages SET owner = '', lease_until = 0, attempts = $1, due_at = $2, done_at = $3, outcome = $4, problem = $5
			WHERE id = $6 AND owner = $7 AND done_at IS NULL AND attempts = $8`,
			m.Attempts, m.DueAt.UnixMicro(), micros(m.DoneAt), m.Outcome, m.Problem, m.ID, claim.Owner, m.Attempts-1)
		if err := moved(res, err); err != nil {
			return err
		}
		if e == nil {
			return nil
		}
		return putEntry(ctx, tx, e)
	})
	if errors.Is(err, alert.ErrMoved) {
		return alert.ErrMoved
	}
	return err
}

// Forsaken ends messages to receivers that the configuration has no more.
func (db *DB) Forsaken(ctx context.Context, receivers []string, now time.Time) error {
	places, args := make([]string, 0, len(receivers)), []any{now.UnixMicro()}
	for _, r := range receivers {
		args = append(args, r)
		places = append(places, "$"+strconv.Itoa(len(args)))
	}
	query := `UPDATE alert_messages SET done_at = $1, outcome = 'failed', problem = 'This receiver is not in the configuration any more.' WHERE done_at IS NULL`
	if len(places) > 0 {
		query += ` AND receiver NOT IN (` + strings.Join(places, ", ") + `)` //nolint:gosec // numbers of parameters
	}
	return db.tx(ctx, "end messages to nobody", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// Messages are those of an incident, in their order.
func (db *DB) Messages(ctx context.Context, incident string) ([]alert.Message, error) {
	return list(ctx, db, "read the messages", func(r *sql.Rows) (alert.Message, error) { return scanMessage(r) },
		`SELECT `+messageColumns+` FROM alert_messages WHERE incident = $1 ORDER BY seq, receiver`, incident)
}
