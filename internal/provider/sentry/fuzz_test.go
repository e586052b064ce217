package sentry

import (
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/provider/outbound"
)

func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"data":[{"project":"web","environment":"production","count()":41},{"environment":null,"count()":3.0}]}`), `<u>; rel="next"; results="true"; cursor="0:100:0"`)
	f.Add([]byte(`{"data":[{"count()":1e400}]}`), `;;,=,rel="next";results="true"`)
	f.Add([]byte(`{"meta":{"start":1763719200000,"end":1763805600000},"timeSeries":[{"groupBy":[{"key":"environment","value":null}],"meta":{"interval":3600000},"values":[{"timestamp":1763719200000,"value":4}]}]}`), "")
	f.Fuzz(func(t *testing.T, body []byte, link string) {
		if w, err := outbound.Decode[eventsWire](body); err == nil {
			rows, err := w.rows()
			for _, r := range rows {
				if r.count < 0 || err != nil {
					t.Errorf("%+v, %v", r, err)
				}
			}
		}
		if w, err := outbound.Decode[seriesWire](body); err == nil {
			if day, err := w.day(); err == nil && (day.To.Sub(day.From) > mostHours*time.Hour || day.From.IsZero()) {
				t.Errorf("%+v", day)
			}
		}
		if cursor, more := nextCursor(link); cursor != "" && (!more || !outbound.Plain(cursor, 100)) {
			t.Errorf("cursor %q, more %v", cursor, more)
		}
	})
}
