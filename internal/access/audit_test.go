package access_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// receipt is one that the Gate gave for a promotion.
func (w *world) receipt(t testing.TB, a access.Actor, environment, reason string) access.Receipt {
	t.Helper()
	permit, err := w.Gate.Allow(t.Context(), a, access.Promote, access.On{Project: "app", Environment: environment, Object: "dpl_1"})
	if err != nil {
		t.Fatal(err)
	}
	return permit.Receipt(access.Note{Reason: reason, Detail: access.Detail{From: "dpl_0", To: "dpl_1", Commit: "0123abc"}})
}

func (w *world) verify(t testing.TB, exported ...access.Head) access.Verification {
	t.Helper()
	v, err := w.VerifyAudit(t.Context(), access.OperatorActor("test"), exported...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// unguard takes the guards away that an intruder with the database's password
// could take away, too.
func unguard(t testing.TB, db *store.DB) *sql.DB {
	t.Helper()
	raw := storetest.Raw(t, db)
	drops := []string{`DROP TRIGGER audit_entries_no_update`, `DROP TRIGGER audit_entries_no_delete`}
	if db.Kind() == "postgres" {
		drops = []string{`DROP TRIGGER audit_entries_no_change ON audit_entries`, `DROP TRIGGER audit_entries_no_truncate ON audit_entries`}
	}
	for _, q := range drops {
		if _, err := raw.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	return raw
}

func TestAuditIsAppendOnly(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		newWorld(t, db)
		raw := storetest.Raw(t, db)
		for _, q := range []string{`UPDATE audit_entries SET reason = 'x'`, `DELETE FROM audit_entries`, `DELETE FROM audit_entries WHERE seq = 1`} {
			if _, err := raw.ExecContext(t.Context(), q); err == nil {
				t.Errorf("%s went through", q)
			}
		}
		if db.Kind() == "postgres" {
			if _, err := raw.ExecContext(t.Context(), `TRUNCATE audit_entries`); err == nil {
				t.Error("TRUNCATE went through")
			}
		}
	})
}

func TestNoActWithoutAReceipt(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		permit, err := w.Gate.Allow(t.Context(), w.actor(t, w.boot.Admin), access.ViewStatus, access.On{})
		if err != nil {
			t.Fatal(err)
		}
		before := w.verify(t)
		for name, r := range map[string]access.Receipt{"made up": {}, "of a read": permit.Receipt(access.Note{})} {
			err := db.CreateUser(t.Context(), access.User{ID: "usr_x", Issuer: "local", Subject: "x", Name: "x", Role: access.Admin, CreatedAt: w.clock.Now()}, r)
			if !fault.Is(err, fault.Internal) {
				t.Errorf("a receipt %s was taken: %v", name, err)
			}
			if _, err := db.UserByID(t.Context(), "usr_x"); !fault.Is(err, fault.NotFound) {
				t.Errorf("the act happened: %v", err)
			}
		}
		if after := w.verify(t); after.Head != before.Head {
			t.Errorf("the log grew to %v", after.Head)
		}
	})
}

// An act that can not be recorded does not happen.
func TestNoActWithoutAnEntry(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		block := []string{`CREATE TRIGGER full_log BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'full'); END`}
		if db.Kind() == "postgres" {
			block = []string{
				`CREATE FUNCTION full_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full'; END $$`,
				`CREATE TRIGGER full_log BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION full_log()`,
			}
		}
		raw := storetest.Raw(t, db)
		for _, q := range block {
			if _, err := raw.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.CreateUser(t.Context(), access.OperatorActor("test"), access.NewUser{Login: "x", Role: access.Admin}); err == nil {
			t.Fatal("the user was created")
		}
		if _, err := db.UserBySubject(t.Context(), access.LocalIssuer, "x"); !fault.Is(err, fault.NotFound) {
			t.Fatalf("the user is there: %v", err)
		}
	})
}

// Many writers at once make one chain.
func TestAuditChainHoldsUnderConcurrency(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		super := w.actor(t, w.boot.SuperAdmin)
		before := w.verify(t).Entries
		var wg sync.WaitGroup
		for n := range 8 {
			receipt := w.receipt(t, super, "prod", fmt.Sprint("writer ", n))
			wg.Go(func() {
				for range 25 {
					if _, err := db.AppendAudit(t.Context(), receipt); err != nil {
						t.Errorf("append: %v", err)
					}
				}
			})
		}
		wg.Wait()
		if v := w.verify(t); !v.Sound() || v.Entries != before+200 {
			t.Fatalf("%+v, want %d sound entries", v, before+200)
		}
	})
}

// tamper is one way to falsify the log: it answers the first entry that is
// wrong then.
type tamper func(t *testing.T, raw *sql.DB, n int64, r *rand.Rand) (first int64)

func exec(t *testing.T, raw *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := raw.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

var textColumns = []string{
	"actor_kind", "actor_id", "actor_name", "token_id", "session_id", "face", "action", "project", "environment",
	"object", "reason", "result", "request_id", "address", "detail", "prev_hash", "hash",
}

func flip(t *testing.T, raw *sql.DB, n int64, r *rand.Rand) int64 {
	seq := 1 + r.Int64N(n)
	column := textColumns[r.IntN(len(textColumns))]
	var old string
	if err := raw.QueryRowContext(t.Context(), `SELECT `+column+` FROM audit_entries WHERE seq = $1`, seq).Scan(&old); err != nil {
		t.Fatal(err)
	}
	b := []byte(old)
	if len(b) == 0 {
		b = []byte("x")
	} else {
		i := r.IntN(len(b))
		b[i] = byte('!' + (int(b[i]-'!')+1+r.IntN(90))%94) // another printable one
	}
	exec(t, raw, `UPDATE audit_entries SET `+column+` = $1 WHERE seq = $2`, string(b), seq)
	return seq
}

func backdate(t *testing.T, raw *sql.DB, n int64, r *rand.Rand) int64 {
	seq := 1 + r.Int64N(n)
	exec(t, raw, `UPDATE audit_entries SET at = at - 1 WHERE seq = $1`, seq)
	return seq
}

func drop(t *testing.T, raw *sql.DB, n int64, r *rand.Rand) int64 {
	seq := 1 + r.Int64N(n)
	exec(t, raw, `DELETE FROM audit_entries WHERE seq = $1`, seq)
	return seq
}

func swap(t *testing.T, raw *sql.DB, n int64, r *rand.Rand) int64 {
	a, b := 1+r.Int64N(n), 1+r.Int64N(n-1)
	if b >= a {
		b++
	}
	for _, move := range [][2]int64{{a, -1}, {b, a}, {-1, b}} {
		exec(t, raw, `UPDATE audit_entries SET seq = $1 WHERE seq = $2`, move[1], move[0])
	}
	return min(a, b)
}

func closeUp(t *testing.T, raw *sql.DB, n int64, r *rand.Rand) int64 {
	seq := 1 + r.Int64N(n)
	exec(t, raw, `DELETE FROM audit_entries WHERE seq = $1`, seq)
	for s := seq + 1; s <= n; s++ { // the gap is hidden
		exec(t, raw, `UPDATE audit_entries SET seq = $1 WHERE seq = $2`, s-1, s)
	}
	return seq
}

// cut takes the end off and sets the head back, which leaves a chain that is
// sound in itself.
func cut(t *testing.T, raw *sql.DB, n int64, r *rand.Rand) int64 {
	seq := 1 + r.Int64N(n)
	exec(t, raw, `DELETE FROM audit_entries WHERE seq >= $1`, seq)
	exec(t, raw, `UPDATE audit_heads SET seq = $1, hash = COALESCE((SELECT hash FROM audit_entries WHERE seq = $1), $2)`, seq-1, access.GenesisHash)
	return seq
}

func forge(t *testing.T, raw *sql.DB, n int64, r *rand.Rand) int64 {
	seq := 1 + r.Int64N(n)
	exec(t, raw, `UPDATE audit_entries SET actor_id = 'usr_x', hash = $1 WHERE seq = $2`, strings.Repeat("ab", 32), seq)
	exec(t, raw, `UPDATE audit_entries SET prev_hash = $1 WHERE seq = $2`, strings.Repeat("ab", 32), seq+1)
	return seq
}

func TestTampering(t *testing.T) {
	kinds := map[string]tamper{"flip": flip, "backdate": backdate, "drop": drop, "swap": swap, "close up": closeUp, "cut": cut, "forge": forge}
	names := []string{"flip", "flip", "flip", "backdate", "drop", "swap", "close up", "cut", "forge"}
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		super := w.actor(t, w.boot.SuperAdmin)
		for n := range 19 {
			if _, err := db.AppendAudit(t.Context(), w.receipt(t, super, "prod", fmt.Sprint("reason ", n))); err != nil {
				t.Fatal(err)
			}
		}
		raw := unguard(t, db)
		exec(t, raw, `CREATE TABLE saved AS SELECT * FROM audit_entries`)
		exec(t, raw, `CREATE TABLE saved_heads AS SELECT * FROM audit_heads`)
		exported := w.verify(t).Head
		if v := w.verify(t, exported); !v.Sound() || v.Entries < 20 {
			t.Fatalf("to begin with: %+v", v)
		}
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		tries := 1000
		if db.Kind() == "postgres" || raceOn {
			tries = 200 // the rule is the same; there the SQL is what is tested
		}
		for range tries {
			name := names[r.IntN(len(names))]
			want := kinds[name](t, raw, exported.Seq, r)
			if v := w.verify(t, exported); v.BadSeq != want || v.Problem == "" {
				t.Fatalf("%s: the first bad entry is %d, but %+v", name, want, v)
			}
			exec(t, raw, `DELETE FROM audit_entries`)
			exec(t, raw, `INSERT INTO audit_entries SELECT * FROM saved`)
			exec(t, raw, `DELETE FROM audit_heads`)
			exec(t, raw, `INSERT INTO audit_heads SELECT * FROM saved_heads`)
		}
		if v := w.verify(t, exported); !v.Sound() {
			t.Fatalf("at the end: %+v", v)
		}
	})
}

// grow appends n entries at once, without one fsync each.
func (w *world) grow(t testing.TB, n int) {
	t.Helper()
	raw := storetest.Raw(t, w.db)
	head, err := w.db.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	receipt := w.receipt(t, w.actor(t, w.boot.SuperAdmin), "prod", "a reason of the usual length, with a ticket: OPS-1234")
	tx, err := raw.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	insert, err := tx.PrepareContext(t.Context(), `INSERT INTO audit_entries VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = insert.Close() }()
	for range n {
		e, err := receipt.Seal(head.Seq+1, head.Hash)
		if err != nil {
			t.Fatal(err)
		}
		head = access.Head{Seq: e.Seq, Hash: e.Hash, At: e.At}
		if _, err := insert.ExecContext(t.Context(), e.Seq, e.At.UnixMicro(), string(e.ActorKind), e.ActorID, e.ActorName, e.TokenID, e.SessionID,
			string(e.Face), e.Action, e.Project, e.Environment, e.Object, e.Reason, string(e.Result), e.RequestID, e.Address, e.Detail, e.PrevHash, e.Hash); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tx.ExecContext(t.Context(), `UPDATE audit_heads SET seq = $1, hash = $2, at = $3`, head.Seq, head.Hash, head.At.UnixMicro()); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyHundredThousand(t *testing.T) {
	entries := 100_000
	if testing.Short() || raceOn {
		entries = 5_000 // the race detector is the point then, not the number
	}
	w := newWorld(t, storetest.Open(t))
	w.grow(t, entries)
	begun := time.Now()
	v := w.verify(t)
	t.Logf("%d entries verified in %v", v.Entries, time.Since(begun))
	if !v.Sound() || v.Entries < int64(entries) {
		t.Fatalf("%+v", v)
	}
}

func BenchmarkVerifyAudit(b *testing.B) {
	w := newWorld(b, storetest.Open(b))
	w.grow(b, 100_000)
	for b.Loop() {
		w.verify(b)
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/100k-entries")
}

func TestHeadIsExported(t *testing.T) {
	w := &world{clock: newHand(), db: storetest.Open(t), keys: testKeys(t)}
	var heads []access.Head
	var err error
	w.Control, err = access.New(t.Context(), access.Config{
		Store: w.db, Keys: w.keys, Clock: w.clock, HeadEvery: 10, OnHead: func(h access.Head) { heads = append(heads, h) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.boot, err = w.Bootstrap(t.Context(), access.OperatorActor("test"), true); err != nil {
		t.Fatal(err)
	}
	super := w.actor(t, w.boot.SuperAdmin)
	for range 29 {
		if _, err := w.db.AppendAudit(t.Context(), w.receipt(t, super, "prod", "x")); err != nil {
			t.Fatal(err)
		}
	}
	if len(heads) != 3 || heads[2].Seq != 30 {
		t.Fatalf("the heads are %+v", heads)
	}
	if v := w.verify(t, heads...); !v.Sound() {
		t.Fatalf("%+v", v)
	}
	heads[1].Hash = heads[2].Hash
	if v := w.verify(t, heads...); v.BadSeq != 20 {
		t.Fatalf("a rewritten log is sound: %+v", v)
	}
}

func TestActivity(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		super := w.actor(t, w.boot.SuperAdmin)
		for n := range 10 {
			w.clock.advance(time.Minute)
			environment := []string{"prod", "next"}[n%2]
			if _, err := db.AppendAudit(ctx, w.receipt(t, super, environment, fmt.Sprint(n))); err != nil {
				t.Fatal(err)
			}
		}
		begun := w.clock.Now().Add(-10 * time.Minute)
		reasons := func(f access.AuditFilter) string {
			t.Helper()
			var got []string
			for {
				page, err := w.Activity(ctx, super, f)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Entries {
					got = append(got, e.Reason)
				}
				if page.Next == 0 {
					return strings.Join(got, "")
				}
				f.Before = page.Next
			}
		}
		for _, test := range []struct {
			filter access.AuditFilter
			want   string
		}{
			{access.AuditFilter{Action: "release", Limit: 3}, "9876543210"},
			{access.AuditFilter{Action: "release.promote", Environment: "next", Limit: 2}, "97531"},
			{access.AuditFilter{Environment: "prod", From: begun.Add(2 * time.Minute), To: begun.Add(6 * time.Minute)}, "42"},
			{access.AuditFilter{Actor: super.ID, Action: "release"}, "9876543210"},
			{access.AuditFilter{Actor: super.Name, Environment: "next"}, "97531"},
			{access.AuditFilter{Actor: super.TokenID, Environment: "next"}, "97531"},
			{access.AuditFilter{Project: "app", Result: access.Done}, "9876543210"},
			{access.AuditFilter{Action: "rel"}, ""},
			{access.AuditFilter{Action: "%"}, ""},
			{access.AuditFilter{Actor: "' OR 1=1 --"}, ""},
			{access.AuditFilter{Environment: "prod; DROP TABLE users", Result: "x"}, ""},
		} {
			if got := reasons(test.filter); got != test.want {
				t.Errorf("%+v gives %q, want %q", test.filter, got, test.want)
			}
		}
		for _, bad := range []access.AuditFilter{{Limit: -1}, {Limit: access.MaxPage + 1}, {Before: -1}, {From: begun, To: begun}} {
			_, err := w.Activity(ctx, super, bad)
			wantKind(t, err, fault.Invalid)
		}
		e, err := w.Entry(ctx, super, 2)
		if err != nil || e.Seq != 2 {
			t.Fatal(e, err)
		}
		_, err = w.Entry(ctx, super, 9999)
		wantKind(t, err, fault.NotFound)
	})
}

func TestExport(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	ctx := t.Context()
	super := w.actor(t, w.boot.SuperAdmin)
	hostile := []string{"=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "a,\"b\"", "line\nbreak\r", "\u202eevil", "normal"}
	for _, reason := range hostile {
		if _, err := w.db.AppendAudit(ctx, w.receipt(t, super, "prod", reason)); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	m, err := w.Export(ctx, super, access.AuditFilter{Action: "release"}, access.CSV, "for the audit", &out)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+len(hostile) || m.Entries != int64(len(hostile)) || m.FirstSeq <= m.LastSeq {
		t.Fatalf("%d rows, manifest %+v", len(rows), m)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("the cell %q is a formula", cell)
			}
		}
	}
	if !w.Genuine(m) {
		t.Error("the manifest does not verify")
	}
	m.Entries--
	if w.Genuine(m) {
		t.Error("a changed manifest verifies")
	}

	out.Reset()
	if m, err = w.Export(ctx, super, access.AuditFilter{}, access.JSONL, "", &out); err != nil {
		t.Fatal(err)
	}
	var got []access.Entry
	for line := range bytes.Lines(out.Bytes()) {
		var e access.Entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	all, err := w.db.AuditEntries(ctx, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(got)
	if len(got) != len(all) || int64(len(got)) != m.Entries || got[3] != all[3] {
		t.Fatalf("%d entries were exported of %d", len(got), len(all))
	}
	_, err = w.Export(ctx, super, access.AuditFilter{}, "xlsx", "", &out)
	wantKind(t, err, fault.Invalid)
	_, err = w.Export(ctx, w.actor(t, w.boot.Report), access.AuditFilter{}, access.CSV, "", &out)
	wantKind(t, err, fault.Denied)
}

// A flood of refusals leaves a few entries that say how many there were.
func TestRefusalsAreSummed(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Gate.Run(ctx) }()
	before := w.verify(t).Entries
	const flood = 5000
	for n := range flood {
		a := access.Actor{Address: fmt.Sprint("192.0.2.", n%256), RequestID: fmt.Sprint(n)}
		_, err := w.Gate.Allow(t.Context(), a, access.Promote, access.On{})
		wantKind(t, err, fault.Unauthenticated)
	}
	for n := range 500 { // and one of many names
		_, err := w.Gate.Allow(t.Context(), access.Actor{Kind: access.Machine, ID: fmt.Sprint("usr_", n)}, access.Promote, access.On{})
		wantKind(t, err, fault.Denied)
	}
	end()
	<-done
	all, err := w.db.AuditEntries(t.Context(), before, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) > 100 {
		t.Errorf("%d entries", len(all))
	}
	sum := int64(0)
	for _, e := range all {
		var d access.Detail
		if err := json.Unmarshal([]byte(e.Detail), &d); err != nil {
			t.Fatal(err)
		}
		if e.Result != access.Denied {
			t.Errorf("%+v", e)
		}
		sum += max(d.Count, 1)
	}
	if sum != flood+500 {
		t.Errorf("the entries stand for %d refusals, want %d", sum, flood+500)
	}
}
