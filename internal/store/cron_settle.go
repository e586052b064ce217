package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
)

// When a segment is sealed and settled: when it has many runs of each of a
// thousand jobs, when it is this old, or soon when it has few, so that no
// transaction which somebody waits for has much to do. The first bounds memory
// too, and the work of a start after a crash.
const (
	settleFull = 1 << 14
	settleLate = 5 * time.Second
	settleFew  = 1 << 12
	settleSoon = time.Second
	// settleStep is how many runs at least a transaction puts into their places
	// beside what it was made for; settleMore how many for each that it brings,
	// so that many who report at once share the work; settleIdle how many when
	// nobody reports.
	settleStep = 32
	settleMore = 8
	settleIdle = 1 << 10
)

// settleRuns replaces what is there of a run; and should another have taken its
// id, the newer one stays rather than that no report can be written any more.
var settleRuns = &many{head: `INSERT OR REPLACE INTO cron_runs (` + runColumns + `) VALUES`, columns: 18}

// settlement is the part that one transaction has in settling a segment.
type settlement struct {
	j        *journal
	segment  *segment
	from, to int  // of its runs in order: those that this transaction moves
	whole    bool // and with them the segment
	foreign  bool // somebody else has settled it
}

// begin takes up settling when a segment is due, or all the same; nil when there
// is none. The caller holds settling, until the settlement ends.
func (j *journal) begin(anyway bool) *settlement {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.sealed == nil {
		if j.current.rows == 0 || !anyway && !j.due() {
			return nil
		}
		j.seal()
	}
	return &settlement{j: j, segment: j.sealed, from: j.sealed.moved}
}

// due says that the segment which grows has grown enough. The caller holds mu.
func (j *journal) due() bool {
	age := j.db.clock.Now().Sub(j.current.began)
	return j.current.runs >= j.full || age >= settleLate || age >= settleSoon && j.current.runs < settleFew
}

// arrange puts the runs of a segment that grows no more into the order of the
// table.
func (s *segment) arrange() {
	ids := make([]int64, 0, len(s.jobs))
	for id := range s.jobs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	s.order = make([]runRow, 0, s.runs)
	for _, id := range ids {
		from := len(s.order)
		s.order = append(s.order, s.jobs[id].runs...)
		s.jobs[id].runs = s.order[from:len(s.order):len(s.order)]
	}
}

// move puts the next runs of the segment into their places; it may be done
// again. With the last ones go the sums and the rows of the journal, in this
// transaction, so that nothing is counted twice.
func (s *settlement) move(l *cronLedger, limit int) error {
	n, err := l.number(`SELECT COUNT(*) FROM cron_journal WHERE seq BETWEEN $1 AND $2`, s.segment.first, s.segment.last)
	if err != nil {
		return err
	}
	// Another process that works on this database, as while one server takes
	// over from another, may have been here: what it wrote is newer.
	if s.foreign = int(n) != s.segment.rows; s.foreign {
		return nil
	}
	s.to, s.whole = min(s.from+limit, len(s.segment.order)), false
	runs := s.segment.order[s.from:s.to]
	err = l.insert(settleRuns, len(runs), func(args []any, i int) []any { return runs[i].values(args) })
	if err != nil || s.to < len(s.segment.order) {
		return err
	}
	s.whole = true
	if err := l.AddSums(s.segment.sums()); err != nil {
		return err
	}
	_, err = l.exec(`DELETE FROM cron_journal WHERE seq BETWEEN $1 AND $2`, s.segment.first, s.segment.last)
	return err
}

// sums are those of a segment in the order of the table.
func (s *segment) sums() []cron.Sum {
	var all []cron.Sum
	for _, u := range s.jobs {
		all = append(all, u.sums...)
	}
	slices.SortFunc(all, func(a, b cron.Sum) int { return cmp.Or(cmp.Compare(a.Job, b.Job), a.At.Compare(b.At)) })
	return all
}

// end notes what the transaction has done, and gives up settling.
func (s *settlement) end(err error) {
	j := s.j
	defer j.settling.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err != nil || j.sealed != s.segment: // as it was, or read again since
	case s.foreign:
		j.loaded = false
	case s.whole:
		j.settled(s.segment)
	default:
		s.segment.moved = s.to
	}
}

// settled forgets a segment whose runs and sums are where they belong.
func (j *journal) settled(s *segment) {
	for id, u := range s.jobs {
		if n := len(u.runs); n > 0 {
			if at, known := j.newest[id]; known {
				j.newest[id] = max(at, u.runs[n-1].At)
			}
		}
	}
	j.sealed = nil
}

// settleAll settles everything that was reported up to now, in transactions of
// its own.
func (j *journal) settleAll(ctx context.Context) error {
	for {
		more, err := j.settleOne(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// settleOne settles the oldest segment; false when there is none.
func (j *journal) settleOne(ctx context.Context) (bool, error) {
	const what = "put reports of cron jobs into their places"
	j.settling.Lock()
	j.mu.Lock()
	err := j.load(ctx)
	j.mu.Unlock()
	var step *settlement
	if err == nil {
		step = j.begin(true)
	}
	if step == nil {
		j.settling.Unlock()
		return false, j.db.fault(err, what)
	}
	err = j.db.tx(ctx, what, func(tx *sql.Tx) error {
		l := &cronLedger{ctx: ctx, tx: tx, statements: map[string]*sql.Stmt{}, lite: true}
		defer l.close()
		return step.move(l, len(step.segment.order))
	})
	step.end(err)
	return err == nil, err
}

// before says that the journal has runs of a job that began before a time.
func (j *journal) before(ctx context.Context, job int64, at time.Time) (bool, error) {
	layers, err := j.layers(ctx, job)
	return slices.ContainsFunc(layers, func(l layer) bool { return len(l.runs) > 0 && l.runs[0].At < at.UnixMicro() }), err
}

// leave settles what this process knows of before it ends: the next one has
// nothing to take over, and the tables say everything.
func (j *journal) leave() {
	j.mu.Lock()
	known := j.loaded && (j.sealed != nil || j.current.rows > 0)
	j.mu.Unlock()
	if !known {
		return
	}
	if err := j.settleAll(context.Background()); err != nil {
		j.db.log.Warn("reports of cron jobs stay in the journal until the next start", "error", err)
	}
}
