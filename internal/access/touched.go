package access

import (
	"sync"
	"time"
)

// touched remembers whose last use was written down, so that the requests that
// arrive before the store's answer is renewed do not each write it again.
type touched struct {
	mu sync.Mutex
	at map[string]time.Time
}

// first says whether the caller is the one to write this minute's use.
func (t *touched) first(id string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.at[id]; ok && now.Sub(last) < usedEvery && !now.Before(last) {
		return false
	}
	t.at[id] = now
	return true
}

func (t *touched) sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, at := range t.at {
		if now.Sub(at) >= usedEvery {
			delete(t.at, id)
		}
	}
}
