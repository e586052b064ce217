package release_test

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/cloudflare"
	"github.com/envdeck/envdeck/internal/release"
	simulated "github.com/envdeck/envdeck/internal/simulator/cloudflare"
	"github.com/envdeck/envdeck/internal/simulator/wire"
)

// rival is somebody else with a token of the same account.
type rival struct {
	t      *testing.T
	client provider.WorkerDeployer
}

const rivalAgent = "wrangler/4.0"

func (r *rig) rival() rival {
	r.t.Helper()
	api, err := cloudflare.Kind().Open(r.config.Projects[0].Providers["cloudflare"], provider.Deps{Clock: clock.Real(), UserAgent: rivalAgent, Dial: r.network.Dial})
	if err != nil {
		r.t.Fatal(err)
	}
	return rival{r.t, api.(provider.WorkerDeployer)}
}

func (v rival) deployments(script string) []provider.WorkerDeployment {
	v.t.Helper()
	all, err := v.client.WorkerDeployments(v.t.Context(), script)
	if err != nil || len(all) == 0 {
		v.t.Fatalf("%v, %v", all, err)
	}
	return all
}

func (v rival) versions(script string) []provider.WorkerVersion {
	v.t.Helper()
	all, err := v.client.WorkerVersions(v.t.Context(), script, nil)
	if err != nil || len(all) < 4 {
		v.t.Fatalf("%v, %v", all, err)
	}
	return all
}

// deploy gives the traffic to versions, all of it when there is one.
func (v rival) deploy(script string, shares ...provider.WorkerShare) {
	v.t.Helper()
	if _, err := v.client.DeployWorker(v.t.Context(), script, shares, "by hand", true); err != nil {
		v.t.Errorf("the rival: %v", err)
	}
}

func full(id string) provider.WorkerShare { return provider.WorkerShare{VersionID: id, Percent: 100} }

// settled gives a script's newest version all of the traffic, so that every
// test begins alike, and answers the versions, newest first.
func (v rival) settled(script string) []provider.WorkerVersion {
	versions := v.versions(script)
	v.deploy(script, full(versions[1].ID))
	v.deploy(script, full(versions[0].ID))
	return versions
}

// shifts are envdeck's own calls that were meant to move a Worker's traffic.
func (r *rig) shifts() (sent, changed int) {
	for _, e := range r.writes() {
		if e.Provider == "cloudflare" && e.UserAgent != rivalAgent && strings.HasSuffix(e.Path, "/deployments") {
			sent++
			if e.Changed {
				changed++
			}
		}
	}
	return sent, changed
}

func shiftFault(preset string, times int) wire.Rule {
	return wire.Rule{Provider: "cloudflare", Method: "POST", Path: "*/deployments", Preset: preset, Times: times}
}

func (r *rig) rollBackWorker(d *release.Desk, change ...func(*release.WorkerRollbackRequest)) (release.Operation, error) {
	q := release.WorkerRollbackRequest{Worker: "code", Reason: "it throws"}
	for _, fn := range change {
		fn(&q)
	}
	return d.RollbackWorker(r.t.Context(), r.boss, q)
}

// TestEveryFaultOfAWorkersRollbackHasItsEnd is one row a fault: what goes wrong
// outside, how the operation ends, and what was sent.
func TestEveryFaultOfAWorkersRollbackHasItsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		spoil         func(*rig)
		phase         release.Phase
		cause         release.Cause
		sent, changed int
	}{
		"nothing":                  {func(*rig) {}, release.Succeeded, "", 1, 1},
		"answer lost, carried out": {func(r *rig) { r.spoil(shiftFault("lost_answer", 1)) }, release.Succeeded, "", 1, 1},
		"timeout, carried out":     {func(r *rig) { r.spoil(shiftFault("timeout_after", 1)) }, release.Succeeded, "", 1, 1},
		"500, carried out": {func(r *rig) {
			r.spoil(wire.Rule{Provider: "cloudflare", Method: "POST", Path: "*/deployments", Kind: wire.AppliedButFailed, Times: 1})
		}, release.Succeeded, "", 1, 1},
		"an answer that cannot be read": {func(r *rig) { r.spoil(shiftFault("malformed", 1)) }, release.Succeeded, "", 1, 1},
		"500 once":                      {func(r *rig) { r.spoil(shiftFault("error_500", 1)) }, release.Succeeded, "", 2, 1},
		"502 once":                      {func(r *rig) { r.spoil(shiftFault("bad_gateway", 1)) }, release.Succeeded, "", 2, 1},
		"hang once":                     {func(r *rig) { r.spoil(shiftFault("hang", 1)) }, release.Succeeded, "", 2, 1},
		"hang for ever":                 {func(r *rig) { r.spoil(shiftFault("hang", 0)) }, release.NeedsHuman, release.CauseOutcome, 2, 0},
		"reset twice":                   {func(r *rig) { r.spoil(shiftFault("reset", 2)) }, release.NeedsHuman, release.CauseOutcome, 2, 0},
		"429 twice":                     {func(r *rig) { r.spoil(shiftFault("rate_limited", 2)) }, release.Succeeded, "", 3, 1},
		// A yes without its deployment is no certain answer.
		"accepted and never done": {func(r *rig) {
			r.spoil(wire.Rule{Provider: "cloudflare", Method: "POST", Path: "*/deployments", Kind: wire.NotAppliedButOK})
		}, release.NeedsHuman, release.CauseOutcome, 2, 0},
		"forbidden": {func(r *rig) { r.spoil(shiftFault("forbidden", 0)) }, release.Failed, release.CauseProviderNo, 1, 0},
		"reads fail for a while": {func(r *rig) {
			r.spoil(wire.Rule{Provider: "cloudflare", Method: "GET", Preset: "bad_gateway", Times: 9})
		}, release.Succeeded, "", 1, 1},
		"reads hang at first": {func(r *rig) {
			r.spoil(wire.Rule{Provider: "cloudflare", Method: "GET", Preset: "hang", Times: 2})
		}, release.Succeeded, "", 1, 1},
		"it can never be read": {func(r *rig) {
			r.spoil(wire.Rule{Provider: "cloudflare", Method: "GET", Preset: "bad_gateway"})
		}, release.Failed, release.CauseUnreadable, 0, 0},
		"it cannot be read after the call": {func(r *rig) {
			r.spoil(wire.Rule{Provider: "cloudflare", Method: "GET", Path: "*/deployments", Preset: "error_500", After: 2})
		}, release.NeedsHuman, release.CauseNotSwitched, 1, 1},
		"everything else is down": {func(r *rig) {
			for _, p := range []string{"vercel", "github", "sentry", "neon"} {
				r.spoil(wire.Rule{Provider: p, Preset: "hang"})
			}
		}, release.Succeeded, "", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				v := r.rival()
				versions := v.settled(simulated.Code)
				c.spoil(r)
				d, _ := r.desk()
				op, err := r.rollBackWorker(d)
				if err != nil {
					t.Fatal(err)
				}
				op = r.end(d, op.ID)
				want(t, op, c.phase, c.cause)
				if sent, changed := r.shifts(); sent != c.sent || changed != c.changed {
					t.Errorf("sent %d, %d with effect, want %d and %d\n%s", sent, changed, c.sent, c.changed, show(op))
				}
				r.sim.Exchange().Faults.Clear()
				serves := versions[c.changed].ID // the newest until the rollback has its effect
				if live := v.deployments(simulated.Code)[0]; live.Shares[0] != full(serves) {
					t.Errorf("%s serves, want %s\n%s", live.Shares[0].VersionID, serves, show(op))
				}
				r.workerInvariants(op)
			})
		})
	}
}

// workerInvariants are what holds after every operation on a Worker.
func (r *rig) workerInvariants(op release.Operation) {
	r.t.Helper()
	var sends, begun, done int
	for _, s := range op.Steps {
		if s.EndedAt == nil {
			r.t.Errorf("the step %s never ended", s.Name)
		}
		if s.Name == "shift" && s.Intent != "" {
			sends++
		}
	}
	if sent, _ := r.shifts(); sends != sent {
		r.t.Errorf("%d calls, %d intents\n%s", sent, sends, show(op))
	}
	proven := slices.ContainsFunc(op.Steps, func(s release.Step) bool { return s.Name == "serving" && s.Verdict == release.Pass })
	if proven != (op.Phase == release.Succeeded) {
		r.t.Errorf("ended as %s; proven: %v\n%s", op.Phase, proven, show(op))
	}
	for _, a := range r.audit() {
		switch {
		case a == "worker.rollback.requested requested":
			begun++
		case strings.HasPrefix(a, "system.act.worker_rollback."):
			done++
		}
	}
	if begun != 1 || done != 1 {
		r.t.Errorf("the audit log has %d beginnings and %d ends: %v", begun, done, r.audit())
	}
	r.verifyAudit()
}

// TestSomebodyElseDeploysAWorkerMeanwhile lets a rival in at each boundary.
func TestSomebodyElseDeploysAWorkerMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		at    string
		split bool
		phase release.Phase
		cause release.Cause
		says  string
		sent  int
	}{
		"before the switch":    {"save.switching.after", false, release.Refused, release.CauseMoved, "Nothing was changed by this operation", 0},
		"just before the call": {"call.shift.before", false, release.Succeeded, "", "which this has replaced", 1},
		"just after the call":  {"call.shift.after", false, release.Superseded, release.CauseSomebodyElse, "came after this operation's own", 1},
		"gradually":            {"call.shift.after", true, release.Superseded, release.CauseSomebodyElse, "30 % ", 1},
		"while it is proven":   {"save.confirming.after", false, release.Superseded, release.CauseSomebodyElse, "had been carried out before", 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				v := r.rival()
				versions := v.settled(simulated.Code)
				var once sync.Once
				d, _ := r.desk(func(o *release.Options) {
					o.Point = func(p string) {
						if p == c.at {
							once.Do(func() {
								if c.split {
									v.deploy(simulated.Code, provider.WorkerShare{VersionID: versions[2].ID, Percent: 30}, provider.WorkerShare{VersionID: versions[1].ID, Percent: 70})
									return
								}
								v.deploy(simulated.Code, full(versions[2].ID))
							})
						}
					}
				})
				op, err := r.rollBackWorker(d)
				if err != nil {
					t.Fatal(err)
				}
				op = r.end(d, op.ID)
				want(t, op, c.phase, c.cause)
				if text := show(op); !strings.Contains(text, c.says) {
					t.Errorf("it does not say %q\n%s", c.says, text)
				}
				if sent, _ := r.shifts(); sent != c.sent {
					t.Errorf("sent %d, want %d\n%s", sent, c.sent, show(op))
				}
				r.workerInvariants(op)
			})
		})
	}
}

// TestWorkerRefusals: each has its cause and its entry in the audit log, and
// sends nothing.
func TestWorkerRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		ask   func(*release.WorkerRollbackRequest, []provider.WorkerVersion)
		cause release.Cause
		kind  fault.Kind
	}{
		"no reason":       {func(q *release.WorkerRollbackRequest, _ []provider.WorkerVersion) { q.Reason = "  " }, release.CauseNoReason, fault.Invalid},
		"no such Worker":  {func(q *release.WorkerRollbackRequest, _ []provider.WorkerVersion) { q.Worker = "nobody" }, release.CauseNotFound, fault.NotFound},
		"no such version": {func(q *release.WorkerRollbackRequest, _ []provider.WorkerVersion) { q.VersionID = "nowhere" }, release.CauseNotFound, fault.NotFound},
		"serves already":  {func(q *release.WorkerRollbackRequest, all []provider.WorkerVersion) { q.VersionID = all[0].ID }, release.CauseAlreadyLive, fault.Conflict},
		"moved since":     {func(q *release.WorkerRollbackRequest, all []provider.WorkerVersion) { q.ExpectedCurrent = all[1].ID }, release.CauseMoved, fault.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				versions := r.rival().settled(simulated.Code)
				d, _ := r.desk()
				_, err := r.rollBackWorker(d, func(q *release.WorkerRollbackRequest) { c.ask(q, versions) })
				no, _ := errors.AsType[*release.No](err)
				if no == nil || no.Cause != c.cause || !fault.Is(err, c.kind) {
					t.Errorf("%v, want %s (%s)", err, c.cause, c.kind)
				}
				if sent, _ := r.shifts(); sent != 0 || !slices.Contains(r.audit(), "worker.rollback.refused refused") {
					t.Errorf("sent %d; %v", sent, r.audit())
				}
			})
		})
	}
}

func TestWhoMayNotRollAWorkerBackReachesNoProvider(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk()
		_, err := d.RollbackWorker(t.Context(), r.admin, release.WorkerRollbackRequest{Worker: "code", Reason: "x"})
		if !fault.Is(err, fault.Denied) || len(r.writes()) != 0 {
			t.Errorf("%v, %d writes", err, len(r.writes()))
		}
		if _, err := d.WorkerTargets(t.Context(), r.admin, "", "code"); err != nil {
			t.Errorf("an ADMIN may look: %v", err)
		}
		if _, err := d.WorkerTargets(t.Context(), access.Actor{}, "", "code"); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("nobody may not: %v", err)
		}
	})
}

func TestOneRollbackOfAWorkerAtATime(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		r.rival().settled(simulated.Code)
		r.rival().settled(simulated.Transpiler)
		r.spoil(shiftFault("hang", 1))
		d, _ := r.desk()
		first, err := r.rollBackWorker(d)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.rollBackWorker(d)
		if busy, _ := errors.AsType[*release.Busy](err); busy == nil || busy.ID != first.ID || !fault.Is(err, fault.Conflict) {
			t.Errorf("the second one: %v", err)
		}
		// Another Worker, and production, are other places.
		other, err := r.rollBackWorker(d, func(q *release.WorkerRollbackRequest) { q.Worker = "transpiler" })
		if err != nil {
			t.Fatal(err)
		}
		want(t, r.end(d, r.promote(d).ID), release.Succeeded, "")
		want(t, r.end(d, other.ID), release.Succeeded, "")
		want(t, r.end(d, first.ID), release.Succeeded, "")
	})
}

// TestASecretThatChangedHasToBeForced: the platform says it only when it is
// asked, so it is the end of the operation and not a refusal.
func TestASecretThatChangedHasToBeForced(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		v := r.rival()
		versions := v.versions(simulated.Backend)
		v.deploy(simulated.Backend, full(versions[0].ID))
		oldest := versions[len(versions)-1].ID
		d, _ := r.desk()
		ask := func(q *release.WorkerRollbackRequest) { q.Worker, q.VersionID = "backend", oldest }
		op, err := r.rollBackWorker(d, ask)
		if err != nil {
			t.Fatal(err)
		}
		op = r.end(d, op.ID)
		want(t, op, release.Failed, release.CauseSecrets)
		if !strings.Contains(op.Message, "force") || v.deployments(simulated.Backend)[0].Shares[0] != full(versions[0].ID) {
			t.Errorf("%s", op.Message)
		}
		op, err = r.rollBackWorker(d, ask, func(q *release.WorkerRollbackRequest) { q.Force = true })
		if err != nil {
			t.Fatal(err)
		}
		want(t, r.end(d, op.ID), release.Succeeded, "")
		if live := v.deployments(simulated.Backend)[0]; live.Shares[0] != full(oldest) || !strings.HasPrefix(live.Message, "envdeck "+op.ID) {
			t.Errorf("%+v", live)
		}
	})
}

// TestAGradualDeploymentIsEndedByGoingBack: while two versions have traffic,
// going back gives all of it to the one that served before.
func TestAGradualDeploymentIsEndedByGoingBack(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		v := r.rival()
		versions := v.settled(simulated.Code)
		v.deploy(simulated.Code, full(versions[1].ID))
		v.deploy(simulated.Code, provider.WorkerShare{VersionID: versions[0].ID, Percent: 10}, provider.WorkerShare{VersionID: versions[1].ID, Percent: 90})
		d, _ := r.desk()
		op, err := r.rollBackWorker(d)
		if err != nil {
			t.Fatal(err)
		}
		op = r.end(d, op.ID)
		want(t, op, release.Succeeded, "")
		if len(op.Worker.Serving) != 2 || op.To.ID != versions[1].ID || v.deployments(simulated.Code)[0].Shares[0] != full(versions[1].ID) {
			t.Errorf("%+v to %+v", op.Worker, op.To)
		}
	})
}

func TestWorkerTargetsSayWhy(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		v := r.rival()
		versions := v.settled(simulated.Code)
		d, _ := r.desk()
		targets := func() []release.WorkerCandidate {
			t.Helper()
			all, err := d.WorkerTargets(t.Context(), r.admin, "", "code")
			if err != nil || len(all) != 5 {
				t.Fatalf("%+v, %v", all, err)
			}
			for _, c := range all {
				if c.Why == "" || c.Version.ID == "" {
					t.Errorf("%+v", c)
				}
			}
			return all
		}
		if all := targets(); all[0].Version.ID != versions[1].ID || !all[0].Default || !all[0].Possible || all[0].Version.Tag != versions[1].Tag || all[0].Served == nil {
			t.Errorf("%+v", all[0])
		}
		op, err := r.rollBackWorker(d)
		if err != nil {
			t.Fatal(err)
		}
		want(t, r.end(d, op.ID), release.Succeeded, "")
		// What was gone back from is offered, and never by itself.
		for _, c := range targets() {
			if c.Version.ID == versions[0].ID && (c.Default || !strings.Contains(c.Why, "taken back")) {
				t.Errorf("%+v", c)
			}
			if c.Default && c.Version.ID == versions[1].ID {
				t.Error("the default is what serves")
			}
		}
	})
}

// TestAppliedButFailedIsNeverSentTwice: the platform carries each call out and
// says that it failed. WORKER_ROUNDS is how often (default: 20).
func TestAppliedButFailedIsNeverSentTwice(t *testing.T) {
	rounds := 20
	if n, err := strconv.Atoi(os.Getenv("WORKER_ROUNDS")); err == nil {
		rounds = n
	}
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		v := r.rival()
		versions := v.settled(simulated.Code)
		d, _ := r.desk()
		for i := range rounds {
			v.deploy(simulated.Code, full(versions[0].ID))
			then := []string{"status", "reset", "timeout"}[i%3]
			r.spoil(wire.Rule{Provider: "cloudflare", Method: "POST", Path: "*/deployments", Kind: wire.AppliedButFailed, Then: then, Times: 1})
			op, err := r.rollBackWorker(d, func(q *release.WorkerRollbackRequest) { q.VersionID = versions[1+i%3].ID })
			if err != nil {
				t.Fatal(err)
			}
			want(t, r.end(d, op.ID), release.Succeeded, "")
			if sent, changed := r.shifts(); sent != i+1 || changed != i+1 {
				t.Fatalf("round %d: sent %d, %d with effect", i, sent, changed)
			}
		}
		r.verifyAudit()
	})
}

// TestAWorkersRollbackCanBeCancelledUntilItIsSent.
func TestAWorkersRollbackCanBeCancelledUntilItIsSent(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		r.rival().settled(simulated.Code)
		r.spoil(wire.Rule{Provider: "cloudflare", Method: "GET", Preset: "error_500"})
		d, _ := r.desk()
		op, err := r.rollBackWorker(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Cancel(t.Context(), r.boss, op.ID, "not that one"); err != nil {
			t.Fatal(err)
		}
		want(t, r.end(d, op.ID), release.Cancelled, release.CauseAsked)
		if sent, _ := r.shifts(); sent != 0 {
			t.Errorf("sent %d", sent)
		}
	})
}

// workerWay is a Worker's rollback among the ways that are stopped everywhere.
func workerWay() way {
	return way{func(r *rig) { r.rival().settled(simulated.Code) }, func(r *rig, d *release.Desk) (release.Operation, error) { return r.rollBackWorker(d) }, release.Succeeded}
}
