package outbound

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/ratelimiter"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/envdeck/envdeck/internal/fault"
)

const (
	maxRetries = 2
	firstPause = 200 * time.Millisecond
	// longestPause is how long a retry waits inside a call; whoever must wait
	// longer is told so instead of being kept.
	longestPause = 2 * time.Second

	breakAfter = 5 // calls that failed, retries and all, one after the other
	breakFor   = 10 * time.Second

	atOnce    = 8
	queueWait = 5 * time.Second
)

// policies are the vendor's breaker, limiter and bulkhead, shared by all its
// calls. They work on answers that were read to their end rather than as a
// RoundTripper, so an answer cut off in the middle counts as a failure and is
// asked for again, and no abandoned body stays open.
type policies struct {
	reads   failsafe.Executor[*Answer] // GET
	queries failsafe.Executor[*Answer] // reads that are a POST: once
	writes  failsafe.Executor[*Answer]
	breaker circuitbreaker.CircuitBreaker[*Answer]
}

func newPolicies(conf Config) policies {
	breaker := circuitbreaker.NewBuilder[*Answer]().
		HandleIf(func(_ *Answer, err error) bool { return failureOf(err).trouble }).
		WithFailureThreshold(breakAfter).WithDelay(breakFor).Build()
	retry := retrypolicy.NewBuilder[*Answer]().
		HandleIf(func(_ *Answer, err error) bool { return failureOf(err).again }).
		WithMaxRetries(maxRetries).ReturnLastFailure().
		WithDelayFunc(func(e failsafe.ExecutionAttempt[*Answer]) time.Duration {
			pause := firstPause << (e.Attempts() - 1)
			return failureOf(e.LastError()).wait + pause/2 + rand.N(pause)
		}).Build()
	queue := bulkhead.NewBuilder[*Answer](atOnce).WithMaxWaitTime(queueWait).Build()

	reads := []failsafe.Policy[*Answer]{breaker, retry}
	queries := []failsafe.Policy[*Answer]{breaker}
	if conf.Rate > 0 {
		limiter := ratelimiter.NewBurstyBuilder[*Answer](conf.Rate, conf.Per).WithMaxWaitTime(queueWait).Build()
		reads, queries = append(reads, limiter), append(queries, limiter)
	}
	return policies{
		breaker: breaker,
		reads:   failsafe.With(append(reads, queue)...),
		queries: failsafe.With(append(queries, queue)...),
		// A write is a person's decision, and a rollback must not wait until
		// reads work again: no breaker, no limiter, no queue behind reads.
		writes: failsafe.With[*Answer](bulkhead.NewBuilder[*Answer](atOnce).Build()),
	}
}

// failureOf is the failure behind err; an empty one when there is none.
func failureOf(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return new(Failure)
}

// through picks the executor of a call.
func (c *Client) through(ctx context.Context, k *call, attempt func() (*Answer, error)) (*Answer, error) {
	executor := c.reads
	switch {
	case k.write:
		executor = c.writes
	case k.method != "GET":
		executor = c.queries
	}
	return executor.WithContext(ctx).Get(attempt)
}

// refine makes a fault of whatever came through the policies.
func (c *Client) refine(ctx context.Context, k *call, err error) *fault.Error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	held := c.failure(k, nil, "held back before it left")
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen):
		f := c.wrap(fault.Unavailable, held, "%s failed %d times in a row; envdeck asks again in a few seconds", c.conf.Title, breakAfter)
		f.RetryAfter = max(c.breaker.RemainingDelay(), time.Second)
		return f
	case errors.Is(err, bulkhead.ErrFull):
		return c.wrap(fault.Unavailable, held, "too many calls to %s wait for an answer", c.conf.Title)
	case errors.Is(err, ratelimiter.ErrExceeded):
		f := c.wrap(fault.RateLimited, held, "envdeck asks %s no more than %d times in %s, and that is used up", c.conf.Title, c.conf.Rate, c.conf.Per)
		f.RetryAfter = c.conf.Per
		return f
	default:
		return c.lost(ctx, k, err, false)
	}
}
