package sentry

import (
	"testing"

	"github.com/envdeck/envdeck/internal/provider/outbound"
)

func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"data":[{"project":"web","environment":"production","count()":41},{"environment":null,"count()":3.0}]}`), `<u>; rel="next"; results="true"; cursor="0:100:0"`)
	f.Add([]byte(`{"data":[{"count()":1e400}]}`), `;;,=,rel="next";results="true"`)
	f.Fuzz(func(t *testing.T, body []byte, link string) {
		if w, err := outbound.Decode[eventsWire](body); err == nil {
			rows, err := w.rows()
			for _, r := range rows {
				if r.count < 0 || err != nil {
					t.Errorf("%+v, %v", r, err)
				}
			}
		}
		if cursor, more := nextCursor(link); cursor != "" && (!more || !outbound.Plain(cursor, 100)) {
			t.Errorf("cursor %q, more %v", cursor, more)
		}
	})
}
