package cloudflare

import (
	"testing"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"success":true,"errors":[],"result":{"deployments":[{"id":"1","created_on":"2026-11-21T10:00:00Z","versions":[{"version_id":"2","percentage":100}]}]}}`))
	f.Add([]byte(`{"data":{"viewer":{"accounts":[{"totals":[{"dimensions":{"scriptName":"b"},"sum":{"requests":12,"errors":6,"cpuTimeUs":1e300},"quantiles":{"wallTimeP50":-1}}],"hours":[{"dimensions":{"datetimeHour":"2026-11-21T10:00:00Z","scriptName":"b"},"sum":{"requests":1,"errors":1}}]}]}},"errors":null}`))
	f.Add([]byte(`{"data":null,"errors":[{"message":"unknown field"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if w, err := outbound.Decode[envelope[deploymentsWire]](body); err == nil {
			if result, err := w.open(); err == nil {
				all, err := result.deployments()
				for _, d := range all {
					if err != nil || len(d.Shares) == 0 || d.CreatedAt.IsZero() || len(d.Message) > messageLimit {
						t.Errorf("%+v, %v", d, err)
					}
				}
			}
		}
		_ = graphCode(body)
		w, err := outbound.Decode[graphAnswer](body)
		if err != nil {
			return
		}
		traffic := provider.WorkerTraffic{ByScript: map[string]provider.WorkerDay{}}
		if w.fill(&traffic) != nil {
			return
		}
		for name, day := range traffic.ByScript {
			if name == "" || day.Errors < 0 || day.Errors > day.Requests || day.WallP50 != nil && *day.WallP50 < 0 || day.CPU != nil && *day.CPU < 0 {
				t.Errorf("%q: %+v", name, day)
			}
		}
	})
}
