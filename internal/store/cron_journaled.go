package store

import (
	"context"
	"encoding/json"

	"github.com/envdeck/envdeck/internal/cron"
)

const addEntrySQL = `INSERT INTO cron_journal (body) VALUES ($1) RETURNING seq`

// writing is one use of the journal by a transaction, which may be tried more
// than once.
type writing struct {
	j     *journal
	entry entry
	seq   int64 // of its row, 0: it has none
	step  *settlement
}

// open begins a transaction's use of the journal.
func (j *journal) open(ctx context.Context) (*writing, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return &writing{j: j}, j.load(ctx)
}

// record has do write into the journal, and settles a step of what is due.
func (w *writing) record(l *cronLedger, do func(cron.Ledger) error) error {
	w.entry, w.seq = entry{}, 0
	if err := do(&journaled{cronLedger: l, w: w}); err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	if len(w.entry.Runs)+len(w.entry.Sums) > 0 {
		if err := w.put(l); err != nil {
			return err
		}
	}
	if w.step == nil && w.j.settling.TryLock() { // else somebody is at it
		if w.step = w.j.begin(false); w.step == nil {
			w.j.settling.Unlock()
		}
	}
	if w.step == nil {
		return nil
	}
	limit := settleIdle
	if n := len(w.entry.Runs); n > 0 {
		limit = max(w.j.step, settleMore*n)
	}
	return w.step.move(l, limit)
}

func (w *writing) put(l *cronLedger) error {
	body, err := json.Marshal(&w.entry)
	if err != nil {
		return err
	}
	s, err := l.prepared(addEntrySQL)
	if err != nil {
		return err
	}
	l.written++
	return s.QueryRowContext(l.ctx, body).Scan(&w.seq)
}

// close takes over what the transaction has written. After an error nobody
// knows what is on the disk, so the journal is read again.
func (w *writing) close(err error) {
	if w.step != nil {
		w.step.end(err)
	}
	w.j.mu.Lock()
	defer w.j.mu.Unlock()
	if err != nil {
		w.j.loaded = false
	} else if w.seq != 0 {
		w.j.add(w.seq, &w.entry)
	}
}

// journaled is the ledger of a transaction that has a journal.
type journaled struct {
	*cronLedger
	w *writing
}

// AddRun keeps a run, unless one of its id or its time is there.
func (l *journaled) AddRun(r cron.Run) (bool, error) {
	row := rowOf(&r)
	taken, err := l.taken(&row)
	if err != nil || taken {
		return false, err
	}
	l.w.entry.Runs = append(l.w.entry.Runs, row)
	return true, nil
}

// ChangeRun keeps what became of a run: the journal has it whole.
func (l *journaled) ChangeRun(r cron.Run) error {
	l.w.entry.Runs = append(l.w.entry.Runs, rowOf(&r))
	return nil
}

// AddSums keeps what is added to hours.
func (l *journaled) AddSums(hours []cron.Sum) error {
	for i := range hours {
		l.w.entry.Sums = append(l.w.entry.Sums, sumRowOf(&hours[i]))
	}
	return nil
}

// Kept is a job's state as of this transaction.
func (l *journaled) Kept(job int64, recent int) (cron.Kept, error) {
	var c cover
	for whole := false; !whole; {
		layers, err := l.w.j.layers(l.ctx, job)
		if err != nil {
			return cron.Kept{}, err
		}
		if c, whole, err = visible(l.ctx, l.tx, layers); err != nil {
			return cron.Kept{}, err
		}
		if !whole {
			l.w.j.forget() // nobody else settles as long as this transaction lasts
		}
	}
	mine := newSegment()
	for i := range l.w.entry.Runs {
		mine.put(&l.w.entry.Runs[i])
	}
	c.runs = over(c.runs, mine.job(job).runs)
	return keptRuns(l.ctx, l.tx, job, recent, c)
}

// taken says whether a run of the same start, or of the same id, is there. The
// tables are only asked when they can have one: most runs are newer than all.
func (l *journaled) taken(r *runRow) (bool, error) {
	for i := range l.w.entry.Runs {
		o := &l.w.entry.Runs[i]
		if o.Job == r.Job && (o.At == r.At && o.Seq == r.Seq || r.ID != "" && o.ID == r.ID) {
			return true, nil
		}
	}
	newest, known, there := l.w.j.look(r)
	if there {
		return true, nil
	}
	if !known {
		var err error
		if newest, err = l.number(`SELECT COALESCE(MAX(at), 0) FROM cron_runs WHERE job = $1`, r.Job); err != nil {
			return false, err
		}
		l.w.j.learn(r.Job, newest)
	}
	if r.At <= newest {
		if n, err := l.number(`SELECT COUNT(*) FROM cron_runs WHERE job = $1 AND at = $2 AND seq = $3`, r.Job, r.At, r.Seq); err != nil || n > 0 {
			return n > 0, err
		}
	}
	if r.ID == "" {
		return false, nil
	}
	n, err := l.number(`SELECT COUNT(*) FROM cron_runs WHERE job = $1 AND run_id = $2 AND run_id <> ''`, r.Job, r.ID)
	return n > 0, err
}

func (l *cronLedger) number(query string, args ...any) (n int64, err error) {
	s, err := l.prepared(query)
	if err != nil {
		return 0, err
	}
	return n, s.QueryRowContext(l.ctx, args...).Scan(&n)
}

// look finds a run in the journal, and how new the newest of its job is.
func (j *journal) look(r *runRow) (newest int64, known, there bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.current.jobs[r.Job].has(r) || j.sealed != nil && j.sealed.jobs[r.Job].has(r) {
		return 0, true, true
	}
	newest, known = j.newest[r.Job]
	return newest, known, false
}

func (j *journal) learn(job, newest int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.newest[job] = newest
}
