package usage_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/usage"
)

func TestWhatIsCountedIsShown(t *testing.T) {
	c := usage.New("1.2.3")
	c.Called("vercel", "/v9/projects/{id}", 200)
	c.Called("vercel", "/v9/projects/{id}", 200)
	c.Called("vercel", "/v9/projects/{id}", 0)
	c.Budget("github", provider.Budget{Name: "core", Limit: 5000, Remaining: 4999})
	c.Budget("github", provider.Budget{Name: "core", Limit: 5000, Remaining: 4998})
	c.Answered("GET /api/health", "GET", 200, time.Millisecond)
	c.Answered("none", "BREW\n", 404, time.Millisecond)

	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{
		`envdeck_provider_calls_total{provider="vercel",route="/v9/projects/{id}",status="200"} 2`,
		`envdeck_provider_calls_total{provider="vercel",route="/v9/projects/{id}",status="0"} 1`,
		`envdeck_provider_budget_remaining{limit="core",provider="github"} 4998`,
		`envdeck_http_request_seconds_count{method="GET",route="/api/health",status="200"} 1`,
		`envdeck_http_request_seconds_count{method="other",route="none",status="404"} 1`,
		`envdeck_build_info{version="1.2.3"} 1`,
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("the figures lack %s", line)
		}
	}
	if got := c.Budgets("github"); len(got) != 1 || got[0].Remaining != 4998 {
		t.Errorf("Budgets = %+v", got)
	}
}
