package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// Answer is what a face said to a request, kept for those who ask again.
type Answer struct {
	Status   int               `json:"status"`
	Header   map[string]string `json:"header,omitempty"` // what has to be repeated: Content-Type, Location
	Body     []byte            `json:"body,omitempty"`
	Replayed bool              `json:"-"` // it is the kept one
}

const (
	answersKept   = 24 * time.Hour
	maxIdempotent = 128              // length of a key
	answerWait    = 20 * time.Second // for a first request that is under way, in the machine's time: callers wait in it
	answerPoll    = 50 * time.Millisecond
	answerOver    = 10 * time.Minute // what began so long ago has ended, whatever became of it
)

// Idempotent runs do at most once for the actor's key and request, which is
// the method, the path and the body in one: whoever sends the same again, at the same time or within a day, gets the same answer.
// Conflict for the key with another request. When do fails, nothing is kept and
// the next one tries; answer a fault that is final as an Answer.
//
// A first request that never ended (its process was killed) leaves the key
// taken: nobody knows how far it came, so a repetition is a Conflict that says
// to look first. An empty key just runs do.
func (c *Control) Idempotent(ctx context.Context, a Actor, key string, request []byte, do func(context.Context) (Answer, error)) (Answer, error) {
	if key == "" {
		return do(ctx)
	}
	if len(key) > maxIdempotent || hostile.Line(key, maxIdempotent) != key {
		return Answer{}, fault.New(fault.Invalid, "An idempotency key has at most %d printable characters; a random UUID is usual.", maxIdempotent)
	}
	if !a.Known() {
		return Answer{}, fault.New(fault.Unauthenticated, "Nobody is signed in.")
	}
	sum := sha256.Sum256(request)
	now := c.now()
	claim := Claim{ActorID: a.ID, Key: key, BodyHash: hex.EncodeToString(sum[:]), CreatedAt: now, ExpiresAt: now.Add(answersKept)}
	patience := clock.Real()
	deadline := patience.Now().Add(answerWait)
	for {
		there, claimed, err := c.store.ClaimKey(ctx, claim)
		switch {
		case err != nil:
			return Answer{}, err
		case claimed:
			return c.answer(ctx, claim, do)
		case there.BodyHash != claim.BodyHash:
			return Answer{}, fault.New(fault.Conflict, "This idempotency key was used for another request. Make a new key for a new request.")
		case there.Answer != "":
			return c.replay(there)
		case !patience.Now().Before(deadline) || now.Sub(there.CreatedAt) > answerOver:
			return Answer{}, fault.New(fault.Conflict, "The first request with this idempotency key has not ended; it may have been cut off. Look at what it did before you send another one.")
		}
		if err := patience.Sleep(ctx, answerPoll); err != nil {
			return Answer{}, fault.Wrap(fault.Timeout, err, "The first request with this idempotency key is still under way.")
		}
	}
}

func (c *Control) answer(ctx context.Context, claim Claim, do func(context.Context) (Answer, error)) (Answer, error) {
	// Whoever hangs up must not leave the key half taken.
	after := context.WithoutCancel(ctx)
	answer, err := do(ctx)
	if err != nil {
		if rerr := c.store.ReleaseKey(after, claim); rerr != nil {
			c.log.WarnContext(ctx, "an idempotency key could not be released", "error", rerr)
		}
		return Answer{}, err
	}
	text, err := json.Marshal(answer)
	if err == nil {
		// Encrypted: the answer to "make a token" is the token.
		claim.Answer, err = c.keys.encrypt(text, claim.label())
	}
	if err == nil {
		err = c.store.AnswerKey(after, claim)
	}
	if err != nil {
		// The act is done and the answer is true; only a repetition will not get it.
		c.log.ErrorContext(ctx, "the answer to an idempotency key could not be kept", "error", err)
	}
	return answer, nil
}

func (k Claim) label() string { return "answer\x00" + k.ActorID + "\x00" + k.Key + "\x00" + k.BodyHash }

func (c *Control) replay(k Claim) (Answer, error) {
	text, err := c.keys.decrypt(k.Answer, k.label())
	if err != nil {
		return Answer{}, fault.Wrap(fault.Internal, err, "The kept answer to this idempotency key can not be read.")
	}
	var answer Answer
	if err := json.Unmarshal(text, &answer); err != nil {
		return Answer{}, fault.Wrap(fault.Internal, err, "The kept answer to this idempotency key can not be read.")
	}
	answer.Replayed = true
	return answer, nil
}
