package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/health"
)

var _ health.Store = (*DB)(nil)

const sampleColumns = `at, verdict, reason, offline, cached, status, commit_sha, branch, version, parts,
	dns_us, connect_us, tls_us, first_byte_us, total_us`

// AppendSamples writes a batch, all or nothing; what is there already stays.
func (db *DB) AppendSamples(ctx context.Context, batch []health.Record) error {
	if len(batch) == 0 {
		return nil
	}
	return db.tx(ctx, "keep what the probes found", func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO health_samples (project, environment, `+sampleColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
			ON CONFLICT (project, environment, at) DO NOTHING`)
		if err != nil {
			return err
		}
		defer func() { _ = insert.Close() }()
		for _, r := range batch {
			s, parts := r.Sample, ""
			if len(s.Parts) > 0 {
				raw, err := json.Marshal(s.Parts)
				if err != nil {
					return err
				}
				parts = string(raw)
			}
			_, err := insert.ExecContext(ctx, r.Project, r.Environment,
				s.At.UnixMicro(), s.Verdict, s.Reason, s.Offline, s.Cached, s.Status, s.Commit, s.Branch, s.Version, parts,
				us(s.Phases.DNS), us(s.Phases.Connect), us(s.Phases.TLS), us(s.Phases.FirstByte), us(s.Phases.Total))
			if err != nil {
				return err
			}
		}
		return callForSamples(ctx, tx, batch)
	})
}

// callForSamples asks to judge every environment of a batch that was not found
// well, or that is found well again.
func callForSamples(ctx context.Context, tx *sql.Tx, batch []health.Record) error {
	type place struct{ project, environment string }
	newest, bad := map[place]time.Time{}, map[place]bool{}
	for _, r := range batch {
		p := place{r.Project, r.Environment}
		if r.Sample.At.After(newest[p]) {
			newest[p] = r.Sample.At
		}
		bad[p] = bad[p] || r.Sample.Verdict == health.Down || r.Sample.Verdict == health.Degraded
	}
	// In one order, so that two processes never wait for each other.
	for _, p := range slices.SortedFunc(maps.Keys(newest), func(a, b place) int {
		return cmp.Or(strings.Compare(a.project, b.project), strings.Compare(a.environment, b.environment))
	}) {
		n, at := 1, newest[p]
		if !bad[p] {
			err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM alert_conditions WHERE project = $1 AND environment = $2 AND event LIKE 'health.%' AND bad`, p.project, p.environment).Scan(&n)
			if err != nil {
				return err
			}
		}
		if n > 0 {
			if err := call(ctx, tx, alert.EnvironmentCall, p.project+"/"+p.environment, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// us is milliseconds in whole microseconds, ms the way back.
func us(milliseconds float64) int64 { return int64(math.Round(milliseconds * 1000)) }
func ms(microseconds int64) float64 { return float64(microseconds) / 1000 }

// SamplesSince answers an environment's samples from since on, oldest first.
func (db *DB) SamplesSince(ctx context.Context, project, environment string, since time.Time) ([]health.Sample, error) {
	return list(ctx, db, "read what the probes found", func(r *sql.Rows) (health.Sample, error) {
		var s health.Sample
		var at, dns, connect, tls, first, total int64
		var parts string
		err := r.Scan(&at, &s.Verdict, &s.Reason, &s.Offline, &s.Cached, &s.Status, &s.Commit, &s.Branch, &s.Version, &parts,
			&dns, &connect, &tls, &first, &total)
		if err != nil {
			return health.Sample{}, err
		}
		s.At = time.UnixMicro(at).UTC()
		s.Phases = health.Phases{DNS: ms(dns), Connect: ms(connect), TLS: ms(tls), FirstByte: ms(first), Total: ms(total)}
		if parts != "" {
			err = json.Unmarshal([]byte(parts), &s.Parts)
		}
		return s, err
	}, `SELECT `+sampleColumns+` FROM health_samples WHERE project = $1 AND environment = $2 AND at >= $3 ORDER BY at`,
		project, environment, since.UnixMicro())
}

// VerdictsSince answers no more of the samples than what they found, oldest
// first.
func (db *DB) VerdictsSince(ctx context.Context, project, environment string, since time.Time) ([]health.Sample, error) {
	return list(ctx, db, "read what the probes found", func(r *sql.Rows) (health.Sample, error) {
		var s health.Sample
		var at int64
		err := r.Scan(&at, &s.Verdict, &s.Offline)
		s.At = time.UnixMicro(at).UTC()
		return s, err
	}, `SELECT at, verdict, offline FROM health_samples WHERE project = $1 AND environment = $2 AND at >= $3 ORDER BY at`,
		project, environment, since.UnixMicro())
}

// PruneSamples deletes what began before the time.
func (db *DB) PruneSamples(ctx context.Context, before time.Time) (int64, error) {
	var n int64
	err := db.tx(ctx, "sweep old samples", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM health_samples WHERE at < $1`, before.UnixMicro())
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}
