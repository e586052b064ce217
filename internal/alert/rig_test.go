package alert_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// rig is the room on a real database beside the real cron room, and a receiver
// that can be broken.
type rig struct {
	t       *testing.T
	db      *store.DB
	control *access.Control
	desk    *alert.Desk
	book    *cron.Book
	boss    access.Actor
	inbox   *inbox
	stop    func()
}

// inbox is a receiver: what arrived, and what it answers.
type inbox struct {
	mu   sync.Mutex
	got  []alert.Delivery
	down func(alert.Delivery) error // nil: it takes everything
	at   []time.Time
}

func (i *inbox) send(ctx context.Context, d alert.Delivery) error {
	i.mu.Lock()
	down := i.down
	i.mu.Unlock()
	if down != nil {
		if err := down(d); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got, i.at = append(i.got, d), append(i.at, time.Now())
	return nil
}

// all is what arrived so far, and when.
func (i *inbox) all() ([]alert.Delivery, []time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.got), slices.Clone(i.at)
}

func (i *inbox) breaks(how func(alert.Delivery) error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = how
}

// heard is what arrived, as "kind event", and is forgotten then.
func (i *inbox) heard() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []string
	for _, d := range i.got {
		all = append(all, string(d.Kind)+" "+string(d.Event))
	}
	i.got = nil
	return all
}

var errBroken = errors.New("the receiver is on fire")

func shop() catalog.Catalog {
	u, _ := url.Parse("https://shop.example.com")
	return catalog.Catalog{{Name: "shop", Environments: []catalog.Environment{
		{Name: "dev", Kind: catalog.Local}, {Name: "next", Kind: catalog.Staging}, {Name: "prod", Kind: catalog.Production, URL: u},
	}}}
}

func newRig(t *testing.T, db *store.DB) *rig {
	t.Helper()
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, db: db, inbox: &inbox{}, boss: access.Actor{Kind: access.Person, ID: "u", Name: "boss", Role: access.SuperAdmin, SessionID: "s"}}
	if r.control, err = access.New(t.Context(), access.Config{Store: db, Keys: keys, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	r.start()
	return r
}

// start runs the rooms, as a process that begins.
func (r *rig) start(on ...string) {
	r.t.Helper()
	if len(on) == 0 {
		on = []string{"*"}
	}
	log := slog.New(slog.DiscardHandler)
	memory := cache.NewMemory()
	keeper := cache.NewKeeper(memory, clock.Real(), log)
	var err error
	r.book, err = cron.New(r.t.Context(), cron.Options{
		Projects: []cron.Project{{Catalog: shop()[0]}}, Store: r.db, Gate: r.control.Gate, Keeper: keeper, Clock: clock.Real(), Log: log,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	engine := alert.NewEngine(alert.Options{
		Catalog: shop(), Store: r.db, Clock: clock.Real(), Log: log, Interval: 10 * time.Second, Links: alert.Links{Key: secret.New("links")}, URL: "https://deck.example.com",
		Receivers: []alert.Receiver{{Name: "inbox", On: on, Send: r.inbox.send}},
	})
	r.desk = alert.NewDesk(engine, r.control.Gate)
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(ctx) })
	running.Go(func() { _ = r.book.Run(ctx) })
	r.stop = func() {
		cancel()
		running.Wait()
		memory.Close()
	}
}

// bubble runs a test in virtual time, which begins at a whole hour.
func bubble(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, storetest.Open(t))
		defer func() { r.stop() }()
		test(t, r)
	})
}

func (r *rig) wait(d time.Duration) {
	if err := clock.Real().Sleep(r.t.Context(), d); err != nil { // the bubble's time
		r.t.Fatal(err)
	}
	synctest.Wait()
}

// job makes a job that is due every so often by cron expression.
func (r *rig) report(path, schedule string, s cron.Signal) {
	r.t.Helper()
	_, err := r.book.Report(r.t.Context(), access.Actor{Kind: access.Machine, ID: "u", Role: access.Admin, Scope: access.Report, TokenID: "t"}, cron.Report{
		Signal: s, ExitCode: -1, Via: "test", Duration: 2 * time.Second, Timed: true,
		To: cron.Target{Project: "shop", Environment: "prod", Path: path, Create: true, Timetable: cron.Timetable{Schedule: schedule, Grace: time.Minute}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// probe keeps a sample of now, as the recorder of health does.
func (r *rig) probe(v health.Verdict) {
	r.t.Helper()
	s := health.Sample{At: time.Now().UTC(), Verdict: v}
	if v != health.Healthy {
		s.Reason = "HTTP 502"
	}
	if err := r.db.AppendSamples(r.t.Context(), []health.Record{{Project: "shop", Environment: "prod", Sample: s}}); err != nil {
		r.t.Fatal(err)
	}
}

// probes keeps one every 10 seconds: h healthy, d down, g degraded, u unknown.
func (r *rig) probes(dots string) {
	r.t.Helper()
	words := map[rune]health.Verdict{'h': health.Healthy, 'd': health.Down, 'g': health.Degraded, 'u': health.Unknown}
	for _, dot := range dots {
		r.probe(words[dot])
		r.wait(10 * time.Second)
	}
}

// begin starts an operation on prod that has switched, and answers its end.
func (r *rig) begin(id string, change ...func(*release.Operation)) (end func(p release.Phase, message string)) {
	r.t.Helper()
	ctx, now := r.t.Context(), time.Now().UTC()
	permit, err := r.control.Gate.Allow(ctx, r.boss, access.Promote, access.On{Project: "shop", Environment: "prod", Object: id})
	if err != nil {
		r.t.Fatal(err)
	}
	o := release.Operation{
		ID: id, Project: "shop", Environment: "prod", Action: release.Promote, Phase: release.Requested, Reason: "test", CreatedAt: now, PhaseAt: now, RecordEnvironment: "production",
		From: &release.Build{ID: "dpl_1", Commit: strings.Repeat("a", 40)}, To: &release.Build{ID: "dpl_2", Commit: strings.Repeat("b", 40), Message: "Break it"},
	}
	for _, fn := range change {
		fn(&o)
	}
	if err := r.db.Begin(ctx, o, "", permit.Receipt(access.Note{Reason: "test"})); err != nil {
		r.t.Fatal(err)
	}
	lease, o, _, ok, err := r.db.Claim(ctx, release.Claim{Owner: id, Now: now, Real: now, TTL: time.Hour})
	if err != nil || !ok {
		r.t.Fatal(err, ok)
	}
	save := func() {
		r.t.Helper()
		if err := r.db.Save(ctx, lease, release.Change{Operation: o, WakeAt: time.Now().Add(time.Minute), Steps: []release.Step{{Seq: 1, Phase: o.Phase, Name: "watch", Observation: "looked", StartedAt: now}}}); err != nil {
			r.t.Fatal(err)
		}
	}
	o.Phase, o.Work.Intended = release.Baking, true
	save()
	return func(p release.Phase, message string) {
		r.t.Helper()
		ended := time.Now().UTC()
		o.Phase, o.Message, o.EndedAt = p, message, &ended
		if p == release.RolledBack {
			o.Stayed = []string{"The database stays as it is."}
		}
		save()
	}
}

func (r *rig) incidents() []alert.Incident {
	r.t.Helper()
	all, err := r.desk.List(r.t.Context(), r.boss, alert.Query{})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// only is the one incident that lasts.
func (r *rig) only() alert.Incident {
	r.t.Helper()
	all, err := r.desk.List(r.t.Context(), r.boss, alert.Query{Open: true})
	if err != nil || len(all) != 1 {
		r.t.Fatalf("open are %+v, %v; want one", all, err)
	}
	one, err := r.desk.Incident(r.t.Context(), r.boss, all[0].ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return one
}

func kinds(i alert.Incident) string {
	var all []string
	for _, e := range i.Timeline {
		all = append(all, string(e.Kind))
	}
	return strings.Join(all, " ")
}

// probeOf keeps a sample of another environment: down, or not running.
func (r *rig) probeOf(environment string, running bool) {
	r.t.Helper()
	s := health.Sample{At: time.Now().UTC(), Verdict: health.Down, Offline: !running}
	if err := r.db.AppendSamples(r.t.Context(), []health.Record{{Project: "shop", Environment: environment, Sample: s}}); err != nil {
		r.t.Fatal(err)
	}
}
