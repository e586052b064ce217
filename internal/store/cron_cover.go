package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
)

// cover is what lies over what the tables say of one job.
type cover struct {
	runs []runRow // by start
	sums []cron.Sum
}

// layer is what one segment has of a job.
type layer struct {
	first, last int64 // rows of the segment
	cover
}

// covered has a read of a job's runs or sums see everything that was answered:
// read lays the cover over what it finds in the tables.
func (db *DB) covered(ctx context.Context, job int64, read func(q rowsFrom, c cover) error) error {
	if db.journal == nil {
		return read(db.read, cover{})
	}
	for {
		layers, err := db.journal.layers(ctx, job)
		if err != nil {
			return err
		}
		if len(layers) == 0 {
			return read(db.read, cover{})
		}
		if whole, err := db.overlaid(ctx, layers, read); err != nil || whole {
			return err
		}
		db.journal.forget()
	}
}

// overlaid has read see layers over the tables; false when another process has
// settled a part of one in the meantime.
func (db *DB) overlaid(ctx context.Context, layers []layer, read func(q rowsFrom, c cover) error) (bool, error) {
	// One view of the journal and the tables, whoever writes meanwhile.
	tx, err := db.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	c, whole, err := visible(ctx, tx, layers)
	if err != nil || !whole {
		return false, err
	}
	return true, read(tx, c)
}

// layers are what is not settled of a job, the oldest first.
func (j *journal) layers(ctx context.Context, job int64) (all []layer, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.load(ctx); err != nil {
		return nil, err
	}
	for _, s := range []*segment{j.sealed, j.current} {
		if s != nil && s.jobs[job] != nil {
			all = append(all, layer{s.first, s.last, cover{slices.Clone(s.jobs[job].runs), slices.Clone(s.jobs[job].sums)}})
		}
	}
	return all, nil
}

// visible is the cover of a job in the eyes of a transaction: what it finds in
// the tables already does not lie over them. False when it finds a part.
func visible(ctx context.Context, q rowsFrom, layers []layer) (c cover, whole bool, err error) {
	for _, l := range layers {
		var first, last bool
		err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM cron_journal WHERE seq = $1), EXISTS (SELECT 1 FROM cron_journal WHERE seq = $2)`,
			l.first, l.last).Scan(&first, &last)
		if err != nil || first != last {
			return c, false, err
		}
		if first {
			c.runs, c.sums = over(c.runs, l.runs), append(c.sums, l.sums...)
		}
	}
	return c, true, nil
}

// over lays runs over others of the same job; both are by start, and so is what
// comes out.
func over(below, above []runRow) []runRow {
	out := make([]runRow, 0, len(below)+len(above))
	for i := range above {
		a := &above[i]
		for len(below) > 0 && below[0].before(a.At, a.Seq) {
			out, below = append(out, below[0]), below[1:]
		}
		if len(below) > 0 && below[0].At == a.At && below[0].Seq == a.Seq {
			below = below[1:]
		}
		out = append(out, *a)
	}
	return append(out, below...)
}

// lay lays the cover over runs of the tables, which are by start, and keeps
// those that want says.
func (c *cover) lay(below []cron.Run, want func(*runRow) bool) []cron.Run {
	if len(c.runs) == 0 {
		return below
	}
	out := make([]cron.Run, 0, len(below)+len(c.runs))
	for i := range c.runs {
		a := &c.runs[i]
		for len(below) > 0 && a.after(&below[0]) {
			out, below = append(out, below[0]), below[1:]
		}
		if len(below) > 0 && a.same(&below[0]) {
			below = below[1:]
		}
		if want(a) {
			out = append(out, a.run())
		}
	}
	return append(out, below...)
}

// output is where a run's output is, when the cover has the run.
func (c *cover) output(at int64, seq int) (id int64, there bool) {
	for i := range c.runs {
		if r := &c.runs[i]; r.At == at && r.Seq == seq {
			return r.OutputID, true
		}
	}
	return 0, false
}

// count adds the cover to sums of the tables, which are by time.
func (c *cover) count(sums []cron.Sum, from, to time.Time) []cron.Sum {
	for _, more := range c.sums {
		if more.At.Before(from) || !more.At.Before(to) {
			continue
		}
		i, there := slices.BinarySearchFunc(sums, more, func(a, b cron.Sum) int { return a.At.Compare(b.At) })
		if there {
			sums[i].Add(more)
		} else {
			sums = slices.Insert(sums, i, more)
		}
	}
	return sums
}
