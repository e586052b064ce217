package release

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/lease"
	"github.com/envdeck/envdeck/internal/provider"
)

// followStore is the Store as the follow-ups' worker sees it.
type followStore struct{ Store }

func (s followStore) Claim(ctx context.Context, c lease.Claim) (lease.Lease, FollowUp, bool, error) {
	return s.ClaimFollowUp(ctx, c)
}

func (s followStore) Renew(ctx context.Context, l lease.Lease, c lease.Claim) error {
	return s.RenewFollowUp(ctx, l, c)
}

// follow drives one follow-up until there is nothing to do for a while, and
// puts it down until then.
func (m *machine) follow(ctx context.Context, l lease.Lease, u FollowUp) error {
	f := &follower{m: m, l: l, u: u, s: m.sites[u.Project]}
	op, err := m.store.Operation(ctx, u.Operation)
	switch {
	case fault.Is(err, fault.NotFound), f.s == nil:
		f.u.LookAt, f.u.TellAt = time.Time{}, time.Time{}
		return f.save(ctx, nil)
	case err != nil:
		return err
	}
	f.op = op
	f.look(ctx)
	if err := f.tell(ctx); err != nil {
		return err
	}
	if err := f.save(ctx, nil); err != nil {
		return err
	}
	op.NewIssues, op.Reports = f.u.Issues, f.u.Reports
	m.tell(op)
	return nil
}

// follower is one follow-up being driven under a lease.
type follower struct {
	m  *machine
	l  lease.Lease
	s  *site
	u  FollowUp
	op Operation
}

func (f *follower) now() time.Time { return f.m.clock.Now() }

// save commits where it stands and puts it down, or keeps it where a call is
// about to be made.
func (f *follower) save(ctx context.Context, r *access.Receipt) error {
	return f.m.store.SaveFollowUp(ctx, f.l, SavedFollowUp{FollowUp: f.u, Now: f.now(), Wake: f.wake(), Receipt: r})
}

// wake is when to go on; zero when everything is done. Until the operation has
// ended there is a report to come.
func (f *follower) wake() time.Time {
	wake := f.u.LookAt
	if t := f.u.TellAt; !t.IsZero() && (wake.IsZero() || t.Before(wake)) {
		wake = t
	}
	return wake
}

// look asks for the new issues when it is time. What goes wrong is said, and
// what was known stays.
func (f *follower) look(ctx context.Context) {
	now := f.now()
	if f.u.Issues == nil || f.u.LookAt.IsZero() || now.Before(f.u.LookAt) {
		return
	}
	env, _ := f.s.Environment(f.u.Environment)
	if f.s.issues == nil || env.Sentry == "" {
		f.u.Issues.Problem, f.u.Issues.Settled, f.u.LookAt = "Nobody here knows issues any more.", true, time.Time{}
		return
	}
	ops, err := f.m.store.Operations(ctx, Query{Project: f.u.Project, Environment: f.u.Environment, Limit: DefaultList})
	if err != nil {
		f.u.LookAt = now.Add(lookSoon) // the database's trouble is not the source's
		return
	}
	until := followed(&f.u, &f.op, ops)
	limit, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	list, err := f.s.issues.NewIssues(limit, provider.IssueQuery{Environment: env.Sentry, Since: f.u.Since, Until: until, Limit: mostIssues})
	if ctx.Err() != nil {
		return // the lease or the process ends: that says nothing of the source
	}
	i := f.u.Issues
	i.Source = f.s.issuesFrom
	if !until.IsZero() {
		i.Until = &until
	}
	f.u.LookAt = nextLook(&f.op, until, now)
	i.Settled = f.u.LookAt.IsZero()
	if err != nil {
		i.Problem = sentence(err)
		if wait := fault.From(err).RetryAfter; !i.Settled && now.Add(wait).After(f.u.LookAt) {
			f.u.LookAt = now.Add(min(wait, longestRetry))
		}
		return
	}
	i.Problem, i.CheckedAt, i.Issues, i.Total, i.AtLeast = "", &now, issuesOf(list), list.Total, list.AtLeast
}

// tell goes on with the reports when the operation has ended.
func (f *follower) tell(ctx context.Context) error {
	now := f.now()
	first := f.op.EndedAt != nil && !f.u.Told // its end is what was waited for
	if f.u.TellAt.IsZero() || now.Before(f.u.TellAt) && !first {
		return nil
	}
	if f.op.EndedAt == nil {
		f.u.TellAt = now.Add(longestRetry) // its end wakes this up
		return nil
	}
	if !f.u.Told {
		env, _ := f.s.Environment(f.u.Environment)
		if f.s.recorder != nil && env.Sentry != "" {
			f.u.Reports = reportsOf(&f.op, f.s.recorderName, env.Sentry, f.u.Since)
		}
		f.u.Told = true
	}
	for i := range f.u.Reports {
		r := &f.u.Reports[i]
		if r.over() {
			continue
		}
		if f.s.recorder == nil {
			f.giveUp(r, "The configuration does not report deploys any more.")
			continue
		}
		again, err := f.report(ctx, r)
		if err != nil {
			return err
		}
		if !r.over() { // those after it wait: the recorder takes the newest for what is live
			f.u.TellAt = again
			return nil
		}
	}
	f.u.TellAt = time.Time{}
	return nil
}

// report tells one deploy; until when to wait where it is not over.
func (f *follower) report(ctx context.Context, r *DeployReport) (time.Time, error) {
	if f.now().Sub(*f.op.EndedAt) >= tellFor {
		f.giveUp(r, "It could not be told within "+tellFor.String()+", and is not tried any more. Last: "+r.Message)
		return time.Time{}, f.closed(ctx, r)
	}
	if r.State == ReportSending {
		if at := r.SentAt.Add(lostReport); f.now().Before(at) {
			r.Message = "The answer was lost. Its effect may still come, so nothing is sent again."
			return at, nil
		}
		return f.observe(ctx, r)
	}
	return f.send(ctx, r)
}

// observe reads what became of a call whose answer was lost.
func (f *follower) observe(ctx context.Context, r *DeployReport) (time.Time, error) {
	record, err := f.s.recorder.Deploys(ctx, r.Version)
	switch {
	case err != nil && ctx.Err() != nil:
		return time.Time{}, err
	case err != nil:
		return f.retry(r, err, "The answer was lost, and the record cannot be read. "), nil
	case has(record, r):
		return time.Time{}, f.done(ctx, r, "It is on record. (The answer had been lost.)")
	case record.Count != r.Before:
		f.giveUp(r, fmt.Sprintf("The answer was lost, and %d other deploy(s) of this version were recorded since, so nobody can tell whether this one is among them. It is not sent again.", record.Count-r.Before))
		return time.Time{}, f.closed(ctx, r)
	}
	r.State, r.Message = ReportWaiting, "The answer was lost, and the record shows that nothing was carried out. It is sent again."
	return f.send(ctx, r)
}

// send looks first, commits the intent, calls once and takes the answer.
func (f *follower) send(ctx context.Context, r *DeployReport) (time.Time, error) {
	if err := f.s.recorder.EnsureVersion(ctx, r.Version, r.FinishedAt); err != nil {
		return f.failed(ctx, r, err)
	}
	record, err := f.s.recorder.Deploys(ctx, r.Version)
	if err != nil {
		return f.failed(ctx, r, err)
	}
	if has(record, r) {
		return time.Time{}, f.done(ctx, r, "It is on record already.")
	}
	r.State, r.SentAt, r.Before = ReportSending, f.now(), record.Count
	r.Attempts++
	r.Message = "It is being sent."
	f.u.TellAt = r.SentAt.Add(lostReport)
	receipt, err := f.receipt(r, access.Requested)
	if err != nil {
		return time.Time{}, err
	}
	if err := f.m.store.SaveFollowUp(ctx, f.l, SavedFollowUp{FollowUp: f.u, Now: f.now(), Wake: f.wake(), Keep: true, Receipt: receipt}); err != nil {
		return time.Time{}, err // no intent, no call
	}
	f.m.point("report.before")
	err = f.s.recorder.RecordDeploy(ctx, r.Version, provider.Deploy{Environment: r.Environment, Name: r.Name, URL: r.URL, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt})
	f.m.point("report.after")
	switch {
	case err == nil:
		return time.Time{}, f.done(ctx, r, "It is on record.")
	case provider.OutcomeUnknown(err), ctx.Err() != nil:
		r.Message = "No certain answer: " + sentence(err) + " Looking at the record before anything else."
		return r.SentAt.Add(lostReport), nil
	}
	r.State = ReportWaiting
	return f.failed(ctx, r, err)
}

// failed is a call that was not carried out, for certain.
func (f *follower) failed(ctx context.Context, r *DeployReport, err error) (time.Time, error) {
	if ctx.Err() != nil {
		return time.Time{}, err
	}
	if k := fault.KindOf(err); k.Retryable() || k == fault.BadResponse || provider.OutcomeUnknown(err) {
		return f.retry(r, err, ""), nil
	}
	f.giveUp(r, sentence(err))
	return time.Time{}, f.closed(ctx, r)
}

func (f *follower) retry(r *DeployReport, err error, before string) time.Time {
	r.Tries++
	wait := retryAfter(r.Tries, fault.From(err).RetryAfter)
	r.Message = fmt.Sprintf("%s%s It is tried again in %s.", before, sentence(err), wait)
	return f.now().Add(wait)
}

func (f *follower) giveUp(r *DeployReport, why string) {
	now := f.now()
	r.State, r.Message, r.DoneAt = ReportGivenUp, hostile.Line(why, hostile.ErrorLimit), &now
}

func (f *follower) done(ctx context.Context, r *DeployReport, message string) error {
	now := f.now()
	r.State, r.Message, r.DoneAt, r.Tries = Reported, message, &now, 0
	return f.closed(ctx, r)
}

// closed commits a report that is over, with its audit entry when something
// was sent for it.
func (f *follower) closed(ctx context.Context, r *DeployReport) error {
	f.u.TellAt = f.now()
	result := access.Done
	switch {
	case r.State != Reported:
		result = access.Failed
		f.log(ctx, r)
	case r.Attempts == 0:
		return nil // it was there: nothing of envdeck's own is to be recorded
	}
	receipt, err := f.receipt(r, result)
	if err != nil {
		return err
	}
	return f.m.store.SaveFollowUp(ctx, f.l, SavedFollowUp{FollowUp: f.u, Now: f.now(), Wake: f.wake(), Keep: true, Receipt: receipt})
}

func (f *follower) log(ctx context.Context, r *DeployReport) {
	f.m.log.WarnContext(ctx, "a deploy could not be reported", "operation", f.u.Operation, "project", f.u.Project, "to", r.To, "version", hostile.Short(r.Version), "problem", r.Message)
}

func (f *follower) receipt(r *DeployReport, result access.Result) (*access.Receipt, error) {
	receipt, err := f.m.receipt(access.Automate, f.op, access.Note{
		Act: "report_deploy", Object: f.op.ID, Result: result,
		Detail: access.Detail{Operation: f.op.ID, To: r.To, Commit: r.Version, Rule: string(r.State)},
	})
	return &receipt, err
}

// has says whether a report's deploy is on record.
func has(record provider.DeployRecord, r *DeployReport) bool {
	return slices.ContainsFunc(record.Last, func(d provider.Deploy) bool { return d.Name == r.Name && d.Environment == r.Environment })
}

// follows makes the follow-up of an operation that is about to move an
// environment; nil where nobody wants one.
func (s *site) follows(op *Operation, environment string, now time.Time) *FollowUp {
	if op.Worker != nil || environment == "" || s.issues == nil && s.recorder == nil {
		return nil
	}
	u := &FollowUp{Operation: op.ID, Project: op.Project, Environment: op.Environment, Since: now}
	if s.issues != nil {
		u.Issues, u.LookAt = &NewIssues{Source: s.issuesFrom, Since: now}, now.Add(lookLive)
	}
	if s.recorder != nil {
		u.TellAt = now.Add(longestRetry)
	}
	return u
}
