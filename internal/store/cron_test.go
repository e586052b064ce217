package store_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// Jobs and runs of the test below: more jobs than any app has, and enough runs
// that a scan of them would cost more than all the rest.
const (
	manyJobs = 550     // in each of three environments
	manyRuns = 4       // of each of those
	manyMore = 100_000 // runs of jobs that are not looked at
)

// fill makes the jobs, their runs of the last day, misses and sums.
func fill(t testing.TB, raw *sql.DB, now time.Time) {
	t.Helper()
	const day = int64(24 * time.Hour / time.Microsecond)
	for _, q := range []string{
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d),
			e(env) AS (SELECT 'dev' UNION SELECT 'next' UNION SELECT 'prod')
			INSERT INTO cron_jobs (project, environment, path, variant, schedule, dialect, zone, period_us, source, grace_us, max_run_us, early_us, ping, active, since, created_at)
			SELECT 'shop', env, '/job/' || i, '', '*/24 * * * *', '', '', 0, 'config', 0, 0, 0, env || i, TRUE, %[2]d, %[2]d FROM n, e`, manyJobs-1, now.UnixMicro()-day),
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO cron_runs (job, at, seq, run_id, state, timing, slot, ended_at, duration_us, overran, status_code, exit_code, error, via, commit_sha, output, output_id, begun)
			SELECT id, %[2]d - i * %[3]d, 0, '', 1, 1, %[2]d - i * %[3]d, %[2]d - i * %[3]d + 1000000, 1000000, FALSE, 200, -1, '', 'report', '', 0, 0, FALSE FROM n, cron_jobs`,
			manyRuns, now.UnixMicro(), day/manyRuns-1),
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO cron_runs (job, at, seq, run_id, state, timing, slot, ended_at, duration_us, overran, status_code, exit_code, error, via, commit_sha, output, output_id, begun)
			SELECT 1000000 + i %% 1000, %d - i * 1000000, 0, '', 1, 1, NULL, %[2]d, 1000000, FALSE, 200, -1, '', 'report', '', 0, 0, FALSE FROM n`, manyMore, now.UnixMicro()),
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 6)
			INSERT INTO cron_sums (job, span, at, good, failed, late, missed, timed, total_us, max_us)
			SELECT id, 'h', %d - i * 3600000000, 3, 0, 0, 0, 3, 3000000, 1000000 FROM n, cron_jobs`, now.Truncate(time.Hour).UnixMicro()),
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO cron_outputs (body) SELECT CAST('done' AS BYTEA) FROM n`,
		fmt.Sprintf(`INSERT INTO cron_misses (job, slot, deadline, noticed_at) SELECT id, %[1]d, %[1]d, %[1]d FROM cron_jobs`, now.UnixMicro()-day/2),
	} {
		if _, err := raw.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := raw.ExecContext(t.Context(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
}

// scan finds a step of a plan that reads a whole table of runs, or of what
// grows with them.
var scan = regexp.MustCompile(`(?i)(SCAN|Seq Scan on) cron_(runs|misses|sums|outputs)`)

// Whatever the pages of cron jobs and their API ask costs no scan, on either
// database: every query they run is explained.
func TestThePagesOfManyJobsScanNothing(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		raw := storetest.Raw(t, db)
		now := time.Now()
		fill(t, raw, now)
		var mu sync.Mutex
		asked := map[string][]any{}
		store.Tap(db, func(query string, args []any) {
			mu.Lock()
			defer mu.Unlock()
			asked[query] = args
		})
		book := openBook(t, db)
		board, err := book.Lanes(t.Context(), who, cron.LaneQuery{Limit: 100})
		if err != nil || board.Total != manyJobs || len(board.Rows) != 100 || board.Rows[0].Lanes["prod"].Sum.Runs == 0 {
			t.Fatalf("%d of %d rows, %v", len(board.Rows), board.Total, err)
		}
		status, _, err := book.Status(t.Context(), who, "")
		if err != nil || len(status.Value.Crons) != manyJobs {
			t.Fatal(len(status.Value.Crons), err)
		}
		page, err := book.Page(t.Context(), who, cron.Ask{Path: "/job/7"})
		if err != nil || len(page.Runs) != manyRuns {
			t.Fatal(len(page.Runs), err)
		}
		if _, err := book.Runs(t.Context(), who, cron.Ask{Path: "/job/7", Environment: "*"}); err != nil {
			t.Fatal(err)
		}
		if _, err := book.Output(t.Context(), who, cron.Ask{Path: "/job/7"}, now, 0); err != nil {
			t.Fatal(err)
		}
		explained := 0
		for query, args := range asked {
			if !strings.Contains(query, "cron_") {
				continue
			}
			plan := explain(t, raw, db.Kind(), query, args)
			if explained++; scan.MatchString(plan) {
				t.Errorf("a whole table is read by\n%s\n%s", query, plan)
			}
		}
		if explained < 8 {
			t.Errorf("only %d queries were seen", explained)
		}
		// The proof can fail: a query without the key of a job is a scan.
		if plan := explain(t, raw, db.Kind(), `SELECT COUNT(*) FROM cron_runs WHERE status_code = $1`, []any{int64(500)}); !scan.MatchString(plan) {
			t.Errorf("a scan is not recognised: %s", plan)
		}
	})
}

// who looks at the pages.
var who = access.Actor{Kind: access.Machine, ID: "u", Role: access.Admin, Scope: access.API, TokenID: "t"}

// openBook is the cron room on a database, as a process that has just begun.
func openBook(t testing.TB, db *store.DB) *cron.Book {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 40)))
	if err != nil {
		t.Fatal(err)
	}
	control, err := access.New(t.Context(), access.Config{Store: db, Keys: keys, Clock: clock.Real(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	memory := cache.NewMemory()
	t.Cleanup(memory.Close)
	shop := catalog.Project{Name: "shop", Environments: []catalog.Environment{{Name: "dev", Kind: catalog.Local}, {Name: "next", Kind: catalog.Staging}, {Name: "prod", Kind: catalog.Production}}}
	book, err := cron.New(t.Context(), cron.Options{
		Projects: []cron.Project{{Catalog: shop}}, Store: db, Gate: control.Gate, Keeper: cache.NewKeeper(memory, clock.Real(), log), Clock: clock.Real(), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// BenchmarkPageOfManyJobs is what the page of 1,650 jobs costs: a page of 100
// rows that nobody has looked at, and the same again.
func BenchmarkPageOfManyJobs(b *testing.B) {
	db := storetest.Open(b)
	fill(b, storetest.Raw(b, db), time.Now())
	look := func(b *testing.B, book *cron.Book) {
		board, err := book.Lanes(b.Context(), who, cron.LaneQuery{Limit: 100})
		if err != nil || len(board.Rows) != 100 {
			b.Fatal(len(board.Rows), err)
		}
	}
	b.Run("first", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			book := openBook(b, db)
			b.StartTimer()
			look(b, book)
		}
	})
	b.Run("again", func(b *testing.B) {
		book := openBook(b, db)
		look(b, book)
		for b.Loop() {
			look(b, book)
		}
	})
}

func explain(t *testing.T, raw *sql.DB, kind, query string, args []any) string {
	t.Helper()
	how := "EXPLAIN "
	if kind == "sqlite" {
		how = "EXPLAIN QUERY PLAN "
	}
	rows, err := raw.QueryContext(t.Context(), how+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		values := make([]any, len(names))
		places := make([]any, len(names))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, values[len(values)-1])
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
