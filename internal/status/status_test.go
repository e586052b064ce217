package status_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/status"
)

const (
	liveSHA = "1111111111111111111111111111111111111111"
	nextSHA = "2222222222222222222222222222222222222222"
	oldSHA  = "0000000000000000000000000000000000000000"
)

// outside is every outside service at once, answering what a test decides.
type outside struct {
	mu       sync.Mutex
	err      error
	live     provider.Live
	next     provider.Deployment
	history  provider.DeploymentList
	compare  map[string]provider.Comparison
	errors   map[string]int64
	day      provider.ErrorDay
	visitors int64
	compared atomic.Int64
}

func answer[T any](o *outside, pick func() T) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		var none T
		return none, o.err
	}
	return pick(), nil
}

func (o *outside) change(fn func()) { o.mu.Lock(); defer o.mu.Unlock(); fn() }

func (o *outside) Live(context.Context) (provider.Live, error) {
	return answer(o, func() provider.Live { return o.live })
}

func (o *outside) Newest(context.Context, catalog.Source) (provider.Deployment, error) {
	return answer(o, func() provider.Deployment { return o.next })
}

func (o *outside) Deployments(_ context.Context, q provider.DeploymentQuery) (provider.DeploymentList, error) {
	return answer(o, func() provider.DeploymentList {
		if q.Target == provider.TargetPreview {
			return provider.DeploymentList{}
		}
		return o.history
	})
}

func (o *outside) Deployment(context.Context, string) (provider.Deployment, error) {
	return provider.Deployment{}, fault.New(fault.NotFound, "no such build")
}

func (o *outside) Visitors(context.Context, time.Time, time.Time) (int64, error) {
	return answer(o, func() int64 { return o.visitors })
}

func (o *outside) ErrorCounts(context.Context, time.Duration) (map[string]int64, error) {
	return answer(o, func() map[string]int64 { return o.errors })
}

func (o *outside) ErrorHours(context.Context) (provider.ErrorDay, error) {
	return answer(o, func() provider.ErrorDay { return o.day })
}

func (o *outside) Compare(_ context.Context, base, head string) (provider.Comparison, error) {
	o.compared.Add(1)
	return answer(o, func() provider.Comparison {
		c := o.compare[base+".."+head]
		c.Base, c.Head = base, head
		return c
	})
}

// samples is the health of each environment.
type samples struct{ sync.Map }

func (s *samples) Latest(_, environment string) (health.Sample, bool) {
	v, ok := s.Load(environment)
	if !ok {
		return health.Sample{}, false
	}
	return v.(health.Sample), true
}

func (s *samples) Day(_, environment string) (health.History, bool) {
	v, ok := s.Load("day of " + environment)
	if !ok {
		return health.History{}, false
	}
	return v.(health.History), true
}

func address(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func project(t *testing.T) catalog.Project {
	return catalog.Project{Name: "spike.land", Environments: []catalog.Environment{
		{Name: "dev", Kind: catalog.Local, URL: address(t, "http://localhost:3000"), Health: "/api/health", From: catalog.Source{Mode: catalog.FromReport}},
		{Name: "next", Kind: catalog.Staging, URL: address(t, "https://next.spike.land"), Health: "/api/health", Sentry: "preview", From: catalog.Source{Mode: catalog.FromStaged}},
		{Name: "prod", Kind: catalog.Production, URL: address(t, "https://spike.land"), Health: "/api/health", Sentry: "production", From: catalog.Source{Mode: catalog.FromLive}},
	}}
}

func world(now time.Time) *outside {
	build := func(id, sha, message string, stage provider.Stage, age time.Duration) provider.Deployment {
		return provider.Deployment{
			ID: id, URL: "https://" + id + ".vercel.app", Commit: sha, Message: message + "\n\nbody", Branch: "main", Author: "alice", Creator: "alice",
			State: provider.Ready, Target: provider.TargetProduction, Stage: stage, CreatedAt: now.Add(-age), ReadyAt: now.Add(-age + time.Minute),
		}
	}
	live := build("dpl_live", liveSHA, "Live thing (#10)", provider.Promoted, 48*time.Hour)
	next := build("dpl_next", nextSHA, "Next thing (#12)", provider.Staged, time.Hour)
	old := build("dpl_old", oldSHA, "Old thing (#8)", provider.Promoted, 96*time.Hour)
	return &outside{
		live: provider.Live{Deployment: live, ProductionBranch: "main", Measured: true, Domains: []provider.Domain{{Name: "spike.land", DeploymentID: "dpl_live"}}},
		next: next, history: provider.DeploymentList{Items: []provider.Deployment{next, live, old}},
		errors: map[string]int64{"production": 41, "": 3}, visitors: 120,
		day: provider.ErrorDay{From: now.Truncate(time.Hour).Add(-24 * time.Hour), To: now.Truncate(time.Hour).Add(time.Hour), ByEnvironment: map[string][]provider.ErrorHour{
			"production": {{At: now.Truncate(time.Hour).Add(-3 * time.Hour), Count: 40}, {At: now.Truncate(time.Hour), Count: 1, Open: true}},
		}},
		compare: map[string]provider.Comparison{
			liveSHA + ".." + nextSHA: {Relation: provider.AheadOf, Ahead: 7, PullRequests: []provider.PullRequest{{Number: 12, Title: "Next thing", URL: "https://github.com/o/r/pull/12", Author: "alice"}}},
			oldSHA + ".." + liveSHA:  {Relation: provider.AheadOf, Ahead: 2, PullRequests: []provider.PullRequest{{Number: 10, Title: "Live thing"}}},
		},
	}
}

// start runs a board on the outside until the bubble ends.
func start(t *testing.T, o *outside, s *samples) *status.Board {
	t.Helper()
	store := cache.NewMemory()
	keeper := cache.NewKeeper(store, clock.Real(), slog.New(slog.DiscardHandler))
	b := status.New(status.Options{
		Project: project(t), Providers: provider.Set{{Name: "vercel", API: o}}, Keeper: keeper, Store: store,
		Samples: s, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = keeper.Run(ctx) })
	running.Go(func() { _ = b.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait(); store.Close() })
	return b
}

func healthy(commit string) health.Sample {
	return health.Sample{At: time.Now(), Verdict: health.Healthy, Status: 200, Commit: commit, Phases: health.Phases{Total: 42}}
}

func TestTheWholePicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &samples{}
		s.Store("prod", healthy(liveSHA))
		s.Store("next", healthy(nextSHA[:7]))
		s.Store("dev", health.Sample{At: time.Now(), Verdict: health.Unknown, Offline: true, Reason: "nothing listens there"})
		b := start(t, world(time.Now()), s)
		synctest.Wait()
		b.Changed()
		synctest.Wait()
		got := b.Status().Value

		if got.Environments["dev"] != nil {
			t.Errorf("dev does not run and did not report, yet is %+v", got.Environments["dev"])
		}
		prod, next := got.Environments["prod"], got.Environments["next"]
		if *prod.Commit != "1111111" || *prod.CommitMessage != "Live thing (#10)" || *prod.Branch != "main" || *prod.DeployedBy != "alice" {
			t.Errorf("prod's build is wrong: %s", dump(prod))
		}
		if prod.Health != health.Healthy || prod.Drift != status.DriftNone || prod.Lifecycle != status.LifecycleLive {
			t.Errorf("prod's state is wrong: %s", dump(prod))
		}
		if *prod.ErrorCount24h != 41 || *prod.ActiveUsers != 120 || !cmp.Equal(*prod.PRsIncluded, []string{"#10 Live thing"}) {
			t.Errorf("prod's numbers are wrong: %s", dump(prod))
		}
		if *next.CommitsAhead != 7 || *next.CommitsBehind != 0 || !cmp.Equal(*next.PRsIncluded, []string{"#12 Next thing"}) || next.Lifecycle != status.LifecycleStaged {
			t.Errorf("next's changes are wrong: %s", dump(next))
		}
		if *next.ErrorCount24h != 0 {
			t.Errorf("no row of errors means none: %s", dump(next))
		}
		if next.ActiveUsers != nil || next.Unknown["activeUsers"] == "" || next.Drift != status.DriftNone {
			t.Errorf("next: %s", dump(next))
		}
		d := b.Deployments().Value
		if d.CurrentProd == nil || d.CurrentProd.ID != "dpl_live" || !d.CurrentProd.Live || d.CurrentNext.ID != "dpl_next" || len(d.Deployments) != 3 {
			t.Errorf("deployments: %s", dump(d))
		}
	})
}

func TestAnAnswerChangesOnlyWhenAFactDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, s := world(time.Now()), &samples{}
		s.Store("prod", healthy(liveSHA))
		b := start(t, o, s)
		synctest.Wait()
		<-time.After(time.Second)
		first := b.Status()
		for range 20 { // ten minutes of polls, refreshes and probes that find the same
			<-time.After(30 * time.Second)
			sample := healthy(liveSHA)
			sample.Phases.Total = 50
			s.Store("prod", sample)
			b.Changed()
			synctest.Wait()
			if got := b.Status(); got.ETag != first.ETag || &got.JSON[0] != &first.JSON[0] {
				t.Fatalf("the answer changed though no fact did:\n%s\n%s", first.JSON, got.JSON)
			}
		}
		if ages := b.Ages().Header; !strings.Contains(ages, "vercel=") || strings.Contains(ages, "stale") {
			t.Errorf("ages = %q", ages)
		}
		o.change(func() { o.errors = map[string]int64{"production": 42} })
		for range 12 { // somebody keeps looking
			b.Status()
			<-time.After(30 * time.Second)
		}
		if got := b.Status(); got.ETag == first.ETag || !got.Value.LastUpdated.After(first.Value.LastUpdated) {
			t.Error("a new count of errors did not change the answer")
		}
	})
}

// The day of an environment is told in words that hold still: a probe more that
// finds the same changes nothing, a minute more of a fault does.
func TestUptimeHoldsStillWhileNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &samples{}
		s.Store("prod", healthy(liveSHA))
		began := time.Now()
		day := func(healthy, down time.Duration) {
			bar := health.Bar{From: began, To: began.Add(30 * time.Minute), Healthy: healthy, Down: down}
			s.Store("day of prod", health.History{Bars: []health.Bar{bar}, Total: bar})
		}
		b := start(t, world(began), s)
		look := func() *status.Snapshot[status.Status] {
			<-time.After(30 * time.Second)
			b.Changed()
			synctest.Wait()
			return b.Status()
		}
		if got := look().Value.Environments["prod"]; got.Uptime != nil || got.Unknown["uptime"] == "" {
			t.Errorf("a day that is not known: %s", dump(got))
		}
		day(time.Minute, 0)
		first := look()
		if got := first.Value.Environments["prod"].Uptime; got == nil || *got.Share != 1 || got.Bars[0].State != health.StateHealthy || got.Bars[0].DownSeconds != 0 {
			t.Errorf("%s", dump(got))
		}
		day(time.Minute+30*time.Second, 0)
		if got := look(); got.ETag != first.ETag {
			t.Error("a probe that found the same changed the answer")
		}
		day(8*time.Hour, 90*time.Millisecond)
		if got := look().Value.Environments["prod"].Uptime; *got.Share != 0.9999 || got.Bars[0].State != health.StateDown || got.Bars[0].DownSeconds != 1 {
			t.Errorf("a short fault was rounded away: %s", dump(got))
		}
	})
}

func TestABrokenProviderKeepsWhatWasKnownAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := world(time.Now())
		b := start(t, o, &samples{})
		synctest.Wait()
		b.Status()
		o.change(func() {
			o.err = &fault.Error{Kind: fault.Unavailable, Message: "Vercel answered 503.", Provider: "vercel"}
		})
		<-time.After(3 * time.Minute)
		got := b.Status().Value
		if prod := got.Environments["prod"]; prod.Commit == nil || *prod.Commit != "1111111" {
			t.Errorf("the last known build is gone: %s", dump(prod))
		}
		source := got.Sources[0]
		if source.Name != "vercel" || !source.Stale || source.Error == nil || source.Error.Kind != "unavailable" || source.FetchedAt == nil {
			t.Errorf("the source does not tell: %s", dump(source))
		}
		if ages := b.Ages().Header; !strings.Contains(ages, "vercel=180;stale") {
			t.Errorf("ages = %q, want the age of the last good answer and its mark", ages)
		}
	})
}

func TestWhatWasNeverKnownIsNullWithItsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outside{err: fault.New(fault.Rejected, "Vercel refused the token (401).")}
		b := start(t, o, &samples{})
		<-time.After(5 * time.Second)
		prod := b.Status().Value.Environments["prod"]
		if prod.Commit != nil || prod.ErrorCount24h != nil || prod.ActiveUsers != nil || prod.PRsIncluded != nil || prod.CommitsAhead != nil {
			t.Errorf("something was made up: %s", dump(prod))
		}
		for _, field := range []string{"commit", "errorCount24h", "activeUsers", "prsIncluded", "health"} {
			if prod.Unknown[field] == "" {
				t.Errorf("%s is null without a reason", field)
			}
		}
		if prod.Health != health.Unknown || prod.Lifecycle != status.LifecycleUnknown || prod.Drift != status.DriftUnknown {
			t.Errorf("an unknown state looks known: %s", dump(prod))
		}
		if !strings.Contains(string(b.Status().JSON), `"commit":null`) {
			t.Error("the JSON does not say null")
		}
	})
}

func TestServedCommitIsComparedWithTheDeployedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &samples{}
		s.Store("prod", healthy(oldSHA))
		b := start(t, world(time.Now()), s)
		synctest.Wait()
		b.Changed()
		synctest.Wait()
		prod := b.Status().Value.Environments["prod"]
		if prod.Drift != status.DriftServed || *prod.ServedCommit != oldSHA {
			t.Errorf("drift is not seen: %s", dump(prod))
		}
	})
}

func TestAPromotionIsSeenWithItsNewComparison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := world(time.Now())
		b := start(t, o, &samples{})
		synctest.Wait()
		b.Status()
		o.change(func() {
			o.live.Deployment = o.next
			o.compare[liveSHA+".."+nextSHA] = provider.Comparison{Relation: provider.AheadOf, Ahead: 7}
		})
		<-time.After(3 * time.Minute)
		got := b.Status().Value
		if prod := got.Environments["prod"]; *prod.Commit != "2222222" {
			t.Errorf("prod is %s", dump(prod))
		}
		if next := got.Environments["next"]; next.CommitsAhead == nil || *next.CommitsAhead != 0 {
			t.Errorf("next is level with production now: %s", dump(next))
		}
	})
}

func TestAReportLivesThirtySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, world(time.Now()), &samples{})
		report := status.Report{Commit: "abcdef1234", Branch: "fix/login", Message: "WIP\nmore", Dirty: true, Ahead: 2, PullRequest: 14}
		if err := b.Report(t.Context(), report); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		dev := b.Status().Value.Environments["dev"]
		if dev == nil || *dev.Branch != "fix/login" || *dev.Commit != "abcdef1" || *dev.CommitMessage != "WIP" || !dev.Report.Dirty || (*dev.PRsIncluded)[0] != "#14" {
			t.Fatalf("dev = %s", dump(dev))
		}
		etag := b.Status().ETag
		<-time.After(20 * time.Second)
		if err := b.Report(t.Context(), report); err != nil { // the same again: no news
			t.Fatal(err)
		}
		<-time.After(20 * time.Second)
		if got := b.Status(); got.ETag != etag {
			t.Errorf("a renewed report changed the answer: %s", got.JSON)
		}
		<-time.After(20 * time.Second)
		if dev := b.Status().Value.Environments["dev"]; dev != nil {
			t.Errorf("the report outlived its 30 seconds: %s", dump(dev))
		}
	})
}

func TestABadReportChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, world(time.Now()), &samples{})
		for _, r := range []status.Report{
			{}, {Branch: "x", Commit: "not hex!"}, {Branch: "x", Ahead: -1},
		} {
			if err := b.Report(t.Context(), r); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v, want Invalid", r, err)
			}
		}
		synctest.Wait()
		if b.Status().Value.Environments["dev"] != nil {
			t.Error("a refused report is shown")
		}
	})
}

func TestHostileTextIsMadeFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := world(time.Now())
		o.live.Deployment.Message = "a\u202Eb\x00\x1b[31m" + strings.Repeat("x", 10_000) + "\nsecond"
		o.live.Deployment.InspectorURL = "javascript:alert(1)"
		o.live.Deployment.Branch = strings.Repeat("b", 10_000)
		b := start(t, o, &samples{})
		synctest.Wait()
		prod := b.Status().Value.Environments["prod"]
		if strings.ContainsAny(*prod.CommitMessage, "\x00\x1b\u202E\n") || len([]rune(*prod.CommitMessage)) > 301 || len(*prod.Branch) > 200 || prod.InspectorURL != nil {
			t.Errorf("hostile text came through: %s", dump(prod))
		}
	})
}

func dump(v any) string {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// What was not counted is a gap and no 0; who has no line had no errors, unless
// there were more lines than fit.
func TestErrorsByTheHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := world(time.Now())
		b := start(t, o, &samples{})
		synctest.Wait()
		prod, next := b.Status().Value.Environments["prod"], b.Status().Value.Environments["next"]
		known, total := 0, int64(0)
		for _, h := range prod.ErrorHours {
			if h.Count != nil {
				known++
				total += *h.Count
			}
		}
		last := prod.ErrorHours[len(prod.ErrorHours)-1]
		if len(prod.ErrorHours) != 25 || known != 2 || total != 41 || !last.Open || prod.ErrorSource != "vercel" {
			t.Errorf("prod: %d hours, %d known with %d errors\n%s", len(prod.ErrorHours), known, total, dump(prod))
		}
		for _, h := range next.ErrorHours {
			if h.Count == nil || *h.Count != 0 {
				t.Fatalf("next had no errors, yet one hour is %s", dump(h))
			}
		}
		o.change(func() { o.day.Truncated = true })
		b.Refresh(t.Context())
		if next := b.Status().Value.Environments["next"]; next.ErrorHours != nil || !strings.Contains(next.Unknown["errorHours"], "more environments") {
			t.Errorf("next may have had errors: %s", dump(next))
		}
		o.change(func() {
			o.err = &fault.Error{Kind: fault.Unavailable, Message: "Sentry answered 503.", Provider: "sentry"}
		})
		b.Refresh(t.Context())
		if prod := b.Status().Value.Environments["prod"]; len(prod.ErrorHours) != 25 || !b.Status().Value.Sources[0].Stale {
			t.Errorf("what was known is gone, or does not look old: %s", dump(prod))
		}
	})
}
