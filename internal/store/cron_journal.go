package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
)

// journal is what SQLite keeps of reports until it is settled: put into its
// place among the runs and sums.
//
// Runs lie by job, so that a page reads them in one go, and so do sums. A
// transaction that put each report there at once would write two pages of four
// kilobytes, a different two for every job, to keep a hundred bytes. So it
// writes all that it decided as one row of cron_journal, and keeps it here;
// when much has come together, or a second or five have passed, it is settled:
// many reports of a job at once. Whoever reads has what is not settled laid over
// what the tables say, so nobody can tell the two apart.
//
// The row is on disk when a report is answered. A process that begins reads
// the rows that the one before has left.
type journal struct {
	db         *DB
	full, step int // see settleFull
	// settling is held by whoever moves a segment's runs.
	settling sync.Mutex

	mu      sync.Mutex
	loaded  bool            // what is here is what the table has
	last    int64           // row that is known
	sealed  *segment        // is being settled; nil: none is
	current *segment        // grows
	newest  map[int64]int64 // the latest start of a job's runs in the table, where it was asked for
}

// segment is a part of the journal that is settled together.
type segment struct {
	first, last int64 // rows of the table
	rows, runs  int
	began       time.Time
	jobs        map[int64]*unsettled
	order       []runRow // when it is sealed: all runs, by job and start
	moved       int      // of them
}

// unsettled is what a segment has of one job.
type unsettled struct {
	runs []runRow // by start
	ids  map[string]bool
	sums []cron.Sum // in no order, each hour once
}

// entry is what one transaction adds to the journal, and the body of its row.
type entry struct {
	Runs []runRow `json:"runs,omitempty"`
	Sums []sumRow `json:"sums,omitempty"`
}

func newJournal(db *DB) *journal {
	return &journal{db: db, full: settleFull, step: settleStep, current: newSegment(), newest: map[int64]int64{}}
}

func newSegment() *segment { return &segment{jobs: map[int64]*unsettled{}} }

// load reads the table when what is here may be another. The caller holds mu.
func (j *journal) load(ctx context.Context) error {
	if j.loaded {
		return nil
	}
	rows, err := j.db.read.QueryContext(ctx, `SELECT seq, body FROM cron_journal ORDER BY seq`)
	if err != nil {
		return err
	}
	defer rows.Close()
	j.sealed, j.current, j.last = nil, newSegment(), 0
	clear(j.newest)
	for rows.Next() {
		var seq int64
		var body []byte
		var e entry
		if err := rows.Scan(&seq, &body); err != nil {
			return err
		}
		if err := json.Unmarshal(body, &e); err != nil {
			return fmt.Errorf("row %d of cron_journal can not be read: %w", seq, err)
		}
		j.add(seq, &e)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	// Apart from what this process will write: the one that wrote them may be
	// about to settle them.
	j.seal()
	j.loaded = true
	return nil
}

// seal has what grew grow no more. The caller holds mu.
func (j *journal) seal() {
	if j.current.rows > 0 {
		j.current.arrange()
		j.sealed, j.current = j.current, newSegment()
	}
}

// add takes what a transaction has written. The caller holds mu.
func (j *journal) add(seq int64, e *entry) {
	if seq <= j.last {
		return // a reader has read it from the table already
	}
	s := j.current
	if s.rows == 0 {
		s.first, s.began = seq, j.db.clock.Now()
	}
	s.last, j.last = seq, seq
	s.rows++
	for i := range e.Runs {
		s.put(&e.Runs[i])
	}
	for i := range e.Sums {
		s.count(e.Sums[i].sum())
	}
}

func (s *segment) job(id int64) *unsettled {
	u := s.jobs[id]
	if u == nil {
		u = &unsettled{}
		s.jobs[id] = u
	}
	return u
}

// put adds a run, or what became of one.
func (s *segment) put(r *runRow) {
	u := s.job(r.Job)
	i, there := u.place(r.At, r.Seq)
	if there {
		u.runs[i] = *r
		return
	}
	u.runs = slices.Insert(u.runs, i, *r)
	s.runs++
	if r.ID != "" {
		if u.ids == nil {
			u.ids = map[string]bool{}
		}
		u.ids[r.ID] = true
	}
}

func (s *segment) count(sum cron.Sum) {
	u := s.job(sum.Job)
	for i := range slices.Backward(u.sums) {
		if u.sums[i].At.Equal(sum.At) {
			u.sums[i].Add(sum)
			return
		}
	}
	u.sums = append(u.sums, sum)
}

// place is where a run is or would be. Most are newer than all there are.
func (u *unsettled) place(at int64, seq int) (int, bool) {
	if n := len(u.runs); n == 0 || u.runs[n-1].before(at, seq) {
		return n, false
	}
	return slices.BinarySearchFunc(u.runs, runRow{At: at, Seq: seq}, func(a, b runRow) int {
		return cmp.Or(cmp.Compare(a.At, b.At), a.Seq-b.Seq)
	})
}

// has says whether a run of the same start or the same id is there.
func (u *unsettled) has(r *runRow) bool {
	if u == nil {
		return false
	}
	if _, there := u.place(r.At, r.Seq); there {
		return true
	}
	return r.ID != "" && u.ids[r.ID]
}

// forget has the table read again.
func (j *journal) forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.loaded = false
}
