package outbound

import (
	"net/http"
	"sync"
)

// Bounds of what is kept for asking "is it still so?".
const (
	tagCount = 64
	tagSize  = 256 << 10
)

// etags keeps the last answers that came with an ETag, by address. One client
// has one token, so the address is the whole key.
type etags struct {
	mu    sync.Mutex
	kept  map[string]Answer
	order []string
}

// tagged is what is held for one request; its zero value is nothing.
type tagged struct {
	old Answer
	ok  bool
}

func (t tagged) held() bool { return t.ok }

// answer is the old answer under the headers of the new one.
func (t tagged) answer(fresh *Answer) *Answer {
	return &Answer{Status: t.old.Status, Header: fresh.Header, Body: t.old.Body, RequestID: fresh.RequestID}
}

func (e *etags) use(on bool, req *http.Request) tagged {
	if !on || req.Method != http.MethodGet {
		return tagged{}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	old, ok := e.kept[req.URL.String()]
	if ok {
		req.Header.Set("If-None-Match", old.Header.Get("ETag"))
	}
	return tagged{old, ok}
}

func (e *etags) keep(on bool, req *http.Request, a *Answer) {
	if !on || req.Method != http.MethodGet || a.Header.Get("ETag") == "" || len(a.Body) > tagSize {
		return
	}
	key := req.URL.String()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.kept == nil {
		e.kept = map[string]Answer{}
	}
	if _, ok := e.kept[key]; !ok {
		if len(e.order) == tagCount {
			delete(e.kept, e.order[0])
			e.order = e.order[1:]
		}
		e.order = append(e.order, key)
	}
	e.kept[key] = *a
}
