package sentry_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/provider/sentry"
	"github.com/envdeck/envdeck/internal/secret"
)

func block(base string, token secret.Text) any {
	return &sentry.Block{Org: "acme", Project: "web", Token: token, BaseURL: base}
}

func counts(ctx context.Context, api any) (map[string]int64, error) {
	return api.(provider.ErrorCounter).ErrorCounts(ctx, 24*time.Hour)
}

func TestContract(t *testing.T) {
	providertest.Suite{Kind: sentry.Kind(), Block: block, Calls: []providertest.Call{
		{Name: "error counts", Do: func(ctx context.Context, api any) error {
			_, err := counts(ctx, api)
			return err
		}},
		{Name: "error hours", Do: func(ctx context.Context, api any) error {
			_, err := api.(provider.ErrorCharter).ErrorHours(ctx)
			return err
		}},
		{Name: "new issues", List: true, Do: func(ctx context.Context, api any) error {
			_, err := api.(provider.IssueFinder).NewIssues(ctx, provider.IssueQuery{Environment: "production", Since: time.Now(), Limit: 5})
			return err
		}},
		{Name: "deploys", Do: func(ctx context.Context, api any) error {
			_, err := api.(provider.DeployRecorder).Deploys(ctx, "v1")
			return err
		}},
		{Name: "check", Do: func(ctx context.Context, api any) error { return api.(provider.Checker).Check(ctx) }},
	}}.Run(t)
}

func bubble(t *testing.T, h http.HandlerFunc, check func(*testing.T, *providertest.Bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { check(t, providertest.Open(t, sentry.Kind(), block, h)) })
}

func TestErrorCounts(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want map[string]int64
	}{
		"by environment": {`{"data":[{"project":"web","environment":"production","count()":41},{"project":"web","environment":"preview","count()":2}],"meta":{}}`, map[string]int64{"production": 41, "preview": 2}},
		"without one":    {`{"data":[{"environment":null,"count()":3},{"environment":"","count()":4}]}`, map[string]int64{"": 7}},
		"float":          {`{"data":[{"environment":"production","count()":41.0}]}`, map[string]int64{"production": 41}},
		"no errors":      {`{"data":[],"meta":{}}`, map[string]int64{}},
		"no count":       {`{"data":[{"environment":"production"}]}`, nil},
		"half an error":  {`{"data":[{"environment":"production","count()":1.5}]}`, nil},
		"negative":       {`{"data":[{"environment":"production","count()":-1}]}`, nil},
		"null count":     {`{"data":[{"environment":"production","count()":null}]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w http.ResponseWriter, r *http.Request) {
				want := "dataset=errors&field=project&field=environment&field=count%28%29&per_page=100&project=web&sort=-count%28%29&statsPeriod=24h"
				if r.URL.Path != "/api/0/organizations/acme/events/" || r.URL.RawQuery != want {
					t.Errorf("asked for %s?%s", r.URL.Path, r.URL.RawQuery)
				}
				_, _ = w.Write([]byte(c.body))
			}, func(t *testing.T, b *providertest.Bench) {
				got, err := counts(t.Context(), b.API)
				if c.want == nil {
					if f := b.Fault(t, err); f.Kind != fault.BadResponse {
						t.Errorf("%s, want bad_response", f.Kind)
					}
					return
				}
				if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
			})
		})
	}
}

func TestPagesAreAddedUp(t *testing.T) {
	link := func(results, cursor string) string {
		return fmt.Sprintf(`<http://127.0.0.1/x?cursor=0:0:1>; rel="previous"; results="false"; cursor="0:0:1", <http://127.0.0.2/steal>; rel="next"; results=%q; cursor=%q`, results, cursor)
	}
	for name, c := range map[string]struct {
		links    map[string]string // by cursor
		want     int64
		requests int64
		good     bool
	}{
		"one":        {map[string]string{"": link("false", "0:100:0")}, 1, 1, true},
		"no header":  {map[string]string{"": ""}, 1, 1, true},
		"three":      {map[string]string{"": link("true", "0:100:0"), "0:100:0": link("true", "0:200:0"), "0:200:0": link("false", "0:300:0")}, 3, 3, true},
		"circle":     {map[string]string{"": link("true", "0:100:0"), "0:100:0": link("true", "0:100:0")}, 0, 2, false},
		"no cursor":  {map[string]string{"": link("true", "")}, 0, 1, false},
		"odd cursor": {map[string]string{"": link("true", "a b&c")}, 0, 1, false},
		"page lost":  {map[string]string{"": link("true", "0:100:0")}, 0, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w http.ResponseWriter, r *http.Request) {
				header, ok := c.links[r.URL.Query().Get("cursor")]
				if !ok {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				w.Header().Set("Link", header)
				_, _ = w.Write([]byte(`{"data":[{"environment":"production","count()":1}]}`))
			}, func(t *testing.T, b *providertest.Bench) {
				got, err := counts(t.Context(), b.API)
				if c.good != (err == nil) || got["production"] != c.want || b.Requests.Load() != c.requests {
					t.Errorf("%v, %v after %d requests; want %+v", got, err, b.Requests.Load(), c)
				}
			})
		})
	}
}

func TestWindows(t *testing.T) {
	for window, want := range map[time.Duration]string{
		time.Hour: "1h", 24 * time.Hour: "24h", 90 * time.Minute: "90m", time.Minute: "1m", 61 * time.Second: "1m", time.Second: "",
	} {
		bubble(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.URL.Query().Get("statsPeriod"); got != want {
				t.Errorf("%v became %q, want %q", window, got, want)
			}
			_, _ = w.Write([]byte(`{"data":[]}`))
		}, func(t *testing.T, b *providertest.Bench) {
			_, err := b.API.(provider.ErrorCounter).ErrorCounts(t.Context(), window)
			if want == "" && !fault.Is(err, fault.Invalid) || want != "" && err != nil {
				t.Errorf("%v: %v", window, err)
			}
		})
	}
}

func TestBlock(t *testing.T) {
	token := secret.New("t")
	for name, c := range map[string]struct {
		block sentry.Block
		place string
	}{
		"good":       {sentry.Block{Org: "o", Project: "p", Token: token}, ""},
		"own server": {sentry.Block{Org: "o", Project: "1", Token: token, BaseURL: "https://sentry.example.com/"}, ""},
		"no org":     {sentry.Block{Project: "p", Token: token}, "sentry.org"},
		"odd org":    {sentry.Block{Org: "a/b", Project: "p", Token: token}, "sentry.org"},
		"no project": {sentry.Block{Org: "o", Token: token}, "sentry.project"},
		"all":        {sentry.Block{Org: "o", Project: "-1", Token: token}, "sentry.project"},
		"no token":   {sentry.Block{Org: "o", Project: "p"}, "sentry.token"},
		"plain http": {sentry.Block{Org: "o", Project: "p", Token: token, BaseURL: "http://sentry.io"}, "sentry.base_url"},
	} {
		err := c.block.Validate()
		if c.place == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if f := fault.From(err); f == nil || f.Kind != fault.Invalid || len(f.Places) != 1 || f.Places[0].Where != c.place {
			t.Errorf("%s: %+v, want a fault of %s", name, f, c.place)
		}
	}
}
