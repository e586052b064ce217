package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// epoch is when the tests' runs begin.
var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// book is what a database has to say of runs, kept in the plainest way.
type book struct {
	runs    []cron.Run // of all jobs
	sums    map[string]cron.Sum
	outputs map[int64][]byte
}

func (b *book) clone() *book {
	return &book{runs: slices.Clone(b.runs), sums: maps.Clone(b.sums), outputs: maps.Clone(b.outputs)}
}

func (b *book) add(r cron.Run) bool {
	for _, o := range b.runs {
		if o.Job == r.Job && (o.At.Equal(r.At) && o.Seq == r.Seq || r.ID != "" && o.ID == r.ID) {
			return false
		}
	}
	b.runs = append(b.runs, r)
	return true
}

func (b *book) change(r cron.Run) {
	for i, o := range b.runs {
		if o.Job == r.Job && o.At.Equal(r.At) && o.Seq == r.Seq {
			b.runs[i] = r
		}
	}
}

func (b *book) count(s cron.Sum) {
	key := fmt.Sprint(s.Job, s.At.Unix())
	there := b.sums[key]
	s.Add(there)
	b.sums[key] = s
}

// of are the runs of a job in [from, to), newest first.
func (b *book) of(job int64, from, to time.Time) (out []cron.Run) {
	for _, r := range b.runs {
		if r.Job == job && !r.At.Before(from) && r.At.Before(to) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(x, y cron.Run) int {
		if c := y.At.Compare(x.At); c != 0 {
			return c
		}
		return y.Seq - x.Seq
	})
	return out
}

// compare holds everything that can be read of three jobs against the book.
func (b *book) compare(t *testing.T, db *store.DB) {
	t.Helper()
	ctx, far := t.Context(), epoch.AddDate(1, 0, 0)
	for job := range int64(3) {
		all := b.of(job, time.Unix(0, 0), far)
		for _, limit := range []int{3, 1000} {
			got, err := db.CronRuns(ctx, job, time.Unix(0, 0), far, limit)
			same(t, fmt.Sprintf("the newest %d runs of %d", limit, job), got, all[:min(limit, len(all))], err)
		}
		from, to := epoch.Add(10*time.Minute), epoch.Add(20*time.Minute)
		got, err := db.CronRuns(ctx, job, from, to, 1000)
		same(t, fmt.Sprintf("the runs of %d in between", job), got, b.of(job, from, to), err)

		kept, err := db.CronKept(ctx, job, 5, time.Unix(0, 0))
		slices.Reverse(kept.Recent)
		same(t, fmt.Sprintf("the recent runs of %d", job), kept.Recent, all[:min(5, len(all))], err)
		open := slices.DeleteFunc(slices.Clone(all), func(r cron.Run) bool { return !r.EndedAt.IsZero() })
		slices.Reverse(kept.Open)
		same(t, fmt.Sprintf("the open runs of %d", job), kept.Open, open, err)
		for _, s := range kept.Hours {
			if want := b.sums[fmt.Sprint(s.Job, s.At.Unix())]; s != want {
				t.Fatalf("the hour %s of %d is %+v, not %+v", s.At, job, s, want)
			}
		}
		hours := 0
		for _, s := range b.sums {
			if s.Job == job {
				hours++
			}
		}
		if len(kept.Hours) != hours {
			t.Fatalf("%d of %d hours of %d", len(kept.Hours), hours, job)
		}
		for _, r := range all {
			body, err := db.CronOutput(ctx, job, r.At, r.Seq)
			if err != nil || !bytes.Equal(body, b.outputs[r.OutputID]) {
				t.Fatalf("%+v printed %q, not %q: %v", r, body, b.outputs[r.OutputID], err)
			}
		}
	}
}

func same(t *testing.T, what string, got, want []cron.Run, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

var errOnPurpose = errors.New("on purpose")

// act does some random things in one transaction, on the database and in the
// book.
func act(t *testing.T, dice *rand.Rand, db *store.DB, b *book) *book {
	t.Helper()
	fails := dice.IntN(12) == 0
	var next *book
	err := db.RecordCrons(t.Context(), func(l cron.Ledger) error {
		next = b.clone()
		for range 1 + dice.IntN(5) {
			if err := step(dice, l, next); err != nil {
				return err
			}
		}
		if fails {
			return errOnPurpose
		}
		return nil
	})
	switch {
	case fails && errors.Is(err, errOnPurpose):
		return b
	case err != nil || fails:
		t.Fatalf("fails: %t, but %v", fails, err)
	}
	return next
}

func step(dice *rand.Rand, l cron.Ledger, b *book) error {
	job := dice.Int64N(3)
	if len(b.runs) > 0 && dice.IntN(3) == 0 {
		r := b.runs[dice.IntN(len(b.runs))]
		r.State, r.EndedAt, r.StatusCode = cron.Failed, r.At.Add(time.Second), 500+dice.IntN(9)
		if dice.IntN(2) == 0 {
			body := fmt.Appendf(nil, "more %d", dice.Int())
			id, err := l.PutOutput(r.OutputID, body)
			if err != nil {
				return err
			}
			r.OutputID, r.Output = id, len(body)
			b.outputs[id] = body
		}
		b.change(r)
		return l.ChangeRun(r)
	}
	if dice.IntN(4) == 0 {
		s := cron.Sum{Job: job, At: epoch.Add(time.Duration(dice.IntN(3)) * time.Hour), Good: 1, Timed: 1, Total: time.Second, Max: time.Duration(dice.IntN(9)) * time.Second}
		b.count(s)
		return l.AddSums([]cron.Sum{s})
	}
	r := cron.Run{Job: job, At: epoch.Add(time.Duration(dice.IntN(30)) * time.Minute), Seq: dice.IntN(2), State: cron.Running, ExitCode: -1, Via: "ping"}
	if dice.IntN(2) == 0 {
		r.ID = fmt.Sprintf("run-%d", dice.IntN(40))
	}
	if dice.IntN(2) == 0 {
		r.State, r.EndedAt, r.Timed, r.Duration, r.Slot, r.Error = cron.Succeeded, r.At.Add(time.Minute), true, time.Minute, r.At, "no <error>"
	}
	added, err := l.AddRun(r)
	if err != nil {
		return err
	}
	if want := b.add(r); added != want {
		return fmt.Errorf("%+v was added: %t", r, added)
	}
	return nil
}

// Whatever is reported, wherever in between the journal is settled, the process
// dies or another one takes over: everything that is read says what was
// reported, once.
func TestNobodySeesTheJournal(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			dice, dir := rand.New(rand.NewPCG(seed, 1)), t.TempDir()
			db := storetest.OpenDir(t, dir)
			store.SettleEvery(db, 1+dice.IntN(20), 1+dice.IntN(6))
			b := &book{sums: map[string]cron.Sum{}, outputs: map[int64][]byte{}}
			var before []*store.DB // processes that died, or wait for their end
			for range 40 {
				b = act(t, dice, db, b)
				b.compare(t, db)
				switch dice.IntN(12) {
				case 0: // another process takes over
					before = append(before, db)
					db = storetest.OpenDir(t, dir)
					store.SettleEvery(db, 1+dice.IntN(20), 1+dice.IntN(6))
					b.compare(t, db)
				case 1: // the one before ends in peace, and settles what it thinks is unsettled
					for _, old := range before {
						if err := old.Close(); err != nil {
							t.Fatal(err)
						}
					}
					before = nil
					b.compare(t, db)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			after := storetest.OpenDir(t, dir)
			b.compare(t, after)
			var left int
			if err := storetest.Raw(t, after).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM cron_journal`).Scan(&left); err != nil || left != 0 {
				t.Errorf("%d rows are left in the journal, %v", left, err)
			}
		})
	}
}

// Whoever reads while reports come and are settled sees each that was answered
// before, and none twice.
func TestReadersOfTheJournal(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	store.SettleEvery(db, 50, 7)
	var answered, begun atomic.Int64
	ended := make(chan struct{})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for done := false; !done; {
				select {
				case <-ended:
					done = true
				default:
				}
				least := answered.Load()
				sums, err := db.CronSums(t.Context(), 1, false, time.Unix(0, 0), epoch.AddDate(1, 0, 0))
				most := begun.Load()
				var good int64
				for _, s := range sums {
					good += s.Good
				}
				if err != nil || good < least || good > most {
					t.Errorf("%d runs are counted; %d were answered, %d begun: %v", good, least, most, err)
					return
				}
				least = answered.Load()
				runs, err := db.CronRuns(t.Context(), 1, time.Unix(0, 0), epoch.AddDate(1, 0, 0), 10_000)
				if n := int64(len(runs)); err != nil || n < least || n > begun.Load() {
					t.Errorf("%d runs are listed; %d were answered: %v", n, least, err)
					return
				}
			}
		})
	}
	for i := range 300 {
		begun.Add(1)
		err := db.RecordCrons(t.Context(), func(l cron.Ledger) error {
			at := epoch.Add(time.Duration(i) * time.Second)
			if _, err := l.AddRun(cron.Run{Job: 1, At: at, EndedAt: at, State: cron.Succeeded, ExitCode: -1}); err != nil {
				return err
			}
			return l.AddSums([]cron.Sum{{Job: 1, At: at.Truncate(time.Hour), Good: 1}})
		})
		if err != nil {
			t.Error(err)
			break
		}
		answered.Add(1)
	}
	close(ended)
	all.Wait()
}

// A run that has left the journal is still known, by its start and by its id.
func TestTheJournalForgetsNoRun(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	store.SettleEvery(db, 1, 1)
	add := func(minute int, id string) (added bool) {
		t.Helper()
		err := db.RecordCrons(t.Context(), func(l cron.Ledger) (err error) {
			added, err = l.AddRun(cron.Run{Job: 1, At: epoch.Add(time.Duration(minute) * time.Minute), ID: id, ExitCode: -1})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return added
	}
	for i := range 20 {
		if id := fmt.Sprintf("run-%d", i); !add(i, id) {
			t.Errorf("run %d was not added", i)
		}
		if add(i/2, "") || add(i, "") {
			t.Errorf("after run %d, one of a start that was there was added", i)
		}
		if add(100+i, fmt.Sprintf("run-%d", i/2)) {
			t.Errorf("after run %d, one of an id that was there was added", i)
		}
	}
}
